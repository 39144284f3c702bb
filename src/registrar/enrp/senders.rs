//! Who is at the other end of each ENRP association, and what the registrar's connects are for.

use crate::association::PeerAddress;
use crate::registrar::ConnectAttempt;
use crate::{AssociationId, RegistrarId};
use std::collections::BTreeMap;

/// Associations with registrars for each one that may be known: two, when both connect, and some that have not said yet
/// who they are.
pub(super) const ASSOCIATIONS_PER_PEER: usize = 4;

/// The other end of an ENRP association.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// Which contact the association was made for.
    contact: Option<u32>,
    /// Who it says it is.
    id: Option<RegistrarId>,
    /// It has been asked for a PRESENCE.
    asked: bool,
}

impl Sender {
    pub fn contact(&self) -> Option<u32> {
        self.contact
    }

    pub fn id(&self) -> Option<RegistrarId> {
        self.id
    }
}

/// What a message says about who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identified {
    /// There is no such association.
    Nobody,
    /// Whom the messages before named, too.
    Again,
    /// Named for the first time, over an association that was made for this contact, if for any.
    First(Option<u32>),
    /// Not whom the messages before named.
    Contradicts(RegistrarId),
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Senders(BTreeMap<AssociationId, Sender>);

impl Senders {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// An association has come up, perhaps made for a contact.
    pub fn add(&mut self, association: AssociationId, contact: Option<u32>) {
        self.0.insert(association, Sender { contact, ..Sender::default() });
    }

    pub fn remove(&mut self, association: AssociationId) -> Option<Sender> {
        self.0.remove(&association)
    }

    pub fn contact_of(&self, association: AssociationId) -> Option<u32> {
        self.0.get(&association)?.contact
    }

    /// A message over this association names its sender.
    pub fn identify(&mut self, association: AssociationId, id: RegistrarId) -> Identified {
        let Some(sender) = self.0.get_mut(&association) else { return Identified::Nobody };
        match sender.id {
            Some(known) if known != id => Identified::Contradicts(known),
            Some(_) => Identified::Again,
            None => {
                sender.id = Some(id);
                Identified::First(sender.contact)
            }
        }
    }

    pub fn was_asked(&self, association: AssociationId) -> bool {
        self.0.get(&association).is_some_and(|sender| sender.asked)
    }

    /// Notes that it is asked for a PRESENCE. False: it has been asked before, or is gone.
    pub fn ask(&mut self, association: AssociationId) -> bool {
        self.0.get_mut(&association).is_some_and(|sender| !std::mem::replace(&mut sender.asked, true))
    }

    /// Whoever has this identifier may be asked for a PRESENCE once more.
    pub fn may_be_asked_again(&mut self, id: RegistrarId) {
        self.0.values_mut().filter(|sender| sender.id == Some(id)).for_each(|sender| sender.asked = false);
    }

    /// The first association that came from outside and is with none of those that `known` names.
    pub fn first_unknown(&self, known: impl Fn(RegistrarId) -> bool) -> Option<AssociationId> {
        let unknown = |sender: &Sender| sender.contact.is_none() && !sender.id.is_some_and(&known);
        self.0.iter().find(|(_, sender)| unknown(sender)).map(|(&association, _)| association)
    }

    /// An association that was made for this contact, or is with this registrar at its place: anybody can name any identifier.
    pub fn find(
        &self,
        contact: u32,
        id: Option<RegistrarId>,
        is_there: impl Fn(AssociationId) -> bool,
    ) -> Option<AssociationId> {
        let names_it = |sender: &Sender| sender.id.is_some() && sender.id == id;
        let fits = |association, sender: &Sender| {
            sender.contact == Some(contact) || (names_it(sender) && is_there(association))
        };
        self.0.iter().find(|&(&association, sender)| fits(association, sender)).map(|(&association, _)| association)
    }
}

/// What a connect is for.
#[derive(Clone, Debug)]
pub(super) enum Connect {
    /// An address at which a registrar may be.
    Contact(u32),
    /// The elements behind this ASAP transport.
    Claim(PeerAddress),
}

/// The connects under way.
#[derive(Debug)]
pub(super) struct Connects {
    under_way: BTreeMap<ConnectAttempt, Connect>,
    next: u64,
}

impl Default for Connects {
    fn default() -> Connects {
        Connects { under_way: BTreeMap::new(), next: 1 }
    }
}

impl Connects {
    /// A new one.
    pub fn begin(&mut self, connect: Connect) -> ConnectAttempt {
        let attempt = ConnectAttempt(self.next);
        self.next += 1;
        self.under_way.insert(attempt, connect);
        attempt
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// It has come to something.
    pub fn end(&mut self, attempt: ConnectAttempt) -> Option<Connect> {
        self.under_way.remove(&attempt)
    }
}

//! The peer list: the registrars that said who they are (RFC 5353 section 3.4), and what is thought of each.

use super::audit::Audit;
use crate::association::PeerAddress;
use crate::wire::{ServerInformation, TransportParameter};
use crate::{AssociationId, RegistrarId, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Associations with one peer: two when both connected at the same time; a third one may come before the loss of an old
/// one is noticed.
const MAX_ASSOCIATIONS: usize = 4;

/// What is thought of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// It lives.
    Active,
    /// It has been silent for MAX-TIME-LAST-HEARD, or its association broke: it is being asked.
    Suspected,
    /// It seems dead; this registrar wants to take it over.
    Dead,
    /// It seems dead to another registrar, which wants to take it over ("not active").
    NotActive,
}

/// A peer, for a look from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Identifier, unique in the operational scope.
    pub id: RegistrarId,
    /// Where it is reached.
    pub address: Option<PeerAddress>,
    /// What is thought of it.
    pub state: PeerState,
    /// peer_last_heard.
    pub last_heard: Time,
    /// Whether there is an association with it.
    pub connected: bool,
}

/// Another registrar that said who it is.
#[derive(Debug)]
pub(super) struct Peer {
    address: Option<PeerAddress>,
    /// As it says it is reached.
    information: Option<ServerInformation>,
    /// Those with it. Everything to it goes over the first one, so that it stays in order.
    associations: Vec<AssociationId>,
    /// peer_last_heard.
    last_heard: Time,
    state: PeerState,
    audit: Audit,
}

/// What an association is to a peer that has sent a message over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// The first one for some time: what the peer sent meanwhile is lost.
    First,
    /// Nothing changes.
    Other,
}

/// What is left to a peer that has lost an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unbound {
    /// It is no peer.
    Unknown,
    /// Other associations.
    Others,
    /// No association.
    Nothing,
}

impl Peer {
    /// The association that carries everything to it.
    pub fn association(&self) -> Option<AssociationId> {
        self.associations.first().copied()
    }

    pub fn is_connected(&self) -> bool {
        self.association().is_some()
    }

    pub fn is_active(&self) -> bool {
        matches!(self.state, PeerState::Active | PeerState::Suspected)
    }

    pub fn state(&self) -> PeerState {
        self.state
    }

    pub fn last_heard(&self) -> Time {
        self.last_heard
    }

    pub fn associations(&self) -> &[AssociationId] {
        &self.associations
    }

    /// As it says it is reached.
    pub fn information(&self) -> Option<&ServerInformation> {
        self.information.as_ref()
    }

    /// Where it can be reached, as far as known.
    pub fn address(&self) -> Option<&PeerAddress> {
        self.address.as_ref()
    }

    fn info(&self, id: RegistrarId) -> PeerInfo {
        PeerInfo {
            id,
            address: self.address.clone(),
            state: self.state,
            last_heard: self.last_heard,
            connected: self.is_connected(),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<RegistrarId, Peer>);

/// Looking.
impl Peers {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, id: RegistrarId) -> bool {
        self.0.contains_key(&id)
    }

    pub fn get(&self, id: RegistrarId) -> Option<&Peer> {
        self.0.get(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (RegistrarId, &Peer)> {
        self.0.iter().map(|(&id, peer)| (id, peer))
    }

    /// For a look from outside.
    pub fn infos(&self) -> impl Iterator<Item = PeerInfo> {
        self.iter().map(|(id, peer)| peer.info(id))
    }

    /// The association that carries everything to a peer.
    pub fn association(&self, id: RegistrarId) -> Option<AssociationId> {
        self.get(id).and_then(Peer::association)
    }

    pub fn is_connected(&self, id: RegistrarId) -> bool {
        self.association(id).is_some()
    }

    /// The peers for which `wanted` holds, to be changed while they are walked through.
    pub fn ids(&self, wanted: impl Fn(&Peer) -> bool) -> BTreeSet<RegistrarId> {
        self.iter().filter(|(_, peer)| wanted(peer)).map(|(id, _)| id).collect()
    }
}

/// Coming and going.
impl Peers {
    /// A registrar that has sent a PRESENCE over an association.
    pub fn add(&mut self, now: Time, id: RegistrarId, association: AssociationId, audit: Audit) {
        let (address, information, state) = (None, None, PeerState::Active);
        let peer = Peer { address, information, associations: vec![association], last_heard: now, state, audit };
        self.0.insert(id, peer);
    }

    pub fn remove(&mut self, id: RegistrarId) -> Option<Peer> {
        self.0.remove(&id)
    }

    /// An association is with this peer.
    pub fn bind(&mut self, id: RegistrarId, association: AssociationId) -> Bound {
        let Some(peer) = self.0.get_mut(&id) else { return Bound::Other };
        if peer.associations.contains(&association) || peer.associations.len() >= MAX_ASSOCIATIONS {
            return Bound::Other;
        }
        peer.associations.push(association);
        if peer.associations.len() == 1 { Bound::First } else { Bound::Other }
    }

    /// An association with this peer is gone.
    pub fn unbind(&mut self, id: RegistrarId, association: AssociationId) -> Unbound {
        let Some(peer) = self.0.get_mut(&id) else { return Unbound::Unknown };
        peer.associations.retain(|&other| other != association);
        if peer.associations.is_empty() { Unbound::Nothing } else { Unbound::Others }
    }

    /// Where an association shows that a peer is.
    pub fn seen_at(&mut self, id: RegistrarId, address: PeerAddress) {
        if let Some(peer) = self.0.get_mut(&id) {
            peer.address = Some(address);
        }
    }

    /// Takes up what a peer says about itself.
    pub fn describe(&mut self, id: RegistrarId, information: &ServerInformation) {
        let known = self.0.get_mut(&id);
        let Some(peer) = known.filter(|peer| peer.information.as_ref() != Some(information)) else { return };
        peer.information = Some(information.clone());
        // Only addresses that the association proves to be its own (else it could have us connect to anybody).
        if let (Some(known), Some(named)) = (&peer.address, address_of(information)) {
            if named.addresses.iter().any(|address| known.addresses.contains(address)) {
                peer.address = Some(named);
            }
        }
    }
}

/// What a message or a PRESENCE of a peer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing: it was not doubted.
    Expected,
    /// It was doubted, and is not any more.
    Reassuring,
}

/// Living and dying.
impl Peers {
    /// Any message of a peer shows that it lives: it is not suspected any more.
    pub fn heard(&mut self, now: Time, id: RegistrarId) -> Sign {
        let Some(peer) = self.0.get_mut(&id) else { return Sign::Expected };
        peer.last_heard = now;
        if peer.state != PeerState::Suspected || !peer.is_connected() {
            return Sign::Expected;
        }
        peer.state = PeerState::Active;
        Sign::Reassuring
    }

    /// A peer says that it lives: nobody may take it over any more.
    pub fn revive(&mut self, id: RegistrarId) -> Sign {
        let Some(peer) = self.0.get_mut(&id).filter(|peer| !peer.is_active()) else { return Sign::Expected };
        peer.state = PeerState::Active;
        Sign::Reassuring
    }

    /// Thinks otherwise of a peer. None: it is no peer.
    pub fn judge(&mut self, id: RegistrarId, state: PeerState) -> Option<()> {
        self.0.get_mut(&id).map(|peer| peer.state = state)
    }

    /// The audit of its elements.
    pub fn audit(&mut self, id: RegistrarId) -> Option<&mut Audit> {
        self.0.get_mut(&id).map(|peer| &mut peer.audit)
    }
}

/// Where a registrar says that it is.
pub(super) fn address_of(information: &ServerInformation) -> Option<PeerAddress> {
    match &information.transport {
        TransportParameter::Sctp { port, addresses, .. } if *port != 0 && !addresses.is_empty() => {
            Some(PeerAddress { addresses: addresses.clone(), port: *port })
        }
        _ => None,
    }
}

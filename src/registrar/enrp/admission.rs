//! Which registrar a message comes from, and what it may change.
//!
//! Anybody can reach the ENRP port, and any message can name any sender. So:
//!
//! * Whoever only asks for lists and tables is answered. All that changes something here is taken from peers alone: registrars
//!   that have introduced themselves by PRESENCE.
//! * A peer is bound to its identifier and to where it was seen. Who names that identifier from elsewhere is an impostor, or the same
//!   registrar at a new place: its messages are ignored as long as the old one answers. A registrar of the settings has its
//!   identifier back from one that is not.
//! * With `peers_only` a registrar is a peer only where the settings (or the look-ups that they ask for) say that one is.
//!   Without, strangers from one host can be so many peers, and the places of those in the settings stay free.

use super::peers::PeerState;
use super::senders::Identified;
use super::{Phase, Registrar};
use crate::association::{PeerAddress, host_of};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::registrar::Step;
use crate::{AssociationId, RegistrarId};
use log::Level;
use std::fmt;

/// Peers at one host that no setting names.
const MAX_STRANGERS_PER_HOST: usize = 16;

/// What a sender is to this registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Peer,
    /// It has not introduced itself.
    Stranger,
}

/// Why a registrar is not taken as a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    NotInSettings,
    TooManyThere,
    TooMany,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NotInSettings => f.write_str("the settings do not name it, and allow no others"),
            Refused::TooManyThere => write!(f, "there are {MAX_STRANGERS_PER_HOST} of that host already"),
            Refused::TooMany => f.write_str("there are too many already"),
        }
    }
}

/// Who is there.
impl Registrar {
    /// Finds out who sent a message. None: it is not to be used.
    pub(super) fn identify(
        &mut self,
        association: AssociationId,
        id: RegistrarId,
        message: &EnrpMessage,
        step: &mut Step<'_>,
    ) -> Option<Standing> {
        if id == RegistrarId(0) {
            self.log_fault(step.now, association, &format_args!("{} without the sender's identifier", message.name()));
            self.count_fault(association, step);
            return None;
        }
        if id == self.id {
            self.met_own_identifier(association, message, step);
            return None;
        }
        match self.enrp.senders.identify(association, id) {
            Identified::Nobody => return None,
            Identified::Contradicts(known) => {
                let text = format_args!("{} says that it comes from {id:?}, not {known:?}: ignored", message.name());
                self.log_fault(step.now, association, &text);
                self.count_fault(association, step);
                return None;
            }
            Identified::Again | Identified::First(None) => {}
            Identified::First(Some(contact)) => self.contact_identified(contact, id, step),
        }
        if self.is_impostor(association, id) && !self.gives_identifier_back(association, id, step) {
            self.met_impostor(association, id, step);
            return None;
        }
        if self.enrp.peers.contains(id) {
            self.bind(id, association);
            self.heard(step.now, id);
            return Some(Standing::Peer);
        }
        if !matches!(message, EnrpMessage::Presence(_)) {
            self.ask_who_is_there(association, id, step);
        }
        Some(Standing::Stranger)
    }

    /// RFC 5353 section 3.4.1: a registrar that is not known yet is asked for its PRESENCE. It is a peer when it has answered: one
    /// that only asks, as `rserpool list` does, is answered and forgotten.
    fn ask_who_is_there(&mut self, association: AssociationId, id: RegistrarId, step: &mut Step<'_>) {
        if self.enrp.senders.was_asked(association) || self.refuses_as_peer(association).is_some() {
            return;
        }
        if self.enrp.senders.ask(association) {
            self.introduce(association, id, step);
        }
    }

    /// What would change something here comes from somebody who is no peer.
    pub(super) fn refuse_stranger(
        &mut self,
        association: AssociationId,
        id: RegistrarId,
        what: &EnrpMessage,
        step: &mut Step<'_>,
    ) {
        self.statistics.strangers_refused += 1;
        log_limited!(
            self.enrp.logs.strangers => self.host_at(association),
            step.now,
            Level::Warn,
            "registrar {}: {} of {id:?} at {}, which has not introduced itself by PRESENCE: ignored",
            self.id,
            what.name(),
            self.place_of(association)
        );
    }

    fn place_of(&self, association: AssociationId) -> PeerAddress {
        let nowhere = || PeerAddress { addresses: Default::default(), port: 0 };
        self.associations.get(association).map_or_else(nowhere, |association| association.address().clone())
    }
}

/// Identifiers that are somebody else's.
impl Registrar {
    /// Whether a peer has this identifier, and is not at the other end of this association.
    fn is_impostor(&self, association: AssociationId, id: RegistrarId) -> bool {
        let Some(peer) = self.enrp.peers.get(id) else { return false };
        !peer.associations().contains(&association)
            && !self.associations.get(association).is_some_and(|there| peer.is_at(there.address()))
    }

    /// A registrar of the settings need not wait for one that is not, and has its identifier.
    fn gives_identifier_back(&mut self, association: AssociationId, id: RegistrarId, step: &mut Step<'_>) -> bool {
        let holder = self.enrp.peers.get(id).and_then(|peer| peer.address());
        let holder_is_configured = holder.is_some_and(|holder| self.enrp.contacts.is_configured(holder));
        if holder_is_configured || !self.is_configured(association) {
            return false;
        }
        self.remove_peer(id, "the identifier is that of a registrar of the settings", step);
        true
    }

    /// Somebody names the identifier of a peer from another place. Should the peer have moved there, it does not answer at its old one:
    /// it is asked, unless it was heard a moment ago.
    fn met_impostor(&mut self, association: AssociationId, id: RegistrarId, step: &mut Step<'_>) {
        self.statistics.strangers_refused += 1;
        let Some(peer) = self.enrp.peers.get(id) else { return };
        log_limited!(
            self.enrp.logs.strangers => self.host_at(association),
            step.now,
            Level::Warn,
            "registrar {}: {} says that it is {id:?}, which is at {}: ignored as long as that one lives",
            self.id,
            self.place_of(association),
            peer.address().map_or_else(|| "another place".to_owned(), ToString::to_string)
        );
        let silent = step.now.saturating_since(peer.last_heard()) >= self.config.max_time_no_response;
        if peer.state() == PeerState::Active && silent && self.enrp.phase == Phase::Ready {
            self.suspect(id, step);
        }
    }
}

/// Who may be a peer.
impl Registrar {
    /// Whether the settings name the other end of an association.
    pub(super) fn is_configured(&self, association: AssociationId) -> bool {
        self.associations.get(association).is_some_and(|there| self.enrp.contacts.is_configured(there.address()))
            || self
                .enrp
                .senders
                .contact_of(association)
                .is_some_and(|contact| self.enrp.contacts.is_of_settings(contact))
    }

    fn refuses_as_peer(&self, association: AssociationId) -> Option<Refused> {
        let peers = &self.enrp.peers;
        let most = self.config.max_peers;
        if self.is_configured(association) {
            return (peers.len() >= most).then_some(Refused::TooMany);
        }
        if self.config.peers_only {
            return Some(Refused::NotInSettings);
        }
        let place = self.associations.get(association)?.address();
        let is_stranger_there =
            |known: &PeerAddress| is_same_host(known, place) && !self.enrp.contacts.is_configured(known);
        let there = peers.iter().filter(|(_, peer)| peer.address().is_some_and(is_stranger_there)).count();
        if there >= MAX_STRANGERS_PER_HOST {
            return Some(Refused::TooManyThere);
        }
        let expected = self.enrp.contacts.expected(|id| !peers.contains(id));
        (peers.len() + expected >= most).then_some(Refused::TooMany)
    }

    /// Whether the other end of an association may become a peer now; says so if not.
    pub(super) fn may_be_peer(&mut self, id: RegistrarId, association: AssociationId, step: &mut Step<'_>) -> bool {
        let Some(why) = self.refuses_as_peer(association) else { return true };
        self.statistics.strangers_refused += 1;
        log_limited!(
            self.enrp.logs.strangers => self.host_at(association),
            step.now,
            Level::Warn,
            "registrar {}: {id:?} at {} is not taken as a peer: {why}",
            self.id,
            self.place_of(association)
        );
        false
    }
}

/// Whether two places are on one host, or in one network where a host has as many addresses as it likes.
fn is_same_host(a: &PeerAddress, b: &PeerAddress) -> bool {
    a.addresses.iter().any(|a| b.addresses.iter().any(|b| host_of(*a) == host_of(*b)))
}

//! Messages with this registrar's own identifier: from itself, or from another one that has the same.
//!
//! Identifiers are unique in a scope (RFC 5353 section 3.1). Of two registrars with one, the younger gives way: the one that is
//! starting, and has found the other. Who serves already says so in the log and goes on: a stranger's word does not stop it.

use super::peers::address_of;
use super::{Phase, Registrar};
use crate::AssociationId;
use crate::association::PeerAddress;
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::Presence;
use crate::registrar::removal::Abort;
use crate::registrar::{Action, Step};
use log::Level;

impl Registrar {
    /// A message with our own identifier. Nothing good comes from talking to its sender.
    pub(super) fn met_own_identifier(
        &mut self,
        association: AssociationId,
        message: &EnrpMessage,
        step: &mut Step<'_>,
    ) {
        let namesake = if let EnrpMessage::Presence(presence) = message { self.namesake(presence) } else { None };
        match namesake {
            Some(address) => self.met_namesake(association, address, step),
            None => self.met_itself(association, step),
        }
    }

    /// Where another registrar is by its own words, if it has our identifier. None: this may be we ourselves.
    pub(super) fn namesake(&self, presence: &Presence) -> Option<PeerAddress> {
        let named = address_of(presence.server_information.as_ref()?)?;
        let own = &self.own_addresses.enrp_addresses;
        let is_here =
            named.port == self.config.enrp_port && named.addresses.iter().any(|address| own.contains(address));
        (presence.sender == self.id && !is_here).then_some(named)
    }

    fn met_namesake(&mut self, association: AssociationId, address: PeerAddress, step: &mut Step<'_>) {
        let (starts, was_sought) =
            (self.enrp.phase == Phase::Starting, self.enrp.senders.contact_of(association).is_some());
        if starts && !was_sought {
            // It came by itself: whether a registrar is where it comes from shows when it is sought there. What it says itself of its
            // addresses would have this registrar connect to anybody.
            let remember = self.remember_hearsay();
            let seen_at =
                self.associations.get(association).and_then(|there| there.address().addresses.first().copied());
            if let Some(seen_at) = seen_at {
                self.add_contact(step.now, PeerAddress::new(seen_at, address.port), None, remember);
            }
        } else {
            log_limited!(
                self.enrp.logs.contacts,
                step.now,
                Level::Error,
                "registrar {}: the registrar at {address} has the same identifier: one of them has to be started with another one",
                self.id
            );
            if starts {
                self.enrp.phase = Phase::Left;
                self.enrp.timers.stop_all();
                return step.push(Action::IdentifierTaken { by: address });
            }
        }
        // It is to know, too.
        if self.enrp.senders.ask(association) {
            self.introduce(association, self.id, step);
        } else {
            self.abort(association, Abort::OwnIdentifier, step);
        }
    }

    /// Somebody named us our own address, most likely.
    fn met_itself(&mut self, association: AssociationId, step: &mut Step<'_>) {
        if let Some(contact) = self.enrp.senders.contact_of(association) {
            self.enrp.contacts.meet(contact, self.id);
        }
        log_limited!(
            self.enrp.logs.contacts,
            step.now,
            Level::Warn,
            "registrar {}: {association:?} is with a registrar that has the same identifier, most likely this one itself",
            self.id
        );
        self.abort(association, Abort::OwnIdentifier, step);
    }
}

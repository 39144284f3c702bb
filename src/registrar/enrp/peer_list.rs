//! Registrars become peers, and cease to be (RFC 5353 section 3.4).

use super::audit::{Audit, Demand};
use super::peers::{Bound, PeerInfo, Unbound};
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::log_limit::log_limited;
use crate::message::enrp::Presence;
use crate::registrar::Step;
use crate::registrar::events::{About, EventKind};
use crate::{AssociationId, RegistrarId};
use log::Level;

impl Registrar {
    /// The registrar that sent a PRESENCE is a peer from now on. False: it may not be one.
    pub(super) fn add_peer(&mut self, id: RegistrarId, association: AssociationId, step: &mut Step<'_>) -> bool {
        if !self.may_be_peer(id, association, step) {
            return false;
        }
        self.end_inheritance(id, step);
        // Whoever introduces himself lives: an arbitration about elements without a home must not take his.
        self.stop_arbitration(step.now, id);
        let known_elements = self.handlespace.count_of_owner(id);
        let settled = step.now + self.settling_time();
        let known_before = self.enrp.phase == Phase::Ready && known_elements > 0;
        let audit = Audit::new(settled, if known_before { Demand::Audit } else { Demand::None });
        self.enrp.peers.add(step.now, id, association, audit);
        self.note_address(id, association);
        self.enrp.timers.set(Timer::Peer(id), step.now + self.config.max_time_last_heard);
        self.enrp.orphans.found(id);
        self.on_pulse_due(step);
        self.met_where_another_was(id, association, step);
        self.contact_done(id);
        self.statistics.peers_found += 1;
        self.events.note(step.now, EventKind::PeerFound, About::registrar(id), || "it has introduced itself".into());
        log_limited!(
            self.enrp.logs.peers => id,
            step.now,
            Level::Info,
            "registrar {}: {id:?} is a peer; {} are known",
            self.id,
            self.enrp.peers.len()
        );
        true
    }

    /// It may have come by itself from where another registrar was sought: that one is not there any more, as a place is one registrar's.
    fn met_where_another_was(&mut self, id: RegistrarId, association: AssociationId, step: &mut Step<'_>) {
        let there = self.associations.get(association).map(|association| association.address());
        if let Some(contact) = there.and_then(|address| self.enrp.contacts.find(address)) {
            self.contact_identified(contact, id, step);
        }
    }

    /// An association is with this peer.
    pub(super) fn bind(&mut self, id: RegistrarId, association: AssociationId) {
        if self.enrp.peers.bind(id, association) == Bound::First {
            // What it sent while there was none is lost, and a checksum does not show everything.
            if let Some(audit) = self.enrp.peers.audit(id) {
                audit.demand();
            }
            self.note_address(id, association);
            self.contact_done(id);
        }
    }

    fn note_address(&mut self, id: RegistrarId, association: AssociationId) {
        if let Some(association) = self.associations.get(association) {
            self.enrp.peers.seen_at(id, association.address().clone());
        }
    }

    /// An association with this peer is gone.
    pub(super) fn unbind(&mut self, id: RegistrarId, association: AssociationId, step: &mut Step<'_>) {
        match self.enrp.peers.unbind(id, association) {
            Unbound::Unknown => {}
            Unbound::Others => {
                // What was under way over it is lost, and a checksum does not show everything. An audit that is running goes on: the
                // peer would not begin its table anew.
                if let Some(audit) = self.enrp.peers.audit(id) {
                    audit.demand();
                }
                self.ask_for_presence(id, step);
            }
            Unbound::Nothing => {
                self.abandon_audit(id);
                self.on_link_lost(id, step);
            }
        }
    }

    /// Takes up what a peer says about itself.
    pub(super) fn update_peer(&mut self, id: RegistrarId, presence: &Presence) {
        if let Some(information) = presence.server_information.as_ref().filter(|info| info.id == id) {
            self.enrp.peers.describe(id, information);
        }
    }

    /// Strikes a peer off the list. It may come back: its address is remembered.
    pub(super) fn remove_peer(&mut self, id: RegistrarId, why: &str, step: &mut Step<'_>) {
        let Some(peer) = self.enrp.peers.remove(id) else { return };
        for timer in [Timer::Peer(id), Timer::Audit(id), Timer::Arbitration(id)] {
            self.enrp.timers.stop(timer);
        }
        self.enrp.arbitrations.end(id);
        self.enrp.disputes.end(id);
        self.enrp.senders.may_be_asked_again(id);
        self.statistics.peers_lost += 1;
        self.events.note(step.now, EventKind::PeerLost, About::registrar(id), || why.to_owned().into());
        log_limited!(
            self.enrp.logs.peers => id,
            step.now,
            Level::Warn,
            "registrar {}: {id:?} is no peer any more: {why}; {} are known",
            self.id,
            self.enrp.peers.len()
        );
        self.remember_lost(step.now, id, &peer);
        self.acknowledgement_not_expected(id, step);
    }

    /// The peers, for a look from outside.
    pub fn peers(&self) -> impl Iterator<Item = PeerInfo> {
        self.enrp.peers.infos()
    }
}

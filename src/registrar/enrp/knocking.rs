//! Knocking at the addresses at which a registrar may be, each until a registrar answers.

use super::Registrar;
use super::contacts::{Added, Contact};
use super::peers::{Peer, is_same_place};
use super::senders::Connect;
use super::timers::Timer;
use crate::association::{LossReason, PeerAddress};
use crate::log_limit::log_limited;
use crate::registrar::{Action, Link, Step};
use crate::round_trips::LONGEST;
use crate::{AssociationId, RegistrarId, Time};
use log::Level;
use std::time::Duration;

/// How long the address of a lost registrar is remembered at most: it may come back from behind a broken network.
const REMEMBER_LOST: Duration = Duration::from_secs(3600);
/// It is remembered for so many times as long as it was a peer: whoever only looked in is soon forgotten.
const REMEMBERED_LIVES: u32 = 8;

impl Registrar {
    /// A look-up names registrars beside those of the configuration.
    pub(in crate::registrar) fn on_peers_found(&mut self, now: Time, peers: &[PeerAddress]) {
        self.enrp.contacts.demote_not_in(now, peers);
        for address in peers {
            if let Some(number) = self.enrp.contacts.add_looked_up(address, &self.config) {
                self.enrp.timers.set(Timer::Contact(number), now);
            }
        }
    }

    /// Tries all addresses at once that are tried now and then.
    pub(in crate::registrar) fn knock_everywhere(&mut self, now: Time) {
        for number in self.enrp.contacts.begin_again(&self.config) {
            self.enrp.timers.set(Timer::Contact(number), now);
        }
    }

    /// Looks for a registrar at an address until `remember` is over, from now on.
    pub(super) fn add_contact(
        &mut self,
        now: Time,
        address: PeerAddress,
        id: Option<RegistrarId>,
        remember: Duration,
    ) -> Option<u32> {
        if self.config.peers_only && !self.enrp.contacts.is_configured(&address) {
            return None; // whoever is there cannot become a peer
        }
        let enrp = &mut self.enrp;
        match enrp.contacts.add_hearsay(address.clone(), id, now + remember, &self.config) {
            Added::Known(number) => Some(number),
            Added::New(number) => {
                enrp.timers.set(Timer::Contact(number), now);
                Some(number)
            }
            Added::NoRoom => {
                log_limited!(
                    enrp.logs.contacts => address,
                    now,
                    Level::Warn,
                    "registrar {}: too many addresses of registrars are known already: {address} is not tried",
                    self.id
                );
                None
            }
        }
    }

    /// How long an address is tried that somebody else named.
    pub(super) fn remember_hearsay(&self) -> Duration {
        self.config.max_time_no_response * 4
    }

    /// How long the address of a peer is remembered after its loss.
    pub(super) fn remember_peer(&self, now: Time, peer: &Peer) -> Duration {
        let lives = now.saturating_since(peer.since()).saturating_mul(REMEMBERED_LIVES);
        lives.min(REMEMBER_LOST).max(self.remember_hearsay())
    }

    /// Remembers where a lost registrar was.
    pub(super) fn remember_lost(&mut self, now: Time, id: RegistrarId, peer: &Peer) {
        let Some(address) = peer.address() else { return };
        let pause = self.config.peer_reconnect_min;
        let remember = self.remember_peer(now, peer);
        if let Some(number) = self.add_contact(now, address.clone(), Some(id), remember) {
            self.enrp.timers.set(Timer::Contact(number), now + pause);
        }
    }

    /// The last association with a peer is gone: tries to get a new one, at once unless they break all the time.
    pub(super) fn reconnect(&mut self, now: Time, id: RegistrarId, address: Option<PeerAddress>, remember: Duration) {
        let number = match self.enrp.contacts.find_id(id) {
            Some(number) => Some(number),
            None => address.and_then(|address| self.add_contact(now, address, Some(id), remember)),
        };
        let Some(number) = number else { return };
        if let Some(pause) = self.enrp.contacts.broke(now, number, remember, &self.config) {
            self.enrp.timers.set(Timer::Contact(number), now + pause);
        }
    }

    /// A hint that a lost peer is there again.
    pub(super) fn knock_now(&mut self, now: Time, id: RegistrarId) {
        if let Some(number) = self.enrp.contacts.find_id(id) {
            self.enrp.timers.set(Timer::Contact(number), now);
        }
    }

    /// Knocks: connects, or asks over an association that is still there.
    pub(super) fn on_contact_due(&mut self, number: u32, step: &mut Step<'_>) {
        let Some(contact) = self.enrp.contacts.get(number) else { return };
        let id = contact.id();
        if id == Some(self.id) || contact.is_connecting() {
            return;
        }
        if id.is_some_and(|id| self.enrp.peers.is_connected(id)) || contact.is_forgotten(step.now) {
            return self.enrp.contacts.dismiss(number);
        }
        let is_there = |association| {
            self.associations.get(association).is_some_and(|there| is_same_place(there.address(), contact.address()))
        };
        if let Some(association) = self.enrp.senders.find(number, id, is_there) {
            self.enrp.contacts.ask(number);
            self.introduce(association, id.unwrap_or_default(), step);
            return self.retry_contact(step.now, number);
        }
        let peer = contact.address().clone();
        let least = self.config.max_time_no_response;
        let timeout = (least * contact.patience()).min(LONGEST).max(least);
        self.enrp.contacts.connect(number);
        let attempt = self.enrp.connects.begin(Connect::Contact(number));
        step.push(Action::Connect { attempt, link: Link::Enrp, peer, timeout });
    }

    fn retry_contact(&mut self, now: Time, number: u32) {
        let Some(pause) = self.enrp.contacts.next_pause(number, &self.config) else { return };
        let jitter = self.random.within(pause / 4);
        self.enrp.timers.set(Timer::Contact(number), now + pause + jitter);
    }

    pub(super) fn on_contact_up(&mut self, number: u32, association: AssociationId, step: &mut Step<'_>) {
        self.enrp.contacts.connected(step.now, number);
        let id = self.enrp.contacts.get(number).and_then(Contact::id).unwrap_or_default();
        self.enrp.senders.ask(association);
        self.introduce(association, id, step);
        // Should nobody answer: this knocks again.
        self.retry_contact(step.now, number);
    }

    /// The association of a contact is gone. When a peer had been met there, `reconnect` does what is needed.
    pub(super) fn on_contact_lost(&mut self, now: Time, number: u32) {
        let met = self.enrp.contacts.get(number).and_then(Contact::id);
        if !met.is_some_and(|id| self.enrp.peers.contains(id)) {
            self.retry_contact(now, number);
        }
    }

    pub(super) fn on_contact_failed(&mut self, number: u32, reason: &LossReason, step: &mut Step<'_>) {
        let Some(contact) = self.enrp.contacts.failed(number) else { return };
        let id = contact.id();
        if let Some(failures) = contact.failures_to_tell() {
            let times = if failures > 1 { format!(", tried {failures} times") } else { String::new() };
            log_limited!(
                self.enrp.logs.contacts => *contact.address(),
                step.now,
                Level::Info,
                "registrar {}: no registrar can be reached at {}{times}: {reason}",
                self.id,
                contact.address()
            );
        }
        self.retry_contact(step.now, number);
        if let Some(id) = id {
            self.on_peer_unreachable(id, reason, step);
        }
        self.look_for_mentor(step);
    }

    /// Somebody answers at an address.
    pub(super) fn contact_identified(&mut self, number: u32, id: RegistrarId, step: &mut Step<'_>) {
        let Some(old) = self.enrp.contacts.meet(number, id).filter(|&old| old != id) else { return };
        if self.enrp.peers.get(old).is_some_and(|peer| !peer.is_connected()) {
            // It has restarted under a new identifier: the old one will not come back.
            log_limited!(
                self.enrp.logs.peers,
                step.now,
                Level::Warn,
                "registrar {}: {id:?} answers where {old:?} was",
                self.id
            );
            self.peer_is_dead(old, "another registrar has its address", step);
        }
    }

    /// A peer has been met: an address that was only for finding it has done its work.
    pub(super) fn contact_done(&mut self, id: RegistrarId) {
        let address = self.enrp.peers.get(id).and_then(Peer::address);
        if let Some(number) = self.enrp.contacts.done(id, address, &self.config) {
            self.enrp.timers.stop(Timer::Contact(number));
        }
    }
}

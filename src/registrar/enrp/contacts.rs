//! Addresses at which a registrar may be: configured ones, those that others told us, and those of registrars that were
//! lost and may come back. Each is knocked at until a registrar answers.

use super::peers::Peer;
use super::timers::Timer;
use super::{Connect, Registrar};
use crate::association::{LossReason, PeerAddress};
use crate::log_limit::log_limited;
use crate::registrar::{Action, Link, RegistrarConfig, Step};
use crate::{AssociationId, RegistrarId, Time};
use log::Level;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the address of a lost registrar is remembered: it may come back from behind a broken network.
const REMEMBER_LOST: Duration = Duration::from_secs(3600);
/// Addresses that nobody configured, for each registrar that may be known.
const CONTACTS_PER_PEER: usize = 2;

/// Where an address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// The settings: never given up.
    Settings,
    /// A look-up: not given up as long as it is named.
    LookUp,
    /// Other registrars, a datagram, or a registrar that was lost: forgotten after some time.
    Hearsay,
}

/// An address at which a registrar may be.
#[derive(Debug)]
pub(super) struct Contact {
    pub address: PeerAddress,
    /// Who is expected, or was met, there.
    pub id: Option<RegistrarId>,
    origin: Origin,
    connecting: bool,
    /// Tried at least once.
    tried: bool,
    /// The pause after the next failure.
    pause: Duration,
    /// When the last connection came up.
    up_since: Option<Time>,
    /// When it is forgotten.
    forget_at: Time,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    by_number: BTreeMap<u32, Contact>,
    next_number: u32,
    others: usize,
}

impl Contacts {
    /// Adds an address of the settings, unless it is there.
    pub fn add_configured(&mut self, address: &PeerAddress, config: &RegistrarConfig) -> Option<u32> {
        if self.find(address).is_some() || self.by_number.len() >= config.max_peers {
            return None;
        }
        Some(self.insert(address.clone(), None, Origin::Settings, Time::MAX, config))
    }

    fn insert(
        &mut self,
        address: PeerAddress,
        id: Option<RegistrarId>,
        origin: Origin,
        forget_at: Time,
        config: &RegistrarConfig,
    ) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        self.others += usize::from(origin == Origin::Hearsay);
        let pause = config.peer_reconnect_min;
        let (connecting, tried, up_since) = (false, false, None);
        let contact = Contact { address, id, origin, connecting, tried, pause, up_since, forget_at };
        self.by_number.insert(number, contact);
        number
    }

    pub fn get(&self, number: u32) -> Option<&Contact> {
        self.by_number.get(&number)
    }

    /// Makes an address that is there already, or not yet, one that a look-up named. Some: it is to be tried.
    fn add_looked_up(&mut self, address: &PeerAddress, config: &RegistrarConfig) -> Option<u32> {
        let Some(number) = self.find(address) else {
            let room = self.by_number.len() < config.max_peers.saturating_mul(CONTACTS_PER_PEER + 1);
            return room.then(|| self.insert(address.clone(), None, Origin::LookUp, Time::MAX, config));
        };
        if let Some(contact) = self.by_number.get_mut(&number).filter(|contact| contact.origin == Origin::Hearsay) {
            (contact.origin, contact.forget_at) = (Origin::LookUp, Time::MAX);
            self.others -= 1;
        }
        None
    }

    /// What look-ups named before and do not name any more is forgotten as soon as it is of no use.
    fn demote_not_in(&mut self, now: Time, addresses: &[PeerAddress]) {
        for contact in self.by_number.values_mut().filter(|contact| contact.origin == Origin::LookUp) {
            if !addresses.iter().any(|address| is_same_place(&contact.address, address)) {
                (contact.origin, contact.forget_at) = (Origin::Hearsay, now);
                self.others += 1;
            }
        }
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Contact> {
        self.by_number.get_mut(&number)
    }

    fn remove(&mut self, number: u32) {
        if self.by_number.remove(&number).is_some_and(|contact| contact.origin == Origin::Hearsay) {
            self.others -= 1;
        }
    }

    fn find(&self, address: &PeerAddress) -> Option<u32> {
        let same = |contact: &Contact| is_same_place(&contact.address, address);
        self.by_number.iter().find(|(_, contact)| same(contact)).map(|(&number, _)| number)
    }

    fn find_id(&self, id: RegistrarId) -> Option<u32> {
        self.by_number.iter().find(|(_, contact)| contact.id == Some(id)).map(|(&number, _)| number)
    }

    /// Whether an answer of somebody unknown may still come.
    pub fn any_pending(&self) -> bool {
        self.by_number.values().any(|contact| contact.connecting || !contact.tried)
    }
}

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

    /// Looks for a registrar at an address until `forget_at`, from now on.
    pub(super) fn add_contact(
        &mut self,
        now: Time,
        address: PeerAddress,
        id: Option<RegistrarId>,
        remember: Duration,
    ) -> Option<u32> {
        let forget_at = now + remember;
        let enrp = &mut self.enrp;
        if let Some(number) = enrp.contacts.find(&address) {
            if let Some(contact) = enrp.contacts.get_mut(number) {
                contact.forget_at = contact.forget_at.max(forget_at);
                contact.id = contact.id.or(id);
            }
            return Some(number);
        }
        if enrp.contacts.others >= self.config.max_peers.saturating_mul(CONTACTS_PER_PEER) {
            log_limited!(
                enrp.logs.contacts,
                now,
                Level::Warn,
                "registrar {}: too many addresses of registrars are known already: {address} is not tried",
                self.id
            );
            return None;
        }
        let number = enrp.contacts.insert(address, id, Origin::Hearsay, forget_at, &self.config);
        enrp.timers.set(Timer::Contact(number), now);
        Some(number)
    }

    /// How long an address is tried that somebody else named.
    pub(super) fn remember_hearsay(&self) -> Duration {
        self.config.max_time_no_response * 4
    }

    /// Remembers where a lost registrar was.
    pub(super) fn remember_lost(&mut self, now: Time, id: RegistrarId, address: PeerAddress) {
        let pause = self.config.peer_reconnect_min;
        if let Some(number) = self.add_contact(now, address, Some(id), REMEMBER_LOST) {
            self.enrp.timers.set(Timer::Contact(number), now + pause);
        }
    }

    /// The last association with a peer is gone: tries to get a new one, at once unless they break all the time.
    pub(super) fn reconnect(&mut self, now: Time, id: RegistrarId, address: Option<PeerAddress>) {
        let number = match self.enrp.contacts.find_id(id) {
            Some(number) => Some(number),
            None => address.and_then(|address| self.add_contact(now, address, Some(id), REMEMBER_LOST)),
        };
        let Some((number, contact)) = number.and_then(|n| Some((n, self.enrp.contacts.get_mut(n)?))) else { return };
        contact.forget_at = contact.forget_at.max(now + REMEMBER_LOST);
        if contact.connecting {
            return;
        }
        let stable =
            contact.up_since.is_none_or(|since| now.saturating_since(since) > self.config.max_time_no_response);
        let pause = if stable { Duration::ZERO } else { contact.pause };
        contact.pause = if stable { self.config.peer_reconnect_min } else { next_pause(pause, &self.config) };
        self.enrp.timers.set(Timer::Contact(number), now + pause);
    }

    /// Knocks: connects, or asks over an association that is still there.
    pub(super) fn on_contact_due(&mut self, number: u32, step: &mut Step<'_>) {
        let Some(contact) = self.enrp.contacts.get_mut(number) else { return };
        let (id, address) = (contact.id, contact.address.clone());
        let in_touch = id.and_then(|id| self.enrp.peers.get(&id)).is_some_and(|peer| peer.association().is_some());
        if id == Some(self.id) || contact.connecting {
            return;
        }
        if in_touch || contact.forget_at <= step.now {
            if contact.origin == Origin::Hearsay {
                self.enrp.contacts.remove(number);
            }
            return;
        }
        contact.tried = true;
        let open = self
            .enrp
            .senders
            .iter()
            .find(|(_, sender)| sender.contact == Some(number) || (sender.id.is_some() && sender.id == id));
        if let Some((&association, _)) = open {
            self.send_presence(association, id.unwrap_or_default(), true, step);
            return self.retry_contact(step.now, number);
        }
        contact.connecting = true;
        let attempt = self.enrp.attempt(Connect::Contact(number));
        let timeout = self.config.max_time_no_response;
        step.push(Action::Connect { attempt, link: Link::Enrp, peer: address, timeout });
    }

    fn retry_contact(&mut self, now: Time, number: u32) {
        let Some(contact) = self.enrp.contacts.get_mut(number) else { return };
        let pause = contact.pause;
        contact.pause = next_pause(pause, &self.config);
        let jitter = self.random.within(pause / 4);
        self.enrp.timers.set(Timer::Contact(number), now + pause + jitter);
    }

    pub(super) fn on_contact_up(&mut self, number: u32, association: AssociationId, step: &mut Step<'_>) {
        let mut id = RegistrarId(0);
        if let Some(contact) = self.enrp.contacts.get_mut(number) {
            contact.connecting = false;
            contact.up_since = Some(step.now);
            id = contact.id.unwrap_or_default();
        }
        if let Some(sender) = self.enrp.senders.get_mut(&association) {
            sender.asked = true;
        }
        self.send_presence(association, id, true, step);
        // Should nobody answer: this knocks again.
        self.retry_contact(step.now, number);
    }

    /// The association of a contact is gone. When a peer had been met there, `reconnect` does what is needed.
    pub(super) fn on_contact_lost(&mut self, now: Time, number: u32) {
        let met = self.enrp.contacts.get(number).and_then(|contact| contact.id);
        if met.is_none() || !met.is_some_and(|id| self.enrp.peers.contains_key(&id)) {
            self.retry_contact(now, number);
        }
    }

    pub(super) fn on_contact_failed(&mut self, number: u32, reason: &LossReason, step: &mut Step<'_>) {
        let Some(contact) = self.enrp.contacts.get_mut(number) else { return };
        contact.connecting = false;
        log_limited!(
            self.enrp.logs.contacts,
            step.now,
            Level::Info,
            "registrar {}: no registrar can be reached at {}: {reason}",
            self.id,
            contact.address
        );
        let id = contact.id;
        self.retry_contact(step.now, number);
        if let Some(id) = id {
            self.on_peer_unreachable(id, reason, step);
        }
        self.look_for_mentor(step);
    }

    /// Somebody answers at an address.
    pub(super) fn contact_identified(&mut self, number: u32, id: RegistrarId, step: &mut Step<'_>) {
        let Some(contact) = self.enrp.contacts.get_mut(number) else { return };
        let expected = contact.id.replace(id);
        let Some(old) = expected.filter(|&old| old != id) else { return };
        if self.enrp.peers.get(&old).is_some_and(|peer| peer.association().is_none()) {
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

    /// A peer has been met: an address that was only for finding it has done its work. It need not have been met there: when
    /// it connected first, its own address shows that this is the one.
    pub(super) fn contact_done(&mut self, id: RegistrarId) {
        let known = self.enrp.contacts.find_id(id);
        let Some(number) = known.or_else(|| self.nameless_contact_of(id)) else { return };
        let Some(contact) = self.enrp.contacts.get_mut(number) else { return };
        contact.pause = self.config.peer_reconnect_min;
        self.enrp.timers.stop(Timer::Contact(number));
        if contact.origin == Origin::Hearsay && !contact.connecting {
            self.enrp.contacts.remove(number);
        }
    }

    /// The address at which nobody was met yet, and from which a peer has connected.
    fn nameless_contact_of(&mut self, id: RegistrarId) -> Option<u32> {
        let address = self.enrp.peers.get(&id)?.address.as_ref()?;
        let number = self.enrp.contacts.find(address)?;
        let contact = self.enrp.contacts.get_mut(number).filter(|contact| contact.id.is_none())?;
        contact.id = Some(id);
        Some(number)
    }

    /// A message with our own identifier: somebody named us our own address, or another registrar has the same identifier.
    /// Nothing good comes from talking to it.
    pub(super) fn met_own_identifier(&mut self, association: AssociationId, step: &mut Step<'_>) {
        let contact = self.enrp.senders.get(&association).and_then(|sender| sender.contact);
        if let Some(contact) = contact.and_then(|number| self.enrp.contacts.get_mut(number)) {
            contact.id = Some(self.id);
        }
        log_limited!(
            self.enrp.logs.contacts,
            step.now,
            Level::Warn,
            "registrar {}: {association:?} is with a registrar that has the same identifier, most likely this one itself",
            self.id
        );
        self.abort(association, "the registrar at both ends has the same identifier", step);
    }
}

fn is_same_place(a: &PeerAddress, b: &PeerAddress) -> bool {
    a.port == b.port && a.addresses.iter().any(|address| b.addresses.contains(address))
}

impl Peer {
    /// Where it can be reached, as far as known.
    pub fn reachable_at(&self) -> Option<PeerAddress> {
        self.address.clone()
    }
}

/// Pauses double up to their limit.
fn next_pause(pause: Duration, config: &RegistrarConfig) -> Duration {
    (pause * 2).clamp(config.peer_reconnect_min, config.peer_reconnect_max)
}

//! Addresses at which a registrar may be: configured ones, those that others told us, and those of registrars that were
//! lost and may come back.

use super::peers::is_same_place;
use crate::association::PeerAddress;
use crate::registrar::RegistrarConfig;
use crate::{RegistrarId, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// Addresses that nobody configured, for each registrar that may be known.
pub(super) const CONTACTS_PER_PEER: usize = 2;

/// Connects to addresses that nobody configured which are begun within one longest pause, however many addresses there are: who once
/// came from somewhere, and hundreds did, is not worth more packets.
const KNOCKS_PER_LONGEST_PAUSE: u32 = 32;

/// Failures after which the log tells of an address for the second time; then after twice as many, and so on.
const TOLD_AGAIN: u32 = 16;

/// Each connect may take twice as long as the last one that failed, so many times.
const MOST_DOUBLINGS: u32 = 3;

/// Where an address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// The settings: not given up as long as they name it.
    Settings,
    /// A look-up: not given up as long as it is named.
    LookUp,
    /// Other registrars, a datagram, or a registrar that was lost: forgotten after some time.
    Hearsay,
}

/// An address at which a registrar may be.
#[derive(Debug)]
pub(super) struct Contact {
    address: PeerAddress,
    /// Who is expected, or was met, there.
    id: Option<RegistrarId>,
    origin: Origin,
    connecting: bool,
    /// Tried at least once.
    tried: bool,
    /// Connects that have failed since the last one that succeeded.
    failures: u32,
    /// The pause after the next failure.
    pause: Duration,
    /// When the last connection came up.
    up_since: Option<Time>,
    /// When it is forgotten.
    forget_at: Time,
}

impl Contact {
    pub fn address(&self) -> &PeerAddress {
        &self.address
    }

    pub fn id(&self) -> Option<RegistrarId> {
        self.id
    }

    pub fn is_connecting(&self) -> bool {
        self.connecting
    }

    /// Connects that have failed since the last one that succeeded, when they are worth a line: once, and then now and then.
    pub fn failures_to_tell(&self) -> Option<u32> {
        (self.failures == 1 || (self.failures >= TOLD_AGAIN && self.failures.is_power_of_two()))
            .then_some(self.failures)
    }

    /// How many times as long as the first connect the next one may take: it may be packets that got lost.
    pub fn patience(&self) -> u32 {
        1 << self.failures.min(MOST_DOUBLINGS)
    }

    fn is_of_settings(&self) -> bool {
        self.origin != Origin::Hearsay
    }

    /// Nobody has to be found there any more.
    pub fn is_forgotten(&self, now: Time) -> bool {
        self.forget_at <= now
    }
}

/// Where an address has got to that somebody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    New(u32),
    /// It was there already.
    Known(u32),
    /// There are too many.
    NoRoom,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    by_number: BTreeMap<u32, Contact>,
    next_number: u32,
    hearsay: usize,
}

/// Adding and forgetting.
impl Contacts {
    /// Makes an address that is there already, or not yet, one of the settings. Some: it is to be tried.
    pub fn add_configured(&mut self, address: &PeerAddress, config: &RegistrarConfig) -> Option<u32> {
        self.add_lasting(address, Origin::Settings, config)
    }

    /// The same for one that a look-up named.
    pub fn add_looked_up(&mut self, address: &PeerAddress, config: &RegistrarConfig) -> Option<u32> {
        self.add_lasting(address, Origin::LookUp, config)
    }

    fn add_lasting(&mut self, address: &PeerAddress, origin: Origin, config: &RegistrarConfig) -> Option<u32> {
        let Some(number) = self.find(address) else {
            let room = self.by_number.len() < config.max_peers.saturating_mul(CONTACTS_PER_PEER + 1);
            return room.then(|| self.insert(address.clone(), None, origin, Time::MAX, config));
        };
        if let Some(contact) = self.by_number.get_mut(&number).filter(|contact| contact.origin != Origin::Settings) {
            self.hearsay -= usize::from(contact.origin == Origin::Hearsay);
            (contact.origin, contact.forget_at) = (origin, Time::MAX);
        }
        None
    }

    /// Adds an address that somebody named, or keeps it for longer.
    pub fn add_hearsay(
        &mut self,
        address: PeerAddress,
        id: Option<RegistrarId>,
        forget_at: Time,
        config: &RegistrarConfig,
    ) -> Added {
        if let Some(number) = self.find(&address) {
            if let Some(contact) = self.by_number.get_mut(&number) {
                contact.forget_at = contact.forget_at.max(forget_at);
                contact.id = contact.id.or(id);
            }
            return Added::Known(number);
        }
        if self.hearsay >= config.max_peers.saturating_mul(CONTACTS_PER_PEER) {
            return Added::NoRoom;
        }
        Added::New(self.insert(address, id, Origin::Hearsay, forget_at, config))
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
        self.hearsay += usize::from(origin == Origin::Hearsay);
        let pause = config.peer_reconnect_min;
        let (connecting, tried, failures, up_since) = (false, false, 0, None);
        let contact = Contact { address, id, origin, connecting, tried, failures, pause, up_since, forget_at };
        self.by_number.insert(number, contact);
        number
    }

    /// What look-ups named before and do not name any more is forgotten as soon as it is of no use.
    pub fn demote_not_in(&mut self, now: Time, addresses: &[PeerAddress]) {
        self.demote(now, Origin::LookUp, addresses);
    }

    /// The same for what settings named before.
    pub fn demote_settings_not_in(&mut self, now: Time, addresses: &[PeerAddress]) {
        self.demote(now, Origin::Settings, addresses);
    }

    fn demote(&mut self, now: Time, origin: Origin, addresses: &[PeerAddress]) {
        for contact in self.by_number.values_mut().filter(|contact| contact.origin == origin) {
            if !addresses.iter().any(|address| is_same_place(&contact.address, address)) {
                (contact.origin, contact.forget_at) = (Origin::Hearsay, now);
                self.hearsay += 1;
            }
        }
    }

    /// An address is of no use (any more). Those of the settings and of look-ups stay.
    pub fn dismiss(&mut self, number: u32) {
        if self.by_number.get(&number).is_some_and(|contact| contact.origin == Origin::Hearsay) {
            self.by_number.remove(&number);
            self.hearsay -= 1;
        }
    }
}

/// Looking.
impl Contacts {
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    pub fn get(&self, number: u32) -> Option<&Contact> {
        self.by_number.get(&number)
    }

    /// The contact at this place.
    pub fn find(&self, address: &PeerAddress) -> Option<u32> {
        let same = |contact: &Contact| is_same_place(&contact.address, address);
        self.by_number.iter().find(|(_, contact)| same(contact)).map(|(&number, _)| number)
    }

    /// Whether an address is one of the settings, or of the look-ups that they ask for.
    pub fn is_configured(&self, address: &PeerAddress) -> bool {
        self.by_number.values().any(|contact| contact.is_of_settings() && is_same_place(&contact.address, address))
    }

    /// The same for the number of a contact.
    pub fn is_of_settings(&self, number: u32) -> bool {
        self.get(number).is_some_and(Contact::is_of_settings)
    }

    /// Registrars of the settings that have not been met, or that `missing` says are away.
    pub fn expected(&self, missing: impl Fn(RegistrarId) -> bool) -> usize {
        self.by_number.values().filter(|contact| contact.is_of_settings() && contact.id.is_none_or(&missing)).count()
    }

    pub fn find_id(&self, id: RegistrarId) -> Option<u32> {
        self.by_number.iter().find(|(_, contact)| contact.id == Some(id)).map(|(&number, _)| number)
    }

    /// Whether an answer of somebody unknown may still come.
    pub fn any_pending(&self) -> bool {
        self.by_number.values().any(|contact| contact.connecting || !contact.tried)
    }
}

/// Knocking.
impl Contacts {
    /// What failed so far need not fail now: the pauses are short again. Those at which nobody is knocking.
    pub fn begin_again(&mut self, config: &RegistrarConfig) -> Vec<u32> {
        let idle = self.by_number.iter_mut().filter(|(_, contact)| !contact.connecting);
        let begin = |(&number, contact): (&u32, &mut Contact)| {
            contact.pause = config.peer_reconnect_min;
            number
        };
        idle.map(begin).collect()
    }

    /// Somebody is asked over an association that is there already.
    pub fn ask(&mut self, number: u32) {
        if let Some(contact) = self.by_number.get_mut(&number) {
            contact.tried = true;
        }
    }

    /// A connect begins.
    pub fn connect(&mut self, number: u32) {
        if let Some(contact) = self.by_number.get_mut(&number) {
            (contact.tried, contact.connecting) = (true, true);
        }
    }

    /// It has succeeded.
    pub fn connected(&mut self, now: Time, number: u32) {
        if let Some(contact) = self.by_number.get_mut(&number) {
            (contact.connecting, contact.failures, contact.up_since) = (false, 0, Some(now));
        }
    }

    /// It has failed.
    pub fn failed(&mut self, number: u32) -> Option<&Contact> {
        let contact = self.by_number.get_mut(&number)?;
        contact.connecting = false;
        contact.failures = contact.failures.saturating_add(1);
        Some(contact)
    }

    /// The pause before the next try; they double.
    pub fn next_pause(&mut self, number: u32, config: &RegistrarConfig) -> Option<Duration> {
        let of_all =
            config.peer_reconnect_max / KNOCKS_PER_LONGEST_PAUSE * u32::try_from(self.hearsay).unwrap_or(u32::MAX);
        let contact = self.by_number.get_mut(&number)?;
        let pause = contact.pause;
        contact.pause = longer(pause, config);
        Some(if contact.origin == Origin::Hearsay { pause.max(of_all) } else { pause })
    }

    /// The association with somebody who was met there broke. The pause before a new one is tried: none, unless they break
    /// all the time. None: a connect is under way.
    pub fn broke(&mut self, now: Time, number: u32, remember: Duration, config: &RegistrarConfig) -> Option<Duration> {
        let contact = self.by_number.get_mut(&number)?;
        contact.forget_at = contact.forget_at.max(now + remember);
        if contact.connecting {
            return None;
        }
        let lasted = contact.up_since.is_none_or(|since| now.saturating_since(since) > config.max_time_no_response);
        let pause = if lasted { Duration::ZERO } else { contact.pause };
        contact.pause = if lasted { config.peer_reconnect_min } else { longer(pause, config) };
        Some(pause)
    }

    /// Somebody answers there; who was expected, or was met there before.
    pub fn meet(&mut self, number: u32, id: RegistrarId) -> Option<RegistrarId> {
        self.by_number.get_mut(&number)?.id.replace(id)
    }

    /// A registrar has become a peer: the number of the address at which it was to be found. It need not have been met there: when it
    /// connected first, its own address shows that this is the one.
    pub fn done(&mut self, id: RegistrarId, address: Option<&PeerAddress>, config: &RegistrarConfig) -> Option<u32> {
        let number = self.find_id(id).or_else(|| self.find_nameless(address?))?;
        let contact = self.by_number.get_mut(&number)?;
        contact.id = Some(id);
        contact.pause = config.peer_reconnect_min;
        if !contact.connecting {
            self.dismiss(number);
        }
        Some(number)
    }

    /// The contact at an address at which nobody was met yet.
    fn find_nameless(&self, address: &PeerAddress) -> Option<u32> {
        self.find(address).filter(|number| self.get(*number).is_some_and(|contact| contact.id.is_none()))
    }
}

/// Pauses double up to their limit.
fn longer(pause: Duration, config: &RegistrarConfig) -> Duration {
    (pause * 2).clamp(config.peer_reconnect_min, config.peer_reconnect_max)
}

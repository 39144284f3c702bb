//! The registrar core (RFC 5352 section 3, RFC 5353): a state machine without I/O.
//!
//! One file an idea. Types that own what they change and tell what comes of it are `associations.rs`, `registrations.rs`,
//! `waiting_registrations.rs`, `keep_alives.rs`, `departed.rs`, `second_opinions.rs`, `subscriptions.rs`, `silence.rs`, `sources.rs`,
//! `witnesses.rs` and those of `enrp/`; the other files add methods to [`Registrar`], which asks these types and routes. Every
//! change of the handlespace goes through `changes.rs`, which tells subscribers and peers.

mod access;
mod announce;
mod asap;
mod associations;
mod buffers;
mod changes;
mod coming_and_going;
mod config;
mod config_error;
mod departed;
mod deregistration;
mod enrp;
mod events;
mod held;
mod interface;
mod keep_alive;
mod keep_alives;
mod lateness;
mod own_addresses;
mod pool_updates;
mod reconfiguration;
mod refusals;
mod registration;
mod registrations;
mod removal;
mod reports;
mod resolution;
mod rsplib;
mod second_opinions;
mod silence;
mod silent;
mod sources;
mod statistics;
mod subscriptions;
mod unreachable;
mod waiting_registrations;
mod witnesses;

pub use config::{RegistrarConfig, UserAddresses, ValidatedConfig};
pub use config_error::{ConfigError, CountRange, TimeRange};
pub use enrp::{PeerInfo, PeerState};
pub use events::{EventKind, RegistrarEvent};
pub use held::{Held, WhenFull};
pub use interface::{Action, ConnectAttempt, Event, Link};
pub(crate) use lateness::LATE;
pub use own_addresses::OwnAddresses;
pub use statistics::Statistics;

use crate::handlespace::{ElementIndex, Handlespace, SeededState};
use crate::log_limit::LogLimit;
use crate::message::AsapMessage;
use crate::random::Random;
use crate::{AssociationId, RegistrarId, Time};
use announce::Announcer;
use associations::{Association, Associations};
use buffers::Buffers;
use departed::DepartedElements;
use enrp::{Enrp, Leave, Phase};
use events::Events;
use keep_alives::KeepAlives;
use registrations::Registrations;
use second_opinions::SecondOpinions;
use sources::Sources;
use subscriptions::Subscriptions;
use waiting_registrations::WaitingRegistrations;

/// One step of this core.
type Step<'a> = crate::step::Step<'a, Action>;

/// A registrar ("ENRP server").
///
/// Hand it what happens with [`Registrar::handle`] and do the actions; call it with [`Event::Timeout`] when
/// [`Registrar::next_deadline`] has come. The same seed and events give the same actions.
#[derive(Debug)]
pub struct Registrar {
    config: ValidatedConfig,
    id: RegistrarId,
    random: Random,
    handlespace: Handlespace,
    associations: Associations,
    sources: Sources,
    subscriptions: Subscriptions,
    registrations: Registrations,
    waiting_registrations: WaitingRegistrations,
    keep_alives: KeepAlives,
    departed: DepartedElements,
    second_opinions: SecondOpinions,
    own_addresses: OwnAddresses,
    announcer: Announcer,
    enrp: Enrp,
    statistics: Statistics,
    events: Events,
    logs: Logs,
    /// Elements chosen by the resolution under way; kept for its memory.
    selection: Vec<ElementIndex>,
    buffers: Buffers,
}

/// One limit for each kind of line.
#[derive(Debug, Default)]
struct Logs {
    associations: LogLimit,
    /// Silent connections that make room.
    room: LogLimit,
    faults: LogLimit,
    unexpected: LogLimit,
    registrations: LogLimit,
    refusals: LogLimit,
    removals: LogLimit,
    departures: LogLimit,
    limits: LogLimit,
    encoding: LogLimit,
}

impl Registrar {
    /// A registrar that knows no pool yet. Without peers in its settings it serves at once.
    pub fn new(config: ValidatedConfig, seed: u64, now: Time) -> Registrar {
        let mut random = Random::new(seed);
        let id = if config.id == RegistrarId(0) { RegistrarId(random.identifier()) } else { config.id };
        let hash_seed = random.next_u64();
        let mut registrar = Registrar {
            id,
            handlespace: Handlespace::new(hash_seed, config.max_pools, config.max_pool_elements)
                .with_policies(config.policies.clone()),
            associations: Associations::new(hash_seed),
            sources: Sources::new(&config, SeededState::new(hash_seed), now),
            subscriptions: Subscriptions::default(),
            registrations: Registrations::new(&config, id),
            waiting_registrations: WaitingRegistrations::new(now),
            keep_alives: KeepAlives::new(&config),
            departed: DepartedElements::default(),
            second_opinions: SecondOpinions::new(now),
            own_addresses: OwnAddresses::of(&config),
            announcer: Announcer::new(&config, id, now),
            enrp: Enrp::new(&config, hash_seed, now),
            statistics: Statistics::default(),
            events: Events::new(&config, now),
            logs: Logs::default(),
            selection: Vec::new(),
            buffers: Buffers::default(),
            random,
            config,
        };
        match registrar.enrp.phase() {
            Phase::Ready => registrar.begin_to_serve(now),
            _ => registrar.announcer.stop(),
        }
        registrar
    }

    /// Takes notice of an event and appends what is to be done to `actions`.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        if self.enrp.phase() == Phase::Left {
            return;
        }
        let step = &mut Step::new(now, actions);
        self.notice_absence(step);
        match event {
            Event::AssociationUp { link, association, attempt, peer } => {
                self.on_association_up(link, association, attempt, peer, step);
            }
            Event::Identified { association, identity } => self.on_identified(association, identity),
            Event::ConnectFailed { attempt, reason } => self.on_connect_failed(attempt, &reason, step),
            Event::AssociationLost { association, reason } => {
                self.on_association_lost(association, &reason, step);
            }
            Event::Message { association, ppid, bytes } => self.on_message(association, ppid, bytes, step),
            Event::Datagram { from, bytes } => self.on_datagram(from, bytes, step),
            Event::PeersFound { peers } => self.on_peers_found(now, peers),
            Event::AddressesChanged(addresses) => self.on_addresses_changed(addresses, step),
            Event::Reconfigured(config) => self.on_reconfigured(config, step),
            // Timers that blame others run here alone: what is handed in before may have waited for a late thread, and be what they
            // wait for.
            Event::Timeout => self.run_timers(step),
            Event::Shutdown => self.on_shutdown(step),
        }
        self.say_alive_if_due(step);
        if self.is_leaving() {
            self.leave_if_done(Leave::WithoutElements, step);
        }
    }

    /// Takes back the memory of an [`Action::Send`] that has been sent, for the next one. Nobody has to.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        self.buffers.give_back(bytes);
    }

    /// When to call [`Registrar::handle`] with [`Event::Timeout`] at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        let timer = self.handlespace.next_timer().map(|(at, _)| at);
        if self.enrp.phase() == Phase::Left {
            return None;
        }
        [
            timer,
            self.subscriptions.next_update(),
            self.announcer.next(),
            self.enrp.next_timer(),
            self.associations.next_look(),
            self.departed.next_look(),
            self.waiting_registrations.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn run_timers(&mut self, step: &mut Step<'_>) {
        while let Some((at, element)) = self.handlespace.next_timer() {
            if at > step.now {
                break;
            }
            self.on_element_timer_expired(element, step);
        }
        self.do_waiting_registrations(step);
        self.run_enrp_timers(step);
        self.send_due_updates(step);
        self.announce_if_due(step);
        self.end_silence(step);
        self.give_up_silent(step);
    }

    /// Whose doing it is what comes over an association.
    fn host_at(&self, association: AssociationId) -> u64 {
        self.associations.get(association).map_or(0, Association::host)
    }

    /// Encodes a message for an association.
    fn send(&mut self, association: AssociationId, message: &AsapMessage, step: &mut Step<'_>) {
        let mut bytes = self.buffers.take();
        match message.encode(&mut bytes) {
            Ok(()) => step.push(Action::Send { association, bytes }),
            Err(error) => crate::log_limit::log_limited!(
                self.logs.encoding,
                step.now,
                log::Level::Warn,
                "registrar {}: cannot encode {} for {association:?}: {error}; it is not sent",
                self.id,
                message.name()
            ),
        }
    }
}

/// For a look inside.
impl Registrar {
    /// Its identifier.
    pub fn id(&self) -> RegistrarId {
        self.id
    }

    /// Its settings.
    pub fn config(&self) -> &RegistrarConfig {
        &self.config
    }

    /// The handlespace: pools and elements.
    pub fn handlespace(&self) -> &Handlespace {
        &self.handlespace
    }

    /// Counters since the start.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// What has happened lately, behind the event of this number; all that is kept, for zero.
    pub fn events_after(&self, number: u64) -> impl DoubleEndedIterator<Item = &RegistrarEvent> {
        self.events.after(number)
    }

    /// The number of the last event; zero: there was none.
    pub fn last_event(&self) -> u64 {
        self.events.last()
    }

    /// How many associations it has, with whomever.
    pub fn association_count(&self) -> usize {
        self.associations.len()
    }

    /// How many subscriptions there are.
    pub fn subscription_count(&self) -> usize {
        self.subscriptions.len()
    }
}

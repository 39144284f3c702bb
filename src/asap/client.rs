//! The state of the client core, the entry for every event, and what goes where.

use super::cache::Cache;
use super::deregistration::Deregistration;
use super::hunt::Hunt;
use super::limits::RateLimit;
use super::link::Link;
use super::registrars::{Announced, Registrars};
use super::registration::Element;
use super::request::Place;
use super::resolution::{Report, Resolution};
use super::subscription::Subscription;
use super::timers::{Timer, Timers};
use super::{Action, AsapConfig, ConnectAttempt, Event, RequestId};
use crate::association::{PeerAddress, TransportKind};
use crate::collections::SortedMap;
use crate::log_limit::LogLimit;
use crate::message::AsapMessage;
use crate::random::Random;
use crate::step::Step;
use crate::wire::Decoded;
use crate::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// An element of our own: the pool it is in, and its identifier there.
pub(super) type ElementKey = (PoolHandle, PoolElementId);

/// Whether the core still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It does.
    Running,
    /// The last de-registrations are under way.
    Closing,
    /// Nothing follows.
    Closed,
}

/// The registrar that requests go to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HomeRegistrar<'a> {
    /// The association with it.
    pub association: AssociationId,
    /// How it is connected.
    pub kind: TransportKind,
    /// Its address.
    pub peer: &'a PeerAddress,
    /// Its identifier, when it told us.
    pub id: Option<RegistrarId>,
}

/// The client side of ASAP: what pool elements and pool users need of registrars.
///
/// Feed it every event and do its actions in their order; call it with [`Event::Timeout`] when [`AsapClient::next_deadline`]
/// has come. Its parts: the hunt for a registrar, the link to the home registrar, resolutions with their cache, and
/// registrations; each lives in a file of its own.
pub struct AsapClient {
    pub(super) config: AsapConfig,
    pub(super) now: Time,
    pub(super) random: Random,
    pub(super) timers: Timers,
    pub(super) phase: Phase,

    pub(super) registrars: Registrars,
    pub(super) hunt: Option<Hunt>,
    /// The present value of T5-Serverhunt.
    pub(super) t5: Duration,
    /// Where the next round of a hunt starts in the table of registrars.
    pub(super) hunt_start: usize,
    pub(super) next_attempt: ConnectAttempt,
    /// Rounds of hunts that have reached nobody, ever.
    pub(super) fruitless_rounds: u64,
    /// The log has a warning that no registrar can be reached since the last one could.
    pub(super) outage_told: bool,
    /// The link to the home registrar.
    pub(super) home: Option<Link>,
    /// Associations that others made to us, the oldest first.
    pub(super) inbound: VecDeque<Link>,
    /// H=1 adoptions: who may connect to us could otherwise make us re-register as often as it likes.
    pub(super) adoptions: RateLimit,

    pub(super) requests: SortedMap<RequestId, Place>,
    pub(super) resolutions: SortedMap<(PoolHandle, u64), Resolution>,
    /// The newest resolution of a pool whose answer may be shared.
    pub(super) shared_resolutions: SortedMap<PoolHandle, u64>,
    pub(super) next_resolution: u64,
    pub(super) subscriptions: SortedMap<PoolHandle, Subscription>,
    pub(super) cache: Cache,
    /// Unreachable reports of late: to be sent to the next registrar, and not to be cached again by an answer under way.
    pub(super) reports: VecDeque<Report>,
    pub(super) elements: SortedMap<ElementKey, Element>,
    pub(super) deregistrations: SortedMap<ElementKey, Deregistration>,

    log_limit: LogLimit,
    error_limit: RateLimit,
}

impl AsapClient {
    /// A core without any registrar connection. Equal seeds and events give equal actions.
    pub fn new(config: AsapConfig, seed: u64, now: Time) -> AsapClient {
        let config = config.sane();
        let registrars =
            Registrars::new(&config.static_registrars, &config.registrar_transports, config.max_registrars);
        let mut random = Random::new(seed);
        AsapClient {
            now,
            timers: Timers::default(),
            phase: Phase::Running,
            hunt: None,
            t5: config.t5_server_hunt,
            hunt_start: random.below(registrars.len() as u64) as usize,
            next_attempt: ConnectAttempt(0),
            fruitless_rounds: 0,
            outage_told: false,
            home: None,
            inbound: VecDeque::new(),
            adoptions: RateLimit::new(4, Duration::from_secs(1), now),
            requests: SortedMap::new(),
            resolutions: SortedMap::new(),
            shared_resolutions: SortedMap::new(),
            next_resolution: 0,
            subscriptions: SortedMap::new(),
            cache: Cache::new(config.max_cached_pools, config.max_cached_elements_per_pool),
            reports: VecDeque::new(),
            elements: SortedMap::new(),
            deregistrations: SortedMap::new(),
            log_limit: LogLimit::default(),
            error_limit: RateLimit::new(16, Duration::from_secs(1), now),
            random,
            registrars,
            config,
        }
    }

    /// Takes one event; what is to be done is appended to `actions`.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        if self.phase == Phase::Closed {
            return refuse_after_close(event, &mut Step::new(self.now, actions));
        }
        match event {
            Event::Request(id, request) => self.on_request(id, request, actions),
            Event::Cancel(id) => self.on_cancel(id, actions),
            Event::AssociationUp { association, attempt, peer, kind } => {
                self.on_association_up(Link::new(association, peer, kind, self.now), attempt, actions);
            }
            Event::ConnectFailed { attempt, reason } => self.on_connect_failed(attempt, &reason, actions),
            Event::AssociationLost { association, reason } => self.on_association_lost(association, &reason),
            Event::Message { association, ppid, bytes } => self.on_message(association, ppid, bytes, actions),
            Event::Announcement { from, bytes } => self.on_announcement(from, bytes, &mut Step::new(self.now, actions)),
            Event::Watch(pool_handle) => self.watch(&pool_handle, actions),
            Event::Unwatch(pool_handle) => self.unwatch(&pool_handle),
            // Timers run here alone: what is handed in before may have waited for a late thread, and be what they wait for.
            Event::Timeout => self.run_timers(actions),
            Event::Shutdown => self.on_shutdown(actions),
        }
        self.update_hunt(actions);
        if self.phase == Phase::Closing && (self.home.is_none() || self.deregistrations.is_empty()) {
            self.close(actions);
        }
    }

    /// When to call [`AsapClient::handle`] with [`Event::Timeout`] at the latest, whatever else happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        self.timers.next_deadline()
    }

    /// The home registrar, if there is one.
    pub fn home_registrar(&self) -> Option<HomeRegistrar<'_>> {
        let link = self.home.as_ref()?;
        let Link { association, kind, peer, registrar_id, .. } = link;
        Some(HomeRegistrar { association: *association, kind: *kind, peer, id: *registrar_id })
    }

    fn run_timers(&mut self, actions: &mut Vec<Action>) {
        for timer in self.timers.take_due(self.now) {
            match timer {
                Timer::Hunt => self.on_t5_server_hunt_expired(actions),
                Timer::Outdate => {
                    self.registrars.remove_outdated(self.now);
                    self.timers.set(Timer::Outdate, self.registrars.next_outdate());
                }
                Timer::Shutdown => {
                    let left = self.deregistrations.len();
                    log::warn!("shutdown: {left} de-registrations unanswered, these elements expire at the registrar");
                    self.deregistrations.clear();
                }
                Timer::Resolution(handle, number) => self.on_resolution_timer((handle, number), actions),
                Timer::Subscription(handle) => self.on_subscription_timer(&handle, actions),
                Timer::Element(handle, id) => self.on_element_timer((handle, id), actions),
                Timer::Deregistration(handle, id) => self.on_deregistration_timer((handle, id), actions),
            }
        }
    }

    fn on_announcement(&mut self, from: SocketAddr, bytes: &[u8], step: &mut Step<'_, Action>) {
        let message = match AsapMessage::decode(bytes) {
            Ok(Decoded { message: AsapMessage::ServerAnnounce(message), .. }) => message,
            Ok(_) => return self.log_peer(format_args!("datagram from {from} is no announcement: ignored")),
            Err(error) => return self.log_peer(format_args!("announcement from {from}: {error}: ignored")),
        };
        let id = message.registrar_id;
        match self.registrars.announced(step.now + self.config.t7_enrp_outdate, from, &message) {
            Announced::New => {
                // Bounded by the list of registrars and their T7.
                log::info!("registrar {id} announced itself from {from}");
                self.hunt_new_candidate(step.actions);
            }
            Announced::Known => {}
            Announced::Ignored(why) => {
                self.log_peer(format_args!("announcement of registrar {id} from {from} ignored: {why}"));
            }
        }
        self.timers.set(Timer::Outdate, self.registrars.next_outdate());
    }

    fn on_shutdown(&mut self, actions: &mut Vec<Action>) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Closing;
        self.cancel_all(actions);
        if self.home.as_ref().is_some_and(Link::is_sctp) {
            let registered = std::mem::take(&mut self.elements).into_iter().filter(|(_, element)| element.known);
            for (key, _) in registered.collect::<Vec<_>>() {
                self.deregister_for_shutdown(key, actions);
            }
        } else {
            self.deregistrations.clear();
        }
        self.elements.clear();
        self.subscriptions.clear();
        self.timers.clear();
        self.timers.set(Timer::Shutdown, Some(self.now + self.config.shutdown_timeout));
    }

    fn close(&mut self, actions: &mut Vec<Action>) {
        self.end_hunt(actions);
        for link in self.home.take().into_iter().chain(std::mem::take(&mut self.inbound)) {
            actions.push(Action::Shutdown { association: link.association });
        }
        self.deregistrations.clear();
        self.timers.clear();
        self.phase = Phase::Closed;
        actions.push(Action::ShutdownComplete);
    }

    /// Logs something that a peer can cause, at a bounded rate.
    pub(super) fn log_peer(&mut self, text: std::fmt::Arguments<'_>) {
        match self.log_limit.allow(self.now) {
            None => {}
            Some(0) => log::warn!("{text}"),
            Some(suppressed) => log::warn!("{text} ({suppressed} more lines suppressed before)"),
        }
    }

    /// Whether one more ASAP_ERROR may be sent.
    pub(super) fn may_report(&mut self) -> bool {
        self.error_limit.pass(self.now).is_some()
    }
}

fn refuse_after_close(event: Event<'_>, step: &mut Step<'_, Action>) {
    match event {
        Event::Request(request, _) => {
            step.push(Action::Complete { request, result: Err(super::RequestError::Cancelled) });
        }
        Event::AssociationUp { association, .. } => {
            step.push(Action::Abort { association, reason: "the endpoint is shut down" });
        }
        _ => {}
    }
}

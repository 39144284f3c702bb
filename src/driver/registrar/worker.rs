//! The thread of a registrar: waits, polls its endpoints in turn, does what the core wants done.

mod receiver;
mod requests;
mod stop;

use super::control::Request;
use super::dns::PeerLookup;
use super::endpoints::{Endpoints, Key};
use super::metrics::RegistrarMetrics;
use super::reports::Reports;
use super::signals::StopSignals;
use super::state::{RegistrarCore, State};
use super::{PeerNames, Witness};
use crate::driver::address_changes::AddressChanges;
use crate::driver::clock;
use crate::driver::poller::{Poller, Waker};
use crate::registrar::{Action, Link};
use crate::transport::LONGEST_WAIT;
use crate::{AssociationId, Time};
use crossbeam_channel::Receiver;
use parking_lot::{Mutex, MutexGuard};
use receiver::{Receiving, receive};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stop::Phase;

/// How often a running registrar logs its metrics.
const METRICS_INTERVAL: Duration = Duration::from_secs(60);
/// How often timers that wait for the receiver are looked at.
const BEHIND_PAUSE: Duration = Duration::from_millis(1);
/// The key of the signal descriptor; endpoints have small keys.
const SIGNAL_KEY: u64 = 1 << 32;
/// The key of what tells that this host's addresses change.
const ADDRESSES_KEY: u64 = 1 << 33;

/// A registrar takes lateness for a stop of its own: timers that wait on purpose must be less late than that.
const _: () = assert!(crate::registrar::LATE.as_nanos() > LONGEST_WAIT.as_nanos());

/// What other threads share with a running registrar.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    /// Together with `stop`: do not stop in order.
    pub(super) kill: AtomicBool,
    pub(super) metrics: Mutex<RegistrarMetrics>,
}

pub(super) struct Worker<C: RegistrarCore> {
    state: State<C>,
    endpoints: Endpoints,
    poller: Arc<Poller>,
    waker: Waker,
    /// Until when the thread in [`serve`] waits.
    sleeps_until: Option<Time>,
    /// The time never goes back.
    latest: Time,
    /// The thread in [`receive`] got all that one call takes: more is waiting.
    receiver_is_behind: bool,
    /// Why it cannot go on: the thread in [`receive`] ended early, or the core has given way.
    broken: Option<io::Error>,
    signals: Option<StopSignals>,
    lookup: Option<PeerLookup>,
    addresses: AddressChanges,
    reports: Option<Reports>,
    shared: Arc<Shared>,
    stop_timeout: Duration,
    phase: Phase,
    phase_end: Time,
    /// What is being closed; associations that come later find nobody.
    closing: Vec<AssociationId>,
    next_metrics: Time,
    ready: Vec<u64>,
    witness: Box<dyn Witness>,
    /// It has been told that the core answers pool users.
    has_told_ready: bool,
    /// The last event that it was told of, if it wants to be.
    told_events: u64,
    next_sign_of_life: Option<Time>,
    /// What other threads ask.
    requests: Option<Receiver<Request<C>>>,
}

/// Waits for everything but what a receiver brings, round after round.
fn serve<C: RegistrarCore>(worker: &Mutex<Worker<C>>, poller: &Poller) -> io::Result<()> {
    // Read once a round: a wait that begins with the time of the last round takes too long by as much as that took.
    let mut now = clock::now();
    let mut ready = Vec::new();
    loop {
        let deadline = {
            let mut worker = worker.lock();
            if let Some(error) = worker.broken.take() {
                return Err(error);
            }
            if worker.phase == Phase::Done {
                return Ok(());
            }
            worker.sleeps_until = worker.next_deadline();
            worker.sleeps_until
        };
        ready.clear();
        poller.wait(now, deadline, &mut ready)?;
        now = clock::now();
        let mut worker = worker.lock();
        std::mem::swap(&mut worker.ready, &mut ready);
        if let Some(due) = deadline.filter(|due| *due != Time::ZERO && *due <= now) {
            worker.state.on_timers_late(now.saturating_since(due));
        }
        worker.round(now);
        MutexGuard::unlock_fair(worker);
    }
}

impl<C: RegistrarCore> Worker<C> {
    pub(super) fn new(core: C, endpoints: Endpoints, stop_timeout: Duration) -> io::Result<Worker<C>> {
        let poller = Arc::new(Poller::new()?);
        endpoints.add_to(&poller)?;
        #[cfg_attr(not(feature = "tls"), allow(unused_mut))]
        let mut state = State::new(core);
        #[cfg(feature = "tls")]
        {
            state.identities = endpoints.identities.clone();
        }
        Ok(Worker {
            state,
            endpoints,
            waker: poller.waker(),
            sleeps_until: None,
            latest: Time::ZERO,
            receiver_is_behind: false,
            broken: None,
            signals: None,
            lookup: None,
            addresses: AddressChanges::watch(&poller, ADDRESSES_KEY),
            reports: None,
            shared: Arc::default(),
            stop_timeout,
            phase: Phase::Running,
            phase_end: Time::MAX,
            closing: Vec::new(),
            next_metrics: clock::now() + METRICS_INTERVAL,
            ready: Vec::new(),
            witness: Box::new(()),
            has_told_ready: false,
            told_events: 0,
            next_sign_of_life: None,
            requests: None,
            poller,
        })
    }

    /// Stops in order at the first signal, at once at the second.
    pub(super) fn stop_on(&mut self, signals: StopSignals) -> io::Result<()> {
        self.poller.add(signals.as_raw_fd(), SIGNAL_KEY)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// Reports its status from now on.
    pub(super) fn report(&mut self, reports: Reports) {
        self.reports = Some(reports);
    }

    /// Looks other registrars up from now on, and waits a bounded time for the first answer: a registrar that knows its
    /// peers when it starts need not start alone.
    pub(super) fn find_peers(&mut self, names: &PeerNames) -> io::Result<()> {
        self.lookup = PeerLookup::start(names, self.poller.waker())?;
        if let Some(lookup) = &self.lookup {
            lookup.wait(names.start_timeout);
        }
        self.take_found_peers(clock::now());
        Ok(())
    }

    fn take_found_peers(&mut self, now: Time) {
        if let Some(mut peers) = self.lookup.as_ref().and_then(PeerLookup::take) {
            self.endpoints.retain_others(&mut peers);
            self.state.on_peers_found(now, &peers);
        }
    }

    fn follow_addresses(&mut self, now: Time) {
        if self.addresses.take(now, &self.ready).is_some() {
            self.state.on_addresses_changed(now, self.endpoints.own_addresses());
        }
    }

    pub(super) fn shared(&self) -> (Arc<Shared>, Waker) {
        (Arc::clone(&self.shared), self.poller.waker())
    }

    /// Serves until it is told to stop.
    pub(super) fn run(mut self) -> io::Result<()>
    where
        C: Send,
    {
        let poller = Arc::clone(&self.poller);
        let receiver = self.endpoints.detach_receiver();
        let receiving = receiver.map(|(number, receiver)| Receiving::new(number, receiver)).transpose()?;
        let worker = Mutex::new(self);
        let stopped = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let mut waker = None;
            if let Some(receiving) = receiving {
                waker = Some(receiving.waker());
                let (worker, stopped) = (&worker, &stopped);
                let thread = std::thread::Builder::new().name("receiver".to_owned());
                thread.spawn_scoped(scope, move || receive(worker, receiving, stopped))?;
            }
            let served = serve(&worker, &poller);
            stopped.store(true, Ordering::Release);
            if let Some(waker) = waker {
                waker.wake();
            }
            served
        })?;
        let worker = worker.lock();
        if let Some(reports) = &worker.reports {
            reports.send_last(clock::now());
        }
        log::info!("the registrar has stopped: {}", worker.state.metrics());
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        let report = self.reports.as_ref().map(Reports::next_deadline);
        let mut timer = self.state.core.next_timer();
        if self.receiver_is_behind {
            // It wants the lock more than this thread, which could only look whether it has come to an end.
            timer = timer.map(|at| at.max(self.latest + BEHIND_PAUSE));
        }
        let state = if self.state.core.has_news() { Some(Time::ZERO) } else { timer };
        let addresses = self.addresses.next_deadline();
        let sign = self.next_sign_of_life;
        let due = [self.endpoints.next_deadline(), state, Some(self.next_metrics), report, addresses, sign];
        let due = due.into_iter().flatten().min();
        if self.phase == Phase::Running { due } else { due.map(|at| at.min(self.phase_end)) }
    }

    fn round(&mut self, now: Time) {
        let now = self.latest.max(now);
        self.latest = now;
        self.check_stop(now);
        if self.phase == Phase::Done {
            return;
        }
        let received = self.state.messages_received();
        self.poll_endpoints(now);
        for side in [Link::Asap, Link::Enrp] {
            self.endpoints.share_send_queues(side, self.state.count(side));
        }
        self.poll_enrp_group(now);
        self.take_found_peers(now);
        self.follow_addresses(now);
        self.take_request(now);
        let more = self.receiver_is_behind || self.endpoints.transports.iter().any(|endpoint| endpoint.more);
        self.state.core.report_news(now);
        self.state.core.run_timers(now, more);
        self.perform(now);
        self.note_done(now, received);
        self.advance_stop(now);
        self.tell_if_ready();
        self.tell_events();
        self.give_sign_of_life(now);
        self.publish_metrics();
        if let Some(reports) = &mut self.reports {
            reports.send_if_due(now, || self.state.status());
        }
        if now >= self.next_metrics {
            self.next_metrics = now + METRICS_INTERVAL;
            log::debug!("{}", self.state.metrics());
        }
    }

    /// Everything is done that has come since there were so many messages.
    fn note_done(&mut self, now: Time, received: u64) {
        let messages = self.state.messages_received() - received;
        if messages > 0 {
            self.state.on_messages_done(clock::now().saturating_since(now), messages);
        }
    }

    /// Tells `witness` how the registrar fares, from now on.
    pub(super) fn tell(&mut self, witness: Box<dyn Witness>) {
        self.next_sign_of_life = witness.sign_of_life_interval().map(|_| Time::ZERO);
        self.witness = witness;
    }

    fn tell_if_ready(&mut self) {
        if !self.has_told_ready && self.phase == Phase::Running && self.state.core.core().is_ready() {
            self.has_told_ready = true;
            self.witness.ready();
        }
    }

    fn tell_events(&mut self) {
        let core = self.state.core.core();
        let last = core.last_event();
        if last != self.told_events && self.witness.wants_events() {
            core.tell_events(self.told_events, &mut |event| self.witness.happened(event));
        }
        self.told_events = last;
    }

    fn give_sign_of_life(&mut self, now: Time) {
        if self.next_sign_of_life.is_some_and(|at| at <= now) {
            self.next_sign_of_life = self.witness.sign_of_life_interval().map(|interval| now + interval);
            self.witness.alive();
        }
    }

    fn publish_metrics(&self) {
        *self.shared.metrics.lock() = self.state.metrics();
    }

    /// Polls each endpoint once that has something to do; each does a bounded amount of work.
    fn poll_endpoints(&mut self, now: Time) {
        let mut refused = Vec::new();
        for (number, endpoint) in self.endpoints.transports.iter_mut().enumerate() {
            let due = endpoint.transport.next_deadline().is_some_and(|at| at <= now);
            if due || endpoint.more || self.ready.contains(&Key::Transport(number).as_u64()) {
                let link = endpoint.link;
                let state = &mut self.state;
                endpoint.poll(now, &mut refused, &mut |event| state.on_transport_event(now, link, event));
                for refused in refused.drain(..) {
                    state.tell_refused(now, link, &refused.peer);
                    endpoint.transport.abort(now, refused.association, "TLS is required here");
                }
            }
        }
    }

    /// Takes a bounded number of datagrams, so that a flood on the group cannot starve the associations; the descriptor
    /// stays readable while more is waiting.
    fn poll_enrp_group(&mut self, now: Time) {
        if let Some(listener) = &mut self.endpoints.enrp_listener {
            if self.ready.contains(&Key::EnrpGroup.as_u64()) {
                let state = &mut self.state;
                listener.receive(&mut |from, bytes| state.on_datagram(now, from, bytes));
            }
        }
    }

    /// Does everything that the core wants done.
    fn perform(&mut self, now: Time) {
        if self.state.has_nothing_to_do() {
            return;
        }
        self.endpoints.hold();
        self.perform_all(now);
        self.endpoints.release(now);
    }

    fn perform_all(&mut self, now: Time) {
        loop {
            while let Some(association) = self.state.writable.pop() {
                if let Some(transport) = self.endpoints.of(association) {
                    self.state.flush(now, transport, association);
                }
            }
            match self.state.core.next_action() {
                Some(action) => self.perform_one(now, action),
                None => return,
            }
        }
    }

    /// Ends the associations with most messages waiting while there are too many of all.
    fn collect_debts(&mut self, now: Time) {
        while let Some(association) = self.state.who_pays() {
            let Some(transport) = self.endpoints.of(association) else { return };
            self.state.make_pay(now, transport, association);
        }
    }

    fn perform_one(&mut self, now: Time, action: Action) {
        match action {
            Action::Send { association, bytes } => {
                if let Some(transport) = self.endpoints.of(association) {
                    self.state.send(now, transport, association, bytes);
                }
                self.collect_debts(now);
            }
            Action::Connect { attempt, link, peer, timeout } => {
                let result = self.endpoints.connect(now, link, &peer, timeout);
                self.state.on_connect_started(attempt, result);
            }
            Action::Multicast { link, bytes } => {
                let sent = self.endpoints.multicast(link, &bytes);
                self.state.on_datagrams_sent(sent);
            }
            Action::Abort { association, reason } => {
                self.state.forget(association);
                if let Some(transport) = self.endpoints.of(association) {
                    transport.abort(now, association, reason);
                }
            }
            Action::ShutdownComplete => self.close_associations(now),
            Action::IdentifierTaken { by } => {
                let why = format!("another registrar, at {by}, has its identifier");
                self.broken = Some(io::Error::new(io::ErrorKind::AlreadyExists, why));
                self.waker.wake();
            }
        }
    }
}

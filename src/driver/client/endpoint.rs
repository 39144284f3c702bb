//! A transport endpoint with the sessions that live on it.
//!
//! Whatever makes a session and its association change together is done with the locks of both held, endpoint first, so no
//! event can fall between.

use super::instance::Instance;
use super::lingering::Lingering;
use super::socket::Socket;
use super::turn::{Follower, KEPT, Taken, Turn};
use crate::association::{LossReason, Peer, PeerAddress, TransportKind, Undelivered};
use crate::collections::{AssociationMap, Deadlines};
use crate::session::Attempt;
use crate::transport::{
    DetachedReceiver, Detachment, OutboundMessage, Punctuality, SctpParameters, Transport, TransportError,
    TransportEvent,
};
use crate::wire::{AddressList, PPID_ASAP};
use crate::{AssociationId, SessionId, Time};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// An endpoint. Application threads send through it inline; the I/O thread receives, or an application thread that waits for
/// a message anyway ([`Endpoint::take_over`]).
pub struct Endpoint {
    /// The upper part of its association identifiers, and its key in the poller.
    pub number: u16,
    /// Its kind of transport.
    pub kind: TransportKind,
    /// Its port.
    pub local_port: u16,
    /// Its addresses; empty: wildcard.
    pub local_addresses: AddressList,
    poll_fd: Option<RawFd>,
    /// When it wants to run, in nanoseconds: read by the I/O thread without the lock.
    deadline: AtomicU64,
    /// Who receives.
    turn: Turn,
    /// Whatever arrives is for one socket.
    one_reader: AtomicBool,
    state: Mutex<EndpointState>,
}

/// What the lock of an endpoint protects.
pub struct EndpointState {
    transport: Box<dyn Transport>,
    parameters: SctpParameters,
    routes: AssociationMap<Route>,
    listener: Option<Arc<Socket>>,
    /// The socket that it was made for is closed: it goes with its last association.
    retired: bool,
    /// Session timers.
    timers: BTreeMap<(Time, u64), Arc<Socket>>,
    /// Associations being closed, by the time when they are aborted.
    closing: Deadlines,
    punctuality: Punctuality,
}

/// Whose association it is.
enum Route {
    Connecting { socket: Arc<Socket>, attempt: Attempt },
    Session { socket: Arc<Socket>, session: SessionId },
    Closing(Lingering),
}

/// What an event of the transport leaves to do when the transport can be called again.
enum Deferred {
    Session { socket: Arc<Socket>, actions: SessionActions },
    Abort { association: AssociationId, reason: &'static str },
}

/// What a socket wants done to its endpoint after an event.
pub type SessionActions = Vec<crate::session::Action>;

impl Endpoint {
    /// An endpoint around a transport that was opened with this number and these parameters.
    pub fn new(number: u16, transport: Box<dyn Transport>, parameters: SctpParameters) -> Endpoint {
        Endpoint {
            number,
            kind: transport.capabilities().kind,
            local_port: transport.local_port(),
            local_addresses: transport.local_addresses(),
            poll_fd: transport.poll_fd(),
            deadline: AtomicU64::new(0),
            turn: Turn::default(),
            one_reader: AtomicBool::new(true),
            state: Mutex::new(EndpointState {
                transport,
                parameters,
                routes: AssociationMap::default(),
                listener: None,
                retired: false,
                timers: BTreeMap::new(),
                closing: Deadlines::default(),
                punctuality: Punctuality::default(),
            }),
        }
    }

    /// The descriptor to wait for.
    pub fn poll_fd(&self) -> Option<RawFd> {
        self.poll_fd
    }

    /// When it wants to run.
    pub fn deadline(&self) -> Time {
        Time::from_nanos(self.deadline.load(Ordering::SeqCst))
    }

    /// Does something with the endpoint locked, then sees to it that the I/O thread wakes up in time.
    pub fn with<R>(&self, instance: &Instance, f: impl FnOnce(&mut EndpointState) -> R) -> R {
        let mut state = self.state.lock();
        let result = f(&mut state);
        let deadline = state.next_deadline();
        self.deadline.store(deadline.as_nanos(), Ordering::SeqCst);
        self.one_reader.store(state.has_one_reader(), Ordering::Relaxed);
        drop(state);
        instance.wake_before(deadline);
        result
    }

    /// Receives what arrived and runs timers, unless what they wait for may still have to be received. Returns whether more is
    /// waiting.
    pub fn run(&self, instance: &Instance, now: Time) -> bool {
        self.run_with(instance, now, None)
    }

    fn run_with(&self, instance: &Instance, now: Time, receiver: Option<Box<dyn DetachedReceiver>>) -> bool {
        self.with(instance, |state| {
            let more = state.receive(instance, now, receiver);
            let due = state.next_timer();
            if state.punctuality.lets_timers_run(now, due, more) {
                state.run_timers(instance, now);
            }
            more
        })
    }

    /// Lets the calling thread wait for the descriptor in place of the I/O thread, which goes on to run the timers, until
    /// [`Endpoint::give_back`]. A message then reaches its reader without a change of threads. None: somebody else does.
    pub fn take_over(&self, instance: &Instance) -> Option<Taken> {
        let fd = self.poll_fd?;
        self.turn.take(|| instance.poller().pause(fd, u64::from(self.number)).is_ok())
    }

    /// The I/O thread receives again.
    pub fn give_back(&self, instance: &Instance) {
        self.turn.give_back(|| self.resume(instance));
    }

    /// The same, but not before the thread that took over for `reader` has had the time to come back for its next message.
    pub fn give_back_later(&self, instance: &Instance, now: Time) {
        if !self.one_reader.load(Ordering::Relaxed) {
            return self.give_back(instance);
        }
        let until = now + KEPT;
        self.turn.keep(until, || self.resume(instance));
        instance.wake_before(until);
    }

    /// A message was read that had come before.
    pub fn note_read(&self) {
        self.turn.note_use();
    }

    /// Sees to it that the I/O thread, or a thread that took over, receives as long as the calling thread waits.
    pub fn follow(&self, instance: &Instance) -> Follower<'_> {
        self.turn.follow(|| self.resume(instance))
    }

    /// The I/O thread receives again, unless a thread is receiving.
    pub fn end_turn(&self, instance: &Instance) {
        self.turn.end(|| self.resume(instance));
    }

    /// The same, if nobody has come back in time.
    pub fn end_turn_if_over(&self, instance: &Instance, now: Time) {
        self.turn.end_if_over(now, || self.resume(instance));
    }

    /// When to look whether a turn is over.
    pub fn turn_ends_at(&self) -> Time {
        self.turn.ends_at()
    }

    fn resume(&self, instance: &Instance) {
        match self.poll_fd.map(|fd| instance.poller().resume(fd, u64::from(self.number))) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                log::error!("endpoint {} is not received on any more: {error}", self.number);
            }
            // Not found: it was retired meanwhile.
            _ => {}
        }
    }

    /// What receives, for a thread that took over to wait in; [`Endpoint::run_taken_over`] takes it back.
    pub fn detach_receiver(&self) -> Option<Box<dyn DetachedReceiver>> {
        self.state.lock().transport.detachable()?.detach(Detachment::Brief)
    }

    /// Receives what arrived, or takes what `receiver` brought, for a thread that took over; what is more than one round does
    /// is left to the I/O thread.
    pub fn run_taken_over(&self, instance: &Instance, now: Time, receiver: Option<Box<dyn DetachedReceiver>>) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run_with(instance, now, receiver)));
        // A panic here is no better than one of the I/O thread.
        let more = outcome.unwrap_or_else(|_| {
            instance.fail();
            false
        });
        if more {
            self.deadline.store(0, Ordering::SeqCst);
            instance.wake_before(Time::ZERO);
        }
    }

    /// Its SCTP parameters.
    pub fn parameters(&self) -> SctpParameters {
        self.state.lock().parameters
    }

    /// Nobody listens and no association is left.
    pub fn is_idle(&self) -> bool {
        self.state.lock().is_idle()
    }

    /// Nobody will use it any more: it can go.
    pub fn is_finished(&self) -> bool {
        self.state.lock().is_finished()
    }

    /// Breaks the circles of references between sockets and endpoint, and drops all associations without a word.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        let (routes, timers) = (std::mem::take(&mut state.routes), std::mem::take(&mut state.timers));
        let listener = state.listener.take();
        drop(state);
        drop((routes, timers, listener));
    }
}

impl EndpointState {
    fn is_idle(&self) -> bool {
        self.listener.is_none() && self.routes.is_empty()
    }

    fn is_finished(&self) -> bool {
        self.retired && self.is_idle()
    }

    /// Whatever arrives is for one socket.
    fn has_one_reader(&self) -> bool {
        match &self.listener {
            Some(listener) => !listener.one_to_one,
            None => self.routes.len() <= 1,
        }
    }

    /// The socket that the endpoint was made for is closed.
    pub fn retire(&mut self) {
        self.retired = true;
    }

    fn next_deadline(&self) -> Time {
        if self.is_finished() {
            // The I/O thread takes it away.
            return Time::ZERO;
        }
        let timer = self.punctuality.next_deadline(self.next_timer());
        [self.transport.next_deadline(), timer].into_iter().flatten().min().unwrap_or(Time::MAX)
    }

    fn next_timer(&self) -> Option<Time> {
        let timer = self.timers.keys().next().map(|(at, _)| *at);
        [timer, self.closing.first()].into_iter().flatten().min()
    }

    /// From now on `socket` gets the associations that peers make.
    pub fn listen(&mut self, socket: &Arc<Socket>) {
        self.listener = Some(Arc::clone(socket));
    }

    /// `socket` listens no longer.
    pub fn stop_listening(&mut self, socket: &Arc<Socket>) {
        if self.listener.as_ref().is_some_and(|listener| Arc::ptr_eq(listener, socket)) {
            self.listener = None;
        }
    }

    /// Sends on an association.
    pub fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        self.transport.send(now, association, message)
    }

    /// Sends a control message in all sessions; those that have no room for it are left out.
    pub fn send_to_sessions(&mut self, now: Time, bytes: &[u8]) {
        for (association, route) in &self.routes {
            if !matches!(route, Route::Session { .. }) {
                continue;
            }
            if let Err(error) = self.transport.send(now, *association, OutboundMessage::control(PPID_ASAP, bytes)) {
                log::info!("control message on {association:?} not sent: {error}");
            }
        }
    }

    /// Sets the SCTP parameters of the endpoint.
    pub fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.parameters = *parameters;
        self.transport.set_parameters(parameters);
    }

    /// Starts a connect for a session.
    pub fn connect(
        &mut self,
        now: Time,
        socket: &Arc<Socket>,
        attempt: Attempt,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<(), TransportError> {
        let association = self.transport.connect(now, peer, timeout)?;
        self.routes.insert(association, Route::Connecting { socket: Arc::clone(socket), attempt });
        Ok(())
    }

    /// Gives a connect up.
    pub fn cancel_connect(&mut self, now: Time, socket: &Arc<Socket>, wanted: Attempt) {
        let found = self.routes.iter().find_map(|(association, route)| match route {
            Route::Connecting { socket: of, attempt } if Arc::ptr_eq(of, socket) && *attempt == wanted => {
                Some(*association)
            }
            _ => None,
        });
        if let Some(association) = found {
            self.abort(now, association, "connect given up");
        }
    }

    /// Has an association look at once whether its peer is there.
    pub fn probe(&mut self, now: Time, association: AssociationId) {
        self.transport.probe(now, association);
    }

    /// Aborts an association.
    pub fn abort(&mut self, now: Time, association: AssociationId, reason: &str) {
        match self.routes.remove(&association) {
            Some(Route::Closing(Lingering { until, .. })) => {
                self.closing.set(association.as_u64(), Some(until), None);
            }
            // `Writable` and `Lost` never come for it now.
            Some(Route::Session { socket, .. }) => socket.handle_writable(association),
            _ => {}
        }
        self.transport.abort(now, association, reason);
    }

    /// Closes an association in order; what is queued is still delivered, for a bounded time. Nobody hears of it again.
    pub fn shutdown(&mut self, now: Time, association: AssociationId) {
        let Some(Route::Session { socket, .. }) = self.routes.get(&association) else { return };
        // Nobody sends on it any more, and its `Writable` would not be passed on.
        socket.handle_writable(association);
        let lingering = Lingering::begin(now);
        self.routes.insert(association, Route::Closing(lingering));
        self.closing.set(association.as_u64(), None, Some(lingering.until));
        self.transport.shutdown(now, association);
    }

    /// Moves the timer of a socket.
    pub fn set_timer(&mut self, socket: &Arc<Socket>, old: Option<Time>, new: Option<Time>) {
        if let Some(old) = old {
            self.timers.remove(&(old, socket.id));
        }
        if let Some(new) = new {
            self.timers.insert((new, socket.id), Arc::clone(socket));
        }
    }

    fn receive(&mut self, instance: &Instance, now: Time, receiver: Option<Box<dyn DetachedReceiver>>) -> bool {
        let EndpointState { transport, routes, closing, listener, .. } = self;
        let mut dispatch = Dispatch { now, routes, closing, listener: listener.as_ref(), deferred: Vec::new() };
        let sink = &mut |event: TransportEvent<'_>| dispatch.event(event);
        let more = match (receiver, transport.detachable()) {
            (Some(receiver), Some(detachable)) => detachable.attach(now, receiver, sink),
            _ => transport.poll(now, sink),
        };
        for work in dispatch.deferred {
            match work {
                Deferred::Session { socket, actions } => socket.perform(instance, self, now, actions),
                Deferred::Abort { association, reason } => self.abort(now, association, reason),
            }
        }
        more
    }

    fn run_timers(&mut self, instance: &Instance, now: Time) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let socket = entry.remove();
            let actions = socket.handle_timeout(now);
            socket.perform(instance, self, now, actions);
        }
        while let Some(number) = self.closing.due(now) {
            let association = AssociationId::from_u64(number);
            let lingering = match self.routes.get(&association) {
                Some(Route::Closing(lingering)) => Some(*lingering),
                _ => None,
            };
            match lingering.and_then(|lingering| lingering.renewed(now)) {
                Some(renewed) => {
                    self.closing.set(number, lingering.map(|lingering| lingering.until), Some(renewed.until));
                    self.routes.insert(association, Route::Closing(renewed));
                }
                None => self.abort(now, association, "closed"),
            }
        }
    }
}

/// Takes events of the transport to their sessions. Data goes straight into the inbox; what needs the transport again waits
/// in `deferred`.
struct Dispatch<'a> {
    now: Time,
    routes: &'a mut AssociationMap<Route>,
    closing: &'a mut Deadlines,
    listener: Option<&'a Arc<Socket>>,
    deferred: Vec<Deferred>,
}

impl Dispatch<'_> {
    fn event(&mut self, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Message { association, stream, ppid, payload } => {
                self.message(association, stream, ppid, payload);
            }
            TransportEvent::Up { association, peer } => self.up(association, &peer),
            TransportEvent::ConnectFailed { association, reason } => self.connect_failed(association, &reason),
            TransportEvent::Writable { association } => {
                if let Some(Route::Session { socket, .. }) = self.routes.get(&association) {
                    socket.handle_writable(association);
                    let socket = Arc::clone(socket);
                    self.defer(socket, Vec::new());
                }
            }
            TransportEvent::Lost { association, reason, undelivered } => self.lost(association, reason, undelivered),
        }
    }

    fn defer(&mut self, socket: Arc<Socket>, actions: SessionActions) {
        if !actions.is_empty() || socket.has_resends() {
            self.deferred.push(Deferred::Session { socket, actions });
        }
    }

    fn message(&mut self, association: AssociationId, stream: u16, ppid: u32, payload: &[u8]) {
        let Some(Route::Session { socket, session }) = self.routes.get(&association) else { return };
        match socket.receive(self.now, *session, association, stream, ppid, payload) {
            Ok(actions) if actions.is_empty() => {}
            Ok(actions) => {
                let socket = Arc::clone(socket);
                self.defer(socket, actions);
            }
            Err(reason) => {
                // Its `Lost` never comes after our own abort: tell the session now.
                self.deferred.push(Deferred::Abort { association, reason });
                self.lost(association, LossReason::ProtocolViolation(reason.into()), Vec::new());
            }
        }
    }

    fn up(&mut self, association: AssociationId, peer: &Peer) {
        match self.routes.remove(&association) {
            Some(Route::Connecting { socket, attempt }) => {
                let (session, actions) = socket.connected(self.now, attempt, association, &peer.address);
                self.routes.insert(association, Route::Session { socket: Arc::clone(&socket), session });
                self.defer(socket, actions);
            }
            Some(other) => drop(self.routes.insert(association, other)),
            None => self.accept(association, peer),
        }
    }

    fn accept(&mut self, association: AssociationId, peer: &Peer) {
        let accepted = match self.listener {
            Some(listener) => listener.accept_association(association, &peer.address),
            None => Err("nobody listens here"),
        };
        match accepted {
            Ok((socket, session, actions)) => {
                self.routes.insert(association, Route::Session { socket: Arc::clone(&socket), session });
                self.defer(socket, actions);
            }
            Err(reason) => {
                log::debug!("session of {} refused: {reason}", peer.address);
                self.deferred.push(Deferred::Abort { association, reason });
            }
        }
    }

    fn connect_failed(&mut self, association: AssociationId, reason: &LossReason) {
        match self.routes.remove(&association) {
            Some(Route::Connecting { socket, attempt }) => {
                log::info!("connect to a pool element failed ({reason}): the next one is tried");
                let actions = socket.feed(self.now, crate::session::Event::ConnectFailed { attempt });
                self.defer(socket, actions);
            }
            Some(other) => drop(self.routes.insert(association, other)),
            None => {}
        }
    }

    fn lost(&mut self, association: AssociationId, reason: LossReason, undelivered: Vec<Undelivered>) {
        match self.routes.remove(&association) {
            Some(Route::Session { socket, session }) => {
                let actions = socket.handle_lost(self.now, session, association, reason, undelivered);
                self.defer(socket, actions);
            }
            Some(Route::Closing(Lingering { until, .. })) => {
                self.closing.set(association.as_u64(), Some(until), None);
            }
            _ => {}
        }
    }
}

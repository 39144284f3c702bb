//! Runs the ASAP client core on the I/O thread, over transports of its own.

use super::addresses::addresses_towards;
use super::element_news::{Suspects, sessions_with, tell};
use super::instance::{Command, Instance, InstanceConfig, Registration, Reply};
use super::subscription::Subscription;
use crate::asap::{Action, AsapClient, ConnectAttempt, Event, Outcome, PoolState, Request, RequestError, RequestId};
use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::collections::SortedMap;
use crate::session::{Event as SessionEvent, ResolveFailure};
use crate::transport::multicast::AnnouncementListener;
use crate::transport::{
    self, EndpointConfig, OutboundMessage, Punctuality, Tcp, Transport, TransportChoice, TransportError, TransportEvent,
};
use crate::wire::{PPID_ASAP, TransportParameter};
use crate::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The SCTP endpoint towards registrars, which also listens: a registrar that takes over reaches us there.
const SCTP: u16 = 0;
/// TCP towards registrars.
const TCP: u16 = 1;
/// The multicast groups.
const ANNOUNCEMENTS: u16 = 2;
/// Associations with registrars, inbound ones included.
const MAX_ASSOCIATIONS: usize = 64;
/// Requests made by the driver itself have numbers from here on.
const OWN_REQUESTS: u64 = 1 << 63;

pub(super) struct AsapDriver {
    core: AsapClient,
    choice: TransportChoice,
    sctp: Option<Box<dyn Transport>>,
    tcp: Option<Box<dyn Transport>>,
    /// None where announcements are switched off or cannot be heard.
    announcements: Option<AnnouncementListener>,
    /// Our connects, until they are up or have failed.
    connecting: SortedMap<AssociationId, ConnectAttempt>,
    replies: SortedMap<RequestId, Reply>,
    /// Registrations whose addresses follow the registrar.
    registrations: SortedMap<(PoolHandle, PoolElementId), Registration>,
    watchers: Watchers,
    /// Where the registrar is, as far as known.
    registrar: Option<IpAddr>,
    suspects: Suspects,
    punctuality: Punctuality,
    actions: Vec<Action>,
    last_own_request: u64,
    finished: bool,
}

/// What a transport reported, kept until the transport is free again.
enum Arrived {
    Up(AssociationId, PeerAddress, TransportKind),
    ConnectFailed(AssociationId, LossReason),
    Message(AssociationId, u32, Vec<u8>),
    Lost(AssociationId, LossReason),
}

impl AsapDriver {
    pub fn new(instance: &Instance, config: InstanceConfig, now: Time) -> AsapDriver {
        let registrar = config.asap.static_registrars.first().and_then(|peer| peer.addresses.first().copied());
        AsapDriver {
            announcements: listen_to(instance, &config.announcement_groups),
            core: AsapClient::new(config.asap, config.seed, now),
            choice: config.transport,
            sctp: None,
            tcp: None,
            connecting: SortedMap::new(),
            replies: SortedMap::new(),
            registrations: SortedMap::new(),
            watchers: Watchers::default(),
            registrar,
            suspects: Suspects::default(),
            punctuality: Punctuality::default(),
            actions: Vec::new(),
            last_own_request: OWN_REQUESTS,
            finished: false,
        }
    }

    /// The identifier of the registrar in use, where it told that; `None`: there is none.
    pub fn home(&self) -> Option<Option<RegistrarId>> {
        self.core.home_registrar().map(|home| home.id)
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    pub fn next_deadline(&self) -> Option<Time> {
        let transports = [&self.sctp, &self.tcp].into_iter().flatten().filter_map(|t| t.next_deadline());
        transports.chain(self.punctuality.next_deadline(self.core.next_deadline())).min()
    }

    pub fn command(&mut self, instance: &Instance, now: Time, command: Command) {
        match command {
            Command::Request { id, request, reply } => {
                if let Request::Deregister { pool_handle, pool_element_id } = &request {
                    self.registrations.remove(&(pool_handle.clone(), *pool_element_id));
                }
                if let Request::ReportUnreachable { pool_handle, pool_element_id } = &request {
                    self.have_sessions_probe(instance, now, pool_handle, *pool_element_id);
                }
                self.replies.insert(id, reply);
                self.event(instance, now, Event::Request(id, request));
            }
            Command::Register { id, registration, reply } => {
                let request = self.registration_request(&registration);
                let key = (registration.pool_handle.clone(), registration.pool_element.id);
                self.registrations.insert(key, registration);
                self.replies.insert(id, reply);
                self.event(instance, now, Event::Request(id, request));
            }
            Command::Watch(pool_handle) => self.event(instance, now, Event::Watch(pool_handle)),
            Command::Subscribe { id, watch, reply } => {
                self.replies.insert(id, reply);
                match self.watchers.add(watch) {
                    // Somebody else has subscribed already.
                    None => self.complete(instance, now, id, Ok(Outcome::Subscribed)),
                    Some(pool_handle) => {
                        self.event(instance, now, Event::Request(id, Request::Subscribe { pool_handle }))
                    }
                }
            }
            Command::Unsubscribe(watch) => {
                if let Some(pool_handle) = self.watchers.remove(&watch) {
                    self.own_request(instance, now, Request::Unsubscribe { pool_handle });
                }
            }
            Command::Cancel(id) => self.event(instance, now, Event::Cancel(id)),
            Command::Stop => self.event(instance, now, Event::Shutdown),
        }
    }

    /// Runs the transports and the core's timers: a bounded amount of work, so that a flood on our ports keeps nobody else
    /// waiting. Returns whether more is waiting.
    pub fn run(&mut self, instance: &Instance, now: Time, ready: &[u64]) -> bool {
        let mut more = false;
        for number in [SCTP, TCP] {
            more |= self.run_transport(instance, now, number, ready.contains(&u64::from(number)));
        }
        if ready.contains(&u64::from(ANNOUNCEMENTS)) {
            self.receive_announcements(instance, now);
        }
        if self.punctuality.lets_timers_run(now, self.core.next_deadline(), more) {
            self.event(instance, now, Event::Timeout);
        }
        more
    }

    fn receive_announcements(&mut self, instance: &Instance, now: Time) {
        let Some(listener) = &mut self.announcements else { return };
        let mut heard = Vec::new();
        // What is left makes the descriptor readable again at once.
        listener.receive(&mut |from, bytes| heard.push((from, bytes.to_vec())));
        for (from, bytes) in heard {
            self.event(instance, now, Event::Announcement { from, bytes: &bytes });
        }
    }

    fn transport(&mut self, number: u16) -> Option<&mut Box<dyn Transport>> {
        if number == TCP { self.tcp.as_mut() } else { self.sctp.as_mut() }
    }

    fn run_transport(&mut self, instance: &Instance, now: Time, number: u16, ready: bool) -> bool {
        let Some(transport) = self.transport(number) else { return false };
        if !ready && transport.next_deadline().is_none_or(|at| at > now) {
            return false;
        }
        let mut arrived = Vec::new();
        let more = transport.poll(now, &mut |event| match event {
            TransportEvent::Up { association, peer } => {
                arrived.push(Arrived::Up(association, peer.address, peer.kind));
            }
            TransportEvent::ConnectFailed { association, reason } => {
                arrived.push(Arrived::ConnectFailed(association, reason));
            }
            TransportEvent::Message { association, ppid, payload, .. } => {
                arrived.push(Arrived::Message(association, ppid, payload.to_vec()));
            }
            TransportEvent::Lost { association, reason, .. } => arrived.push(Arrived::Lost(association, reason)),
            TransportEvent::Writable { .. } => {}
        });
        for arrival in arrived {
            self.arrival(instance, now, arrival);
        }
        more
    }

    fn arrival(&mut self, instance: &Instance, now: Time, arrival: Arrived) {
        match arrival {
            Arrived::Up(association, peer, kind) => {
                let attempt = self.connecting.remove(&association);
                let address = peer.addresses.first().copied();
                // First the addresses that this registrar reaches us by: the core may register with it at once.
                if kind != TransportKind::Tcp {
                    self.registrar_moved(instance, now, address);
                }
                self.event(instance, now, Event::AssociationUp { association, attempt, peer, kind });
            }
            Arrived::ConnectFailed(association, reason) => {
                if let Some(attempt) = self.connecting.remove(&association) {
                    self.event(instance, now, Event::ConnectFailed { attempt, reason });
                }
            }
            Arrived::Message(association, ppid, bytes) => {
                self.event(instance, now, Event::Message { association, ppid, bytes: &bytes });
            }
            Arrived::Lost(association, reason) => {
                self.event(instance, now, Event::AssociationLost { association, reason });
            }
        }
    }

    /// A registrar on another network reaches us by other addresses.
    fn registrar_moved(&mut self, instance: &Instance, now: Time, address: Option<IpAddr>) {
        if address.is_none() || self.registrar == address {
            return;
        }
        let before: Vec<_> = self.registrations.values().map(|r| self.registration_request(r)).collect();
        self.registrar = address;
        let after: Vec<_> = self.registrations.values().map(|r| self.registration_request(r)).collect();
        for (_, request) in before.into_iter().zip(after).filter(|(before, after)| before != after) {
            self.own_request(instance, now, request);
        }
    }

    fn own_request(&mut self, instance: &Instance, now: Time, request: Request) {
        self.last_own_request += 1;
        self.event(instance, now, Event::Request(RequestId(self.last_own_request), request));
    }

    fn registration_request(&self, registration: &Registration) -> Request {
        let mut pool_element = registration.pool_element.clone();
        if let TransportParameter::Sctp { addresses, .. } = &mut pool_element.user_transport {
            if addresses.is_empty() {
                *addresses = addresses_towards(self.registrar);
            }
        }
        Request::Register {
            pool_handle: registration.pool_handle.clone(),
            pool_element,
            reregistration_interval: registration.reregistration_interval,
        }
    }

    fn event(&mut self, instance: &Instance, now: Time, event: Event<'_>) {
        let mut actions = std::mem::take(&mut self.actions);
        self.core.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            self.perform(instance, now, action);
        }
        // Actions may have led to events, whose actions were done already.
        if self.actions.capacity() < actions.capacity() {
            self.actions = actions;
        }
    }

    fn perform(&mut self, instance: &Instance, now: Time, action: Action) {
        match action {
            Action::Connect { attempt, kind, peer, timeout } => {
                match self.connect(instance, now, kind, &peer, timeout) {
                    Ok(association) => drop(self.connecting.insert(association, attempt)),
                    Err(error) => {
                        log::warn!("connect to the registrar at {peer} over {kind} failed: {error}");
                        self.event(instance, now, Event::ConnectFailed { attempt, reason: LossReason::Unreachable });
                    }
                }
            }
            Action::CancelConnect { attempt } => self.cancel_connect(now, attempt),
            Action::Send { association, bytes } => self.send(instance, now, association, &bytes),
            Action::Shutdown { association } => {
                if let Some(transport) = self.transport(association.transport()) {
                    transport.shutdown(now, association);
                }
            }
            Action::Abort { association, reason } => {
                if let Some(transport) = self.transport(association.transport()) {
                    transport.abort(now, association, reason);
                }
            }
            Action::Complete { request, result } => self.complete(instance, now, request, result),
            Action::Removed { pool_handle, pool_element_ids } => {
                self.tell_sessions(instance, now, pool_handle, &pool_element_ids);
            }
            Action::PoolChanged { pool_handle, state } => self.watchers.told(&pool_handle, state),
            Action::ShutdownComplete => self.finished = true,
        }
    }

    /// Elements were taken out of a pool: tells its sessions.
    fn tell_sessions(&mut self, instance: &Instance, now: Time, pool_handle: PoolHandle, removed: &[PoolElementId]) {
        let sockets = sessions_with(instance, &pool_handle);
        for socket in &sockets {
            for &pool_element_id in removed {
                tell(instance, now, socket, &SessionEvent::ElementRemoved(pool_element_id));
            }
        }
        if sockets.is_empty() {
            self.event(instance, now, Event::Unwatch(pool_handle));
        }
    }

    /// An element was found unreachable: its other sessions see at once whether it is, instead of one after the other when their
    /// next heartbeats are due.
    fn have_sessions_probe(
        &mut self,
        instance: &Instance,
        now: Time,
        pool_handle: &PoolHandle,
        element: PoolElementId,
    ) {
        if !self.suspects.is_new(now, pool_handle, element) {
            return;
        }
        for socket in sessions_with(instance, pool_handle) {
            tell(instance, now, &socket, &SessionEvent::ElementSuspected(element));
        }
    }

    fn connect(
        &mut self,
        instance: &Instance,
        now: Time,
        kind: TransportKind,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let number = if kind == TransportKind::Tcp { TCP } else { SCTP };
        if self.transport(number).is_none() {
            self.open(instance, number)?;
        }
        match self.transport(number) {
            Some(transport) => transport.connect(now, peer, timeout),
            None => Err(TransportError::Unsupported("this transport")),
        }
    }

    fn open(&mut self, instance: &Instance, number: u16) -> Result<(), TransportError> {
        let config = EndpointConfig {
            transport_number: number,
            listen: number == SCTP,
            max_associations: MAX_ASSOCIATIONS,
            parameters: instance.sctp_parameters(),
            ..EndpointConfig::default()
        };
        let transport: Box<dyn Transport> = match number {
            TCP => Box::new(Tcp::open(&config)?),
            _ => transport::open(self.choice, &config)?,
        };
        if let Some(fd) = transport.poll_fd() {
            instance.poller().add(fd, u64::from(number))?;
        }
        *(if number == TCP { &mut self.tcp } else { &mut self.sctp }) = Some(transport);
        Ok(())
    }

    fn cancel_connect(&mut self, now: Time, attempt: ConnectAttempt) {
        let found = self.connecting.iter().find(|(_, of)| **of == attempt).map(|(association, _)| *association);
        let Some(association) = found else { return };
        self.connecting.remove(&association);
        if let Some(transport) = self.transport(association.transport()) {
            transport.abort(now, association, "connect given up");
        }
    }

    fn send(&mut self, instance: &Instance, now: Time, association: AssociationId, bytes: &[u8]) {
        let Some(transport) = self.transport(association.transport()) else { return };
        match transport.send(now, association, OutboundMessage::control(PPID_ASAP, bytes)) {
            Ok(()) => {}
            // Its loss is about to be reported.
            Err(TransportError::UnknownAssociation | TransportError::Closing) => {}
            Err(error) => {
                log::warn!(
                    "message to the registrar on {association:?} not sent ({error}): the association is given up"
                );
                transport.abort(now, association, "message cannot be sent");
                self.event(instance, now, Event::AssociationLost { association, reason: LossReason::Unreachable });
            }
        }
    }

    fn complete(&mut self, instance: &Instance, now: Time, request: RequestId, result: Result<Outcome, RequestError>) {
        match self.replies.remove(&request) {
            // Nobody waits any more when the waiter has given up.
            Some(Reply::Waiter(reply)) => reply.keep(result),
            Some(Reply::Session { socket, attempt }) => {
                let event = match result {
                    Ok(Outcome::Resolved { policy, pool_elements }) => {
                        SessionEvent::Resolved { attempt, policy, pool_elements }
                    }
                    Ok(_) => SessionEvent::ResolveFailed { attempt, why: ResolveFailure::NoRegistrar },
                    Err(error) => {
                        log::info!("session cannot resolve its pool handle: {error}");
                        let why = match error {
                            RequestError::UnknownPoolHandle => ResolveFailure::UnknownPool,
                            RequestError::TooManyRequests => ResolveFailure::TooManyRequests,
                            _ => ResolveFailure::NoRegistrar,
                        };
                        SessionEvent::ResolveFailed { attempt, why }
                    }
                };
                let Some(endpoint) = socket.endpoint.get().cloned() else { return };
                endpoint.with(instance, |endpoint| {
                    let actions = socket.feed(now, event);
                    socket.perform(instance, endpoint, now, actions);
                });
            }
            Some(Reply::Nobody) | None => {
                if let Err(error) = result {
                    // What the application no longer wants, as at every clean-up, is not worth a line.
                    let level = if error == RequestError::Cancelled { log::Level::Debug } else { log::Level::Warn };
                    log::log!(level, "request that nobody waits for failed: {error}");
                }
            }
        }
    }
}

/// Subscriptions of the application, any number a pool; the core has one a pool.
#[derive(Default)]
struct Watchers {
    by_pool: SortedMap<PoolHandle, Watched>,
}

#[derive(Default)]
struct Watched {
    watchers: Vec<Arc<Subscription>>,
    /// How the pool is, once that was told.
    last: Option<PoolState>,
}

impl Watchers {
    /// One more watcher; the pool to subscribe to, if it is the first one.
    fn add(&mut self, watch: Arc<Subscription>) -> Option<PoolHandle> {
        let pool_handle = watch.pool_handle.clone();
        let watched = self.by_pool.get_or_insert_with(pool_handle.clone(), Watched::default);
        if let Some(last) = &watched.last {
            watch.told(last.clone());
        }
        watched.watchers.push(watch);
        (watched.watchers.len() == 1).then_some(pool_handle)
    }

    /// One less; the pool whose subscription is to end, if it was the last one.
    fn remove(&mut self, watch: &Arc<Subscription>) -> Option<PoolHandle> {
        let watched = self.by_pool.get_mut(&watch.pool_handle)?;
        watched.watchers.retain(|other| !Arc::ptr_eq(other, watch));
        if !watched.watchers.is_empty() {
            return None;
        }
        self.by_pool.remove(&watch.pool_handle);
        Some(watch.pool_handle.clone())
    }

    fn told(&mut self, pool_handle: &PoolHandle, state: PoolState) {
        let Some(watched) = self.by_pool.get_mut(pool_handle) else { return };
        for watch in &watched.watchers {
            watch.told(state.clone());
        }
        watched.last = Some(state);
    }
}

/// Announcements are optional: that they cannot be heard is an ordinary situation.
fn listen_to(instance: &Instance, groups: &[SocketAddr]) -> Option<AnnouncementListener> {
    if groups.is_empty() {
        return None;
    }
    let opened = AnnouncementListener::open(groups).and_then(|listener| {
        if listener.is_listening() {
            instance.poller().add(listener.poll_fd(), u64::from(ANNOUNCEMENTS))?;
        }
        Ok(listener)
    });
    match opened {
        Ok(listener) => listener.is_listening().then_some(listener),
        Err(error) => {
            log::info!("announcements of registrars are not heard ({error}): only configured registrars are used");
            None
        }
    }
}

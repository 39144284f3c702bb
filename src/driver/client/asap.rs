//! Runs the ASAP client core on the I/O thread, over transports of its own.

use super::addresses::addresses_towards;
use super::element_news::{Suspects, sessions_with, tell};
use super::instance::{Command, Instance, InstanceConfig, Registration, Reply};
use super::subscription::Subscription;
use crate::asap::{Action, AsapClient, ConnectAttempt, Event, Outcome, PoolState, Request, RequestError, RequestId};
use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::collections::SortedMap;
use crate::driver::core_loop::{Core, CoreLoop};
use crate::session::{Event as SessionEvent, ResolveFailure};
use crate::transport::multicast::AnnouncementListener;
use crate::transport::{
    self, EndpointConfig, OutboundMessage, Tcp, Transport, TransportChoice, TransportError, TransportEvent,
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

pub(super) struct AsapDriver<C: Core = AsapClient> {
    core: CoreLoop<C>,
    choice: TransportChoice,
    sctp: Option<Box<dyn Transport>>,
    tcp: Option<Box<dyn Transport>>,
    /// None where announcements are switched off or cannot be heard.
    announcements: Option<AnnouncementListener>,
    replies: SortedMap<RequestId, Reply>,
    /// Registrations whose addresses follow the registrar.
    registrations: SortedMap<(PoolHandle, PoolElementId), Registration>,
    watchers: Watchers,
    /// Where the registrar is, as far as known.
    registrar: Option<IpAddr>,
    suspects: Suspects,
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
        let announcements = listen_to(instance, &config.announcement_groups);
        let core = AsapClient::new(config.asap, config.seed, now);
        AsapDriver { announcements, registrar, ..AsapDriver::around(core, config.transport) }
    }
}

impl<C: ClientCore> AsapDriver<C> {
    /// Around a core that nothing has happened to.
    fn around(core: C, choice: TransportChoice) -> AsapDriver<C> {
        AsapDriver {
            announcements: None,
            core: CoreLoop::new(core),
            choice,
            sctp: None,
            tcp: None,
            replies: SortedMap::new(),
            registrations: SortedMap::new(),
            watchers: Watchers::default(),
            registrar: None,
            suspects: Suspects::default(),
            last_own_request: OWN_REQUESTS,
            finished: false,
        }
    }

    /// The identifier of the registrar in use, where it told that; `None`: there is none.
    pub fn home(&self) -> Option<Option<RegistrarId>> {
        self.core.core().home()
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    pub fn next_deadline(&self) -> Option<Time> {
        if self.core.has_news() {
            return Some(Time::ZERO);
        }
        let transports = [&self.sctp, &self.tcp].into_iter().flatten().filter_map(|t| t.next_deadline());
        transports.chain(self.core.next_timer()).min()
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
        self.core.report_news(now);
        self.perform_all(instance, now);
        for number in [SCTP, TCP] {
            more |= self.run_transport(instance, now, number, ready.contains(&u64::from(number)));
        }
        if ready.contains(&u64::from(ANNOUNCEMENTS)) {
            self.receive_announcements(instance, now);
        }
        self.core.run_timers(now, more);
        self.perform_all(instance, now);
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
                let attempt = self.core.connect_ended(association);
                let address = peer.addresses.first().copied();
                // First the addresses that this registrar reaches us by: the core may register with it at once.
                if kind != TransportKind::Tcp {
                    self.registrar_moved(instance, now, address);
                }
                self.event(instance, now, Event::AssociationUp { association, attempt, peer, kind });
            }
            Arrived::ConnectFailed(association, reason) => {
                self.core.connect_failed(now, association, reason);
                self.perform_all(instance, now);
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
        self.core.handle(now, event);
        self.perform_all(instance, now);
    }

    fn perform_all(&mut self, instance: &Instance, now: Time) {
        while let Some(action) = self.core.next_action() {
            self.perform(instance, now, action);
        }
    }

    fn perform(&mut self, instance: &Instance, now: Time, action: Action) {
        match action {
            Action::Connect { attempt, kind, peer, timeout } => {
                let result = self.connect(instance, now, kind, &peer, timeout).map_err(|error| {
                    log::warn!("connect to the registrar at {peer} over {kind} failed: {error}");
                    LossReason::Unreachable
                });
                self.core.connect_started(attempt, result);
            }
            Action::CancelConnect { attempt } => self.cancel_connect(now, attempt),
            Action::Send { association, bytes } => self.send(now, association, &bytes),
            Action::Shutdown { association } => {
                if let Some(transport) = self.transport(association.transport()) {
                    transport.shutdown(now, association);
                }
            }
            Action::Abort { association, reason } => {
                self.core.forget(association);
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
            self.core.handle(now, Event::Unwatch(pool_handle));
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
        let Some(association) = self.core.cancel_connect(attempt) else { return };
        if let Some(transport) = self.transport(association.transport()) {
            transport.abort(now, association, "connect given up");
        }
    }

    fn send(&mut self, now: Time, association: AssociationId, bytes: &[u8]) {
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
                self.core.lost_by_action(association, LossReason::Unreachable);
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

/// The client core as its driver sees it, so that the driver can be tested with a scripted one.
pub(super) trait ClientCore:
    for<'a> Core<Event<'a> = Event<'a>, Action = Action, Attempt = ConnectAttempt>
{
    /// The identifier of the registrar in use, where it told that; `None`: there is none.
    fn home(&self) -> Option<Option<RegistrarId>> {
        None
    }
}

impl Core for AsapClient {
    type Event<'a> = Event<'a>;
    type Action = Action;
    type Attempt = ConnectAttempt;

    fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        AsapClient::handle(self, now, event, actions);
    }

    fn next_deadline(&self) -> Option<Time> {
        AsapClient::next_deadline(self)
    }

    fn timeout() -> Event<'static> {
        Event::Timeout
    }

    fn connect_failed(attempt: ConnectAttempt, reason: LossReason) -> Event<'static> {
        Event::ConnectFailed { attempt, reason }
    }

    fn association_lost(association: AssociationId, reason: LossReason) -> Event<'static> {
        Event::AssociationLost { association, reason }
    }
}

impl ClientCore for AsapClient {
    fn home(&self) -> Option<Option<RegistrarId>> {
        self.home_registrar().map(|home| home.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asap::AsapConfig;
    use crate::session::PoolUserConfig;
    use crate::transport::SctpParameters;

    /// Asked for anything, connects to two registrars; when the first cannot be reached, it gives the other one up.
    struct Script {
        first: PeerAddress,
        second: PeerAddress,
    }

    impl Core for Script {
        type Event<'a> = Event<'a>;
        type Action = Action;
        type Attempt = ConnectAttempt;

        fn handle(&mut self, _: Time, event: Event<'_>, actions: &mut Vec<Action>) {
            let connect = |number, kind, peer: &PeerAddress| Action::Connect {
                attempt: ConnectAttempt(number),
                kind,
                peer: peer.clone(),
                timeout: Duration::from_secs(9),
            };
            match event {
                Event::Request(..) => actions.extend([
                    connect(1, TransportKind::SctpUdp, &self.first),
                    connect(2, TransportKind::Tcp, &self.second),
                ]),
                Event::ConnectFailed { attempt: ConnectAttempt(1), .. } => {
                    actions.push(Action::CancelConnect { attempt: ConnectAttempt(2) });
                }
                _ => {}
            }
        }

        fn next_deadline(&self) -> Option<Time> {
            None
        }

        fn timeout() -> Event<'static> {
            Event::Timeout
        }

        fn connect_failed(attempt: ConnectAttempt, reason: LossReason) -> Event<'static> {
            Event::ConnectFailed { attempt, reason }
        }

        fn association_lost(association: AssociationId, reason: LossReason) -> Event<'static> {
            Event::AssociationLost { association, reason }
        }
    }

    impl ClientCore for Script {}

    #[test]
    fn a_connect_that_fails_at_once_has_no_later_action_of_its_batch_overtaken() {
        let config = InstanceConfig {
            transport: TransportChoice::SctpUdp,
            sctp: SctpParameters::default(),
            session: PoolUserConfig::default(),
            asap: AsapConfig::default(),
            announcement_groups: Vec::new(),
            seed: 1,
            csp: None,
        };
        let instance = Instance::start(config).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let core = Script {
            // No connect can begin to a peer without an address.
            first: PeerAddress { addresses: Default::default(), port: 9 },
            second: listener.local_addr().unwrap().into(),
        };
        let mut driver = AsapDriver::around(core, TransportChoice::SctpUdp);
        let id = RequestId(1);
        let request = Request::Unsubscribe { pool_handle: PoolHandle::from("pool") };
        driver.command(&instance, Time::ZERO, Command::Request { id, request, reply: Reply::Nobody });
        driver.run(&instance, Time::ZERO, &[]);
        assert_eq!(driver.core.connecting(), 0, "the second connect was given up, and is not under way");
        instance.stop();
    }
}

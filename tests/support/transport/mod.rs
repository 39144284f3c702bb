//! What the contract suite needs to drive any transport: a world to open endpoints in, and a set of endpoints that are
//! driven together until something is true.
//!
//! A transport joins the suite by one line: `contract!(module_name, a function that makes its World)`.

pub mod suite;
pub mod wrapper;

use super::memory::{Delays, MemoryNetwork};
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind, Undelivered};
use rserpool::transport::{Detachment, EndpointConfig, Transport, TransportError, TransportEvent};
use rserpool::{AssociationId, Time};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;
use std::time::Duration;

/// Longer than anything takes; reached only by a failure.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// A connect timeout for connects that are to succeed or to be refused.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// ASAP's payload protocol identifier.
pub const PPID: u32 = 11;

/// Where endpoints live: the machine, or one simulated network.
pub trait World {
    /// Opens an endpoint.
    fn open(&mut self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError>;
    /// The address at which endpoints are reached.
    fn address(&self) -> IpAddr;
    /// The time.
    fn now(&self) -> Time;
    /// Waits until a descriptor is readable or `until`, or makes it so.
    fn wait(&mut self, fds: &[RawFd], until: Time);
    /// Told of an endpoint that is not driven any more, for worlds where that alone does not make it silent.
    /// True where the world has made it so.
    fn silence(&mut self, _endpoint: SocketAddr) -> bool {
        false
    }
    /// Whether messages are received apart from the transport, where it can.
    fn detaches(&self) -> bool {
        false
    }
}

/// The real machine: real sockets, real time.
pub struct RealWorld {
    pub open: fn(&EndpointConfig) -> Result<Box<dyn Transport>, TransportError>,
    pub address: IpAddr,
}

impl World for RealWorld {
    fn open(&mut self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        (self.open)(config)
    }

    fn address(&self) -> IpAddr {
        self.address
    }

    fn now(&self) -> Time {
        rserpool::driver::clock::now()
    }

    fn wait(&mut self, fds: &[RawFd], until: Time) {
        let mut fds: Vec<libc::pollfd> =
            fds.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
        let ms = until.saturating_since(self.now()).as_micros().div_ceil(1000).min(1000) as i32;
        // SAFETY: the pointer and the length are those of a live vector.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, ms) };
    }
}

/// A network in memory, in virtual time.
pub struct MemoryWorld {
    network: MemoryNetwork,
    now: Time,
}

impl MemoryWorld {
    pub fn new(seed: u64) -> MemoryWorld {
        MemoryWorld { network: MemoryNetwork::new(seed, Delays::default()), now: Time::from_secs(1) }
    }
}

impl World for MemoryWorld {
    fn open(&mut self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(self.network.open(config)?))
    }

    fn address(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 1, 1, 1))
    }

    fn now(&self) -> Time {
        self.now
    }

    fn wait(&mut self, _fds: &[RawFd], until: Time) {
        self.now = self.now.max(until);
    }

    fn silence(&mut self, endpoint: SocketAddr) -> bool {
        self.network.isolate(self.now, endpoint);
        true
    }
}

/// An event that owns its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Up(AssociationId, Peer),
    ConnectFailed(AssociationId, LossReason),
    Message(AssociationId, u16, u32, Vec<u8>),
    Writable(AssociationId),
    Lost(AssociationId, LossReason, Vec<Undelivered>),
}

impl From<TransportEvent<'_>> for Seen {
    fn from(event: TransportEvent<'_>) -> Seen {
        match event {
            TransportEvent::Up { association, peer } => Seen::Up(association, peer),
            TransportEvent::ConnectFailed { association, reason } => Seen::ConnectFailed(association, reason),
            TransportEvent::Message { association, stream, ppid, payload } => {
                Seen::Message(association, stream, ppid, payload.to_vec())
            }
            TransportEvent::Writable { association } => Seen::Writable(association),
            TransportEvent::Lost { association, reason, undelivered } => Seen::Lost(association, reason, undelivered),
        }
    }
}

/// An endpoint and everything it has reported.
pub struct Endpoint {
    pub transport: Box<dyn Transport>,
    pub seen: Vec<Seen>,
    /// Not driven: to its peers it is silent.
    frozen: bool,
}

impl Endpoint {
    pub fn ups(&self) -> Vec<AssociationId> {
        self.seen.iter().filter_map(|e| if let Seen::Up(id, _) = e { Some(*id) } else { None }).collect()
    }

    pub fn messages(&self) -> Vec<&[u8]> {
        self.seen.iter().filter_map(|e| if let Seen::Message(.., m) = e { Some(m.as_slice()) } else { None }).collect()
    }

    pub fn losses(&self) -> Vec<(AssociationId, LossReason, Vec<Undelivered>)> {
        let lost = |e: &Seen| match e {
            Seen::Lost(id, reason, undelivered) => Some((*id, reason.clone(), undelivered.clone())),
            _ => None,
        };
        self.seen.iter().filter_map(lost).collect()
    }

    pub fn failures(&self) -> Vec<(AssociationId, LossReason)> {
        let failed =
            |e: &Seen| if let Seen::ConnectFailed(id, reason) = e { Some((*id, reason.clone())) } else { None };
        self.seen.iter().filter_map(failed).collect()
    }

    pub fn writables(&self) -> usize {
        self.seen.iter().filter(|e| matches!(e, Seen::Writable(_))).count()
    }
}

/// Endpoints that are driven together.
pub struct Net {
    pub world: Box<dyn World>,
    pub endpoints: Vec<Option<Endpoint>>,
}

impl Net {
    pub fn new(world: Box<dyn World>) -> Net {
        Net { world, endpoints: Vec::new() }
    }

    /// Opens an endpoint on a free port and returns its index.
    pub fn open(&mut self, change: impl FnOnce(&mut EndpointConfig)) -> usize {
        self.try_open(0, change).expect("open an endpoint")
    }

    /// An endpoint that accepts.
    pub fn listener(&mut self) -> usize {
        self.open(|config| config.listen = true)
    }

    pub fn try_open(&mut self, port: u16, change: impl FnOnce(&mut EndpointConfig)) -> Result<usize, TransportError> {
        let mut config = EndpointConfig {
            transport_number: self.endpoints.len() as u16,
            bind: vec![SocketAddr::new(self.world.address(), port)],
            ..EndpointConfig::default()
        };
        change(&mut config);
        let transport = self.world.open(&config)?;
        self.endpoints.push(Some(Endpoint { transport, seen: Vec::new(), frozen: false }));
        Ok(self.endpoints.len() - 1)
    }

    pub fn at(&mut self, index: usize) -> &mut Endpoint {
        self.endpoints[index].as_mut().expect("the endpoint is open")
    }

    /// Drops an endpoint without closing anything, as a killed process does.
    pub fn kill(&mut self, index: usize) {
        self.endpoints[index] = None;
    }

    /// Stops driving an endpoint, so that its peers hear nothing from it any more, not even that it is gone.
    /// False where the kernel answers in its place.
    pub fn freeze(&mut self, index: usize) -> bool {
        let silent = SocketAddr::new(self.world.address(), self.port(index));
        let silenced = self.world.silence(silent);
        let endpoint = self.at(index);
        endpoint.frozen = true;
        silenced || endpoint.transport.capabilities().kind == TransportKind::SctpUdp
    }

    pub fn port(&mut self, index: usize) -> u16 {
        self.at(index).transport.local_port()
    }

    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// Starts a connect from one endpoint to another.
    pub fn connect(&mut self, from: usize, to: usize) -> AssociationId {
        let port = self.port(to);
        self.connect_port(from, port)
    }

    pub fn connect_port(&mut self, from: usize, port: u16) -> AssociationId {
        let peer = PeerAddress::new(self.world.address(), port);
        let now = self.now();
        self.at(from).transport.connect(now, &peer, CONNECT_TIMEOUT).expect("start a connect")
    }

    /// Connects and waits until both sides are up; returns both identifiers.
    pub fn pair(&mut self, from: usize, to: usize) -> (AssociationId, AssociationId) {
        let before = self.at(to).ups().len();
        let near = self.connect(from, to);
        self.until("both sides up", |net| net.at(from).ups().contains(&near) && net.at(to).ups().len() > before);
        (near, *self.at(to).ups().last().expect("just seen"))
    }

    pub fn send(&mut self, index: usize, id: AssociationId, payload: &[u8]) -> Result<(), TransportError> {
        let now = self.now();
        let message = rserpool::transport::OutboundMessage::control(PPID, payload);
        self.at(index).transport.send(now, id, message)
    }

    pub fn shutdown(&mut self, index: usize, id: AssociationId) {
        let now = self.now();
        self.at(index).transport.shutdown(now, id);
    }

    pub fn abort(&mut self, index: usize, id: AssociationId, reason: &str) {
        let now = self.now();
        self.at(index).transport.abort(now, id, reason);
    }

    pub fn give_up(&mut self, index: usize, id: AssociationId, reason: &str) {
        let now = self.now();
        self.at(index).transport.give_up(now, id, reason);
    }

    /// Polls every endpoint once; true if any has more to do at once.
    pub fn step(&mut self) -> bool {
        let now = self.now();
        let mut busy = false;
        let detaches = self.world.detaches();
        for endpoint in self.endpoints.iter_mut().flatten().filter(|endpoint| !endpoint.frozen) {
            let seen = &mut endpoint.seen;
            if detaches {
                busy |= receive_detached(&mut *endpoint.transport, now, &mut |event| seen.push(event.into()));
            }
            busy |= endpoint.transport.poll(now, &mut |event| seen.push(event.into()));
            busy |= endpoint.transport.next_deadline().is_some_and(|at| at <= now);
        }
        busy
    }

    /// Waits for the next thing to happen, at most until `limit`.
    fn wait(&mut self, limit: Time) {
        let endpoints = || self.endpoints.iter().flatten().filter(|endpoint| !endpoint.frozen);
        let fds: Vec<RawFd> = endpoints().filter_map(|e| e.transport.poll_fd()).collect();
        let next = endpoints().filter_map(|e| e.transport.next_deadline()).min().unwrap_or(Time::MAX);
        self.world.wait(&fds, next.min(limit));
    }

    /// Drives all endpoints until `done`; panics after [`PATIENCE`].
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&mut Net) -> bool) {
        let limit = self.now() + PATIENCE;
        loop {
            let busy = self.step();
            if done(self) {
                return;
            }
            assert!(self.now() < limit, "waited in vain for: {what}; seen: {}", self.summary());
            if !busy {
                self.wait(limit);
            }
        }
    }

    /// Drives all endpoints for a while: for what must not happen.
    pub fn during(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            if !self.step() {
                self.wait(end);
            }
        }
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for (i, endpoint) in self.endpoints.iter().enumerate() {
            let Some(endpoint) = endpoint else { continue };
            let tail = &endpoint.seen[endpoint.seen.len().saturating_sub(6)..];
            let short: Vec<String> = tail.iter().map(|e| format!("{e:?}").chars().take(160).collect()).collect();
            text += &format!("\n  endpoint {i}: {} events, latest {short:?}", endpoint.seen.len());
        }
        text
    }
}

/// Takes what has arrived by a receiver that is detached for that; true if more is waiting.
fn receive_detached(transport: &mut dyn Transport, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
    let Some(fd) = transport.poll_fd().filter(|_| transport.detachable().is_some()) else { return false };
    let mut fd = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: `fd` is one pollfd.
    if unsafe { libc::poll(&raw mut fd, 1, 0) } == 0 {
        return false;
    }
    let detachable = transport.detachable().expect("just seen");
    let Some(mut receiver) = detachable.detach(Detachment::Brief) else { return false };
    assert!(detachable.detach(Detachment::Brief).is_none(), "one at a time");
    receiver.wait().expect("no signal comes here");
    detachable.attach(now, receiver, sink)
}

/// Bytes that show where something was cut or mixed up.
pub fn pattern(length: usize, salt: u8) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8 ^ (i / 251) as u8 ^ salt).collect()
}

/// Makes a module with every test of the suite for one world.
#[macro_export]
macro_rules! contract {
    ($(#[$attribute:meta])* $module:ident, $world:expr) => {
        $crate::contract!(@tests [$(#[$attribute])*] $module, $world,
            connects_and_accepts, refuses_where_nobody_listens, refuses_when_not_listening, connect_times_out_in_silence,
            carries_messages_of_every_size_both_ways, keeps_the_order_of_many_messages, keeps_stream_and_ppid,
            refuses_empty_and_too_long_messages, refuses_unknown_associations,
            blocks_when_the_queue_is_full_and_reports_writable, a_queue_takes_less_when_it_is_told_to, shutdown_delivers_everything_first,
            shutdown_by_the_other_side_is_reported, abort_ends_the_peer_and_reports_nothing_here,
            a_vanished_peer_is_noticed_and_the_undelivered_reported, a_silent_peer_is_noticed,
            identifiers_are_never_reused, max_associations_is_enforced, both_sides_connecting_get_through,
            a_restarted_peer_is_lost_and_up_again, many_associations_on_one_endpoint, shutdown_while_connecting_ends_it,
            both_sides_closing_at_once_is_clean, giving_up_hands_back_what_was_not_acknowledged,
            giving_up_a_connect_is_silent
        );
    };
    (@tests $attributes:tt $module:ident, $world:expr, $($test:ident),+) => {
        mod $module {
            $($crate::contract!(@one $attributes $world, $test);)+
        }
    };
    (@one [$(#[$attribute:meta])*] $world:expr, $test:ident) => {
        #[test]
        $(#[$attribute])*
        fn $test() {
            $crate::support::transport::suite::$test($crate::support::transport::Net::new(Box::new($world)));
        }
    };
}

//! A transport in virtual time: what drives transports can be tested with it, and it shows that the contract suite asks for
//! nothing that only real sockets have.
//!
//! Associations are ordered and reliable but can break: processes die, hosts fall silent, links stall or lose one
//! direction. Everything random comes from the seed, so a run can be repeated. Time is what the callers say it is: each
//! call hands in `now`, and [`Transport::next_deadline`] says what to advance it to.

mod arrivals;
mod association;
mod network;

use network::Network;
use parking_lot::Mutex;
use rserpool::association::{PeerAddress, TransportKind};
use rserpool::transport::{
    Capabilities, Detachable, EndpointConfig, OutboundMessage, SctpParameters, Transport, TransportError,
    TransportEvent,
};
use rserpool::wire::AddressList;
use rserpool::{AssociationId, Time};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// Events handed out in one poll.
const EVENTS_PER_POLL: usize = 256;

/// How long messages take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// At least this.
    pub shortest: Duration,
    /// At most this.
    pub longest: Duration,
}

impl Default for Delays {
    fn default() -> Delays {
        Delays { shortest: Duration::from_micros(100), longest: Duration::from_millis(2) }
    }
}

/// The network, shared by its endpoints and by whoever breaks it.
#[derive(Clone)]
pub struct MemoryNetwork(Arc<Mutex<Network>>);

impl MemoryNetwork {
    /// A network without endpoints.
    pub fn new(seed: u64, delays: Delays) -> MemoryNetwork {
        MemoryNetwork(Arc::new(Mutex::new(Network::new(seed, delays))))
    }

    /// Opens an endpoint at the first bind address, or at an address of its own; port 0 gives a free one.
    ///
    /// Dropping it is the sudden death of a process: nothing is sent, peers have to find out.
    pub fn open(&self, config: &EndpointConfig) -> Result<MemoryTransport, TransportError> {
        let (number, address) = self.0.lock().open(config)?;
        Ok(MemoryTransport { network: self.clone(), number, address, wildcard: config.bind.is_empty() })
    }

    /// The host of this endpoint falls silent: nothing gets to it or from it until [`MemoryNetwork::heal`].
    pub fn isolate(&self, now: Time, endpoint: SocketAddr) {
        self.0.lock().isolate(now, endpoint);
    }

    /// Nothing gets from one endpoint to the other any more; the other direction works. Until [`MemoryNetwork::heal`].
    pub fn block(&self, now: Time, from: SocketAddr, to: SocketAddr) {
        self.0.lock().block(now, from, to);
    }

    /// What is sent from one endpoint to the other arrives only after `until`; nobody thinks that the peer is dead.
    pub fn stall(&self, from: SocketAddr, to: SocketAddr, until: Time) {
        self.0.lock().stall(from, to, until);
    }

    /// Breaks every association between two endpoints at once, losing what is on the way.
    pub fn cut(&self, now: Time, one: SocketAddr, other: SocketAddr) {
        self.0.lock().cut(now, one, other);
    }

    /// One side forgets its associations with the other without a word: they are half-open.
    pub fn forget(&self, now: Time, who: SocketAddr, peer: SocketAddr) {
        self.0.lock().forget(now, who, peer);
    }

    /// Ends all isolation, blocking and stalling. What associations that still exist have sent meanwhile arrives.
    pub fn heal(&self, now: Time) {
        self.0.lock().heal(now);
    }
}

/// An endpoint of a [`MemoryNetwork`].
pub struct MemoryTransport {
    network: MemoryNetwork,
    number: usize,
    address: SocketAddr,
    wildcard: bool,
}

impl MemoryTransport {
    /// The address that peers connect to, and that the network's faults name.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn network(&self) -> parking_lot::MutexGuard<'_, Network> {
        self.network.0.lock()
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.network().kill(self.number);
    }
}

impl Transport for MemoryTransport {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: TransportKind::Memory,
            multi_homing: false,
            payload_protocol_id: true,
            max_message_size: self.network().max_message_size(self.number),
        }
    }

    fn local_port(&self) -> u16 {
        self.address.port()
    }

    fn local_addresses(&self) -> AddressList {
        if self.wildcard { Default::default() } else { AddressList::from_slice(&[self.address.ip()]) }
    }

    fn connect(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        self.network().connect(now, self.number, peer, connect_timeout)
    }

    fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        self.network().send(now, self.number, association, &message)
    }

    /// Each message goes at once.
    fn hold(&mut self) {}

    fn release(&mut self, _now: Time) {}

    fn shutdown(&mut self, now: Time, association: AssociationId) {
        self.network().shutdown(now, self.number, association);
    }

    fn abort(&mut self, now: Time, association: AssociationId, reason: &str) {
        self.network().abort(now, self.number, association, reason);
    }

    fn give_up(&mut self, now: Time, association: AssociationId, reason: &str) {
        self.network().give_up(now, self.number, association, reason);
    }

    /// Its network tells of every end by itself.
    fn probe(&mut self, _now: Time, _association: AssociationId) {}

    fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.network().set_parameters(self.number, parameters);
    }

    fn limit_send_queues(&mut self, bytes: usize) {
        self.network().limit_send_queues(self.number, bytes);
    }

    fn parameters_of(&self, _association: AssociationId) -> Option<SctpParameters> {
        None
    }

    fn round_trip_time(&self, association: AssociationId) -> Option<Duration> {
        self.network().round_trip_time(self.number, association)
    }

    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        for _ in 0..EVENTS_PER_POLL {
            // The lock is not held while the sink runs.
            let event = self.network().next_event(now, self.number);
            match event {
                Some(event) => event.deliver(sink),
                None => return false,
            }
        }
        true
    }

    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        None
    }

    fn next_deadline(&self) -> Option<Time> {
        self.network().next_deadline(self.number)
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "announcements need a network"))
    }

    fn poll_fd(&self) -> Option<RawFd> {
        None
    }
}

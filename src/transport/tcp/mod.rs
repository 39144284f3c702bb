//! TCP between pool user and registrar (RFC 5352 section 2.1): an endpoint with an optional listener and any number of
//! connections, whose messages are framed by their ASAP length.
//!
//! TCP has neither streams nor payload protocol identifiers: every message is on stream 0 with the PPID of ASAP.

mod accepting;
mod connecting;
mod connection;
mod framing;
mod options;
mod ready;
mod send_log;
mod sending;
#[cfg(test)]
mod tests;

use super::epoll::{EVENTS_PER_WAIT, Epoll, Interest, Ready};
use super::{
    Capabilities, Detachable, EndpointConfig, OutboundMessage, Punctuality, SctpParameters, Transport, TransportError,
    TransportEvent, multicast,
};
use crate::association::{LossReason, Peer, PeerAddress, TransportKind};
use crate::collections::{AssociationMap, Deadlines};
use crate::log_limit::{LogLimit, log_limited};
use crate::wire::AddressList;
use crate::{AssociationId, Time};
use connection::{Connecting, Connection, State, canonical, loss_reason};
#[cfg(feature = "tls")]
pub(super) use framing::Framer;
pub(super) use framing::{Framing, check_message};
use send_log::SendLog;
use socket2::Socket;
use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// The payload protocol identifier of ASAP (RFC 5352 section 8).
pub(super) const ASAP_PPID: u32 = 11;
/// The longest message that a 16-bit length can announce, with its padding.
pub(super) const MAX_FRAME: usize = 65_536;
/// Bytes read in one go.
const READ_BUFFER: usize = 64 << 10;
/// Bytes kept back for one connection while messages are held: a write of that size gains nothing by waiting.
const MAX_HELD: usize = 64 << 10;
/// Memory that is kept for the next connection that sends: so many pieces, none of them larger.
const MAX_SPARE: usize = 16;
const MAX_SPARE_BYTES: usize = 2 * MAX_HELD;
/// Work after which a poll hands over to its caller, in messages read: what comes of them takes memory until it is done, and whoever
/// asked first waits for its answer until then. Reading from a connection, or accepting one, counts as the messages that could have been
/// handled in the same time.
const WORK_PER_POLL: usize = 512;
const WORK_OF_READING: usize = 4;
const WORK_OF_ACCEPTING: usize = 64;
/// How long a message may take from its first byte to its last: a slower peer only holds a connection.
pub(super) const PARTIAL_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the peer may take to finish an orderly close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Epoll keys from here on are listeners; below, association numbers, which have 48 bits and the transport number.
const FIRST_LISTENER_KEY: u64 = u64::MAX - 0xffff;

/// A TCP endpoint. See the [module](self).
pub struct Tcp {
    config: EndpointConfig,
    framing: Framing,
    epoll: Epoll,
    punctuality: Punctuality,
    listeners: Vec<Socket>,
    local_port: u16,
    local_addresses: AddressList,
    connections: AssociationMap<Connection>,
    /// The number of the next association.
    next_number: u64,
    timers: Deadlines,
    /// Connections that failed outside `poll`.
    failed: Vec<AssociationId>,
    /// Messages are kept back, see [`Transport::hold`].
    holding: bool,
    /// Connections with messages kept back.
    held: Vec<AssociationId>,
    /// Memory of connections that have sent everything, for those that send next.
    spare: Vec<SendLog>,
    /// Connects that failed at once.
    failed_connects: Vec<(AssociationId, LossReason)>,
    /// When accepting goes on after a pause.
    accept_again: Option<Time>,
    /// What is ready, the next one last. Everybody has a turn before the kernel is asked again, so that nobody starves.
    ready: Vec<Ready>,
    buffer: Box<[MaybeUninit<u8>]>,
    full_log: LogLimit,
    accept_log: LogLimit,
}

type Sink<'s> = &'s mut dyn FnMut(TransportEvent<'_>);

impl Tcp {
    /// Opens an endpoint. Without `listen` it has no port of its own and only connects.
    pub fn open(config: &EndpointConfig) -> Result<Tcp, TransportError> {
        Tcp::open_with(config, Framing::Messages)
    }

    /// The same, for a wrapper: messages are any bytes, and arrive in other pieces than they were sent in.
    #[cfg(feature = "tls")]
    pub(super) fn open_stream(config: &EndpointConfig) -> Result<Tcp, TransportError> {
        Tcp::open_with(config, Framing::Stream)
    }

    fn open_with(config: &EndpointConfig, framing: Framing) -> Result<Tcp, TransportError> {
        let epoll = Epoll::new()?;
        let listeners = if config.listen { options::listeners(&config.bind)? } else { Vec::new() };
        for (index, listener) in listeners.iter().enumerate() {
            epoll.add(listener.as_raw_fd(), FIRST_LISTENER_KEY + index as u64, Interest::Read)?;
        }
        let local_port = listeners.first().map_or(Ok(0), options::local_port)?;
        let specified = config.bind.iter().map(SocketAddr::ip).filter(|address| !address.is_unspecified());
        Ok(Tcp {
            framing,
            epoll,
            punctuality: Punctuality::default(),
            local_port,
            local_addresses: specified.collect(),
            listeners,
            connections: AssociationMap::default(),
            next_number: 1,
            timers: Deadlines::default(),
            failed: Vec::new(),
            holding: false,
            held: Vec::new(),
            spare: Vec::new(),
            failed_connects: Vec::new(),
            accept_again: None,
            ready: Vec::with_capacity(EVENTS_PER_WAIT),
            buffer: Box::new_uninit_slice(READ_BUFFER),
            full_log: LogLimit::default(),
            accept_log: LogLimit::default(),
            config: config.clone(),
        })
    }

    fn max_frame(&self) -> usize {
        match self.framing {
            Framing::Messages => self.config.max_message_size.min(MAX_FRAME),
            #[cfg(feature = "tls")]
            Framing::Stream => self.config.max_message_size,
        }
    }

    fn new_association(&mut self) -> AssociationId {
        let association = AssociationId::new(self.config.transport_number, self.next_number);
        self.next_number += 1;
        association
    }

    /// Moves the timer of a connection.
    fn set_deadline(&mut self, association: AssociationId, deadline: Option<Time>) {
        let Some(connection) = self.connections.get_mut(&association) else { return };
        self.timers.set(association.as_u64(), connection.deadline, deadline);
        connection.deadline = deadline;
    }

    /// Tells epoll what the connection waits for now, and takes its memory back when nothing waits to be sent.
    fn settle(&mut self, association: AssociationId) {
        let Some(connection) = self.connections.get_mut(&association) else { return };
        if let Some(memory) = connection.log.take_memory() {
            if self.spare.len() < MAX_SPARE && memory.capacity() <= MAX_SPARE_BYTES {
                self.spare.push(memory);
            }
        }
        let wanted = connection.wanted_interest();
        if wanted != connection.interest
            && self.epoll.modify(connection.socket.as_raw_fd(), association.as_u64(), wanted).is_ok()
        {
            connection.interest = wanted;
        }
    }

    fn remove(&mut self, association: AssociationId) -> Option<Connection> {
        self.set_deadline(association, None);
        let connection = self.connections.remove(&association)?;
        // Closing is not enough: a child of fork() has the descriptor, too, and epoll would report it for ever.
        let _ = self.epoll.remove(connection.socket.as_raw_fd()); // fails only where it was not in the set
        Some(connection)
    }

    /// Ends a connection and reports it.
    fn lose(&mut self, association: AssociationId, reason: LossReason, sink: Sink<'_>) {
        let Some(connection) = self.remove(association) else { return };
        let established = connection.established;
        let undelivered = connection.end(reason == LossReason::Closed);
        sink(if established {
            TransportEvent::Lost { association, reason, undelivered }
        } else {
            TransportEvent::ConnectFailed { association, reason }
        });
    }

    /// Marks a connection as lost, for the next `poll` to report.
    fn fail_later(&mut self, association: AssociationId, reason: LossReason) {
        if let Some(connection) = self.connections.get_mut(&association) {
            connection.state = State::Failed(reason);
            // Nobody may poll for a while, and its socket would stay ready.
            let _ = self.epoll.remove(connection.socket.as_raw_fd()); // fails only where it was not in the set
            self.failed.push(association);
        }
    }

    fn report_failed(&mut self, sink: Sink<'_>) {
        for (association, reason) in std::mem::take(&mut self.failed_connects) {
            sink(TransportEvent::ConnectFailed { association, reason });
        }
        for association in std::mem::take(&mut self.failed) {
            let Some(connection) = self.connections.get_mut(&association) else { continue };
            if let State::Failed(reason) = &mut connection.state {
                let reason = std::mem::replace(reason, LossReason::Closed);
                self.lose(association, reason, sink);
            }
        }
    }

    fn next_timer(&self) -> Option<Time> {
        [self.timers.first(), self.accept_again].into_iter().flatten().min()
    }

    fn run_timers(&mut self, now: Time, sink: Sink<'_>) {
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept_again = None;
            self.go_on_accepting(now);
        }
        while let Some(association) = self.timers.due(now).map(AssociationId::from_u64) {
            self.set_deadline(association, None);
            let Some(connection) = self.connections.get(&association) else { continue };
            match connection.state {
                State::Connecting(_) => self.attempt_failed(now, association, LossReason::Timeout, sink),
                State::Open => {
                    let reason = LossReason::ProtocolViolation("a message did not arrive whole in time".into());
                    self.lose(association, reason, sink);
                }
                State::Closing { .. } | State::PeerClosed => self.lose(association, LossReason::Unreachable, sink),
                State::Failed(_) => {}
            }
        }
    }
}

impl Transport for Tcp {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: TransportKind::Tcp,
            multi_homing: false,
            payload_protocol_id: false,
            max_message_size: self.max_frame(),
        }
    }

    fn local_port(&self) -> u16 {
        self.local_port
    }

    fn local_addresses(&self) -> AddressList {
        self.local_addresses.clone()
    }

    fn connect(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        if self.connections.len() + self.failed_connects.len() >= self.config.max_associations {
            return Err(TransportError::TooManyAssociations);
        }
        self.start(now, peer, connect_timeout)
    }

    fn send(
        &mut self,
        _now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        self.send_message(association, message)
    }

    fn hold(&mut self) {
        self.holding = true;
    }

    fn release(&mut self, _now: Time) {
        self.release_held();
    }

    fn shutdown(&mut self, now: Time, association: AssociationId) {
        let Some(connection) = self.connections.get_mut(&association) else { return };
        match &mut connection.state {
            State::Connecting(_) if connection.log.is_empty() => self.fail_later(association, LossReason::Closed),
            State::Connecting(connecting) => connecting.then_close = true,
            State::Open => {
                connection.state = State::Closing { end_sent: false };
                let flushed = connection.flush();
                self.set_deadline(association, Some(now + CLOSE_TIMEOUT));
                match flushed {
                    Ok(()) => self.settle(association),
                    Err(reason) => self.fail_later(association, reason),
                }
            }
            State::Closing { .. } | State::PeerClosed | State::Failed(_) => {}
        }
    }

    fn abort(&mut self, _now: Time, association: AssociationId, reason: &str) {
        self.failed_connects.retain(|(failed, _)| *failed != association);
        if let Some(connection) = self.remove(association) {
            log::debug!("TCP connection {association} reset: {}", reason.escape_debug());
            connection.end(false);
        }
    }

    fn give_up(&mut self, now: Time, association: AssociationId, reason: &str) {
        match self.connections.get(&association) {
            Some(connection) if matches!(connection.state, State::Failed(_)) => {}
            Some(connection) if connection.established => self.fail_later(association, LossReason::GivenUp),
            _ => self.abort(now, association, reason),
        }
    }

    /// The system resets the connections of a process that ends, and TCP keep-alives look for the rest.
    fn probe(&mut self, _now: Time, _association: AssociationId) {}

    fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.config.parameters = *parameters;
        for (association, connection) in &self.connections {
            if let Err(error) = options::set_liveness(&connection.socket, parameters) {
                log::debug!("TCP connection {association}: new timers not set: {error}");
            }
        }
    }

    fn limit_send_queues(&mut self, bytes: usize) {
        self.config.max_send_queue = bytes;
    }

    fn parameters_of(&self, _association: AssociationId) -> Option<SctpParameters> {
        None
    }

    fn round_trip_time(&self, association: AssociationId) -> Option<Duration> {
        let connection = self.connections.get(&association).filter(|connection| connection.established)?;
        options::round_trip_time(&connection.socket)
    }

    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        self.report_failed(sink);
        if self.ready.is_empty() {
            self.epoll.ready(&mut self.ready);
            self.ready.reverse();
        }
        let mut more = self.ready.len() == EVENTS_PER_WAIT;
        let mut work = 0;
        while work < WORK_PER_POLL {
            let Some(ready) = self.ready.pop() else { break };
            work += WORK_OF_READING;
            let mut counting = |event: TransportEvent<'_>| {
                work += match event {
                    TransportEvent::Message { .. } => 1,
                    TransportEvent::Up { .. } => WORK_OF_ACCEPTING,
                    _ => 0,
                };
                sink(event);
            };
            more |= match ready.key.checked_sub(FIRST_LISTENER_KEY) {
                Some(index) => self.accept(now, index as usize, &mut counting),
                None => self.handle_ready(now, ready, &mut counting),
            };
        }
        more |= !self.ready.is_empty();
        if self.punctuality.lets_timers_run(now, self.next_timer(), more) {
            self.run_timers(now, sink);
        }
        more
    }

    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        None
    }

    fn next_deadline(&self) -> Option<Time> {
        if !self.failed.is_empty() || !self.failed_connects.is_empty() {
            return Some(Time::ZERO);
        }
        self.punctuality.next_deadline(self.next_timer())
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        multicast::announcement_sockets(&self.local_addresses, self.local_port)
    }

    fn poll_fd(&self) -> Option<RawFd> {
        Some(self.epoll.as_raw_fd())
    }
}

#[cfg(feature = "tls")]
impl super::tls::Carrier for Tcp {
    fn unacknowledged(&mut self, association: AssociationId) -> usize {
        self.connections.get_mut(&association).map_or(0, Connection::unacknowledged)
    }
}

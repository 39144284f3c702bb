//! TCP between pool user and registrar (RFC 5352 section 2.1): an endpoint with an optional listener and any number of
//! connections, whose messages are framed by their ASAP length.
//!
//! TCP has neither streams nor payload protocol identifiers: every message is on stream 0 with the PPID of ASAP.

mod connection;
mod framing;
mod options;
mod send_log;
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
use send_log::SendLog;
use socket2::Socket;
use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// The payload protocol identifier of ASAP (RFC 5352 section 8).
const ASAP_PPID: u32 = 11;
/// The longest message that a 16-bit length can announce, with its padding.
const MAX_FRAME: usize = 65_536;
/// Bytes read in one go.
const READ_BUFFER: usize = 64 << 10;
/// Bytes kept back for one connection while messages are held: a write of that size gains nothing by waiting.
const MAX_HELD: usize = 64 << 10;
/// Memory that is kept for the next connection that sends: so many pieces, none of them larger.
const MAX_SPARE: usize = 16;
const MAX_SPARE_BYTES: usize = 2 * MAX_HELD;
/// Messages after which a poll hands over to its caller: what it has to do for them takes memory until it has done it.
const MESSAGES_PER_POLL: usize = 4_096;
/// Connections accepted in one poll from one listener.
const ACCEPTS_PER_POLL: usize = 64;
/// How long a message may take from its first byte to its last: a slower peer only holds a connection.
const PARTIAL_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the peer may take to finish an orderly close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long accepting rests when the process or the machine is out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Epoll keys from here on are listeners; below, association numbers, which have 48 bits and the transport number.
const FIRST_LISTENER_KEY: u64 = u64::MAX - 0xffff;

/// A TCP endpoint. See the [module](self).
pub struct Tcp {
    config: EndpointConfig,
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
        let epoll = Epoll::new()?;
        let listeners = if config.listen { options::listeners(&config.bind)? } else { Vec::new() };
        for (index, listener) in listeners.iter().enumerate() {
            epoll.add(listener.as_raw_fd(), FIRST_LISTENER_KEY + index as u64, Interest::Read)?;
        }
        let local_port = listeners.first().map_or(Ok(0), options::local_port)?;
        let specified = config.bind.iter().map(SocketAddr::ip).filter(|address| !address.is_unspecified());
        Ok(Tcp {
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
            buffer: vec![MaybeUninit::uninit(); READ_BUFFER].into_boxed_slice(),
            full_log: LogLimit::default(),
            accept_log: LogLimit::default(),
            config: config.clone(),
        })
    }

    fn max_frame(&self) -> usize {
        self.config.max_message_size.min(MAX_FRAME)
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
        self.epoll.remove(connection.socket.as_raw_fd());
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
            self.epoll.remove(connection.socket.as_raw_fd());
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

    /// Begins to connect to the next address that lets us; fails with the last address's reason.
    fn next_attempt(&self, now: Time, connecting: &mut Connecting) -> Result<(Socket, Time), LossReason> {
        let mut reason = LossReason::Unreachable;
        while !connecting.untried.is_empty() {
            let peer = SocketAddr::new(connecting.untried.remove(0), connecting.port);
            match options::connecting(peer, &self.config.bind, &self.config.parameters) {
                Ok(socket) => {
                    let left = connecting.give_up.saturating_since(now);
                    let share = left / u32::try_from(connecting.untried.len() + 1).unwrap_or(u32::MAX);
                    return Ok((socket, now + share));
                }
                Err(error) => {
                    log::debug!("TCP connect to {peer} failed at once: {error}");
                    reason = loss_reason(&error);
                }
            }
        }
        Err(reason)
    }

    /// The current attempt failed: tries the next address or gives up.
    fn attempt_failed(&mut self, now: Time, association: AssociationId, reason: LossReason, sink: Sink<'_>) {
        let Some(mut connection) = self.remove(association) else { return };
        let State::Connecting(connecting) = &mut connection.state else { return };
        let next = if connecting.untried.is_empty() { Err(reason) } else { self.next_attempt(now, connecting) };
        let next = next.and_then(|(socket, deadline)| {
            let added = self.epoll.add(socket.as_raw_fd(), association.as_u64(), Interest::Write);
            added.map_err(|error| loss_reason(&error))?;
            Ok((socket, deadline))
        });
        match next {
            Ok((socket, deadline)) => {
                connection.socket = socket;
                connection.interest = Interest::Write;
                self.connections.insert(association, connection);
                self.set_deadline(association, Some(deadline));
            }
            Err(reason) => sink(TransportEvent::ConnectFailed { association, reason }),
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

    fn handle_ready(&mut self, now: Time, ready: Ready, sink: Sink<'_>) -> bool {
        let association = AssociationId::from_u64(ready.key);
        let Some(connection) = self.connections.get_mut(&association) else { return false };
        if let State::Connecting(_) = connection.state {
            self.finish_connect(now, association, sink);
            return false;
        }
        let mut more = false;
        if ready.writable {
            if let Err(reason) = self.flush(association, sink) {
                self.lose(association, reason, sink);
                return false;
            }
        }
        if ready.readable {
            match self.read(now, association, sink) {
                Ok(again) => more = again,
                Err(reason) => {
                    self.lose(association, reason, sink);
                    return false;
                }
            }
        }
        self.settle(association);
        more
    }

    /// Learns the outcome of a connect.
    fn finish_connect(&mut self, now: Time, association: AssociationId, sink: Sink<'_>) {
        let Some(connection) = self.connections.get_mut(&association) else { return };
        let error = connection.socket.take_error().unwrap_or_else(Some);
        if let Some(error) = error {
            return self.attempt_failed(now, association, loss_reason(&error), sink);
        }
        let Some(peer) = connection.socket.peer_addr().ok().and_then(|address| address.as_socket()) else {
            // Neither failed nor connected: it was reported too early.
            return;
        };
        let then_close = matches!(&connection.state, State::Connecting(connecting) if connecting.then_close);
        connection.state = if then_close { State::Closing { end_sent: false } } else { State::Open };
        self.established(association, peer, false, sink);
        self.set_deadline(association, then_close.then(|| now + CLOSE_TIMEOUT));
        match self.flush(association, sink) {
            Ok(()) => self.settle(association),
            Err(reason) => self.lose(association, reason, sink),
        }
    }

    fn established(&mut self, association: AssociationId, peer: SocketAddr, inbound: bool, sink: Sink<'_>) {
        let Some(connection) = self.connections.get_mut(&association) else { return };
        connection.established = true;
        let (address, port) = canonical(peer);
        let peer = Peer { address: PeerAddress::new(address, port), inbound, kind: TransportKind::Tcp };
        sink(TransportEvent::Up { association, peer });
    }

    /// Writes what waits; reports room for more messages to whoever was refused.
    fn flush(&mut self, association: AssociationId, sink: Sink<'_>) -> Result<(), LossReason> {
        let Some(connection) = self.connections.get_mut(&association) else { return Ok(()) };
        connection.flush()?;
        if connection.wants_room && connection.log.unsent_len() <= self.config.max_send_queue / 2 {
            connection.wants_room = false;
            sink(TransportEvent::Writable { association });
        }
        if matches!(connection.state, State::PeerClosed) && connection.log.unsent_len() == 0 {
            return Err(LossReason::Closed);
        }
        Ok(())
    }

    /// Reads messages; true when more may be waiting.
    fn read(&mut self, now: Time, association: AssociationId, sink: Sink<'_>) -> Result<bool, LossReason> {
        let limit = self.max_frame();
        let Some(connection) = self.connections.get_mut(&association) else { return Ok(false) };
        let was_partial = connection.framer.has_partial();
        let outcome = connection.read(&mut self.buffer, limit, &mut |payload| {
            sink(TransportEvent::Message { association, stream: 0, ppid: ASAP_PPID, payload });
        })?;
        let is_partial = connection.framer.has_partial();
        if outcome.ended {
            if matches!(connection.state, State::Closing { .. }) || connection.log.unsent_len() == 0 {
                return Err(LossReason::Closed);
            }
            connection.state = State::PeerClosed;
            self.set_deadline(association, Some(now + CLOSE_TIMEOUT));
        } else if matches!(connection.state, State::Open) {
            if !is_partial {
                self.set_deadline(association, None);
            } else if !was_partial || outcome.messages > 0 {
                self.set_deadline(association, Some(now + PARTIAL_MESSAGE_TIMEOUT));
            }
        }
        Ok(outcome.more)
    }

    /// Accepts again after a pause. The listeners stayed in the set of epoll: to come into it anew takes memory, which may be just
    /// what is short. Should they not be heard all the same, the pause goes on, as nobody else would see to them.
    fn go_on_accepting(&mut self, now: Time) {
        if let Err(error) = self.watch_listeners(Interest::Read) {
            self.pause_accepting(now, &error);
        }
    }

    fn watch_listeners(&self, interest: Interest) -> io::Result<()> {
        self.listeners.iter().enumerate().try_for_each(|(index, listener)| {
            self.epoll.modify(listener.as_raw_fd(), FIRST_LISTENER_KEY + index as u64, interest)
        })
    }

    /// Accepts what waits at a listener; true when more may be waiting.
    fn accept(&mut self, now: Time, index: usize, sink: Sink<'_>) -> bool {
        for _ in 0..ACCEPTS_PER_POLL {
            let Some(listener) = self.listeners.get(index) else { return false };
            match listener.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
                Ok((socket, peer)) => {
                    if let Some(peer) = peer.as_socket() {
                        self.admit(now, socket, peer, sink);
                    }
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return false,
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        self.pause_accepting(now, &error);
                        return false;
                    }
                    // The connection at the head of the queue failed already: the next one may be good.
                    _ => {}
                },
            }
        }
        true
    }

    /// Without a free descriptor the listener stays ready: waiting for it would spin.
    fn pause_accepting(&mut self, now: Time, error: &io::Error) {
        // A failure leaves some ready, which costs processor time and nothing else.
        let _ = self.watch_listeners(Interest::Nothing);
        self.accept_again = Some(now + ACCEPT_PAUSE);
        log_limited!(
            self.accept_log,
            now,
            log::Level::Warn,
            "TCP port {}: cannot accept connections for now: {error} ({} connections open)",
            self.local_port,
            self.connections.len()
        );
    }

    fn admit(&mut self, now: Time, socket: Socket, peer: SocketAddr, sink: Sink<'_>) {
        if self.connections.len() >= self.config.max_associations {
            log_limited!(
                self.full_log,
                now,
                log::Level::Warn,
                "TCP port {}: connection from {peer} refused: {} connections are the limit",
                self.local_port,
                self.config.max_associations
            );
            return;
        }
        if let Err(error) = options::tune(&socket, &self.config.parameters) {
            log::debug!("TCP connection from {peer}: options not set: {error}");
        }
        let association = self.new_association();
        if let Err(error) = self.epoll.add(socket.as_raw_fd(), association.as_u64(), Interest::Read) {
            log::error!("TCP connection from {peer} closed: cannot wait for it: {error}");
            return;
        }
        self.connections
            .insert(association, Connection::new(socket, State::Open, Interest::Read, self.config.report_undelivered));
        self.established(association, peer, true, sink);
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
        let association = self.new_association();
        let mut connecting = Connecting {
            untried: peer.addresses.clone(),
            port: peer.port,
            give_up: now + connect_timeout,
            then_close: false,
        };
        match self.next_attempt(now, &mut connecting) {
            Ok((socket, deadline)) => {
                self.epoll.add(socket.as_raw_fd(), association.as_u64(), Interest::Write)?;
                let state = State::Connecting(connecting);
                let reports = self.config.report_undelivered;
                let connection = Connection::new(socket, state, Interest::Write, reports);
                self.connections.insert(association, connection);
                self.set_deadline(association, Some(deadline));
            }
            Err(reason) => self.failed_connects.push((association, reason)),
        }
        Ok(association)
    }

    fn send(
        &mut self,
        _now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        let limit = self.max_frame();
        let payload = message.payload;
        let connection = self.connections.get_mut(&association).ok_or(TransportError::UnknownAssociation)?;
        match &connection.state {
            State::Open => {}
            State::Connecting(connecting) if !connecting.then_close => {}
            _ => return Err(TransportError::Closing),
        }
        if payload.is_empty() {
            return Err(TransportError::EmptyMessage);
        }
        if payload.len().next_multiple_of(4) > limit {
            return Err(TransportError::MessageTooLarge { limit });
        }
        check_frame(payload)?;
        let padding = &[0u8; 3][..payload.len().next_multiple_of(4) - payload.len()];
        let worth_writing = MAX_HELD.min(self.config.max_send_queue);
        if connection.held && connection.log.unsent_len() + payload.len() > worth_writing {
            if let Err(reason) = connection.flush() {
                // The messages until now count as accepted, this one does not.
                self.fail_later(association, reason);
                return Err(TransportError::Closing);
            }
        }
        let waiting = connection.log.unsent_len();
        if waiting > 0 && waiting + payload.len() + padding.len() > self.config.max_send_queue {
            connection.wants_room = true;
            return Err(TransportError::WouldBlock);
        }
        if self.holding && matches!(connection.state, State::Open) {
            if connection.log.capacity() == 0 {
                connection.log = self.spare.pop().unwrap_or_default();
            }
            connection.log.push([payload, padding], 0);
            if !connection.held {
                connection.held = true;
                self.held.push(association);
            }
            return Ok(());
        }
        match connection.write(payload, padding) {
            Ok(()) => self.settle(association),
            // The message counts as accepted: it will be among the undelivered ones.
            Err(reason) => self.fail_later(association, reason),
        }
        Ok(())
    }

    fn hold(&mut self) {
        self.holding = true;
    }

    fn release(&mut self, _now: Time) {
        self.holding = false;
        let mut held = std::mem::take(&mut self.held);
        for association in held.drain(..) {
            let Some(connection) = self.connections.get_mut(&association) else { continue };
            connection.held = false;
            if matches!(connection.state, State::Failed(_)) {
                continue;
            }
            match connection.flush() {
                Ok(()) => self.settle(association),
                Err(reason) => self.fail_later(association, reason),
            }
        }
        self.held = held;
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
        let mut messages = 0;
        while messages < MESSAGES_PER_POLL {
            let Some(ready) = self.ready.pop() else { break };
            let mut counting = |event: TransportEvent<'_>| {
                messages += usize::from(matches!(event, TransportEvent::Message { .. }));
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

    fn announcement_socket(&self) -> io::Result<UdpSocket> {
        multicast::announcement_socket(&self.local_addresses, self.local_port)
    }

    fn poll_fd(&self) -> Option<RawFd> {
        Some(self.epoll.as_raw_fd())
    }
}

/// Refuses a message whose own length would make the peer lose step.
fn check_frame(payload: &[u8]) -> Result<(), TransportError> {
    let frame = payload.first_chunk().map(|header| framing::frame_len(*header, MAX_FRAME));
    match frame {
        Some(Ok(len)) if len == payload.len().next_multiple_of(4) => Ok(()),
        _ => Err(TransportError::Io(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the message does not carry its own length, by which TCP connections are framed",
        ))),
    }
}

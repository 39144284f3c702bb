//! The kernel's SCTP: one one-to-many socket an endpoint (RFC 6458 section 3), with as many associations as needed.
//!
//! A peer that speaks SCTP in UDP only is reached by encapsulation (RFC 6951) where the system allows it
//! (`sysctl net.sctp.udp_port`): a connect tries native SCTP first, then UDP to the port number of the peer's SCTP.

mod abi;
mod association;
mod batch;
mod confirming;
mod connecting;
mod death;
mod detached;
#[cfg(feature = "registrar")]
mod echo;
mod notification;
mod parameters;
mod receiving;
mod sending;
mod socket;

use super::epoll::{Epoll, Interest};
use super::{
    Capabilities, Detachable, Detachment, EndpointConfig, OutboundMessage, Punctuality, SctpParameters, Transport,
    TransportError, TransportEvent, multicast,
};
use crate::association::{LossReason, Peer, PeerAddress, TransportKind, Undelivered};
use crate::collections::{AssociationMap, Deadlines, SortedMap};
use crate::log_limit::{LogLimit, log_limited};
use crate::transport::types::copied;
use crate::wire::AddressList;
use crate::{AssociationId, Time};
use abi::KernelId;
use association::{Association, Connecting, Kept, NO_KERNEL_ID, Queued, State};
use batch::SLOTS;
use detached::Receiver;
#[cfg(feature = "registrar")]
pub use echo::EchoServer;
use notification::{Notification, SendFailed, abort_reason, cause_name, end_reason};
pub(super) use socket::probe;
use socket::{Received, SctpSocket, SendOptions};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// Calls to receive in one poll, each of which takes several messages and notifications.
const RECEIVE_CALLS_PER_POLL: usize = 2;
/// Bytes kept back for one association while messages are held: several packets are filled.
const MAX_HELD: usize = 64 << 10;
/// What one association may have in the kernel unacknowledged; the rest waits here.
const KERNEL_WINDOW: usize = 256 << 10;
/// How long a connect tries native SCTP before it tries UDP encapsulation.
const NATIVE_ATTEMPT: Duration = Duration::from_secs(1);
/// How long it tries UDP encapsulation where native SCTP was refused.
const ENCAPSULATED_ATTEMPT: Duration = Duration::from_secs(1);
/// Where the system says on which UDP port its kernel takes and sends encapsulated SCTP; 0: not at all.
const ENCAPSULATION_SYSCTL: &str = "/proc/sys/net/sctp/udp_port";
/// Connects that were ended and whose end the kernel has yet to tell; more than that are not waited for.
const MAX_ABANDONED: usize = 4_096;
/// How long the kernel has to tell of the end of an association that was given up; it does so at once.
const END_OF_GIVEN_UP: Duration = Duration::from_secs(1);
/// The key of the socket in the epoll set.
const SOCKET_KEY: u64 = 0;

type Sink<'s> = &'s mut dyn FnMut(TransportEvent<'_>);

/// An endpoint on the kernel's SCTP. See the [module](self).
pub struct KernelSctp {
    config: EndpointConfig,
    socket: Arc<SctpSocket>,
    /// The receiver is away for good.
    detached_for_good: bool,
    /// What kind of wait in the call that receives the socket is ready for.
    prepared: Option<Detachment>,
    epoll: Epoll,
    punctuality: Punctuality,
    local_port: u16,
    local_addresses: AddressList,
    /// The system encapsulates in UDP.
    encapsulation: bool,
    associations: AssociationMap<Association>,
    /// The kernel may use its numbers again.
    by_kernel_id: HashMap<KernelId, AssociationId>,
    next_number: u64,
    timers: Deadlines,
    /// Associations whose queue waits for room in the socket's send buffer.
    blocked: SortedMap<AssociationId, ()>,
    /// Associations that the kernel has ended and that are yet to be reported.
    ending: Vec<AssociationId>,
    /// Connects to peers that began an association themselves, which is yet to be received.
    expected: Vec<AssociationId>,
    /// Connects that were ended here. They may have succeeded before: what the kernel has yet to tell of them is not for anybody.
    abandoned: VecDeque<KernelId>,
    /// Connects that failed at once.
    failed_connects: Vec<(AssociationId, LossReason)>,
    /// What messages are received with; not there while they are being taken, or somebody else receives.
    receiver: Option<Box<Receiver>>,
    /// Messages are kept back, see [`Transport::hold`].
    holding: bool,
    /// Associations with messages kept back.
    held: Vec<AssociationId>,
    full_log: LogLimit,
    violation_log: LogLimit,
    error_log: LogLimit,
}

impl KernelSctp {
    /// Opens an endpoint.
    pub fn open(config: &EndpointConfig) -> Result<KernelSctp, TransportError> {
        let socket = SctpSocket::open(&config.bind, config.listen).map_err(|error| match error.raw_os_error() {
            Some(libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT) => TransportError::Unsupported("kernel SCTP"),
            Some(libc::ENOPROTOOPT) => TransportError::Unsupported("kernel SCTP of Linux 5.0 or newer"),
            _ => TransportError::Io(error),
        })?;
        parameters::set(&socket, abi::FUTURE_ASSOCIATIONS, 1, &config.parameters)?;
        let socket = Arc::new(socket);
        let epoll = Epoll::new()?;
        epoll.add(socket.as_raw_fd(), SOCKET_KEY, Interest::Read)?;
        let specified = config.bind.iter().map(SocketAddr::ip).filter(|address| !address.is_unspecified());
        Ok(KernelSctp {
            epoll,
            punctuality: Punctuality::default(),
            local_port: socket.local_port()?,
            local_addresses: specified.collect(),
            encapsulation: system_encapsulates(),
            receiver: Some(Box::new(Receiver::new(Arc::clone(&socket)))),
            socket,
            detached_for_good: false,
            prepared: None,
            associations: AssociationMap::default(),
            by_kernel_id: HashMap::new(),
            next_number: 1,
            timers: Deadlines::default(),
            blocked: SortedMap::new(),
            ending: Vec::new(),
            expected: Vec::new(),
            abandoned: VecDeque::new(),
            failed_connects: Vec::new(),
            holding: false,
            held: Vec::new(),
            full_log: LogLimit::default(),
            violation_log: LogLimit::default(),
            error_log: LogLimit::default(),
            config: config.clone(),
        })
    }

    /// Whether a connect that native SCTP does not answer tries UDP encapsulation; it does where the system allows it.
    pub fn set_encapsulation(&mut self, enabled: bool) {
        self.encapsulation = enabled && system_encapsulates();
    }

    fn new_association(&mut self, association: Association) -> AssociationId {
        let id = self.next_id();
        self.insert(id, association);
        id
    }

    fn insert(&mut self, id: AssociationId, association: Association) {
        if association.kernel_id == NO_KERNEL_ID {
            self.expected.push(id);
        } else {
            self.by_kernel_id.insert(association.kernel_id, id);
        }
        self.associations.insert(id, association);
    }

    fn next_id(&mut self) -> AssociationId {
        let id = AssociationId::new(self.config.transport_number, self.next_number);
        self.next_number += 1;
        id
    }

    fn by_kernel_id(&mut self, kernel_id: KernelId) -> Option<(AssociationId, &mut Association)> {
        let id = *self.by_kernel_id.get(&kernel_id)?;
        Some((id, self.associations.get_mut(&id)?))
    }

    fn set_deadline(&mut self, id: AssociationId, deadline: Option<Time>) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        self.timers.set(id.as_u64(), association.deadline, deadline);
        association.deadline = deadline;
    }

    /// Forgets an association; the kernel's number means nothing from now on.
    fn remove(&mut self, id: AssociationId) -> Option<Association> {
        self.set_deadline(id, None);
        self.unblock(id);
        let association = self.associations.remove(&id)?;
        self.expected.retain(|expected| *expected != id);
        if self.by_kernel_id.get(&association.kernel_id) == Some(&id) {
            self.by_kernel_id.remove(&association.kernel_id);
        }
        Some(association)
    }

    /// Ends an association of which nothing was told yet, so that nothing ever is.
    fn abandon_connect(&mut self, association: KernelId, reason: &str) {
        if association == NO_KERNEL_ID {
            return;
        }
        if self.abandoned.len() == MAX_ABANDONED {
            self.abandoned.pop_front();
        }
        self.abandoned.push_back(association);
        self.abort_in_kernel(association, reason);
    }

    /// Sends an ABORT. An error means that there is nothing left to abort, or no memory for it.
    fn abort_in_kernel(&self, association: KernelId, reason: &str) {
        if association == NO_KERNEL_ID {
            return;
        }
        let options =
            SendOptions { association, stream: 0, ppid: 0, flags: abi::SCTP_ABORT, context: 0, lifetime: None };
        let _ = self.socket.send(options, reason.as_bytes());
    }
}

impl Transport for KernelSctp {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: TransportKind::KernelSctp,
            multi_homing: true,
            payload_protocol_id: true,
            max_message_size: self.config.max_message_size,
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
        if self.associations.len() + self.failed_connects.len() >= self.config.max_associations {
            return Err(TransportError::TooManyAssociations);
        }
        self.start(now, peer, connect_timeout)
    }

    fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        self.send_message(now, association, message)
    }

    fn hold(&mut self) {
        self.holding = true;
    }

    fn release(&mut self, now: Time) {
        self.release_held(now);
    }

    fn shutdown(&mut self, _now: Time, id: AssociationId) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        match &mut association.state {
            State::Up => {
                association.state = State::Closing { told: false };
                self.close_when_flushed(id);
            }
            State::Connecting(_) if association.outbox.queue.is_empty() => {
                let kernel_id = association.kernel_id;
                self.remove(id);
                self.abandon_connect(kernel_id, "");
                self.failed_connects.push((id, LossReason::Closed));
            }
            State::Connecting(connecting) => connecting.then_close = true,
            State::Closing { .. } | State::PeerClosing | State::GivenUp | State::Ending(_) => {}
        }
    }

    fn abort(&mut self, _now: Time, id: AssociationId, reason: &str) {
        self.failed_connects.retain(|(failed, _)| *failed != id);
        match self.remove(id) {
            Some(association) if association.established => self.abort_in_kernel(association.kernel_id, reason),
            Some(association) => self.abandon_connect(association.kernel_id, reason),
            None => {}
        }
    }

    fn give_up(&mut self, now: Time, id: AssociationId, reason: &str) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        if !association.established {
            return self.abort(now, id, reason);
        }
        if matches!(association.state, State::Ending(_)) {
            return;
        }
        // The kernel tells of the end, and hands back what was not acknowledged, after what else it has to tell.
        association.state = State::GivenUp;
        let kernel_id = association.kernel_id;
        self.unblock(id);
        self.set_deadline(id, Some(now + END_OF_GIVEN_UP));
        self.abort_in_kernel(kernel_id, reason);
    }

    /// The kernel of a process that ends aborts its associations, and heartbeats of ours look for the rest.
    fn probe(&mut self, _now: Time, _association: AssociationId) {}

    fn set_parameters(&mut self, new: &SctpParameters) {
        self.config.parameters = *new;
        let existing = self.associations.values().filter(|association| association.kernel_id != NO_KERNEL_ID);
        let existing = existing.map(|association| (association.kernel_id, association.paths()));
        for (kernel_id, paths) in existing.chain([(abi::FUTURE_ASSOCIATIONS, 1)]) {
            if let Err(error) = parameters::set(&self.socket, kernel_id, paths, new) {
                log::debug!("SCTP port {}: new parameters not set: {error}", self.local_port);
            }
        }
    }

    fn limit_send_queues(&mut self, bytes: usize) {
        self.config.max_send_queue = bytes;
    }

    fn parameters_of(&self, id: AssociationId) -> Option<SctpParameters> {
        let association = self.associations.get(&id).filter(|association| association.kernel_id != NO_KERNEL_ID)?;
        parameters::get(&self.socket, association.kernel_id).ok()
    }

    fn round_trip_time(&self, id: AssociationId) -> Option<Duration> {
        let association = self.associations.get(&id).filter(|association| association.established)?;
        let status = self.socket.status(association.kernel_id).ok()?;
        // Zero is a measurement too if it has moved the timeout.
        let measured =
            status.primary_srtt > 0 || u128::from(status.primary_rto) != self.config.parameters.rto_initial.as_millis();
        // Unlike all other times, Linux tells this one in ticks of its clock.
        measured.then(|| socket::kernel_tick() * status.primary_srtt)
    }

    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        for (association, reason) in std::mem::take(&mut self.failed_connects) {
            sink(TransportEvent::ConnectFailed { association, reason });
        }
        let more = self.receive(now, sink);
        if !self.blocked.is_empty() {
            self.flush_blocked(now, sink);
        }
        if self.punctuality.lets_timers_run(now, self.timers.first(), more) {
            self.run_timers(now, sink);
        }
        more
    }

    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        Some(self)
    }

    fn next_deadline(&self) -> Option<Time> {
        if !self.failed_connects.is_empty() || !self.ending.is_empty() && self.receiver.is_some() {
            return Some(Time::ZERO);
        }
        self.punctuality.next_deadline(self.timers.first())
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        multicast::announcement_sockets(&self.local_addresses, self.local_port)
    }

    fn poll_fd(&self) -> Option<RawFd> {
        Some(self.epoll.as_raw_fd())
    }
}

fn system_encapsulates() -> bool {
    let port = std::fs::read_to_string(ENCAPSULATION_SYSCTL).ok().and_then(|text| text.trim().parse::<u16>().ok());
    port.is_some_and(|port| port > 0)
}

#[cfg(feature = "tls")]
impl super::tls::Carrier for KernelSctp {
    fn unacknowledged(&mut self, association: AssociationId) -> usize {
        self.associations.get(&association).map_or(0, |association| association.outbox.unacknowledged())
    }
}

//! SCTP in user space, encapsulated in UDP (RFC 6951), on the crate `dcsctp`.
//!
//! dcsctp is one association without I/O. This wrapper is the endpoint around many of them: one UDP port, which is also
//! the SCTP port; finding the association of a packet; accepting without state; connecting; noticing dead peers quickly;
//! remembering what the peer has not acknowledged.
//!
//! | file | what is there |
//! | --- | --- |
//! | `endpoint.rs` | moving events, packets and timers between dcsctp and the endpoint |
//! | `receive.rs` | which association a packet belongs to, and what to do with those that belong to none |
//! | `handshake.rs` | INIT and COOKIE ECHO: accepting, restart, simultaneous connects |
//! | `connect.rs` | the race of a connect to the places where a peer may listen |
//! | `association.rs`, `table.rs`, `timers.rs` | state |
//! | `cookie.rs`, `unproven.rs` | signed state cookies; how many are sent that may never come back |
//! | `probe.rs` | what ICMP errors and doubts lead to |
//! | `vigil.rs` | when a peer that does not answer is gone |
//! | `packet.rs`, `crc32c.rs` | packets as far as the wrapper reads and writes them |
//! | `udp.rs` | sockets |
//! | `options.rs` | our parameters in dcsctp's terms |

mod association;
mod connect;
mod cookie;
mod crc32c;
mod endpoint;
mod entropy;
mod handshake;
#[cfg(test)]
mod loss_tests;
mod options;
mod packet;
mod probe;
mod receive;
mod spare;
mod table;
#[cfg(test)]
mod tests;
mod timers;
mod udp;
mod unproven;
mod vigil;

use super::{
    Capabilities, Detachable, EndpointConfig, OutboundMessage, Punctuality, QueuedEvent, SctpParameters, Transport,
    TransportError, TransportEvent,
};
use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::log_limit::LogLimit;
use crate::{AssociationId, Time};
use association::Association;
use connect::Connecting;
use cookie::CookieSigner;
use dcsctp::api::{DcSctpSocket, SocketState};
use entropy::Entropy;
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::RawFd;
use std::time::Duration;
use table::Table;
use timers::Timers;
use udp::{Path, Udp};
use unproven::Unproven;

/// What [`SctpUdp::open`] can be told besides the endpoint's configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct SctpUdpOptions {
    /// Makes tags, sequence numbers and cookie keys repeatable, for simulations; otherwise they come from the system.
    pub seed: Option<u64>,
    /// Lets sockets that listen to a multicast group bind the same port. A second endpoint on the port fails all the same,
    /// but other programs of this host can take its packets, so it is off by default.
    pub share_port: bool,
}

/// An endpoint of SCTP in UDP.
pub struct SctpUdp {
    config: EndpointConfig,
    udp: Udp,
    table: Table,
    timers: Timers,
    entropy: Entropy,
    signer: Option<CookieSigner>,
    unproven: Option<Unproven>,
    events: VecDeque<QueuedEvent>,
    punctuality: Punctuality,
    /// Log lines about packets that belong to no association.
    strangers: LogLimit,
    /// Log lines about what peers do wrong.
    offences: LogLimit,
}

// SAFETY: dcsctp's sockets are not `Send` because parts of one socket share state by `Rc`. No such `Rc` ever leaves its
// socket: the API hands out owned values only. All sockets of an endpoint are owned by its table and are reached through
// `&mut SctpUdp` only (`&SctpUdp` reads, and `SctpUdp` is not `Sync`), so an endpoint moves between threads as a whole and no
// count is ever touched by two threads. The thread-local generator of `fastrand` is seeded anew before each use.
unsafe impl Send for SctpUdp {}

impl SctpUdp {
    /// Binds the UDP port, which is the SCTP port too, exclusively: `EADDRINUSE` if it is taken.
    pub fn open(config: &EndpointConfig, options: SctpUdpOptions) -> Result<SctpUdp, TransportError> {
        spare::reserve()?;
        let udp = Udp::open(&config.bind, options.share_port)?;
        let mut config = config.clone();
        config.max_associations = config.max_associations.min(table::MAX_SLOTS);
        options::tell_what_is_mended(&config.parameters);
        Ok(SctpUdp {
            table: Table::new(config.transport_number),
            config,
            udp,
            timers: Timers::default(),
            entropy: Entropy::new(options.seed),
            signer: None,
            unproven: None,
            events: VecDeque::new(),
            punctuality: Punctuality::default(),
            strangers: LogLimit::default(),
            offences: LogLimit::default(),
        })
    }

    /// How many associations there are, those being set up included.
    pub fn association_count(&self) -> usize {
        self.table.len()
    }

    fn check_connect(&self, peer: &PeerAddress) -> Result<(), TransportError> {
        if peer.addresses.is_empty() || peer.port == 0 {
            return Err(TransportError::Io(io::ErrorKind::InvalidInput.into()));
        }
        if self.table.len() >= self.config.max_associations {
            return Err(TransportError::TooManyAssociations);
        }
        // Two endpoints have at most one association (RFC 9260 section 1.3).
        let known = |address: &std::net::IpAddr| self.table.find_peer(address.to_canonical(), peer.port).is_some();
        if peer.addresses.iter().any(known) {
            return Err(TransportError::Io(io::Error::from_raw_os_error(libc::EISCONN)));
        }
        Ok(())
    }

    /// Looks up and takes out an association for sending.
    fn take_for_send(
        &mut self,
        id: AssociationId,
        message: &OutboundMessage<'_>,
    ) -> Result<Box<Association>, TransportError> {
        let slot = self.table.slot_of(id).ok_or(TransportError::UnknownAssociation)?;
        let mut association = self.table.take(slot).ok_or(TransportError::UnknownAssociation)?;
        let verdict = self.may_send(&mut association, message);
        match verdict {
            Ok(()) => Ok(association),
            Err(error) => {
                self.table.put(association);
                Err(error)
            }
        }
    }

    fn may_send(&self, a: &mut Association, message: &OutboundMessage<'_>) -> Result<(), TransportError> {
        let length = message.payload.len();
        if length == 0 {
            return Err(TransportError::EmptyMessage);
        }
        if length > a.max_message {
            return Err(TransportError::MessageTooLarge { limit: a.max_message });
        }
        if a.closing || a.up && a.socket.state() != SocketState::Connected {
            return Err(TransportError::Closing);
        }
        if !a.up || !a.pending.has_room(length, self.config.max_send_queue) {
            a.blocked = true;
            return Err(TransportError::WouldBlock);
        }
        if u32::from(message.stream) >= a.streams {
            return Err(TransportError::Io(io::ErrorKind::InvalidInput.into()));
        }
        Ok(())
    }
}

impl Transport for SctpUdp {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: TransportKind::SctpUdp,
            multi_homing: false,
            payload_protocol_id: true,
            max_message_size: self.config.max_message_size,
        }
    }

    fn local_port(&self) -> u16 {
        self.udp.port()
    }

    fn local_addresses(&self) -> crate::wire::AddressList {
        self.udp.addresses().collect()
    }

    fn connect(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        self.check_connect(peer)?;
        let connecting = Connecting::new(peer, now + connect_timeout);
        let far = connecting.addresses().iter().copied().find(|address| !address.is_loopback());
        let first = far.unwrap_or(connecting.addresses()[0]);
        let options = options::options(&self.config, self.udp.port(), first, peer.port);
        let max_retransmissions = self.config.parameters.association_max_retransmissions;
        let (id, slot) = self.table.reserve();
        let path = Path { socket: 0, remote: SocketAddr::new(first, peer.port), local: None };
        let mut association = Box::new(Association::new(id, slot, now, &options, max_retransmissions, path));
        association.inbound = false;
        association.connecting = Some(connecting);
        self.entropy.reseed_dcsctp();
        association.socket.connect();
        association.local_tag = association.socket.verification_tag();
        self.table.index(&association);
        self.settle(now, association, None);
        Ok(id)
    }

    fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        let mut a = self.take_for_send(association, &message)?;
        a.catch_up(now);
        let submitted = a.submit(&message);
        self.settle(now, a, None);
        submitted
    }

    /// Each message goes at once.
    fn hold(&mut self) {}

    fn release(&mut self, _now: Time) {}

    fn shutdown(&mut self, now: Time, association: AssociationId) {
        let Some(mut a) = self.table.slot_of(association).and_then(|slot| self.table.take(slot)) else { return };
        if !a.up {
            self.end(a, LossReason::Closed);
            return;
        }
        a.closing = true;
        a.catch_up(now);
        self.settle(now, a, None);
    }

    fn abort(&mut self, _now: Time, association: AssociationId, reason: &str) {
        let Some(a) = self.table.slot_of(association).and_then(|slot| self.table.take(slot)) else { return };
        if a.peer_tag != 0 {
            self.send_abort(&a, reason);
        }
        self.table.forget(&a);
        self.events.retain(|event| event.association() != association);
    }

    fn give_up(&mut self, now: Time, association: AssociationId, reason: &str) {
        let Some(a) = self.table.slot_of(association).and_then(|slot| self.table.take(slot)) else { return };
        if !a.up {
            self.table.put(a);
            return self.abort(now, association, reason);
        }
        self.send_abort(&a, reason);
        self.events.retain(|event| event.association() != association);
        self.end(a, LossReason::GivenUp);
    }

    fn probe(&mut self, now: Time, association: AssociationId) {
        let Some(a) = self.table.slot_of(association).and_then(|slot| self.table.take(slot)) else { return };
        if a.up && a.probe.is_none() { self.suspect(now, a) } else { self.table.put(a) }
    }

    fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.config.parameters = *parameters;
    }

    fn limit_send_queues(&mut self, bytes: usize) {
        self.config.max_send_queue = bytes;
    }

    fn parameters_of(&self, association: AssociationId) -> Option<SctpParameters> {
        let a = self.table.get(self.table.slot_of(association)?)?;
        Some(options::parameters(&a.socket.options(), a.vigil.least()))
    }

    fn round_trip_time(&self, association: AssociationId) -> Option<Duration> {
        self.table.get(self.table.slot_of(association)?)?.round_trip_time()
    }

    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        self.deliver(sink);
        let more_packets = self.receive_all(now, sink);
        let may_run = self.punctuality.lets_timers_run(now, self.timers.next(), more_packets);
        let more_timers = may_run && self.run_timers(now, sink);
        more_packets || more_timers
    }

    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        None
    }

    fn next_deadline(&self) -> Option<Time> {
        if self.events.is_empty() { self.punctuality.next_deadline(self.timers.next()) } else { Some(Time::ZERO) }
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        self.udp.duplicates()
    }

    fn poll_fd(&self) -> Option<RawFd> {
        Some(self.udp.fd())
    }
}

#[cfg(feature = "tls")]
impl super::tls::Carrier for SctpUdp {
    fn unacknowledged(&mut self, association: AssociationId) -> usize {
        let association = self.table.slot_of(association).and_then(|slot| self.table.get(slot));
        association.map_or(0, |association| association.pending.len())
    }
}

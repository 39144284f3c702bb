//! The vocabulary of the transport trait.

use super::SctpParameters;
use crate::AssociationId;
use crate::association::{LossReason, Peer, TransportKind, Undelivered};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// Which SCTP to use, as in `RSERPOOL_TRANSPORT` and `--transport`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransportChoice {
    /// `auto`: the kernel's SCTP where it works, else SCTP in UDP.
    #[default]
    Auto,
    /// `sctp`: the kernel's SCTP or failure.
    Sctp,
    /// `sctp-udp`: SCTP in UDP even where the kernel has SCTP.
    SctpUdp,
}

impl FromStr for TransportChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(TransportChoice::Auto),
            "sctp" => Ok(TransportChoice::Sctp),
            "sctp-udp" => Ok(TransportChoice::SctpUdp),
            other => Err(format!("unknown transport \"{}\": use auto, sctp or sctp-udp", other.escape_debug())),
        }
    }
}

/// What a transport can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Kernel SCTP, SCTP in UDP, TCP or memory.
    pub kind: TransportKind,
    /// Several addresses an endpoint, used as paths of one association.
    pub multi_homing: bool,
    /// Keeps the PPID of a message; TCP does not.
    pub payload_protocol_id: bool,
    /// The longest message that can be sent, in bytes.
    pub max_message_size: usize,
}

/// Which addresses of a peer are told, where it can have several (kernel SCTP).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeerAddresses {
    /// All that it lists.
    #[default]
    Listed,
    /// Those at which it has answered (RFC 9260 section 5.4): an association comes up when all have, or after twice RTO.Initial.
    Confirmed,
}

/// How to open an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Number of the transport within its driver: the upper 16 bits of its association identifiers.
    pub transport_number: u16,
    /// Local addresses, all with the same port; empty: wildcard address (IPv6 with IPv4, or IPv4 only), port chosen by the system.
    pub bind: Vec<SocketAddr>,
    /// Whether to accept associations.
    pub listen: bool,
    /// Accepted and own associations that may exist at a time; more are refused.
    pub max_associations: usize,
    /// Bytes that one association may queue for sending before [`TransportError::WouldBlock`].
    pub max_send_queue: usize,
    /// Longest message accepted for sending and receiving, in bytes.
    pub max_message_size: usize,
    /// Whether [`TransportEvent::Lost`] tells what the peer has not taken. TCP then keeps a copy of all that it sends, and
    /// asks the kernel again and again how much of it has arrived.
    pub report_undelivered: bool,
    /// Timers of the associations.
    pub parameters: SctpParameters,
    /// Which addresses of peers count.
    pub peer_addresses: PeerAddresses,
}

impl Default for EndpointConfig {
    fn default() -> EndpointConfig {
        EndpointConfig {
            transport_number: 0,
            bind: Vec::new(),
            listen: false,
            max_associations: 65_536,
            max_send_queue: 1 << 20,
            max_message_size: 256 << 10,
            report_undelivered: true,
            parameters: SctpParameters::default(),
            peer_addresses: PeerAddresses::Listed,
        }
    }
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct OutboundMessage<'a> {
    /// SCTP stream, 0 to the negotiated number less one.
    pub stream: u16,
    /// Payload protocol identifier, in host order.
    pub ppid: u32,
    /// Deliver without regard to order.
    pub unordered: bool,
    /// Give up after this time (partial reliability); none: never.
    pub lifetime: Option<Duration>,
    /// At least one byte.
    pub payload: &'a [u8],
}

/// A copy of a message. Programs and peers choose its length: that there is no memory for it must end nothing but the message.
pub(crate) fn copied(payload: &[u8]) -> Result<Vec<u8>, TransportError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(payload.len()).map_err(|_| TransportError::no_memory())?;
    copy.extend_from_slice(payload);
    Ok(copy)
}

impl TryFrom<&OutboundMessage<'_>> for Undelivered {
    type Error = TransportError;

    fn try_from(message: &OutboundMessage<'_>) -> Result<Undelivered, TransportError> {
        let OutboundMessage { stream, ppid, unordered, payload, .. } = *message;
        Ok(Undelivered { stream, ppid, unordered, payload: copied(payload)? })
    }
}

/// Once more. One with a lifetime does not come back.
impl<'a> From<&'a Undelivered> for OutboundMessage<'a> {
    fn from(message: &'a Undelivered) -> OutboundMessage<'a> {
        let Undelivered { stream, ppid, unordered, ref payload } = *message;
        OutboundMessage { stream, ppid, unordered, lifetime: None, payload }
    }
}

impl<'a> OutboundMessage<'a> {
    /// An ordered, reliable message on stream 0, as all of ASAP and ENRP are.
    pub fn control(ppid: u32, payload: &'a [u8]) -> OutboundMessage<'a> {
        OutboundMessage { stream: 0, ppid, unordered: false, lifetime: None, payload }
    }
}

/// What a transport reports.
#[derive(Debug)]
pub enum TransportEvent<'a> {
    /// An association is established. A peer's restart is reported as `Lost` followed by `Up` of a new association.
    Up {
        /// Its number from now on; no later association ever gets it.
        association: AssociationId,
        /// The other end.
        peer: Peer,
    },
    /// A connect came to nothing.
    ConnectFailed {
        /// What `connect` returned.
        association: AssociationId,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
    },
    /// A whole message.
    Message {
        /// Its number, by which it came up.
        association: AssociationId,
        /// SCTP stream, 0 to the negotiated number less one.
        stream: u16,
        /// Payload protocol identifier, in host order; on TCP always ASAP's.
        ppid: u32,
        /// The message without any header of SCTP.
        payload: &'a [u8],
    },
    /// An association that refused a message with `WouldBlock` takes messages again.
    Writable {
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// An established association is gone.
    Lost {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
        /// Messages that were accepted but never acknowledged by the peer, oldest first.
        undelivered: Vec<Undelivered>,
    },
}

/// Why a call on a transport failed.
#[derive(Debug)]
pub enum TransportError {
    /// The association's send queue is full; `Writable` follows.
    WouldBlock,
    /// The message is longer than the transport takes.
    MessageTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// SCTP has no empty messages.
    EmptyMessage,
    /// There is no such association (any more).
    UnknownAssociation,
    /// The association is being closed.
    Closing,
    /// `max_associations` are there already.
    TooManyAssociations,
    /// The machine lacks this transport.
    Unsupported(&'static str),
    /// A system call failed.
    Io(std::io::Error),
}

impl TransportError {
    /// This process or host has no descriptor left.
    pub fn is_lack_of_descriptors(&self) -> bool {
        matches!(self, TransportError::Io(error) if is_lack_of_descriptors(error))
    }

    /// What a connect has come to that failed at once.
    pub fn loss_reason(&self) -> LossReason {
        match self {
            TransportError::Io(error) => loss_reason(error),
            TransportError::TooManyAssociations => LossReason::TooManyAssociations,
            _ => LossReason::Unreachable,
        }
    }

    /// There is no memory for a message.
    fn no_memory() -> TransportError {
        TransportError::Io(std::io::Error::from_raw_os_error(libc::ENOMEM))
    }

    /// There is an association with the peer, or one begins.
    pub fn is_connected_already(&self) -> bool {
        matches!(self, TransportError::Io(error) if is_connected_already(error))
    }
}

/// There is an association with the peer, or one begins.
pub(super) fn is_connected_already(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EISCONN | libc::EALREADY))
}

/// What a connect has come to that the system refused, or what an association has come to by an error.
pub(super) fn loss_reason(error: &std::io::Error) -> LossReason {
    match error.raw_os_error() {
        _ if is_lack_of_descriptors(error) => LossReason::NoDescriptor,
        Some(libc::ENOMEM | libc::ENOBUFS) => LossReason::NoMemory,
        _ if error.kind() == std::io::ErrorKind::ConnectionRefused => LossReason::Refused,
        _ => LossReason::Unreachable,
    }
}

/// This process or host has no descriptor left.
pub(super) fn is_lack_of_descriptors(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransportError::WouldBlock => f.write_str("the send queue is full"),
            TransportError::MessageTooLarge { limit } => write!(f, "the message is longer than {limit} bytes"),
            TransportError::EmptyMessage => f.write_str("SCTP cannot carry an empty message"),
            TransportError::UnknownAssociation => f.write_str("there is no such association"),
            TransportError::Closing => f.write_str("the association is being closed"),
            TransportError::TooManyAssociations => f.write_str("too many associations"),
            TransportError::Unsupported(what) => write!(f, "{what} is not available on this machine"),
            TransportError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TransportError {}

impl From<std::io::Error> for TransportError {
    fn from(error: std::io::Error) -> TransportError {
        if error.kind() == std::io::ErrorKind::WouldBlock {
            TransportError::WouldBlock
        } else {
            TransportError::Io(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_comes_back_is_sent_as_it_was_but_for_its_lifetime() {
        for unordered in [false, true] {
            let lifetime = Some(Duration::from_secs(1));
            let sent = OutboundMessage { stream: 3, ppid: 7, unordered, lifetime, payload: b"data" };
            let came_back = Undelivered::try_from(&sent).unwrap();
            let again = OutboundMessage::from(&came_back);
            let fields = (again.stream, again.ppid, again.unordered, again.lifetime, again.payload);
            assert_eq!(fields, (3, 7, unordered, None, b"data".as_slice()));
        }
    }

    #[test]
    fn what_this_host_lacks_is_not_blamed_on_the_peer() {
        let reason = |errno| TransportError::Io(std::io::Error::from_raw_os_error(errno)).loss_reason();
        for errno in [libc::ENOMEM, libc::ENOBUFS, libc::EMFILE, libc::ENFILE] {
            assert!(!reason(errno).says_unreachable(), "{errno}");
        }
        assert!(!TransportError::TooManyAssociations.loss_reason().says_unreachable());
        assert_eq!(reason(libc::ECONNREFUSED), LossReason::Refused);
        assert_eq!(reason(libc::EHOSTUNREACH), LossReason::Unreachable);
    }
}

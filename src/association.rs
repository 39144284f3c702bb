//! Associations as the cores speak of them: who is at the other end, and how an association ended.
//!
//! Cores import this and nothing of `transport` or `driver`, so that they cannot do I/O; `tests/layers.rs` checks that from the sources.

use crate::wire::{AddressList, TransportParameter};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use crate::identifiers::AssociationId;

/// A way to move messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// The kernel's SCTP.
    KernelSctp,
    /// SCTP in user space, encapsulated in UDP (RFC 6951).
    SctpUdp,
    /// TCP, pool user to registrar only (RFC 5352 section 2.1); messages are framed by their ASAP length.
    Tcp,
    /// Within one process, for tests and simulation.
    Memory,
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TransportKind::KernelSctp => "kernel SCTP",
            TransportKind::SctpUdp => "SCTP in UDP",
            TransportKind::Tcp => "TCP",
            TransportKind::Memory => "memory",
        })
    }
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    /// At least one address; transports without multi-homing try them in turn.
    pub addresses: AddressList,
    /// SCTP or TCP port.
    pub port: u16,
}

impl PeerAddress {
    /// A peer with one address.
    pub fn new(address: IpAddr, port: u16) -> PeerAddress {
        PeerAddress { addresses: AddressList::from_slice(&[address]), port }
    }

    /// Where an SCTP transport is, if it says so.
    pub(crate) fn of_sctp(transport: &TransportParameter) -> Option<PeerAddress> {
        match transport {
            TransportParameter::Sctp { port, addresses, .. } if *port != 0 && !addresses.is_empty() => {
                Some(PeerAddress { addresses: addresses.clone(), port: *port })
            }
            _ => None,
        }
    }

    /// Its host, for what is counted for each ([`host_of`] its first address); none: nobody knows where it is.
    #[cfg_attr(not(any(feature = "registrar", feature = "sctp-udp")), allow(dead_code))]
    pub(crate) fn host(&self) -> Option<u64> {
        self.addresses.first().copied().map(host_of)
    }

    /// Whether both can be one endpoint: the same port, and an address in common.
    pub(crate) fn is_with(&self, other: &PeerAddress) -> bool {
        self.port == other.port && self.addresses.iter().any(|address| other.addresses.contains(address))
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> PeerAddress {
        PeerAddress::new(address.ip(), address.port())
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{address}", if i == 0 { "" } else { ", " })?;
        }
        write!(f, "}}:{}", self.port)
    }
}

/// What one host cannot choose of its address: all of one of IPv4, the network of one of IPv6.
#[cfg_attr(not(any(feature = "registrar", feature = "sctp-udp")), allow(dead_code))]
pub(crate) fn host_of(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}

/// The other end of an association that came up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its addresses and port, as the transport knows them.
    pub address: PeerAddress,
    /// The peer started it.
    pub inbound: bool,
    /// How it is connected.
    pub kind: TransportKind,
}

/// A message whose delivery the peer never confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// SCTP stream, 0 to the negotiated number less one.
    pub stream: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// Sent without regard to the order of messages.
    pub unordered: bool,
    /// The message without any header of SCTP.
    pub payload: Vec<u8>,
}

/// Why an association ended or never began.
///
/// What a transport says of the peer's being there is [`LossReason::says_unreachable`]; all else says nothing about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// Closed in order, by either side.
    Closed,
    /// The peer aborted, and gave a cause: its reason, sanitised for logs. A peer that has no room for one more does so, too. Empty:
    /// no reason but that its user wanted it so, as the kernel of a process says that was killed.
    Aborted(String),
    /// The peer does not answer any more, or has no association with us: the process that had it is gone.
    Unreachable,
    /// The peer aborted because nothing of this side has reached it for too long: it is there, but one direction does not work.
    GivenUpByPeer,
    /// Nobody listens there: an ABORT without a cause, an ICMP error or a RST.
    Refused,
    /// The peer restarted: it knows nothing of the old association.
    Restarted,
    /// The peer broke the protocol.
    ProtocolViolation(String),
    /// No answer within the connect timeout.
    Timeout,
    /// It cannot be, or stay, protected by TLS: why, sanitised for logs. Somebody is there.
    #[cfg(feature = "tls")]
    Tls(String),
    /// This side gave it up on purpose: that says nothing about the peer.
    GivenUp,
    /// This process or host has no descriptor left to connect with: that says nothing about the peer.
    NoDescriptor,
    /// The same for memory.
    NoMemory,
    /// The same: this endpoint has as many associations as it may.
    TooManyAssociations,
}

/// What SCTP says in its ABORT when it gives up a peer that acknowledges nothing (RFC 9260 section 8.1 has no error cause for it):
/// Linux as a protocol violation, dcsctp as an abort by its user.
const NOTHING_ACKNOWLEDGED: [&str; 2] = ["Association exceeded its max_retrans count", "Too many retransmissions"];

/// What a person can do something about.
pub(crate) const NO_DESCRIPTOR: &str = "this process or host has no descriptor left (ulimit -n)";

impl LossReason {
    /// What an ABORT means for an association that was up; `reason` is its text, sanitised for logs.
    pub fn from_abort(reason: String) -> LossReason {
        if NOTHING_ACKNOWLEDGED.iter().any(|text| reason.contains(text)) {
            LossReason::GivenUpByPeer
        } else {
            LossReason::Aborted(reason)
        }
    }

    /// The peer cannot be reached, as far as the transport can tell: it is silent, nobody is there who knows the association, or it
    /// does not hear this side. An orderly close and an abort that gives another reason are words of a peer that lives, which may
    /// have too much to do.
    pub fn says_unreachable(&self) -> bool {
        match self {
            LossReason::Unreachable | LossReason::Timeout | LossReason::Refused | LossReason::GivenUpByPeer => true,
            // So answers the system of a process that has ended.
            LossReason::Aborted(reason) => reason.is_empty(),
            LossReason::Closed
            | LossReason::Restarted
            | LossReason::ProtocolViolation(_)
            | LossReason::GivenUp
            | LossReason::NoDescriptor
            | LossReason::NoMemory
            | LossReason::TooManyAssociations => false,
            #[cfg(feature = "tls")]
            LossReason::Tls(_) => false,
        }
    }

    /// This side lacked something: the peer was not even asked.
    pub(crate) fn is_lack_of_ours(&self) -> bool {
        matches!(self, LossReason::NoDescriptor | LossReason::NoMemory | LossReason::TooManyAssociations)
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LossReason::Closed => f.write_str("closed"),
            LossReason::Aborted(reason) if reason.is_empty() => f.write_str("aborted by the peer"),
            LossReason::Aborted(reason) => write!(f, "aborted by the peer ({reason})"),
            LossReason::Unreachable => f.write_str("the peer does not answer any more"),
            LossReason::GivenUpByPeer => f.write_str("the peer hears nothing of this side any more"),
            LossReason::Refused => f.write_str("connection refused"),
            LossReason::Restarted => f.write_str("the peer restarted"),
            LossReason::ProtocolViolation(what) => write!(f, "the peer broke the protocol ({what})"),
            #[cfg(feature = "tls")]
            LossReason::Tls(why) => write!(f, "TLS: {why}"),
            LossReason::Timeout => f.write_str("no answer in time"),
            LossReason::GivenUp => f.write_str("given up by this side"),
            LossReason::NoDescriptor => f.write_str(NO_DESCRIPTOR),
            LossReason::NoMemory => f.write_str("this process or host has no memory left"),
            LossReason::TooManyAssociations => f.write_str("this side has as many associations as it may"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_hears_nothing_any_more_is_told_apart_from_one_that_has_another_reason_to_abort() {
        let linux = "Association exceeded its max_retrans count?";
        let linux_by_dcsctp = format!("Protocol Violation, additional_information={linux}");
        for text in [linux, &linux_by_dcsctp, "Too many retransmissions"] {
            let reason = LossReason::from_abort(text.to_owned());
            assert_eq!(reason, LossReason::GivenUpByPeer);
            assert!(reason.says_unreachable());
        }
        for text in ["out of resource", "receive queue full: the application does not read", "error cause 13"] {
            let reason = LossReason::from_abort(text.to_owned());
            assert_eq!(reason, LossReason::Aborted(text.to_owned()));
            assert!(!reason.says_unreachable());
        }
    }
}

//! What goes into the registrar core and what comes out.

use super::{OwnAddresses, ValidatedConfig};
use crate::AssociationId;
use crate::association::{LossReason, Peer, PeerAddress};
use crate::security::access::Identity;
use std::net::SocketAddr;
use std::time::Duration;

/// Which of the registrar's sides something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Pool elements and pool users.
    Asap,
    /// Other registrars.
    Enrp,
}

/// Names a connect from its [`Action::Connect`] to its result; chosen by the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectAttempt(pub u64);

/// What happens to the registrar.
#[derive(Debug)]
pub enum Event<'a> {
    /// An association came up, by the peer or by our connect.
    AssociationUp {
        /// The side it belongs to.
        link: Link,
        /// Its number from now on; no later association ever gets it.
        association: AssociationId,
        /// Our connect, if it was ours.
        attempt: Option<ConnectAttempt>,
        /// The other end.
        peer: Peer,
    },
    /// The other end of an association that came up has proved who it is; until then it is nobody known.
    Identified {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Who it is.
        identity: Identity,
    },
    /// A connect failed.
    ConnectFailed {
        /// The connect, as the core's `Connect` named it.
        attempt: ConnectAttempt,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
    },
    /// An association is gone: with it all elements that registered on it.
    AssociationLost {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
    },
    /// A message on an association.
    Message {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Payload protocol identifier, in host order.
        ppid: u32,
        /// One whole message.
        bytes: &'a [u8],
    },
    /// A datagram on the ENRP group.
    Datagram {
        /// Where it came from.
        from: SocketAddr,
        /// The message as it came, not yet decoded.
        bytes: &'a [u8],
    },
    /// A look-up (DNS) names these registrars, together with those of the configuration; replaces what the one before named.
    PeersFound {
        /// Where they listen.
        peers: &'a [PeerAddress],
    },
    /// The addresses of this host have changed.
    AddressesChanged(OwnAddresses),
    /// It is given other settings, and takes them as far as [`RegistrarConfig::changed_to`](super::RegistrarConfig::changed_to) says.
    Reconfigured(&'a ValidatedConfig),
    /// `next_deadline` has come.
    Timeout,
    /// Leave the scope in order.
    Shutdown,
}

/// What the registrar wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect (an element's ASAP transport, or a peer registrar); answer with `AssociationUp` or `ConnectFailed`.
    Connect {
        /// Names the connect.
        attempt: ConnectAttempt,
        /// From which side.
        link: Link,
        /// Where to connect: address, port and kind of transport.
        peer: PeerAddress,
        /// For how long to try.
        timeout: Duration,
    },
    /// Send a message with the PPID of the association's side.
    Send {
        /// The association that it goes over; it is up.
        association: AssociationId,
        /// One message, encoded, with its header.
        bytes: Vec<u8>,
    },
    /// Send a datagram to the multicast group of a side: an announcement (ASAP) or a PRESENCE (ENRP).
    Multicast {
        /// ASAP or ENRP.
        link: Link,
        /// One message, encoded, with its header.
        bytes: Vec<u8>,
    },
    /// Abort an association; no `AssociationLost` follows.
    Abort {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Told to the peer.
        reason: &'static str,
    },
    /// The registrar has left the scope: the driver may stop.
    ShutdownComplete,
    /// It was starting, and another registrar has its identifier: it has given way, and does nothing more.
    IdentifierTaken {
        /// Where the other one is by its own words.
        by: PeerAddress,
    },
}

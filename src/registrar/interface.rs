//! What goes into the registrar core and what comes out.

use crate::transport::{LossReason, Peer, PeerAddress};
use crate::wire::{AddressList, PORT_ENRP, TransportParameter};
use crate::{AssociationId, PoolHandle, RegistrarId};
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

/// Settings of a registrar: timers, thresholds and bounds, each named as in RFC 5352 section 5 and RFC 5353 section 4.
#[derive(Clone, Debug)]
pub struct RegistrarConfig {
    /// Its identifier; zero: chosen at random from the seed.
    pub id: RegistrarId,
    /// How pool elements and users reach it: goes into announcements. SCTP last, as rsplib reads only the last one.
    pub asap_transports: Vec<TransportParameter>,
    /// How registrars reach it: goes into PRESENCE.
    pub enrp_addresses: AddressList,
    /// ENRP port.
    pub enrp_port: u16,
    /// Registrars known beforehand.
    pub peers: Vec<PeerAddress>,
    /// Whether to send announcements.
    pub announce: bool,
    /// Interval of ASAP_SERVER_ANNOUNCE messages.
    pub announce_interval: Duration,
    /// Interval of ENDPOINT_KEEP_ALIVE messages to each element, with a jitter of +-50 %.
    pub keep_alive_interval: Duration,
    /// Time for a KEEP_ALIVE_ACK before the element is removed.
    pub keep_alive_timeout: Duration,
    /// MAX-BAD-PE-REPORT: an element is removed when more reports than this have come since it last proved alive.
    pub max_bad_pe_report: u32,
    /// Elements in a resolution response that does not ask for a number.
    pub max_items_default: usize,
    /// Elements in a resolution response, whatever is asked for.
    pub max_items_limit: usize,
    /// Longest pool handle accepted, in bytes.
    pub max_pool_handle_len: usize,
    /// Pools.
    pub max_pools: usize,
    /// Pool elements of the whole handlespace.
    pub max_pool_elements: usize,
    /// Elements that one association may register.
    pub max_elements_per_association: usize,
    /// ASAP associations (pool elements and users).
    pub max_associations: usize,
    /// Subscriptions (S bit) of one association.
    pub max_subscriptions_per_association: usize,
    /// Resolutions a second that one association may ask for (RFC 5355); more are answered with "lack of resources".
    pub max_resolutions_per_second: u32,
    /// Unreachable reports a second that one association may send (RFC 5355); more are ignored.
    pub max_reports_per_second: u32,
    /// Pause between a change of a pool and the update to its subscribers: changes in between go out together.
    pub subscription_delay: Duration,
    /// Whether registered user addresses must be addresses of the association (RFC 5352 section 2.2.1); others are left out.
    /// Turn it off only where address translation makes the two differ.
    pub check_user_addresses: bool,
}

impl Default for RegistrarConfig {
    /// The RFCs' values where they give one; else values that notice a dead element within 10 s and hold 100 000 elements.
    ///
    /// RFC 5352 section 3.3 wants all elements of a pool in a response. That cannot hold for pools of any size, so by
    /// default 32 are listed, which is a response of about one packet, and at most 1024 when a pool user asks for them.
    fn default() -> RegistrarConfig {
        RegistrarConfig {
            id: RegistrarId(0),
            asap_transports: Vec::new(),
            enrp_addresses: AddressList::new(),
            enrp_port: PORT_ENRP,
            peers: Vec::new(),
            announce: true,
            announce_interval: Duration::from_secs(1),
            keep_alive_interval: Duration::from_secs(5),
            keep_alive_timeout: Duration::from_secs(5),
            max_bad_pe_report: 3,
            max_items_default: 32,
            max_items_limit: 1024,
            max_pool_handle_len: PoolHandle::DEFAULT_MAX_LEN,
            max_pools: 65_536,
            max_pool_elements: 262_144,
            max_elements_per_association: 4096,
            max_associations: 65_536,
            max_subscriptions_per_association: 64,
            max_resolutions_per_second: 10_000,
            max_reports_per_second: 100,
            subscription_delay: Duration::from_millis(100),
            check_user_addresses: true,
        }
    }
}

/// What happens to the registrar.
#[derive(Debug)]
pub enum Event<'a> {
    /// An association came up, by the peer or by our connect.
    AssociationUp {
        /// The side it belongs to.
        link: Link,
        /// Which one.
        association: AssociationId,
        /// Our connect, if it was ours.
        attempt: Option<ConnectAttempt>,
        /// The other end.
        peer: Peer,
    },
    /// A connect failed.
    ConnectFailed {
        /// Which one.
        attempt: ConnectAttempt,
        /// Why.
        reason: LossReason,
    },
    /// An association is gone: with it all elements that registered on it.
    AssociationLost {
        /// Which one.
        association: AssociationId,
        /// Why.
        reason: LossReason,
    },
    /// A message on an association.
    Message {
        /// Which one.
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
        /// Its bytes.
        bytes: &'a [u8],
    },
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
        /// Whereto.
        peer: PeerAddress,
        /// For how long to try.
        timeout: Duration,
    },
    /// Send a message with the PPID of the association's side.
    Send {
        /// On which association.
        association: AssociationId,
        /// Encoded.
        bytes: Vec<u8>,
    },
    /// Send a datagram to the multicast group of a side: an announcement (ASAP) or a PRESENCE (ENRP).
    Multicast {
        /// Which side.
        link: Link,
        /// Encoded.
        bytes: Vec<u8>,
    },
    /// Abort an association; no `AssociationLost` follows.
    Abort {
        /// Which one.
        association: AssociationId,
        /// Told to the peer.
        reason: &'static str,
    },
    /// The registrar has left the scope: the driver may stop.
    ShutdownComplete,
}

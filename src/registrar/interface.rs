//! What goes into the registrar core and what comes out.

use crate::association::{LossReason, Peer, PeerAddress};
use crate::handlespace::MAX_ELEMENT_BYTES;
use crate::policy::Policies;
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
    /// The policies that pools can have.
    pub policies: Policies,
    /// Whether to send announcements.
    pub announce: bool,
    /// Interval of ASAP_SERVER_ANNOUNCE messages.
    pub announce_interval: Duration,
    /// Interval of ENDPOINT_KEEP_ALIVE messages to each element, with a jitter of +-50 %; longer where this registrar is home of
    /// more elements than `max_keep_alives_per_second` allows to ask so often.
    pub keep_alive_interval: Duration,
    /// ENDPOINT_KEEP_ALIVE messages to all elements together, in a second, apart from those that reports and takeovers cause.
    pub max_keep_alives_per_second: u32,
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
    /// ASAP associations (pool elements and users), TCP connections included.
    pub max_associations: usize,
    /// TCP connections (pool users) among them: what costs whoever holds them nothing must not take the places of others.
    pub max_tcp_connections: usize,
    /// Silence after which a TCP connection is ended, unless it has subscribed to a pool.
    pub tcp_idle_timeout: Duration,
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
    /// PEER-HEARTBEAT-CYCLE: interval of PRESENCE messages to all other registrars.
    pub peer_heartbeat_cycle: Duration,
    /// MAX-TIME-LAST-HEARD: silence after which another registrar is asked whether it is alive.
    pub max_time_last_heard: Duration,
    /// MAX-TIME-NO-RESPONSE: how long to wait for the answer of another registrar, and for a connection to it.
    pub max_time_no_response: Duration,
    /// How long to look for a mentor when none can be reached, before this registrar starts alone.
    pub mentor_discovery_timeout: Duration,
    /// How long to wait for the INIT_TAKEOVER_ACKs of all registrars; those that are silent for twice as long are not waited for.
    pub takeover_expiry: Duration,
    /// Whether to send PRESENCE messages to the ENRP group as well, so that registrars find each other.
    pub enrp_multicast: bool,
    /// For scopes with rsplib registrars: in the arbitration of takeovers the lower identifier wins (RFC 5353: the higher one),
    /// the PE checksum wraps as theirs does, and elements are refused that they cannot parse.
    pub rsplib_compatibility: bool,
    /// Whether to spread pool elements over the registrars by the T bit of HANDLE_UPDATE
    /// (draft-dreibholz-rserpool-enrp-takeover), when they re-register.
    pub takeover_suggestion: bool,
    /// Other registrars.
    pub max_peers: usize,
    /// First pause before a failed connection to another registrar is tried again; it doubles from failure to failure.
    pub peer_reconnect_min: Duration,
    /// Longest such pause.
    pub peer_reconnect_max: Duration,
    /// Bytes of a HANDLE_TABLE_RESPONSE: what a download may hold up everything else for.
    pub max_handle_table_page: usize,
    /// Downloads of the handle table that are served at a time.
    pub max_handle_table_sessions: usize,
    /// How long a download waits for its next request before it is forgotten.
    pub handle_table_session_timeout: Duration,
    /// Connections to the elements of a dead registrar that are set up at a time.
    pub max_takeover_connects: usize,
    /// How long a connection to such an element may take.
    pub takeover_connect_timeout: Duration,
    /// How long a registrar that leaves waits for others to take its elements.
    pub leave_timeout: Duration,
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
            policies: Policies::standard(),
            announce: true,
            announce_interval: Duration::from_secs(1),
            keep_alive_interval: Duration::from_secs(5),
            max_keep_alives_per_second: 20_000,
            keep_alive_timeout: Duration::from_secs(5),
            max_bad_pe_report: 3,
            max_items_default: 32,
            max_items_limit: 1024,
            max_pool_handle_len: PoolHandle::DEFAULT_MAX_LEN,
            max_pools: 65_536,
            max_pool_elements: 262_144,
            max_elements_per_association: 4096,
            max_associations: 65_536,
            max_tcp_connections: 32_768,
            tcp_idle_timeout: Duration::from_secs(600),
            max_subscriptions_per_association: 64,
            max_resolutions_per_second: 10_000,
            max_reports_per_second: 100,
            subscription_delay: Duration::from_millis(100),
            check_user_addresses: true,
            peer_heartbeat_cycle: Duration::from_secs(30),
            max_time_last_heard: Duration::from_secs(61),
            max_time_no_response: Duration::from_secs(5),
            mentor_discovery_timeout: Duration::from_secs(5),
            takeover_expiry: Duration::from_secs(5),
            enrp_multicast: false,
            rsplib_compatibility: false,
            takeover_suggestion: false,
            max_peers: 256,
            peer_reconnect_min: Duration::from_millis(250),
            peer_reconnect_max: Duration::from_secs(10),
            max_handle_table_page: 32 << 10,
            max_handle_table_sessions: 64,
            handle_table_session_timeout: Duration::from_secs(5),
            max_takeover_connects: 2048,
            takeover_connect_timeout: Duration::from_secs(2),
            leave_timeout: Duration::from_secs(1),
        }
    }
}

/// Profiles and checks.
impl RegistrarConfig {
    /// The `fast` profile, for call control: dead registrars and dead elements are noticed within a second.
    ///
    /// A registrar that hangs or is cut off is noticed after 450 ms at most, one that crashed as soon as its associations
    /// break. An element that hangs is removed after 240 ms at most where a registrar is home of up to 300, 450 ms of 1 000, and
    /// whoever watches its pool is told at once. It costs ten PRESENCE messages a second between each two registrars and some
    /// seventeen keep-alives a second for each element, 5 000 at most, and wants a network that delivers and elements that answer within some 100 ms.
    pub fn fast() -> RegistrarConfig {
        RegistrarConfig {
            announce_interval: Duration::from_millis(500),
            keep_alive_interval: Duration::from_millis(60),
            max_keep_alives_per_second: 5_000,
            keep_alive_timeout: Duration::from_millis(150),
            subscription_delay: Duration::from_millis(5),
            peer_heartbeat_cycle: Duration::from_millis(100),
            max_time_last_heard: Duration::from_millis(250),
            max_time_no_response: Duration::from_millis(200),
            mentor_discovery_timeout: Duration::from_secs(1),
            takeover_expiry: Duration::from_millis(200),
            peer_reconnect_min: Duration::from_millis(50),
            peer_reconnect_max: Duration::from_secs(1),
            handle_table_session_timeout: Duration::from_secs(1),
            takeover_connect_timeout: Duration::from_millis(300),
            ..RegistrarConfig::default()
        }
    }

    /// Refuses values that cannot work together, with the reason.
    pub fn validate(&self) -> Result<(), String> {
        self.validate_timers()?;
        let page = MAX_ELEMENT_BYTES + 1024..=60 << 10;
        let positive = [
            ("the number of pools", self.max_pools),
            ("the number of pool elements", self.max_pool_elements),
            ("the number of associations", self.max_associations),
            ("the number of TCP connections", self.max_tcp_connections),
            ("the length of pool handles", self.max_pool_handle_len),
            ("the number of other registrars", self.max_peers),
            ("the number of keep-alives a second", self.max_keep_alives_per_second as usize),
            ("the number of handle table downloads", self.max_handle_table_sessions),
            ("the number of connections at a takeover", self.max_takeover_connects),
        ];
        if let Some((what, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("{what} must not be limited to zero"));
        }
        if self.peers.len() > self.max_peers {
            return Err(format!(
                "{} other registrars are given, but only {} allowed",
                self.peers.len(),
                self.max_peers
            ));
        }
        if let Some(peer) = self.peers.iter().find(|peer| peer.addresses.is_empty() || peer.port == 0) {
            return Err(format!("the other registrar {peer} needs an address and a port"));
        }
        if self.max_items_default > self.max_items_limit {
            let (default, limit) = (self.max_items_default, self.max_items_limit);
            return Err(format!("{default} elements in a response by default are more than the limit of {limit}"));
        }
        if !page.contains(&self.max_handle_table_page) {
            let (least, most) = page.into_inner();
            return Err(format!(
                "a page of the handle table has {least} to {most} bytes, not {}",
                self.max_handle_table_page
            ));
        }
        Ok(())
    }

    fn validate_timers(&self) -> Result<(), String> {
        let timers = [
            ("announcement interval", self.announce_interval),
            ("keep-alive interval", self.keep_alive_interval),
            ("keep-alive timeout", self.keep_alive_timeout),
            ("peer heartbeat cycle", self.peer_heartbeat_cycle),
            ("maximum time last heard", self.max_time_last_heard),
            ("maximum time without response", self.max_time_no_response),
            ("mentor discovery timeout", self.mentor_discovery_timeout),
            ("takeover expiry", self.takeover_expiry),
            ("pause before a reconnect", self.peer_reconnect_min),
            ("handle table session timeout", self.handle_table_session_timeout),
            ("takeover connect timeout", self.takeover_connect_timeout),
            ("idle timeout of TCP connections", self.tcp_idle_timeout),
        ];
        if let Some((what, value)) = timers.into_iter().find(|(_, value)| *value < SHORTEST_TIMER) {
            return Err(format!("the {what} of {value:?} is shorter than {SHORTEST_TIMER:?}"));
        }
        if self.max_time_last_heard < self.peer_heartbeat_cycle * 2 {
            return Err(format!(
                "a maximum time last heard of {:?} is less than two peer heartbeat cycles of {:?}: living registrars would \
                 be suspected all the time",
                self.max_time_last_heard, self.peer_heartbeat_cycle
            ));
        }
        if self.peer_reconnect_max < self.peer_reconnect_min {
            return Err(format!(
                "the longest pause before a reconnect, {:?}, is shorter than the first one, {:?}",
                self.peer_reconnect_max, self.peer_reconnect_min
            ));
        }
        Ok(())
    }
}

/// No timer of a registrar is set to less.
const SHORTEST_TIMER: Duration = Duration::from_millis(1);

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
    /// A look-up (DNS) names these registrars, together with those of the configuration; replaces what the one before named.
    PeersFound {
        /// Where they listen.
        peers: &'a [PeerAddress],
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

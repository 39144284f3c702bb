//! The settings of a registrar, and the check that they can work.

use super::config_error::{ConfigError, CountRange, TimeRange};
use crate::PoolHandle;
use crate::RegistrarId;
use crate::association::PeerAddress;
use crate::handlespace::MAX_ELEMENT_BYTES;
use crate::policy::Policies;
use crate::security::access::AccessPolicy;
use crate::wire::{AddressList, PORT_ENRP, TransportParameter};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// Which addresses an element may offer its service at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAddresses {
    /// Those of its association (RFC 5352 section 2.2.1); others are left out, and an element that has no other is refused.
    Own,
    /// The same, but an element that has no other is registered with the address that it is seen from, as behind a network address
    /// translation (NAT) it does not know that itself. Its port stays what it says.
    Seen,
    /// Whatever it says.
    Any,
}

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
    /// Who may do what; none: everybody may do everything.
    pub access: Option<Arc<AccessPolicy>>,
    /// Whether who has not come under TLS is refused, whatever the rules say.
    pub tls_required: bool,
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
    /// The same for an element that more have reported than MAX-BAD-PE-REPORT, if that is shorter. SCTP must have time to send a keep-alive
    /// once more that got lost.
    pub hurried_keep_alive_timeout: Duration,
    /// MAX-BAD-PE-REPORT: an element that more have reported than this, since it last proved alive, has less time to do so.
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
    /// TCP connections (pool users) among them: they cost their users nothing, so they must not take the places of others.
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
    /// Events that are kept, for a look at what has happened.
    pub max_events: usize,
    /// Which addresses elements are registered with.
    pub user_addresses: UserAddresses,
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
    /// Whether only registrars at the addresses in `peers`, or that a look-up named, can be peers. Else every registrar that
    /// introduces itself is one, as RFC 5353 section 3.4 has it.
    pub peers_only: bool,
    /// Whether to take an element that a peer suggests by the T bit of a HANDLE_UPDATE, as a peer that leaves does.
    pub follow_suggestions: bool,
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
            access: None,
            tls_required: false,
            announce: true,
            announce_interval: Duration::from_secs(1),
            keep_alive_interval: Duration::from_secs(5),
            max_keep_alives_per_second: 20_000,
            keep_alive_timeout: Duration::from_secs(5),
            hurried_keep_alive_timeout: Duration::from_millis(500),
            max_bad_pe_report: 3,
            max_items_default: 32,
            max_items_limit: 1024,
            max_pool_handle_len: PoolHandle::DEFAULT_MAX_LEN,
            max_pools: 65_536,
            max_pool_elements: 262_144,
            max_elements_per_association: 65_536,
            max_associations: 65_536,
            max_tcp_connections: 32_768,
            tcp_idle_timeout: Duration::from_secs(600),
            max_subscriptions_per_association: 64,
            max_resolutions_per_second: 10_000,
            max_reports_per_second: 100,
            subscription_delay: Duration::from_millis(100),
            max_events: 10_000,
            user_addresses: UserAddresses::Own,
            peer_heartbeat_cycle: Duration::from_secs(30),
            max_time_last_heard: Duration::from_secs(61),
            max_time_no_response: Duration::from_secs(5),
            mentor_discovery_timeout: Duration::from_secs(5),
            takeover_expiry: Duration::from_secs(5),
            enrp_multicast: false,
            rsplib_compatibility: false,
            peers_only: false,
            follow_suggestions: true,
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

/// The other profile.
impl RegistrarConfig {
    /// The `fast` profile, for call control: dead registrars and dead elements are noticed within a second.
    ///
    /// A registrar that hangs or is cut off is noticed after 450 ms at most, one that crashed as soon as its associations
    /// break. An element that hangs is removed after 240 ms at most where a registrar is home of up to 300, 450 ms of 1 000, and
    /// the subscribers of its pool are told at once. It costs ten PRESENCE messages a second between each two registrars and some
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
}

/// No timer of a registrar is set to less.
const SHORTEST_TIMER: Duration = Duration::from_millis(1);
/// A timer of which a registrar also waits for a quarter or an eighth.
const SHORTEST_DIVIDED_TIMER: Duration = Duration::from_millis(8);
/// No timer of a registrar is set to more, so that sums and multiples of them are times, too.
const LONGEST_TIMER: Duration = Duration::from_secs(366 * 24 * 3600);
/// Bytes of a page of the handle table: any element fits the least, and the most fits a message.
const PAGE_BYTES: (usize, usize) = (MAX_ELEMENT_BYTES + 1024, 60 << 10);

/// Most events that are kept: some hundred bytes each.
const MOST_EVENTS: usize = 1 << 20;

/// Settings that can work, as [`RegistrarConfig::validated`] makes them. They do not change any more.
#[derive(Clone, Debug)]
pub struct ValidatedConfig(RegistrarConfig);

impl Deref for ValidatedConfig {
    type Target = RegistrarConfig;

    fn deref(&self) -> &RegistrarConfig {
        &self.0
    }
}

/// Other settings for a registrar that runs.
impl RegistrarConfig {
    /// What a registrar that runs with these settings has when it is given others: all of them but what it has told others about
    /// itself, what its scope has to agree on, and what matters at its start alone. It needs a restart for those.
    pub fn changed_to(&self, other: &RegistrarConfig) -> RegistrarConfig {
        RegistrarConfig {
            id: self.id,
            asap_transports: self.asap_transports.clone(),
            enrp_addresses: self.enrp_addresses.clone(),
            enrp_port: self.enrp_port,
            policies: self.policies.clone(),
            announce: self.announce,
            tls_required: self.tls_required,
            enrp_multicast: self.enrp_multicast,
            rsplib_compatibility: self.rsplib_compatibility,
            mentor_discovery_timeout: self.mentor_discovery_timeout,
            ..other.clone()
        }
    }
}

impl ValidatedConfig {
    /// [`RegistrarConfig::changed_to`]; what it keeps does not have to go together with anything else.
    pub(super) fn changed_to(&self, other: &ValidatedConfig) -> ValidatedConfig {
        ValidatedConfig(self.0.changed_to(&other.0))
    }
}

/// The check.
impl RegistrarConfig {
    /// Refuses values that cannot work, alone or together.
    pub fn validated(self) -> Result<ValidatedConfig, ConfigError> {
        self.check_timers()?;
        self.check_counts()?;
        if let Some(peer) = self.peers.iter().find(|peer| peer.addresses.is_empty() || peer.port == 0) {
            return Err(ConfigError::PeerWithoutPlace(peer.clone()));
        }
        Ok(ValidatedConfig(self))
    }

    fn check_timers(&self) -> Result<(), ConfigError> {
        let zero = Duration::ZERO;
        let timers = [
            ("announcement interval", self.announce_interval, SHORTEST_TIMER),
            ("keep-alive interval", self.keep_alive_interval, SHORTEST_TIMER),
            ("keep-alive timeout", self.keep_alive_timeout, SHORTEST_TIMER),
            ("keep-alive timeout of reported elements", self.hurried_keep_alive_timeout, SHORTEST_TIMER),
            ("idle timeout of TCP connections", self.tcp_idle_timeout, SHORTEST_TIMER),
            ("pause before updates to subscribers", self.subscription_delay, zero),
            ("peer heartbeat cycle", self.peer_heartbeat_cycle, SHORTEST_TIMER),
            ("maximum time last heard", self.max_time_last_heard, SHORTEST_TIMER),
            ("maximum time without response", self.max_time_no_response, SHORTEST_DIVIDED_TIMER),
            ("mentor discovery timeout", self.mentor_discovery_timeout, SHORTEST_TIMER),
            ("takeover expiry", self.takeover_expiry, SHORTEST_TIMER),
            ("pause before a reconnect", self.peer_reconnect_min, SHORTEST_DIVIDED_TIMER),
            ("handle table session timeout", self.handle_table_session_timeout, SHORTEST_TIMER),
            ("takeover connect timeout", self.takeover_connect_timeout, SHORTEST_TIMER),
            ("leave timeout", self.leave_timeout, zero),
        ];
        for (setting, value, least) in timers {
            TimeRange::between(least, LONGEST_TIMER).check(setting, value)?;
        }
        // With less, living registrars would be suspected all the time.
        TimeRange::from(self.peer_heartbeat_cycle * 2, "two peer heartbeat cycles", LONGEST_TIMER)
            .check("maximum time last heard", self.max_time_last_heard)?;
        TimeRange::from(self.peer_reconnect_min, "the first pause", LONGEST_TIMER)
            .check("longest pause before a reconnect", self.peer_reconnect_max)
    }

    fn check_counts(&self) -> Result<(), ConfigError> {
        let positive = [
            ("limit of pools", self.max_pools),
            ("limit of pool elements", self.max_pool_elements),
            ("limit of associations", self.max_associations),
            ("limit of TCP connections", self.max_tcp_connections),
            ("limit of bytes in a pool handle", self.max_pool_handle_len),
            ("limit of other registrars", self.max_peers),
            ("limit of keep-alives a second", self.max_keep_alives_per_second as usize),
            ("limit of handle table downloads", self.max_handle_table_sessions),
            ("limit of connects at a takeover", self.max_takeover_connects),
            ("limit of elements in a response", self.max_items_limit),
        ];
        for (setting, value) in positive {
            CountRange::between(1, usize::MAX).check(setting, value)?;
        }
        CountRange::up_to(1, self.max_items_limit, "the limit of elements in a response")
            .check("number of elements in a response by default", self.max_items_default)?;
        CountRange::up_to(0, self.max_peers, "the limit of other registrars")
            .check("number of other registrars in the settings", self.peers.len())?;
        CountRange::between(0, MOST_EVENTS).check("limit of events", self.max_events)?;
        CountRange::between(PAGE_BYTES.0, PAGE_BYTES.1)
            .check("number of bytes in a page of the handle table", self.max_handle_table_page)
    }
}

//! What goes into and comes out of the functions.

use crate::association::PeerAddress;
pub use crate::driver::client::CspConfig;
pub use crate::driver::place::{HostName, Place};
pub use crate::profile::Profile;
use crate::session::EndSession;
pub use crate::session::{NOTIFICATION_SIZE, Notification, SessionChange};
use crate::transport::TransportChoice;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsSettings;
use crate::wire::{Policy, PolicyType};
use crate::{PoolElementId, PoolHandle, SessionId};
use std::net::SocketAddr;
use std::time::Duration;

/// How the library finds registrars and talks to them, as in `struct rsp_info`. `None`: the default.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Registrars known beforehand. Those of the environment variable `RSERPOOL_REGISTRARS` ("addr:port,name:port") are
    /// added; when there are none at all, 127.0.0.1:3863 is tried too.
    pub registrars: Vec<PeerAddress>,
    /// Registrars known by name, which are looked up whenever a registrar is looked for.
    pub registrar_names: Vec<HostName>,
    /// Which SCTP to use; none: as `RSERPOOL_TRANSPORT` says, else auto.
    pub transport: Option<TransportChoice>,
    /// How fast failures are to be noticed; none: as `RSERPOOL_PROFILE` says, else the default.
    pub profile: Option<Profile>,
    /// TLS with registrars; none: what the environment says.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsSettings>,
    /// Whether to listen for announcements of registrars.
    pub announcements: Announcements,
    /// T7-ENRPoutdate: how long an announced registrar is remembered.
    pub announce_timeout: Option<Duration>,
    /// How long one connect to a registrar may take.
    pub connect_timeout: Option<Duration>,
    /// Rounds of connects to all known registrars after which a request fails; none: only `request_timeout` limits that.
    pub connect_max_trials: Option<u32>,
    /// How long a request may take, looking for a registrar included; none: what the profile has, or what longer timeouts below allow.
    pub request_timeout: Option<Duration>,
    /// How long a registrar may take to answer before another one is tried (T1, T2, T3).
    pub response_timeout: Option<Duration>,
    /// Transmissions of a request before it fails.
    pub request_max_trials: Option<u32>,
    /// Where to send component status reports to; none: nowhere.
    pub csp: Option<CspConfig>,
}

/// Where registrars announce themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Announcements {
    /// The group of RFC 5352, and rsplib's.
    #[default]
    Default,
    /// Not listened for.
    Off,
    /// This group only.
    Group(SocketAddr),
}

/// How long a call may block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Not at all: one attempt.
    Now,
    /// At most so long.
    After(Duration),
    /// Until it is done, the descriptor is closed, or [`super::cleanup`] is called.
    Never,
}

impl Timeout {
    /// The timeout of `rsp_accept`, `rsp_recvfullmsg`, `rsp_poll`: negative means "never".
    pub fn from_ms(ms: libc::c_int) -> Timeout {
        match u64::try_from(ms) {
            Ok(0) => Timeout::Now,
            Ok(ms) => Timeout::After(Duration::from_millis(ms)),
            Err(_) => Timeout::Never,
        }
    }

    /// The timeout of `rsp_recvmsg` and `rsp_sendmsg`: 0 and negative both mean one attempt, as programs written for
    /// rsplib expect.
    pub fn from_ms_or_now(ms: libc::c_int) -> Timeout {
        if ms > 0 { Timeout::from_ms(ms) } else { Timeout::Now }
    }
}

/// `struct rsp_loadinfo`: policy and its values for one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the C struct's words
pub struct LoadInfo {
    pub policy: PolicyType,
    pub weight: u32,
    pub weight_dpf: u32,
    pub load: u32,
    pub load_degradation: u32,
    pub load_dpf: u32,
}

impl Default for LoadInfo {
    /// Round robin.
    fn default() -> LoadInfo {
        LoadInfo {
            policy: PolicyType::ROUND_ROBIN,
            weight: 0,
            weight_dpf: 0,
            load: 0,
            load_degradation: 0,
            load_dpf: 0,
        }
    }
}

/// Options of `rsp_register`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegisterOptions {
    /// REGF_DONTWAIT: don't wait for the registrar's answer.
    pub dont_wait: bool,
    /// REGF_DAEMONMODE: go on trying even where there is no usable local address yet.
    pub daemon_mode: bool,
    /// TAG_PoolElement_Identifier; none or zero: chosen at random.
    pub pool_element_id: Option<PoolElementId>,
}

/// Options of `rsp_pe_registration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeRegistrationOptions {
    /// Registration life; zero: 90 seconds. A third of it is the re-registration interval.
    pub life: Duration,
    /// REGF_DONTWAIT: don't wait for the registrar's answer.
    pub dont_wait: bool,
    /// REGF_CONTROLCHANNEL: the server, reached over SCTP or TCP, has a control channel.
    pub control_channel: bool,
}

/// Options of `rsp_connect` and of later failovers of the session. `None`: as the socket has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// stale.cache.value: an answer from the cache will do when it is younger than this.
    pub stale_cache: Duration,
    /// TAG_RspSession_ConnectTimeout.
    pub connect_timeout: Option<Duration>,
    /// TAG_RspSession_HandleResolutionRetryDelay.
    pub resolution_retry_delay: Option<Duration>,
}

/// Options of `rsp_forcefailover`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailoverFlags {
    /// FFF_UNREACHABLE: report the old element to the registrar.
    pub unreachable: bool,
}

/// How to send a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Which session of a one-to-many server; ignored on connected sockets.
    pub session: SessionId,
    /// Payload protocol identifier in host order (C programs have it in network order).
    pub ppid: u32,
    /// SCTP stream, 0 to the negotiated number less one.
    pub stream: u16,
    /// SCTP_UNORDERED.
    pub unordered: bool,
    /// Give up delivery after this time; none: never.
    pub time_to_live: Option<Duration>,
    /// SCTP_EOF or SCTP_ABORT.
    pub end: Option<EndSession>,
    /// MSG_DONTWAIT.
    pub dont_wait: bool,
}

/// What a receive brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes written to the buffer; zero with `MessageKind::Data`: the session has ended.
    pub len: usize,
    /// What they are.
    pub kind: MessageKind,
    /// MSG_EOR: the message ends here; otherwise its rest follows with the next receive.
    pub end_of_record: bool,
    /// `rinfo_session`.
    pub session: SessionId,
    /// `rinfo_ppid`, in host order. ASAP's (11) for cookie echoes.
    pub ppid: u32,
    /// `rinfo_pe_id`: the element at the other end; zero where unknown.
    pub pool_element_id: PoolElementId,
    /// `rinfo_stream`.
    pub stream: u16,
}

/// What the bytes of a receive are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Data of the peer.
    Data,
    /// MSG_RSERPOOL_NOTIFICATION: `union rserpool_notification`, [`NOTIFICATION_SIZE`] bytes in the layout of C.
    Notification(Notification),
    /// MSG_RSERPOOL_COOKIE_ECHO: the cookie that an element of this pool gave to the peer earlier.
    CookieEcho,
}

/// One element of a resolved pool, or of one to register in basic mode: `struct rsp_addrinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressInfo {
    /// `ai_socktype` and `ai_protocol`: SOCK_STREAM with IPPROTO_SCTP or IPPROTO_TCP, SOCK_DGRAM with IPPROTO_UDP.
    pub socket_type: libc::c_int,
    /// See `socket_type`.
    pub protocol: libc::c_int,
    /// `ai_addr`: at least one, all with the same port.
    pub addresses: Vec<SocketAddr>,
    /// `ai_pe_id`; zero when registering: choose one.
    pub pool_element_id: PoolElementId,
    /// The policy values registered for it.
    pub policy: Policy,
}

/// Pool handle and identifier, as `rsp_getsockname` (our element) and `rsp_getpeername` (the peer's) return them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeName {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// The element in it; zero while a session is not connected.
    pub pool_element_id: PoolElementId,
}

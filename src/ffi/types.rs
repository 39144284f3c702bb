//! The structures that cross the C boundary, laid out byte for byte as rsplib's (x86-64: `tests/c/abi-x86_64.tsv`).

// rsplib's names are part of the interface.
#![allow(non_camel_case_types)]

use libc::sockaddr;
use std::ffi::{c_char, c_int, c_uchar, c_uint};

/// Names a session.
pub type rserpool_session_t = c_int;

/// A registrar known beforehand: an element of the list `rsp_info.ri_registrars`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rsp_registrar_info {
    /// The next registrar, or NULL.
    pub rri_next: *mut rsp_registrar_info,
    /// `rri_addrs` addresses, one directly behind the other, each as long as its family says.
    pub rri_addr: *mut sockaddr,
    /// Number of addresses, 1 to 64; all have the same port.
    pub rri_addrs: usize,
}

/// Settings for rsp_initialize(). Make it with rsp_initinfo(), fill it by rsp_initarg() or by hand, free what it holds with
/// rsp_freeinfo(). A value of 0 means "the library's default".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rsp_info {
    /// Set by rsp_initialize(): RSPLIB_VERSION.
    pub ri_version: c_uint,
    /// Set by rsp_initialize(): RSPLIB_REVISION.
    pub ri_revision: c_uint,
    /// Set by rsp_initialize(): NULL. Deprecated.
    pub ri_build_date: *const c_char,
    /// Set by rsp_initialize(): NULL. Deprecated.
    pub ri_build_time: *const c_char,
    /// Registrars known beforehand, tried together with those that announce themselves; NULL: none.
    pub ri_registrars: *mut rsp_registrar_info,
    /// Not 0: do not listen for registrars that announce themselves by multicast.
    pub ri_disable_autoconfig: c_int,
    /// Multicast address of the announcements; NULL: that of RFC 5352, 224.0.1.185:3863, and
    /// ASAP_ANNOUNCE_MULTICAST_ADDRESS.
    pub ri_registrar_announce: *mut sockaddr,
    /// For how long an announced registrar is remembered, in milliseconds: T7-ENRPoutdate (RFC 5352 section 3.6), 5000 by
    /// default.
    pub ri_registrar_announce_timeout: c_uint,
    /// Time for one connect to a registrar, in milliseconds; 1500 by default.
    pub ri_registrar_connect_timeout: c_uint,
    /// Rounds of connects to all known registrars after which a request fails, when none was reached (T5-Serverhunt,
    /// RFC 5352 section 3.6). Only the time of the request limits them by default.
    pub ri_registrar_connect_max_trials: c_uint,
    /// The longest that a request may take, looking for a registrar included, in milliseconds. Where only the other timeouts are
    /// given and are long, it is as long as they allow. 5000 by default.
    pub ri_registrar_request_timeout: c_uint,
    /// Time for the answer of a registrar before another one is asked, in milliseconds: T1-ENRPrequest, T2-registration and
    /// T3-deregistration (RFC 5352 section 7.1); by default 1000 for a handle resolution, 2000 for the others.
    pub ri_registrar_response_timeout: c_uint,
    /// Times that a request is sent before it fails; by default 2 for a registration, 3 for a handle resolution.
    pub ri_registrar_request_max_trials: c_uint,
    /// Component status reports (rsp_csp_setstatus()): identifier of this component; 0: that of its first registered pool
    /// element.
    pub ri_csp_identifier: u64,
    /// Component status reports: the address to which they go by UDP; NULL: none are sent.
    pub ri_csp_server: *mut sockaddr,
    /// Component status reports: the interval, in milliseconds; 0: none are sent.
    pub ri_csp_interval: c_uint,
}

/// The selection policy of a pool and the values of one element: see rserpool-policytypes.h.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rsp_loadinfo {
    /// The policy: a PPT_ constant.
    pub rli_policy: u32,
    /// Weight (weighted policies): twice the weight is chosen twice as often, 0 never. PPT_PRIORITY: the priority, of which the
    /// highest is used. 0 to 0xffffffff.
    pub rli_weight: u32,
    /// PPT_WEIGHTED_RANDOM_DPF: the part of the weight that each millisecond of distance takes away, from 0 to 0xffffffff, all of
    /// it. A weight of 1 is left at least.
    pub rli_weight_dpf: u32,
    /// Load: 0 is idle, PPV_MAX_LOAD is 100 %.
    pub rli_load: u32,
    /// Policies with degradation: by how much one more session raises the load; from 0 to PPV_MAX_LOAD_DEGRADATION, 100 %.
    pub rli_load_degradation: u32,
    /// Policies of load with DPF: what each millisecond of distance adds to the load, from 0 to PPV_MAX_LOADDPF, 100 %.
    pub rli_load_dpf: u32,
}

/// Basic mode: one pool element, as rsp_getaddrinfo() finds it or rsp_pe_registration() registers it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rsp_addrinfo {
    /// AF_INET, or AF_INET6 as soon as one address is IPv6.
    pub ai_family: c_int,
    /// SOCK_STREAM for SCTP and TCP, else SOCK_DGRAM.
    pub ai_socktype: c_int,
    /// IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, ...
    pub ai_protocol: c_int,
    /// Room for one address of any family: 28, whatever the length of each address is.
    pub ai_addrlen: usize,
    /// Number of addresses, 1 at least.
    pub ai_addrs: usize,
    /// `ai_addrs` addresses, one directly behind the other, each as long as its family says.
    pub ai_addr: *mut sockaddr,
    /// The next element, or NULL.
    pub ai_next: *mut rsp_addrinfo,
    /// The element's identifier, unique in its pool.
    pub ai_pe_id: u32,
}

/// A pool, as rsp_getpoolinfo() and rsp_getpoolchange() tell it.
#[repr(C)]
pub struct rsp_poolinfo {
    /// The pool handle, without a byte behind it.
    pub rpi_handle: *const c_uchar,
    /// Its length in bytes, 1 to 32.
    pub rpi_handle_size: usize,
    /// The pool's selection policy, a PPT_ constant; 0: there is no such pool, or it is empty.
    pub rpi_policy: u32,
    /// RSP_POOL_PARTIAL, or 0.
    pub rpi_flags: c_uint,
    /// Number of elements at `rpi_element`.
    pub rpi_elements: usize,
    /// `rpi_elements` elements, one behind the other.
    pub rpi_element: *mut rsp_poolelement,
}

/// One pool element in a struct rsp_poolinfo.
#[repr(C)]
pub struct rsp_poolelement {
    /// The element's identifier, unique in its pool; never 0.
    pub rpe_identifier: u32,
    /// Identifier of the registrar that looks after it.
    pub rpe_home_registrar: u32,
    /// RSP_ELEMENT_SAME, RSP_ELEMENT_ADDED, RSP_ELEMENT_CHANGED or RSP_ELEMENT_REMOVED; of rsp_getpoolinfo() always
    /// RSP_ELEMENT_SAME.
    pub rpe_change: c_uint,
    /// For how many seconds it stays registered when it does not register again; 0xffffffff: for ever.
    pub rpe_life: u32,
    /// Policy values that it registered: load, weight, ...
    pub rpe_load: rsp_loadinfo,
    /// SOCK_STREAM for SCTP and TCP, else SOCK_DGRAM.
    pub rpe_socktype: c_int,
    /// IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, ...; 0: reached in a way that IP does not know.
    pub rpe_protocol: c_int,
    /// Not 0: it talks ASAP with its users, that is, gives cookies.
    pub rpe_control_channel: c_int,
    /// Number of addresses at `rpe_addr`.
    pub rpe_addrs: usize,
    /// `rpe_addrs` addresses, one directly behind the other, each as long as its family says; NULL when there are none.
    pub rpe_addr: *mut sockaddr,
}

/// What came with a message, or belongs to it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct rsp_sndrcvinfo {
    /// The session.
    pub rinfo_session: rserpool_session_t,
    /// Payload protocol identifier (RFC 9260 section 3.3.1), in network byte order; 11 is that of ASAP, and refused.
    pub rinfo_ppid: u32,
    /// Identifier of the pool element at the other end; 0 when that is not a pool element.
    pub rinfo_pe_id: u32,
    /// For how long a message may wait to be sent (RFC 3758), in milliseconds; 0: as long as it takes. 0 with received ones.
    pub rinfo_timetolive: u32,
    /// SCTP stream, from 0 to the number of streams less one.
    pub rinfo_stream: u16,
}

/// Notification: a session lost its pool element, or found a new one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rserpool_failover {
    /// RSERPOOL_FAILOVER.
    pub rf_type: u16,
    /// Always 0: no flags are defined.
    pub rf_flags: u16,
    /// Length of the notification in bytes, this header included.
    pub rf_length: u32,
    /// RSERPOOL_FAILOVER_NECESSARY or RSERPOOL_FAILOVER_COMPLETE.
    pub rf_state: c_uint,
    /// The session.
    pub rf_session: rserpool_session_t,
    /// Not 0: there is a cookie, so the new pool element gets the session's state.
    pub rf_has_cookie: c_uchar,
}

/// Notification: a session came to a one-to-many socket, or went.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rserpool_session_change {
    /// RSERPOOL_SESSION_CHANGE.
    pub rsc_type: u16,
    /// Always 0: no flags are defined.
    pub rsc_flags: u16,
    /// Length of the notification in bytes, this header included.
    pub rsc_length: u32,
    /// RSERPOOL_SESSION_ADD or RSERPOOL_SESSION_REMOVE.
    pub rsc_state: c_uint,
    /// The session.
    pub rsc_session: rserpool_session_t,
}

/// Notification: the other end closes the session.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rserpool_shutdown_event {
    /// RSERPOOL_SHUTDOWN_EVENT.
    pub rse_type: u16,
    /// Always 0: no flags are defined.
    pub rse_flags: u16,
    /// Length of the notification in bytes, this header included.
    pub rse_length: u32,
    /// The session.
    pub rse_session: rserpool_session_t,
}

/// Notification: an element never acknowledged messages of a session or of rsp_sendto_pool(), and nobody else gets them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rserpool_send_failed {
    /// RSERPOOL_SEND_FAILED.
    pub rsf_type: u16,
    /// Always 0: no flags are defined.
    pub rsf_flags: u16,
    /// Length of the notification in bytes, this header included.
    pub rsf_length: u32,
    /// How many messages, 1 at least.
    pub rsf_messages: c_uint,
    /// The session that they were sent in; it is over.
    pub rsf_session: rserpool_session_t,
    /// The element's identifier.
    pub rsf_identifier: u32,
}

/// Notification: the registration of the socket stands otherwise than before. Only with RSERPOOL_REGISTRATION_EVENT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rserpool_registration_change {
    /// RSERPOOL_REGISTRATION_CHANGE.
    pub rrc_type: u16,
    /// Always 0: no flags are defined.
    pub rrc_flags: u16,
    /// Length of the notification in bytes, this header included.
    pub rrc_length: u32,
    /// How it stands, as RSERPOOL_REGISTRATION_ERROR tells it; 0: a registrar has taken it.
    pub rrc_error: c_int,
    /// The element's identifier.
    pub rrc_identifier: u32,
}

/// What all notifications begin with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rserpool_notification_header {
    /// RSERPOOL_SESSION_CHANGE, RSERPOOL_FAILOVER, RSERPOOL_SHUTDOWN_EVENT, RSERPOOL_SEND_FAILED or RSERPOOL_REGISTRATION_CHANGE.
    pub rn_type: u16,
    /// Always 0: no flags are defined.
    pub rn_flags: u16,
    /// Length of the notification in bytes, this header included.
    pub rn_length: u32,
}

/// What rsp_recvmsg() writes to the buffer when it sets MSG_RSERPOOL_NOTIFICATION.
#[repr(C)]
pub union rserpool_notification {
    /// Look here first: `rn_type` tells which member is valid.
    pub rn_header: rserpool_notification_header,
    /// When `rn_type` is RSERPOOL_FAILOVER.
    pub rn_failover: rserpool_failover,
    /// When `rn_type` is RSERPOOL_SESSION_CHANGE.
    pub rn_session_change: rserpool_session_change,
    /// When `rn_type` is RSERPOOL_SHUTDOWN_EVENT.
    pub rn_shutdown_event: rserpool_shutdown_event,
    /// When `rn_type` is RSERPOOL_SEND_FAILED.
    pub rn_send_failed: rserpool_send_failed,
    /// When `rn_type` is RSERPOOL_REGISTRATION_CHANGE.
    pub rn_registration_change: rserpool_registration_change,
}

/// How fast a dead peer is noticed: the SCTP parameters of a socket's associations (RFC 9260 section 16).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct rserpool_session_parameters {
    /// RTO.Initial in milliseconds, up to one day; 250 by default. 0, here and below: stays as it is.
    pub sp_rto_initial: c_uint,
    /// RTO.Min in milliseconds, up to one day; 100 by default.
    pub sp_rto_min: c_uint,
    /// RTO.Max in milliseconds, up to one day; 500 by default.
    pub sp_rto_max: c_uint,
    /// Association.Max.Retrans of an association with one path; each further path adds sp_path_max_rxt, up to what all
    /// paths have together. Up to 65535; 4 by default.
    pub sp_assoc_max_rxt: c_uint,
    /// Path.Max.Retrans, up to 65535; 3 by default.
    pub sp_path_max_rxt: c_uint,
    /// HB.interval in milliseconds, up to one day; 500 by default.
    pub sp_hbinterval: c_uint,
}

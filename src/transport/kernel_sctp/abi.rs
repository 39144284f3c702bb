//! The part of Linux's SCTP socket interface (RFC 6458 and Linux's own options) that this crate uses.
//!
//! The `libc` crate has only some of it. Numbers and layouts are those of `linux/sctp.h`; sizes are asserted below.

use std::mem::size_of;

pub const IPPROTO_SCTP: libc::c_int = 132;

/// The association identifier of the kernel.
pub type KernelId = i32;
/// In options: associations to be made.
pub const FUTURE_ASSOCIATIONS: KernelId = 0;

pub const SCTP_RTOINFO: libc::c_int = 0;
pub const SCTP_ASSOCINFO: libc::c_int = 1;
pub const SCTP_INITMSG: libc::c_int = 2;
pub const SCTP_NODELAY: libc::c_int = 3;
pub const SCTP_AUTOCLOSE: libc::c_int = 4;
pub const SCTP_PEER_ADDR_PARAMS: libc::c_int = 9;
pub const SCTP_I_WANT_MAPPED_V4_ADDR: libc::c_int = 12;
pub const SCTP_STATUS: libc::c_int = 14;
#[cfg(feature = "registrar")]
pub const SCTP_GET_PEER_ADDR_INFO: libc::c_int = 15;
pub const SCTP_DELAYED_SACK: libc::c_int = 16;
pub const SCTP_FRAGMENT_INTERLEAVE: libc::c_int = 18;
pub const SCTP_PEER_ADDR_THLDS: libc::c_int = 31;
pub const SCTP_RECVRCVINFO: libc::c_int = 32;
pub const SCTP_SOCKOPT_BINDX_ADD: libc::c_int = 100;
pub const SCTP_GET_PEER_ADDRS: libc::c_int = 108;
pub const SCTP_SOCKOPT_CONNECTX3: libc::c_int = 111;
pub const SCTP_EVENT: libc::c_int = 127;
pub const SCTP_REMOTE_UDP_ENCAPS_PORT: libc::c_int = 132;

/// Types of ancillary data.
pub const SCTP_SNDINFO: libc::c_int = 2;
pub const SCTP_RCVINFO: libc::c_int = 3;
pub const SCTP_PRINFO: libc::c_int = 5;

/// Flags of [`SndInfo`].
pub const SCTP_UNORDERED: u16 = 1;
pub const SCTP_ABORT: u16 = 4;
pub const SCTP_EOF: u16 = libc::MSG_FIN as u16;
pub const SCTP_PR_SCTP_TTL: u16 = 0x10;

/// Set in `msg_flags` when a notification was received.
pub const MSG_NOTIFICATION: libc::c_int = 0x8000;

/// Types of notifications.
pub const SCTP_ASSOC_CHANGE: u16 = 0x8001;
pub const SCTP_PEER_ADDR_CHANGE: u16 = 0x8002;
pub const SCTP_SHUTDOWN_EVENT: u16 = 0x8005;
pub const SCTP_PARTIAL_DELIVERY_EVENT: u16 = 0x8006;
pub const SCTP_SENDER_DRY_EVENT: u16 = 0x8009;
pub const SCTP_SEND_FAILED_EVENT: u16 = 0x800d;

/// Flags of [`PeerAddressParameters`].
pub const SPP_HB_ENABLE: u32 = 1;
#[cfg(feature = "registrar")]
pub const SPP_HB_DEMAND: u32 = 1 << 2;
pub const SPP_SACKDELAY_DISABLE: u32 = 1 << 6;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RtoInfo {
    pub association: KernelId,
    pub initial: u32,
    pub max: u32,
    pub min: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AssociationParameters {
    pub association: KernelId,
    pub max_retransmissions: u16,
    pub peer_destinations: u16,
    pub peer_window: u32,
    pub local_window: u32,
    pub cookie_life: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct InitMessage {
    pub outbound_streams: u16,
    pub max_inbound_streams: u16,
    pub max_attempts: u16,
    pub max_timeout_ms: u16,
}

/// Packed, but padded to a multiple of 4.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct PeerAddressParameters {
    pub association: KernelId,
    pub address: [u8; 128],
    pub heartbeat_interval: u32,
    pub path_max_retransmissions: u16,
    pub path_mtu: u32,
    pub sack_delay: u32,
    pub flags: u32,
    pub ipv6_flow_label: u32,
    pub dscp: u8,
    pub padding: u8,
}

#[cfg(feature = "registrar")]
/// The `state` of a path that has not answered yet.
pub const SCTP_UNCONFIRMED: i32 = 3;

#[cfg(feature = "registrar")]
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub struct PathInformation {
    pub association: KernelId,
    pub address: [u8; 128],
    pub state: i32,
    pub window: u32,
    pub srtt: u32,
    pub rto: u32,
    pub mtu: u32,
}

/// Thresholds of paths. The address is aligned as the kernel's, to 8.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct PathThresholds {
    pub association: KernelId,
    pub padding: u32,
    pub address: [u8; 128],
    pub path_max_retransmissions: u16,
    pub potentially_failed: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct SackInfo {
    pub association: KernelId,
    pub delay: u32,
    pub frequency: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct EventSubscription {
    pub association: KernelId,
    pub kind: u16,
    pub on: u8,
}

/// The address is aligned as the kernel's, to 8.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct UdpEncapsulation {
    pub association: KernelId,
    pub padding: u32,
    pub address: [u8; 128],
    /// In network order.
    pub port: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Status {
    pub association: KernelId,
    pub state: i32,
    pub peer_window: u32,
    pub unacknowledged: u16,
    pub pending: u16,
    pub inbound_streams: u16,
    pub outbound_streams: u16,
    pub fragmentation_point: u32,
    pub primary_association: KernelId,
    pub primary_address: [u8; 128],
    pub primary_state: i32,
    pub primary_cwnd: u32,
    pub primary_srtt: u32,
    pub primary_rto: u32,
    pub primary_mtu: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ConnectX {
    pub association: KernelId,
    /// Length of `addresses` in bytes.
    pub len: libc::c_int,
    pub addresses: *const u8,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct SndInfo {
    pub stream: u16,
    pub flags: u16,
    /// In network order.
    pub ppid: u32,
    pub context: u32,
    pub association: KernelId,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcvInfo {
    pub stream: u16,
    pub ssn: u16,
    pub flags: u16,
    /// In network order.
    pub ppid: u32,
    pub tsn: u32,
    pub cumulative_tsn: u32,
    pub context: u32,
    pub association: KernelId,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct PrInfo {
    pub policy: u16,
    pub value: u32,
}

const _: () = {
    assert!(size_of::<RtoInfo>() == 16);
    assert!(size_of::<AssociationParameters>() == 20);
    assert!(size_of::<InitMessage>() == 8);
    assert!(size_of::<PeerAddressParameters>() == 156);
    assert!(std::mem::offset_of!(PeerAddressParameters, flags) == 146);
    assert!(size_of::<PathThresholds>() == 144);
    assert!(std::mem::offset_of!(PathThresholds, potentially_failed) == 138);
    #[cfg(feature = "registrar")]
    assert!(size_of::<PathInformation>() == 152);
    assert!(size_of::<SackInfo>() == 12);
    assert!(size_of::<EventSubscription>() == 8);
    assert!(size_of::<UdpEncapsulation>() == 144);
    assert!(std::mem::offset_of!(UdpEncapsulation, port) == 136);
    assert!(size_of::<Status>() == 176);
    assert!(std::mem::offset_of!(Status, primary_association) == 24);
    assert!(size_of::<ConnectX>() == 8 + size_of::<usize>());
    assert!(size_of::<SndInfo>() == 16);
    assert!(size_of::<RcvInfo>() == 28);
    assert!(size_of::<PrInfo>() == 8);
};

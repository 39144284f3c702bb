//! Multicast announcements (RFC 5352 section 3.6; on the ENRP side an extension that rsplib has): UDP datagrams by which
//! registrars make themselves known. They are optional: a machine without multicast is an ordinary machine.

mod listener;
mod sender;

pub use listener::AnnouncementListener;
pub use sender::{AnnouncementSender, announcement_sockets};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Port of ASAP, and of its announcements.
const ASAP_PORT: u16 = 3863;
/// Port of ENRP.
const ENRP_PORT: u16 = 9901;
/// Where registrars announce themselves: the groups of IANA (IPv4, and IPv6 in the scope of a site) and that of rsplib.
pub const ASAP_GROUPS: [SocketAddr; 3] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 1, 185)), ASAP_PORT),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 0, 0, 50)), ASAP_PORT),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x133)), ASAP_PORT),
];
/// Where rsplib's registrars find each other.
pub const ENRP_GROUPS: [SocketAddr; 1] = [SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 0, 0, 51)), ENRP_PORT)];
/// Hops that announcements may take by default: those of rsplib.
pub const DEFAULT_TTL: u32 = 30;

#[cfg(test)]
mod tests;

//! Which of our addresses a pool element registers.

use crate::wire::AddressList;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// More addresses than this are not registered: no host needs them, and ASAP messages should stay small.
const MAX_ADDRESSES: usize = 8;

/// The addresses of an element that is bound to the wildcard address and registers with a registrar at `registrar`.
///
/// A registrar on this host's loopback serves this host only. Otherwise all addresses but loopback and link-local ones,
/// beginning with the one that faces the registrar.
pub fn addresses_towards(registrar: Option<IpAddr>) -> AddressList {
    match registrar {
        Some(address) if address.is_loopback() => AddressList::from_slice(&[loopback_like(address)]),
        _ => {
            let mut addresses: AddressList = registrar.and_then(source_address).into_iter().collect();
            for address in local_addresses() {
                if addresses.len() < MAX_ADDRESSES && is_reachable(address) && !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            addresses
        }
    }
}

fn loopback_like(address: IpAddr) -> IpAddr {
    if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unspecified() && (v6.segments()[0] & 0xffc0) != 0xfe80,
    }
}

/// The address that the routing table chooses towards `peer`. Sends nothing.
fn source_address(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(peer, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| is_reachable(*address))
}

/// The addresses of all interfaces that are up.
fn local_addresses() -> Vec<IpAddr> {
    let mut list = std::ptr::null_mut();
    // SAFETY: on success `list` is a list that freeifaddrs releases below.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return Vec::new();
    }
    let mut addresses = Vec::new();
    let mut entry = list;
    while !entry.is_null() {
        // SAFETY: `entry` is a node of the list, which lives until freeifaddrs.
        let interface = unsafe { &*entry };
        entry = interface.ifa_next;
        let is_up = interface.ifa_flags & libc::IFF_UP as libc::c_uint != 0;
        if is_up && !interface.ifa_addr.is_null() {
            // SAFETY: the address belongs to the node, and its family says how long it is.
            addresses.extend(unsafe { to_ip(interface.ifa_addr) });
        }
    }
    // SAFETY: the list came from getifaddrs and is not used any more.
    unsafe { libc::freeifaddrs(list) };
    addresses
}

/// # Safety
/// `address` points to a socket address of the length that belongs to its family.
unsafe fn to_ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: every socket address begins with its family.
    match libc::c_int::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            // SAFETY: the family is IPv4.
            let v4 = unsafe { &*address.cast::<libc::sockaddr_in>() };
            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family is IPv6.
            let v6 = unsafe { &*address.cast::<libc::sockaddr_in6>() };
            Some(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrar_on_loopback_is_told_the_loopback_address_only() {
        let addresses = addresses_towards(Some("127.0.0.1".parse().unwrap()));
        assert_eq!(addresses.as_slice(), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        let addresses = addresses_towards(Some("::1".parse().unwrap()));
        assert_eq!(addresses.as_slice(), ["::1".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_remote_registrar_is_never_told_loopback_or_link_local_addresses() {
        for address in addresses_towards(Some("192.0.2.1".parse().unwrap())) {
            assert!(is_reachable(address), "{address}");
        }
    }
}

//! Which of our addresses a pool element registers.

use crate::transport::{interfaces, zones};
use crate::wire::AddressList;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// More addresses than this are not registered: no host needs them, and ASAP messages should stay small.
const MAX_ADDRESSES: usize = 8;

/// The addresses of an element that is bound to the wildcard address and registers with a registrar at `registrar`.
///
/// All addresses but loopback and link-local ones, beginning with the one that faces the registrar, which may be link-local where the
/// registrar's is. A registrar on this host's loopback may serve this host only, or others as well: it is told the loopback address, too,
/// and keeps what it can vouch for.
pub fn addresses_towards(registrar: Option<IpAddr>) -> AddressList {
    let mut addresses: AddressList = registrar.and_then(address_facing).into_iter().collect();
    for address in interfaces::addresses().unwrap_or_default() {
        if addresses.len() < MAX_ADDRESSES && is_reachable(address) && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.extend(registrar.filter(IpAddr::is_loopback).map(loopback_like));
    addresses
}

/// Whether an address leads to this host, as far as the routing table knows.
pub fn is_this_host(address: IpAddr) -> bool {
    address.is_loopback() || source_address(address) == Some(address)
}

fn loopback_like(address: IpAddr) -> IpAddr {
    if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

fn is_reachable(address: IpAddr) -> bool {
    !address.is_loopback() && !interfaces::is_link_local(&address)
}

/// The address by which a registrar knows this host, if others can reach it there. Those on its link know it, too.
fn address_facing(registrar: IpAddr) -> Option<IpAddr> {
    let on_link = interfaces::is_link_local(&registrar);
    source_address(registrar).filter(|own| is_reachable(*own) || on_link && interfaces::is_link_local(own))
}

/// The address that the routing table chooses towards `peer`. Sends nothing.
fn source_address(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(zones::with_zone(peer, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrar_on_loopback_is_told_the_loopback_address_behind_all_others() {
        for loopback in ["127.0.0.1", "::1"] {
            let loopback: IpAddr = loopback.parse().unwrap();
            let mut addresses = addresses_towards(Some(loopback));
            assert_eq!(addresses.pop(), Some(loopback));
            assert_eq!(addresses, addresses_towards(None));
        }
    }

    #[test]
    fn addresses_of_this_host_are_told_from_those_of_others() {
        for own in addresses_towards(Some("127.0.0.1".parse().unwrap())) {
            assert!(is_this_host(own), "{own}");
        }
        assert!(!is_this_host("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn a_remote_registrar_is_never_told_loopback_or_link_local_addresses() {
        for address in addresses_towards(Some("192.0.2.1".parse().unwrap())) {
            assert!(is_reachable(address), "{address}");
        }
    }
}

//! The addresses of this machine's network interfaces.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses kept at most: more than SCTP can use, and a bound on a machine with thousands of interfaces.
const MAX_ADDRESSES: usize = 32;

/// The addresses under which other machines can reach this one: of interfaces that are up, without loopback and
/// link-local ones. On a machine without a network, the loopback addresses.
pub fn local_addresses() -> io::Result<Vec<IpAddr>> {
    let all = all_addresses()?;
    let wide: Vec<IpAddr> = all.iter().copied().filter(|a| !a.is_loopback()).take(MAX_ADDRESSES).collect();
    Ok(if wide.is_empty() { all.into_iter().take(MAX_ADDRESSES).collect() } else { wide })
}

fn all_addresses() -> io::Result<Vec<IpAddr>> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: `list` is an out-parameter; it is freed below when the call succeeds.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut addresses = Vec::new();
    let mut entry = list;
    while !entry.is_null() {
        // SAFETY: `entry` is an element of the list that getifaddrs made and that has not been freed yet.
        let current = unsafe { &*entry };
        if current.ifa_flags & libc::IFF_UP as libc::c_uint != 0 {
            // SAFETY: as above; an address in the list is null or a complete socket address of its family.
            addresses.extend(unsafe { ip_address(current.ifa_addr) }.filter(|a| !is_link_local(a)));
        }
        entry = current.ifa_next;
    }
    // SAFETY: `list` came from getifaddrs, and nothing refers into it any more.
    unsafe { libc::freeifaddrs(list) };
    addresses.dedup();
    Ok(addresses)
}

/// # Safety
/// `address` is null or points to a complete socket address of its family.
unsafe fn ip_address(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: not null, and by the contract of this function as long as its family says.
    unsafe {
        match i32::from((*address).sa_family) {
            libc::AF_INET => {
                let v4 = address.cast::<libc::sockaddr_in>().read_unaligned();
                Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
            }
            libc::AF_INET6 => {
                let v6 = address.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
            }
            _ => None,
        }
    }
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80 || v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_addresses_and_none_is_link_local() {
        let addresses = local_addresses().unwrap();
        assert!(!addresses.is_empty());
        assert!(addresses.iter().all(|a| !is_link_local(a)));
        let loopbacks = addresses.iter().filter(|a| a.is_loopback()).count();
        assert!(loopbacks == 0 || loopbacks == addresses.len(), "loopback only where there is nothing else");
    }
}

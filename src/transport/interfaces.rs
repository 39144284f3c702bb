//! The network interfaces of this machine.

use std::ffi::CStr;
use std::io;
use std::net::IpAddr;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub name: String,
    pub index: u32,
    pub up: bool,
    pub multicast: bool,
    pub loopback: bool,
    pub addresses: Vec<IpAddr>,
}

/// All interfaces, with their addresses.
pub(crate) fn list() -> io::Result<Vec<Interface>> {
    let mut first: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: `first` receives a list that is freed below.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: `next` is an entry of the list, which lives until freeifaddrs.
        let entry = unsafe { &*next };
        // SAFETY: every entry has a name, which ends in zero.
        add(&mut interfaces, entry, unsafe { CStr::from_ptr(entry.ifa_name) });
        next = entry.ifa_next;
    }
    // SAFETY: `first` came from getifaddrs, and nothing refers to the list any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(interfaces)
}

/// All addresses of interfaces that are up.
pub(crate) fn addresses() -> io::Result<Vec<IpAddr>> {
    let up = list()?.into_iter().filter(|interface| interface.up);
    Ok(up.flat_map(|interface| interface.addresses).collect())
}

/// Whether the system has IPv6 at all.
#[cfg_attr(not(feature = "registrar"), allow(dead_code))] // the client takes what it gets
pub(crate) fn has_ipv6() -> bool {
    socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::DGRAM, None).is_ok()
}

/// An address that is of no use without the interface that it belongs to, or of no use at all.
pub(crate) fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// Adds one entry of the system's list, of which an interface has one for each address.
fn add(interfaces: &mut Vec<Interface>, entry: &libc::ifaddrs, name: &CStr) {
    let text = name.to_string_lossy();
    let position = interfaces.iter().position(|interface| interface.name == text);
    let position = position.unwrap_or_else(|| {
        let flag = |flag: libc::c_int| entry.ifa_flags & flag as libc::c_uint != 0;
        interfaces.push(Interface {
            name: text.clone().into_owned(),
            // SAFETY: `name` ends in zero.
            index: unsafe { libc::if_nametoindex(name.as_ptr()) },
            up: flag(libc::IFF_UP),
            multicast: flag(libc::IFF_MULTICAST),
            loopback: flag(libc::IFF_LOOPBACK),
            addresses: Vec::new(),
        });
        interfaces.len() - 1
    });
    // SAFETY: the address of an entry is null or a socket address of the length that its family says.
    if let Some(address) = unsafe { ip_address(entry.ifa_addr) } {
        interfaces[position].addresses.push(address);
    }
}

/// Reads a socket address.
///
/// # Safety
/// `address` must be null or point to a socket address of the length that its family says.
unsafe fn ip_address(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: every socket address begins with its family.
    match libc::c_int::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            // SAFETY: the family says that this is a sockaddr_in.
            let address = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(IpAddr::from(address.sin_addr.s_addr.to_ne_bytes()))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this is a sockaddr_in6.
            let address = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(IpAddr::from(address.sin6_addr.s6_addr))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn loopback_is_there_with_its_address() {
        let interfaces = super::list().unwrap();
        let lo = interfaces.iter().find(|interface| interface.loopback).unwrap();
        assert!(lo.up && lo.index > 0);
        assert!(lo.addresses.contains(&std::net::Ipv4Addr::LOCALHOST.into()));
    }
}

//! The addresses of this machine's network interfaces.

use crate::transport::interfaces;
use std::io;
use std::net::IpAddr;

/// Addresses kept at most: more than SCTP can use, and a bound on a machine with thousands of interfaces.
const MAX_ADDRESSES: usize = 32;

/// The addresses under which other machines can reach this one: of interfaces that are up, without loopback and
/// link-local ones. On a machine without a network, the loopback addresses.
pub fn local_addresses() -> io::Result<Vec<IpAddr>> {
    let all = all_addresses()?;
    let wide: Vec<IpAddr> = all.iter().copied().filter(|a| !a.is_loopback()).take(MAX_ADDRESSES).collect();
    Ok(if wide.is_empty() { all.into_iter().take(MAX_ADDRESSES).collect() } else { wide })
}

/// Those of interfaces that are up, without link-local ones.
pub(super) fn all_addresses() -> io::Result<Vec<IpAddr>> {
    let mut addresses = interfaces::addresses()?;
    addresses.retain(|address| !interfaces::is_link_local(address));
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_addresses_and_none_is_link_local() {
        let addresses = local_addresses().unwrap();
        assert!(!addresses.is_empty());
        assert!(addresses.iter().all(|a| !interfaces::is_link_local(a)));
        let loopbacks = addresses.iter().filter(|a| a.is_loopback()).count();
        assert!(loopbacks == 0 || loopbacks == addresses.len(), "loopback only where there is nothing else");
    }
}

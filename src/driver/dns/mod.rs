//! Look-ups in the DNS beyond what the system's resolver does: SRV records, and servers that somebody names.

mod query;

use crate::association::PeerAddress;
use crate::wire::AddressList;
use query::Hosts;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};

/// Where the system says which DNS servers there are.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Where the SRV records of a name lead to, in the order of their priorities: by these servers, or, without any, by those of the system and
/// by its resolver for the addresses of their targets. Takes seconds where nobody answers.
pub(super) fn look_up_srv(name: &str, servers: &[SocketAddr]) -> Result<Vec<PeerAddress>, String> {
    let (servers, hosts) = match servers.is_empty() {
        true => (system_servers()?, Hosts::OfTheSystem),
        false => (servers.to_vec(), Hosts::OfTheServers),
    };
    query::look_up(name, &servers, hosts, random_id())
}

/// The addresses of a host by these servers, those of IPv6 first.
#[cfg_attr(not(feature = "registrar"), allow(dead_code))] // programs with the library have the system's servers
pub(super) fn addresses(host: &str, servers: &[SocketAddr]) -> Result<AddressList, String> {
    query::addresses(host, servers, random_id())
}

/// Keys of hash maps are random numbers of the system.
fn random_id() -> u16 {
    RandomState::new().hash_one(RESOLV_CONF) as u16
}

fn system_servers() -> Result<Vec<SocketAddr>, String> {
    let text = std::fs::read_to_string(RESOLV_CONF).map_err(|error| format!("{RESOLV_CONF}: {error}"))?;
    let servers = parse_resolv_conf(&text);
    if servers.is_empty() { Err(format!("{RESOLV_CONF} names no DNS server")) } else { Ok(servers) }
}

fn parse_resolv_conf(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        let address: IpAddr = address.parse().ok()?; // one with a zone is of no use to us
        Some(SocketAddr::new(address, query::PORT_DNS))
    });
    servers.take(query::MAX_SERVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_names_the_servers() {
        let text =
            "# comment\nsearch example.net\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver 2001:db8::53\n";
        assert_eq!(parse_resolv_conf(text), ["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:53".parse().unwrap()]);
    }
}

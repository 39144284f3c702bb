//! Where something is, as people write it: an address with a port, or a name that leads to some. Names are looked up by the system, which
//! may take long: never in a thread that serves others.

use crate::transport::zones;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// Addresses of a name that are taken.
const MAX_ADDRESSES: usize = 32;
/// The longest name of a host.
const MAX_HOST: usize = 253;

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An address and a port.
    Address(SocketAddr),
    /// A name and a port.
    Name(HostName),
}

/// The name of a host with a port, or one whose SRV records lead to hosts and ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    host: String,
    /// None: its SRV records say it.
    port: Option<u16>,
}

impl FromStr for Place {
    type Err = ();

    /// `ADDRESS:PORT` or `NAME:PORT`; IPv6 addresses in brackets, link-local ones with their zone (`[fe80::1%eth0]:3863`).
    fn from_str(text: &str) -> Result<Place, ()> {
        if let Some(address) = text.parse().ok().or_else(|| zones::parse(text)) {
            return Ok(Place::Address(address));
        }
        if cfg!(feature = "dns") && is_service(text) {
            return Ok(Place::Name(HostName { host: text.to_owned(), port: None }));
        }
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(())?;
        if is_host(host) { Ok(Place::Name(HostName { host: host.to_owned(), port: Some(port) })) } else { Err(()) }
    }
}

impl Place {
    /// Its address, or those of the name at the moment: see [`HostName::look_up`].
    ///
    /// # Errors
    ///
    /// What the system says of the name.
    pub fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Place::Address(address) => Ok(vec![*address]),
            Place::Name(name) => name.look_up(),
        }
    }

    /// The same, by these DNS servers; none: by the system.
    ///
    /// # Errors
    ///
    /// What they say of the name.
    #[cfg(feature = "registrar")]
    pub fn look_up_by(&self, servers: &[SocketAddr]) -> io::Result<Vec<SocketAddr>> {
        match self {
            Place::Address(address) => Ok(vec![*address]),
            Place::Name(name) => name.look_up_by(servers),
        }
    }

    /// One from a text in which the port may be left out.
    pub fn with_default_port(text: &str, port: u16) -> Option<Place> {
        let bare = text.trim_matches(['[', ']']);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Place::Address(SocketAddr::new(address, port)));
        }
        if let Some(address) = zones::parse(&format!("[{bare}]:{port}")) {
            return Some(Place::Address(address));
        }
        let with_port = if text.contains(':') || is_service(text) { text.to_owned() } else { format!("{text}:{port}") };
        with_port.parse().ok()
    }
}

/// Letters, digits, hyphens and dots, but no wrong IPv4 address.
fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let label = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let number = label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_HOST && text.bytes().all(allowed) && !number
}

/// The name of a service (RFC 2782), without a port: `_asap._sctp.example.net`.
fn is_service(text: &str) -> bool {
    text.starts_with('_') && text.contains("._") && is_host(text)
}

impl HostName {
    /// What a certificate of who is found by it has to be for: the name itself; of a service, the domain that it belongs to, not the hosts that
    /// a look-up leads to, which may be forged (RFC 6125 section 6.2.1).
    pub fn certified(&self) -> &str {
        let mut name = &self.host[..];
        while let Some((_, rest)) =
            name.split_once('.').filter(|(label, _)| self.port.is_none() && label.starts_with('_'))
        {
            name = rest;
        }
        name
    }

    /// Its addresses at the moment, in the order in which to try them (RFC 8305 section 4): that of the system, but families take turns. Of a
    /// service those of the hosts that offer it, in the order of their priorities.
    ///
    /// # Errors
    ///
    /// What the system says, which it may take a minute for.
    pub fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let found = match self.port {
            Some(port) => taking_turns((self.host.as_str(), port).to_socket_addrs()?.collect()),
            None => look_up_service(&self.host, &[])?,
        };
        found.iter().copied().for_each(zones::note);
        Ok(found)
    }

    /// The same by these DNS servers; none: by the system.
    #[cfg(feature = "registrar")]
    pub(super) fn look_up_by(&self, servers: &[SocketAddr]) -> io::Result<Vec<SocketAddr>> {
        match self.port {
            _ if servers.is_empty() => self.look_up(),
            Some(port) => {
                let addresses = super::dns::addresses(&self.host, servers).map_err(io::Error::other)?;
                Ok(taking_turns(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()))
            }
            None => look_up_service(&self.host, servers),
        }
    }
}

/// Where a service is offered.
#[cfg(feature = "dns")]
fn look_up_service(name: &str, servers: &[SocketAddr]) -> io::Result<Vec<SocketAddr>> {
    let found = super::dns::look_up_srv(name, servers).map_err(io::Error::other)?;
    let all = found.iter().flat_map(|peer| peer.addresses.iter().map(|address| SocketAddr::new(*address, peer.port)));
    Ok(all.take(MAX_ADDRESSES).collect())
}

#[cfg(not(feature = "dns"))]
fn look_up_service(_name: &str, _servers: &[SocketAddr]) -> io::Result<Vec<SocketAddr>> {
    Err(io::ErrorKind::Unsupported.into())
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

fn taking_turns(mut left: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut ordered: Vec<SocketAddr> = Vec::new();
    while !left.is_empty() && ordered.len() < MAX_ADDRESSES {
        let other = ordered.last().and_then(|last| left.iter().position(|next| next.is_ipv4() != last.is_ipv4()));
        let next = left.remove(other.unwrap_or(0));
        if !ordered.contains(&next) {
            ordered.push(next);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart() {
        let name = |host: &str, port| Ok(Place::Name(HostName { host: host.to_owned(), port: Some(port) }));
        assert_eq!("[::1]:7".parse(), Ok(Place::Address("[::1]:7".parse().unwrap())));
        assert_eq!("registrar.example.net:3863".parse(), name("registrar.example.net", 3863));
        assert_eq!(Place::with_default_port("localhost", 9).ok_or(()), name("localhost", 9));
        assert_eq!(Place::with_default_port("[::1]", 9), Some(Place::Address("[::1]:9".parse().unwrap())));
        for wrong in ["", ":1", "name", "name:", "name:0", "name:70000", "1.2.3:4", "1.2.3.4.5:6", "a b:1", "a/b:1"] {
            assert_eq!(wrong.parse::<Place>(), Err(()), "{wrong}");
        }
    }

    #[test]
    #[cfg(feature = "dns")]
    fn a_service_is_named_without_a_port() {
        let service = Place::Name(HostName { host: "_asap._sctp.example.net".to_owned(), port: None });
        assert_eq!("_asap._sctp.example.net".parse(), Ok(service.clone()));
        assert_eq!(Place::with_default_port("_asap._sctp.example.net", 9), Some(service));
        for wrong in ["_asap", "asap._sctp.example.net", "_asap._sctp.example/net"] {
            assert_eq!(wrong.parse::<Place>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn rfc_8305_families_take_turns_and_no_address_comes_twice() {
        let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let found = all(&["[::1]:1", "[::2]:1", "[::1]:1", "127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1"]);
        let wanted = all(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1", "127.0.0.3:1"]);
        assert_eq!(taking_turns(found), wanted);
    }

    #[test]
    fn a_service_is_certified_by_its_domain_and_a_host_by_its_name() {
        let certified = |text: &str| match text.parse() {
            Ok(Place::Name(name)) => name.certified().to_owned(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(certified("r1.example.net:3863"), "r1.example.net");
        assert_eq!(certified("_host.example.net:3863"), "_host.example.net");
        if cfg!(feature = "dns") {
            assert_eq!(certified("_asap._sctp.example.net"), "example.net");
        }
    }
}

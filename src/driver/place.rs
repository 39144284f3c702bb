//! Where something is, as people write it: an address with a port, or a name that leads to some. Names are looked up by the system, which
//! may take long: never in a thread that serves others.

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

/// The name of a host, with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    host: String,
    port: u16,
}

impl FromStr for Place {
    type Err = ();

    /// `ADDRESS:PORT` or `NAME:PORT`; IPv6 addresses in brackets.
    fn from_str(text: &str) -> Result<Place, ()> {
        if let Ok(address) = text.parse() {
            return Ok(Place::Address(address));
        }
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(())?;
        if is_host(host) { Ok(Place::Name(HostName { host: host.to_owned(), port })) } else { Err(()) }
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

    /// The same, where the port may be left out.
    pub fn with_default_port(text: &str, port: u16) -> Option<Place> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Place::Address(SocketAddr::new(address, port)));
        }
        let with_port = if text.contains(':') { text.to_owned() } else { format!("{text}:{port}") };
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

impl HostName {
    /// The name alone.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its addresses at the moment, in the order in which to try them (RFC 8305 section 4): that of the system, but families take turns.
    ///
    /// # Errors
    ///
    /// What the system says, which it may take a minute for.
    pub fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let found = (self.host.as_str(), self.port).to_socket_addrs()?;
        Ok(taking_turns(found.collect()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
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
        let name = |host: &str, port| Ok(Place::Name(HostName { host: host.to_owned(), port }));
        assert_eq!("[::1]:7".parse(), Ok(Place::Address("[::1]:7".parse().unwrap())));
        assert_eq!("registrar.example.net:3863".parse(), name("registrar.example.net", 3863));
        assert_eq!(Place::with_default_port("localhost", 9).ok_or(()), name("localhost", 9));
        assert_eq!(Place::with_default_port("[::1]", 9), Some(Place::Address("[::1]:9".parse().unwrap())));
        for wrong in ["", ":1", "name", "name:", "name:0", "name:70000", "1.2.3:4", "1.2.3.4.5:6", "a b:1", "a/b:1"] {
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
}

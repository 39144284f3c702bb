//! Zones of link-local addresses (RFC 4007): by which interface such an address is reached.
//!
//! An address as messages and cores have it is without a zone, so none ever goes onto the wire. What is known of zones on this host
//! stands here, for the whole process: they come with addresses that a person has written (`[fe80::1%eth0]:3863`) and with the sources of
//! what is received. An address of several links counts for the one that it was seen on last.

use super::interfaces::{self, is_link_local};
use parking_lot::Mutex;
use std::ffi::CString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Addresses whose zones are remembered; the one that was noted longest ago makes room.
const MAX_KNOWN: usize = 64;

/// The index of an interface; zero: none.
type Zone = u32;

static KNOWN: Mutex<Zones> = Mutex::new(Zones { known: Vec::new() });

/// What is known, in the order in which it was noted last.
struct Zones {
    known: Vec<(Ipv6Addr, Zone)>,
}

impl Zones {
    fn note(&mut self, address: &SocketAddrV6) {
        if address.scope_id() == 0 || !address.ip().is_unicast_link_local() {
            return;
        }
        let noted = (*address.ip(), address.scope_id());
        if self.known.last() == Some(&noted) {
            return;
        }
        self.known.retain(|(known, _)| known != address.ip());
        if self.known.len() == MAX_KNOWN {
            self.known.remove(0);
        }
        self.known.push(noted);
    }

    /// The zone of an address; of one that was never seen that of the others, as one registrar tells of those on its link.
    fn of(&self, address: &Ipv6Addr) -> Option<Zone> {
        let exactly = self.known.iter().find(|(known, _)| known == address);
        exactly.or(self.known.last()).map(|(_, zone)| *zone)
    }
}

/// A link-local address of IPv6: it means nothing without the link that it belongs to. (Those of IPv4 are routed in places.)
pub(crate) fn needs_zone(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Keeps the zone of an address, if it has one.
pub(crate) fn note(address: SocketAddr) {
    if let SocketAddr::V6(address) = address {
        if address.scope_id() != 0 {
            KNOWN.lock().note(&address);
        }
    }
}

/// Where to send what is meant for this address: a link-local one with its zone, as far as it is known.
pub(crate) fn with_zone(address: IpAddr, port: u16) -> SocketAddr {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            let zone = KNOWN.lock().of(&v6).or_else(only_link).unwrap_or(0);
            SocketAddrV6::new(v6, port, 0, zone).into()
        }
        _ => SocketAddr::new(address, port),
    }
}

/// The zone of a host that has one link.
fn only_link() -> Option<Zone> {
    let interfaces = interfaces::list().ok()?;
    let on_a_link = |address: &IpAddr| address.is_ipv6() && is_link_local(address);
    let mut links = interfaces.iter().filter(|i| i.up && i.addresses.iter().any(on_a_link)).map(|i| i.index);
    links.next().filter(|_| links.next().is_none())
}

/// `[ADDRESS%ZONE]:PORT`, with the name or the number of an interface of this host; what that means is kept.
pub(crate) fn parse(text: &str) -> Option<SocketAddr> {
    let (inner, port) = text.strip_prefix('[')?.rsplit_once("]:")?;
    let (address, zone) = inner.split_once('%')?;
    let address: Ipv6Addr = address.parse().ok()?;
    let zone = zone_of(zone).filter(|_| address.is_unicast_link_local())?;
    let address = SocketAddr::V6(SocketAddrV6::new(address, port.parse().ok()?, 0, zone));
    note(address);
    Some(address)
}

fn zone_of(text: &str) -> Option<Zone> {
    let name = CString::new(text).ok()?;
    // SAFETY: `name` ends in zero.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 { text.parse().ok().filter(|zone| *zone != 0) } else { Some(index) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, zone: Zone) -> SocketAddrV6 {
        SocketAddrV6::new(address.parse().unwrap(), 1, 0, zone)
    }

    #[test]
    fn zones_are_those_seen_last_and_no_more_than_a_bound() {
        let mut zones = Zones { known: Vec::new() };
        zones.note(&at("fe80::1", 3));
        zones.note(&at("fe80::2", 4));
        zones.note(&at("2001:db8::1", 5));
        zones.note(&at("fe80::3", 0));
        let of = |zones: &Zones, address: &str| zones.of(&address.parse().unwrap());
        assert_eq!((of(&zones, "fe80::1"), of(&zones, "fe80::2"), of(&zones, "fe80::9")), (Some(3), Some(4), Some(4)));
        zones.note(&at("fe80::1", 7));
        assert_eq!((of(&zones, "fe80::1"), of(&zones, "fe80::9")), (Some(7), Some(7)));
        for last in 0..100 {
            zones.note(&at(&format!("fe80::1:{last:x}"), 9));
        }
        assert_eq!(zones.known.len(), MAX_KNOWN);
    }

    #[test]
    fn a_zone_is_the_name_or_the_number_of_an_interface() {
        let lo = zone_of("lo").unwrap();
        for text in ["[fe80::77%lo]:3863".to_owned(), format!("[fe80::77%{lo}]:3863")] {
            assert_eq!(parse(&text), Some(SocketAddrV6::new("fe80::77".parse().unwrap(), 3863, 0, lo).into()));
        }
        assert_eq!(
            with_zone("fe80::77".parse().unwrap(), 4),
            SocketAddrV6::new("fe80::77".parse().unwrap(), 4, 0, lo).into()
        );
        for wrong in
            ["[fe80::1%]:1", "[fe80::1%no-such-interface]:1", "[fe80::1%0]:1", "[2001:db8::1%lo]:1", "fe80::1%lo"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

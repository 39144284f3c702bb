//! By what this side knows the registrars that it connects to.

use crate::association::PeerAddress;
use crate::security::ExpectedName;
use parking_lot::Mutex;

/// Names that were looked up; written when a look-up is over, read when a connection is up.
#[derive(Default)]
pub struct RegistrarNames {
    /// Holds for all of them, wherever they are.
    only: Option<String>,
    /// Each name with where it leads, as of the last look-up. As many as are configured.
    looked_up: Mutex<Vec<(String, Vec<PeerAddress>)>>,
}

impl RegistrarNames {
    /// `only`: the name that each registrar's certificate has.
    pub fn new(only: Option<String>) -> RegistrarNames {
        RegistrarNames { only, looked_up: Mutex::default() }
    }

    /// A name was looked up.
    pub fn set(&self, name: &str, addresses: &[PeerAddress]) {
        let mut all = self.looked_up.lock();
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = addresses.to_vec(),
            None => all.push((name.to_owned(), addresses.to_vec())),
        }
    }

    /// The names by which a registrar there is known. Its address counts only where no name led to it: else who answers a look-up
    /// falsely would need a certificate for an address of its own only.
    pub(super) fn of(&self, peer: &PeerAddress) -> Vec<ExpectedName> {
        if let Some(only) = &self.only {
            return vec![ExpectedName::Dns(only.clone())];
        }
        let all = self.looked_up.lock();
        let leads_there = |places: &[PeerAddress]| {
            places.iter().any(|place| place.addresses.iter().any(|address| peer.addresses.contains(address)))
        };
        let names: Vec<ExpectedName> = all
            .iter()
            .filter(|(_, places)| leads_there(places))
            .map(|(name, _)| ExpectedName::Dns(name.clone()))
            .collect();
        if names.is_empty() { peer.addresses.iter().copied().map(ExpectedName::Address).collect() } else { names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_the_addresses_that_it_leads_to_and_the_address_for_others() {
        let at = |last: u8| PeerAddress::new([10, 0, 0, last].into(), 3863);
        let names = RegistrarNames::default();
        names.set("a.example.net", &[at(1)]);
        names.set("b.example.net", &[at(1), at(2)]);
        let dns = |name: &str| ExpectedName::Dns(name.to_owned());
        assert_eq!(names.of(&at(1)), [dns("a.example.net"), dns("b.example.net")]);
        assert_eq!(names.of(&PeerAddress { port: 3864, ..at(2) }), [dns("b.example.net")]);
        assert_eq!(names.of(&at(3)), [ExpectedName::Address([10, 0, 0, 3].into())]);
        names.set("a.example.net", &[at(3)]);
        assert_eq!(names.of(&at(3)), [dns("a.example.net")]);
        assert_eq!(RegistrarNames::new(Some("c.example.net".into())).of(&at(1)), [dns("c.example.net")]);
    }
}

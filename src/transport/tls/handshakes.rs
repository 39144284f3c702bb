//! Bounds for handshakes that peers have begun: what is not authenticated yet may not crowd out others.

use crate::AssociationId;
use crate::association::host_of;
use crate::collections::SortedMap;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Handshakes under way: the oldest one makes room. An honest one takes milliseconds.
const MAX_HANDSHAKES: usize = 1_024;
/// Of these, with one host, which an IPv6 network of 64 bits counts as: its next one is refused.
const MAX_OF_ONE_SOURCE: usize = 64;

/// What becomes of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Admitted,
    /// It goes on, and this one is to end in its place.
    InPlaceOf(AssociationId),
    /// Its source has too many.
    Refused,
}

/// Those under way.
#[derive(Default)]
pub(super) struct Handshakes {
    /// Oldest first.
    under_way: VecDeque<(AssociationId, u64)>,
    of_source: SortedMap<u64, usize>,
}

impl Handshakes {
    /// A peer there has connected.
    pub fn begin(&mut self, association: AssociationId, source: IpAddr) -> Admission {
        let source = host_of(source);
        if self.of_source.get(&source).is_some_and(|count| *count >= MAX_OF_ONE_SOURCE) {
            return Admission::Refused;
        }
        let oldest = if self.under_way.len() >= MAX_HANDSHAKES { self.under_way.front().copied() } else { None };
        if let Some((oldest, _)) = oldest {
            self.end(oldest);
        }
        self.under_way.push_back((association, source));
        match self.of_source.get_mut(&source) {
            Some(count) => *count += 1,
            None => {
                self.of_source.insert(source, 1);
            }
        }
        oldest.map_or(Admission::Admitted, |(oldest, _)| Admission::InPlaceOf(oldest))
    }

    /// One is over, in whatever way. Those that were none are ignored.
    pub fn end(&mut self, association: AssociationId) {
        let Some(index) = self.under_way.iter().position(|(other, _)| *other == association) else { return };
        let Some((_, source)) = self.under_way.remove(index) else { return };
        if let Some(count) = self.of_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.of_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn source(number: usize) -> IpAddr {
        Ipv4Addr::from(number as u32).into()
    }

    fn association(number: usize) -> AssociationId {
        AssociationId::new(2, number as u64)
    }

    #[test]
    fn one_source_has_a_share_and_the_oldest_of_all_makes_room() {
        let mut handshakes = Handshakes::default();
        for number in 0..MAX_OF_ONE_SOURCE {
            assert_eq!(handshakes.begin(association(number), source(1)), Admission::Admitted);
        }
        assert_eq!(handshakes.begin(association(9_999), source(1)), Admission::Refused);
        for number in MAX_OF_ONE_SOURCE..MAX_HANDSHAKES {
            assert_eq!(handshakes.begin(association(number), source(number)), Admission::Admitted);
        }
        assert_eq!(handshakes.begin(association(5_000), source(5_000)), Admission::InPlaceOf(association(0)));
        assert_eq!(
            handshakes.begin(association(5_001), source(1)),
            Admission::InPlaceOf(association(1)),
            "one has gone"
        );
        for number in 0..6_000 {
            handshakes.end(association(number));
        }
        assert!(handshakes.under_way.is_empty() && handshakes.of_source.is_empty());
    }
}

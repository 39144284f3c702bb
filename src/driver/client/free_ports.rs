//! Which ports have no association with a peer yet, found without a look at all of them.

use crate::association::PeerAddress;
use crate::collections::SortedMap;
use std::collections::HashMap;

/// For each peer with associations: as many entries as there are peers with one.
#[derive(Debug, Default)]
pub(super) struct FreePorts {
    by_peer: HashMap<PeerAddress, PeerPorts>,
}

/// The ports as one peer sees them. Each up to `seen` has an association with it, but for those in `free`.
#[derive(Debug, Default)]
struct PeerPorts {
    seen: Option<u16>,
    free: SortedMap<u16, ()>,
    associations: usize,
}

impl FreePorts {
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.by_peer.is_empty()
    }

    /// Takes a port that has no association with `peer`, as far as known. `open` is all ports; none: they have one each.
    pub fn take<P>(&mut self, peer: &PeerAddress, open: &SortedMap<u16, P>) -> Option<u16> {
        let ports = self.by_peer.entry(peer.clone()).or_default();
        while let Some((number, ())) = ports.free.pop_first() {
            // It may have been closed since.
            if open.contains_key(&number) {
                return Some(number);
            }
        }
        let from = ports.seen.map_or(Some(0), |seen| seen.checked_add(1))?;
        let (number, _) = open.range(from..=u16::MAX).next()?;
        ports.seen = Some(*number);
        Some(*number)
    }

    /// There is an association on a port that was taken, or on one that was opened because there was none to take.
    pub fn associated(&mut self, peer: &PeerAddress, number: u16) {
        let ports = self.by_peer.entry(peer.clone()).or_default();
        ports.seen = ports.seen.max(Some(number));
        ports.associations += 1;
    }

    /// No port could be taken or opened: nothing is kept of a peer without associations.
    pub fn give_up(&mut self, peer: &PeerAddress) {
        if self.by_peer.get(peer).is_some_and(|ports| ports.associations == 0) {
            self.by_peer.remove(peer);
        }
    }

    /// That association is gone.
    pub fn released(&mut self, peer: &PeerAddress, number: u16) {
        if let Some(ports) = self.by_peer.get_mut(peer) {
            ports.associations = ports.associations.saturating_sub(1);
            self.give_back(peer, number);
        }
    }

    /// A port that was taken has no association after all.
    pub fn give_back(&mut self, peer: &PeerAddress, number: u16) {
        let Some(ports) = self.by_peer.get_mut(peer) else { return };
        if ports.associations == 0 {
            self.by_peer.remove(peer);
        } else {
            ports.free.insert(number, ());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_a_peer_without_associations() {
        let peer = PeerAddress::new("127.0.0.1".parse().unwrap(), 7);
        let mut open = SortedMap::new();
        open.insert(1, ());
        let mut ports = FreePorts::default();
        assert_eq!(ports.take(&peer, &open), Some(1));
        ports.give_back(&peer, 1);
        assert!(ports.by_peer.is_empty());
        assert_eq!(ports.take(&peer, &open), Some(1));
        ports.associated(&peer, 1);
        assert_eq!(ports.take(&peer, &open), None, "the only one is taken");
        ports.released(&peer, 1);
        assert!(ports.by_peer.is_empty());
        assert_eq!(ports.take(&peer, &SortedMap::<u16, ()>::new()), None, "and none can be opened");
        ports.give_up(&peer);
        assert!(ports.by_peer.is_empty());
        assert_eq!(ports.take(&peer, &open), Some(1));
        ports.associated(&peer, 1);
        ports.give_up(&peer);
        assert_eq!(ports.take(&peer, &open), None, "it has an association");
    }

    #[test]
    fn a_port_that_was_closed_is_not_given_out() {
        let peer = PeerAddress::new("127.0.0.1".parse().unwrap(), 7);
        let mut open = SortedMap::new();
        open.insert(1, ());
        open.insert(2, ());
        let mut ports = FreePorts::default();
        for number in [1, 2] {
            assert_eq!(ports.take(&peer, &open), Some(number));
            ports.associated(&peer, number);
        }
        ports.released(&peer, 1);
        open.remove(&1);
        assert_eq!(ports.take(&peer, &open), None);
    }
}

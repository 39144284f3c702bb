//! How many elements each host has, whichever registrar is their home: so that one host does not fill the handlespace.

use super::{Handlespace, SeededState, ShardedMap};
use crate::association::host_of;
use crate::wire::PoolElement;

/// One host leaves this part of all that there can be to others.
pub const LEFT_TO_OTHERS: usize = 8;

/// Counts by [`host_of`] the first address of an element's ASAP transport.
#[derive(Debug)]
pub(super) struct Hosts {
    counts: ShardedMap<u64, u32>,
}

impl Hosts {
    pub fn new(state: SeededState) -> Hosts {
        Hosts { counts: ShardedMap::new(state) }
    }

    pub fn enter(&mut self, host: u64) {
        match self.counts.get_mut(&host) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(host, 1)),
        }
    }

    pub fn leave(&mut self, host: u64) {
        let Some(count) = self.counts.get_mut(&host) else { return };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&host);
        }
    }

    /// An element that was at one is at another from now on.
    pub fn change(&mut self, from: u64, to: u64) {
        if from != to {
            self.leave(from);
            self.enter(to);
        }
    }

    fn count(&self, host: u64) -> usize {
        self.counts.get(&host).map_or(0, |count| *count as usize)
    }
}

/// Where the registrar reaches an element. Those without an ASAP transport, which no registrar of ours passes on, count as one host.
pub(super) fn host_of_element(pool_element: &PoolElement) -> u64 {
    let first = pool_element.asap_transport.as_ref().and_then(|transport| transport.place().1.first().copied());
    first.map_or(0, host_of)
}

impl Handlespace {
    /// How many elements a host has, by its [`host_of`].
    pub fn count_of_host(&self, host: u64) -> usize {
        self.hosts.count(host)
    }

    /// Whether a host has to leave the places that are still free to others: it has an eighth of all, and no more
    /// than an eighth is free.
    pub fn leaves_to_others(&self, host: u64) -> bool {
        let part = self.max_elements / LEFT_TO_OTHERS;
        let free = self.max_elements.saturating_sub(self.elements.len());
        free <= part && self.count_of_host(host) >= part.max(1)
    }
}

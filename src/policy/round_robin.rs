//! Round Robin (RFC 5356 section 4.1): a circular list with a head that moves on by one at each selection.

use super::ring::{Links, Ring};
use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

/// The circular list.
#[derive(Debug, Default)]
pub(super) struct RoundRobin {
    links: Links,
    ring: Ring,
}

impl Selector for RoundRobin {
    /// The newcomer goes to the end of the running round: everybody else is served before it, and it misses no later round.
    fn insert(&mut self, member: Member, _policy: &Policy) {
        self.ring.push_back(&mut self.links, member);
    }

    fn update(&mut self, _member: Member, _policy: &Policy) {}

    fn remove(&mut self, member: Member) {
        self.ring.remove(&mut self.links, member);
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        let Some(mut member) = self.ring.head().filter(|_| items > 0) else { return };
        for _ in 0..items.min(self.ring.len() as usize) {
            out.push(member);
            member = self.links.next(member);
        }
        self.ring.rotate(&self.links);
    }
}

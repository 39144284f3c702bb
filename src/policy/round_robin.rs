//! Round Robin (RFC 5356 section 4.1): a circular list with a head that moves on by one at each selection. Here, that one moves to
//! the end.

use super::queue::Queue;
use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

/// The circular list.
#[derive(Debug, Default)]
pub(super) struct RoundRobin {
    queue: Queue<Member, 4>,
}

impl Selector for RoundRobin {
    /// The newcomer goes to the end of the running round: everybody else is served before it, and it misses no later round.
    fn insert(&mut self, member: Member, _policy: &Policy) {
        self.queue.push_back(member);
    }

    fn update(&mut self, _member: Member, _policy: &Policy) {}

    fn remove(&mut self, member: Member) {
        self.queue.remove(member);
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        match items {
            0 => return,
            1 => out.extend(self.queue.front()),
            _ => self.queue.list(items, out),
        }
        self.queue.rotate();
    }
}

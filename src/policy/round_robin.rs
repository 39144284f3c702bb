//! Round Robin (RFC 5356 section 4.1): a circular list with a head that moves on by one at each selection.

use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

/// The circular list; links are indexed by member.
#[derive(Debug, Default)]
pub(super) struct RoundRobin {
    links: Vec<Link>,
    head: Member,
    len: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    previous: Member,
    next: Member,
}

impl Selector for RoundRobin {
    /// The newcomer goes to the end of the running round: everybody else is served before it, and it misses no later round.
    fn insert(&mut self, member: Member, _policy: &Policy) {
        let index = member as usize;
        if index >= self.links.len() {
            self.links.resize(index + 1, Link::default());
        }
        if self.len == 0 {
            self.head = member;
            self.links[index] = Link { previous: member, next: member };
        } else {
            let last = self.links[self.head as usize].previous;
            self.links[index] = Link { previous: last, next: self.head };
            self.links[last as usize].next = member;
            self.links[self.head as usize].previous = member;
        }
        self.len += 1;
    }

    fn update(&mut self, _member: Member, _policy: &Policy) {}

    fn remove(&mut self, member: Member) {
        let Link { previous, next } = self.links[member as usize];
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
        if self.head == member {
            self.head = next;
        }
        self.len -= 1;
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        if self.len == 0 || items == 0 {
            return;
        }
        let mut member = self.head;
        for _ in 0..items.min(self.len) {
            out.push(member);
            member = self.links[member as usize].next;
        }
        self.head = self.links[self.head as usize].next;
    }
}

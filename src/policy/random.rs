//! Random (RFC 5356 section 4.3).

use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

/// The members in no particular order; a selection shuffles as many of them to the front as it returns.
#[derive(Debug, Default)]
pub(super) struct UniformRandom {
    members: Vec<Member>,
    /// Where in `members` a member stands.
    positions: Vec<u32>,
}

impl UniformRandom {
    fn swap(&mut self, a: usize, b: usize) {
        self.members.swap(a, b);
        self.positions[self.members[a] as usize] = a as u32;
        self.positions[self.members[b] as usize] = b as u32;
    }
}

impl Selector for UniformRandom {
    fn insert(&mut self, member: Member, _policy: &Policy) {
        let index = member as usize;
        if index >= self.positions.len() {
            self.positions.resize(index + 1, 0);
        }
        self.positions[index] = self.members.len() as u32;
        self.members.push(member);
    }

    fn update(&mut self, _member: Member, _policy: &Policy) {}

    fn remove(&mut self, member: Member) {
        let position = self.positions[member as usize] as usize;
        let last = self.members.len() - 1;
        self.swap(position, last);
        self.members.pop();
    }

    fn select(&mut self, items: usize, random: &mut Random, out: &mut Vec<Member>) {
        let len = self.members.len();
        for chosen in 0..items.min(len) {
            let from = chosen + random.below((len - chosen) as u64) as usize;
            self.swap(chosen, from);
            out.push(self.members[chosen]);
        }
    }
}

//! Weighted Random and Randomized Least Used with its variants (RFC 5356 sections 4.4 and 5.4).

use super::{Degrading, Member, Selector, slot_of};
use crate::random::Random;
use crate::wire::Policy;

/// Weights in a binary tree of sums: a draw walks from the root to a leaf.
#[derive(Debug, Default)]
pub(super) struct WeightedRandom {
    /// Node i has the children 2i and 2i+1; the leaves, one a member, are the second half.
    sums: Vec<u64>,
    entries: Vec<Option<Entry>>,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    selections: u64,
}

/// How an element's policy values make its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The weight that it registered; zero: never selected.
    Weight(u64),
    /// What its load leaves unused, but at least one: even the fully loaded are better than nobody.
    Unload(Degrading),
}

impl Rule {
    fn of(policy: &Policy) -> Rule {
        match *policy {
            Policy::WeightedRandom { weight } => Rule::Weight(u64::from(weight)),
            ref other => Rule::Unload(Degrading::load_of(other)),
        }
    }

    fn weight(self, selections: u64) -> u64 {
        match self {
            Rule::Weight(weight) => weight,
            Rule::Unload(load) => u64::from(u32::MAX).saturating_sub(load.value(selections)).max(1),
        }
    }

    fn counts(self) -> bool {
        matches!(self, Rule::Unload(load) if load.counts)
    }
}

impl WeightedRandom {
    fn leaves(&self) -> usize {
        self.sums.len() / 2
    }

    fn total(&self) -> u64 {
        self.sums.get(1).copied().unwrap_or(0)
    }

    fn set(&mut self, member: Member, weight: u64) {
        let index = member as usize;
        if index >= self.leaves() {
            self.grow(index + 1);
        }
        let mut node = self.leaves() + index;
        let old = self.sums[node];
        while node > 0 {
            self.sums[node] = self.sums[node] - old + weight;
            node /= 2;
        }
    }

    fn grow(&mut self, members: usize) {
        let leaves = members.next_power_of_two();
        let mut sums = vec![0; 2 * leaves];
        sums[leaves..leaves + self.leaves()].copy_from_slice(&self.sums[self.leaves()..]);
        for node in (1..leaves).rev() {
            sums[node] = sums[2 * node] + sums[2 * node + 1];
        }
        self.sums = sums;
    }

    /// The member whose share of the total the number `target` falls into.
    fn find(&self, mut target: u64) -> Member {
        let leaves = self.leaves();
        let mut node = 1;
        while node < leaves {
            node *= 2;
            if target >= self.sums[node] {
                target -= self.sums[node];
                node += 1;
            }
        }
        (node - leaves) as Member
    }
}

impl Selector for WeightedRandom {
    fn insert(&mut self, member: Member, policy: &Policy) {
        let rule = Rule::of(policy);
        *slot_of(&mut self.entries, member) = Some(Entry { rule, selections: 0 });
        self.set(member, rule.weight(0));
    }

    fn update(&mut self, member: Member, policy: &Policy) {
        self.insert(member, policy);
    }

    fn remove(&mut self, member: Member) {
        self.set(member, 0);
        *slot_of(&mut self.entries, member) = None;
    }

    fn select(&mut self, items: usize, random: &mut Random, out: &mut Vec<Member>) {
        let first = out.len();
        while out.len() - first < items && self.total() > 0 {
            let member = self.find(random.below(self.total()));
            // Out of the draw until the selection is complete: nobody is returned twice.
            self.set(member, 0);
            out.push(member);
        }
        for &member in &out[first..] {
            let Some(entry) = slot_of(&mut self.entries, member) else { continue };
            entry.selections += u64::from(entry.rule.counts());
            let weight = entry.rule.weight(entry.selections);
            self.set(member, weight);
        }
    }
}

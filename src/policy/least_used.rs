//! Least Used with its variants, and Priority (RFC 5356 sections 4.5 and 5.1 to 5.3): always the best first.

use super::{Degrading, Member, Selector, slot_of};
use crate::random::Random;
use crate::wire::Policy;
use std::collections::BTreeSet;

/// The members ordered by their rank; among equals, the one that waits longest comes first.
#[derive(Debug, Default)]
pub(super) struct LeastUsed {
    order: BTreeSet<(u64, u64, Member)>,
    entries: Vec<Option<Entry>>,
    next_turn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    rank: Degrading,
    selections: u64,
    /// Position among equals.
    turn: u64,
}

impl Entry {
    fn key(&self, member: Member) -> (u64, u64, Member) {
        (self.rank.value(self.selections), self.turn, member)
    }
}

/// What decides, the lowest first.
fn rank_of(policy: &Policy) -> Degrading {
    match *policy {
        Policy::Priority { priority } => Degrading::fixed(u64::from(u32::MAX - priority)),
        ref other => Degrading::load_of(other),
    }
}

impl LeastUsed {
    fn turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    /// Counts the selection where the policy counts, and sends the member to the end of its equals.
    fn selected(&mut self, member: Member) {
        let turn = self.turn();
        let Some(entry) = slot_of(&mut self.entries, member) else { return };
        let old = entry.key(member);
        entry.selections += u64::from(entry.rank.counts);
        entry.turn = turn;
        let new = entry.key(member);
        self.order.remove(&old);
        self.order.insert(new);
    }
}

impl Selector for LeastUsed {
    fn insert(&mut self, member: Member, policy: &Policy) {
        let entry = Entry { rank: rank_of(policy), selections: 0, turn: self.turn() };
        self.order.insert(entry.key(member));
        *slot_of(&mut self.entries, member) = Some(entry);
    }

    /// The degradation counter starts again. A rank that stays the same keeps its turn, else registering often would
    /// mean to be selected rarely.
    fn update(&mut self, member: Member, policy: &Policy) {
        let turn = self.turn();
        let Some(entry) = slot_of(&mut self.entries, member) else { return };
        let old = entry.key(member);
        entry.rank = rank_of(policy);
        entry.selections = 0;
        if entry.key(member).0 == old.0 {
            return;
        }
        entry.turn = turn;
        let new = entry.key(member);
        self.order.remove(&old);
        self.order.insert(new);
    }

    fn remove(&mut self, member: Member) {
        if let Some(entry) = slot_of(&mut self.entries, member).take() {
            self.order.remove(&entry.key(member));
        }
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        let first = out.len();
        out.extend(self.order.iter().take(items).map(|&(_, _, member)| member));
        let Some(&best) = out.get(first) else { return };
        let counts = slot_of(&mut self.entries, best).is_some_and(|entry| entry.rank.counts);
        if counts {
            for &member in &out[first..] {
                self.selected(member);
            }
            return;
        }
        let mut ranks = self.order.iter().map(|&(rank, _, _)| rank);
        if ranks.next() == ranks.next() {
            self.selected(best);
        }
    }
}

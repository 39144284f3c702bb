//! Least Used with its variants, and Priority (RFC 5356 sections 4.5 and 5.1 to 5.3): always the best first.

use super::load::Degrading;
use super::ordered::Ordered;
use super::{Member, Selector, slot_of};
use crate::random::Random;
use crate::wire::Policy;

/// The members ordered by their rank; among equals, the one that waits longest comes first.
#[derive(Debug, Default)]
pub(super) struct LeastUsed {
    order: Ordered<Key>,
    entries: Vec<Option<Entry>>,
    next_turn: u64,
}

/// The rank in the upper half, the turn in the lower one.
type Key = u128;

#[derive(Clone, Copy, Debug)]
struct Entry {
    rank: Degrading,
    /// Position among equals.
    turn: u64,
    selections: u32,
}

impl Entry {
    fn value(&self) -> u64 {
        self.rank.value(self.selections)
    }

    fn key(&self) -> Key {
        u128::from(self.value()) << 64 | u128::from(self.turn)
    }
}

fn rank_of_key(key: Key) -> u64 {
    (key >> 64) as u64
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
        let old = entry.key();
        entry.selections = entry.selections.saturating_add(u32::from(entry.rank.counts()));
        entry.turn = turn;
        let new = entry.key();
        self.order.remove(old, member);
        self.order.insert(new, member);
    }
}

impl Selector for LeastUsed {
    fn insert(&mut self, member: Member, policy: &Policy) {
        let entry = Entry { rank: rank_of(policy), selections: 0, turn: self.turn() };
        self.order.insert(entry.key(), member);
        *slot_of(&mut self.entries, member) = Some(entry);
    }

    /// The degradation counter starts again. A rank that stays the same keeps its turn, else registering often would
    /// mean to be selected rarely.
    fn update(&mut self, member: Member, policy: &Policy) {
        let turn = self.turn();
        let Some(entry) = slot_of(&mut self.entries, member) else { return };
        let old = *entry;
        entry.rank = rank_of(policy);
        entry.selections = 0;
        if entry.value() == old.value() {
            return;
        }
        entry.turn = turn;
        let new = entry.key();
        self.order.remove(old.key(), member);
        self.order.insert(new, member);
    }

    fn remove(&mut self, member: Member) {
        if let Some(entry) = slot_of(&mut self.entries, member).take() {
            self.order.remove(entry.key(), member);
        }
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        let first = out.len();
        let (best, second) = {
            let mut order = self.order.iter();
            (order.next(), order.next())
        };
        let Some((key, member)) = best.filter(|_| items > 0) else { return };
        let tie = second.is_some_and(|(second, _)| rank_of_key(second) == rank_of_key(key));
        out.extend(self.order.iter().take(items).map(|(_, member)| member));
        if slot_of(&mut self.entries, member).is_some_and(|entry| entry.rank.counts()) {
            for &member in &out[first..] {
                self.selected(member);
            }
        } else if tie {
            self.selected(member);
        }
    }
}

//! Weighted Round Robin (RFC 5356 section 4.2): each member as often as its weight says, spread as evenly as possible.
//!
//! The circular list of the RFC, with each member in it `weight` times, is not built: weights go up to 2^32-1. Instead
//! virtual time runs by 1/(sum of weights) at each selection, and a member of weight w has one turn in each stretch of
//! 1/w: from the start of the stretch it may be selected, by the end of it it should be. Whoever may be selected and has
//! the earliest end comes first. With all weights equal that is Round Robin.

use super::{Member, Selector, slot_of};
use crate::random::Random;
use crate::wire::Policy;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// One unit of virtual time.
const UNIT: u128 = 1 << 64;

/// Time, then the heavier first (it comes round sooner, so waiting costs it more evenness), then whoever waits longest.
type Key = (u128, Reverse<u32>, u64, Member);

/// The members by their turns.
#[derive(Debug, Default)]
pub(super) struct WeightedRoundRobin {
    virtual_time: u128,
    total_weight: u64,
    /// Those whose stretch has begun, by its end.
    eligible: BTreeSet<Key>,
    /// Those who have been served before their time, by the start of the next stretch.
    waiting: BTreeSet<Key>,
    entries: Vec<Option<Entry>>,
    next_turn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Zero: never selected, in neither of the sets.
    weight: u32,
    start: u128,
    /// Position among equals.
    turn: u64,
    eligible: bool,
}

impl Entry {
    fn end(&self) -> u128 {
        self.start + UNIT / u128::from(self.weight.max(1))
    }

    fn by_end(&self, member: Member) -> Key {
        (self.end(), Reverse(self.weight), self.turn, member)
    }

    fn by_start(&self, member: Member) -> Key {
        (self.start, Reverse(self.weight), self.turn, member)
    }
}

fn weight_of(policy: &Policy) -> u32 {
    if let Policy::WeightedRoundRobin { weight } = *policy { weight } else { 1 }
}

impl WeightedRoundRobin {
    fn enter(&mut self, member: Member, mut entry: Entry) {
        entry.eligible = entry.start <= self.virtual_time;
        if entry.weight > 0 {
            self.total_weight += u64::from(entry.weight);
            if entry.eligible {
                self.eligible.insert(entry.by_end(member));
            } else {
                self.waiting.insert(entry.by_start(member));
            }
        }
        *slot_of(&mut self.entries, member) = Some(entry);
    }

    fn leave(&mut self, member: Member) -> Option<Entry> {
        let entry = slot_of(&mut self.entries, member).take()?;
        if entry.weight > 0 {
            self.total_weight -= u64::from(entry.weight);
            if entry.eligible {
                self.eligible.remove(&entry.by_end(member));
            } else {
                self.waiting.remove(&entry.by_start(member));
            }
        }
        Some(entry)
    }

    fn turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    /// Moves everybody whose stretch has begun to the eligible; when nobody is eligible, time jumps to the next start.
    fn promote(&mut self) {
        if self.eligible.is_empty() {
            if let Some(&(start, ..)) = self.waiting.first() {
                self.virtual_time = self.virtual_time.max(start);
            }
        }
        while let Some(&(start, _, _, member)) = self.waiting.first() {
            if start > self.virtual_time {
                return;
            }
            self.waiting.pop_first();
            if let Some(entry) = slot_of(&mut self.entries, member) {
                entry.eligible = true;
                let key = entry.by_end(member);
                self.eligible.insert(key);
            }
        }
    }
}

impl Selector for WeightedRoundRobin {
    fn insert(&mut self, member: Member, policy: &Policy) {
        let turn = self.turn();
        let entry = Entry { weight: weight_of(policy), start: self.virtual_time, turn, eligible: true };
        self.enter(member, entry);
    }

    fn update(&mut self, member: Member, policy: &Policy) {
        let weight = weight_of(policy);
        if let Some(entry) = self.leave(member) {
            let revived = entry.weight == 0;
            let start = if revived { self.virtual_time } else { entry.start };
            self.enter(member, Entry { weight, start, ..entry });
        }
    }

    fn remove(&mut self, member: Member) {
        self.leave(member);
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        self.promote();
        let first = out.len();
        out.extend(self.eligible.iter().chain(&self.waiting).take(items).map(|&(_, _, _, member)| member));
        let Some(&head) = out.get(first) else { return };
        let step = UNIT / u128::from(self.total_weight.max(1));
        let turn = self.turn();
        if let Some(entry) = self.leave(head) {
            self.enter(head, Entry { start: entry.end(), turn, ..entry });
        }
        self.virtual_time += step;
    }
}

//! Weighted Round Robin (RFC 5356 section 4.2): each member as often as its weight says, spread as evenly as possible.
//!
//! The circular list of the RFC, with each member in it `weight` times, is not built: weights go up to 2^32-1. Instead, members
//! of the same weight form a class, within which they take turns, and the classes are scheduled: virtual time runs by
//! 1/(sum of all weights) at each selection, and a class whose weights sum up to W has one turn in each stretch of 1/W. From the
//! start of the stretch it may be selected, by the end of it it should be. Of the classes that may be selected, the one with the
//! earliest end comes first. With all weights equal there is one class, and that is Round Robin. What a selection costs
//! depends on the number of different weights, not on the number of members.

use super::ordered::Ordered;
use super::ring::{Links, Ring};
use super::{Member, Selector, slot_of};
use crate::random::Random;
use crate::wire::Policy;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// One unit of virtual time.
const UNIT: u64 = u64::MAX;

/// A point in virtual time, then the heavier first: it comes round sooner, so waiting costs it more evenness.
type Key = (u128, Reverse<u32>);
type ClassIndex = u32;

/// The members by their weights.
#[derive(Debug, Default)]
pub(super) struct WeightedRoundRobin {
    virtual_time: u128,
    /// What a selection adds to it.
    step: u64,
    total_weight: u64,
    classes: Vec<Class>,
    free_classes: Vec<ClassIndex>,
    by_weight: BTreeMap<u32, ClassIndex>,
    /// Classes whose stretch has begun, by its end.
    eligible: Ordered<Key>,
    /// Classes that have been served before their time, by the start of the next stretch.
    waiting: Ordered<Key>,
    links: Links,
    entries: Vec<Option<Entry>>,
    /// For the selection under way: the classes by their next turns. Kept for its memory.
    turns: BinaryHeap<Reverse<Turn>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Zero: never selected, in no class.
    weight: u32,
    class: ClassIndex,
    /// When it was last selected, or joined.
    served: u128,
}

/// The members of one weight.
#[derive(Clone, Copy, Debug)]
struct Class {
    weight: u32,
    ring: Ring,
    start: u128,
    /// How long a stretch is.
    stretch: u64,
    eligible: bool,
}

impl Class {
    fn end(&self) -> u128 {
        self.start + u128::from(self.stretch)
    }

    fn by_end(&self) -> Key {
        (self.end(), Reverse(self.weight))
    }

    fn by_start(&self) -> Key {
        (self.start, Reverse(self.weight))
    }
}

/// When a class would be selected next, in the selection under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    /// From now on.
    end: u64,
    weight: Reverse<u32>,
    class: ClassIndex,
    member: Member,
    /// Members of the class that are not listed yet.
    left: u32,
}

fn weight_of(policy: &Policy) -> u32 {
    if let Policy::WeightedRoundRobin { weight } = *policy { weight } else { 1 }
}

impl WeightedRoundRobin {
    /// Puts a member into the class of its weight: in front when its turn is overdue, else at the end.
    fn enter(&mut self, member: Member, weight: u32, served: u128) {
        let mut entry = Entry { weight, class: 0, served };
        if weight > 0 {
            entry.class = self.class_of(weight);
            let overdue = self.virtual_time - served >= u128::from(UNIT / u64::from(weight));
            self.change_class(entry.class, |ring, links| {
                if overdue { ring.push_front(links, member) } else { ring.push_back(links, member) }
            });
        }
        *slot_of(&mut self.entries, member) = Some(entry);
    }

    fn leave(&mut self, member: Member) -> Option<Entry> {
        let entry = slot_of(&mut self.entries, member).take()?;
        if entry.weight > 0 {
            self.change_class(entry.class, |ring, links| ring.remove(links, member));
        }
        Some(entry)
    }

    fn class_of(&mut self, weight: u32) -> ClassIndex {
        *self.by_weight.entry(weight).or_insert_with(|| {
            let class =
                Class { weight, ring: Ring::default(), start: self.virtual_time, stretch: UNIT, eligible: true };
            if let Some(free) = self.free_classes.pop() {
                self.classes[free as usize] = class;
                return free;
            }
            self.classes.push(class);
            (self.classes.len() - 1) as ClassIndex
        })
    }

    /// Changes who is in a class, and its stretch with it.
    fn change_class(&mut self, index: ClassIndex, change: impl FnOnce(&mut Ring, &mut Links)) {
        let class = &mut self.classes[index as usize];
        let before = class.ring.len();
        if before > 0 {
            if class.eligible {
                self.eligible.remove(class.by_end(), index);
            } else {
                self.waiting.remove(class.by_start(), index);
            }
        }
        change(&mut class.ring, &mut self.links);
        let (weight, after) = (u64::from(class.weight), u64::from(class.ring.len()));
        self.total_weight = self.total_weight - weight * u64::from(before) + weight * after;
        self.step = UNIT / self.total_weight.max(1);
        if after == 0 {
            self.by_weight.remove(&class.weight);
            self.free_classes.push(index);
            return;
        }
        class.stretch = UNIT / (weight * after);
        self.schedule(index);
    }

    fn schedule(&mut self, index: ClassIndex) {
        let class = &mut self.classes[index as usize];
        class.eligible = class.start <= self.virtual_time;
        if class.eligible {
            self.eligible.insert(class.by_end(), index);
        } else {
            self.waiting.insert(class.by_start(), index);
        }
    }

    /// Moves everybody whose stretch has begun to the eligible; when nobody is eligible, time jumps to the next start.
    fn promote(&mut self) {
        let Some((mut next, mut index)) = self.waiting.first() else { return };
        if self.eligible.first().is_none() {
            self.virtual_time = self.virtual_time.max(next.0);
        }
        while next.0 <= self.virtual_time {
            self.waiting.remove(next, index);
            self.schedule(index);
            let Some(first) = self.waiting.first() else { return };
            (next, index) = first;
        }
    }

    /// Lists those who would be selected next if this went on, beginning with the head: the circular list of the RFC, where
    /// nobody stands twice in an answer.
    fn list(&mut self, head: ClassIndex, items: usize, out: &mut Vec<Member>) {
        let turn_of = |class: ClassIndex| {
            let entry = &self.classes[class as usize];
            let end = u64::try_from(entry.end().saturating_sub(self.virtual_time)).unwrap_or(u64::MAX);
            let member = entry.ring.head()?;
            Some(Turn { end, weight: Reverse(entry.weight), class, member, left: entry.ring.len() })
        };
        let others = self.eligible.iter().skip(1).take(items).chain(self.waiting.iter().take(items));
        let mut turns = std::mem::take(&mut self.turns).into_vec();
        turns.clear();
        turns.extend(others.filter_map(|(_, class)| turn_of(class)).map(Reverse));
        let mut next = turn_of(head);
        let mut turns = BinaryHeap::from(turns);
        for _ in 0..items {
            let Some(mut turn) = next.or_else(|| turns.pop().map(|Reverse(turn)| turn)) else { break };
            out.push(turn.member);
            next = None;
            if turn.left > 1 {
                turn.end = turn.end.saturating_add(self.classes[turn.class as usize].stretch);
                turn.member = self.links.next(turn.member);
                turn.left -= 1;
                // Mostly the next one is another one: a place in the heap is exchanged, not taken and given back.
                match turns.peek_mut() {
                    Some(mut first) if first.0 < turn => next = Some(std::mem::replace(&mut first.0, turn)),
                    _ => next = Some(turn),
                }
            }
        }
        self.turns = turns;
    }
}

impl Selector for WeightedRoundRobin {
    fn insert(&mut self, member: Member, policy: &Policy) {
        self.enter(member, weight_of(policy), self.virtual_time);
    }

    /// With another weight, a member keeps what it has waited: neither can it be starved by changing its weight often, nor
    /// be selected more often.
    fn update(&mut self, member: Member, policy: &Policy) {
        let weight = weight_of(policy);
        if slot_of(&mut self.entries, member).is_some_and(|entry| entry.weight == weight) {
            return;
        }
        if let Some(old) = self.leave(member) {
            let served = if old.weight == 0 { self.virtual_time } else { old.served };
            self.enter(member, weight, served);
        }
    }

    fn remove(&mut self, member: Member) {
        self.leave(member);
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        self.promote();
        let Some((key, index)) = self.eligible.first().filter(|_| items > 0) else { return };
        let Some(head) = self.classes[index as usize].ring.head() else { return };
        if items == 1 {
            out.push(head);
        } else {
            self.list(index, items, out);
        }
        if let Some(entry) = slot_of(&mut self.entries, head) {
            entry.served = self.virtual_time;
        }
        self.virtual_time += u128::from(self.step);
        self.eligible.remove(key, index);
        let class = &mut self.classes[index as usize];
        class.ring.rotate(&self.links);
        class.start = class.end();
        self.schedule(index);
    }
}

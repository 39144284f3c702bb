//! Weighted Round Robin (RFC 5356 section 4.2): each member as often as its weight says, spread as evenly as possible.
//!
//! The circular list of the RFC, with each member in it `weight` times, is not built: weights go up to 2^32-1. Instead, members
//! of the same weight form a class, within which they take turns, and the classes are scheduled: virtual time runs by
//! 1/(sum of all weights) at each selection, and a class whose weights sum up to W has one turn in each stretch of 1/W. From the
//! start of the stretch it may be selected, by the end of it it should be. Of the classes that may be selected, the one with the
//! earliest end comes first. With all weights equal there is one class, and that is Round Robin. What a selection costs
//! depends on the number of different weights, not on the number of members.
//!
//! Classes stand in the order of their ends. Mostly one of the first may be selected: those that end early and may not are
//! heavier ones that have just been. If none of the first [`MAX_LOOKED_AT`] may, the one that may soonest is; shares stay what
//! they are then, only the spreading suffers.

mod listing;

use super::ordered::{Entry, Ordered, Place};
use super::ring::{Links, Ring};
use super::{Member, Selector, Table, slot_of};
use crate::random::Random;
use crate::wire::Policy;
use smallvec::SmallVec;

/// One unit of virtual time, in which each member is selected as often as its weight says. All numbers up to 40 divide it, so
/// small weights meet exactly where they should, in every round.
const UNIT: u64 = 5_342_931_457_063_200 << 8;
/// Virtual time is set back when it has come so far.
const LATEST: u64 = UNIT << 1;
/// The lowest bits of the end of a stretch, which are of no consequence, say who is first when stretches end together.
const TIE_BITS: u64 = 0x3f;
/// Classes that a selection looks at, at most.
const MAX_LOOKED_AT: usize = 32;

/// Classes whose order is a list, more are a tree: all of those that weights below a hundred make.
const MAX_FLAT: usize = 128;

type ClassIndex = u32;

/// The members by their weights.
#[derive(Debug, Default)]
pub(super) struct WeightedRoundRobin {
    virtual_time: u64,
    /// What a selection adds to it, and that in parts of the total weight, which does not make a whole number.
    step: u64,
    step_rest: u64,
    /// The parts that have come together.
    rest: u64,
    /// How many classes have been looked at in vain since one was found that may be selected.
    misses: usize,
    /// How far virtual time has been set back; it may wrap.
    set_back: u64,
    total_weight: u64,
    classes: SmallVec<[Class; 1]>,
    free_classes: Vec<ClassIndex>,
    /// The classes by their weights, of which no two are the same.
    by_weight: Ordered<MAX_FLAT>,
    /// The classes by the ends of their stretches.
    order: Ordered<MAX_FLAT>,
    links: Links,
    members: Table<Turn>,
    /// Who is listed, while that is under way; kept for its memory.
    listed: Vec<Entry>,
}

/// Where a member stands.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Zero: never selected, in no class.
    weight: u32,
    class: ClassIndex,
    /// When it was last selected, or joined: virtual time, and how far that has been set back.
    served: u64,
}

/// The members of one weight.
#[derive(Clone, Copy, Debug)]
struct Class {
    weight: u32,
    ring: Ring,
    start: u64,
    /// How long a stretch is.
    stretch: u64,
}

impl Class {
    fn end(&self) -> u64 {
        self.start + self.stretch
    }

    /// By the end; of those that end together, the heavier first: it comes round sooner, so waiting costs it more evenness.
    fn entry(&self, index: ClassIndex) -> Entry {
        let key = self.end() & !TIE_BITS | u64::from(self.weight.leading_zeros());
        Entry { key, member: index, note: 0 }
    }
}

fn weight_of(policy: &Policy) -> u32 {
    if let Policy::WeightedRoundRobin { weight } = *policy { weight } else { 1 }
}

impl WeightedRoundRobin {
    /// Virtual time as if it had never been set back.
    fn stamp(&self) -> u64 {
        self.virtual_time.wrapping_add(self.set_back)
    }

    /// Puts a member into the class of its weight: in front when its turn is overdue, else at the end.
    fn enter(&mut self, member: Member, weight: u32, served: u64) {
        let mut turn = Turn { weight, class: 0, served };
        if weight > 0 {
            turn.class = self.class_of(weight);
            let overdue = self.stamp().wrapping_sub(served) >= UNIT / u64::from(weight);
            self.change_class(turn.class, |ring, links| {
                if overdue { ring.push_front(links, member) } else { ring.push_back(links, member) }
            });
        }
        *slot_of(&mut self.members, member) = Some(turn);
    }

    fn leave(&mut self, member: Member) -> Option<Turn> {
        let turn = slot_of(&mut self.members, member).take()?;
        if turn.weight > 0 {
            self.change_class(turn.class, |ring, links| ring.remove(links, member));
        }
        Some(turn)
    }

    fn class_of(&mut self, weight: u32) -> ClassIndex {
        let key = u64::from(weight);
        if let Some(known) = self.by_weight.with_key(key) {
            return known.member;
        }
        let class = Class { weight, ring: Ring::default(), start: self.virtual_time, stretch: UNIT };
        let index = self.free_classes.pop().unwrap_or(self.classes.len() as ClassIndex);
        match self.classes.get_mut(index as usize) {
            Some(free) => *free = class,
            None => self.classes.push(class),
        }
        self.by_weight.insert(Entry { key, member: index, note: 0 });
        index
    }

    /// Changes who is in a class, and its stretch with it.
    fn change_class(&mut self, index: ClassIndex, change: impl FnOnce(&mut Ring, &mut Links)) {
        let class = &mut self.classes[index as usize];
        let before = class.ring.len();
        change(&mut class.ring, &mut self.links);
        let (weight, after) = (u64::from(class.weight), u64::from(class.ring.len()));
        self.total_weight = self.total_weight - weight * u64::from(before) + weight * after;
        let total = self.total_weight.max(1);
        (self.step, self.step_rest, self.rest) = (UNIT / total, UNIT % total, 0);
        if after > 0 {
            class.stretch = UNIT / (weight * after);
        }
        let entry = class.entry(index);
        match (before, after) {
            (0, _) => self.order.insert(entry),
            (_, 0) => {
                self.by_weight.remove(index);
                self.order.remove(index);
                self.free_classes.push(index);
            }
            _ => self.order.change(entry),
        }
    }

    /// The class whose turn it is.
    fn next_class(&mut self) -> Option<(Place, ClassIndex)> {
        let now = self.virtual_time;
        let start = |entry: &Entry| self.classes[entry.member as usize].start;
        if let Some((place, found)) = self.order.find(MAX_LOOKED_AT, |entry| start(entry) <= now) {
            self.misses = 0;
            return Some((place, found.member));
        }
        let class = self.order.iter().take(MAX_LOOKED_AT).min_by_key(start)?.member;
        // Perhaps nobody may, as members have left: then time has to jump. To look at all classes is worth it once in so many
        // selections.
        self.misses += MAX_LOOKED_AT;
        if self.misses >= self.classes.len() - self.free_classes.len() {
            self.misses = 0;
            let starts = self.order.iter().map(|entry| start(&entry));
            self.virtual_time = starts.min().map_or(now, |start| start.max(now));
        }
        Some((self.order.place_of(class)?, class))
    }

    /// The head of a class has its turn.
    fn serve(&mut self, place: Place, index: ClassIndex, head: Member) {
        let now = self.stamp();
        if let Some(turn) = slot_of(&mut self.members, head) {
            turn.served = now;
        }
        self.virtual_time += self.step;
        self.rest += self.step_rest;
        if self.rest >= self.total_weight {
            self.rest -= self.total_weight;
            self.virtual_time += 1;
        }
        let class = &mut self.classes[index as usize];
        class.ring.rotate(&self.links);
        class.start = class.end();
        self.order.change_at(place, class.entry(index).key);
        if self.virtual_time >= LATEST {
            self.set_back();
        }
    }

    /// Subtracts from all times, so that they never become too large.
    fn set_back(&mut self) {
        let by = self.classes.iter().filter(|class| class.ring.len() > 0).map(|class| class.start).min();
        let by = by.unwrap_or(0).min(self.virtual_time) & !TIE_BITS;
        self.virtual_time -= by;
        self.set_back = self.set_back.wrapping_add(by);
        self.classes.iter_mut().for_each(|class| class.start = class.start.saturating_sub(by));
        self.order.subtract(by);
    }
}

impl Selector for WeightedRoundRobin {
    fn insert(&mut self, member: Member, policy: &Policy) {
        self.enter(member, weight_of(policy), self.stamp());
    }

    /// With another weight, a member keeps what it has waited: neither can it be starved by changing its weight often, nor
    /// be selected more often.
    fn update(&mut self, member: Member, policy: &Policy) {
        let weight = weight_of(policy);
        if slot_of(&mut self.members, member).is_some_and(|turn| turn.weight == weight) {
            return;
        }
        if let Some(old) = self.leave(member) {
            let served = if old.weight == 0 { self.stamp() } else { old.served };
            self.enter(member, weight, served);
        }
    }

    fn remove(&mut self, member: Member) {
        self.leave(member);
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        if items == 0 {
            return;
        }
        let Some((place, index)) = self.next_class() else { return };
        let Some(head) = self.classes[index as usize].ring.head() else { return };
        if items == 1 {
            out.push(head);
        } else {
            self.list(index, items, out);
        }
        self.serve(place, index, head);
    }
}

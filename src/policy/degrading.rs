//! Least Used with Degradation and its variants (RFC 5356 section 5.2): the best first, and each selection counts.
//!
//! A selection raises the member's load, by the same step for most members. So members that have been selected are mostly in the
//! order of their loads when they stand in the order of their selections: they wait in a queue, and each selected member goes to
//! its end, however many are selected at once. A member whose load or step does not fit there stands in an ordered set, together
//! with the members that have not been selected since they registered.
//!
//! Of members with equal loads, the one that came to that load first is selected first. So a key is a load and, below it, a mark:
//! members of the set came to a load [`BEFORE`] or [`AFTER`] those that are [`QUEUED`] with it.

use super::load::Degrading;
use super::ordered::{Entry, Ordered};
use super::queue::{Item, Queue};
use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

const MARK_BITS: u32 = 2;
const BEFORE: u64 = 0;
const QUEUED: u64 = 1;
const AFTER: u64 = 2;
/// So many selections with everybody in the queue, and the ordered set gives its memory up.
const MANY_SELECTIONS: u8 = 64;

/// The members; the note of an entry is the step that a selection adds to its load.
#[derive(Debug, Default)]
pub(super) struct LeastUsedDegradation {
    order: Ordered,
    /// With ascending keys, and one step, unless somebody registered again with another one.
    queue: Queue<Entry, 1>,
    steps_differ: bool,
    /// No load of those that came after members of the queue is above it: nobody with such a load may go behind the queue.
    latest_after: Option<u64>,
    len: usize,
    /// Selections since the ordered set was used, up to [`MANY_SELECTIONS`].
    selections_by_queue: u8,
    /// Who is selected, and who does not go into the queue, while the selection is under way; kept for their memory.
    selected: Vec<Entry>,
    displaced: Vec<Entry>,
}

impl Item for Entry {
    const GAP: Entry = Entry { key: 0, member: Member::MAX, note: 0 };

    fn member(&self) -> Member {
        self.member
    }
}

fn load(entry: &Entry) -> u64 {
    entry.key >> MARK_BITS
}

/// A billion times the full load is as much as there is to tell apart.
fn key(load: u64, mark: u64) -> u64 {
    load.min(u64::MAX >> MARK_BITS) << MARK_BITS | mark
}

/// After one more selection, in the queue.
fn degraded(entry: Entry) -> Entry {
    Entry { key: key(load(&entry).saturating_add(entry.note.into()), QUEUED), ..entry }
}

impl LeastUsedDegradation {
    /// The entry of somebody who comes into the ordered set now.
    fn arriving(&mut self, entry: Entry) -> Entry {
        let own = load(&entry).min(u64::MAX >> MARK_BITS);
        let queue = self.queue.front().zip(self.queue.back());
        let among_queued = queue.is_some_and(|(front, back)| (load(&front)..=load(&back)).contains(&own));
        let after = among_queued || Some(own) <= self.latest_after;
        if after {
            self.latest_after = self.latest_after.max(Some(own));
        }
        Entry { key: key(own, if after { AFTER } else { BEFORE }), ..entry }
    }

    /// Takes out the first so many members.
    fn take(&mut self, items: usize) {
        self.selected.clear();
        while self.selected.len() < items {
            let left = items - self.selected.len();
            let (fresh, queued) = (self.order.first(), self.queue.front());
            let fresh = fresh.map_or(u64::MAX, |entry| entry.key);
            let queued = queued.map_or(u64::MAX, |entry| entry.key);
            if queued < fresh {
                self.queue.take_while(left, |entry| entry.key < fresh, &mut self.selected);
            } else {
                self.order.take_first(left, queued, &mut self.selected);
            }
        }
        if self.order.first().is_none_or(|first| Some(load(&first)) > self.latest_after) {
            self.latest_after = None;
        }
    }

    /// Puts them back with what a selection adds.
    fn put_back(&mut self) {
        for at in 0..self.selected.len() {
            let entry = degraded(self.selected[at]);
            self.give_way(&entry);
            let fits = self.queue.back().is_none_or(|last| last.key <= entry.key && last.note == entry.note);
            if fits && Some(load(&entry)) > self.latest_after {
                self.steps_differ &= self.queue.front().is_some();
                self.queue.push_back(entry);
            } else {
                let entry = self.arriving(entry);
                self.displaced.push(entry);
            }
        }
        if !self.displaced.is_empty() {
            self.displaced.sort_by_key(|entry| entry.key);
            self.order.insert_sorted(&self.displaced);
            self.displaced.clear();
        }
    }

    /// Gives up the memory of the ordered set when it has not been needed for some time.
    fn give_up_memory(&mut self) {
        if self.order.first().is_some() {
            self.selections_by_queue = 0;
        } else if self.selections_by_queue < MANY_SELECTIONS {
            self.selections_by_queue += 1;
            if self.selections_by_queue == MANY_SELECTIONS {
                self.order.shrink();
            }
        }
    }

    /// A queue that ends with loads far above those that are selected now would be of no use for long: its last one goes into the
    /// ordered set, if it is the only one with that load there and nobody came after it.
    fn give_way(&mut self, to: &Entry) {
        let Some(last) = self.queue.back().filter(|last| last.key > to.key) else { return };
        if Some(load(&last)) > self.latest_after {
            self.queue.remove(last.member);
            if self.queue.back().is_some_and(|equal| equal.key == last.key) {
                return self.queue.push_back(last);
            }
            self.displaced.push(Entry { key: key(load(&last), BEFORE), ..last });
        }
    }

    /// Whether the queue alone has the first so many members, and they fit behind it again.
    fn is_served_by_queue(&self, items: usize) -> bool {
        let Some(latest) = items.checked_sub(1).and_then(|last| self.queue.nth(last)) else { return false };
        let Some((front, back)) = self.queue.front().zip(self.queue.back()) else { return false };
        let first = degraded(front);
        !self.steps_differ
            && back.key <= first.key
            && Some(load(&first)) > self.latest_after
            && self.order.first().is_none_or(|fresh| latest.key < fresh.key)
    }
}

fn entry_of(member: Member, policy: &Policy) -> Entry {
    let load = Degrading::load_of(policy);
    Entry { key: key(load.value(0), BEFORE), member, note: load.step() }
}

impl Selector for LeastUsedDegradation {
    fn insert(&mut self, member: Member, policy: &Policy) {
        let entry = self.arriving(entry_of(member, policy));
        self.order.insert(entry);
        self.len += 1;
    }

    /// The degradation counter starts again. A load that stays the same keeps its turn, else registering often would
    /// mean to be selected rarely.
    fn update(&mut self, member: Member, policy: &Policy) {
        let entry = entry_of(member, policy);
        if let Some(known) = self.queue.get(member) {
            if load(&known) == load(&entry) {
                self.steps_differ |= known.note != entry.note;
                self.queue.set(Entry { key: known.key, ..entry });
            } else {
                self.queue.remove(member);
                let entry = self.arriving(entry);
                self.order.insert(entry);
            }
        } else if let Some(known) = self.order.get(member) {
            let same = load(&known) == load(&entry);
            let entry = if same { Entry { key: known.key, ..entry } } else { self.arriving(entry) };
            self.order.change(entry);
        }
    }

    fn remove(&mut self, member: Member) {
        if self.queue.remove(member).is_none() {
            self.order.remove(member);
        }
        self.len -= 1;
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        let items = items.min(self.len);
        if let Some(only) = self.order.first().filter(|_| items == 1 && self.len == 1) {
            // Many pools have one member: nothing else has to be fetched.
            out.push(only.member);
            return self.order.defer_first(degraded(only).key & !QUEUED);
        }
        if self.is_served_by_queue(items) {
            self.queue.requeue(items, degraded, out);
        } else {
            self.take(items);
            out.extend(self.selected.iter().map(|entry| entry.member));
            self.put_back();
        }
        self.give_up_memory();
    }
}

//! Least Used with Degradation and its variants (RFC 5356 section 5.2): the best first, and each selection counts.
//!
//! Whoever is selected gets a higher load, by the same step for most members. So those who have been selected, in the order of
//! their selections, mostly are in the order of their loads, too: they wait in a queue, behind which everybody who is selected
//! goes, however many are selected at once. Only those whose loads or steps do not fit at its end stand in an ordered set,
//! with those who have not been selected since they registered.

use super::load::Degrading;
use super::ordered::{Entry, Ordered};
use super::queue::{Item, Queue};
use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

/// The members; the note of an entry is the step that a selection adds to its key.
///
/// Of equals, those in the ordered set come first, else those that wait longest.
#[derive(Debug, Default)]
pub(super) struct LeastUsedDegradation {
    order: Ordered,
    /// With ascending keys, and one step.
    queue: Queue<Entry, 1>,
    len: usize,
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

fn entry_of(member: Member, policy: &Policy) -> Entry {
    let load = Degrading::load_of(policy);
    Entry { key: load.value(0), member, note: load.step() }
}

/// After one more selection.
fn degraded(entry: Entry) -> Entry {
    Entry { key: entry.key.saturating_add(entry.note.into()), ..entry }
}

impl LeastUsedDegradation {
    /// Takes out the first so many members.
    fn take(&mut self, items: usize) {
        self.selected.clear();
        loop {
            let left = items - self.selected.len();
            let (fresh, queued) = (self.order.first(), self.queue.front());
            match (fresh, queued) {
                _ if left == 0 => return,
                (None, None) => return,
                (None, Some(_)) => self.queue.take_while(left, |_| true, &mut self.selected),
                (Some(fresh), Some(queued)) if queued.key < fresh.key => {
                    self.queue.take_while(left, |entry| entry.key < fresh.key, &mut self.selected);
                }
                (Some(_), queued) => {
                    let latest = queued.map_or(u64::MAX, |queued| queued.key);
                    self.order.take_first(left, latest, &mut self.selected);
                }
            }
        }
    }

    /// Puts them back with what a selection adds.
    ///
    /// A queue that ends with loads far above those that are selected now would be of no use for long: it gives way, by as many
    /// as are selected. Who does not fit behind the others goes into the ordered set.
    fn put_back(&mut self) {
        for &selected in &self.selected {
            let entry = degraded(selected);
            if let Some(last) = self.queue.back().filter(|last| last.key > entry.key) {
                self.queue.remove(last.member);
                self.displaced.push(last);
            }
            if self.queue.back().is_none_or(|last| last.key <= entry.key && last.note == entry.note) {
                self.queue.push_back(entry);
            } else {
                self.displaced.push(entry);
            }
        }
        if !self.displaced.is_empty() {
            self.displaced.sort_by_key(|entry| entry.key);
            self.order.insert_sorted(&self.displaced);
            self.displaced.clear();
        }
    }

    /// Whether the queue alone has the first so many members, and they fit behind it again.
    fn is_served_by_queue(&self, items: usize) -> bool {
        let Some(latest) = items.checked_sub(1).and_then(|last| self.queue.nth(last)) else { return false };
        self.order.first().is_none_or(|fresh| latest.key < fresh.key)
            && self.queue.front().zip(self.queue.back()).is_some_and(|(front, back)| back.key <= degraded(front).key)
    }
}

impl Selector for LeastUsedDegradation {
    fn insert(&mut self, member: Member, policy: &Policy) {
        self.order.insert(entry_of(member, policy));
        self.len += 1;
    }

    /// The degradation counter starts again. A load that stays the same keeps its turn, else registering often would
    /// mean to be selected rarely.
    fn update(&mut self, member: Member, policy: &Policy) {
        let entry = entry_of(member, policy);
        match self.queue.get(member) {
            None => self.order.change(entry),
            Some(known) if known == entry => {}
            Some(_) => {
                self.queue.remove(member);
                self.order.insert(entry);
            }
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
        if self.is_served_by_queue(items) {
            return self.queue.requeue(items, degraded, out);
        }
        self.take(items);
        out.extend(self.selected.iter().map(|entry| entry.member));
        self.put_back();
    }
}

//! One timer an element, in a heap that knows where each element stands: setting a timer again moves it, so the heap never
//! holds more entries than there are elements.
//!
//! Each node has four children, which lie together: half the levels of a binary heap, and one place of memory a level.

use crate::Time;

const NOWHERE: u32 = u32::MAX;
const CHILDREN: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<Entry>,
    /// Where in `heap` an element stands, by element.
    positions: Vec<u32>,
}

/// The time, and below it the element: the earlier first, then the lower element, by one comparison of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u128);

impl Entry {
    fn new(at: Time, element: u32) -> Entry {
        Entry(u128::from(at.as_nanos()) << 32 | u128::from(element))
    }

    fn at(self) -> Time {
        Time::from_nanos((self.0 >> 32) as u64)
    }

    fn element(self) -> u32 {
        self.0 as u32
    }
}

impl Timers {
    pub fn with_capacity(elements: usize) -> Timers {
        Timers { heap: Vec::with_capacity(elements), positions: Vec::with_capacity(elements) }
    }

    /// The earliest timer.
    pub fn first(&self) -> Option<(Time, u32)> {
        self.heap.first().map(|entry| (entry.at(), entry.element()))
    }

    /// Sets or moves the timer of an element; `Time::MAX` clears it.
    pub fn set(&mut self, element: u32, at: Time) {
        if at == Time::MAX {
            return self.clear(element);
        }
        let index = element as usize;
        if index >= self.positions.len() {
            self.positions.resize(index + 1, NOWHERE);
        }
        let position = self.positions[index] as usize;
        let entry = Entry::new(at, element);
        match self.heap.get(position) {
            Some(&old) if entry < old => self.up(position, entry),
            Some(&old) if entry > old => self.down(position, entry),
            Some(_) => {}
            None => {
                self.heap.push(entry);
                self.up(self.heap.len() - 1, entry);
            }
        }
    }

    /// Clears the timer of an element, if it has one.
    pub fn clear(&mut self, element: u32) {
        let Some(position) = self.positions.get_mut(element as usize) else { return };
        let hole = std::mem::replace(position, NOWHERE) as usize;
        if hole >= self.heap.len() {
            return;
        }
        let removed = self.heap.swap_remove(hole);
        if let Some(&moved) = self.heap.get(hole) {
            if moved < removed {
                self.up(hole, moved);
            } else {
                self.down(hole, moved);
            }
        }
    }

    fn put(&mut self, at: usize, entry: Entry) {
        self.heap[at] = entry;
        self.positions[entry.element() as usize] = at as u32;
    }

    /// Puts `entry` where `at` is, or nearer to the root.
    fn up(&mut self, mut at: usize, entry: Entry) {
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            let above = self.heap[parent];
            if above <= entry {
                break;
            }
            self.put(at, above);
            at = parent;
        }
        self.put(at, entry);
    }

    /// Puts `entry` where `at` is, or farther from the root.
    fn down(&mut self, mut at: usize, entry: Entry) {
        loop {
            let first = CHILDREN * at + 1;
            let Some(children) = self.heap.get(first..self.heap.len().min(first + CHILDREN)) else { break };
            let Some((&eldest, others)) = children.split_first() else { break };
            let (mut least, mut place) = (eldest, first);
            for (&child, other) in others.iter().zip(first + 1..) {
                (least, place) = if child < least { (child, other) } else { (least, place) };
            }
            if least >= entry {
                break;
            }
            self.put(at, least);
            at = place;
        }
        self.put(at, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    #[test]
    fn the_first_timer_is_always_the_earliest_of_a_naive_model() {
        let (mut timers, mut model, mut random) = (Timers::default(), BTreeMap::new(), Random::new(4));
        for _ in 0..20_000 {
            let element = random.below(60) as u32;
            if random.below(3) == 0 {
                timers.clear(element);
                model.remove(&element);
            } else {
                let at = Time::from_nanos(random.below(1000));
                timers.set(element, at);
                model.insert(element, at);
            }
            assert_eq!(timers.first(), model.iter().map(|(&e, &t)| (t, e)).min());
            assert_eq!(timers.heap.len(), model.len());
        }
    }
}

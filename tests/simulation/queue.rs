//! What is to happen, in the order of time; what is due at the same time in the order in which it was planned.
//!
//! The heap holds places, not the events themselves: those are large, and would be moved at each level of it.

use super::world::What;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Default)]
pub struct Queue {
    /// Time, number in the order of planning, place in `events`.
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: Vec<Option<What>>,
    free: Vec<usize>,
    planned: u64,
}

impl Queue {
    pub fn push(&mut self, at: u64, what: What) {
        self.planned += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[place] = Some(what);
        self.heap.push(Reverse((at, self.planned, place)));
    }

    /// The next event, if it is due until then, and its time.
    pub fn pop_until(&mut self, until: u64) -> Option<(u64, What)> {
        let &Reverse((at, _, place)) = self.heap.peek().filter(|Reverse((at, ..))| *at <= until)?;
        self.heap.pop();
        self.free.push(place);
        self.events[place].take().map(|what| (at, what))
    }
}

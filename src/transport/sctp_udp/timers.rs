//! Deadlines of thousands of associations: a heap with lazy deletion, so that no call looks at all of them.

use crate::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// When each association (by slot) wants to be woken.
///
/// An association has at most one entry that counts; a deadline that moves later keeps its early entry, which on coming
/// up is simply entered anew. So a timer that is restarted with every packet costs nothing.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Time, u32)>>,
}

impl Timers {
    /// Notes that `slot` wants to be woken at `deadline`. `scheduled` is the association's note of its counting entry.
    pub fn schedule(&mut self, slot: u32, deadline: Option<Time>, scheduled: &mut Option<Time>) {
        let Some(deadline) = deadline else { return };
        if scheduled.is_none_or(|at| deadline < at) {
            *scheduled = Some(deadline);
            self.heap.push(Reverse((deadline, slot)));
        }
    }

    /// The earliest entry.
    pub fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next entry that is due: its time and slot. It counts only if the slot's `scheduled` is that time.
    pub fn pop_due(&mut self, now: Time) -> Option<(Time, u32)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_moves_later_adds_no_entry() {
        let mut timers = Timers::default();
        let mut scheduled = None;
        for millis in 10..1000 {
            timers.schedule(1, Some(Time::from_millis(millis)), &mut scheduled);
        }
        assert_eq!(timers.len(), 1);
        assert_eq!(timers.next(), Some(Time::from_millis(10)));
    }

    #[test]
    fn entries_come_up_in_order_and_not_before_their_time() {
        let mut timers = Timers::default();
        for (slot, millis) in [(1, 30), (2, 10), (3, 20)] {
            timers.schedule(slot, Some(Time::from_millis(millis)), &mut None);
        }
        let mut order = Vec::new();
        while let Some((_, slot)) = timers.pop_due(Time::from_millis(25)) {
            order.push(slot);
        }
        assert_eq!(order, [2, 3]);
    }
}

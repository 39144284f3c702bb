//! All timers of the core in one ordered table: one deadline for each thing that can have one.

use crate::Time;
use crate::collections::SortedMap;
use crate::{PoolElementId, PoolHandle};

/// What a timer belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// T5-Serverhunt.
    Hunt,
    /// T7-ENRPoutdate, the earliest of all announced registrars.
    Outdate,
    /// The end of a shutdown.
    Shutdown,
    /// T1-ENRPrequest or the deadline of a resolution, whichever is earlier.
    Resolution(PoolHandle, u64),
    /// T1-ENRPrequest or the next request of a subscription.
    Subscription(PoolHandle),
    /// T2-registration, T4-reregistration or the deadline of a registration request.
    Element(PoolHandle, PoolElementId),
    /// T3-deregistration or the deadline of a de-registration request.
    Deregistration(PoolHandle, PoolElementId),
}

/// The table.
#[derive(Default)]
pub(super) struct Timers {
    /// Only keys.
    by_time: SortedMap<(Time, Timer), ()>,
    deadlines: SortedMap<Timer, Time>,
}

impl Timers {
    /// Sets, moves or (none) stops a timer.
    pub(super) fn set(&mut self, timer: Timer, deadline: Option<Time>) {
        if let Some(old) = self.deadlines.remove(&timer) {
            self.by_time.remove(&(old, timer.clone()));
        }
        if let Some(deadline) = deadline {
            self.by_time.insert((deadline, timer.clone()), ());
            self.deadlines.insert(timer, deadline);
        }
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.by_time.first().map(|((time, _), ())| *time)
    }

    /// Removes the timers that are due and returns them, the earliest first.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<Timer> {
        let mut due = Vec::new();
        while let Some(((time, _), ())) = self.by_time.first() {
            if *time > now {
                break;
            }
            let Some(((_, timer), ())) = self.by_time.pop_first() else { break };
            self.deadlines.remove(&timer);
            due.push(timer);
        }
        due
    }

    /// Stops all.
    pub(super) fn clear(&mut self) {
        self.by_time.clear();
        self.deadlines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_due_in_order_and_only_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Hunt, Some(Time::from_secs(3)));
        timers.set(Timer::Outdate, Some(Time::from_secs(1)));
        timers.set(Timer::Shutdown, Some(Time::from_secs(2)));
        timers.set(Timer::Hunt, Some(Time::from_secs(2))); // moved
        timers.set(Timer::Shutdown, None); // stopped
        assert_eq!(timers.next_deadline(), Some(Time::from_secs(1)));
        assert_eq!(timers.take_due(Time::from_millis(999)), []);
        assert_eq!(timers.take_due(Time::from_secs(2)), [Timer::Outdate, Timer::Hunt]);
        assert_eq!(timers.next_deadline(), None);
    }
}

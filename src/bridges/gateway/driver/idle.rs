//! When sessions have been idle for too long. Looked at when the time since the last look is over: moving bytes costs nothing here.

use crate::Time;
use std::collections::BTreeSet;
use std::time::Duration;

/// The times of all sessions of a worker.
pub(super) struct IdleTimers {
    after: Duration,
    looks: BTreeSet<(Time, u64)>,
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing has moved for so long.
    Idle,
    /// It is looked at again.
    Busy(Time),
}

impl IdleTimers {
    pub(super) fn new(after: Duration) -> IdleTimers {
        IdleTimers { after, looks: BTreeSet::new() }
    }

    /// A session begins; returns when it is looked at.
    pub(super) fn begin(&mut self, key: u64, now: Time) -> Time {
        let at = now + self.after;
        self.looks.insert((at, key));
        at
    }

    /// It is over.
    pub(super) fn end(&mut self, key: u64, look: Time) {
        self.looks.remove(&(look, key));
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.looks.first().map(|(at, _)| *at)
    }

    /// A session whose look is due.
    pub(super) fn due(&self, now: Time) -> Option<(Time, u64)> {
        self.looks.first().copied().filter(|(at, _)| *at <= now)
    }

    /// Looks at one that was used then.
    pub(super) fn look(&mut self, (look, key): (Time, u64), used: Time, now: Time) -> Look {
        self.looks.remove(&(look, key));
        let at = used + self.after;
        if at <= now {
            return Look::Idle;
        }
        self.looks.insert((at, key));
        Look::Busy(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_idle_so_long_after_its_last_byte_and_not_before() {
        let mut timers = IdleTimers::new(Duration::from_secs(10));
        timers.begin(7, Time::ZERO);
        assert_eq!(timers.due(Time::from_millis(9_999)), None);
        let due = timers.due(Time::from_secs(10)).expect("it is looked at");
        let busy = timers.look(due, Time::from_secs(8), Time::from_secs(10));
        assert_eq!(busy, Look::Busy(Time::from_secs(18)));
        let due = timers.due(Time::from_secs(18)).expect("it is looked at");
        assert_eq!(timers.look(due, Time::from_secs(8), Time::from_secs(18)), Look::Idle);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn one_that_has_ended_is_not_looked_at() {
        let mut timers = IdleTimers::new(Duration::from_secs(10));
        let look = timers.begin(7, Time::ZERO);
        timers.end(7, look);
        assert_eq!(timers.due(Time::MAX), None);
    }
}

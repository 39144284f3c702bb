//! The timers of ENRP: each has a name and at most one time.

use crate::{AssociationId, RegistrarId, Time};
use std::collections::{BTreeMap, BTreeSet};

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The next PRESENCE to everybody.
    Heartbeat,
    /// The next step of the start.
    Start,
    /// The next LIST_REQUEST.
    Gossip,
    /// The next look for elements without a living home.
    Orphans,
    /// The next burst of connects to elements that are claimed.
    Claims,
    /// The next elements that a registrar hands over before it leaves.
    HandOver,
    /// The end of the patience of a registrar that leaves.
    Leave,
    /// The next attempt to reach an address.
    Contact(u32),
    /// Silence of another registrar.
    Peer(RegistrarId),
    /// The next step of the audit of another registrar's elements.
    Audit(RegistrarId),
    /// The end of an arbitration about a dead registrar.
    Arbitration(RegistrarId),
    /// The next elements of a dead registrar that get another home.
    Inheritance(RegistrarId),
    /// The end of a download that is being served.
    Session(AssociationId, bool),
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Time, Timer)>,
    times: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Sets or moves a timer.
    pub fn set(&mut self, timer: Timer, at: Time) {
        if let Some(old) = self.times.insert(timer, at) {
            self.queue.remove(&(old, timer));
        }
        self.queue.insert((at, timer));
    }

    pub fn clear(&mut self, timer: Timer) {
        if let Some(old) = self.times.remove(&timer) {
            self.queue.remove(&(old, timer));
        }
    }

    pub fn clear_all(&mut self) {
        self.queue.clear();
        self.times.clear();
    }

    /// When the next timer expires.
    pub fn next(&self) -> Option<Time> {
        self.queue.first().map(|&(at, _)| at)
    }

    /// Takes out a timer that has expired, the oldest first.
    pub fn take_expired(&mut self, now: Time) -> Option<(Time, Timer)> {
        let &(at, timer) = self.queue.first().filter(|&&(at, _)| at <= now)?;
        self.clear(timer);
        Some((at, timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_has_one_time_and_expires_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Start, Time::from_secs(5));
        timers.set(Timer::Heartbeat, Time::from_secs(2));
        timers.set(Timer::Start, Time::from_secs(1));
        assert_eq!(timers.next(), Some(Time::from_secs(1)));
        assert_eq!(timers.take_expired(Time::ZERO), None);
        assert_eq!(timers.take_expired(Time::from_secs(9)), Some((Time::from_secs(1), Timer::Start)));
        timers.clear(Timer::Heartbeat);
        assert_eq!(timers.take_expired(Time::from_secs(9)), None);
    }
}

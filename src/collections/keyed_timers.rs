//! The timers of a core: each has a name and at most one time.

use super::SortedMap;
use crate::Time;

/// Timers by their names, of which there are hundreds at most.
#[derive(Debug)]
pub struct KeyedTimers<K> {
    /// Only keys.
    queue: SortedMap<(Time, K), ()>,
    times: SortedMap<K, Time>,
}

impl<K> Default for KeyedTimers<K> {
    fn default() -> KeyedTimers<K> {
        KeyedTimers { queue: SortedMap::new(), times: SortedMap::new() }
    }
}

impl<K: Clone + Ord> KeyedTimers<K> {
    /// Sets, moves or (none) stops a timer.
    pub fn set(&mut self, timer: K, at: impl Into<Option<Time>>) {
        if let Some(old) = self.times.remove(&timer) {
            self.queue.remove(&(old, timer.clone()));
        }
        if let Some(at) = at.into() {
            self.queue.insert((at, timer.clone()), ());
            self.times.insert(timer, at);
        }
    }

    /// Moves a timer that is set to a later time.
    #[cfg(feature = "registrar")]
    pub fn hasten(&mut self, timer: K, at: Time) {
        if self.times.get(&timer).is_some_and(|&set| set > at) {
            self.set(timer, at);
        }
    }

    /// Stops a timer.
    pub fn stop(&mut self, timer: K) {
        self.set(timer, None);
    }

    /// Stops all.
    pub fn stop_all(&mut self) {
        self.queue.clear();
        self.times.clear();
    }

    /// When the next timer expires.
    pub fn next(&self) -> Option<Time> {
        self.queue.first().map(|((at, _), ())| *at)
    }

    /// Takes out a timer that has expired, the oldest first, with the time that it was set to.
    pub fn take_expired(&mut self, now: Time) -> Option<(Time, K)> {
        self.queue.first().filter(|((at, _), ())| *at <= now)?;
        let ((at, timer), ()) = self.queue.pop_first()?;
        self.times.remove(&timer);
        Some((at, timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_has_one_time_and_expires_once_the_oldest_first() {
        let mut timers = KeyedTimers::default();
        timers.set("start", Time::from_secs(5));
        timers.set("heartbeat", Time::from_secs(2));
        timers.set("end", Time::from_secs(2));
        timers.set("start", Some(Time::from_secs(1))); // moved
        assert_eq!(timers.next(), Some(Time::from_secs(1)));
        assert_eq!(timers.take_expired(Time::ZERO), None);
        assert_eq!(timers.take_expired(Time::from_secs(9)), Some((Time::from_secs(1), "start")));
        assert_eq!(timers.take_expired(Time::from_secs(9)), Some((Time::from_secs(2), "end")));
        assert_eq!(timers.take_expired(Time::from_secs(9)), Some((Time::from_secs(2), "heartbeat")));
        timers.set("end", Time::from_secs(3));
        timers.stop("end");
        assert_eq!(timers.take_expired(Time::from_secs(9)), None);
        assert_eq!(timers.next(), None);
    }
}

//! Decides when the timers of a thread that is late may run: a message that has arrived and was not read yet may be what a timer
//! waits for.
//!
//! A thread is late when it had no processor for a while, or when more arrives than it can take. If its timers ran first, it would
//! send again what was acknowledged long ago, and give up peers that have answered. So timers wait until everything that has
//! arrived is received. Then they wait once more, for as long as they were late, because the peers could not answer what this
//! thread did not send. Both waits have a bound.

use crate::Time;
use std::time::Duration;

/// The longest that timers wait for what is still to be received, so that a flood cannot keep them from running.
const LONGEST_HOLD: Duration = Duration::from_millis(100);
/// A timer that is late by less than this is on time: threads are never exact.
const UNNOTICED: Duration = Duration::from_millis(5);
/// The longest that timers which came late wait on purpose.
const LONGEST_GRACE: Duration = Duration::from_millis(250);

// Ordinary lateness is less than that of timers which were held, and these have their whole grace.
const _: () = assert!(UNNOTICED.as_nanos() < LONGEST_HOLD.as_nanos());
const _: () = assert!(LONGEST_HOLD.as_nanos() <= LONGEST_GRACE.as_nanos());

/// How late a timer may run because it has waited on purpose. Code that takes lateness as a sign that the process was stopped must
/// use a longer time than this.
pub(crate) const LONGEST_WAIT: Duration = LONGEST_HOLD.saturating_add(LONGEST_GRACE);

/// How late the thread is that asks.
#[derive(Debug, Default)]
pub(crate) struct Punctuality {
    /// Timers that were late wait until then, and from then on run until none is due.
    grace_ends: Option<Time>,
}

impl Punctuality {
    /// Whether timers may run, of which the first is `due`, after a round of receiving that has left `more` to be received.
    pub fn lets_timers_run(&mut self, now: Time, due: Option<Time>, more: bool) -> bool {
        let Some(due) = due.filter(|due| *due <= now) else {
            *self = Punctuality::default();
            return false;
        };
        if self.grace_ends.is_some_and(|ends| ends < due) {
            *self = Punctuality::default(); // the grace was for other timers, which are done
        }
        let late = now.saturating_since(due);
        if more && late < LONGEST_HOLD {
            return false;
        }
        let grace = if late > UNNOTICED { late.min(LONGEST_GRACE) } else { Duration::ZERO };
        *self.grace_ends.get_or_insert(now + grace) <= now
    }

    /// When to look at timers again, of which the first is `due`.
    pub fn next_deadline(&self, due: Option<Time>) -> Option<Time> {
        due.map(|due| self.grace_ends.map_or(due, |grace_ends| grace_ends.max(due)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Option<Time> = Some(Time::from_millis(1000));

    #[test]
    fn timers_that_are_in_time_run() {
        let mut punctuality = Punctuality::default();
        assert!(!punctuality.lets_timers_run(Time::from_millis(999), DUE, false), "none is due");
        assert!(punctuality.lets_timers_run(Time::from_millis(1000), DUE, false));
        assert!(punctuality.lets_timers_run(Time::from_millis(1005), DUE, false));
        assert_eq!(punctuality.next_deadline(DUE), DUE);
    }

    #[test]
    fn timers_wait_until_everything_is_received_but_not_for_ever() {
        let (mut punctuality, at) = (Punctuality::default(), Time::from_millis);
        assert!(!punctuality.lets_timers_run(at(1000), DUE, true));
        assert!(punctuality.lets_timers_run(at(1004), DUE, false));
        let mut punctuality = Punctuality::default();
        let first = (1000..).find(|&now| punctuality.lets_timers_run(at(now), DUE, true));
        assert_eq!(first, Some(1200), "held, and then as long again");
        let next = Some(at(1201));
        let first = (1200..).find(|&now| punctuality.lets_timers_run(at(now), next, true));
        assert_eq!(first, Some(1401), "each gets its time");
    }

    #[test]
    fn timers_that_were_late_wait_as_long_again_and_only_once() {
        let mut punctuality = Punctuality::default();
        assert!(!punctuality.lets_timers_run(Time::from_millis(1100), DUE, false));
        assert_eq!(punctuality.next_deadline(DUE), Some(Time::from_millis(1200)));
        assert!(!punctuality.lets_timers_run(Time::from_millis(1199), DUE, false));
        assert!(punctuality.lets_timers_run(Time::from_millis(1300), DUE, false), "late again");
        let next = Some(Time::from_millis(1001));
        assert!(punctuality.lets_timers_run(Time::from_millis(1400), next, false), "the first ones took their time");
        let next = Some(Time::from_millis(1500));
        assert!(!punctuality.lets_timers_run(Time::from_secs(100), next, false), "nothing happened between the two");
        assert_eq!(punctuality.next_deadline(next), Some(Time::from_secs(100) + LONGEST_GRACE));
    }

    #[test]
    fn what_is_answered_meanwhile_is_not_waited_for() {
        let mut punctuality = Punctuality::default();
        assert!(!punctuality.lets_timers_run(Time::from_millis(1100), DUE, false));
        let later = Some(Time::from_millis(1150));
        assert!(!punctuality.lets_timers_run(Time::from_millis(1110), later, false), "none is due any more");
        assert!(punctuality.lets_timers_run(Time::from_millis(1150), later, false));
    }
}

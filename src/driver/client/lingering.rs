//! Associations that were closed in order: what is queued is still delivered, for a bounded time.

use crate::Time;
use crate::transport::LONGEST_WAIT;
use std::time::Duration;

/// How long an association may take to deliver what is queued, before it is aborted.
const LINGER: Duration = Duration::from_secs(5);
/// A thread that comes to a deadline later than this was stopped or had no processor, and so had the delivery: that time does not
/// count. Timers that are less late have waited on purpose.
const LATE: Duration = Duration::from_millis(500);
const _: () = assert!(LATE.as_nanos() > LONGEST_WAIT.as_nanos());

/// The time that one of them has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lingering {
    /// When it is aborted.
    pub until: Time,
    /// It was given its time once more.
    renewed: bool,
}

impl Lingering {
    /// It was closed just now.
    pub fn begin(now: Time) -> Lingering {
        Lingering { until: now + LINGER, renewed: false }
    }

    /// What it gets instead of its end when its deadline is noticed only now; none: its time is over. Once only, so that a
    /// process which is always late ends its associations too.
    pub fn renewed(self, now: Time) -> Option<Lingering> {
        let late = now.saturating_since(self.until) > LATE;
        (late && !self.renewed).then_some(Lingering { until: now + LINGER, renewed: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_the_process_was_stopped_does_not_count_once() {
        let closed = Time::from_secs(100);
        let lingering = Lingering::begin(closed);
        assert_eq!(lingering.until, closed + LINGER);
        assert_eq!(lingering.renewed(lingering.until), None, "it had all its time");
        assert_eq!(lingering.renewed(lingering.until + LATE), None);
        let continued = closed + LINGER * 2;
        let again = lingering.renewed(continued).expect("more time");
        assert_eq!(again.until, continued + LINGER);
        assert_eq!(again.renewed(continued + LINGER * 3), None);
    }
}

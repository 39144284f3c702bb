//! When a registrar was heard, and how late its heartbeats are: how long it may be silent follows from that.

use crate::Time;
use crate::registrar::lateness::LATE;
use crate::round_trips::RoundTrips;
use std::time::Duration;

/// Who is later than this was away, which says nothing about the network: how fast it is missed the next time stays as it is.
const AWAY: Duration = LATE;

/// What is known of the heartbeats of one registrar.
#[derive(Debug)]
pub(super) struct Heartbeats {
    /// peer_last_heard.
    last: Time,
    /// How much later than it should it was heard.
    lateness: RoundTrips,
    /// When that was looked at last.
    looked_at: Time,
}

impl Heartbeats {
    /// It is heard for the first time.
    pub fn new(now: Time) -> Heartbeats {
        Heartbeats { last: now, lateness: RoundTrips::NONE, looked_at: now }
    }

    /// Something comes from it, which is to happen each `cycle`. What was held up comes all at once: that is one look.
    pub fn heard(&mut self, now: Time, cycle: Duration) {
        if now.saturating_since(self.looked_at) >= cycle / 2 {
            self.looked_at = now;
            let late = now.saturating_since(self.last).saturating_sub(cycle);
            if late <= AWAY {
                self.lateness.saw(late);
            }
        }
        self.last = now;
    }

    /// peer_last_heard.
    pub fn last(&self) -> Time {
        self.last
    }

    /// How long it may be silent that sends something each `cycle`: at least `least`.
    pub fn allow_silence(&self, cycle: Duration, least: Duration) -> Duration {
        (cycle + self.lateness.allow(Duration::ZERO)).max(least)
    }

    /// How long it may take to answer: at least `least`.
    pub fn allow_answer(&self, least: Duration) -> Duration {
        self.lateness.allow(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLE: Duration = Duration::from_millis(100);
    const LEAST: Duration = Duration::from_millis(250);

    fn heard_after(pauses_ms: &[u64]) -> Heartbeats {
        let mut heartbeats = Heartbeats::new(Time::from_secs(1));
        for pause in pauses_ms {
            heartbeats.heard(heartbeats.last + Duration::from_millis(*pause), CYCLE);
        }
        heartbeats
    }

    #[test]
    fn who_comes_in_time_has_what_the_profile_says() {
        let heartbeats = heard_after(&[100, 101, 99, 100, 30, 70, 100]);
        assert_eq!((heartbeats.allow_silence(CYCLE, LEAST), heartbeats.allow_answer(LEAST)), (LEAST, LEAST));
    }

    #[test]
    fn who_comes_late_has_more() {
        let heartbeats = heard_after(&[300, 100, 100, 400, 100, 200]);
        let second = Duration::from_secs(1);
        assert!(heartbeats.allow_silence(CYCLE, LEAST) > second && heartbeats.allow_answer(LEAST) > second);
    }

    #[test]
    fn who_was_away_has_no_more() {
        let heartbeats = heard_after(&[100, 10_000, 100]);
        assert_eq!((heartbeats.allow_silence(CYCLE, LEAST), heartbeats.allow_answer(LEAST)), (LEAST, LEAST));
    }

    #[test]
    fn what_was_held_up_and_comes_at_once_does_not_count_as_in_time() {
        let burst = [[500, 0, 0, 0, 0].as_slice(), &[100; 2]].concat();
        let expected = heard_after(&[500, 100, 100]).allow_answer(LEAST);
        assert_eq!(heard_after(&burst).allow_answer(LEAST), expected);
    }
}

//! Token buckets, which keep a peer from making us busy.

use crate::Time;
use std::time::Duration;

/// A token bucket: `burst` events at once, then one each `interval`.
pub(super) struct RateLimit {
    tokens: u32,
    burst: u32,
    interval: Duration,
    /// When the tokens were last counted.
    counted: Time,
    /// Events refused since the last one that passed.
    suppressed: u64,
}

impl RateLimit {
    /// A full bucket.
    pub(super) fn new(burst: u32, interval: Duration, now: Time) -> RateLimit {
        RateLimit { tokens: burst, burst, interval, counted: now, suppressed: 0 }
    }

    /// Whether one more event may pass; if so, how many were refused before it.
    pub(super) fn pass(&mut self, now: Time) -> Option<u64> {
        let steps = now.saturating_since(self.counted).as_nanos() / self.interval.as_nanos().max(1);
        if steps > 0 {
            self.tokens = self.burst.min(self.tokens.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX)));
            self.counted = now;
        }
        if self.tokens == 0 {
            self.suppressed += 1;
            return None;
        }
        self.tokens -= 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_a_burst_pass_then_one_each_interval_and_counts_the_rest() {
        let mut limit = RateLimit::new(2, Duration::from_secs(1), Time::ZERO);
        assert_eq!(limit.pass(Time::ZERO), Some(0));
        assert_eq!(limit.pass(Time::ZERO), Some(0));
        assert_eq!(limit.pass(Time::ZERO), None);
        assert_eq!(limit.pass(Time::from_millis(999)), None);
        assert_eq!(limit.pass(Time::from_millis(1000)), Some(2));
        assert_eq!(limit.pass(Time::from_millis(1001)), None);
    }
}

//! Small helpers that keep a peer from making us busy: token buckets, and a seeded random number generator.

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

/// SplitMix64: for choices that need to be spread, not secret.
pub(super) struct Random(u64);

impl Random {
    /// Equal seeds give equal numbers.
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero when `bound` is.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
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

    #[test]
    fn random_numbers_follow_the_seed_and_stay_below_the_bound() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..20).map(|_| random.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|&n| n < 7));
        assert_eq!(Random::new(1).below(0), 0);
    }
}

//! Token buckets, which keep peers from making us busy (RFC 5355 sections 2.13 and 2.14).

use crate::Time;
use std::time::Duration;

/// A token bucket: `burst` at once, then one each `interval`.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    /// In nanoseconds of waiting; a token costs `interval` of them.
    credit: u64,
    /// In nanoseconds.
    interval: u32,
    burst: u32,
    /// When the credit was last counted.
    counted: Time,
}

#[cfg(feature = "registrar")]
const SECOND: Duration = Duration::from_secs(1);

impl TokenBucket {
    /// A full bucket. Intervals are of four seconds at most.
    pub fn new(burst: u32, interval: Duration, now: Time) -> TokenBucket {
        let interval = u32::try_from(interval.as_nanos()).unwrap_or(u32::MAX).max(1);
        TokenBucket { credit: u64::from(burst) * u64::from(interval), interval, burst, counted: now }
    }

    /// A full bucket of the tokens of one second; a rate of zero never gives a token.
    #[cfg(feature = "registrar")]
    pub fn per_second(rate: u32, now: Time) -> TokenBucket {
        TokenBucket::new(rate, SECOND.checked_div(rate).unwrap_or(SECOND), now)
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, now: Time) -> bool {
        self.count(now);
        let Some(rest) = self.credit.checked_sub(u64::from(self.interval)) else { return false };
        self.credit = rest;
        true
    }

    /// Puts a token back, unless it is full.
    #[cfg(feature = "sctp-udp")]
    pub fn give_back(&mut self) {
        self.add(u64::from(self.interval));
    }

    /// Whether there is one.
    #[cfg(feature = "registrar")]
    pub fn has(&mut self, now: Time) -> bool {
        self.count(now);
        self.credit >= u64::from(self.interval)
    }

    fn count(&mut self, now: Time) {
        let waited = u64::try_from(now.saturating_since(self.counted).as_nanos()).unwrap_or(u64::MAX);
        self.add(waited);
        self.counted = now;
    }

    fn add(&mut self, credit: u64) {
        let full = u64::from(self.burst) * u64::from(self.interval);
        self.credit = self.credit.saturating_add(credit).min(full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "registrar")]
    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = TokenBucket::per_second(10, Time::ZERO);
        assert_eq!((0..100).filter(|_| bucket.take(Time::ZERO)).count(), 10);
        assert_eq!((0..100).filter(|_| bucket.take(Time::from_millis(300))).count(), 3);
        assert_eq!((0..100).filter(|_| bucket.take(Time::from_secs(1000))).count(), 10);
        assert!(!TokenBucket::per_second(0, Time::ZERO).take(Time::from_secs(9)));
        assert!(TokenBucket::per_second(u32::MAX, Time::ZERO).take(Time::ZERO));
    }

    #[test]
    fn a_burst_passes_then_one_each_interval() {
        let mut bucket = TokenBucket::new(2, Duration::from_secs(1), Time::ZERO);
        assert_eq!([(); 3].map(|()| bucket.take(Time::ZERO)), [true, true, false]);
        assert!(!bucket.take(Time::from_millis(999)));
        assert_eq!([(); 2].map(|()| bucket.take(Time::from_millis(1000))), [true, false]);
    }
}

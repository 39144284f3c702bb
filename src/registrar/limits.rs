//! Limits on what one association may ask for in a second (RFC 5355 sections 2.13 and 2.14).

use crate::Time;

/// A token bucket: `rate` a second on average, as many at once at most.
#[derive(Clone, Debug)]
pub(super) struct TokenBucket {
    /// In nanoseconds of waiting; a token costs `1e9 / rate` of them.
    credit: u64,
    cost: u64,
    checked: Time,
}

/// A full bucket holds the tokens of one second.
const FULL: u64 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket; a rate of zero never gives a token.
    pub fn new(rate: u32, now: Time) -> TokenBucket {
        let cost = FULL.checked_div(u64::from(rate)).unwrap_or(u64::MAX).max(1);
        TokenBucket { credit: FULL, cost, checked: now }
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, now: Time) -> bool {
        let waited = u64::try_from(now.saturating_since(self.checked).as_nanos()).unwrap_or(u64::MAX);
        self.credit = self.credit.saturating_add(waited).min(FULL);
        self.checked = now;
        if self.credit < self.cost {
            return false;
        }
        self.credit -= self.cost;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = TokenBucket::new(10, Time::ZERO);
        assert_eq!((0..100).filter(|_| bucket.take(Time::ZERO)).count(), 10);
        assert_eq!((0..100).filter(|_| bucket.take(Time::from_millis(300))).count(), 3);
        assert_eq!((0..100).filter(|_| bucket.take(Time::from_secs(1000))).count(), 10);
        assert!(!TokenBucket::new(0, Time::ZERO).take(Time::from_secs(9)));
    }
}

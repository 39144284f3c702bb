//! Keeps what peers can trigger from flooding the log.

use crate::Time;
use crate::token_bucket::TokenBucket;
use std::fmt;
use std::time::Duration;

/// Lines that may follow each other at once.
const BURST: u32 = 10;
/// One more line is allowed after each such interval.
const REFILL: Duration = Duration::from_secs(1);

/// Decides whether a line is written, and counts those that are not.
///
/// Keep one for each kind of event, not for each peer: a flood from a thousand peers is still a flood.
#[derive(Clone, Debug)]
pub struct LogLimit {
    bucket: TokenBucket,
    suppressed: u64,
}

impl Default for LogLimit {
    fn default() -> LogLimit {
        LogLimit { bucket: TokenBucket::new(BURST, REFILL, Time::ZERO), suppressed: 0 }
    }
}

impl LogLimit {
    /// `Some`: write the line; the number says how many were left out before it.
    pub fn allow(&mut self, now: Time) -> Option<u64> {
        if !self.bucket.take(now) {
            self.suppressed += 1;
            return None;
        }
        Some(std::mem::take(&mut self.suppressed))
    }
}

/// The end of a line: how many like it were left out.
pub struct LeftOut(pub u64);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, " ({} such lines left out before)", self.0) }
    }
}

/// Writes a log line unless its limit is reached: `log_limited!(limit, now, Level::Warn, "format", ...)`.
macro_rules! log_limited {
    ($limit:expr, $now:expr, $level:expr, $($line:tt)+) => {
        if log::log_enabled!($level) {
            if let Some(left_out) = $limit.allow($now) {
                log::log!($level, "{}{}", format_args!($($line)+), $crate::log_limit::LeftOut(left_out));
            }
        }
    };
}
pub(crate) use log_limited;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_the_burst_and_counted() {
        let mut limit = LogLimit::default();
        let written = (0..100).filter(|_| limit.allow(Time::ZERO).is_some()).count();
        assert_eq!(written, BURST as usize);
        assert_eq!(limit.allow(Time::from_secs(1)), Some(90));
        assert_eq!(limit.allow(Time::from_secs(1)), None);
    }
}

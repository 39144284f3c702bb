//! Keeps what peers can trigger from flooding the log.

use crate::association::{PeerAddress, host_of};
use crate::token_bucket::TokenBucket;
use crate::{RegistrarId, Time};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Lines of one kind that may follow each other at once.
const BURST: u32 = 20;
/// One more line is allowed after each such interval.
const REFILL: Duration = Duration::from_secs(1);
/// Lines among them that one culprit may cause at once.
#[cfg(any(feature = "registrar", feature = "sctp-udp"))]
const BURST_OF_ONE: u32 = 10;
/// One more of his after each such interval, so that whatever he does, most lines are left to others.
#[cfg(any(feature = "registrar", feature = "sctp-udp"))]
const REFILL_OF_ONE: Duration = Duration::from_secs(4);
/// Places for culprits; those that share one share its lines.
#[cfg(any(feature = "registrar", feature = "sctp-udp"))]
const PLACES: usize = 32;

/// Whose doing a line is about.
pub(crate) trait Culprit {
    /// Those with the same number share their lines.
    #[cfg_attr(not(any(feature = "registrar", feature = "sctp-udp")), allow(dead_code))]
    fn number(&self) -> u64;
}

impl Culprit for u64 {
    fn number(&self) -> u64 {
        *self
    }
}

impl Culprit for IpAddr {
    fn number(&self) -> u64 {
        host_of(*self)
    }
}

impl Culprit for SocketAddr {
    fn number(&self) -> u64 {
        host_of(self.ip())
    }
}

impl Culprit for PeerAddress {
    fn number(&self) -> u64 {
        self.host().unwrap_or(0)
    }
}

impl Culprit for RegistrarId {
    fn number(&self) -> u64 {
        u64::from(self.0)
    }
}

/// Decides whether a line is written, and counts those that are not.
///
/// Keep one for each kind of event: a flood from a thousand peers is still a flood. Where lines are somebody's doing, one who causes
/// many of them does not hide those about others.
#[derive(Clone, Debug)]
pub struct LogLimit {
    bucket: TokenBucket,
    /// By culprit; empty before the first one.
    #[cfg(any(feature = "registrar", feature = "sctp-udp"))]
    places: Vec<TokenBucket>,
    suppressed: u64,
}

impl Default for LogLimit {
    fn default() -> LogLimit {
        LogLimit {
            bucket: TokenBucket::new(BURST, REFILL, Time::ZERO),
            #[cfg(any(feature = "registrar", feature = "sctp-udp"))]
            places: Vec::new(),
            suppressed: 0,
        }
    }
}

impl LogLimit {
    /// `Some`: write the line; the number says how many were left out before it.
    pub fn allow(&mut self, now: Time) -> Option<u64> {
        let allowed = self.bucket.take(now);
        self.count(allowed)
    }

    /// The same for a line about what somebody has done. Who serves nobody need not tell them apart.
    #[cfg(not(any(feature = "registrar", feature = "sctp-udp")))]
    pub(crate) fn allow_about(&mut self, now: Time, _: u64) -> Option<u64> {
        self.allow(now)
    }

    /// The same for a line about what somebody has done.
    #[cfg(any(feature = "registrar", feature = "sctp-udp"))]
    pub(crate) fn allow_about(&mut self, now: Time, culprit: u64) -> Option<u64> {
        let mixed = culprit.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let allowed = self.has_place(now, (mixed >> 32) as usize % PLACES) && self.bucket.take(now);
        self.count(allowed)
    }

    #[cfg(any(feature = "registrar", feature = "sctp-udp"))]
    fn has_place(&mut self, now: Time, place: usize) -> bool {
        if self.places.is_empty() {
            self.places = vec![TokenBucket::new(BURST_OF_ONE, REFILL_OF_ONE, now); PLACES];
        }
        self.places.get_mut(place).is_some_and(|place| place.take(now))
    }

    fn count(&mut self, allowed: bool) -> Option<u64> {
        if !allowed {
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

/// Writes a log line unless its limit is reached: `log_limited!(limit, now, Level::Warn, "format", ...)`, or
/// `log_limited!(limit => culprit, now, Level::Warn, "format", ...)` where the line is somebody's doing.
macro_rules! log_limited {
    ($limit:expr => $culprit:expr, $now:expr, $level:expr, $($line:tt)+) => {
        if log::log_enabled!($level) {
            let culprit = $crate::log_limit::Culprit::number(&$culprit);
            if let Some(left_out) = $limit.allow_about($now, culprit) {
                log::log!($level, "{}{}", format_args!($($line)+), $crate::log_limit::LeftOut(left_out));
            }
        }
    };
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
        assert_eq!(limit.allow(Time::from_secs(1)), Some(100 - u64::from(BURST)));
        assert_eq!(limit.allow(Time::from_secs(1)), None);
    }

    #[cfg(any(feature = "registrar", feature = "sctp-udp"))]
    #[test]
    fn sec_one_who_causes_many_lines_does_not_hide_those_about_others() {
        let mut limit = LogLimit::default();
        let (noisy, quiet) = (RegistrarId(1), RegistrarId(2));
        let written = (0..1000).filter(|_| limit.allow_about(Time::ZERO, noisy.number()).is_some()).count();
        assert_eq!(written, BURST_OF_ONE as usize);
        for second in 0..600 {
            let now = Time::from_secs(second);
            for _ in 0..50 {
                limit.allow_about(now, noisy.number());
            }
            if second % 30 == 0 {
                assert!(
                    limit.allow_about(now, quiet.number()).is_some_and(|left_out| left_out > 0),
                    "after {second} s"
                );
            }
        }
    }

    #[test]
    fn a_flood_from_a_thousand_is_still_a_flood() {
        let mut limit = LogLimit::default();
        let written =
            (0..1000).filter(|&number| limit.allow_about(Time::ZERO, RegistrarId(number).number()).is_some()).count();
        assert_eq!(written, BURST as usize);
    }
}

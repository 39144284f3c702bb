//! How long somebody takes to answer, and how much that varies: what he is allowed follows from that, as in RFC 6298. What a
//! profile says is the least.

use std::time::Duration;

/// Whoever takes so many deviations longer than he does on average is out of the ordinary. RFC 6298 has four: there, a mistake costs a
/// packet. Here it costs an element that lives, a hundred of which may be asked in a second, and each packet that is lost and sent
/// again makes an answer come much later.
const DEVIATIONS: u32 = 12;
/// Nobody is waited for longer on account of what was seen.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);
/// How much a new time counts, as in RFC 6298: 1/8 in the mean, 1/4 in the deviation, where it is larger.
const MEAN_SHIFT: u32 = 3;
const GROWTH_SHIFT: u32 = 2;
/// Where it is smaller, 1/64: most answers come in time also where one in twenty is sent again and comes much later.
const DECLINE_SHIFT: u32 = 6;

/// What was seen so far. In microseconds, which takes less room: there is one for each element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoundTrips {
    mean: u32,
    deviation: u32,
}

impl RoundTrips {
    /// Nothing.
    pub const NONE: RoundTrips = RoundTrips { mean: 0, deviation: 0 };

    /// An answer took so long.
    pub fn saw(&mut self, time: Duration) {
        let time = u32::try_from(time.min(LONGEST).as_micros()).unwrap_or(u32::MAX);
        if *self == RoundTrips::NONE {
            *self = RoundTrips { mean: time, deviation: time / 2 };
            return;
        }
        let off = self.mean.abs_diff(time);
        let shift = if off > self.deviation { GROWTH_SHIFT } else { DECLINE_SHIFT };
        self.deviation = moved(self.deviation, off, shift);
        self.mean = moved(self.mean, time, MEAN_SHIFT);
    }

    /// The longest that an answer may take: at least `least`, and longer where answers were seen to take long.
    pub fn allow(&self, least: Duration) -> Duration {
        let ordinary = u64::from(self.mean) + u64::from(DEVIATIONS) * u64::from(self.deviation);
        Duration::from_micros(ordinary).min(LONGEST).max(least)
    }
}

/// A mean that a new value moves by a part of the difference.
fn moved(mean: u32, value: u32, shift: u32) -> u32 {
    mean - (mean >> shift) + (value >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn after(times: &[Duration]) -> RoundTrips {
        let mut round_trips = RoundTrips::NONE;
        times.iter().for_each(|&time| round_trips.saw(time));
        round_trips
    }

    #[test]
    fn on_a_fast_network_the_profile_counts() {
        assert_eq!(RoundTrips::NONE.allow(MS(150)), MS(150));
        assert_eq!(after(&[MS(1), MS(3), MS(1), MS(2)]).allow(MS(150)), MS(150));
    }

    #[test]
    fn who_takes_long_or_varies_is_allowed_more_up_to_a_bound() {
        let steady = after(&[MS(200); 50]).allow(MS(150));
        assert!(MS(195) < steady && steady < MS(900), "{steady:?}");
        let varying = after(&[MS(100), MS(500)].repeat(20)).allow(MS(150));
        assert!(MS(2000) < varying && varying < LONGEST, "{varying:?}");
        assert_eq!(after(&[Duration::MAX, Duration::ZERO]).allow(MS(150)), LONGEST);
        assert_eq!(
            after(&[MS(100)]).allow(Duration::from_secs(60)),
            Duration::from_secs(60),
            "the profile is the least"
        );
    }

    #[test]
    fn one_late_answer_among_many_is_remembered() {
        let one_in_twenty = [[MS(20); 19].as_slice(), &[MS(200)]].concat().repeat(5);
        let allowed = [one_in_twenty, vec![MS(20); 19]].concat();
        assert!(after(&allowed).allow(MS(150)) > MS(350), "{:?}", after(&allowed).allow(MS(150)));
    }

    #[test]
    fn what_was_is_forgotten() {
        let mut round_trips = after(&[MS(100), MS(900)].repeat(10));
        (0..500).for_each(|_| round_trips.saw(MS(1)));
        assert_eq!(round_trips.allow(MS(150)), MS(150));
    }
}

//! Timers and thresholds of SCTP associations, and what follows from them.

use std::time::Duration;

/// Retransmissions are counted in 16 bits by the kernel.
const MAX_RETRANSMISSIONS: u32 = 0xffff;
/// Times go to the kernel as milliseconds in 32 bits, and its timers hold about half of that.
const MAX_TIME: Duration = Duration::from_secs(24 * 3600);

/// Timers and thresholds of SCTP associations (RFC 9260 section 16, RFC 7829), as `rserpool_session_parameters` has most of
/// them.
///
/// The kernel's SCTP heeds all of them. SCTP in UDP has one path an association: the thresholds of paths mean nothing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SctpParameters {
    /// RTO.Initial.
    pub rto_initial: Duration,
    /// RTO.Min.
    pub rto_min: Duration,
    /// RTO.Max.
    pub rto_max: Duration,
    /// Association.Max.Retrans of an association with one path; with more, see [`SctpParameters::association_limit`].
    pub association_max_retransmissions: u32,
    /// Path.Max.Retrans.
    pub path_max_retransmissions: u32,
    /// PotentiallyFailed.Max.Retrans (RFC 7829): a path that misses more is avoided while there is another one; the same as
    /// Path.Max.Retrans switches that off.
    pub potentially_failed_threshold: u32,
    /// HB.interval.
    pub heartbeat_interval: Duration,
}

impl SctpParameters {
    /// The `fast` profile, for call control: a peer that neither answers nor acknowledges is given up within half a second of
    /// the next message to it.
    pub fn fast() -> SctpParameters {
        SctpParameters {
            rto_initial: Duration::from_millis(80),
            rto_min: Duration::from_millis(50),
            rto_max: Duration::from_millis(100),
            association_max_retransmissions: 4,
            path_max_retransmissions: 3,
            potentially_failed_threshold: 0,
            heartbeat_interval: Duration::from_millis(500),
        }
    }
}

impl Default for SctpParameters {
    /// Chosen for call control on a local network: a dead peer is noticed within about 2 s when idle or sending.
    fn default() -> SctpParameters {
        SctpParameters {
            rto_initial: Duration::from_millis(250),
            rto_min: Duration::from_millis(100),
            rto_max: Duration::from_millis(500),
            association_max_retransmissions: 4,
            path_max_retransmissions: 3,
            potentially_failed_threshold: 0,
            heartbeat_interval: Duration::from_millis(500),
        }
    }
}

impl SctpParameters {
    /// Refuses values that cannot work together, with the reason.
    pub fn validate(&self) -> Result<(), String> {
        let times = [
            ("RTO.Initial", self.rto_initial),
            ("RTO.Min", self.rto_min),
            ("RTO.Max", self.rto_max),
            ("the heartbeat interval", self.heartbeat_interval),
        ];
        for (name, time) in times {
            if time < Duration::from_millis(1) || time > MAX_TIME {
                return Err(format!("{name} of {time:?} is not between 1 ms and a day"));
            }
        }
        if self.rto_min > self.rto_max {
            return Err(format!("RTO.Min of {:?} is above RTO.Max of {:?}", self.rto_min, self.rto_max));
        }
        if self.rto_initial < self.rto_min || self.rto_initial > self.rto_max {
            let (initial, min, max) = (self.rto_initial, self.rto_min, self.rto_max);
            return Err(format!("RTO.Initial of {initial:?} is not between RTO.Min of {min:?} and RTO.Max of {max:?}"));
        }
        let counts = [
            ("Association.Max.Retrans", self.association_max_retransmissions),
            ("Path.Max.Retrans", self.path_max_retransmissions),
        ];
        for (name, count) in counts {
            if !(1..=MAX_RETRANSMISSIONS).contains(&count) {
                return Err(format!("{name} of {count} is not between 1 and {MAX_RETRANSMISSIONS}"));
            }
        }
        if self.potentially_failed_threshold > self.path_max_retransmissions {
            let (potentially, failed) = (self.potentially_failed_threshold, self.path_max_retransmissions);
            return Err(format!(
                "a path would have failed after {failed} retransmissions before it potentially fails after {potentially}"
            ));
        }
        Ok(())
    }

    /// Association.Max.Retrans of an association with so many paths. Each further path adds its own limit, up to what all paths
    /// have together (RFC 9260 section 8.1: not more): else the retransmissions of a path that fails could use up the limit of
    /// the association while other paths are alive.
    pub fn association_limit(&self, paths: usize) -> u32 {
        let paths = u32::try_from(paths).unwrap_or(u32::MAX).max(1);
        if paths == 1 {
            return self.association_max_retransmissions;
        }
        let together = self.path_max_retransmissions.saturating_mul(paths);
        let wider = self.path_max_retransmissions.saturating_mul(paths - 1);
        self.association_max_retransmissions.saturating_add(wider).min(together)
    }

    /// The longest that a peer which has vanished goes unnoticed while something is being sent to it: each retransmission
    /// waits for RTO.Max at most.
    pub fn notices_while_sending(&self) -> Duration {
        self.rto_max.saturating_mul(self.association_max_retransmissions.saturating_add(1))
    }

    /// The longest that a peer which has vanished goes unnoticed while nothing is being sent to it. Heartbeats come at
    /// HB.interval + RTO, give or take half of the RTO (RFC 9260 section 8.3); the first one may just have been answered.
    pub fn notices_while_idle(&self) -> Duration {
        let longest = self.heartbeat_interval + self.rto_max + self.rto_max / 2;
        longest.saturating_mul(self.association_max_retransmissions.saturating_add(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: SctpParameters = SctpParameters {
        rto_initial: Duration::from_millis(250),
        rto_min: Duration::from_millis(100),
        rto_max: Duration::from_millis(500),
        association_max_retransmissions: 4,
        path_max_retransmissions: 3,
        potentially_failed_threshold: 0,
        heartbeat_interval: Duration::from_millis(500),
    };

    #[test]
    fn the_default_is_valid_and_notices_within_seconds() {
        assert_eq!(SctpParameters::default(), DEFAULT);
        assert_eq!(DEFAULT.validate(), Ok(()));
        assert_eq!(DEFAULT.notices_while_sending(), Duration::from_millis(2_500));
        assert_eq!(DEFAULT.notices_while_idle(), Duration::from_millis(7_500));
    }

    #[test]
    fn each_path_widens_the_limit_of_the_association_up_to_what_all_have_together() {
        assert_eq!([1, 2, 3].map(|paths| DEFAULT.association_limit(paths)), [4, 6, 9]);
        let one = SctpParameters { association_max_retransmissions: 1, ..DEFAULT };
        assert_eq!([0, 1, 2, 3].map(|paths| one.association_limit(paths)), [1, 1, 4, 7]);
        let huge = SctpParameters { path_max_retransmissions: 0xffff, ..DEFAULT };
        assert_eq!(huge.association_limit(usize::MAX), u32::MAX);
    }

    #[test]
    fn contradictions_are_refused_with_the_reason() {
        let ms = Duration::from_millis;
        let cases = [
            (SctpParameters { rto_min: ms(600), ..DEFAULT }, "RTO.Min of 600ms is above RTO.Max of 500ms"),
            (SctpParameters { rto_initial: ms(50), ..DEFAULT }, "RTO.Initial of 50ms is not between"),
            (SctpParameters { rto_initial: ms(501), ..DEFAULT }, "RTO.Initial of 501ms is not between"),
            (SctpParameters { heartbeat_interval: Duration::ZERO, ..DEFAULT }, "the heartbeat interval of 0ns"),
            (SctpParameters { rto_max: Duration::from_secs(100_000), ..DEFAULT }, "RTO.Max of 100000s"),
            (SctpParameters { association_max_retransmissions: 0, ..DEFAULT }, "Association.Max.Retrans of 0"),
            (SctpParameters { path_max_retransmissions: 70_000, ..DEFAULT }, "Path.Max.Retrans of 70000"),
            (SctpParameters { potentially_failed_threshold: 4, ..DEFAULT }, "failed after 3 retransmissions before"),
        ];
        for (parameters, reason) in cases {
            let refusal = parameters.validate().expect_err(reason);
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}

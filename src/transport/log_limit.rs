//! Limits log lines that a peer can trigger.

use crate::Time;
use std::time::Duration;

/// Lines that may appear in one interval.
const LINES_PER_INTERVAL: u32 = 5;
/// The length of an interval.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts lines of one kind.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    interval_start: Option<Time>,
    lines: u32,
    suppressed: u64,
}

impl LogLimit {
    /// Whether a line may be written now; if so, how many of its kind were suppressed since the last one.
    pub fn allow(&mut self, now: Time) -> Option<u64> {
        let fresh = self.interval_start.is_none_or(|start| now.saturating_since(start) >= INTERVAL);
        if fresh {
            self.interval_start = Some(now);
            self.lines = 0;
        }
        if self.lines < LINES_PER_INTERVAL {
            self.lines += 1;
            return Some(std::mem::take(&mut self.suppressed));
        }
        self.suppressed += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_cut_and_counted() {
        let mut limit = LogLimit::default();
        let allowed = (0..100).filter(|_| limit.allow(Time::from_secs(1)).is_some()).count();
        assert_eq!(allowed, LINES_PER_INTERVAL as usize);
        assert_eq!(limit.allow(Time::from_secs(12)), Some(95));
        assert_eq!(limit.allow(Time::from_secs(12)), Some(0));
    }
}

//! How long something takes: counts for ranges of time, which cost next to nothing to keep.

use std::time::Duration;

/// The longest time of each range; one more range has what takes longer.
const BOUNDS: [Duration; 14] = [
    Duration::from_micros(10),
    Duration::from_micros(30),
    Duration::from_micros(100),
    Duration::from_micros(300),
    Duration::from_millis(1),
    Duration::from_millis(3),
    Duration::from_millis(10),
    Duration::from_millis(30),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// How often something took how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Histogram {
    /// It took so long, so many times.
    pub(super) fn record(&mut self, took: Duration, times: u64) {
        let range = BOUNDS.partition_point(|longest| *longest < took);
        self.counts[range] += times;
        self.sum = self.sum.saturating_add(took.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX)));
    }

    /// The longest time of each range, and how often it took so long; the last range has no end.
    pub fn ranges(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        BOUNDS.into_iter().map(Some).chain([None]).zip(self.counts)
    }

    /// How often, in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long, in all.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_counted_in_the_first_range_that_has_it() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::ZERO, 1);
        histogram.record(Duration::from_micros(10), 2);
        histogram.record(Duration::from_nanos(10_001), 3);
        histogram.record(Duration::MAX, 1);
        let counts: Vec<u64> = histogram.ranges().map(|(_, count)| count).collect();
        assert_eq!((&counts[..3], counts.last()), (&[3, 3, 0][..], Some(&1)));
        assert_eq!((histogram.count(), histogram.sum()), (7, Duration::MAX));
        assert!(
            histogram.ranges().zip(histogram.ranges().skip(1)).all(|((a, _), (b, _))| b.is_none_or(|b| a < Some(b)))
        );
    }
}

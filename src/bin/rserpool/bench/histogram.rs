//! Latencies counted in buckets whose width grows with them: constant memory, an error of at most 1.6 %.

use std::time::Duration;

/// Buckets a power of two.
const STEPS: usize = 1 << STEP_BITS;
const STEP_BITS: u32 = 6;
/// Powers of two above the first: up to 2^42 ns, more than an hour.
const POWERS: usize = 37;

/// Counts of durations.
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; STEPS * POWERS].into_boxed_slice(), total: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let last = self.counts.len() - 1;
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos).min(last)] += 1;
        self.total += 1;
        self.longest = self.longest.max(duration);
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// What this share (0 to 1) of all did not exceed; zero when there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(upper_end(index)).min(self.longest);
            }
        }
        Duration::ZERO
    }
}

/// Exact below `STEPS`; then `STEPS` buckets a power of two.
fn bucket(nanos: u64) -> usize {
    if nanos < STEPS as u64 {
        return nanos as usize;
    }
    let power = nanos.ilog2() - STEP_BITS;
    (STEPS as u64 * u64::from(power) + (nanos >> power)) as usize
}

/// The largest number in a bucket.
fn upper_end(index: usize) -> u64 {
    if index < STEPS {
        return index as u64;
    }
    let power = index / STEPS - 1;
    let step = (index - STEPS * power) as u64;
    ((step + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_a_bucket_that_is_at_most_one_part_in_64_wide() {
        let mut previous = 0;
        for nanos in (0..200).chain((8..42).flat_map(|power| [(1u64 << power) - 1, 1 << power, (1 << power) + 1])) {
            let index = bucket(nanos);
            assert!(index >= previous, "{nanos}");
            previous = index;
            let end = upper_end(index);
            assert!(end >= nanos && end - nanos <= nanos / STEPS as u64, "{nanos}: up to {end}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut histogram = Histogram::default();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = histogram.quantile(share).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.016, "{share}: {found}");
        }
        assert_eq!(histogram.longest(), Duration::from_millis(1));
    }

    #[test]
    fn sums_count_everything_and_nothing_is_too_long() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        assert_eq!(one.quantile(0.5), Duration::ZERO);
        one.record(Duration::from_nanos(5));
        other.record(Duration::from_secs(1 << 40));
        one.add(&other);
        assert_eq!(one.quantile(0.5), Duration::from_nanos(5));
        assert_eq!(one.longest(), Duration::from_secs(1 << 40));
        assert!(one.quantile(1.0) > Duration::from_secs(3600));
    }
}

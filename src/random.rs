//! The random numbers of the protocol cores: all from one seed, so that every run can be repeated.

use std::time::Duration;

/// A seeded generator (xoshiro256++). Fast and even, but predictable: never use it for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator that repeats its numbers for the same seed.
    pub fn new(seed: u64) -> Random {
        let mut mixer = seed;
        Random { state: std::array::from_fn(|_| split_mix(&mut mixer)) }
    }

    /// Any 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number from zero up to but not including `bound`; zero when `bound` is zero.
    ///
    /// The bias is below 2^-64 times `bound`: nothing that a pool could notice.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// An identifier: any 32-bit number but zero.
    pub fn identifier(&mut self) -> u32 {
        1 + self.below(u64::from(u32::MAX)) as u32
    }

    /// `interval`, varied evenly by up to half of it in both directions.
    pub fn jitter_half(&mut self, interval: Duration) -> Duration {
        let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos((nanos / 2).saturating_add(self.below(nanos)))
    }

    /// Evenly from zero to `interval`.
    pub fn within(&mut self, interval: Duration) -> Duration {
        Duration::from_nanos(self.below(u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// SplitMix64: spreads a seed over the whole state, so that close seeds give unrelated numbers.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_seed_differs() {
        let run = |seed| {
            let mut random = Random::new(seed);
            (0..8).map(|_| random.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut random = Random::new(1);
        let mut seen = [0u32; 5];
        for _ in 0..5000 {
            seen[random.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (900..1100).contains(&count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn jitter_is_plus_minus_half() {
        let mut random = Random::new(2);
        let drawn: Vec<_> = (0..1000).map(|_| random.jitter_half(Duration::from_secs(10))).collect();
        assert!(drawn.iter().all(|d| (5.0..15.0).contains(&d.as_secs_f64())));
        assert!(drawn.iter().any(|d| d.as_secs_f64() < 6.0) && drawn.iter().any(|d| d.as_secs_f64() > 14.0));
    }
}

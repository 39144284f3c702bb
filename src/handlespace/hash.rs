//! Hashing of what peers choose: keyed, so that nobody can aim for collisions, and repeatable for a seed.
//!
//! The key is a random number r; what is hashed is read as the coefficients of a polynomial modulo 2^61 - 1. Its values at r
//! are the same for two different inputs of at most n words (7 bytes each) with at most n of 2^61 keys, whatever the inputs
//! are. The value is mixed, as inputs in a row have values in a row. That costs a multiplication a word, a fraction of
//! SipHash. No hash ever leaves the process.

use crate::random::Random;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

/// A hash map for keys that peers choose. Its order of iteration depends on the seed: never let behaviour depend on it.
pub type SeededMap<K, V> = HashMap<K, V, SeededState>;

const PRIME: u64 = (1 << 61) - 1;
/// Whole bytes that stay below the prime.
const WORD: usize = 7;

/// The key, which makes hashers.
#[derive(Clone, Copy, Debug)]
pub struct SeededState {
    key: u64,
}

impl SeededState {
    /// The state of this seed.
    pub fn new(seed: u64) -> SeededState {
        // Not 0 and 1, for which all inputs, or all with the same sum, are alike.
        SeededState { key: 2 + Random::new(seed).below(PRIME - 2) }
    }

    /// The hash of a pool handle.
    pub(super) fn of_handle(&self, handle: &[u8]) -> u32 {
        let mut hasher = self.build_hasher();
        hasher.write(handle);
        hasher.short()
    }

    /// The hash of two numbers.
    pub(super) fn of_pair(&self, first: u32, second: u32) -> u32 {
        let mut hasher = self.build_hasher();
        hasher.write_u32(first);
        hasher.write_u32(second);
        hasher.short()
    }
}

impl BuildHasher for SeededState {
    type Hasher = PolynomialHasher;

    fn build_hasher(&self) -> PolynomialHasher {
        // Not 0, for which zeros at the beginning would not count.
        PolynomialHasher { key: self.key, value: 1 }
    }
}

/// The value of the polynomial so far.
#[derive(Clone, Copy, Debug)]
pub struct PolynomialHasher {
    key: u64,
    /// Below 2^61 + 2^4.
    value: u64,
}

impl PolynomialHasher {
    /// One more coefficient, below 2^56.
    #[inline]
    fn absorb(&mut self, word: u64) {
        let product = u128::from(self.value + word) * u128::from(self.key);
        let folded = (product as u64 & PRIME) + (product >> 61) as u64;
        self.value = (folded & PRIME) + (folded >> 61);
    }

    #[inline]
    fn short(self) -> u32 {
        (self.finish() >> 32) as u32
    }
}

impl Hasher for PolynomialHasher {
    #[inline]
    fn finish(&self) -> u64 {
        // The multiplication moves what is below up, the shifts what is above down: a hash map looks at both ends.
        let mixed = (self.value ^ self.value >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 32
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(WORD);
        for word in &mut words {
            let mut whole = [0; 8];
            whole[..WORD].copy_from_slice(word);
            self.absorb(u64::from_le_bytes(whole));
        }
        // The end is marked by the bit above it: bytes of zero count, too.
        let rest = words.remainder();
        self.absorb(rest.iter().rev().fold(1, |word, &byte| word << 8 | u64::from(byte)));
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.absorb(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.absorb(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.absorb(number & 0xffff_ffff);
        self.absorb(number >> 32);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn different_keys_hash_differently_and_the_same_alike() {
        let (one, two) = (SeededState::new(1), SeededState::new(2));
        assert_eq!(one.of_handle(b"a pool"), SeededState::new(1).of_handle(b"a pool"));
        assert_ne!(one.of_handle(b"a pool"), two.of_handle(b"a pool"));
        assert_ne!(one.of_pair(1, 2), one.of_pair(2, 1));
    }

    #[test]
    fn zeros_and_the_length_count() {
        let state = SeededState::new(3);
        let zeros = [0; 40];
        let hashes: HashSet<u32> = (0..zeros.len()).map(|length| state.of_handle(&zeros[..length])).collect();
        assert_eq!(hashes.len(), zeros.len());
    }

    /// 2^16 numbers in 2^16 places: of each place, a share of 1/e stays empty when they are spread evenly. Numbers in a row,
    /// and those that differ in few bits only, must not fare worse. (Below 0.40 for all of 32 keys; by chance, even 0.38 would
    /// be seven standard deviations.)
    #[test]
    fn numbers_with_a_pattern_are_spread() {
        let patterns: [fn(u32) -> (u32, u32); 4] =
            [|i| (0, i), |i| (i, 0), |i| (7, i << 16), |i| (i & 0xff, i >> 8 << 24)];
        for seed in 0..32 {
            let state = SeededState::new(seed);
            for pattern in patterns {
                let used: HashSet<u32> = (0..1 << 16).map(pattern).map(|(a, b)| state.of_pair(a, b) & 0xffff).collect();
                let empty = 1.0 - used.len() as f64 / f64::from(1 << 16);
                assert!(empty < 0.40, "seed {seed}: {empty} of the places are empty");
            }
        }
    }
}

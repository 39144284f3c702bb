//! Hash maps of associations. The numbers are our own, counted up, so no peer can aim for collisions and the hash need not be keyed.

use crate::AssociationId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map with one entry an association. Its order of iteration is no order: never let behaviour depend on it.
pub(crate) type AssociationMap<V> = HashMap<AssociationId, V, BuildHasherDefault<NumberHasher>>;

/// Spreads one number over all bits: the map takes its place from the lowest ones and a mark from the highest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NumberHasher(u64);

/// The fraction of the golden ratio, whose multiples are spread most evenly.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(number ^ self.0) * u128::from(FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    #[test]
    fn associations_in_a_row_are_spread() {
        let hasher = BuildHasherDefault::<NumberHasher>::default();
        let hashes: Vec<u64> = (1..=4096).map(|n| hasher.hash_one(AssociationId::new(2, n))).collect();
        let places: BTreeSet<u64> = hashes.iter().map(|hash| hash % 4096).collect();
        let marks: BTreeSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        // Numbers drawn at random would take 1 - 1/e of the places, 2 589.
        assert!(places.len() > 2400, "{} places", places.len());
        assert_eq!(marks.len(), 128);
    }
}

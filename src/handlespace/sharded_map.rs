//! A hash map of many small ones: no single insertion moves all entries.
//!
//! A hash map that has become too small moves everything to a larger one at once: with 100 000 entries, that keeps a registrar
//! from everything else for about ten milliseconds. Here only one part of it does, which is a hundredth of the work; the parts become
//! too small at different times, as their shares differ by chance.

use super::{SeededMap, SeededState};
use std::hash::{BuildHasher, Hash};

/// A power of two.
const SHARDS: usize = 64;

/// A hash map for keys that peers choose.
#[derive(Debug)]
pub struct ShardedMap<K, V> {
    state: SeededState,
    shards: Box<[SeededMap<K, V>]>,
    len: usize,
}

impl<K: Eq + Hash, V> ShardedMap<K, V> {
    /// An empty map.
    pub fn new(state: SeededState) -> ShardedMap<K, V> {
        let shards = (0..SHARDS).map(|_| SeededMap::with_hasher(state)).collect();
        ShardedMap { state, shards, len: 0 }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// By bits that the small maps use neither for the place of an entry, unless they are huge, nor for its tag.
    #[inline]
    fn shard_of(&self, key: &K) -> usize {
        (self.state.hash_one(key) >> 40) as usize & (SHARDS - 1)
    }

    /// The value of this key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.shards.get(self.shard_of(key))?.get(key)
    }

    /// The value of this key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let shard = self.shard_of(key);
        self.shards.get_mut(shard)?.get_mut(key)
    }

    /// All entries, the values to be changed, in an order that is the seed's.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.shards.iter_mut().flat_map(SeededMap::iter_mut)
    }

    /// Puts a value in, and takes out the one that the key had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let shard = self.shard_of(&key);
        let old = self.shards.get_mut(shard)?.insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let shard = self.shard_of(key);
        let old = self.shards.get_mut(shard)?.remove(key);
        self.len -= usize::from(old.is_some());
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    #[test]
    fn it_holds_what_a_naive_model_holds() {
        let (mut map, mut model, mut random) = (ShardedMap::new(SeededState::new(3)), BTreeMap::new(), Random::new(5));
        for value in 0..20_000 {
            let key = random.below(3000);
            match random.below(4) {
                0 => assert_eq!(map.remove(&key), model.remove(&key)),
                1 => assert_eq!(map.get_mut(&key), model.get_mut(&key)),
                _ => assert_eq!(map.insert(key, value), model.insert(key, value)),
            }
            assert_eq!(map.get(&key), model.get(&key));
            assert_eq!(map.len(), model.len());
        }
    }

    #[test]
    fn entries_spread_over_all_parts() {
        let mut map = ShardedMap::new(SeededState::new(7));
        for key in 0..100_000u64 {
            map.insert(key, ());
        }
        let sizes: Vec<usize> = map.shards.iter().map(SeededMap::len).collect();
        let mean = 100_000 / SHARDS;
        assert!(sizes.iter().all(|size| (mean * 4 / 5..mean * 6 / 5).contains(size)), "{sizes:?}");
    }
}

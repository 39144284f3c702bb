//! Hashing of what peers choose: seeded, so that nobody can aim for collisions, and repeatable for a seed.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher, Hasher};

/// A hash map for keys that peers choose. Its order of iteration depends on the seed: never let behaviour depend on it.
pub type SeededMap<K, V> = HashMap<K, V, SeededState>;

/// Makes SipHash hashers that have read the seed before the key.
#[derive(Clone, Debug)]
pub struct SeededState(DefaultHasher);

impl SeededState {
    /// The state of this seed.
    pub fn new(seed: u64) -> SeededState {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(seed);
        SeededState(hasher)
    }
}

impl BuildHasher for SeededState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.clone()
    }
}

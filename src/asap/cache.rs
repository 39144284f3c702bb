//! The cache of resolved pools (RFC 5352 section 3.3, C1 to C4), bounded by pools and elements, least recently used out first.
//!
//! Selection from the cache applies the policy again: Round Robin goes on with the next element, Random shuffles. The
//! other policies depend on loads and counters that only the registrar has, so its order stands.

use crate::random::Random;
use crate::wire::{Policy, PoolElement};
use crate::{PoolElementId, PoolHandle, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// A resolved pool: the registrar's answer, and how often it was used.
pub(super) struct CachedPool {
    /// The pool's policy; an element's own policy never counts (RFC 5352 section 2.2.6).
    policy: Policy,
    /// In the registrar's order.
    elements: Vec<PoolElement>,
    /// When the answer came.
    fetched: Time,
    /// Where Round Robin goes on.
    next: usize,
    /// Whether the registrar's own order was handed out already.
    used: bool,
    /// The key in `Cache::by_use`.
    tick: u64,
}

impl CachedPool {
    /// An answer that came just now.
    pub(super) fn new(policy: Policy, elements: Vec<PoolElement>, fetched: Time) -> CachedPool {
        CachedPool { policy, elements, fetched, next: 0, used: false, tick: 0 }
    }

    /// Up to `items` elements, best first.
    pub(super) fn select(&mut self, items: Option<u32>, random: &mut Random) -> (Policy, Vec<PoolElement>) {
        let len = self.elements.len();
        let take = items.map_or(len, |items| len.min(usize::try_from(items).unwrap_or(usize::MAX)));
        let selected = match self.policy {
            Policy::RoundRobin if len > 0 => {
                let start = self.next % len;
                self.next = (start + 1) % len;
                self.elements.iter().cycle().skip(start).take(take).cloned().collect()
            }
            // The registrar's order is random already the first time.
            Policy::Random if self.used => {
                // A partial Fisher-Yates: the first `take` places are all that is needed.
                for i in 0..take {
                    let j = i + random.below((len - i) as u64) as usize;
                    self.elements.swap(i, j);
                }
                self.elements.iter().take(take).cloned().collect()
            }
            _ => self.elements.iter().take(take).cloned().collect(),
        };
        self.used = true;
        (self.policy.clone(), selected)
    }

    fn remove(&mut self, id: PoolElementId) {
        while let Some(index) = self.elements.iter().position(|element| element.id == id) {
            self.elements.remove(index);
            if index < self.next {
                self.next -= 1;
            }
        }
    }
}

/// The cache.
pub(super) struct Cache {
    pools: BTreeMap<PoolHandle, CachedPool>,
    /// The oldest use first.
    by_use: BTreeMap<u64, PoolHandle>,
    ticks: u64,
    max_pools: usize,
    max_elements_per_pool: usize,
}

impl Cache {
    /// An empty cache.
    pub(super) fn new(max_pools: usize, max_elements_per_pool: usize) -> Cache {
        Cache { pools: BTreeMap::new(), by_use: BTreeMap::new(), ticks: 0, max_pools, max_elements_per_pool }
    }

    /// The pool, when its answer is younger than `stale_cache` (RFC 5352 section 7.2) and has elements left.
    pub(super) fn fresh(&mut self, now: Time, handle: &PoolHandle, stale_cache: Duration) -> Option<&mut CachedPool> {
        let pool = self.pools.get_mut(handle)?;
        if now.saturating_since(pool.fetched) >= stale_cache {
            return None;
        }
        self.ticks += 1;
        self.by_use.remove(&pool.tick);
        pool.tick = self.ticks;
        self.by_use.insert(pool.tick, handle.clone());
        Some(pool)
    }

    /// Whether there is an answer for this pool, however old.
    pub(super) fn contains(&self, handle: &PoolHandle) -> bool {
        self.pools.contains_key(handle)
    }

    /// Keeps an answer instead of the one before.
    pub(super) fn insert(&mut self, handle: &PoolHandle, mut pool: CachedPool) {
        self.remove(handle);
        pool.elements.truncate(self.max_elements_per_pool);
        if self.max_pools == 0 || pool.elements.is_empty() {
            return;
        }
        while self.pools.len() >= self.max_pools {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.pools.remove(&oldest);
        }
        self.ticks += 1;
        pool.tick = self.ticks;
        self.by_use.insert(pool.tick, handle.clone());
        self.pools.insert(handle.clone(), pool);
    }

    /// Forgets a pool.
    pub(super) fn remove(&mut self, handle: &PoolHandle) {
        if let Some(pool) = self.pools.remove(handle) {
            self.by_use.remove(&pool.tick);
        }
    }

    /// Stops offering an element; a pool without any is forgotten.
    pub(super) fn remove_element(&mut self, handle: &PoolHandle, id: PoolElementId) {
        let Some(pool) = self.pools.get_mut(handle) else { return };
        pool.remove(id);
        if pool.elements.is_empty() {
            self.remove(handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RegistrarId;
    use crate::wire::{AddressList, RegistrationLife, TransportParameter, TransportUse};

    fn element(id: u32) -> PoolElement {
        PoolElement {
            id: PoolElementId(id),
            home_registrar: RegistrarId(1),
            registration_life: RegistrationLife(90_000),
            user_transport: TransportParameter::Sctp {
                port: 7,
                transport_use: TransportUse::DataOnly,
                addresses: AddressList::from_slice(&[[10, 0, 0, 1].into()]),
            },
            policy: Policy::RoundRobin,
            asap_transport: None,
        }
    }

    fn ids(selected: (Policy, Vec<PoolElement>)) -> Vec<u32> {
        selected.1.iter().map(|element| element.id.0).collect()
    }

    fn pool(policy: Policy, ids: std::ops::Range<u32>) -> CachedPool {
        CachedPool::new(policy, ids.map(element).collect(), Time::ZERO)
    }

    #[test]
    fn round_robin_goes_on_with_the_next_element_also_after_one_is_removed() {
        let mut random = Random::new(1);
        let mut cache = Cache::new(8, 8);
        let handle = PoolHandle::from("p");
        cache.insert(&handle, pool(Policy::RoundRobin, 1..4));
        let mut select = |cache: &mut Cache, items| {
            ids(cache.fresh(Time::ZERO, &handle, Duration::MAX).unwrap().select(items, &mut random))
        };
        assert_eq!(select(&mut cache, None), [1, 2, 3]);
        assert_eq!(select(&mut cache, Some(2)), [2, 3]);
        cache.remove_element(&handle, PoolElementId(1));
        assert_eq!(select(&mut cache, Some(1)), [3]);
        assert_eq!(select(&mut cache, Some(9)), [2, 3]);
        cache.remove_element(&handle, PoolElementId(2));
        cache.remove_element(&handle, PoolElementId(3));
        assert!(!cache.contains(&handle), "an empty pool is no answer");
    }

    #[test]
    fn random_keeps_the_set_and_other_policies_the_order() {
        let mut random = Random::new(1);
        let mut shuffled = pool(Policy::Random, 0..20);
        assert_eq!(ids(shuffled.select(None, &mut random)), (0..20).collect::<Vec<_>>());
        let mut again = ids(shuffled.select(None, &mut random));
        assert_ne!(again, (0..20).collect::<Vec<_>>());
        again.sort_unstable();
        assert_eq!(again, (0..20).collect::<Vec<_>>());
        let mut ordered = pool(Policy::LeastUsed { load: 0 }, 0..4);
        assert_eq!(ids(ordered.select(None, &mut random)), [0, 1, 2, 3]);
        assert_eq!(ids(ordered.select(None, &mut random)), [0, 1, 2, 3]);
    }

    #[test]
    fn the_least_recently_used_pool_makes_room_and_long_pools_are_cut() {
        let mut cache = Cache::new(2, 3);
        let [a, b, c] = ["a", "b", "c"].map(PoolHandle::from);
        cache.insert(&a, pool(Policy::RoundRobin, 0..9));
        cache.insert(&b, pool(Policy::RoundRobin, 0..1));
        assert_eq!(cache.fresh(Time::ZERO, &a, Duration::MAX).unwrap().elements.len(), 3);
        cache.insert(&c, pool(Policy::RoundRobin, 0..1));
        assert!(cache.contains(&a) && !cache.contains(&b) && cache.contains(&c));
        assert_eq!(cache.by_use.len(), cache.pools.len());
    }
}

//! The cache of resolved pools (RFC 5352 section 3.3, C1 to C4), bounded by pools and elements, least recently used out first.
//!
//! Selection from the cache applies the policy again, by the selectors that registrars use, to the elements of the answer: Round
//! Robin goes on with the next element, the random ones draw anew, degradation counts. Only the first time, the registrar's own
//! order is handed out: it knows what all pool users together have selected.

use crate::collections::SortedMap;
use crate::policy::{Member, Policies, Selector};
use crate::random::Random;
use crate::wire::{Policy, PoolElement};
use crate::{PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// A resolved pool: the registrar's answer, and what was selected from it.
pub(crate) struct CachedPool {
    /// The pool's policy; an element's own policy never counts (RFC 5352 section 2.2.6).
    policy: Policy,
    /// In the registrar's order, by member. None: reported as unreachable.
    elements: Vec<Option<PoolElement>>,
    /// None: the policy is unknown here, and the registrar's order stands.
    selector: Option<Box<dyn Selector>>,
    /// When the answer came.
    fetched: Time,
    /// Whether the registrar's own order was handed out already.
    used: bool,
    /// The key in `Cache::by_use`.
    tick: u64,
}

impl CachedPool {
    /// An answer that came just now.
    pub(crate) fn new(policies: &Policies, policy: Policy, elements: Vec<PoolElement>, fetched: Time) -> CachedPool {
        let mut selector = policies.selector_for(policy.policy_type());
        if let Some(selector) = &mut selector {
            for (member, element) in elements.iter().enumerate() {
                // Values are the element's own, but those of another policy say nothing in this pool.
                let own = element.policy.policy_type() == policy.policy_type();
                selector.insert(member as Member, if own { &element.policy } else { &policy });
            }
        }
        let elements = elements.into_iter().map(Some).collect();
        CachedPool { policy, elements, selector, fetched, used: false, tick: 0 }
    }

    /// Up to `items` elements, best first.
    pub(crate) fn select(&mut self, items: Option<u32>, random: &mut Random) -> (Policy, Vec<PoolElement>) {
        let len = self.elements.iter().flatten().count();
        let take = items.map_or(len, |items| len.min(usize::try_from(items).unwrap_or(usize::MAX)));
        let mut members = Vec::with_capacity(take);
        if let Some(selector) = &mut self.selector {
            selector.select(take, random, &mut members);
        }
        let first_time = !std::mem::replace(&mut self.used, true);
        let selected = if first_time || self.selector.is_none() {
            self.elements.iter().flatten().take(take).cloned().collect()
        } else {
            members.iter().filter_map(|&member| self.elements.get(member as usize)?.clone()).collect()
        };
        (self.policy.clone(), selected)
    }

    /// The pool's policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// All elements, in the registrar's order.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &PoolElement> {
        self.elements.iter().flatten()
    }

    fn is_empty(&self) -> bool {
        self.elements.iter().all(Option::is_none)
    }

    fn truncate(&mut self, len: usize) {
        for member in len..self.elements.len() {
            self.take_out(member);
        }
        self.elements.truncate(len);
    }

    fn remove(&mut self, id: PoolElementId) {
        for member in 0..self.elements.len() {
            if self.elements[member].as_ref().is_some_and(|element| element.id == id) {
                self.take_out(member);
            }
        }
    }

    fn take_out(&mut self, member: usize) {
        if self.elements[member].take().is_some() {
            if let Some(selector) = &mut self.selector {
                selector.remove(member as Member);
            }
        }
    }
}

/// The cache.
pub(super) struct Cache {
    pools: SortedMap<PoolHandle, CachedPool>,
    /// The oldest use first.
    by_use: SortedMap<u64, PoolHandle>,
    ticks: u64,
    max_pools: usize,
    max_elements_per_pool: usize,
}

impl Cache {
    /// An empty cache.
    pub(super) fn new(max_pools: usize, max_elements_per_pool: usize) -> Cache {
        Cache { pools: SortedMap::new(), by_use: SortedMap::new(), ticks: 0, max_pools, max_elements_per_pool }
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
        pool.truncate(self.max_elements_per_pool);
        if self.max_pools == 0 || pool.is_empty() {
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
        if pool.is_empty() {
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
        CachedPool::new(&Policies::standard(), policy, ids.map(element).collect(), Time::ZERO)
    }

    /// Elements with these policies, numbered from zero.
    fn pool_of(policies: &[Policy]) -> CachedPool {
        let own = |(id, policy): (u32, &Policy)| PoolElement { policy: policy.clone(), ..element(id) };
        let elements = (0..).zip(policies).map(own).collect();
        CachedPool::new(&Policies::standard(), policies[0].clone(), elements, Time::ZERO)
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
    fn random_draws_anew_and_least_used_keeps_the_order() {
        let mut random = Random::new(1);
        let mut shuffled = pool(Policy::Random, 0..20);
        assert_eq!(ids(shuffled.select(None, &mut random)), (0..20).collect::<Vec<_>>());
        let mut again = ids(shuffled.select(None, &mut random));
        assert_ne!(again, (0..20).collect::<Vec<_>>());
        again.sort_unstable();
        assert_eq!(again, (0..20).collect::<Vec<_>>());
        let mut ordered = pool_of(&[3, 4, 5, 6].map(|load| Policy::LeastUsed { load }));
        assert_eq!(ids(ordered.select(None, &mut random)), [0, 1, 2, 3]);
        assert_eq!(ids(ordered.select(None, &mut random)), [0, 1, 2, 3]);
    }

    #[test]
    fn the_registrar_decides_the_first_time_and_the_policy_from_then_on() {
        let mut random = Random::new(1);
        let degradation = 10;
        // The registrar knows that the first one has been selected already.
        let mut degrading = pool_of(&[5, 0, 9].map(|load| Policy::LeastUsedDegradation { load, degradation }));
        assert_eq!(ids(degrading.select(Some(1), &mut random)), [0]);
        let then: Vec<u32> = (0..4).flat_map(|_| ids(degrading.select(Some(1), &mut random))).collect();
        assert_eq!(then, [0, 2, 1, 0], "loads are 5, 10, 9, then 15, 10, 9, ...");
        let mut weighted = pool_of(&[0, 5].map(|weight| Policy::WeightedRandom { weight }));
        weighted.select(Some(1), &mut random);
        assert_eq!(ids(weighted.select(None, &mut random)), [1], "nobody wants the one without weight");
    }

    #[test]
    fn without_a_policy_that_is_known_the_order_stands() {
        let mut random = Random::new(1);
        let unknown = Policy::Unknown { policy_type: crate::wire::PolicyType(77), data: vec![1] };
        let mut unknown = pool(unknown, 1..4);
        assert_eq!(ids(unknown.select(None, &mut random)), [1, 2, 3]);
        assert_eq!(ids(unknown.select(Some(2), &mut random)), [1, 2]);
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

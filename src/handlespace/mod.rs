//! Pools, their elements, ownership, timers and the PE checksum (RFC 5353 section 3.6.1).
//!
//! Everything is found by a hash map or a number; nothing scans. Knows no messages and takes no decisions about life and
//! death: the registrar does.

mod checksum;
mod element;
mod hash;
mod hosts;
mod index_table;
mod lists;
mod liveness;
mod ownership;
mod pool;
mod record;
mod sharded_map;
mod slab;
mod timers;

pub use checksum::HandlespaceChecksum;
pub use element::Element;
pub use hash::{SeededMap, SeededState};
pub(crate) use hosts::LEFT_TO_OTHERS;
pub use liveness::{Claim, Due, Liveness};
pub use pool::Pool;
pub(crate) use sharded_map::ShardedMap;

use crate::policy::{self, Policies};
use crate::random::Random;
use crate::wire::{PolicyType, PoolElement};
use crate::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use hosts::{Hosts, host_of_element};
use index_table::IndexTable;
use lists::List;
use ownership::Owner;
use record::{Layout, Record};
use slab::Slab;
use std::collections::BTreeMap;
use timers::Timers;

/// Bytes of an encoded element at most: several must fit one message.
pub const MAX_ELEMENT_BYTES: usize = 4096;

/// So many pools and elements have room from the start, before anything grows.
const FIRST_POOLS: usize = 16;
const FIRST_ELEMENTS: usize = 64;
/// A place is a number of 32 bits, and one of them stands for none.
const MOST_PLACES: usize = u32::MAX as usize - 1;
/// Longer elements make the memory in which they are encoded grow.
const USUAL_ELEMENT_BYTES: usize = 128;

/// Where a pool is, as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolIndex(u32);

impl PoolIndex {
    /// Before or at every pool.
    pub const FIRST: PoolIndex = PoolIndex(0);
    /// Behind every pool.
    pub const LAST: PoolIndex = PoolIndex(u32::MAX);

    /// The place of this number.
    pub fn at(place: u32) -> PoolIndex {
        PoolIndex(place)
    }

    /// The number of the place.
    pub fn place(self) -> u32 {
        self.0
    }
}

/// Where an element is, as long as it is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementIndex(u32);

impl ElementIndex {
    /// Before or at every element.
    pub const FIRST: ElementIndex = ElementIndex(0);

    /// The number of the place.
    pub fn place(self) -> u32 {
        self.0
    }

    /// The place so many places further on.
    pub fn skip(self, places: usize) -> ElementIndex {
        ElementIndex(self.0.saturating_add(u32::try_from(places).unwrap_or(u32::MAX)))
    }
}

/// Why an element cannot be in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The policy is not implemented.
    UnsupportedPolicy,
    /// The pool has another policy.
    InconsistentPolicy,
    /// The pool has another transport type.
    InconsistentTransport,
    /// The pool has another transport use.
    InconsistentTransportUse,
    /// There are as many pools as there may be.
    TooManyPools,
    /// There are as many elements as there may be.
    TooManyElements,
    /// The element is longer than [`MAX_ELEMENT_BYTES`].
    TooLarge,
}

/// What a registration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The element is new.
    New,
    /// It was there, with other values.
    Changed,
    /// It was there, with the same values.
    Same,
}

/// An element that has been taken out.
#[derive(Debug)]
pub struct Removed {
    /// Its pool.
    pub pool: PoolIndex,
    /// The handle of the pool.
    pub pool_handle: PoolHandle,
    /// It was the last one: the pool is gone, and `pool` may name another pool later.
    pub pool_removed: bool,
    /// The element, with the association that it had registered on.
    pub element: Element,
}

/// The handlespace.
#[derive(Debug)]
pub struct Handlespace {
    hash: SeededState,
    pools: Slab<Pool>,
    by_handle: IndexTable,
    elements: Slab<Element>,
    /// By pool and identifier.
    by_id: IndexTable,
    by_association: ShardedMap<AssociationId, List>,
    owners: BTreeMap<RegistrarId, Owner>,
    hosts: Hosts,
    timers: Timers,
    policies: Policies,
    max_pools: usize,
    max_elements: usize,
    /// Members chosen by the selection under way; kept for its memory.
    selection: Vec<policy::Member>,
    /// The element that registers, encoded; kept for its memory.
    encoded: Vec<u8>,
}

impl Handlespace {
    /// An empty handlespace with these bounds.
    pub fn new(seed: u64, max_pools: usize, max_elements: usize) -> Handlespace {
        let hash = SeededState::new(seed);
        Handlespace {
            hash,
            pools: Slab::with_capacity(FIRST_POOLS),
            by_handle: IndexTable::with_capacity(FIRST_POOLS),
            elements: Slab::with_capacity(FIRST_ELEMENTS),
            by_id: IndexTable::with_capacity(FIRST_ELEMENTS),
            by_association: ShardedMap::new(hash),
            owners: BTreeMap::new(),
            hosts: Hosts::new(hash),
            timers: Timers::with_capacity(FIRST_ELEMENTS),
            policies: Policies::standard(),
            max_pools: max_pools.min(MOST_PLACES),
            max_elements: max_elements.min(MOST_PLACES),
            selection: Vec::new(),
            encoded: Vec::with_capacity(USUAL_ELEMENT_BYTES),
        }
    }

    /// Changes the bounds. What is there stays, even where there is more.
    pub fn set_limits(&mut self, max_pools: usize, max_elements: usize) {
        self.max_pools = max_pools.min(MOST_PLACES);
        self.max_elements = max_elements.min(MOST_PLACES);
    }

    /// With these policies instead of the standard ones.
    pub fn with_policies(self, policies: Policies) -> Handlespace {
        Handlespace { policies, ..self }
    }

    /// Whether pools can have this policy.
    pub fn supports(&self, policy_type: PolicyType) -> bool {
        self.policies.is_supported(policy_type)
    }

    /// Puts an element in, or replaces it when the pool has one of that identifier, with home registrar and association as
    /// given. When it is refused, everything stays as it was.
    pub fn register(
        &mut self,
        pool_handle: &PoolHandle,
        pool_element: &PoolElement,
        association: Option<AssociationId>,
    ) -> Result<(ElementIndex, Registered), Refusal> {
        let layout = Record::encode(pool_element, &mut self.encoded).ok_or(Refusal::TooLarge)?;
        let pool = self.find_pool(pool_handle);
        if let Some(pool) = pool {
            self.check_consistency(pool, pool_element)?;
            if let Some(index) = self.find_in(pool, pool_element.id) {
                return Ok((index, self.replace(index, pool_element, layout, association)));
            }
        }
        if self.elements.len() >= self.max_elements {
            return Err(Refusal::TooManyElements);
        }
        let pool = match pool {
            Some(pool) => pool,
            None => self.create_pool(pool_handle, pool_element)?,
        };
        Ok((self.insert(pool, pool_element, layout, association), Registered::New))
    }

    fn check_consistency(&self, pool: PoolIndex, pool_element: &PoolElement) -> Result<(), Refusal> {
        let Some(pool) = self.pools.get(pool.0) else { return Ok(()) };
        // RFC 5352 section 3.1 wants both to be the same throughout a pool.
        let (wanted, offered) = (&pool.user_transport, &pool_element.user_transport);
        if pool_element.policy.policy_type() != pool.policy.policy_type() {
            Err(Refusal::InconsistentPolicy)
        } else if offered.parameter_type() != wanted.parameter_type() {
            Err(Refusal::InconsistentTransport)
        } else if offered.transport_use() != wanted.transport_use() {
            Err(Refusal::InconsistentTransportUse)
        } else {
            Ok(())
        }
    }

    fn create_pool(&mut self, pool_handle: &PoolHandle, first: &PoolElement) -> Result<PoolIndex, Refusal> {
        let selector = self.policies.selector_for(first.policy.policy_type()).ok_or(Refusal::UnsupportedPolicy)?;
        if self.pools.len() >= self.max_pools {
            return Err(Refusal::TooManyPools);
        }
        let pool = PoolIndex(self.pools.insert(Pool::new(pool_handle.clone(), first, selector)));
        self.by_handle.insert(self.hash.of_handle(pool_handle.as_bytes()), pool.0);
        Ok(pool)
    }

    fn insert(
        &mut self,
        pool: PoolIndex,
        pool_element: &PoolElement,
        layout: Layout,
        association: Option<AssociationId>,
    ) -> ElementIndex {
        let (id, home_registrar) = (pool_element.id, pool_element.home_registrar);
        let host = host_of_element(pool_element);
        let index = ElementIndex(self.elements.insert(Element {
            pool,
            id,
            home_registrar,
            member: 0,
            liveness: Liveness::UNWATCHED,
            record: Record::new(&self.encoded, layout),
            association: None,
            by_association: Default::default(),
            by_owner: Default::default(),
            host,
            mark: 0,
        }));
        self.by_id.insert(self.hash.of_pair(pool.0, id.0), index.0);
        if let (Some(pool), Some(element)) = (self.pools.get_mut(pool.0), self.elements.get_mut(index.0)) {
            element.member = pool.add(index);
            pool.selector.insert(element.member, &pool_element.policy);
        }
        self.hosts.enter(host);
        self.enter_owner(index, home_registrar);
        self.set_association(index, association);
        index
    }

    fn replace(
        &mut self,
        index: ElementIndex,
        pool_element: &PoolElement,
        layout: Layout,
        association: Option<AssociationId>,
    ) -> Registered {
        let Some(element) = self.elements.get_mut(index.0) else { return Registered::Same };
        let changed = element.record.replace(&self.encoded, layout);
        if changed {
            let host = host_of_element(pool_element);
            self.hosts.change(std::mem::replace(&mut element.host, host), host);
        }
        if let Some(pool) = self.pools.get_mut(element.pool.0) {
            pool.selector.update(element.member, &pool_element.policy);
        }
        if element.home_registrar != pool_element.home_registrar {
            self.change_owner(index, pool_element.home_registrar);
        }
        self.set_association(index, association);
        if changed { Registered::Changed } else { Registered::Same }
    }

    /// Takes an element out, and its pool when it was the last one.
    pub fn remove(&mut self, index: ElementIndex) -> Option<Removed> {
        self.elements.get(index.0)?;
        self.set_association_list(index, None);
        self.leave_owner(index);
        self.timers.clear(index.0);
        let element = self.elements.remove(index.0)?;
        self.hosts.leave(element.host);
        self.by_id.remove(self.hash.of_pair(element.pool.0, element.id.0), index.0);
        let pool = self.pools.get_mut(element.pool.0)?;
        pool.take_out(element.member);
        let (pool_handle, pool_removed) = (pool.handle.clone(), pool.is_empty());
        if pool_removed {
            self.by_handle.remove(self.hash.of_handle(pool_handle.as_bytes()), element.pool.0);
            self.pools.remove(element.pool.0);
        }
        Some(Removed { pool: element.pool, pool_handle, pool_removed, element })
    }

    /// Chooses up to `items` elements of a pool by its policy, best first, and appends them to `out`.
    pub fn select(&mut self, pool: PoolIndex, items: usize, random: &mut Random, out: &mut Vec<ElementIndex>) {
        let Some(pool) = self.pools.get_mut(pool.0) else { return };
        self.selection.clear();
        pool.selector.select(items, random, &mut self.selection);
        pool.elements_of(&self.selection, out);
    }

    /// The element of this identifier in the pool of this handle.
    pub fn find(&self, pool_handle: &PoolHandle, id: PoolElementId) -> Option<ElementIndex> {
        self.find_in(self.find_pool(pool_handle)?, id)
    }

    fn find_in(&self, pool: PoolIndex, id: PoolElementId) -> Option<ElementIndex> {
        let is_it = |index| self.elements.get(index).is_some_and(|element| element.id == id && element.pool == pool);
        self.by_id.find(self.hash.of_pair(pool.0, id.0), is_it).map(ElementIndex)
    }

    /// The pool of this handle.
    pub fn find_pool(&self, pool_handle: &PoolHandle) -> Option<PoolIndex> {
        let is_it = |index| self.pools.get(index).is_some_and(|pool| pool.handle == *pool_handle);
        self.by_handle.find(self.hash.of_handle(pool_handle.as_bytes()), is_it).map(PoolIndex)
    }

    /// A pool.
    pub fn pool(&self, index: PoolIndex) -> Option<&Pool> {
        self.pools.get(index.0)
    }

    /// An element.
    pub fn element(&self, index: ElementIndex) -> Option<&Element> {
        self.elements.get(index.0)
    }

    /// Pools from `from` on, or all, in an order that stays while pools come and go: a walk can be continued after the last
    /// pool that it saw, and sees every pool that was there all the time exactly once.
    pub fn pools_from(&self, from: Option<PoolIndex>) -> impl Iterator<Item = (PoolIndex, &Pool)> {
        self.pools.iter_from(from.map_or(0, |index| index.0)).map(|(index, pool)| (PoolIndex(index), pool))
    }

    /// The elements at `places` places from `from` on, in an order that stays while elements come and go: a walk can be
    /// continued behind its last place, and sees every element that was there all the time exactly once.
    pub fn elements_from(&self, from: ElementIndex, places: usize) -> impl Iterator<Item = (ElementIndex, &Element)> {
        self.elements.iter_range(from.0, places).map(|(index, element)| (ElementIndex(index), element))
    }

    /// No element is at this place or behind it.
    pub fn end_of_elements(&self) -> ElementIndex {
        ElementIndex(self.elements.end())
    }

    /// How many pools there are.
    pub fn pool_count(&self) -> usize {
        self.pools.len()
    }

    /// How many elements there are.
    pub fn element_count(&self) -> usize {
        self.elements.len()
    }
}

/// Timers.
impl Handlespace {
    /// Changes what is known about an element's being alive, and its timer with it; gives what comes of the change.
    pub fn update_liveness<T>(&mut self, index: ElementIndex, change: impl FnOnce(&mut Liveness) -> T) -> Option<T> {
        let element = self.elements.get_mut(index.0)?;
        let outcome = change(&mut element.liveness);
        self.timers.set(index.0, element.liveness.next_timer());
        Some(outcome)
    }

    /// The element with the earliest timer.
    pub fn next_timer(&self) -> Option<(Time, ElementIndex)> {
        self.timers.first().map(|(at, index)| (at, ElementIndex(index)))
    }
}

#[cfg(test)]
mod tests;

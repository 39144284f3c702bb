//! Subscriptions to pools (S and A bit, RFC 5352 sections 2.2.5 and 2.2.6): who gets updates, and when.

use crate::handlespace::PoolIndex;
use crate::message::asap::Updates;
use crate::{AssociationId, PoolHandle, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Who subscribed to which pool, and which pools have changed since their subscribers were told.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Elements that the subscriber wants listed.
    by_pool: BTreeMap<(PoolIndex, AssociationId), usize>,
    by_association: BTreeSet<(AssociationId, PoolIndex)>,
    /// When the update of a changed pool is due.
    due: BTreeMap<PoolIndex, Time>,
    queue: BTreeSet<(Time, PoolIndex)>,
    /// A pool of which only some subscribers have been told.
    under_way: Option<UnderWay>,
    /// Who is to be told that a pool is gone, and with it the subscription.
    ended: BTreeSet<(AssociationId, PoolHandle)>,
}

/// How far the update of a pool has come.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    pool: PoolIndex,
    /// The last one that was told.
    told: AssociationId,
    since: Time,
}

const FIRST_ASSOCIATION: AssociationId = AssociationId::new(0, 0);
const LAST_ASSOCIATION: AssociationId = AssociationId::new(u16::MAX, u64::MAX);

impl Subscriptions {
    pub fn len(&self) -> usize {
        self.by_pool.len()
    }

    /// Pools of which subscribers are to be told.
    pub fn due_count(&self) -> usize {
        self.due.len()
    }

    /// When the next update is due.
    pub fn next_update(&self) -> Option<Time> {
        let at_once = (!self.ended.is_empty()).then_some(Time::ZERO);
        let under_way = self.under_way.map(|under_way| under_way.since);
        at_once.or(under_way).or_else(|| self.queue.first().map(|&(at, _)| at))
    }

    fn of_pool(&self, pool: PoolIndex) -> impl Iterator<Item = (AssociationId, usize)> {
        let range = (pool, FIRST_ASSOCIATION)..=(pool, LAST_ASSOCIATION);
        self.by_pool.range(range).map(|(&(_, association), &items)| (association, items))
    }

    fn of_association(&self, association: AssociationId) -> impl Iterator<Item = PoolIndex> {
        self.by_association
            .range((association, PoolIndex::FIRST)..=(association, PoolIndex::LAST))
            .map(|&(_, pool)| pool)
    }

    /// Whether an association is subscribed to a pool.
    pub fn has_any(&self, association: AssociationId) -> bool {
        self.of_association(association).next().is_some()
    }

    /// A pool has changed: its subscribers are told at `at`, unless an update is due already.
    pub fn pool_changed(&mut self, pool: PoolIndex, at: Time) {
        if self.of_pool(pool).next().is_some() && !self.due.contains_key(&pool) {
            self.due.insert(pool, at);
            self.queue.insert((at, pool));
        }
    }

    /// Adds a subscription, or changes how much it wants listed, unless the association has too many.
    pub fn add(
        &mut self,
        association: AssociationId,
        pool: PoolIndex,
        pool_handle: &PoolHandle,
        items: usize,
        most: usize,
    ) -> Updates {
        let known = self.by_pool.contains_key(&(pool, association));
        if !known && self.of_association(association).take(most).count() >= most {
            return Updates::None;
        }
        // The pool is there again, and the answer says so.
        self.ended.remove(&(association, pool_handle.clone()));
        self.by_pool.insert((pool, association), items);
        self.by_association.insert((association, pool));
        Updates::Follow
    }

    /// Who is to be told next that a pool is gone.
    pub fn take_ended(&mut self) -> Option<(AssociationId, PoolHandle)> {
        self.ended.pop_first()
    }

    fn settle(&mut self, pool: PoolIndex) {
        if self.under_way.is_some_and(|under_way| under_way.pool == pool) {
            self.under_way = None;
        }
        if let Some(at) = self.due.remove(&pool) {
            self.queue.remove(&(at, pool));
        }
    }

    /// The next subscribers that are to be told of a change, and what they want listed.
    pub fn take_due(&mut self, now: Time, most: usize) -> Option<(PoolIndex, Vec<(AssociationId, usize)>)> {
        let (pool, from) = match self.under_way.take() {
            Some(UnderWay { pool, told, .. }) => (pool, Bound::Excluded((pool, told))),
            None => {
                let &(_, pool) = self.queue.first().filter(|&&(at, _)| at <= now)?;
                self.settle(pool);
                (pool, Bound::Included((pool, FIRST_ASSOCIATION)))
            }
        };
        let range = self.by_pool.range((from, Bound::Included((pool, LAST_ASSOCIATION))));
        let due: Vec<_> = range.take(most).map(|(&(_, association), &items)| (association, items)).collect();
        if let Some(&(told, _)) = due.last().filter(|_| due.len() == most) {
            self.under_way = Some(UnderWay { pool, told, since: now });
        }
        Some((pool, due))
    }

    /// Ends all subscriptions to a pool that is gone; whose they were will be told.
    pub fn remove_pool(&mut self, pool: PoolIndex, pool_handle: &PoolHandle) {
        self.settle(pool);
        let subscribers: Vec<_> = self.of_pool(pool).map(|(association, _)| association).collect();
        for association in subscribers {
            self.by_pool.remove(&(pool, association));
            self.by_association.remove(&(association, pool));
            self.ended.insert((association, pool_handle.clone()));
        }
    }

    /// Ends all subscriptions of an association.
    pub fn remove_association(&mut self, association: AssociationId) {
        let pools: Vec<_> = self.of_association(association).collect();
        for pool in pools {
            self.remove(association, pool);
        }
        let ended = self.ended.range((association, PoolHandle::new([]))..);
        let ended: Vec<_> = ended.take_while(|(other, _)| *other == association).cloned().collect();
        for end in &ended {
            self.ended.remove(end);
        }
    }

    pub fn remove(&mut self, association: AssociationId, pool: PoolIndex) {
        self.by_association.remove(&(association, pool));
        self.by_pool.remove(&(pool, association));
        if self.of_pool(pool).next().is_none() {
            self.settle(pool);
        }
    }
}

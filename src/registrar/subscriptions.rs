//! Subscriptions to pools (S and A bit, RFC 5352 sections 2.2.5 and 2.2.6): who gets updates, and when.

use super::changes::no_such_pool;
use super::{Action, Registrar};
use crate::handlespace::PoolIndex;
use crate::wire::Cause;
use crate::{AssociationId, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Who subscribed to which pool, and which pools have changed since their subscribers were told.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Elements that the subscriber wants listed.
    by_pool: BTreeMap<(PoolIndex, AssociationId), usize>,
    by_association: BTreeSet<(AssociationId, PoolIndex)>,
    /// When the update of a changed pool is due.
    due: BTreeMap<PoolIndex, Time>,
    queue: BTreeSet<(Time, PoolIndex)>,
}

const FIRST_ASSOCIATION: AssociationId = AssociationId::new(0, 0);
const LAST_ASSOCIATION: AssociationId = AssociationId::new(u16::MAX, u64::MAX);

impl Subscriptions {
    pub fn len(&self) -> usize {
        self.by_pool.len()
    }

    /// When the next update is due.
    pub fn next_update(&self) -> Option<Time> {
        self.queue.first().map(|&(at, _)| at)
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

    /// A pool has changed: its subscribers are told at `at`, unless an update is due already.
    pub fn pool_changed(&mut self, pool: PoolIndex, at: Time) {
        if self.of_pool(pool).next().is_some() && !self.due.contains_key(&pool) {
            self.due.insert(pool, at);
            self.queue.insert((at, pool));
        }
    }

    fn settle(&mut self, pool: PoolIndex) {
        if let Some(at) = self.due.remove(&pool) {
            self.queue.remove(&(at, pool));
        }
    }

    /// Ends all subscriptions to a pool; whose they were.
    pub fn remove_pool(&mut self, pool: PoolIndex) -> Vec<AssociationId> {
        self.settle(pool);
        let subscribers: Vec<_> = self.of_pool(pool).map(|(association, _)| association).collect();
        for &association in &subscribers {
            self.by_pool.remove(&(pool, association));
            self.by_association.remove(&(association, pool));
        }
        subscribers
    }

    /// Ends all subscriptions of an association.
    pub fn remove_association(&mut self, association: AssociationId) {
        let pools: Vec<_> = self.of_association(association).collect();
        for pool in pools {
            self.remove(association, pool);
        }
    }

    fn remove(&mut self, association: AssociationId, pool: PoolIndex) {
        self.by_association.remove(&(association, pool));
        self.by_pool.remove(&(pool, association));
        if self.of_pool(pool).next().is_none() {
            self.settle(pool);
        }
    }
}

impl Registrar {
    /// Subscribes an association to a pool, or changes how much it wants listed. Whether there was room for it.
    pub(super) fn subscribe(&mut self, association: AssociationId, pool: PoolIndex, items: usize) -> bool {
        let subscriptions = &mut self.subscriptions;
        let known = subscriptions.by_pool.contains_key(&(pool, association));
        let limit = self.config.max_subscriptions_per_association;
        if !known && subscriptions.of_association(association).take(limit).count() >= limit {
            return false;
        }
        subscriptions.by_pool.insert((pool, association), items);
        subscriptions.by_association.insert((association, pool));
        true
    }

    /// Sends the updates whose time has come. Each subscriber gets a selection of its own, so that they don't all go to the
    /// same element.
    pub(super) fn send_due_updates(&mut self, now: Time, actions: &mut Vec<Action>) {
        while let Some(&(at, pool)) = self.subscriptions.queue.first() {
            if at > now {
                return;
            }
            self.subscriptions.settle(pool);
            let subscribers: Vec<_> = self.subscriptions.of_pool(pool).collect();
            for (association, items) in subscribers {
                self.send_update(now, association, pool, items, actions);
            }
        }
    }

    fn send_update(
        &mut self,
        now: Time,
        association: AssociationId,
        pool: PoolIndex,
        items: usize,
        actions: &mut Vec<Action>,
    ) {
        self.statistics.updates_sent += 1;
        if let Some(bytes) = self.list_pool(now, pool, items, true) {
            return actions.push(Action::Send { association, bytes });
        }
        // Nobody can be selected: a negative response, which ends the subscription.
        self.subscriptions.remove(association, pool);
        let Some(pool) = self.handlespace.pool(pool) else { return };
        let message = no_such_pool(pool.handle(), Cause::UnknownPoolHandle);
        self.send(now, association, &message, actions);
    }
}

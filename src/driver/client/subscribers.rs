//! Subscriptions of the application, any number a pool; the core has one a pool.

use super::subscription::Subscription;
use crate::PoolHandle;
use crate::asap::PoolState;
use crate::collections::SortedMap;
use std::sync::Arc;

/// All subscriptions, by pool.
#[derive(Default)]
pub(super) struct Subscribers {
    by_pool: SortedMap<PoolHandle, Subscribed>,
}

#[derive(Default)]
struct Subscribed {
    subscribers: Vec<Arc<Subscription>>,
    /// How the pool is, once that was told.
    last: Option<PoolState>,
}

impl Subscribers {
    /// One more subscriber; the pool to subscribe to, if it is the first one.
    pub fn add(&mut self, subscription: Arc<Subscription>) -> Option<PoolHandle> {
        let pool_handle = subscription.pool_handle.clone();
        let subscribed = self.by_pool.get_or_insert_with(pool_handle.clone(), Subscribed::default);
        if let Some(last) = &subscribed.last {
            subscription.told(last.clone());
        }
        subscribed.subscribers.push(subscription);
        (subscribed.subscribers.len() == 1).then_some(pool_handle)
    }

    /// One less; the pool whose subscription is to end, if it was the last one.
    pub fn remove(&mut self, subscription: &Arc<Subscription>) -> Option<PoolHandle> {
        let subscribed = self.by_pool.get_mut(&subscription.pool_handle)?;
        subscribed.subscribers.retain(|other| !Arc::ptr_eq(other, subscription));
        if !subscribed.subscribers.is_empty() {
            return None;
        }
        self.by_pool.remove(&subscription.pool_handle);
        Some(subscription.pool_handle.clone())
    }

    /// A registrar tells how a pool is.
    pub fn told(&mut self, pool_handle: &PoolHandle, state: PoolState) {
        let Some(subscribed) = self.by_pool.get_mut(pool_handle) else { return };
        for subscription in &subscribed.subscribers {
            subscription.told(state.clone());
        }
        subscribed.last = Some(state);
    }
}

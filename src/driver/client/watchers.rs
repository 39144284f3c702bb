//! Subscriptions of the application, any number a pool; the core has one a pool.

use super::subscription::Subscription;
use crate::PoolHandle;
use crate::asap::PoolState;
use crate::collections::SortedMap;
use std::sync::Arc;

/// All subscriptions, by pool.
#[derive(Default)]
pub(super) struct Watchers {
    by_pool: SortedMap<PoolHandle, Watched>,
}

#[derive(Default)]
struct Watched {
    watchers: Vec<Arc<Subscription>>,
    /// How the pool is, once that was told.
    last: Option<PoolState>,
}

impl Watchers {
    /// One more watcher; the pool to subscribe to, if it is the first one.
    pub fn add(&mut self, watch: Arc<Subscription>) -> Option<PoolHandle> {
        let pool_handle = watch.pool_handle.clone();
        let watched = self.by_pool.get_or_insert_with(pool_handle.clone(), Watched::default);
        if let Some(last) = &watched.last {
            watch.told(last.clone());
        }
        watched.watchers.push(watch);
        (watched.watchers.len() == 1).then_some(pool_handle)
    }

    /// One less; the pool whose subscription is to end, if it was the last one.
    pub fn remove(&mut self, watch: &Arc<Subscription>) -> Option<PoolHandle> {
        let watched = self.by_pool.get_mut(&watch.pool_handle)?;
        watched.watchers.retain(|other| !Arc::ptr_eq(other, watch));
        if !watched.watchers.is_empty() {
            return None;
        }
        self.by_pool.remove(&watch.pool_handle);
        Some(watch.pool_handle.clone())
    }

    /// A registrar tells how a pool is.
    pub fn told(&mut self, pool_handle: &PoolHandle, state: PoolState) {
        let Some(watched) = self.by_pool.get_mut(pool_handle) else { return };
        for watch in &watched.watchers {
            watch.told(state.clone());
        }
        watched.last = Some(state);
    }
}

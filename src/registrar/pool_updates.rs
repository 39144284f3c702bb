//! Updates to those who have subscribed to a pool.
//!
//! A pool may have as many subscribers as the registrar has associations. They are told some at a time, so that nobody else
//! has to wait until the last one has been: what is left is due at once, after whatever else has come meanwhile.

use super::changes::no_such_pool;
use super::{Action, Registrar, Step};
use crate::handlespace::{Pool, PoolIndex};
use crate::message::asap::Updates;
use crate::wire::Cause;
use crate::{AssociationId, PoolHandle};

/// Subscribers told in one call: a few milliseconds of work when each of them gets 32 elements.
const MAX_TOLD_PER_CALL: usize = 512;

impl Registrar {
    /// Subscribes an association to a pool, or changes how much it wants listed.
    pub(super) fn subscribe(&mut self, association: AssociationId, pool: PoolIndex, items: usize) -> Updates {
        let Some(pool_handle) = self.handlespace.pool(pool).map(Pool::handle) else { return Updates::None };
        let most = self.config.max_subscriptions_per_association;
        self.subscriptions.add(association, pool, pool_handle, items, most)
    }

    /// Sends the updates whose time has come, but not more than `MAX_TOLD_PER_CALL`. Each subscriber gets a selection of its
    /// own, so that they don't all go to the same element.
    pub(super) fn send_due_updates(&mut self, step: &mut Step<'_>) {
        let mut left = self.tell_ends(MAX_TOLD_PER_CALL, step);
        while left > 0 {
            let Some((pool, due)) = self.subscriptions.take_due(step.now, left) else { return };
            left -= due.len();
            for (association, items) in due {
                self.send_update(association, pool, items, step);
            }
        }
    }

    /// A pool is gone: its subscriptions have ended.
    pub(super) fn end_subscriptions(&mut self, pool: PoolIndex, pool_handle: &PoolHandle, step: &mut Step<'_>) {
        self.subscriptions.remove_pool(pool, pool_handle);
        self.tell_ends(MAX_TOLD_PER_CALL, step);
    }

    /// Tells subscribers that their pool is gone; how many of `most` are left.
    fn tell_ends(&mut self, most: usize, step: &mut Step<'_>) -> usize {
        for told in 0..most {
            let Some((association, pool_handle)) = self.subscriptions.take_ended() else { return most - told };
            self.statistics.updates_sent += 1;
            self.send(association, &no_such_pool(&pool_handle, Cause::UnknownPoolHandle), step);
        }
        0
    }

    fn send_update(&mut self, association: AssociationId, pool: PoolIndex, items: usize, step: &mut Step<'_>) {
        self.statistics.updates_sent += 1;
        if let Some(bytes) = self.list_pool(step.now, pool, items, Updates::Follow) {
            return step.push(Action::Send { association, bytes });
        }
        // Nobody can be selected: a negative response, which ends the subscription.
        self.subscriptions.remove(association, pool);
        let Some(pool) = self.handlespace.pool(pool) else { return };
        let message = no_such_pool(pool.handle(), Cause::UnknownPoolHandle);
        self.send(association, &message, step);
    }
}

//! Pools whose changes the registrar is to tell (subscription, S and A bit of RFC 5352 sections 2.2.5 and 2.2.6): a session
//! whose element is taken out of its pool goes on with another one, without waiting for its own timers.

use super::{Action, AsapClient};
use crate::message::AsapMessage;
use crate::message::asap::{HandleResolution, HandleResolutionResponse};
use crate::wire::Cause;
use crate::{PoolElementId, PoolHandle};
use std::collections::BTreeSet;

/// Pools watched at a time; sessions of more have only their own timers. Registrars allow one association 64 subscriptions.
const MAX_WATCHED_POOLS: usize = 64;
/// Elements asked for in an update.
const ITEMS: u32 = 128;
/// A registrar lists at least so many elements, if the pool has them: shorter lists are complete.
const CERTAINLY_COMPLETE: usize = 32;

/// A watched pool.
#[derive(Default)]
pub(super) struct Watch {
    /// As the registrar listed them last.
    elements: BTreeSet<PoolElementId>,
    /// The longest list so far: one that is shorter is complete, so that who is missing in it has gone.
    longest: usize,
    /// The present home registrar has been asked, and has not ended the subscription.
    subscribed: bool,
}

impl AsapClient {
    /// Watches a pool from now on.
    pub(super) fn watch(&mut self, pool_handle: PoolHandle, actions: &mut Vec<Action>) {
        if self.watches.len() >= MAX_WATCHED_POOLS && !self.watches.contains_key(&pool_handle) {
            return;
        }
        self.watches.get_or_insert_with(pool_handle.clone(), Watch::default);
        self.subscribe(&pool_handle, actions);
    }

    /// Watches a pool no longer; updates that still come are ignored.
    pub(super) fn unwatch(&mut self, pool_handle: &PoolHandle) {
        self.watches.remove(pool_handle);
    }

    /// The home registrar is another one, which knows of no subscription.
    pub(super) fn restart_watches(&mut self, actions: &mut Vec<Action>) {
        for watch in self.watches.values_mut() {
            watch.subscribed = false;
        }
        for pool_handle in self.watches.keys().cloned().collect::<Vec<_>>() {
            self.subscribe(&pool_handle, actions);
        }
    }

    fn subscribe(&mut self, pool_handle: &PoolHandle, actions: &mut Vec<Action>) {
        let (Some(watch), Some(home)) = (self.watches.get_mut(pool_handle), &self.home) else { return };
        if watch.subscribed {
            return;
        }
        let request = HandleResolution { subscribe: true, pool_handle: pool_handle.clone(), items: Some(ITEMS) };
        // A handle that cannot be encoded could not be resolved either.
        if let Ok(bytes) = Self::encode(&AsapMessage::HandleResolution(request)) {
            watch.subscribed = true;
            actions.push(Action::Send { association: home.association, bytes });
        }
    }

    /// Takes what concerns a watched pool; false when the message is the answer to a resolution as well.
    pub(super) fn on_update(&mut self, message: &HandleResolutionResponse, actions: &mut Vec<Action>) -> bool {
        let Some(watch) = self.watches.get_mut(&message.pool_handle) else { return false };
        let gone = match &message.error {
            // Nobody is left, and with the pool the subscription has ended.
            Some(error) if error.first() == Some(Cause::UnknownPoolHandle) => {
                watch.subscribed = false;
                std::mem::take(&mut watch.elements)
            }
            Some(_) => return false,
            None if !message.accept_updates => return false,
            None => watch.take_list(message.pool_elements.iter().map(|element| element.id).collect()),
        };
        if !gone.is_empty() {
            let pool_handle = message.pool_handle.clone();
            actions.push(Action::Removed { pool_handle, pool_element_ids: gone.into_iter().collect() });
        }
        message.error.is_none()
    }
}

impl Watch {
    /// Takes a new list; returns who has gone.
    fn take_list(&mut self, now: BTreeSet<PoolElementId>) -> BTreeSet<PoolElementId> {
        let complete = now.len() < CERTAINLY_COMPLETE.max(self.longest);
        self.longest = self.longest.max(now.len());
        let before = std::mem::replace(&mut self.elements, now);
        if complete { before.difference(&self.elements).copied().collect() } else { BTreeSet::new() }
    }
}

//! Subscriptions to pools: the S and A bits of RFC 5352 sections 2.2.5 and 2.2.6. The registrar has one of ours to a pool, whoever
//! wants it: the application, which is told every change, or sessions, which want to know who is taken out of the pool, to go on
//! with another element without waiting for their own timers.
//!
//! A registrar that accepts a subscription tells every change by itself, as long as the association lasts. For the application, one
//! that does not (rsplib's never does), and any registrar while there is no such pool, is asked again and again; sessions alone
//! ask once, as they have timers of their own.

use super::cache::CachedPool;
use super::timers::Timer;
use super::{Action, AsapClient, Outcome, PoolState, RequestError, RequestId};
use crate::message::AsapMessage;
use crate::message::asap::{HandleResolution, HandleResolutionResponse};
use crate::wire::Cause;
use crate::{PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// Pools that are subscribed to at a time: registrars allow one association as many. Sessions of more have only their own timers.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Elements that a subscriber wants listed.
pub const SUBSCRIBED_ITEMS: u32 = 512;
/// Elements listed for sessions.
const WATCHED_ITEMS: u32 = 128;
/// A registrar lists at least so many elements, if the pool has them: shorter lists are complete.
const CERTAINLY_COMPLETE: usize = 32;
/// An accepted subscription is renewed after this time: a registrar that is gone without a word is noticed.
const RENEWAL: Duration = Duration::from_secs(30);
/// How often a registrar is asked that does not tell changes by itself, and any registrar about a pool that does not exist.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A subscription, and how the home registrar and it stand.
#[derive(Default)]
pub(super) struct Subscription {
    /// The application wants it.
    application: bool,
    /// Sessions want it.
    watch: Option<Watch>,
    /// The present home registrar has been asked, and has not ended it.
    asked: bool,
    /// When the request under way for the application is late; none: none is.
    t1: Option<Time>,
    /// Requests sent since the last answer.
    sent: u32,
    /// When to ask again.
    again: Option<Time>,
}

/// What sessions have been told of a pool.
#[derive(Default)]
struct Watch {
    /// As the registrar listed them last, in their order.
    elements: Vec<PoolElementId>,
    /// The longest list so far: one that is shorter is complete, so that who is missing in it has gone.
    longest: usize,
}

impl Watch {
    /// Takes a new list; returns who has gone.
    fn take_list(&mut self, mut now: Vec<PoolElementId>) -> Vec<PoolElementId> {
        now.sort_unstable();
        let complete = now.len() < CERTAINLY_COMPLETE.max(self.longest);
        self.longest = self.longest.max(now.len());
        let mut before = std::mem::replace(&mut self.elements, now);
        before.retain(|id| complete && self.elements.binary_search(id).is_err());
        before
    }
}

impl Subscription {
    fn deadline(&self) -> Option<Time> {
        self.t1.or(self.again)
    }

    /// Nothing is under way or planned with the home registrar.
    fn rest(&mut self) {
        (self.t1, self.sent, self.again) = (None, 0, None);
    }
}

impl AsapClient {
    /// The entry of a pool; none: there are too many.
    fn subscription(&mut self, handle: &PoolHandle) -> Option<&mut Subscription> {
        if !self.subscriptions.contains_key(handle) && self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return None;
        }
        Some(self.subscriptions.get_or_insert_with(handle.clone(), Subscription::default))
    }

    pub(super) fn begin_subscription(&mut self, request: RequestId, handle: PoolHandle, actions: &mut Vec<Action>) {
        let Some(subscription) = self.subscription(&handle) else {
            return actions.push(Action::Complete { request, result: Err(RequestError::TooManyRequests) });
        };
        subscription.application = true;
        subscription.rest();
        self.send_subscription(&handle, actions);
        actions.push(Action::Complete { request, result: Ok(Outcome::Subscribed) });
    }

    /// There is no message for it: what the registrar still tells is of no interest any more.
    pub(super) fn end_subscription(&mut self, request: RequestId, handle: PoolHandle, actions: &mut Vec<Action>) {
        if let Some(subscription) = self.subscriptions.get_mut(&handle) {
            subscription.application = false;
            subscription.rest();
        }
        self.forget_unwanted(&handle);
        self.timers.set(Timer::Subscription(handle), None);
        actions.push(Action::Complete { request, result: Ok(Outcome::Unsubscribed) });
    }

    /// Sessions want to know who is taken out of the pool.
    pub(super) fn watch(&mut self, handle: &PoolHandle, actions: &mut Vec<Action>) {
        let Some(subscription) = self.subscription(handle) else { return };
        let watched = subscription.watch.is_some();
        subscription.watch.get_or_insert_default();
        // For the list to begin with, also where the application has subscribed already.
        if !watched || !subscription.asked {
            self.send_subscription(handle, actions);
        }
    }

    /// No session does any longer.
    pub(super) fn unwatch(&mut self, handle: &PoolHandle) {
        if let Some(subscription) = self.subscriptions.get_mut(handle) {
            subscription.watch = None;
        }
        self.forget_unwanted(handle);
    }

    fn forget_unwanted(&mut self, handle: &PoolHandle) {
        if self.subscriptions.get(handle).is_some_and(|wanted| !wanted.application && wanted.watch.is_none()) {
            self.subscriptions.remove(handle);
        }
    }

    fn send_subscription(&mut self, handle: &PoolHandle, actions: &mut Vec<Action>) {
        let Some(subscription) = self.subscriptions.get_mut(handle) else { return };
        subscription.again = None;
        let items = Some(if subscription.application { SUBSCRIBED_ITEMS } else { WATCHED_ITEMS });
        let message = HandleResolution { subscribe: true, pool_handle: handle.clone(), items };
        if let (Some(home), Ok(bytes)) = (&self.home, Self::encode(&AsapMessage::HandleResolution(message))) {
            subscription.asked = true;
            if subscription.application {
                subscription.t1 = Some(self.now + self.config.t1_enrp_request);
                subscription.sent = subscription.sent.saturating_add(1);
            }
            actions.push(Action::Send { association: home.association, bytes });
        }
        self.timers.set(Timer::Subscription(handle.clone()), subscription.deadline());
    }

    /// The home registrar is another one, which knows of no subscription.
    pub(super) fn restart_subscriptions(&mut self, actions: &mut Vec<Action>) {
        for handle in self.subscriptions.keys().cloned().collect::<Vec<_>>() {
            self.send_subscription(&handle, actions);
        }
    }

    /// The home registrar is gone.
    pub(super) fn forget_sent_subscriptions(&mut self) {
        for (handle, subscription) in self.subscriptions.iter_mut() {
            subscription.asked = false;
            subscription.rest();
            self.timers.set(Timer::Subscription(handle.clone()), None);
        }
    }

    pub(super) fn on_subscription_timer(&mut self, handle: &PoolHandle, actions: &mut Vec<Action>) {
        let Some(subscription) = self.subscriptions.get(handle) else { return };
        if subscription.t1.is_some() && subscription.sent > self.config.max_request_retransmit {
            return self.leave_home("no answer to a subscription", actions);
        }
        if let Some(home) = self.home.as_mut().filter(|_| subscription.t1.is_some()) {
            home.doubtful = true;
        }
        self.send_subscription(handle, actions);
    }

    /// Tells sessions who has gone from a pool that they watch; false when the message is the answer to a resolution as well.
    pub(super) fn tell_watchers(&mut self, message: &HandleResolutionResponse, actions: &mut Vec<Action>) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(&message.pool_handle) else { return false };
        let Some(watch) = &mut subscription.watch else { return false };
        let gone = match &message.error {
            // Nobody is left, and with the pool the subscription has ended.
            Some(error) if error.first() == Some(Cause::UnknownPoolHandle) => {
                subscription.asked = false;
                std::mem::take(&mut watch.elements)
            }
            Some(_) => return false,
            None if !message.accept_updates => return false,
            None => watch.take_list(message.pool_elements.iter().map(|element| element.id).collect()),
        };
        if !gone.is_empty() {
            let pool_handle = message.pool_handle.clone();
            actions.push(Action::Removed { pool_handle, pool_element_ids: gone });
        }
        message.error.is_none()
    }

    /// Whether a response belongs to the application's subscription, and to nothing else. Updates and answers to subscriptions have the A bit;
    /// without it the answer to a plain resolution comes first.
    pub(super) fn is_for_subscription(&self, message: &HandleResolutionResponse, resolution_under_way: bool) -> bool {
        let subscribed = self.subscriptions.get(&message.pool_handle).is_some_and(|wanted| wanted.application);
        subscribed && (message.accept_updates || !resolution_under_way)
    }

    /// What the registrar says of a pool that the application is subscribed to.
    pub(super) fn pool_told(
        &mut self,
        handle: &PoolHandle,
        pushes: bool,
        pool: &Result<CachedPool, RequestError>,
        actions: &mut Vec<Action>,
    ) {
        let subscription = self.subscriptions.get_mut(handle).filter(|wanted| wanted.application);
        let Some(subscription) = subscription else { return };
        let interval = if pushes { RENEWAL } else { POLL_INTERVAL };
        subscription.rest();
        subscription.again = Some(self.now + interval);
        self.timers.set(Timer::Subscription(handle.clone()), subscription.deadline());
        let state = match pool {
            Ok(pool) => {
                PoolState::Known { policy: pool.policy().clone(), pool_elements: pool.elements().cloned().collect() }
            }
            Err(RequestError::UnknownPoolHandle) => PoolState::Unknown,
            // It has no time for us just now.
            Err(_) => return,
        };
        actions.push(Action::PoolChanged { pool_handle: handle.clone(), state });
    }
}

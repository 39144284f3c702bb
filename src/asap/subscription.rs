//! Subscriptions to pools: the S and A bits of RFC 5352 sections 2.2.5 and 2.2.6.
//!
//! A registrar that accepts a subscription tells every change by itself, as long as the association lasts. One that does not
//! (rsplib's never does), and any registrar while there is no such pool, is asked again and again.

use super::cache::CachedPool;
use super::timers::Timer;
use super::{Action, AsapClient, Outcome, PoolState, RequestError, RequestId};
use crate::message::AsapMessage;
use crate::message::asap::{HandleResolution, HandleResolutionResponse};
use crate::{PoolHandle, Time};
use std::time::Duration;

/// Pools that are subscribed to at a time.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Elements that a subscriber wants listed.
pub const SUBSCRIBED_ITEMS: u32 = 512;
/// An accepted subscription is renewed after this time: a registrar that is gone without a word is noticed.
const RENEWAL: Duration = Duration::from_secs(30);
/// How often a registrar is asked that does not tell changes by itself, and any registrar about a pool that does not exist.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A subscription, and how the home registrar and it stand.
pub(super) struct Subscription {
    /// When the request under way is late; none: none is.
    t1: Option<Time>,
    /// Requests sent since the last answer.
    sent: u32,
    /// When to ask again.
    again: Option<Time>,
}

impl Subscription {
    fn deadline(&self) -> Option<Time> {
        self.t1.or(self.again)
    }
}

impl AsapClient {
    pub(super) fn begin_subscription(&mut self, request: RequestId, handle: PoolHandle, actions: &mut Vec<Action>) {
        let known = self.subscriptions.contains_key(&handle);
        if !known && self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return actions.push(Action::Complete { request, result: Err(RequestError::TooManyRequests) });
        }
        self.subscriptions.insert(handle.clone(), Subscription { t1: None, sent: 0, again: None });
        self.send_subscription(&handle, actions);
        actions.push(Action::Complete { request, result: Ok(Outcome::Subscribed) });
    }

    /// There is no message for it: what the registrar still tells is of no interest any more.
    pub(super) fn end_subscription(&mut self, request: RequestId, handle: PoolHandle, actions: &mut Vec<Action>) {
        self.subscriptions.remove(&handle);
        self.timers.set(Timer::Subscription(handle), None);
        actions.push(Action::Complete { request, result: Ok(Outcome::Unsubscribed) });
    }

    fn send_subscription(&mut self, handle: &PoolHandle, actions: &mut Vec<Action>) {
        let Some(subscription) = self.subscriptions.get_mut(handle) else { return };
        subscription.again = None;
        let items = Some(SUBSCRIBED_ITEMS);
        let message = HandleResolution { subscribe: true, pool_handle: handle.clone(), items };
        if let (Some(home), Ok(bytes)) = (&self.home, Self::encode(&AsapMessage::HandleResolution(message))) {
            subscription.t1 = Some(self.now + self.config.t1_enrp_request);
            subscription.sent = subscription.sent.saturating_add(1);
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
            *subscription = Subscription { t1: None, sent: 0, again: None };
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

    /// Whether a response belongs to a subscription, and to nothing else. Updates and answers to subscriptions have the A bit;
    /// without it the answer to a plain resolution comes first.
    pub(super) fn is_for_subscription(&self, message: &HandleResolutionResponse, resolution_under_way: bool) -> bool {
        self.subscriptions.contains_key(&message.pool_handle) && (message.accept_updates || !resolution_under_way)
    }

    /// What the registrar says of a pool that is subscribed to.
    pub(super) fn pool_told(
        &mut self,
        handle: &PoolHandle,
        pushes: bool,
        pool: &Result<CachedPool, RequestError>,
        actions: &mut Vec<Action>,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(handle) else { return };
        let interval = if pushes { RENEWAL } else { POLL_INTERVAL };
        *subscription = Subscription { t1: None, sent: 0, again: Some(self.now + interval) };
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

//! Subscriptions to pools: the S and A bits of RFC 5352 sections 2.2.5 and 2.2.6. The registrar has one of ours to a pool, whoever
//! wants it: the application, which is told every change, or sessions, which want to know who is taken out of the pool, to go on
//! with another element without waiting for their own timers.
//!
//! A registrar that accepts a subscription tells every change by itself, as long as the association lasts. For the application, one
//! that does not (rsplib's never does), and any registrar while there is no such pool, is asked again and again; sessions alone
//! ask once, as they have timers of their own.

use super::config::AsapConfig;
use super::interface::{Action, PoolState, RequestError, Step};
use super::requests::encode;
use super::resolutions::Resolved;
use super::verdict::Verdict;
use crate::collections::SortedMap;
use crate::message::AsapMessage;
use crate::message::asap::{HandleResolution, HandleResolutionResponse};
use crate::wire::Cause;
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// Pools that are subscribed to at a time: registrars allow one association as many. Sessions of more have only their own timers.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Elements that the application wants listed.
pub const SUBSCRIBED_ITEMS: u32 = 512;
/// Elements listed for sessions.
const ITEMS_FOR_SESSIONS: u32 = 128;
/// A registrar lists at least so many elements, if the pool has them: shorter lists are complete.
const CERTAINLY_COMPLETE: usize = 32;
/// An accepted subscription is renewed after this time: a registrar that is gone without a word is noticed.
const RENEWAL: Duration = Duration::from_secs(30);
/// How often a registrar is asked that does not tell changes by itself, and any registrar about a pool that does not exist.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A subscription, and how the home registrar and it stand.
#[derive(Default)]
struct Subscription {
    /// The application wants it.
    application: bool,
    /// Sessions want it.
    listed: Option<Listed>,
    /// The present home registrar has been asked, and has not ended it.
    asked: bool,
    /// When the request under way for the application is late; none: none is.
    t1: Option<Time>,
    /// Requests sent since the last answer.
    sent: u32,
    /// When to ask again.
    again: Option<Time>,
}

/// Who was in a pool when the registrar listed it last: who is missing in the next list has been removed.
#[derive(Default)]
struct Listed {
    /// In the order of their identifiers.
    elements: Vec<PoolElementId>,
    /// The longest list so far: one that is shorter is complete, so that who is missing in it has gone.
    longest: usize,
}

impl Listed {
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

    fn send(&mut self, handle: &PoolHandle, home: Option<AssociationId>, t1: Duration, step: &mut Step<'_>) {
        self.again = None;
        let items = Some(if self.application { SUBSCRIBED_ITEMS } else { ITEMS_FOR_SESSIONS });
        let message = HandleResolution { subscribe: true, pool_handle: handle.clone(), items };
        if let (Some(association), Ok(bytes)) = (home, encode(&AsapMessage::HandleResolution(message))) {
            self.asked = true;
            if self.application {
                self.t1 = Some(step.now + t1);
                self.sent = self.sent.saturating_add(1);
            }
            step.push(Action::Send { association, bytes });
        }
    }
}

/// Whether the registrar tells changes by itself: the A bit of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Updates {
    Pushed,
    OnRequest,
}

impl Updates {
    pub(super) fn of(message: &HandleResolutionResponse) -> Updates {
        if message.accept_updates { Updates::Pushed } else { Updates::OnRequest }
    }
}

/// Whether a list of a pool was for its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForSessions {
    /// It was.
    Yes,
    /// It was not, or it is the answer to a resolution as well.
    NotOnly,
}

/// All subscriptions.
pub(super) struct Subscriptions {
    pools: SortedMap<PoolHandle, Subscription>,
    t1: Duration,
    max_request_retransmit: u32,
}

impl Subscriptions {
    pub(super) fn new(config: &AsapConfig) -> Subscriptions {
        Subscriptions {
            pools: SortedMap::new(),
            t1: config.t1_enrp_request,
            max_request_retransmit: config.max_request_retransmit,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.pools.values().filter_map(Subscription::deadline).min()
    }

    /// What is due.
    pub(super) fn due(&self, now: Time) -> impl Iterator<Item = (Time, &PoolHandle)> {
        let deadlines = self.pools.iter().filter_map(|(handle, pool)| Some((pool.deadline()?, handle)));
        deadlines.filter(move |(at, _)| *at <= now)
    }

    /// The entry of a pool; none: there are too many.
    fn entry(&mut self, handle: &PoolHandle) -> Option<&mut Subscription> {
        if !self.pools.contains_key(handle) && self.pools.len() >= MAX_SUBSCRIPTIONS {
            return None;
        }
        Some(self.pools.get_or_insert_with(handle.clone(), Subscription::default))
    }

    /// The application wants all changes.
    pub(super) fn subscribe(
        &mut self,
        handle: &PoolHandle,
        home: Option<AssociationId>,
        step: &mut Step<'_>,
    ) -> Result<(), RequestError> {
        let t1 = self.t1;
        let subscription = self.entry(handle).ok_or(RequestError::TooManyRequests)?;
        subscription.application = true;
        subscription.rest();
        subscription.send(handle, home, t1, step);
        Ok(())
    }

    /// There is no message for it: what the registrar still tells is of no interest any more.
    pub(super) fn unsubscribe(&mut self, handle: &PoolHandle) {
        if let Some(subscription) = self.pools.get_mut(handle) {
            subscription.application = false;
            subscription.rest();
        }
        self.forget_unwanted(handle);
    }

    /// Sessions want to know who is taken out of the pool.
    pub(super) fn want_removals(&mut self, handle: &PoolHandle, home: Option<AssociationId>, step: &mut Step<'_>) {
        let t1 = self.t1;
        let Some(subscription) = self.entry(handle) else { return };
        let wanted = subscription.listed.is_some();
        subscription.listed.get_or_insert_default();
        // For the list to begin with, also where the application has subscribed already.
        if !wanted || !subscription.asked {
            subscription.send(handle, home, t1, step);
        }
    }

    /// No session does any longer.
    pub(super) fn unwant_removals(&mut self, handle: &PoolHandle) {
        if let Some(subscription) = self.pools.get_mut(handle) {
            subscription.listed = None;
        }
        self.forget_unwanted(handle);
    }

    fn forget_unwanted(&mut self, handle: &PoolHandle) {
        if self.pools.get(handle).is_some_and(|wanted| !wanted.application && wanted.listed.is_none()) {
            self.pools.remove(handle);
        }
    }

    /// The home registrar is another one, which knows of no subscription.
    pub(super) fn restart(&mut self, home: Option<AssociationId>, step: &mut Step<'_>) {
        for (handle, subscription) in self.pools.iter_mut() {
            subscription.send(handle, home, self.t1, step);
        }
    }

    /// The home registrar is gone.
    pub(super) fn home_lost(&mut self) {
        for subscription in self.pools.values_mut() {
            subscription.asked = false;
            subscription.rest();
        }
    }

    pub(super) fn clear(&mut self) {
        self.pools.clear();
    }

    /// T1-ENRPrequest has come, or the time to ask again.
    pub(super) fn on_timer(
        &mut self,
        handle: &PoolHandle,
        home: Option<AssociationId>,
        step: &mut Step<'_>,
    ) -> Verdict {
        let Some(subscription) = self.pools.get_mut(handle) else { return Verdict::Keep };
        let late = subscription.t1.is_some();
        if late && subscription.sent > self.max_request_retransmit {
            return Verdict::Leave("no answer to a subscription");
        }
        subscription.send(handle, home, self.t1, step);
        if late { Verdict::Doubt } else { Verdict::Keep }
    }

    /// Tells sessions who has gone from their pool.
    pub(super) fn tell_removals(&mut self, message: &HandleResolutionResponse, step: &mut Step<'_>) -> ForSessions {
        let Some(subscription) = self.pools.get_mut(&message.pool_handle) else { return ForSessions::NotOnly };
        let Some(listed) = &mut subscription.listed else { return ForSessions::NotOnly };
        let gone = match &message.error {
            // Nobody is left, and with the pool the subscription has ended.
            Some(error) if error.first() == Some(Cause::UnknownPoolHandle) => {
                subscription.asked = false;
                std::mem::take(&mut listed.elements)
            }
            Some(_) => return ForSessions::NotOnly,
            None if !message.accept_updates => return ForSessions::NotOnly,
            None => listed.take_list(message.pool_elements.iter().map(|element| element.id).collect()),
        };
        if !gone.is_empty() {
            let pool_handle = message.pool_handle.clone();
            step.push(Action::Removed { pool_handle, pool_element_ids: gone });
        }
        if message.error.is_none() { ForSessions::Yes } else { ForSessions::NotOnly }
    }

    /// The application has subscribed to a pool.
    pub(super) fn is_subscribed(&self, handle: &PoolHandle) -> bool {
        self.pools.get(handle).is_some_and(|wanted| wanted.application)
    }

    /// What the registrar says of a pool that the application is subscribed to.
    pub(super) fn tell_pool(&mut self, handle: &PoolHandle, updates: Updates, pool: &Resolved, step: &mut Step<'_>) {
        let subscription = self.pools.get_mut(handle).filter(|wanted| wanted.application);
        let Some(subscription) = subscription else { return };
        let interval = if updates == Updates::Pushed { RENEWAL } else { POLL_INTERVAL };
        subscription.rest();
        subscription.again = Some(step.now + interval);
        let state = match pool {
            Ok(pool) => {
                PoolState::Known { policy: pool.policy().clone(), pool_elements: pool.elements().cloned().collect() }
            }
            Err(RequestError::UnknownPoolHandle) => PoolState::Unknown,
            // It has no time for us just now.
            Err(_) => return,
        };
        step.push(Action::PoolChanged { pool_handle: handle.clone(), state });
    }
}

//! Requests of the application from their start to their one completion.

use super::config::AsapConfig;
use super::interface::{Action, ElementKey, Outcome, Request, RequestError, RequestId, Step};
use crate::collections::SortedMap;
use crate::message::AsapMessage;
use crate::{PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// Where a request waits.
pub(super) enum Place {
    /// With a resolution of this number.
    Resolution(PoolHandle, u64),
    /// With an element.
    Registration(ElementKey),
    /// With a de-registration.
    Deregistration(ElementKey),
}

/// What a request takes room of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Of `max_requests`.
    OfARequest,
    /// Of an element, which is counted among `max_pool_elements`.
    OfAnElement,
    /// It is done at once.
    NotNeeded,
}

/// How much hunting there has been, ever.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HuntTally {
    /// Connects tried.
    pub(super) connects: u64,
    /// Rounds that have reached nobody.
    pub(super) fruitless_rounds: u64,
    /// Connects of the last round that reached nobody lacked a descriptor.
    pub(super) lacks_descriptors: bool,
}

/// A request that waits for an answer.
pub(super) struct Waiter {
    request: RequestId,
    started: Time,
    deadline: Time,
    /// What had been hunted before it was made.
    before: HuntTally,
    /// Messages sent for it.
    sent: u32,
    /// Elements wanted; for resolutions.
    items: Option<u32>,
}

impl Waiter {
    /// Its name.
    pub(super) fn request(&self) -> RequestId {
        self.request
    }

    /// When it fails at the latest.
    pub(super) fn deadline(&self) -> Time {
        self.deadline
    }

    /// Elements wanted.
    pub(super) fn items(&self) -> Option<u32> {
        self.items
    }

    /// A message has been sent for it.
    pub(super) fn was_sent(&self) -> bool {
        self.sent > 0
    }

    /// One more message is sent for it.
    pub(super) fn note_sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    /// Its time ends, if it was made before the round of hunts after this number.
    pub(super) fn give_up(&mut self, fruitless_rounds: u64, now: Time) {
        if self.before.fruitless_rounds <= fruitless_rounds {
            self.deadline = self.deadline.min(now);
        }
    }
}

/// Takes out the waiters for which `wanted` holds; the order stays.
pub(super) fn take_if(waiters: &mut Vec<Waiter>, wanted: impl FnMut(&Waiter) -> bool) -> Vec<Waiter> {
    let (taken, left) = std::mem::take(waiters).into_iter().partition(wanted);
    *waiters = left;
    taken
}

/// Encodes the message of a request once; it may be sent several times.
pub(super) fn encode(message: &AsapMessage) -> Result<Vec<u8>, RequestError> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).map_err(|_| RequestError::Invalid("the request does not fit an ASAP message"))?;
    Ok(bytes)
}

/// The requests that wait for an answer.
pub(super) struct Requests {
    waiting: SortedMap<RequestId, Place>,
    max_requests: usize,
    max_request_time: Duration,
}

impl Requests {
    pub(super) fn new(config: &AsapConfig) -> Requests {
        Requests {
            waiting: SortedMap::new(),
            max_requests: config.max_requests,
            max_request_time: config.max_request_time,
        }
    }

    /// Whether a request makes sense, and has room.
    pub(super) fn admit(&self, id: RequestId, request: &Request, room: Room) -> Result<(), RequestError> {
        let (handle, element) = match request {
            Request::Register { pool_handle, pool_element, .. } => (pool_handle, pool_element.id),
            Request::Deregister { pool_handle, pool_element_id }
            | Request::ReportUnreachable { pool_handle, pool_element_id } => (pool_handle, *pool_element_id),
            Request::Resolve { pool_handle, .. }
            | Request::Subscribe { pool_handle }
            | Request::Unsubscribe { pool_handle } => (pool_handle, PoolElementId(1)),
        };
        if self.waiting.contains_key(&id) {
            return Err(RequestError::Invalid("the request identifier is in use"));
        }
        if handle.as_bytes().is_empty() {
            return Err(RequestError::Invalid("the pool handle is empty"));
        }
        if element.0 == 0 {
            return Err(RequestError::Invalid("zero is no pool element identifier"));
        }
        if room == Room::OfARequest && self.waiting.len() >= self.max_requests {
            return Err(RequestError::TooManyRequests);
        }
        Ok(())
    }

    /// A request that is about to wait: [`Requests::enter`] says where.
    pub(super) fn waiter(&self, request: RequestId, items: Option<u32>, before: HuntTally, now: Time) -> Waiter {
        Waiter { request, started: now, deadline: now + self.max_request_time, before, sent: 0, items }
    }

    /// Enters a request that cannot be answered at once.
    pub(super) fn enter(&mut self, waiter: &Waiter, place: Place) {
        self.waiting.insert(waiter.request, place);
    }

    /// Completes a request that waits.
    pub(super) fn complete(&mut self, waiter: &Waiter, result: Result<Outcome, RequestError>, step: &mut Step<'_>) {
        if self.waiting.remove(&waiter.request).is_some() {
            step.push(Action::Complete { request: waiter.request, result });
        }
    }

    /// Completes requests whose time is over.
    pub(super) fn time_out(&mut self, waiters: &[Waiter], tally: HuntTally, step: &mut Step<'_>) {
        for waiter in waiters {
            let waited = step.now.saturating_since(waiter.started);
            let error = if waiter.was_sent() {
                RequestError::NoResponse { attempts: waiter.sent, waited }
            } else if tally.lacks_descriptors {
                RequestError::NoDescriptor { waited }
            } else {
                let connects = tally.connects.saturating_sub(waiter.before.connects);
                RequestError::NoRegistrar { attempts: u32::try_from(connects).unwrap_or(u32::MAX), waited }
            };
            self.complete(waiter, Err(error), step);
        }
    }

    /// Withdraws a request; returns where it waited.
    pub(super) fn cancel(&mut self, request: RequestId) -> Option<Place> {
        self.waiting.remove(&request)
    }

    /// Withdraws all requests, in the order of their names.
    pub(super) fn cancel_all(&mut self, step: &mut Step<'_>) {
        for (request, _) in std::mem::take(&mut self.waiting) {
            step.push(Action::Complete { request, result: Err(RequestError::Cancelled) });
        }
    }
}

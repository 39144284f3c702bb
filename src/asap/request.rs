//! Requests of the application from their start to their one completion.

use super::client::{ElementKey, Phase};
use super::timers::Timer;
use super::{Action, AsapClient, Outcome, Request, RequestError, RequestId};
use crate::message::AsapMessage;
use crate::{PoolElementId, PoolHandle, Time};

/// Where a request waits.
pub(super) enum Place {
    /// In `resolutions`.
    Resolution((PoolHandle, u64)),
    /// In `elements`.
    Element(ElementKey),
    /// In `deregistrations`.
    Deregistration(ElementKey),
}

/// A request that waits for an answer.
pub(super) struct Waiter {
    /// Its name.
    pub(super) request: RequestId,
    /// When it was made.
    pub(super) started: Time,
    /// When it fails at the latest.
    pub(super) deadline: Time,
    /// Connects tried before it was made.
    pub(super) connects_before: u64,
    /// Rounds of hunts that had reached nobody before it was made.
    pub(super) rounds_before: u64,
    /// Messages sent for it.
    pub(super) sent: u32,
    /// Elements wanted; for resolutions.
    pub(super) items: Option<u32>,
}

/// Takes out the waiters for which `wanted` holds; the order stays.
pub(super) fn take_if(waiters: &mut Vec<Waiter>, wanted: impl FnMut(&Waiter) -> bool) -> Vec<Waiter> {
    let (taken, left) = std::mem::take(waiters).into_iter().partition(wanted);
    *waiters = left;
    taken
}

impl AsapClient {
    pub(super) fn on_request(&mut self, id: RequestId, request: Request, actions: &mut Vec<Action>) {
        if let Err(error) = self.accept(id, &request) {
            return actions.push(Action::Complete { request: id, result: Err(error) });
        }
        match request {
            Request::Register { pool_handle, pool_element, reregistration_interval } => {
                self.register(id, pool_handle, pool_element, reregistration_interval, actions);
            }
            Request::Deregister { pool_handle, pool_element_id } => {
                self.deregister(id, (pool_handle, pool_element_id), actions);
            }
            Request::Resolve { pool_handle, items, stale_cache } => {
                self.resolve(id, pool_handle, items, stale_cache, actions);
            }
            Request::Subscribe { pool_handle } => self.begin_subscription(id, pool_handle, actions),
            Request::Unsubscribe { pool_handle } => self.end_subscription(id, pool_handle, actions),
            Request::ReportUnreachable { pool_handle, pool_element_id } => {
                self.report_unreachable(id, pool_handle, pool_element_id, actions);
            }
        }
    }

    fn accept(&self, id: RequestId, request: &Request) -> Result<(), RequestError> {
        let (handle, element) = match request {
            Request::Register { pool_handle, pool_element, .. } => (pool_handle, pool_element.id),
            Request::Deregister { pool_handle, pool_element_id }
            | Request::ReportUnreachable { pool_handle, pool_element_id } => (pool_handle, *pool_element_id),
            Request::Resolve { pool_handle, .. }
            | Request::Subscribe { pool_handle }
            | Request::Unsubscribe { pool_handle } => (pool_handle, PoolElementId(1)),
        };
        if self.phase != Phase::Running {
            return Err(RequestError::Cancelled);
        }
        if self.requests.contains_key(&id) {
            return Err(RequestError::Invalid("the request identifier is in use"));
        }
        if handle.as_bytes().is_empty() {
            return Err(RequestError::Invalid("the pool handle is empty"));
        }
        if element.0 == 0 {
            return Err(RequestError::Invalid("zero is no pool element identifier"));
        }
        let waits = !matches!(request, Request::ReportUnreachable { .. });
        if waits && self.requests.len() >= self.config.max_requests {
            return Err(RequestError::TooManyRequests);
        }
        Ok(())
    }

    /// Encodes the message of a request once; it may be sent several times.
    pub(super) fn encode(message: &AsapMessage) -> Result<Vec<u8>, RequestError> {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).map_err(|_| RequestError::Invalid("the request does not fit an ASAP message"))?;
        Ok(bytes)
    }

    /// Enters a request that cannot be answered at once.
    pub(super) fn wait(&mut self, request: RequestId, place: Place, items: Option<u32>) -> Waiter {
        self.requests.insert(request, place);
        Waiter {
            request,
            started: self.now,
            deadline: self.now + self.config.max_request_time,
            connects_before: self.next_attempt.0,
            rounds_before: self.fruitless_rounds,
            sent: 0,
            items,
        }
    }

    /// Completes a request that waits. This is the only way out of `requests`.
    pub(super) fn complete(
        &mut self,
        waiter: &Waiter,
        result: Result<Outcome, RequestError>,
        actions: &mut Vec<Action>,
    ) {
        if self.requests.remove(&waiter.request).is_some() {
            actions.push(Action::Complete { request: waiter.request, result });
        }
    }

    /// Why a request fails whose time is over.
    pub(super) fn timed_out(&self, waiter: &Waiter) -> RequestError {
        let waited = self.now.saturating_since(waiter.started);
        if waiter.sent > 0 {
            return RequestError::NoResponse { attempts: waiter.sent, waited };
        }
        let connects = self.next_attempt.0.saturating_sub(waiter.connects_before);
        RequestError::NoRegistrar { attempts: u32::try_from(connects).unwrap_or(u32::MAX), waited }
    }

    /// Ends the time of all requests that have seen so many rounds of hunts that reached nobody.
    pub(super) fn give_up_requests(&mut self, rounds: u32) {
        let now = self.now;
        let Some(before) = self.fruitless_rounds.checked_sub(u64::from(rounds)) else { return };
        let end = |waiters: &mut Vec<Waiter>| {
            for waiter in waiters.iter_mut().filter(|waiter| waiter.rounds_before <= before) {
                waiter.deadline = waiter.deadline.min(now);
            }
        };
        for ((handle, number), resolution) in self.resolutions.iter_mut() {
            end(&mut resolution.waiters);
            self.timers.set(Timer::Resolution(handle.clone(), *number), resolution.deadline());
        }
        for ((handle, id), element) in self.elements.iter_mut() {
            end(&mut element.waiters);
            self.timers.set(Timer::Element(handle.clone(), *id), element.deadline());
        }
        for ((handle, id), deregistration) in self.deregistrations.iter_mut() {
            end(&mut deregistration.waiters);
            self.timers.set(Timer::Deregistration(handle.clone(), *id), deregistration.deadline());
        }
    }

    pub(super) fn on_cancel(&mut self, id: RequestId, actions: &mut Vec<Action>) {
        let Some(place) = self.requests.remove(&id) else { return };
        match place {
            Place::Resolution(key) => self.cancel_resolution(&key, id),
            Place::Element(key) => {
                if let Some(element) = self.elements.get_mut(&key) {
                    element.waiters.retain(|waiter| waiter.request != id);
                }
            }
            Place::Deregistration(key) => {
                if let Some(deregistration) = self.deregistrations.get_mut(&key) {
                    deregistration.waiters.retain(|waiter| waiter.request != id);
                }
            }
        }
        actions.push(Action::Complete { request: id, result: Err(RequestError::Cancelled) });
    }

    /// Withdraws all requests, in the order of their names.
    pub(super) fn cancel_all(&mut self, actions: &mut Vec<Action>) {
        for (request, _) in std::mem::take(&mut self.requests) {
            actions.push(Action::Complete { request, result: Err(RequestError::Cancelled) });
        }
        self.resolutions.clear();
        self.shared_resolutions.clear();
        self.elements.values_mut().for_each(|element| element.waiters.clear());
        self.deregistrations.values_mut().for_each(|deregistration| deregistration.waiters.clear());
    }
}

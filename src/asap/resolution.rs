//! Handle resolution (RFC 5352 sections 3.3 and 3.7.2) and reports of unreachable elements (section 3.5).

use super::cache::CachedPool;
use super::request::{Place, Waiter, take_if};
use super::timers::Timer;
use super::{Action, AsapClient, Outcome, RequestError, RequestId};
use crate::message::AsapMessage;
use crate::message::asap::{EndpointUnreachable, HandleResolution, HandleResolutionResponse};
use crate::wire::{Cause, OperationalError, Policy};
use crate::{PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// What rsplib's registrar, and ours, answer when no number of elements is asked for: up to this number, an answer for the
/// cache needs no Handle Resolution Option.
const REGISTRAR_DEFAULT_ITEMS: u32 = 3;
/// Unreachable reports kept at a time.
const MAX_REPORTS: usize = 64;

/// A resolution under way, for one request or several.
pub(super) struct Resolution {
    bytes: Vec<u8>,
    /// The Handle Resolution Option in it.
    items: Option<u32>,
    /// Oldest first.
    pub(super) waiters: Vec<Waiter>,
    /// T1-ENRPrequest; none: not sent to the present home registrar.
    t1: Option<Time>,
    /// When it was first sent.
    first_sent: Option<Time>,
    /// How often T1 expired.
    expiries: u32,
}

impl Resolution {
    pub(super) fn deadline(&self) -> Option<Time> {
        // All requests have the same time and number of rounds, so the oldest one's is over first.
        self.waiters.first().map(|waiter| waiter.deadline).into_iter().chain(self.t1).min()
    }
}

/// An element reported as unreachable.
pub(super) struct Report {
    pool_handle: PoolHandle,
    pool_element_id: PoolElementId,
    reported: Time,
    /// The message, as long as there was nobody to send it to.
    unsent: Option<Vec<u8>>,
}

impl AsapClient {
    pub(super) fn resolve(
        &mut self,
        request: RequestId,
        handle: PoolHandle,
        items: Option<u32>,
        stale_cache: Duration,
        actions: &mut Vec<Action>,
    ) {
        if let Some(pool) = self.cache.fresh(self.now, &handle, stale_cache) {
            let (policy, pool_elements) = pool.select(items, &mut self.random);
            let result = Ok(Outcome::Resolved { policy, pool_elements });
            return actions.push(Action::Complete { request, result });
        }
        // An answer for the cache should show more of the pool than this one request needs.
        let for_cache = !stale_cache.is_zero() && items.is_none_or(|items| items <= REGISTRAR_DEFAULT_ITEMS);
        let asked = if for_cache { None } else { items };
        if let Some(number) = self.joinable(&handle, asked, stale_cache) {
            let key = (handle, number);
            let waiter = self.wait(request, Place::Resolution(key.clone()), items);
            if let Some(resolution) = self.resolutions.get_mut(&key) {
                let sent = u32::from(resolution.t1.is_some());
                resolution.waiters.push(Waiter { sent, ..waiter });
                let deadline = resolution.deadline();
                self.timers.set(Timer::Resolution(key.0, key.1), deadline);
            }
            return;
        }
        let message = HandleResolution { subscribe: false, pool_handle: handle.clone(), items: asked };
        let bytes = match Self::encode(&AsapMessage::HandleResolution(message)) {
            Ok(bytes) => bytes,
            Err(error) => return actions.push(Action::Complete { request, result: Err(error) }),
        };
        let key = (handle, self.next_resolution);
        self.next_resolution += 1;
        if asked.is_none() {
            self.shared_resolutions.insert(key.0.clone(), key.1);
        }
        let waiters = vec![self.wait(request, Place::Resolution(key.clone()), items)];
        let resolution = Resolution { bytes, items: asked, waiters, t1: None, first_sent: None, expiries: 0 };
        self.resolutions.insert(key.clone(), resolution);
        self.send_resolution(&key, actions);
    }

    /// The resolution whose answer will do for a request made now, too: one that asks for the same, and whose message has
    /// not left, or left so short ago that even a cached answer as old would do. A number of elements is asked for to get
    /// just these by the registrar's policy: such answers are not shared.
    fn joinable(&self, handle: &PoolHandle, asked: Option<u32>, stale_cache: Duration) -> Option<u64> {
        if asked.is_some() {
            return None;
        }
        let number = *self.shared_resolutions.get(handle)?;
        let resolution = self.resolutions.get(&(handle.clone(), number))?;
        let fresh = resolution.first_sent.is_none_or(|sent| self.now.saturating_since(sent) < stale_cache);
        fresh.then_some(number)
    }

    /// Sends a resolution, if there is a home registrar, and sets its timer (NR3, NR4).
    fn send_resolution(&mut self, key: &(PoolHandle, u64), actions: &mut Vec<Action>) {
        let Some(resolution) = self.resolutions.get_mut(key) else { return };
        if let Some(home) = &self.home {
            resolution.t1 = Some(self.now + self.config.t1_enrp_request);
            resolution.first_sent.get_or_insert(self.now);
            resolution.waiters.iter_mut().for_each(|waiter| waiter.sent = waiter.sent.saturating_add(1));
            actions.push(Action::Send { association: home.association, bytes: resolution.bytes.clone() });
        }
        self.timers.set(Timer::Resolution(key.0.clone(), key.1), resolution.deadline());
    }

    /// The home registrar is another one: all resolutions start anew (RFC 5352 section 3.3).
    pub(super) fn restart_resolutions(&mut self, actions: &mut Vec<Action>) {
        for key in self.resolutions.keys().cloned().collect::<Vec<_>>() {
            self.send_resolution(&key, actions);
        }
    }

    /// The home registrar is gone, and with it what it was to answer.
    pub(super) fn forget_sent_resolutions(&mut self) {
        for ((handle, number), resolution) in self.resolutions.iter_mut() {
            resolution.t1 = None;
            self.timers.set(Timer::Resolution(handle.clone(), *number), resolution.deadline());
        }
    }

    fn take_resolution(&mut self, key: &(PoolHandle, u64)) -> Option<Resolution> {
        self.timers.set(Timer::Resolution(key.0.clone(), key.1), None);
        if self.shared_resolutions.get(&key.0) == Some(&key.1) {
            self.shared_resolutions.remove(&key.0);
        }
        self.resolutions.remove(key)
    }

    pub(super) fn cancel_resolution(&mut self, key: &(PoolHandle, u64), request: RequestId) {
        let Some(resolution) = self.resolutions.get_mut(key) else { return };
        resolution.waiters.retain(|waiter| waiter.request != request);
        if resolution.waiters.is_empty() {
            self.take_resolution(key);
        }
    }

    pub(super) fn on_resolution_timer(&mut self, key: (PoolHandle, u64), actions: &mut Vec<Action>) {
        let Some(resolution) = self.resolutions.get_mut(&key) else { return };
        let now = self.now;
        let late = take_if(&mut resolution.waiters, |waiter| waiter.deadline <= now);
        let given_up = resolution.waiters.is_empty();
        let t1_expired = resolution.t1.is_some_and(|t1| t1 <= now);
        for waiter in &late {
            let error = self.timed_out(waiter);
            self.complete(waiter, Err(error), actions);
        }
        if t1_expired {
            self.on_t1_enrp_request_expired(&key, actions);
        } else if let Some(resolution) = self.resolutions.get(&key) {
            self.timers.set(Timer::Resolution(key.0.clone(), key.1), resolution.deadline());
        }
        if given_up {
            self.take_resolution(&key);
        }
    }

    /// Sends again and looks for another registrar in parallel, up to MAX-REQUEST-RETRANSMIT times (section 3.7.2).
    fn on_t1_enrp_request_expired(&mut self, key: &(PoolHandle, u64), actions: &mut Vec<Action>) {
        let Some(resolution) = self.resolutions.get_mut(key) else { return };
        resolution.expiries = resolution.expiries.saturating_add(1);
        if resolution.expiries <= self.config.max_request_retransmit {
            if let Some(home) = &mut self.home {
                home.doubtful = true;
            }
            return self.send_resolution(key, actions);
        }
        let waiters = self.take_resolution(key).map(|resolution| resolution.waiters).unwrap_or_default();
        for waiter in &waiters {
            let error = self.timed_out(waiter);
            self.complete(waiter, Err(error), actions);
        }
        // A registrar that answers others just does not want to answer this one.
        if self.home.as_ref().is_some_and(|home| home.doubtful) {
            self.leave_home("no answer to handle resolutions", actions);
        }
    }

    pub(super) fn handle_resolution_response(&mut self, message: HandleResolutionResponse, actions: &mut Vec<Action>) {
        let watched = self.tell_watchers(&message, actions);
        let handle = &message.pool_handle;
        let key = self
            .resolutions
            .range((handle.clone(), 0)..=(handle.clone(), u64::MAX))
            .find(|(_, resolution)| resolution.t1.is_some())
            .map(|(key, _)| key.clone());
        let pushes = message.accept_updates;
        let told = self.is_for_subscription(&message, key.is_some());
        let resolution = key.filter(|_| !told && !watched).and_then(|key| self.take_resolution(&key));
        let handle = message.pool_handle.clone();
        let pool = self.resolved_pool(message);
        // That there is no such pool ends a subscription, whatever it is the answer to.
        if told || pool.as_ref().is_err_and(|error| *error == RequestError::UnknownPoolHandle) {
            self.pool_told(&handle, pushes, &pool, actions);
        }
        match resolution {
            Some(resolution) => self.answer(&handle, resolution, pool, actions),
            // An update that was pushed to us, or the second answer to a message that we sent twice.
            None if self.cache.contains(&handle) => match pool {
                Ok(pool) => self.keep(&handle, pool, self.now),
                Err(_) => self.cache.remove(&handle),
            },
            None if told || watched => {}
            None if pushes => log::debug!("update of pool {handle}: not subscribed to any more"),
            None => self.log_peer(format_args!("resolution of pool {handle} was not asked for: ignored")),
        }
    }

    fn resolved_pool(&self, message: HandleResolutionResponse) -> Result<CachedPool, RequestError> {
        match message.error {
            Some(error) if error.first() == Some(Cause::UnknownPoolHandle) => Err(RequestError::UnknownPoolHandle),
            Some(error) => Err(RequestError::Rejected(error)),
            None if message.pool_elements.is_empty() => Err(RequestError::UnknownPoolHandle),
            // Round Robin is what a missing policy means; the elements' own policies do not count (section 2.2.6).
            None => {
                let policy = message.policy.unwrap_or(Policy::RoundRobin);
                Ok(CachedPool::new(&self.config.policies, policy, message.pool_elements, self.now))
            }
        }
    }

    fn answer(
        &mut self,
        handle: &PoolHandle,
        resolution: Resolution,
        pool: Result<CachedPool, RequestError>,
        actions: &mut Vec<Action>,
    ) {
        match pool {
            Ok(mut pool) => {
                for waiter in &resolution.waiters {
                    let (policy, pool_elements) = pool.select(waiter.items, &mut self.random);
                    self.complete(waiter, Ok(Outcome::Resolved { policy, pool_elements }), actions);
                }
                // The few elements that were asked for by number say too little about the pool to answer others with.
                if resolution.items.is_none_or(|items| items > REGISTRAR_DEFAULT_ITEMS) {
                    self.keep(handle, pool, resolution.first_sent.unwrap_or(self.now));
                }
            }
            Err(error) => {
                if error == RequestError::UnknownPoolHandle {
                    self.cache.remove(handle);
                }
                for waiter in &resolution.waiters {
                    self.complete(waiter, Err(error.clone()), actions);
                }
            }
        }
    }

    /// Caches a pool, without the elements that were reported since the registrar was `asked`.
    fn keep(&mut self, handle: &PoolHandle, pool: CachedPool, asked: Time) {
        self.cache.insert(handle, pool);
        for report in &self.reports {
            if report.reported >= asked && report.pool_handle == *handle {
                self.cache.remove_element(handle, report.pool_element_id);
            }
        }
    }

    pub(super) fn report_unreachable(
        &mut self,
        request: RequestId,
        pool_handle: PoolHandle,
        pool_element_id: PoolElementId,
        actions: &mut Vec<Action>,
    ) {
        self.cache.remove_element(&pool_handle, pool_element_id);
        let message = EndpointUnreachable { pool_handle: pool_handle.clone(), pool_element_id };
        let bytes = match Self::encode(&AsapMessage::EndpointUnreachable(message)) {
            Ok(bytes) => bytes,
            Err(error) => return actions.push(Action::Complete { request, result: Err(error) }),
        };
        while self.reports.len() >= MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(Report { pool_handle, pool_element_id, reported: self.now, unsent: Some(bytes) });
        self.send_reports(actions);
        actions.push(Action::Complete { request, result: Ok(Outcome::Reported) });
    }

    /// Sends the reports that wait for a registrar, unless they are too old to be of use, each once (section 3.5).
    pub(super) fn send_reports(&mut self, actions: &mut Vec<Action>) {
        let (now, keep) = (self.now, self.config.max_request_time);
        self.reports.retain(|report| now.saturating_since(report.reported) < keep);
        let Some(home) = &self.home else { return };
        for bytes in self.reports.iter_mut().filter_map(|report| report.unsent.take()) {
            actions.push(Action::Send { association: home.association, bytes });
        }
    }
}

/// The causes of an error, for a log line.
pub(super) fn causes(error: Option<&OperationalError>) -> String {
    let causes = error.map(|error| error.causes.as_slice()).unwrap_or_default();
    if causes.is_empty() {
        return "no reason given".to_owned();
    }
    causes.iter().take(4).map(|cause| cause.cause.to_string()).collect::<Vec<_>>().join(", ")
}

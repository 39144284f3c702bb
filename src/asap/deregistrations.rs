//! De-registration of elements (RFC 5352 section 3.2).

use super::config::AsapConfig;
use super::interface::{Action, ElementKey, Outcome, RequestError, RequestId, Step};
use super::peer_log::{PeerLog, causes};
use super::pool_table::{HasDeadline, PoolTable};
use super::requests::{Place, Requests, Waiter, encode, take_if};
use super::verdict::Verdict;
use crate::message::AsapMessage;
use crate::message::asap::{self, DeregistrationResponse};
use crate::wire::Cause;
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// A de-registration under way.
struct Deregistration {
    bytes: Vec<u8>,
    /// T3-deregistration; none: not sent to the present home registrar.
    t3: Option<Time>,
    /// When it is given up: the element's life expires some time after that.
    given_up_at: Time,
    waiters: Vec<Waiter>,
}

impl HasDeadline for Deregistration {
    fn deadline(&self) -> Option<Time> {
        self.waiters.iter().map(Waiter::deadline).chain(self.t3).chain([self.given_up_at]).min()
    }
}

impl Deregistration {
    /// D3 and D4, if there is a home registrar to which de-registrations can go.
    fn send(&mut self, home: Option<AssociationId>, t3: Duration, step: &mut Step<'_>) {
        let Some(association) = home else { return };
        self.t3 = Some(step.now + t3);
        self.waiters.iter_mut().for_each(Waiter::note_sent);
        step.push(Action::Send { association, bytes: self.bytes.clone() });
    }
}

/// Whether an element was being de-registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Withdrawn {
    Yes,
    NotUnderWay,
}

/// Whose response came.
#[must_use]
pub(super) enum Answered {
    /// That to a de-registration.
    Ours,
    /// Nobody asked: the registrar removed this element by itself.
    Removed(ElementKey),
    /// Nobody asked, and nothing happened.
    Nothing,
}

/// All de-registrations under way.
pub(super) struct Deregistrations {
    under_way: PoolTable<PoolElementId, Deregistration>,
    t3: Duration,
    shutdown_timeout: Duration,
    log: PeerLog,
}

impl Deregistrations {
    pub(super) fn new(config: &AsapConfig) -> Deregistrations {
        Deregistrations {
            under_way: PoolTable::new(),
            t3: config.t3_deregistration,
            shutdown_timeout: config.shutdown_timeout,
            log: PeerLog::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn contains(&self, key: &ElementKey) -> bool {
        self.under_way.contains(&key.0, key.1)
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.under_way.next_deadline()
    }

    pub(super) fn take_due(&mut self, now: Time) -> Vec<(Time, PoolHandle, PoolElementId)> {
        self.under_way.take_due(now)
    }

    /// De-registers an element that a registrar may have heard of.
    pub(super) fn deregister(
        &mut self,
        key: ElementKey,
        bytes: Vec<u8>,
        mut waiter: Waiter,
        home: Option<AssociationId>,
        requests: &mut Requests,
        step: &mut Step<'_>,
    ) {
        requests.enter(&waiter, Place::Deregistration(key.clone()));
        let given_up_at = waiter.deadline();
        if !self.contains(&key) {
            let mut deregistration = Deregistration { bytes, t3: None, given_up_at, waiters: vec![waiter] };
            deregistration.send(home, self.t3, step);
            return self.under_way.insert(key.0, key.1, deregistration);
        }
        self.under_way.edit(&key.0, key.1, |under_way| {
            if under_way.t3.is_some() {
                waiter.note_sent();
            }
            under_way.given_up_at = given_up_at;
            under_way.waiters.push(waiter);
        });
    }

    /// De-registers without a request.
    pub(super) fn deregister_for_shutdown(
        &mut self,
        key: ElementKey,
        home: Option<AssociationId>,
        step: &mut Step<'_>,
    ) {
        let Ok(bytes) = deregistration_message(&key) else { return };
        let given_up_at = step.now + self.shutdown_timeout;
        let mut deregistration = Deregistration { bytes, t3: None, given_up_at, waiters: Vec::new() };
        deregistration.send(home, self.t3, step);
        self.under_way.insert(key.0, key.1, deregistration);
    }

    /// The home registrar is another one: all de-registrations start anew.
    pub(super) fn restart(&mut self, home: Option<AssociationId>, step: &mut Step<'_>) {
        let t3 = self.t3;
        self.under_way.edit_all(&mut |_, _, deregistration| deregistration.send(home, t3, step));
    }

    /// The home registrar is gone.
    pub(super) fn home_lost(&mut self) {
        self.under_way.edit_all(&mut |_, _, deregistration| deregistration.t3 = None);
    }

    /// The element is registered again: its de-registration must not come after that.
    pub(super) fn withdraw(&mut self, key: &ElementKey, requests: &mut Requests, step: &mut Step<'_>) -> Withdrawn {
        let Some(deregistration) = self.under_way.remove(&key.0, key.1) else { return Withdrawn::NotUnderWay };
        for waiter in &deregistration.waiters {
            requests.complete(waiter, Err(RequestError::Cancelled), step);
        }
        Withdrawn::Yes
    }

    pub(super) fn on_response(
        &mut self,
        message: DeregistrationResponse,
        requests: &mut Requests,
        step: &mut Step<'_>,
    ) -> Answered {
        let (handle, id) = (message.pool_handle, message.pool_element_id);
        let Some(deregistration) = self.under_way.remove(&handle, id) else {
            return if message.error.is_none() { Answered::Removed((handle, id)) } else { Answered::Nothing };
        };
        let result = match message.error {
            // The pool is gone already: nothing is left to do.
            Some(error) if error.first() != Some(Cause::UnknownPoolHandle) => {
                let causes = causes(Some(&error));
                self.log.warn(step.now, format_args!("de-registration of {id} in pool {handle} rejected: {causes}"));
                Err(RequestError::Rejected(error))
            }
            _ => Ok(Outcome::Deregistered),
        };
        for waiter in &deregistration.waiters {
            requests.complete(waiter, result.clone(), step);
        }
        Answered::Ours
    }

    /// Takes the requests whose time is over.
    pub(super) fn take_late(&mut self, handle: &PoolHandle, id: PoolElementId, now: Time) -> Vec<Waiter> {
        let late = |under_way: &mut Deregistration| take_if(&mut under_way.waiters, |waiter| waiter.deadline() <= now);
        self.under_way.edit(handle, id, late).unwrap_or_default()
    }

    /// T3-deregistration or the end of all patience may have come.
    pub(super) fn on_timer(&mut self, handle: &PoolHandle, id: PoolElementId, now: Time) -> Verdict {
        let Some(deregistration) = self.under_way.get(handle, id) else { return Verdict::Keep };
        let t3_expired = deregistration.t3.is_some_and(|t3| t3 <= now);
        if deregistration.given_up_at <= now {
            log::warn!("de-registration of {id} in pool {handle} unanswered: it expires at the registrar");
            self.under_way.remove(handle, id);
        }
        if t3_expired { Verdict::Leave("no answer to a de-registration") } else { Verdict::Keep }
    }

    /// Ends the time of requests that have seen too many rounds of hunts.
    pub(super) fn give_up(&mut self, fruitless_rounds: u64, now: Time) {
        self.under_way.edit_all(&mut |_, _, deregistration| {
            deregistration.waiters.iter_mut().for_each(|waiter| waiter.give_up(fruitless_rounds, now));
        });
    }

    /// A request is withdrawn; the de-registration goes on.
    pub(super) fn cancel(&mut self, key: &ElementKey, request: RequestId) {
        let waits = |under_way: &mut Deregistration| under_way.waiters.retain(|waiter| waiter.request() != request);
        self.under_way.edit(&key.0, key.1, waits);
    }

    /// All requests are withdrawn; the de-registrations go on.
    pub(super) fn forget_waiters(&mut self) {
        self.under_way.edit_all(&mut |_, _, deregistration| deregistration.waiters.clear());
    }

    /// Stops all timers: the shutdown has its own.
    pub(super) fn stop(&mut self) {
        self.under_way.stop();
    }

    pub(super) fn clear(&mut self) {
        self.under_way.clear();
    }
}

/// The ASAP_DEREGISTRATION of an element.
pub(super) fn deregistration_message(key: &ElementKey) -> Result<Vec<u8>, RequestError> {
    let message = asap::Deregistration { pool_handle: key.0.clone(), pool_element_id: key.1 };
    encode(&AsapMessage::Deregistration(message))
}

//! Requests: to which part they go.

use super::AsapClient;
use crate::PoolHandle;
use crate::asap::deregistrations::{Withdrawn, deregistration_message};
use crate::asap::interface::{Action, ElementKey, Outcome, Request, RequestError, RequestId, Step};
use crate::asap::registrations::KnownTo;
use crate::asap::requests::{Place, Room, Waiter};
use crate::asap::resolutions::Wanted;
use crate::wire::PoolElement;
use std::time::Duration;

impl AsapClient {
    pub(super) fn on_request(&mut self, request: RequestId, what: Request, step: &mut Step<'_>) {
        let admitted = if self.is_running() {
            self.requests.admit(request, &what, self.room_for(&what))
        } else {
            Err(RequestError::Cancelled)
        };
        let done = admitted.and_then(|()| self.begin(request, what, step));
        match done {
            Ok(None) => {}
            Ok(Some(outcome)) => step.push(Action::Complete { request, result: Ok(outcome) }),
            Err(error) => step.push(Action::Complete { request, result: Err(error) }),
        }
    }

    /// Whoever is registered can always leave: there are as many as `max_pool_elements` allows.
    fn room_for(&self, what: &Request) -> Room {
        match what {
            Request::Deregister { pool_handle, pool_element_id }
                if self.registrations.contains(&(pool_handle.clone(), *pool_element_id)) =>
            {
                Room::OfAnElement
            }
            Request::ReportUnreachable { .. } => Room::NotNeeded,
            _ => Room::OfARequest,
        }
    }

    /// Begins a request; returns its outcome, if there is one already.
    fn begin(&mut self, id: RequestId, what: Request, step: &mut Step<'_>) -> Result<Option<Outcome>, RequestError> {
        let home = self.associations.home_id();
        match what {
            Request::Register { pool_handle, pool_element, reregistration_interval } => {
                let prepared = self.registrations.prepare(pool_handle, pool_element, reregistration_interval)?;
                let known_to = match self.deregistrations.withdraw(prepared.key(), &mut self.requests, step) {
                    Withdrawn::Yes => KnownTo::Registrars,
                    Withdrawn::NotUnderWay => KnownTo::Nobody,
                };
                let (waiter, home) = (self.waiter(id, None), self.associations.sctp_home());
                self.registrations.register(prepared, known_to, waiter, home, &mut self.requests, step);
                Ok(None)
            }
            Request::Deregister { pool_handle, pool_element_id } => {
                self.deregister(id, (pool_handle, pool_element_id), step)
            }
            Request::Resolve { pool_handle, items, stale_cache } => {
                let wanted = Wanted { pool_handle, items, stale_cache };
                let cached = self.resolutions.answer_from_cache(&wanted, &mut self.random, step.now);
                if cached.is_none() {
                    let waiter = self.waiter(id, items);
                    self.resolutions.resolve(wanted, waiter, home, &mut self.requests, step)?;
                }
                Ok(cached)
            }
            Request::Subscribe { pool_handle } => {
                self.subscriptions.subscribe(&pool_handle, home, step)?;
                Ok(Some(Outcome::Subscribed))
            }
            Request::Unsubscribe { pool_handle } => {
                self.subscriptions.unsubscribe(&pool_handle);
                Ok(Some(Outcome::Unsubscribed))
            }
            Request::ReportUnreachable { pool_handle, pool_element_id } => {
                self.resolutions.report_unreachable(pool_handle, pool_element_id, home, step).map(Some)
            }
        }
    }

    pub(super) fn on_element_changed(
        &mut self,
        pool_handle: PoolHandle,
        pool_element: PoolElement,
        interval: Duration,
        step: &mut Step<'_>,
    ) {
        let key = (pool_handle.clone(), pool_element.id);
        if !self.registrations.contains(&key) {
            return;
        }
        match self.registrations.prepare(pool_handle, pool_element, interval) {
            Ok(prepared) => self.registrations.change(prepared, self.associations.sctp_home(), step),
            Err(error) => log::warn!("{} in pool {} keeps the values that it had: {error}", key.1, key.0),
        }
    }

    fn deregister(
        &mut self,
        id: RequestId,
        key: ElementKey,
        step: &mut Step<'_>,
    ) -> Result<Option<Outcome>, RequestError> {
        let bytes = deregistration_message(&key)?;
        let known_to = self.registrations.remove(&key, &mut self.requests, step);
        if known_to == KnownTo::Nobody && !self.deregistrations.contains(&key) {
            return Ok(Some(Outcome::Deregistered));
        }
        let (waiter, home) = (self.waiter(id, None), self.associations.sctp_home_id());
        self.deregistrations.deregister(key, bytes, waiter, home, &mut self.requests, step);
        Ok(None)
    }

    fn waiter(&self, request: RequestId, items: Option<u32>) -> Waiter {
        self.requests.waiter(request, items, self.hunt.tally(), self.now)
    }

    pub(super) fn on_cancel(&mut self, request: RequestId, step: &mut Step<'_>) {
        let Some(place) = self.requests.cancel(request) else { return };
        match place {
            Place::Resolution(handle, number) => self.resolutions.cancel(&handle, number, request),
            Place::Registration(key) => self.registrations.cancel(&key, request),
            Place::Deregistration(key) => self.deregistrations.cancel(&key, request),
        }
        step.push(Action::Complete { request, result: Err(RequestError::Cancelled) });
    }
}

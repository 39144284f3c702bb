//! Requests: to which part they go.

use super::AsapClient;
use crate::asap::deregistrations::{Withdrawn, deregistration_message};
use crate::asap::interface::{Action, ElementKey, Outcome, Request, RequestError, RequestId, Step};
use crate::asap::registrations::Fame;
use crate::asap::requests::{Place, Waiter};
use crate::asap::resolutions::Wanted;

impl AsapClient {
    pub(super) fn on_request(&mut self, request: RequestId, what: Request, step: &mut Step<'_>) {
        let admitted =
            if self.is_running() { self.requests.admit(request, &what) } else { Err(RequestError::Cancelled) };
        let done = admitted.and_then(|()| self.begin(request, what, step));
        match done {
            Ok(None) => {}
            Ok(Some(outcome)) => step.push(Action::Complete { request, result: Ok(outcome) }),
            Err(error) => step.push(Action::Complete { request, result: Err(error) }),
        }
    }

    /// Begins a request; returns its outcome, if there is one already.
    fn begin(&mut self, id: RequestId, what: Request, step: &mut Step<'_>) -> Result<Option<Outcome>, RequestError> {
        let home = self.associations.home_id();
        match what {
            Request::Register { pool_handle, pool_element, reregistration_interval } => {
                let prepared = self.registrations.prepare(pool_handle, pool_element, reregistration_interval)?;
                let fame = match self.deregistrations.withdraw(prepared.key(), &mut self.requests, step) {
                    Withdrawn::Yes => Fame::Heard,
                    Withdrawn::NotUnderWay => Fame::Unheard,
                };
                let (waiter, home) = (self.waiter(id, None), self.associations.sctp_home_id());
                self.registrations.register(prepared, fame, waiter, home, &mut self.requests, step);
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

    fn deregister(
        &mut self,
        id: RequestId,
        key: ElementKey,
        step: &mut Step<'_>,
    ) -> Result<Option<Outcome>, RequestError> {
        let bytes = deregistration_message(&key)?;
        let fame = self.registrations.remove(&key, &mut self.requests, step);
        if fame == Fame::Unheard && !self.deregistrations.contains(&key) {
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

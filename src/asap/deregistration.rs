//! De-registration of elements (RFC 5352 section 3.2).

use super::client::ElementKey;
use super::request::{Place, Waiter, take_if};
use super::resolution::causes;
use super::timers::Timer;
use super::{Action, AsapClient, Outcome, RequestError, RequestId};
use crate::Time;
use crate::message::AsapMessage;
use crate::message::asap::{self, DeregistrationResponse};
use crate::wire::Cause;

/// A de-registration under way.
pub(super) struct Deregistration {
    bytes: Vec<u8>,
    /// T3-deregistration; none: not sent to the present home registrar.
    t3: Option<Time>,
    /// When it is given up: the element's life expires some time after that.
    given_up_at: Time,
    pub(super) waiters: Vec<Waiter>,
}

impl Deregistration {
    pub(super) fn deadline(&self) -> Option<Time> {
        let waiters = self.waiters.iter().map(|waiter| waiter.deadline);
        waiters.chain(self.t3).chain([self.given_up_at]).min()
    }
}

impl AsapClient {
    pub(super) fn deregister(&mut self, request: RequestId, key: ElementKey, actions: &mut Vec<Action>) {
        let bytes = match Self::deregistration_message(&key) {
            Ok(bytes) => bytes,
            Err(error) => return actions.push(Action::Complete { request, result: Err(error) }),
        };
        // Elements that are not ours are de-registered, too: the registrar decides who may.
        let mut known = true;
        if let Some(element) = self.elements.remove(&key) {
            self.timers.set(Timer::Element(key.0.clone(), key.1), None);
            known = element.known;
            for waiter in &element.waiters {
                self.complete(waiter, Err(RequestError::Cancelled), actions);
            }
        }
        if !known && !self.deregistrations.contains_key(&key) {
            return actions.push(Action::Complete { request, result: Ok(Outcome::Deregistered) });
        }
        let waiter = self.wait(request, Place::Deregistration(key.clone()), None);
        if let Some(under_way) = self.deregistrations.get_mut(&key) {
            let sent = u32::from(under_way.t3.is_some());
            under_way.given_up_at = waiter.deadline;
            under_way.waiters.push(Waiter { sent, ..waiter });
            let deadline = under_way.deadline();
            self.timers.set(Timer::Deregistration(key.0, key.1), deadline);
            return;
        }
        let given_up_at = waiter.deadline;
        let deregistration = Deregistration { bytes, t3: None, given_up_at, waiters: vec![waiter] };
        self.deregistrations.insert(key.clone(), deregistration);
        self.send_deregistration(&key, actions);
    }

    /// De-registers without a request.
    pub(super) fn deregister_for_shutdown(&mut self, key: ElementKey, actions: &mut Vec<Action>) {
        let Ok(bytes) = Self::deregistration_message(&key) else { return };
        let given_up_at = self.now + self.config.shutdown_timeout;
        self.deregistrations.insert(key.clone(), Deregistration { bytes, t3: None, given_up_at, waiters: Vec::new() });
        self.send_deregistration(&key, actions);
    }

    fn deregistration_message(key: &ElementKey) -> Result<Vec<u8>, RequestError> {
        let message = asap::Deregistration { pool_handle: key.0.clone(), pool_element_id: key.1 };
        Self::encode(&AsapMessage::Deregistration(message))
    }

    /// D3 and D4, if there is a home registrar to which de-registrations can go.
    fn send_deregistration(&mut self, key: &ElementKey, actions: &mut Vec<Action>) {
        let Some(deregistration) = self.deregistrations.get_mut(key) else { return };
        if let Some(home) = self.home.as_ref().filter(|home| home.is_sctp()) {
            deregistration.t3 = Some(self.now + self.config.t3_deregistration);
            deregistration.waiters.iter_mut().for_each(|waiter| waiter.sent = waiter.sent.saturating_add(1));
            actions.push(Action::Send { association: home.association, bytes: deregistration.bytes.clone() });
        }
        self.timers.set(Timer::Deregistration(key.0.clone(), key.1), deregistration.deadline());
    }

    /// The home registrar is another one: all de-registrations start anew.
    pub(super) fn restart_deregistrations(&mut self, actions: &mut Vec<Action>) {
        for key in self.deregistrations.keys().cloned().collect::<Vec<_>>() {
            self.send_deregistration(&key, actions);
        }
    }

    /// The home registrar is gone.
    pub(super) fn forget_sent_deregistrations(&mut self) {
        for ((handle, id), deregistration) in self.deregistrations.iter_mut() {
            deregistration.t3 = None;
            self.timers.set(Timer::Deregistration(handle.clone(), *id), deregistration.deadline());
        }
    }

    /// The element is registered again: its de-registration must not come after that. Returns whether there was one.
    pub(super) fn withdraw_deregistration(&mut self, key: &ElementKey, actions: &mut Vec<Action>) -> bool {
        let Some(deregistration) = self.deregistrations.remove(key) else { return false };
        self.timers.set(Timer::Deregistration(key.0.clone(), key.1), None);
        for waiter in &deregistration.waiters {
            self.complete(waiter, Err(RequestError::Cancelled), actions);
        }
        true
    }

    pub(super) fn handle_deregistration_response(
        &mut self,
        message: DeregistrationResponse,
        actions: &mut Vec<Action>,
    ) {
        let key = (message.pool_handle, message.pool_element_id);
        let Some(deregistration) = self.deregistrations.remove(&key) else {
            if message.error.is_none() {
                self.element_was_removed(&key);
            }
            return;
        };
        self.timers.set(Timer::Deregistration(key.0.clone(), key.1), None);
        let result = match message.error {
            // The pool is gone already: nothing is left to do.
            Some(error) if error.first() != Some(Cause::UnknownPoolHandle) => {
                let (handle, id) = (&key.0, key.1);
                self.log_peer(format_args!(
                    "de-registration of {id} in pool {handle} rejected: {}",
                    causes(Some(&error))
                ));
                Err(RequestError::Rejected(error))
            }
            _ => Ok(Outcome::Deregistered),
        };
        for waiter in &deregistration.waiters {
            self.complete(waiter, result.clone(), actions);
        }
    }

    pub(super) fn on_deregistration_timer(&mut self, key: ElementKey, actions: &mut Vec<Action>) {
        let Some(deregistration) = self.deregistrations.get_mut(&key) else { return };
        let now = self.now;
        let t3_expired = deregistration.t3.is_some_and(|t3| t3 <= now);
        let late = take_if(&mut deregistration.waiters, |waiter| waiter.deadline <= now);
        if deregistration.given_up_at <= now {
            log::warn!("de-registration of {} in pool {} unanswered: it expires at the registrar", key.1, key.0);
            self.deregistrations.remove(&key);
        } else {
            self.timers.set(Timer::Deregistration(key.0, key.1), deregistration.deadline());
        }
        for waiter in &late {
            let error = self.timed_out(waiter);
            self.complete(waiter, Err(error), actions);
        }
        if t3_expired {
            self.leave_home("no answer to a de-registration", actions);
        }
    }
}

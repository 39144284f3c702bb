//! Registration of our own elements (RFC 5352 section 3.1) and keep-alives (section 3.4).
//!
//! An element stays registered until it is de-registered: every T4, and after a loss of the home registrar at once with the
//! next one. A rejection is told to the application and is final ("MUST NOT re-attempt registration without correcting the
//! error condition"), until the application registers the element anew or another registrar becomes home, which has not
//! been asked yet. Only lack of resources is nothing that the application could correct: then the registrar is asked again, less
//! and less often.

use super::client::ElementKey;
use super::request::{Place, Waiter, take_if};
use super::resolution::causes;
use super::timers::Timer;
use super::{Action, AsapClient, Outcome, RequestError, RequestId};
use crate::association::TransportKind;
use crate::message::AsapMessage;
use crate::message::asap::{EndpointKeepAlive, EndpointKeepAliveAck, Registration, RegistrationResponse};
use crate::wire::{Cause, OperationalError, PoolElement};
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// No element is registered more often than this, whatever the application or the registrar wants.
const MIN_REREGISTRATION_INTERVAL: Duration = Duration::from_millis(100);
/// Time until an element is registered again that the registrar removed without being asked.
const PAUSE_AFTER_REMOVAL: Duration = Duration::from_secs(1);

/// The longest pause after a rejection for lack of resources, unless the re-registration interval is longer.
const LONGEST_PAUSE_AFTER_REJECTION: Duration = Duration::from_secs(300);

/// How the home registrar and an element stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing sent to the present home registrar.
    Idle,
    /// Registration sent; T2-registration runs.
    Registering { t2: Time },
    /// Accepted; T4-reregistration runs.
    Registered { t4: Time },
    /// Not registered: it will be at this time, which may be never.
    Refused { again_at: Time },
}

/// An element of our own.
pub(super) struct Element {
    /// Its ASAP_REGISTRATION.
    bytes: Vec<u8>,
    interval: Duration,
    state: State,
    /// It has new values that the message under way does not have.
    changed: bool,
    /// A registrar has heard of it.
    pub(super) known: bool,
    /// Registrations sent since the last success.
    attempts: u32,
    /// Rejections for lack of resources since the last success.
    shortages: u32,
    pub(super) waiters: Vec<Waiter>,
}

impl Element {
    pub(super) fn deadline(&self) -> Option<Time> {
        let timer = match self.state {
            State::Idle => None,
            State::Registering { t2 } => Some(t2),
            State::Registered { t4: at } | State::Refused { again_at: at } => Some(at).filter(|at| *at != Time::MAX),
        };
        self.waiters.iter().map(|waiter| waiter.deadline).chain(timer).min()
    }

    /// The registrar has rejected it: when to ask again, if at all.
    fn rejected(&mut self, now: Time, cause: Option<Cause>) -> Time {
        if cause != Some(Cause::LackOfResources) {
            return Time::MAX;
        }
        let pause = self.interval.saturating_mul(1 << self.shortages.min(16));
        self.shortages = self.shortages.saturating_add(1);
        now + pause.min(LONGEST_PAUSE_AFTER_REJECTION.max(self.interval))
    }
}

impl AsapClient {
    pub(super) fn register(
        &mut self,
        request: RequestId,
        pool_handle: PoolHandle,
        pool_element: PoolElement,
        interval: Duration,
        actions: &mut Vec<Action>,
    ) {
        let key = (pool_handle.clone(), pool_element.id);
        let refused = if self.config.registrar_transports.iter().all(|kind| *kind == TransportKind::Tcp) {
            Some(RequestError::Invalid("registrations need SCTP, and no SCTP transport is configured"))
        } else if !self.elements.contains_key(&key) && self.elements.len() >= self.config.max_pool_elements {
            Some(RequestError::TooManyRequests)
        } else {
            None
        };
        let message = AsapMessage::Registration(Registration { pool_handle, pool_element });
        let bytes = match refused.map_or_else(|| Self::encode(&message), Err) {
            Ok(bytes) => bytes,
            Err(error) => return actions.push(Action::Complete { request, result: Err(error) }),
        };
        let was_leaving = self.withdraw_deregistration(&key, actions);
        let waiter = self.wait(request, Place::Element(key.clone()), None);
        let interval = interval.max(MIN_REREGISTRATION_INTERVAL);
        let element = self.elements.get_or_insert_with(key.clone(), || Element {
            bytes: Vec::new(),
            interval,
            state: State::Idle,
            changed: false,
            known: was_leaving,
            attempts: 0,
            shortages: 0,
            waiters: Vec::new(),
        });
        element.bytes = bytes;
        element.interval = interval;
        element.waiters.push(waiter);
        if matches!(element.state, State::Registering { .. }) {
            // Sent when the message under way is answered, so that answers need no numbers to be matched.
            element.changed = true;
            let deadline = element.deadline();
            self.timers.set(Timer::Element(key.0, key.1), deadline);
        } else {
            self.send_registration(&key, actions);
        }
    }

    /// R2 to R4, if there is a home registrar to which registrations can go.
    fn send_registration(&mut self, key: &ElementKey, actions: &mut Vec<Action>) {
        let Some(element) = self.elements.get_mut(key) else { return };
        element.state = State::Idle;
        if let Some(home) = self.home.as_ref().filter(|home| home.is_sctp()) {
            element.state = State::Registering { t2: self.now + self.config.t2_registration };
            element.changed = false;
            element.known = true;
            element.attempts = element.attempts.saturating_add(1);
            element.waiters.iter_mut().for_each(|waiter| waiter.sent = waiter.sent.saturating_add(1));
            actions.push(Action::Send { association: home.association, bytes: element.bytes.clone() });
        }
        self.timers.set(Timer::Element(key.0.clone(), key.1), element.deadline());
    }

    /// The home registrar is another one: all elements register there at once.
    pub(super) fn restart_registrations(&mut self, actions: &mut Vec<Action>) {
        for key in self.elements.keys().cloned().collect::<Vec<_>>() {
            self.send_registration(&key, actions);
        }
    }

    /// The home registrar is gone.
    pub(super) fn forget_sent_registrations(&mut self) {
        for ((handle, id), element) in self.elements.iter_mut() {
            element.state = State::Idle;
            self.timers.set(Timer::Element(handle.clone(), *id), element.deadline());
        }
    }

    pub(super) fn handle_registration_response(&mut self, message: RegistrationResponse, actions: &mut Vec<Action>) {
        let key = (message.pool_handle, message.pool_element_id);
        let (handle, id) = (&key.0, key.1);
        let Some(element) = self.elements.get_mut(&key) else {
            return self.log_peer(format_args!("registration of {id} in pool {handle} is not ours: response ignored"));
        };
        if !matches!(element.state, State::Registering { .. }) {
            let text = format_args!("registration of {id} in pool {handle}: response without request ignored");
            return self.log_peer(text);
        }
        let accepted = !message.reject;
        let mut what = "accepted with a warning";
        element.state = if accepted {
            (element.attempts, element.shortages) = (0, 0);
            State::Registered { t4: self.now + element.interval }
        } else {
            let again_at = element.rejected(self.now, message.error.as_ref().and_then(OperationalError::first));
            what = if again_at == Time::MAX { "rejected, and not tried again" } else { "rejected, to be tried again" };
            State::Refused { again_at }
        };
        let changed = element.changed;
        let answered = take_if(&mut element.waiters, |waiter| waiter.sent > 0);
        self.timers.set(Timer::Element(key.0.clone(), id), element.deadline());
        if !accepted || message.error.is_some() {
            let causes = causes(message.error.as_ref());
            self.log_peer(format_args!("registration of {id} in pool {handle} {what}: {causes}"));
        }
        let result = if accepted {
            Ok(Outcome::Registered)
        } else {
            Err(RequestError::Rejected(message.error.unwrap_or_default()))
        };
        for waiter in &answered {
            self.complete(waiter, result.clone(), actions);
        }
        if changed {
            self.send_registration(&key, actions);
        }
    }

    pub(super) fn on_element_timer(&mut self, key: ElementKey, actions: &mut Vec<Action>) {
        let Some(element) = self.elements.get_mut(&key) else { return };
        let now = self.now;
        let state = element.state;
        let late = take_if(&mut element.waiters, |waiter| waiter.deadline <= now);
        self.timers.set(Timer::Element(key.0.clone(), key.1), element.deadline());
        for waiter in &late {
            let error = self.timed_out(waiter);
            self.complete(waiter, Err(error), actions);
        }
        match state {
            State::Registering { t2 } if t2 <= now => self.on_t2_registration_expired(&key, actions),
            State::Registered { t4: at } | State::Refused { again_at: at } if at <= now => {
                self.send_registration(&key, actions);
            }
            _ => {}
        }
    }

    /// Another registrar may do better; after MAX-REG-ATTEMPT the application is told.
    fn on_t2_registration_expired(&mut self, key: &ElementKey, actions: &mut Vec<Action>) {
        let Some(element) = self.elements.get_mut(key) else { return };
        if element.attempts >= self.config.max_reg_attempt {
            let (handle, id, attempts) = (&key.0, key.1, element.attempts);
            log::warn!("registration of {id} in pool {handle}: no answer to {attempts} attempts; it goes on");
            element.attempts = 0;
            for waiter in &std::mem::take(&mut element.waiters) {
                let error = self.timed_out(waiter);
                self.complete(waiter, Err(error), actions);
            }
        }
        self.leave_home("no answer to a registration", actions);
    }

    /// The registrar says that it removed an element, though nobody de-registered it (RFC 5352 section 2.2.4: its life has
    /// expired).
    pub(super) fn element_was_removed(&mut self, key: &ElementKey) {
        let Some(element) = self.elements.get_mut(key) else { return };
        if let State::Registered { t4 } = element.state {
            element.state = State::Refused { again_at: t4.min(self.now + PAUSE_AFTER_REMOVAL) };
            self.timers.set(Timer::Element(key.0.clone(), key.1), element.deadline());
            self.log_peer(format_args!(
                "{} in pool {} was removed by the registrar: registering it again",
                key.1, key.0
            ));
        }
    }

    /// KA1 and KA2. A keep-alive without a PE Identifier asks about all our elements in the pool.
    pub(super) fn handle_keep_alive(
        &mut self,
        association: AssociationId,
        is_home: bool,
        message: &EndpointKeepAlive,
        actions: &mut Vec<Action>,
    ) {
        let handle = &message.pool_handle;
        let ids = message.pool_element_id.map_or((PoolElementId(0), PoolElementId(u32::MAX)), |id| (id, id));
        let asked: Vec<PoolElementId> = self
            .elements
            .range((handle.clone(), ids.0)..=(handle.clone(), ids.1))
            .filter(|(_, element)| element.known)
            .map(|((_, id), _)| *id)
            .collect();
        if asked.is_empty() {
            if let Some(id) = message.pool_element_id {
                self.log_peer(format_args!("keep-alive for {id} in pool {handle}, which is not ours: ignored"));
            }
            return;
        }
        for pool_element_id in asked {
            let ack = EndpointKeepAliveAck { pool_handle: handle.clone(), pool_element_id };
            if let Ok(bytes) = Self::encode(&AsapMessage::EndpointKeepAliveAck(ack)) {
                actions.push(Action::Send { association, bytes });
            }
        }
        if is_home {
            self.home_works();
            if let Some(home) = &mut self.home {
                home.registrar_id = Some(message.registrar_id);
            }
        } else if message.home {
            self.adopt_sender(association, message, actions);
        }
    }

    /// KA2.4: the sender of a keep-alive with H=1 wants to be our home registrar.
    fn adopt_sender(&mut self, association: AssociationId, message: &EndpointKeepAlive, actions: &mut Vec<Action>) {
        let id = message.registrar_id;
        if self.home.as_ref().is_some_and(|home| home.registrar_id == Some(id)) {
            return; // it is already, over another association
        }
        let Some(index) = self.inbound.iter().position(|link| link.association == association && link.is_sctp()) else {
            return;
        };
        if self.adoptions.pass(self.now).is_none() {
            return self.log_peer(format_args!("registrar {id} wants to be home registrar: too many of late, ignored"));
        }
        let Some(mut link) = self.inbound.remove(index) else { return };
        link.registrar_id = Some(id);
        link.candidate = Some(self.registrars.took_over(&link.peer, id));
        log::info!("registrar {id} takes over as home registrar");
        self.adopt(link, actions);
        self.home_works();
    }
}

//! Registration of our own elements (RFC 5352 section 3.1) and keep-alives (section 3.4).
//!
//! An element stays registered until it is de-registered: every T4, and after a loss of the home registrar at once with the
//! next one. A rejection is told to the application and is final ("MUST NOT re-attempt registration without correcting the
//! error condition"), until the application registers the element anew or another registrar becomes home, which has not
//! been asked yet. Three conditions are corrected without the application: lack of resources, an identifier that a dead element
//! still has, mostly this one itself before its host was rebooted, and a pool of another policy or transport, which ends with its
//! last element. Then the registrar is asked again, less and less often.

use super::associations::{LifeUnit, SctpHome};
use super::config::AsapConfig;
pub(super) use super::element::KnownTo;
use super::element::{Element, Encoded, State};
use super::interface::{Action, ElementKey, Outcome, RegistrationState, RequestError, RequestId, Step};
use super::peer_log::{PeerLog, causes};
use super::pool_table::PoolTable;
use super::requests::{Place, Requests, Waiter, encode, take_if};
use super::verdict::Verdict;
use crate::association::TransportKind;
use crate::message::AsapMessage;
use crate::message::asap::{EndpointKeepAlive, EndpointKeepAliveAck, Registration, RegistrationResponse};
use crate::wire::{Cause, OperationalError, PoolElement};
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// No element is registered more often than this, whatever the application or the registrar wants.
const MIN_REREGISTRATION_INTERVAL: Duration = Duration::from_millis(100);
/// A registrar that is heard has so many times T2-registration for the answer: it lives, and to leave it would take the element out of
/// all tables for some time.
const T2_WHILE_HEARD: u32 = 4;
/// It is heard when something has come from it for so many times T2-registration.
const T2_UNHEARD: u32 = 3;
/// Time until an element is registered again that the registrar removed without being asked.
const PAUSE_AFTER_REMOVAL: Duration = Duration::from_secs(1);

/// A registration that the application wants, and that makes sense.
pub(super) struct Prepared {
    key: ElementKey,
    encoded: Encoded,
    interval: Duration,
}

impl Prepared {
    /// Whose it is.
    pub(super) fn key(&self) -> &ElementKey {
        &self.key
    }
}

/// What an expired timer of an element has come to.
#[must_use]
pub(super) struct Expired {
    /// Requests that have seen MAX-REG-ATTEMPT attempts.
    pub(super) unanswered: Vec<Waiter>,
    pub(super) home: Verdict,
}

/// Whose elements a keep-alive asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeptAlive {
    /// Ours: acknowledged.
    Ours,
    /// Others': ignored.
    Unknown,
}

/// Our own elements.
pub(super) struct Registrations {
    elements: PoolTable<PoolElementId, Element>,
    max_pool_elements: usize,
    t2: Duration,
    max_reg_attempt: u32,
    /// Registrations go over SCTP only (RFC 5352 section 2.1).
    has_sctp: bool,
    log: PeerLog,
}

impl Registrations {
    pub(super) fn new(config: &AsapConfig) -> Registrations {
        Registrations {
            elements: PoolTable::new(),
            max_pool_elements: config.max_pool_elements,
            t2: config.t2_registration,
            max_reg_attempt: config.max_reg_attempt,
            has_sctp: config.registrar_transports.iter().any(|kind| *kind != TransportKind::Tcp),
            log: PeerLog::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.elements.next_deadline()
    }

    pub(super) fn take_due(&mut self, now: Time) -> Vec<(Time, PoolHandle, PoolElementId)> {
        self.elements.take_due(now)
    }

    /// Whether an element can be registered; says what to register then.
    pub(super) fn prepare(
        &self,
        pool_handle: PoolHandle,
        pool_element: PoolElement,
        interval: Duration,
    ) -> Result<Prepared, RequestError> {
        let key = (pool_handle.clone(), pool_element.id);
        if !self.has_sctp {
            return Err(RequestError::Invalid("registrations need SCTP, and no SCTP transport is configured"));
        }
        if !self.elements.contains(&key.0, key.1) && self.elements.len() >= self.max_pool_elements {
            return Err(RequestError::TooManyPoolElements);
        }
        let encoded = encoded(pool_handle, pool_element)?;
        Ok(Prepared { key, encoded, interval: interval.max(MIN_REREGISTRATION_INTERVAL) })
    }

    /// Registers an element, or changes its registration. One that was just leaving is known to registrars.
    pub(super) fn register(
        &mut self,
        Prepared { key, encoded, interval }: Prepared,
        known_to: KnownTo,
        waiter: Waiter,
        home: Option<SctpHome>,
        requests: &mut Requests,
        step: &mut Step<'_>,
    ) {
        requests.enter(&waiter, Place::Registration(key.clone()));
        if !self.elements.contains(&key.0, key.1) {
            self.elements.insert(key.0.clone(), key.1, Element::new(known_to));
        }
        let t2 = self.t2;
        self.elements.edit(&key.0, key.1, |element| {
            element.waiters.push(waiter);
            element.change(encoded, interval, home, t2, step);
            element.tell(&key.0, key.1, step);
        });
    }

    /// An element of our own has other values; nobody waits for an answer.
    pub(super) fn change(
        &mut self,
        Prepared { key, encoded, interval }: Prepared,
        home: Option<SctpHome>,
        step: &mut Step<'_>,
    ) {
        let t2 = self.t2;
        self.elements.edit(&key.0, key.1, |element| element.change(encoded, interval, home, t2, step));
    }

    /// The element is our own.
    pub(super) fn contains(&self, key: &ElementKey) -> bool {
        self.elements.contains(&key.0, key.1)
    }

    /// How an element stands; none: it is not ours.
    pub(super) fn state(&self, handle: &PoolHandle, id: PoolElementId) -> Option<RegistrationState> {
        let element = self.elements.get(handle, id)?;
        Some(element.registration_state())
    }

    /// The home registrar is another one: all elements register there at once. None: they wait for one.
    pub(super) fn restart(&mut self, home: Option<SctpHome>, step: &mut Step<'_>) {
        let t2 = self.t2;
        self.elements.edit_all(&mut |handle, id, element| {
            element.state = State::Idle;
            element.send(home, t2, step);
            element.tell(handle, id, step);
        });
    }

    /// The home registrar has shown that it reads lives in seconds: what it has taken for longer is put right.
    pub(super) fn home_reads_seconds(&mut self, home: Option<SctpHome>, step: &mut Step<'_>) {
        let t2 = self.t2;
        self.elements.edit_all(&mut |_, _, element| {
            if element.life_in_doubt && matches!(element.state, State::Registered { .. }) {
                element.send(home, t2, step);
            }
        });
    }

    /// The home registrar is gone.
    pub(super) fn home_lost(&mut self, step: &mut Step<'_>) {
        self.restart(None, step);
    }

    pub(super) fn on_response(
        &mut self,
        message: RegistrationResponse,
        home: Option<SctpHome>,
        requests: &mut Requests,
        step: &mut Step<'_>,
    ) {
        let (handle, id) = (message.pool_handle, message.pool_element_id);
        let log = &mut self.log;
        let Some(element) = self.elements.get(&handle, id) else {
            let line = format_args!("registration of {id} in pool {handle} is not ours: response ignored");
            return log.debug(step.now, line);
        };
        if !matches!(element.state, State::Registering { .. }) {
            let line = format_args!("registration of {id} in pool {handle}: response without request ignored");
            return log.debug(step.now, line);
        }
        let t2 = self.t2;
        self.elements.edit(&handle, id, |element| {
            let (mut what, again) = ("accepted with a warning", element.refusals > 0);
            element.state = if message.reject {
                let cause = message.error.as_ref().and_then(OperationalError::first).unwrap_or(Cause::Unspecified);
                let again_at = element.rejected(step.now, cause);
                what =
                    if again_at == Time::MAX { "rejected, and not tried again" } else { "rejected, to be tried again" };
                State::Refused { again_at }
            } else {
                if element.refused_for.is_some() {
                    log::info!("registration of {id} in pool {handle} accepted after {} refusals", element.refusals);
                }
                (element.attempts, element.refusals, element.refused_for) = (0, 0, None);
                element.life_in_doubt &= message.life_in_seconds.is_none();
                State::Registered { t4: step.now + element.interval }
            };
            if message.reject || message.error.is_some() {
                let causes = causes(message.error.as_ref());
                let line = format_args!("registration of {id} in pool {handle} {what}: {causes}");
                // One warning for all refusals until it is accepted.
                if again { log.info(step.now, line) } else { log.warn(step.now, line) }
            }
            let result = if message.reject {
                Err(RequestError::Rejected(message.error.unwrap_or_default()))
            } else {
                Ok(Outcome::Registered)
            };
            for waiter in &take_if(&mut element.waiters, Waiter::was_sent) {
                requests.complete(waiter, result.clone(), step);
            }
            let takes_seconds = home.is_some_and(|home| home.life_unit == LifeUnit::Seconds);
            let too_long = element.life_in_doubt && takes_seconds && matches!(element.state, State::Registered { .. });
            if element.changed || too_long {
                element.send(home, t2, step);
            }
            element.tell(&handle, id, step);
        });
    }

    /// Takes the requests whose time is over.
    pub(super) fn take_late(&mut self, handle: &PoolHandle, id: PoolElementId, now: Time) -> Vec<Waiter> {
        let late = |element: &mut Element| take_if(&mut element.waiters, |waiter| waiter.deadline() <= now);
        self.elements.edit(handle, id, late).unwrap_or_default()
    }

    /// T2-registration, T4-reregistration or the end of a pause may have come.
    pub(super) fn on_timer(
        &mut self,
        handle: &PoolHandle,
        id: PoolElementId,
        home: Option<SctpHome>,
        step: &mut Step<'_>,
    ) -> Expired {
        let (t2, max_reg_attempt) = (self.t2, self.max_reg_attempt);
        let nothing = || Expired { unanswered: Vec::new(), home: Verdict::Keep };
        let expired = self.elements.edit(handle, id, |element| match element.state {
            // The network is slow, or the registrar has a lot to do.
            State::Registering { sent, t2: at, before }
                if at <= step.now
                    && home
                        .and_then(|home| home.last_heard)
                        .is_some_and(|heard| step.now < heard + t2 * T2_UNHEARD)
                    && step.now < sent + t2 * T2_WHILE_HEARD =>
            {
                element.state = State::Registering { sent, t2: step.now + t2, before };
                nothing()
            }
            // Another registrar may do better; after MAX-REG-ATTEMPT the application is told.
            State::Registering { t2, .. } if t2 <= step.now => {
                let mut unanswered = Vec::new();
                if element.attempts >= max_reg_attempt {
                    let attempts = element.attempts;
                    log::warn!("registration of {id} in pool {handle}: no answer to {attempts} attempts; it goes on");
                    element.attempts = 0;
                    unanswered = std::mem::take(&mut element.waiters);
                }
                Expired { unanswered, home: Verdict::Leave("no answer to a registration") }
            }
            State::Registered { t4: at } | State::Refused { again_at: at } | State::Removed { again_at: at }
                if at <= step.now =>
            {
                element.send(home, t2, step);
                nothing()
            }
            _ => nothing(),
        });
        expired.unwrap_or_else(nothing)
    }

    /// The registrar says that it removed an element, though nobody de-registered it (RFC 5352 section 2.2.4: its life has
    /// expired).
    pub(super) fn was_removed(&mut self, handle: &PoolHandle, id: PoolElementId, step: &mut Step<'_>) {
        let removed = self.elements.edit(handle, id, |element| match element.state {
            State::Registered { t4 } => {
                element.state = State::Removed { again_at: t4.min(step.now + PAUSE_AFTER_REMOVAL) };
                element.tell(handle, id, step);
                true
            }
            _ => false,
        });
        if removed == Some(true) {
            let line = format_args!("{id} in pool {handle} was removed by the registrar: registering it again");
            self.log.warn(step.now, line);
        }
    }

    /// KA1 and KA2. A keep-alive without a PE Identifier asks about all our elements in the pool.
    pub(super) fn on_keep_alive(
        &mut self,
        association: AssociationId,
        message: &EndpointKeepAlive,
        step: &mut Step<'_>,
    ) -> KeptAlive {
        let handle = &message.pool_handle;
        let is_asked = |id| message.pool_element_id.is_none_or(|asked| asked == id);
        let of_pool = self.elements.of_pool(handle);
        let asked =
            of_pool.filter(|(id, element)| is_asked(*id) && element.known_to == KnownTo::Registrars).map(|(id, _)| id);
        let mut kept_alive = KeptAlive::Unknown;
        for pool_element_id in asked {
            kept_alive = KeptAlive::Ours;
            let ack = EndpointKeepAliveAck { pool_handle: handle.clone(), pool_element_id };
            if let Ok(bytes) = encode(&AsapMessage::EndpointKeepAliveAck(ack)) {
                step.push(Action::Send { association, bytes });
            }
        }
        if let (KeptAlive::Unknown, Some(id)) = (kept_alive, message.pool_element_id) {
            let line = format_args!("keep-alive for {id} in pool {handle}, which is not ours: ignored");
            self.log.debug(step.now, line);
        }
        kept_alive
    }

    /// Ends the time of requests that have seen too many rounds of hunts.
    pub(super) fn give_up(&mut self, fruitless_rounds: u64, now: Time) {
        self.elements.edit_all(&mut |_, _, element| {
            element.waiters.iter_mut().for_each(|waiter| waiter.give_up(fruitless_rounds, now));
        });
    }

    /// A request is withdrawn; the element stays.
    pub(super) fn cancel(&mut self, key: &ElementKey, request: RequestId) {
        let waits = |element: &mut Element| element.waiters.retain(|waiter| waiter.request() != request);
        self.elements.edit(&key.0, key.1, waits);
    }

    /// An element is de-registered. Elements that are not ours may be: the registrar decides who may.
    pub(super) fn remove(&mut self, key: &ElementKey, requests: &mut Requests, step: &mut Step<'_>) -> KnownTo {
        let Some(element) = self.elements.remove(&key.0, key.1) else { return KnownTo::Registrars };
        for waiter in &element.waiters {
            requests.complete(waiter, Err(RequestError::Cancelled), step);
        }
        element.known_to
    }

    /// Takes all elements away; returns those that a registrar has heard of.
    pub(super) fn take_all(&mut self) -> Vec<ElementKey> {
        let mut heard = Vec::new();
        self.elements.edit_all(&mut |handle, id, element| {
            if element.known_to == KnownTo::Registrars {
                heard.push((handle.clone(), id));
            }
        });
        self.elements.clear();
        heard
    }
}

/// The registration of an element, whose life is in seconds, for both kinds of registrars.
fn encoded(pool_handle: PoolHandle, pool_element: PoolElement) -> Result<Encoded, RequestError> {
    let life = pool_element.registration_life;
    let mut registration = Registration { pool_handle, pool_element, life_in_seconds: None };
    let in_seconds = encode(&AsapMessage::Registration(registration.clone()))?;
    registration.pool_element.registration_life = life.in_milliseconds();
    registration.life_in_seconds = Some(life);
    Ok(Encoded { in_seconds, in_both_units: encode(&AsapMessage::Registration(registration))? })
}

//! ASAP_REGISTRATION (RFC 5352 section 3.1).

use super::associations::Association;
use super::events::{About, EventKind};
use super::refusals::without_information;
use super::removal::{Abort, Place};
use super::sources::Costly;
use super::waiting_registrations::Turn;
use super::{Registrar, Step};
use crate::handlespace::{ElementIndex, Registered};
use crate::log_limit::log_limited;
use crate::message::AsapMessage;
use crate::message::asap::{Registration, RegistrationResponse};
use crate::security::access::Act;
use crate::wire::{Cause, ErrorCause, OperationalError, PoolElement, RegistrationLife};
use crate::{AssociationId, PoolHandle, Time};
use log::Level;

impl Registrar {
    pub(super) fn on_registration(&mut self, association: AssociationId, message: Registration, step: &mut Step<'_>) {
        if self.associations.get(association).is_none_or(Association::is_nowhere) {
            // It died before it was looked at: nobody waits for an answer, and there is nothing to answer but that it has no address.
            return log::debug!("registrar {}: a registration of {association:?}, which is gone: dropped", self.id);
        }
        let known = self.handlespace.find(&message.pool_handle, message.pool_element.id);
        let is_new = self.cost_of(association, known) == Costly::Registration;
        if !is_new || self.waiting_registrations.turn(step.now) == Turn::Now {
            return self.answer_registration(association, message, step);
        }
        self.statistics.registrations_late += 1;
        if let Some((association, message)) = self.waiting_registrations.push(step.now, association, message) {
            self.answer_registration(association, message, step);
        }
    }

    /// Does the registrations that have waited while there was more to do.
    pub(super) fn do_waiting_registrations(&mut self, step: &mut Step<'_>) {
        for _ in 0..self.waiting_registrations.due(step.now) {
            let Some((association, message)) = self.waiting_registrations.pop() else { return };
            if self.is_leaving() {
                self.abort(association, Abort::Leaving, step);
            } else {
                self.answer_registration(association, message, step);
            }
        }
    }

    pub(super) fn answer_registration(
        &mut self,
        association: AssociationId,
        message: Registration,
        step: &mut Step<'_>,
    ) {
        if self.associations.get(association).is_none() {
            return; // it has waited too long
        }
        let Registration { pool_handle, mut pool_element, life_in_seconds } = message;
        let id = pool_element.id;
        pool_element.registration_life = life_in_seconds.unwrap_or(pool_element.registration_life);
        let error = match self.register(association, &pool_handle, pool_element, step) {
            Ok(()) => {
                self.statistics.registrations += 1;
                None
            }
            Err(cause) => {
                self.statistics.registrations_refused += 1;
                let about = About::element(&pool_handle, id, self.id);
                self.events.note(step.now, EventKind::Refused, about, || cause.cause.to_string().into());
                log_limited!(
                    self.logs.refusals => self.host_at(association),
                    step.now,
                    Level::Warn,
                    "registrar {}: registration of {id:?} in pool {pool_handle} by {association:?} is refused: {}",
                    self.id,
                    cause.cause
                );
                Some(OperationalError { causes: vec![cause] })
            }
        };
        let response = RegistrationResponse {
            reject: error.is_some(),
            pool_handle,
            pool_element_id: id,
            error,
            registrars: self.registrars_to_tell(),
            life_in_seconds,
        };
        self.associations.tell(association, self.enrp.told_version());
        self.send(association, &AsapMessage::RegistrationResponse(response), step);
    }

    fn register(
        &mut self,
        id: AssociationId,
        pool_handle: &PoolHandle,
        pool_element: PoolElement,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCause> {
        if !self.may(id, Act::Register, Some(pool_handle), step) {
            return Err(without_information(Cause::RejectedForSecurity));
        }
        let Some(association) = self.associations.get(id) else { return Err(without_information(Cause::Unspecified)) };
        let (life, element_id) = (pool_element.registration_life, pool_element.id);
        let known = self.handlespace.find(pool_handle, pool_element.id);
        let costs = self.cost_of(id, known);
        if !self.sources.allow(step.now, association.address(), costs) {
            self.statistics.rate_limited += 1;
            return Err(without_information(Cause::LackOfResources));
        }
        let (handlespace, host) = (&mut self.handlespace, &self.own_addresses);
        let result =
            self.registrations.register(handlespace, host, (id, association), known, pool_handle, pool_element);
        if result.as_ref().is_err_and(|error| error.cause == Cause::NonUniquePoolElementId) {
            // Whoever has it may be dead, and its loss not noticed yet.
            if let Some(holder) = known {
                self.probe(holder, step);
            }
        }
        let (index, registered) = result?;
        self.departed.forget_element(id, pool_handle, element_id);
        self.watch(step.now, index, life);
        self.element_registered(index, registered, step);
        match registered {
            Registered::New => {
                self.log_registration(step.now, index, id);
                self.note_registration(step.now, index, EventKind::Registered);
            }
            Registered::Changed => self.note_registration(step.now, index, EventKind::Changed),
            Registered::Same => {}
        }
        Ok(())
    }

    /// What a registration over the association `id` is.
    fn cost_of(&self, id: AssociationId, known: Option<ElementIndex>) -> Costly {
        let known = known.and_then(|index| self.handlespace.element(index));
        if known.is_some_and(|known| known.association() == Some(id)) { Costly::Renewal } else { Costly::Registration }
    }

    /// Starts the timers of an element that has just registered, which proves it alive.
    fn watch(&mut self, now: Time, index: ElementIndex, life: RegistrationLife) {
        self.keep_alives.clear_reports(index);
        let first_keep_alive = self.next_keep_alive(now);
        self.handlespace.update_liveness(index, |liveness| {
            liveness.known_from(now);
            liveness.registered(life.end(now), first_keep_alive);
        });
    }

    /// An element has come, or says something else of itself than before.
    pub(super) fn note_registration(&mut self, now: Time, index: ElementIndex, kind: EventKind) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(pool) = self.handlespace.pool(element.pool()) else { return };
        let about = About::element(pool.handle(), element.id(), element.home_registrar());
        self.events.note(now, kind, about, || format!("it is at {}", Place(&element.user_transport())).into());
    }

    fn log_registration(&mut self, now: Time, index: ElementIndex, association: AssociationId) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(pool) = self.handlespace.pool(element.pool()) else { return };
        log_limited!(
            self.logs.registrations => self.host_at(association),
            now,
            Level::Info,
            "registrar {}: {:?} is registered in pool {} at {} by {association:?}; the pool has {} elements",
            self.id,
            element.id(),
            pool.handle(),
            Place(&element.user_transport()),
            pool.len()
        );
    }
}

//! ASAP_DEREGISTRATION (RFC 5352 section 3.2).

use super::enrp::Suggest;
use super::registrations::Deregistration;
use super::removal::Removal;
use super::{Registrar, Step};
use crate::AssociationId;
use crate::handlespace::{ElementIndex, Removed};
use crate::log_limit::log_limited;
use crate::message::AsapMessage;
use crate::message::asap::{self, DeregistrationResponse};
use crate::wire::{Cause, OperationalError};
use log::Level;

impl Registrar {
    pub(super) fn on_deregistration(
        &mut self,
        association: AssociationId,
        message: asap::Deregistration,
        step: &mut Step<'_>,
    ) {
        let asap::Deregistration { pool_handle, pool_element_id } = message;
        if let Some(waiting) = self.waiting_registrations.take(association, &pool_handle, pool_element_id) {
            self.answer_registration(association, waiting, step); // it came first
        }
        let by = (association, self.associations.get(association));
        let error = match self.registrations.deregister(&self.handlespace, by, &pool_handle, pool_element_id) {
            Deregistration::NotThere => {
                self.departed.forget_element(association, &pool_handle, pool_element_id);
                None
            }
            Deregistration::Granted(element) => {
                self.deregister(element, association, step);
                None
            }
            Deregistration::Refused => Some(OperationalError::of(Cause::RejectedForSecurity)),
        };
        match error {
            None => self.statistics.deregistrations += 1,
            Some(_) => {
                self.statistics.deregistrations_refused += 1;
                log_limited!(
                    self.logs.refusals => self.host_at(association),
                    step.now,
                    Level::Warn,
                    "registrar {}: {association:?} must not de-register {pool_element_id:?} of pool {pool_handle}, which \
                     is registered by another association: refused",
                    self.id
                );
            }
        }
        let response = DeregistrationResponse { pool_handle, pool_element_id, error };
        self.send(association, &AsapMessage::DeregistrationResponse(response), step);
    }

    /// Nothing is looked at.
    pub(super) fn refuse_deregistration(
        &mut self,
        association: AssociationId,
        message: asap::Deregistration,
        step: &mut Step<'_>,
    ) {
        self.tell_lack_of_tls(association, &"de-register", step);
        self.statistics.deregistrations_refused += 1;
        let asap::Deregistration { pool_handle, pool_element_id } = message;
        let error = Some(OperationalError::of(Cause::RejectedForSecurity));
        let response = DeregistrationResponse { pool_handle, pool_element_id, error };
        self.send(association, &AsapMessage::DeregistrationResponse(response), step);
    }

    fn deregister(&mut self, element: ElementIndex, association: AssociationId, step: &mut Step<'_>) {
        if self.handlespace.element(element).is_some_and(|e| e.home_registrar() != self.id) {
            // Only its home can take it out, and the element has just chosen this registrar.
            self.change_owner(step.now, element, self.id);
            self.announce_addition(element, Suggest::Nothing, step);
        }
        self.remove_element(element, Removal::Deregistered(association), step);
    }

    /// Tells an element that it has been removed although it did not ask for it (RFC 5352 section 3.2).
    pub(super) fn send_removal(&mut self, removed: &Removed, step: &mut Step<'_>) {
        let Some(association) = removed.element.association() else { return };
        let response = DeregistrationResponse {
            pool_handle: removed.pool_handle.clone(),
            pool_element_id: removed.element.id(),
            error: None,
        };
        self.send(association, &AsapMessage::DeregistrationResponse(response), step);
    }
}

//! ASAP_ENDPOINT_KEEP_ALIVE and the end of registrations (RFC 5352 sections 3.2, 3.4 and 3.5).

use super::keep_alives::{Ask, Expiry};
use super::removal::{Abort, Removal};
use super::witnesses::Witness;
use super::{Registrar, Step};
use crate::handlespace::{Claim, ElementIndex, Liveness};
use crate::log_limit::log_limited;
use crate::message::AsapMessage;
use crate::message::asap::{EndpointKeepAlive, EndpointKeepAliveAck};
use crate::{AssociationId, Time};
use log::Level;

impl Registrar {
    /// The timer of an element: its registration ends, or a keep-alive is due, or has not been answered.
    pub(super) fn on_element_timer_expired(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let (own, host) = (self.handlespace.count_of_owner(self.id), self.host_of_element(index));
        let expire =
            |liveness: &mut Liveness| self.keep_alives.on_expired(step.now, host, liveness, own, &mut self.random);
        match self.handlespace.update_liveness(index, expire) {
            Some(Expiry::RegistrationEnded) => self.on_registration_life_expired(index, step),
            Some(Expiry::Ask) => self.send_keep_alive(index, step),
            Some(Expiry::AskOthers) => self.ask_peer_about(index, step),
            Some(Expiry::NoAnswer) => self.on_keep_alive_timeout_expired(index, step),
            Some(Expiry::GoesOn) | None => {}
        }
    }

    /// Where an element is that has an association.
    pub(super) fn host_of_element(&self, index: ElementIndex) -> u64 {
        let association = self.handlespace.element(index).and_then(|element| element.association());
        association.map_or(0, |association| self.host_at(association))
    }

    /// When an element that has just proved alive is asked again.
    pub(super) fn next_keep_alive(&mut self, now: Time) -> Time {
        self.keep_alives.next(now, self.handlespace.count_of_owner(self.id), &mut self.random)
    }

    fn on_registration_life_expired(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(removed) = self.remove_element(index, Removal::Expired, step) else { return };
        self.statistics.removed_by_expiry += 1;
        self.send_removal(&removed, step);
    }

    /// An element that does not answer is taken out, as the process behind it hangs, and all others of that process with it.
    fn on_keep_alive_timeout_expired(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        if let Some(element) = self.handlespace.element(index).filter(|e| e.home_registrar() != self.id) {
            // It did not prove that it is ours: it stays with the other registrar.
            let association = element.association();
            self.let_go(index);
            if let Some(association) = association {
                self.abort_if_unused(association, Abort::NoKeepAliveAck, step);
            }
            return;
        }
        let liveness = self.handlespace.element(index).map(|element| *element.liveness());
        if let Some(liveness) = liveness.filter(|liveness| self.keep_alives.is_suspect(liveness)) {
            return self.remove_reported(index, liveness.bad_reports(), step);
        }
        self.remove_silent(index, step);
    }

    /// Aborts the association with a process of which no element is left.
    pub(super) fn abort_if_unused(&mut self, association: AssociationId, why: Abort, step: &mut Step<'_>) {
        if self.handlespace.count_of_association(association) == 0 {
            self.abort(association, why, step);
        }
    }

    /// Sends a keep-alive and waits for the answer.
    pub(super) fn send_keep_alive(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let pool_element_id = element.id();
        let pool = self.handlespace.pool(element.pool());
        let (Some(association), Some(pool)) = (element.association(), pool) else {
            // Another registrar's: it is not ours to watch.
            self.handlespace.update_liveness(index, |liveness| liveness.set_keep_alive(Time::MAX));
            return;
        };
        let claimed = element.liveness().claim() == Claim::Asked;
        let message = AsapMessage::EndpointKeepAlive(EndpointKeepAlive {
            home: claimed,
            registrar_id: self.id,
            pool_handle: pool.handle().clone(),
            pool_element_id: Some(pool_element_id),
            registrars: if self.associations.tell(association, self.enrp.told_version()) {
                self.registrars_to_tell()
            } else {
                Vec::new()
            },
        });
        let host = self.host_at(association);
        self.handlespace.update_liveness(index, |liveness| {
            self.keep_alives.asked(step.now, host, liveness);
            if !claimed {
                self.keep_alives.look_early(step.now, host, liveness);
            }
        });
        self.statistics.keep_alives_sent += 1;
        self.send(association, &message, step);
    }

    /// Sends a keep-alive because of a report: at once, or as soon as the last one is long enough ago.
    pub(super) fn probe(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let probe = |liveness: &mut Liveness| self.keep_alives.probe(step.now, liveness);
        if self.handlespace.update_liveness(index, probe) == Some(Ask::Now) {
            self.send_keep_alive(index, step);
        }
    }

    pub(super) fn on_endpoint_keep_alive_ack(
        &mut self,
        association: AssociationId,
        message: EndpointKeepAliveAck,
        step: &mut Step<'_>,
    ) {
        let index = self.handlespace.find(&message.pool_handle, message.pool_element_id);
        let Some(index) = index else { return self.bring_back(association, &message, step) };
        let owner = self.handlespace.element(index).and_then(|element| element.association());
        if owner != Some(association) {
            log_limited!(
                self.logs.unexpected => self.host_at(association),
                step.now,
                Level::Warn,
                "registrar {}: {association:?} acknowledges a keep-alive for {:?} of pool {}, which is not its own: ignored",
                self.id,
                message.pool_element_id,
                message.pool_handle
            );
            return;
        }
        let next = self.next_keep_alive(step.now);
        self.keep_alives.clear_reports(index);
        let who = Witness { host: self.host_at(association), element: index };
        self.handlespace.update_liveness(index, |liveness| self.keep_alives.answered(step.now, who, liveness, next));
        self.element_confirmed(index, step);
    }
}

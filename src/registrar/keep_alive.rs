//! ASAP_ENDPOINT_KEEP_ALIVE and the end of registrations (RFC 5352 sections 3.2, 3.4 and 3.5).

use super::removal::{Abort, Removal};
use super::unreachable::HURRIED_PATIENCE;
use super::{Registrar, Step, is_late};
use crate::handlespace::{Claim, ElementIndex};
use crate::log_limit::log_limited;
use crate::message::AsapMessage;
use crate::message::asap::{EndpointKeepAlive, EndpointKeepAliveAck};
use crate::{AssociationId, Time};
use log::Level;
use std::time::Duration;

/// Keep-alives to one element are at least this far apart, however many reports come (RFC 5355 section 2.14).
const SHORTEST_KEEP_ALIVE_GAP: Duration = Duration::from_millis(100);
/// An element that is being taken over has at least so long for its acknowledgement: many are taken over at once, the network may
/// be in trouble, and it may know no other registrar. The keep-alive itself is sent again by SCTP.
pub(super) const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

impl Registrar {
    /// Time between two keep-alives to an element: as configured, or longer, where all elements together would otherwise get
    /// more than may be sent. What asks too many elements too often misses deadlines, and takes living ones for dead.
    pub(super) fn keep_alive_interval(&self) -> Duration {
        let elements = u64::try_from(self.handlespace.count_of_owner(self.id)).unwrap_or(u64::MAX);
        let rate = u64::from(self.config.max_keep_alives_per_second);
        let bearable = Duration::from_nanos(elements.saturating_mul(1_000_000_000) / rate);
        self.config.keep_alive_interval.max(bearable)
    }

    /// The timer of an element: its registration ends, or a keep-alive is due, or has not been answered.
    pub(super) fn on_element_timer_expired(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let liveness = *element.liveness();
        if liveness.expires_at <= step.now {
            self.on_registration_life_expired(index, step);
        } else if liveness.keep_alive_at <= step.now {
            if is_late(step.now, liveness.keep_alive_at) {
                self.restart_keep_alive(step.now, index, liveness.awaiting_ack);
            } else if liveness.awaiting_ack {
                self.on_keep_alive_timeout_expired(index, step);
            } else {
                self.send_keep_alive(index, step);
            }
        }
    }

    /// When an element that has just proved alive is asked again.
    pub(super) fn next_keep_alive(&mut self, now: Time) -> Time {
        let interval = self.keep_alive_interval();
        now + self.random.jitter_half(interval)
    }

    /// This registrar was stopped (a suspended machine, a stalled disk): answers may be waiting to be read, and all
    /// keep-alives are due at once. Nobody is blamed for that, and the keep-alives are spread again.
    fn restart_keep_alive(&mut self, now: Time, index: ElementIndex, awaiting_ack: bool) {
        let pause = if awaiting_ack {
            self.config.keep_alive_timeout
        } else {
            self.random.within(self.keep_alive_interval()) + Duration::from_nanos(1)
        };
        self.handlespace.update_liveness(index, |liveness| liveness.keep_alive_at = now + pause);
    }

    fn on_registration_life_expired(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(removed) = self.remove_element(index, Removal::Expired, step) else { return };
        self.statistics.removed_by_expiry += 1;
        self.send_removal(&removed, step);
    }

    /// Aborts the association of an element that does not answer: the process behind it hangs. All its elements go with
    /// it, and should it come to life again, it will notice and can register again.
    fn on_keep_alive_timeout_expired(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        if let Some(element) = self.handlespace.element(index).filter(|e| e.home_registrar() != self.id) {
            // It did not prove that it is ours: it stays with the other registrar.
            let association = element.association();
            self.let_go(index);
            if let Some(association) = association.filter(|&a| self.handlespace.count_of_association(a) == 0) {
                self.abort(association, Abort::NoKeepAliveAck, step);
            }
            return;
        }
        if let Some(liveness) = self.handlespace.element(index).map(|e| *e.liveness()).filter(|l| self.is_suspect(l)) {
            return self.remove_reported(index, liveness.bad_reports, step);
        }
        let Some(removed) = self.remove_element(index, Removal::NotAnswering, step) else { return };
        self.statistics.removed_by_timeout += 1;
        if let Some(association) = removed.element.association() {
            self.abort(association, Abort::NoKeepAliveAck, step);
        }
    }

    /// Removes an element that had less time than others, as many report it. Its association stays: should it be slow and not dead,
    /// it hears of that and registers again.
    fn remove_reported(&mut self, index: ElementIndex, reports: u32, step: &mut Step<'_>) {
        let Some(removed) = self.remove_element(index, Removal::Reported(reports), step) else { return };
        self.statistics.removed_by_reports += 1;
        self.send_removal(&removed, step);
    }

    /// Sends a keep-alive and waits for the answer.
    pub(super) fn send_keep_alive(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let pool_element_id = element.id();
        let pool = self.handlespace.pool(element.pool());
        let (Some(association), Some(pool)) = (element.association(), pool) else {
            // Another registrar's: it is not ours to watch.
            return self.handlespace.update_liveness(index, |liveness| liveness.keep_alive_at = Time::MAX);
        };
        let claimed = element.liveness().claim == Claim::Asked;
        let message = AsapMessage::EndpointKeepAlive(EndpointKeepAlive {
            home: claimed,
            registrar_id: self.id,
            pool_handle: pool.handle().clone(),
            pool_element_id: Some(pool_element_id),
        });
        let suspect = self.is_suspect(element.liveness());
        let timeout = self.config.keep_alive_timeout.min(if suspect { HURRIED_PATIENCE } else { Duration::MAX });
        let deadline = step.now + if claimed { timeout.max(CLAIM_PATIENCE) } else { timeout };
        self.handlespace.update_liveness(index, |liveness| {
            liveness.awaiting_ack = true;
            liveness.keep_alive_at = deadline;
            liveness.last_keep_alive = Some(step.now);
        });
        self.statistics.keep_alives_sent += 1;
        self.send(association, &message, step);
    }

    /// Sends a keep-alive because of a report: at once, or as soon as the last one is long enough ago.
    pub(super) fn probe(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(liveness) = self.handlespace.element(index).map(|element| *element.liveness()) else { return };
        if liveness.awaiting_ack {
            return; // it is being probed
        }
        let earliest = liveness.last_keep_alive.map_or(step.now, |last| last + SHORTEST_KEEP_ALIVE_GAP);
        if earliest <= step.now {
            self.send_keep_alive(index, step);
        } else {
            self.handlespace
                .update_liveness(index, |liveness| liveness.keep_alive_at = liveness.keep_alive_at.min(earliest));
        }
    }

    pub(super) fn on_endpoint_keep_alive_ack(
        &mut self,
        association: AssociationId,
        message: EndpointKeepAliveAck,
        step: &mut Step<'_>,
    ) {
        let index = self.handlespace.find(&message.pool_handle, message.pool_element_id);
        let Some(index) = index else { return }; // removed meanwhile
        let owner = self.handlespace.element(index).and_then(|element| element.association());
        if owner != Some(association) {
            log_limited!(
                self.logs.unexpected,
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
        self.reports.clear(index);
        self.handlespace.update_liveness(index, |liveness| {
            liveness.bad_reports = 0;
            if liveness.awaiting_ack {
                liveness.awaiting_ack = false;
                liveness.keep_alive_at = next;
            }
        });
        self.element_confirmed(index, step);
    }
}

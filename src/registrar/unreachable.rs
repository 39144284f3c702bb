//! ASAP_ENDPOINT_UNREACHABLE (RFC 5352 section 3.5).

use super::associations::Limited;
use super::reports::Reporter;
use super::{Registrar, Step};
use crate::handlespace::{Claim, ElementIndex, Liveness};
use crate::log_limit::log_limited;
use crate::message::asap::EndpointUnreachable;
use crate::{AssociationId, Time};
use log::Level;
use std::time::Duration;

/// Time that an element has for its answer to a keep-alive when more have reported it than MAX-BAD-PE-REPORT.
pub(super) const HURRIED_PATIENCE: Duration = Duration::from_millis(500);

impl Registrar {
    /// Asks the element at once whether it is alive. An answer keeps it and clears the count: whoever cannot reach an element that
    /// answers has trouble of its own, or wants to harm it. Without one, the element goes, and sooner if many report it.
    pub(super) fn on_endpoint_unreachable(
        &mut self,
        association: AssociationId,
        message: EndpointUnreachable,
        step: &mut Step<'_>,
    ) {
        let within_limit = self.associations.allows(step.now, association, Limited::Report);
        if !within_limit {
            self.statistics.rate_limited += 1;
            log_limited!(
                self.logs.limits,
                step.now,
                Level::Warn,
                "registrar {}: {association:?} sends more than {} unreachable reports a second: ignored",
                self.id,
                self.config.max_reports_per_second
            );
            return;
        }
        let index = self.handlespace.find(&message.pool_handle, message.pool_element_id);
        let Some(index) = index else { return }; // removed already
        self.count_report(index, Reporter::User(association), step);
    }

    /// Counts a report, and has the element asked.
    pub(super) fn count_report(&mut self, index: ElementIndex, reporter: Reporter, step: &mut Step<'_>) {
        self.statistics.reports += 1;
        let Some(element) = self.handlespace.element(index) else { return };
        if element.home_registrar() != self.id {
            return self.count_report_for_home(index, step);
        }
        let reports = self.reports.add(index, reporter);
        self.handlespace.update_liveness(index, |liveness| liveness.bad_reports = reports);
        self.probe(index, step);
        self.hurry(index, step.now);
    }

    /// Whether so many have reported an element that it has only [`HURRIED_PATIENCE`] to prove alive.
    pub(super) fn is_suspect(&self, liveness: &Liveness) -> bool {
        liveness.bad_reports > self.config.max_bad_pe_report
    }

    /// Leaves a suspect that has been asked less time.
    fn hurry(&mut self, index: ElementIndex, now: Time) {
        let Some(liveness) = self.handlespace.element(index).map(|element| *element.liveness()) else { return };
        let Some(asked) = liveness.last_keep_alive.filter(|_| liveness.awaiting_ack) else { return };
        if self.is_suspect(&liveness) && liveness.claim != Claim::Asked {
            let deadline = (asked + self.config.keep_alive_timeout.min(HURRIED_PATIENCE)).max(now);
            self.handlespace.update_liveness(index, |liveness| {
                liveness.keep_alive_at = liveness.keep_alive_at.min(deadline);
            });
        }
    }

    /// What another registrar is home of is up to that one: it is told when there are more reports than MAX-BAD-PE-REPORT.
    /// Each counts, as the element cannot be asked here; for its home they are one.
    fn count_report_for_home(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let most = self.config.max_bad_pe_report;
        let mut reports = 0;
        self.handlespace.update_liveness(index, |liveness| {
            reports = liveness.bad_reports.saturating_add(1);
            liveness.bad_reports = if reports > most { 0 } else { reports };
        });
        if reports > most {
            self.report_to_home(index, step);
        } else {
            self.probe(index, step);
        }
    }
}

//! ASAP_ENDPOINT_UNREACHABLE (RFC 5352 section 3.5).

use super::associations::Limited;
use super::keep_alives::ForeignReport;
use super::reports::Reporter;
use super::{Registrar, Step};
use crate::AssociationId;
use crate::handlespace::{ElementIndex, Liveness};
use crate::log_limit::log_limited;
use crate::message::asap::EndpointUnreachable;
use crate::security::access::Act;
use log::Level;

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
                self.logs.limits => self.host_at(association),
                step.now,
                Level::Warn,
                "registrar {}: {association:?} sends more than {} unreachable reports a second: ignored",
                self.id,
                self.config.max_reports_per_second
            );
            return;
        }
        if !self.may(association, Act::Report, Some(&message.pool_handle), step) {
            return;
        }
        let index = self.handlespace.find(&message.pool_handle, message.pool_element_id);
        let Some(index) = index else { return }; // removed already
        self.count_report(index, Reporter::User(association), step);
    }

    /// Counts a report, and has the element asked. What another registrar is home of is up to that one: it is told when there
    /// are more reports than MAX-BAD-PE-REPORT.
    pub(super) fn count_report(&mut self, index: ElementIndex, reporter: Reporter, step: &mut Step<'_>) {
        self.statistics.reports += 1;
        let Some(element) = self.handlespace.element(index) else { return };
        if element.home_registrar() != self.id {
            let count = |liveness: &mut Liveness| self.keep_alives.reported_foreign(index, reporter, liveness);
            return match self.handlespace.update_liveness(index, count) {
                Some(ForeignReport::TellHome) => self.report_to_home(index, step),
                Some(ForeignReport::Counted) => self.probe(index, step),
                None => {}
            };
        }
        self.handlespace.update_liveness(index, |liveness| self.keep_alives.reported(index, reporter, liveness));
        self.probe(index, step);
        let host = self.host_of_element(index);
        self.handlespace.update_liveness(index, |liveness| self.keep_alives.hurry(step.now, host, liveness));
    }
}

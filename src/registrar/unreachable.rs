//! ASAP_ENDPOINT_UNREACHABLE (RFC 5352 section 3.5).

use super::associations::Limited;
use super::{Registrar, Step};
use crate::AssociationId;
use crate::handlespace::ElementIndex;
use crate::log_limit::log_limited;
use crate::message::asap::EndpointUnreachable;
use log::Level;

impl Registrar {
    /// Asks the element at once whether it is alive. An answer keeps it, but reports count on: an element that answers its
    /// registrar and not its users is of no use. The count starts again when the element registers again, or when there
    /// is no report between two periodic keep-alives.
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
        self.count_report(index, step);
    }

    /// Counts a report, and asks the element or gives it up. What another registrar is home of is up to that one.
    pub(super) fn count_report(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        self.statistics.reports += 1;
        self.handlespace.update_liveness(index, |liveness| {
            liveness.bad_reports = liveness.bad_reports.saturating_add(1);
            liveness.reported = true;
        });
        let reports = self.handlespace.element(index).map_or(0, |element| element.liveness().bad_reports);
        if reports <= self.config.max_bad_pe_report {
            return self.probe(index, step);
        }
        if self.handlespace.element(index).is_some_and(|element| element.home_registrar() != self.id) {
            self.handlespace.update_liveness(index, |liveness| liveness.bad_reports = 0);
            return self.report_to_home(index, step);
        }
        let Some(removed) = self.remove_element(index, step) else { return };
        self.statistics.removed_by_reports += 1;
        log_limited!(
            self.logs.removals,
            step.now,
            Level::Warn,
            "registrar {}: {:?} of pool {} has been reported unreachable {reports} times: removed",
            self.id,
            removed.element.id(),
            removed.pool_handle
        );
        self.send_removal(&removed, step);
    }
}

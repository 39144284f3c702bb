//! Reports of unreachable elements (RFC 5352 section 3.5).

use super::interface::{Action, RequestError, Step};
use super::requests::encode;
use crate::message::AsapMessage;
use crate::message::asap::EndpointUnreachable;
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// Reports kept at a time.
const MAX_REPORTS: usize = 64;

/// An element reported as unreachable.
struct Report {
    pool_handle: PoolHandle,
    pool_element_id: PoolElementId,
    reported: Time,
    /// The message, as long as there was nobody to send it to.
    unsent: Option<Vec<u8>>,
}

/// Reports of late: to be sent to the next registrar, and not to be cached again by an answer under way.
pub(super) struct UnreachableReports {
    reports: VecDeque<Report>,
    /// For how long.
    keep: Duration,
}

impl UnreachableReports {
    /// No reports; each will be kept for this long.
    pub(super) fn new(keep: Duration) -> UnreachableReports {
        UnreachableReports { reports: VecDeque::new(), keep }
    }

    /// Takes one more.
    pub(super) fn add(&mut self, handle: PoolHandle, id: PoolElementId, now: Time) -> Result<(), RequestError> {
        let message = EndpointUnreachable { pool_handle: handle.clone(), pool_element_id: id };
        let bytes = encode(&AsapMessage::EndpointUnreachable(message))?;
        while self.reports.len() >= MAX_REPORTS {
            self.reports.pop_front();
        }
        let report = Report { pool_handle: handle, pool_element_id: id, reported: now, unsent: Some(bytes) };
        self.reports.push_back(report);
        Ok(())
    }

    /// Sends the reports that wait for a registrar, unless they are too old to be of use, each once.
    pub(super) fn send(&mut self, home: Option<AssociationId>, step: &mut Step<'_>) {
        let (now, keep) = (step.now, self.keep);
        self.reports.retain(|report| now.saturating_since(report.reported) < keep);
        let Some(association) = home else { return };
        for bytes in self.reports.iter_mut().filter_map(|report| report.unsent.take()) {
            step.push(Action::Send { association, bytes });
        }
    }

    /// The elements of a pool that were reported at this time or later.
    pub(super) fn since(&self, handle: &PoolHandle, time: Time) -> impl Iterator<Item = PoolElementId> {
        let reports =
            self.reports.iter().filter(move |report| report.reported >= time && report.pool_handle == *handle);
        reports.map(|report| report.pool_element_id)
    }
}

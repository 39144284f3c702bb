//! Every request of an application completes exactly once, within its time, with an answer that fits.

use crate::config::{MILLIS, SECOND};
use crate::node::NodeId;
use crate::workload::{Asked, Open};
use crate::world::World;
use rserpool::asap::{Outcome, RequestError, RequestId};
use std::collections::BTreeSet;

/// How much later than its time a request may complete: the process has to be woken.
const SLACK: u64 = 20 * MILLIS;

impl World {
    pub fn check_completion(
        &mut self,
        node: NodeId,
        request: RequestId,
        open: &Open,
        result: &Result<Outcome, RequestError>,
    ) {
        self.checks.completed += 1;
        let fits = match (&open.what, result) {
            (_, Err(error)) => !matches!(error, RequestError::Invalid(_)),
            (Asked::Register, Ok(Outcome::Registered)) => true,
            (Asked::Deregister, Ok(Outcome::Deregistered)) => true,
            (Asked::Report, Ok(Outcome::Reported)) => true,
            (Asked::Resolve { items, .. }, Ok(Outcome::Resolved { pool_elements, .. })) => {
                self.checks.resolved += 1;
                let ids: BTreeSet<_> = pool_elements.iter().map(|element| element.id).collect();
                let most = items.map_or(usize::MAX, |items| items as usize);
                !ids.is_empty() && ids.len() == pool_elements.len() && ids.len() <= most
            }
            _ => false,
        };
        if !fits {
            self.fail(format!("node {node}: request {} {:?} completes with {result:?}", request.0, open.what));
        }
        if self.is_late(node, open) {
            let waited = (self.now - open.since) / MILLIS;
            self.fail(format!("node {node}: request {} completes after {waited} ms", request.0));
        }
        if let Asked::Resolve { pool, last: true, .. } = open.what {
            self.check_last_resolution(node, pool, result);
        }
    }

    fn is_late(&self, node: NodeId, open: &Open) -> bool {
        let most = self.config.client.max_request_time.as_nanos() as u64;
        // A process that was stopped meanwhile answers when it is continued.
        let since = open.since.max(self.nodes[node].continued);
        self.now - since > self.config.stretched(most) + SLACK
    }

    /// Requests without answer must not be late, either.
    pub fn check_open_requests(&mut self, node: NodeId) {
        if self.nodes[node].hung {
            return;
        }
        let Some(client) = self.nodes[node].client() else { return };
        let late = client.open.iter().find(|(_, open)| self.is_late(node, open)).map(|(id, open)| (*id, open.since));
        let stopping = client.stopping;
        if let Some((request, since)) = late {
            self.fail(format!("node {node}: request {request} of {} ms has no answer", since / MILLIS));
        }
        let most = self.config.client.shutdown_timeout.as_nanos() as u64;
        let since = stopping.map(|since| since.max(self.nodes[node].continued));
        if since.is_some_and(|since| self.now - since > self.config.stretched(most) + SLACK) {
            self.fail(format!("node {node}: does not stop in time"));
        }
    }

    /// A registrar that is asked to leave does so within its time.
    pub fn check_leaving(&mut self, node: NodeId) {
        let Some(since) = self.checks.leaving.get(&node).map(|since| (*since).max(self.nodes[node].continued)) else {
            return;
        };
        // The time is counted from the last suggestion, of 25 600 a second.
        let suggestions = self.config.elements() as u64 * SECOND / 25_600;
        let most = self.config.registrar.leave_timeout.as_nanos() as u64 + suggestions;
        if !self.nodes[node].hung && self.now - since > self.config.stretched(most) + SLACK {
            self.fail(format!("registrar on node {node} was asked to leave and is still there"));
        }
    }

    /// With everything healed, a resolution gives elements that are there.
    fn check_last_resolution(&mut self, node: NodeId, pool: usize, result: &Result<Outcome, RequestError>) {
        self.checks.last_resolutions += 1;
        match result {
            Ok(Outcome::Resolved { pool_elements, .. }) => {
                self.checks.last_resolved += 1;
                if let Some(dead) = pool_elements.iter().find(|element| !self.is_served(pool, element.id.0)) {
                    self.fail(format!("node {node}: resolved {:?} of pool {pool}, which is not there", dead.id));
                }
            }
            _ if !self.has_elements(pool) => {}
            other => self.fail(format!("node {node}: pool {pool} has elements and is resolved to {other:?}")),
        }
    }

    /// Whether a pool has an element that is there.
    pub fn has_elements(&self, pool: usize) -> bool {
        (0..self.nodes.len())
            .flat_map(|node| self.plans[node].own_elements())
            .any(|element| element.pool == pool && self.is_served(pool, element.id))
    }
}

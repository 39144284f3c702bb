//! What must hold, checked by means of its own: no checker asks the code that it checks.
//!
//! Safety, at each step: `handlespace` (sums and tables), `messages` (well-formed, bounded), `ledger` (nothing selected that
//! is gone), `requests` (each completes once, in time). With rogues: `siege` (nothing changes by them), `foreign` (no element that
//! is not what it seems), `unasked` (nobody is sent what he did not ask for), `bounds` (no table grows). Liveness, after the faults:
//! `convergence`.

pub mod bounds;
pub mod convergence;
mod describe;
mod foreign;
mod handlespace;
mod ledger;
mod messages;
mod requests;
mod siege;
mod unasked;

pub use describe::{describe, describe_action, describe_client_action};

pub use handlespace::InternetChecksum;

use super::node::{Input, Node, NodeId};
use super::world::World;
use crate::support::network::{EndId, transport_number};
use ledger::{Ledger, Told};
use rserpool::registrar::{Action, Link};
use siege::Standing;
use std::collections::{BTreeMap, BTreeSet};
use unasked::{AskedOf, Suggested};

/// Tables are recomputed at each step up to this number of elements, beyond it every so many steps, or as many as there
/// are elements.
const SMALL: usize = 32;
const EVERY: usize = 256;
/// Tables of all registrars together that are recomputed at each sweep, in elements; larger ones at some sweeps only.
const SWEEP: usize = 4096;

/// What the checkers remember.
#[derive(Default)]
pub struct Checks {
    /// What each registrar may select, as seen in the messages.
    ledgers: BTreeMap<NodeId, Ledger>,
    told: Told,
    /// Registrars that were asked to leave, and when.
    pub leaving: BTreeMap<NodeId, u64>,
    steps: usize,
    sweeps: usize,
    /// Identifiers that registrars of the run have, or have had.
    pub registrar_ids: BTreeSet<u32>,
    /// How everything stood when the rogues came, as long as nothing else goes on.
    pub siege: Option<Standing>,
    asked: AskedOf,
    suggested: Suggested,
    /// Turned off for measurements.
    pub off: bool,
    pub completed: u64,
    pub resolved: u64,
    pub last_resolutions: u64,
    pub last_resolved: u64,
}

impl World {
    pub fn checks_before_registrar(&mut self, node: NodeId, input: &Input) {
        if !self.checks.off {
            self.ledger_before(node, input);
        }
    }

    pub fn checks_after_registrar(&mut self, node: NodeId, actions: &[Action]) {
        if self.checks.off {
            return;
        }
        let mut last: &[u8] = &[];
        for action in actions {
            if let Action::Send { association, bytes } = action {
                // What goes to all registrars is the same for each.
                let repeated = association.transport() == transport_number(Link::Enrp) && *bytes == last;
                if !repeated {
                    self.check_sent_by_registrar(node, *association, bytes);
                    last = bytes;
                }
                self.check_asked_of_registrar(node, EndId::of(*association), bytes);
            }
            if let Action::Abort { association, .. } = action {
                self.ledger_lost(node, *association);
            }
        }
        self.checks.steps += 1;
        let Some(registrar) = self.nodes[node].registrar() else { return };
        let elements = registrar.handlespace().element_count();
        if elements <= SMALL || self.checks.steps % elements.max(EVERY) == 0 {
            if let Err(what) = handlespace::check(registrar) {
                self.fail(format!("registrar on node {node}: {what}"));
            }
        }
    }

    pub fn checks_of_new_process(&mut self, node: NodeId) {
        if let Some(id) = self.nodes[node].registrar().map(|registrar| registrar.id().0) {
            self.checks.registrar_ids.insert(id);
            self.checks.ledgers.insert(node, Ledger::default());
        }
    }

    /// Requests of a process that is gone need no answer; all others do, in time.
    pub fn checks_of_dead_process(&mut self, node: NodeId) {
        self.checks.ledgers.remove(&node);
        self.checks.leaving.remove(&node);
        self.check_open_requests(node);
        if let Some(client) = self.nodes[node].client_mut() {
            client.open.clear();
        }
    }

    /// Checks that need no event.
    pub fn sweep(&mut self) {
        if self.checks.off {
            return;
        }
        self.checks.sweeps += 1;
        let elements: usize =
            self.nodes.iter().filter_map(Node::registrar).map(|r| r.handlespace().element_count()).sum();
        let tables = self.checks.sweeps % (1 + elements / SWEEP) == 0;
        for node in 0..self.nodes.len() {
            self.check_open_requests(node);
            self.check_leaving(node);
            if !tables {
                continue;
            }
            if let Some(Err(what)) = self.nodes[node].registrar().map(handlespace::check) {
                self.fail(format!("registrar on node {node}: {what}"));
            }
            self.check_bounds(node);
            if self.config.has_rogues() {
                self.check_foreign(node);
            }
        }
        self.check_siege();
    }
}

//! What goes wrong, when, and what of it is mended.

use super::config::{Every, SECOND};
use super::node::{Input, NodeId};
use super::world::{What, World};
use crate::support::network::{Breaks, EndId, Partition};

/// A kind of fault; each comes again and again while the chaos lasts.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    ClientCrash,
    RegistrarCrash,
    RegistrarLeave,
    ClientHang,
    RegistrarHang,
    AssociationBreak,
    HalfOpen,
    Stall,
    Partition,
}

const KINDS: [Fault; 9] = [
    Fault::ClientCrash,
    Fault::RegistrarCrash,
    Fault::RegistrarLeave,
    Fault::ClientHang,
    Fault::RegistrarHang,
    Fault::AssociationBreak,
    Fault::HalfOpen,
    Fault::Stall,
    Fault::Partition,
];

/// The end of a fault.
#[derive(Clone, Copy, Debug)]
pub enum Repair {
    Start(NodeId),
    Continue(NodeId, u32),
    EndPartition(usize),
}

impl World {
    fn mean(&self, fault: Fault) -> Every {
        let faults = &self.config.faults;
        match fault {
            Fault::ClientCrash => faults.client_crash,
            Fault::RegistrarCrash => faults.registrar_crash,
            Fault::RegistrarLeave => faults.registrar_leave,
            Fault::ClientHang => faults.client_hang,
            Fault::RegistrarHang => faults.registrar_hang,
            Fault::AssociationBreak => faults.association_break,
            Fault::HalfOpen => faults.half_open,
            Fault::Stall => faults.stall,
            Fault::Partition => faults.partition,
        }
    }

    pub fn begin_chaos(&mut self) {
        for fault in KINDS {
            self.plan_fault(fault);
        }
    }

    fn plan_fault(&mut self, fault: Fault) {
        if let Some(mean) = self.mean(fault) {
            let at = self.now + 1 + self.random.below(2 * mean);
            self.schedule(at, What::Fault(fault));
        }
    }

    pub fn on_fault(&mut self, fault: Fault) {
        if self.calm {
            return;
        }
        match fault {
            Fault::ClientCrash => self.crash(false),
            Fault::RegistrarCrash => self.crash(true),
            Fault::RegistrarLeave => self.leave(),
            Fault::ClientHang => self.hang(false),
            Fault::RegistrarHang => self.hang(true),
            Fault::AssociationBreak => self.with_association(|world, id| world.break_association(id, true)),
            Fault::HalfOpen => self.with_association(|world, id| world.break_association(id, false)),
            Fault::Stall => {
                let until = self.now + self.random.below(3 * SECOND);
                self.with_association(|world, id| world.network.end_mut(id).stalled_until = until);
            }
            Fault::Partition => self.cut(),
        }
        self.plan_fault(fault);
    }

    fn any_node(&mut self, registrar: bool) -> NodeId {
        let registrars = self.config.registrars as u64;
        let clients = self.config.honest() as u64 - registrars;
        let number = if registrar { self.random.below(registrars) } else { registrars + self.random.below(clients) };
        number as NodeId
    }

    /// How long a fault lasts: mostly short, at times long.
    fn a_while(&mut self) -> u64 {
        let longest = [SECOND / 5, 2 * SECOND, 2 * SECOND, 10 * SECOND][self.random.below(4) as usize];
        self.random.below(longest)
    }

    fn crash(&mut self, registrar: bool) {
        let node = self.any_node(registrar);
        if self.nodes[node].is_up() {
            self.trace.line(self.now, format_args!("fault: node {node} is killed"));
            self.kill(node);
            let at = self.now + self.a_while();
            self.schedule(at, What::Repair(Repair::Start(node)));
        }
    }

    fn leave(&mut self) {
        let node = self.any_node(true);
        if self.nodes[node].is_up() && !self.nodes[node].hung {
            self.trace.line(self.now, format_args!("node {node} is asked to leave"));
            self.shut_registrar_down(node);
            let at = self.now + 5 * SECOND + self.a_while();
            self.schedule(at, What::Repair(Repair::Start(node)));
        }
    }

    pub fn hang_node(&mut self, node: NodeId) {
        self.trace.line(self.now, format_args!("fault: node {node} is stopped"));
        self.nodes[node].hung = true;
        self.nodes[node].wake = u64::MAX;
        if self.config.hang_breaks_associations {
            self.suspect_all(node);
        }
    }

    fn hang(&mut self, registrar: bool) {
        let node = self.any_node(registrar);
        if self.nodes[node].is_up() && !self.nodes[node].hung {
            self.hang_node(node);
            let at = self.now + self.a_while();
            self.schedule(at, What::Repair(Repair::Continue(node, self.nodes[node].incarnation)));
        }
    }

    pub fn continue_node(&mut self, node: NodeId) {
        if !self.nodes[node].hung {
            return;
        }
        self.trace.line(self.now, format_args!("node {node} is continued"));
        self.nodes[node].hung = false;
        self.nodes[node].continued = self.now;
        let (incarnation, mail) = (self.nodes[node].incarnation, std::mem::take(&mut self.nodes[node].mailbox));
        // A driver may come to its timers before or after what waits in the sockets.
        if self.random.below(2) == 0 {
            self.input(node, Input::Timeout);
        }
        for input in mail {
            if self.nodes[node].incarnation == incarnation {
                self.input(node, input);
            }
        }
        if self.config.hang_breaks_associations {
            self.trust_all(node);
        }
        self.set_alarm(node);
    }

    fn with_association(&mut self, f: impl FnOnce(&mut World, EndId)) {
        let count = self.network.associations.len();
        if count > 0 {
            // Mostly one of the newer ones: the others are closed.
            let back = self.random.below(count.min(30 * self.config.crowd) as u64) as usize;
            let id = EndId::new(count - 1 - back, self.random.below(2) as usize);
            f(self, id);
        }
    }

    fn cut(&mut self) {
        let count =
            if self.config.faults.partition_registrars_only { self.config.registrars } else { self.config.honest() };
        let inside: Vec<bool> = (0..count).map(|_| self.random.below(3) == 0).collect();
        let (outwards, inwards) = [(true, true), (true, false), (false, true)][self.random.below(3) as usize];
        let number = self.begin_partition(Partition { inside, among: count, outwards, inwards });
        let at = self.now + self.a_while();
        self.schedule(at, What::Repair(Repair::EndPartition(number)));
    }

    pub fn on_repair(&mut self, repair: Repair) {
        match repair {
            Repair::Start(node) if !self.nodes[node].dead_for_good => self.start(node),
            Repair::Start(_) => {}
            Repair::Continue(node, incarnation) => {
                if self.nodes[node].incarnation == incarnation && !self.nodes[node].dead_for_good {
                    self.continue_node(node);
                }
            }
            Repair::EndPartition(number) => self.end_partition(number),
        }
    }

    /// Faults are over. Some of the nodes stay dead, stopped or cut off for good; the others are healed. At least one
    /// registrar is.
    pub fn heal(&mut self) {
        self.calm = true;
        for number in 0..self.network.partitions.len() {
            self.end_partition(number);
        }
        let spared = self.random.below(self.config.registrars as u64) as usize;
        self.rogues_go();
        let mut cut_off = vec![false; self.config.honest()];
        for (node, cut_off) in cut_off.iter_mut().enumerate() {
            let lost = node != spared && self.random.below(4) == 0;
            if !lost {
                self.continue_node(node);
                if !self.nodes[node].is_up() {
                    self.start(node);
                }
                continue;
            }
            match self.random.below(3) {
                0 => self.kill(node),
                1 if self.nodes[node].is_up() && !self.nodes[node].hung => self.hang_node(node),
                1 => {}
                _ => *cut_off = true,
            }
            self.nodes[node].dead_for_good = true;
            self.trace.line(self.now, format_args!("node {node} is lost for good"));
        }
        let among = self.config.honest();
        self.begin_partition(Partition { inside: cut_off, among, outwards: true, inwards: true });
        // What was asked to stop has stopped by then, and must be there again.
        for node in 0..self.config.honest() {
            let stops = matches!(self.nodes[node].client(), Some(client) if client.stopping.is_some());
            if stops || self.checks.leaving.contains_key(&node) {
                self.schedule(self.now + 2 * SECOND, What::Repair(Repair::Start(node)));
            }
        }
    }

    /// Starts everything, each process at its time in the first second.
    pub fn start_all(&mut self) {
        for node in 0..self.config.honest() {
            let at = self.random.below(SECOND);
            self.schedule(at, What::Repair(Repair::Start(node)));
        }
    }

    /// Nodes that are to work after the faults.
    pub fn is_core(&self, node: NodeId) -> bool {
        !self.nodes[node].dead_for_good && self.nodes[node].is_up() && !self.nodes[node].hung
    }
}

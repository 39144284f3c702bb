//! Rogues: processes that have no part in the scope, and send registrars, elements and users what they like, at any time. And
//! bystanders, which have no part either, and whom nobody may be made to bother.
//!
//! A rogue can read what everybody can: pools, elements, registrars and their addresses. It cannot send from an address that is not its
//! own, and it is nobody's peer: where registrars take everybody who introduces himself (RFC 5353 section 3.4), it sends no PRESENCE over
//! an association. What then must not happen, `checkers/siege.rs`, `checkers/foreign.rs`, `checkers/unasked.rs` and `checkers/bounds.rs` say.

mod asap;
mod enrp;
mod material;
mod siege;

pub use material::{is_of_rogue, sctp};
pub use siege::siege;

use super::config::{MILLIS, SECOND, SimConfig};
use super::node::{Input, NodeId};
use super::world::{CLIENT_PORT, What, World};
use crate::support::network::{EndId, Traffic};
use rserpool::association::TransportKind;
use rserpool::random::Random;
use rserpool::registrar::Link;
use rserpool::wire::{PORT_ASAP, PORT_ENRP};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::enrp::Discovery;
use super::faults::Repair;
use super::workload::Plan;

/// Associations that a rogue has at a time; the oldest one makes room.
const MOST_ENDS: usize = 12;
/// Messages that a rogue remembers, to send them again.
const MOST_HEARD: usize = 16;

/// Whether a run has rogues, and what they do.
#[derive(Clone, Debug, Default)]
pub struct Rogues {
    pub count: usize,
    pub bystanders: usize,
    /// Mean time between two things that one of them does, in nanoseconds.
    pub activity: u64,
    pub setting: Setting,
    pub introductions: Introductions,
    /// For tests of the checkers.
    pub defences: Defences,
}

/// What else goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setting {
    /// Faults: rogues come with the first and go with the last.
    #[default]
    Trouble,
    /// Nothing: all that changes, rogues have done.
    Peace,
}

/// Whether rogues introduce themselves to registrars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Introductions {
    #[default]
    Never,
    /// Registrars take none but those of their settings.
    Always,
}

/// Whether what a rogue sends comes in as his.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Defences {
    #[default]
    Up,
    /// A core that does not look who sends: everything comes in as from somebody honest.
    Down,
}

/// A rogue.
#[derive(Default)]
pub struct Rogue {
    /// Its ends of associations, the oldest first.
    ends: VecDeque<EndId>,
    /// Who it says it is, on each of them.
    names: BTreeMap<EndId, u32>,
    heard: VecDeque<Vec<u8>>,
    attempts: u64,
}

impl SimConfig {
    /// The configuration of a seed, with rogues.
    pub fn besieged(seed: u64) -> SimConfig {
        let mut config = SimConfig::swarm(seed);
        let r = &mut Random::new(seed ^ 0x0bad_0000_0000_0000);
        let peace = r.below(2) == 0;
        // Whom a multicast tells of is in no settings.
        let introduce = config.discovery != Discovery::Multicast && r.below(2) == 0;
        config.rogues = Rogues {
            count: 1 + r.below(4) as usize,
            bystanders: 1 + r.below(2) as usize,
            activity: [3, 10, 50][r.below(3) as usize] * MILLIS,
            setting: if peace { Setting::Peace } else { Setting::Trouble },
            introductions: if introduce { Introductions::Always } else { Introductions::Never },
            defences: Defences::Up,
        };
        let registrar = &mut config.registrar;
        registrar.peers_only = introduce;
        registrar.max_peers = [8, 32][r.below(2) as usize];
        registrar.max_handle_table_sessions = [2, 64][r.below(2) as usize];
        registrar.max_subscriptions_per_association = [2, 64][r.below(2) as usize];
        if peace {
            config.faults = Default::default();
            config.element_activity = u64::MAX;
            config.false_reports = false;
            config.registrar.takeover_suggestion = false;
        }
        config
    }
}

impl World {
    /// Adds rogues and bystanders behind the honest ones.
    pub fn add_rogues(&mut self) {
        let (rogues, bystanders) = (self.config.rogues.count, self.config.rogues.bystanders);
        for i in 0..rogues + bystanders {
            let number = self.nodes.len();
            let address = self.add_host(number);
            for (port, link) in [(CLIENT_PORT, Link::Asap), (PORT_ASAP, Link::Asap), (PORT_ENRP, Link::Enrp)] {
                self.addresses.insert((address, port), (number, link));
            }
            self.plans.push(if i < rogues { Plan::Rogue } else { Plan::Bystander });
        }
    }

    /// Those behind the honest ones.
    fn others(&self) -> std::ops::Range<NodeId> {
        self.config.honest()..self.nodes.len()
    }

    pub fn is_rogue(&self, node: NodeId) -> bool {
        matches!(self.plans[node], Plan::Rogue)
    }

    /// They start.
    pub fn rogues_come(&mut self) {
        for node in self.others() {
            let at = self.now + self.random.below(SECOND);
            self.schedule(at, What::Repair(Repair::Start(node)));
        }
    }

    /// They are gone for good.
    pub fn rogues_go(&mut self) {
        for node in self.others() {
            self.nodes[node].dead_for_good = true;
            self.kill(node);
        }
    }

    pub fn rogues_are_there(&self) -> bool {
        self.others().any(|node| self.nodes[node].is_up())
    }

    pub fn rogue_input(&mut self, node: NodeId, input: &Input) {
        let Some(rogue) = self.nodes[node].rogue_mut() else { return };
        match input {
            Input::Up { end, .. } => rogue.ends.push_back(*end),
            Input::Lost { end, .. } => {
                rogue.ends.retain(|other| other != end);
                rogue.names.remove(end);
            }
            Input::Message { bytes, .. } => {
                rogue.heard.push_back(bytes.clone());
                if rogue.heard.len() > MOST_HEARD {
                    rogue.heard.pop_front();
                }
            }
            Input::ConnectFailed { .. } | Input::Datagram { .. } | Input::PeersFound | Input::Timeout => {}
        }
        let too_many = rogue.ends.len() > MOST_ENDS;
        if let Some(oldest) = rogue.ends.front().copied().filter(|_| too_many) {
            self.rogue_ends(node, oldest);
        }
    }

    /// A rogue does one of the things that it does.
    pub fn rogue_acts(&mut self, node: NodeId) {
        let count = self.nodes[node].rogue_mut().map_or(0, |rogue| rogue.ends.len());
        match self.random.below(100) {
            0..15 => self.rogue_connects(node),
            15..18 => self.rogue_multicasts(node),
            _ if count == 0 => self.rogue_connects(node),
            chance => {
                let place = self.random.below(count as u64) as usize;
                let Some(end) = self.nodes[node].rogue_mut().map(|rogue| rogue.ends[place]) else { return };
                if chance < 23 { self.rogue_ends(node, end) } else { self.rogue_sends(node, end) }
            }
        }
    }

    fn rogue_connects(&mut self, node: NodeId) {
        let target = self.random.below(self.config.honest() as u64) as NodeId;
        let is_registrar = target < self.config.registrars;
        let (link, kind, port) = match self.random.below(3) {
            _ if !is_registrar => (Link::Asap, TransportKind::Memory, CLIENT_PORT),
            0 => (Link::Asap, TransportKind::Memory, PORT_ASAP),
            1 => (Link::Asap, TransportKind::Tcp, PORT_ASAP),
            _ => (Link::Enrp, TransportKind::Memory, PORT_ENRP),
        };
        let peer = self.nodes[target].peer_address(port);
        let Some(rogue) = self.nodes[node].rogue_mut() else { return };
        rogue.attempts += 1;
        let attempt = rogue.attempts;
        self.connect(node, link, attempt, &peer, kind, Duration::from_secs(2).as_nanos() as u64);
    }

    fn rogue_ends(&mut self, node: NodeId, end: EndId) {
        if let Some(rogue) = self.nodes[node].rogue_mut() {
            rogue.ends.retain(|other| *other != end);
            rogue.names.remove(&end);
        }
        if self.random.below(2) == 0 { self.abort(end) } else { self.shutdown(end) }
    }

    fn rogue_sends(&mut self, node: NodeId, end: EndId) {
        let to = self.network.end(end.other()).node;
        let link = self.network.end(end).link;
        let mut bytes = match link {
            Link::Enrp => self.enrp_of_rogue(node, end),
            Link::Asap if to < self.config.registrars => self.asap_to_registrar(node),
            Link::Asap => self.asap_to_client(node),
        };
        match self.random.below(10) {
            0 => self.spoil(&mut bytes),
            1 => bytes = self.once_more(node).unwrap_or(bytes),
            _ => {}
        }
        // Whoever introduces himself is a peer where everybody may be one.
        let introduces = link == Link::Enrp && bytes.first() == Some(&1);
        if introduces && self.config.rogues.introductions == Introductions::Never {
            return;
        }
        self.send(end, bytes);
    }

    /// Who a rogue says it is, on an association: mostly the same.
    fn name_of_rogue(&mut self, node: NodeId, end: EndId, proposed: u32) -> u32 {
        if self.random.below(20) == 0 {
            return proposed;
        }
        self.nodes[node].rogue_mut().map_or(proposed, |rogue| *rogue.names.entry(end).or_insert(proposed))
    }

    /// Something that a rogue was sent, as an answer or by mistake.
    fn once_more(&mut self, node: NodeId) -> Option<Vec<u8>> {
        let count = self.nodes[node].rogue_mut()?.heard.len() as u64;
        let place = self.random.below(count.max(1)) as usize;
        self.nodes[node].rogue_mut()?.heard.get(place).cloned()
    }

    /// Makes a message one that nobody would send.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        let length = bytes.len().max(1) as u64;
        match self.random.below(3) {
            0 => bytes.truncate(self.random.below(length) as usize),
            1 => {
                let more = self.random.below(64) as usize;
                bytes.extend(std::iter::repeat_n(0x5a, more));
            }
            _ => {
                for _ in 0..=self.random.below(4) {
                    let (place, value) = (self.random.below(length) as usize, self.random.next_u64() as u8);
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = value;
                    }
                }
            }
        }
    }

    /// A datagram to the group of the registrars, where they listen to it.
    fn rogue_multicasts(&mut self, node: NodeId) {
        if self.config.registrar.enrp_multicast {
            let bytes = self.datagram_of_rogue(node);
            self.multicast(node, Link::Enrp, bytes);
        }
    }

    /// For tests of the checkers: what a rogue sends to a registrar comes in as from somebody honest.
    pub fn masquerade(&mut self, node: NodeId, input: Input) -> Input {
        let Input::Message { end, mut bytes } = input else { return input };
        let link = self.network.end(end).link;
        if self.config.rogues.defences == Defences::Up || !self.is_rogue(self.network.end(end.other()).node) {
            return Input::Message { end, bytes };
        }
        let honest = |other: &EndId| {
            let peer = self.network.end(other.other()).node;
            peer < self.config.honest() && self.network.end(*other).link == link
        };
        let ends: Vec<EndId> = self.network.nodes[node].ends.iter().copied().filter(honest).collect();
        let Some(&instead) = ends.get(self.random.below(ends.len().max(1) as u64) as usize) else {
            return Input::Message { end, bytes };
        };
        let sender = self.nodes[self.network.end(instead.other()).node].registrar().map(|registrar| registrar.id().0);
        if let (Link::Enrp, Some(sender), Some(word)) = (link, sender, bytes.get_mut(4..8)) {
            word.copy_from_slice(&sender.to_be_bytes());
        }
        Input::Message { end: instead, bytes }
    }
}

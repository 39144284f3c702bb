//! What the network needs of the world, and datagrams, which it does not carry.

use super::node::{Input, NodeId};
use super::world::{What, World};
use crate::support::network::{EndId, Failure, Loss, Network, Passage, Surroundings};
use rserpool::association::PeerAddress;
use rserpool::registrar::Link;
use std::rc::Rc;

impl Surroundings for World {
    fn network(&self) -> &Network {
        &self.network
    }

    fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn latency(&mut self) -> u64 {
        let (least, most) = self.config.latency;
        let latency = least + self.random.below(most - least + 1);
        latency + self.bad_links.map_or(0, |links| links.delay(&mut self.random))
    }

    fn detection_range(&self) -> (u64, u64) {
        self.config.detection
    }

    fn detection(&mut self) -> u64 {
        let (least, most) = self.config.detection;
        least + self.random.below(most - least + 1)
    }

    fn crash_aborts(&self) -> bool {
        self.config.crash_aborts
    }

    fn plan(&mut self, at: u64, what: Passage) {
        self.schedule(at, What::Pass(what));
    }

    fn endpoint_at(&self, to: &PeerAddress) -> Option<(NodeId, Link)> {
        to.addresses.first().and_then(|address| self.addresses.get(&(*address, to.port)).copied())
    }

    fn is_up(&self, node: NodeId) -> bool {
        self.nodes[node].is_up()
    }

    fn is_mute(&self, node: NodeId) -> bool {
        let node = &self.nodes[node];
        node.dead_for_good || (node.hung && self.config.hang_breaks_associations)
    }

    fn note(&mut self, line: std::fmt::Arguments<'_>) {
        self.trace.line(self.now, line);
    }

    fn up(&mut self, end: EndId, attempt: Option<u64>) {
        self.input(self.network.end(end).node, Input::Up { end, attempt });
    }

    fn connect_failed(&mut self, node: NodeId, attempt: u64, _: Failure) {
        self.input(node, Input::ConnectFailed { attempt });
    }

    fn connect_will_fail(&mut self, at: u64, node: NodeId, attempt: u64, _: Failure) {
        self.schedule(at, What::Input(node, self.nodes[node].incarnation, Input::ConnectFailed { attempt }));
    }

    fn message(&mut self, end: EndId, bytes: Vec<u8>) {
        self.input(self.network.end(end).node, Input::Message { end, bytes });
    }

    fn lost(&mut self, end: EndId, why: Loss) {
        self.input(self.network.end(end).node, Input::Lost { end, why });
    }
}

impl World {
    /// Sends a datagram to all who listen on a side.
    pub fn multicast(&mut self, from: NodeId, link: Link, bytes: Vec<u8>) {
        let bytes: Rc<[u8]> = bytes.into();
        for to in 0..self.nodes.len() {
            let listens = match link {
                Link::Enrp => self.nodes[to].registrar().is_some(),
                Link::Asap => self.config.clients_hear_announcements && self.nodes[to].client().is_some(),
            };
            if !listens || self.network.is_cut(from, to) || self.random.below(1000) < self.config.datagram_loss {
                continue;
            }
            let copies = 1 + u64::from(self.random.below(1000) < self.config.datagram_duplicates);
            for _ in 0..copies {
                let at = self.now + self.latency();
                let input = Input::Datagram { link, from, bytes: bytes.clone() };
                self.schedule(at, What::Input(to, self.nodes[to].incarnation, input));
            }
        }
    }
}

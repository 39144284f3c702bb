//! The network: associations that are ordered and reliable until they break, and datagrams that are neither.
//!
//! As with SCTP there is one association between two endpoints at a time: who connects again while the other end is still
//! there restarts it, who has one already gets no second, and two connects that meet become one. TCP has as many as you like.

use super::node::{Input, Loss, NodeId};
use super::world::{What, World};
use rserpool::AssociationId;
use rserpool::association::TransportKind;
use rserpool::registrar::Link;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Names one end of an association; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndId(pub u64);

impl EndId {
    pub fn new(association: usize, side: usize) -> EndId {
        EndId((association as u64) << 1 | side as u64)
    }

    pub fn association(self) -> usize {
        (self.0 >> 1) as usize
    }

    pub fn side(self) -> usize {
        (self.0 & 1) as usize
    }

    pub fn other(self) -> EndId {
        EndId(self.0 ^ 1)
    }

    /// How the process at this end names it.
    pub fn id(self, link: Link) -> AssociationId {
        AssociationId::new(transport_number(link), self.0)
    }

    pub fn of(id: AssociationId) -> EndId {
        EndId(id.as_u64() & 0xffff_ffff_ffff)
    }
}

pub fn transport_number(link: Link) -> u16 {
    match link {
        Link::Asap => 0,
        Link::Enrp => 1,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndState {
    /// Knows nothing of it yet.
    Idle,
    Connecting(u64),
    Up,
    /// Closed by its user; what is on its way still arrives.
    Closing,
    Closed,
}

/// One end of an association.
pub struct End {
    pub node: NodeId,
    pub link: Link,
    pub state: EndState,
    /// Nothing arrives here before this: order is kept.
    last_arrival: u64,
    /// Nothing arrives here before this: a stall.
    pub stalled_until: u64,
    /// Sent to this end while the way was cut.
    waiting: VecDeque<Vec<u8>>,
    /// Counts the ends of silences: a silence noticed is one without a break.
    epoch: u32,
}

/// An association; end 0 connected to end 1.
pub struct Association {
    pub ends: [End; 2],
    pub kind: TransportKind,
    give_up_at: u64,
}

/// A cut between some nodes and the others.
pub struct Partition {
    pub inside: Vec<bool>,
    /// Nodes from this number on are on no side: everybody reaches them.
    pub among: usize,
    pub outwards: bool,
    pub inwards: bool,
}

/// What the network knows.
#[derive(Default)]
pub struct Network {
    pub associations: Vec<Association>,
    /// The associations of two SCTP endpoints, the smaller one first, that are not over at both ends.
    pairs: HashMap<(u64, u64), Vec<usize>>,
    pub partitions: Vec<Option<Partition>>,
    pub messages: u64,
    pub message_bytes: u64,
    pub enrp_messages: u64,
    pub enrp_bytes: u64,
}

fn pair(a: (NodeId, Link), b: (NodeId, Link)) -> (u64, u64) {
    let number = |(node, link): (NodeId, Link)| (node as u64) << 1 | u64::from(transport_number(link));
    let (a, b) = (number(a), number(b));
    (a.min(b), a.max(b))
}

impl Network {
    pub fn end(&self, id: EndId) -> &End {
        &self.associations[id.association()].ends[id.side()]
    }

    pub fn end_mut(&mut self, id: EndId) -> &mut End {
        &mut self.associations[id.association()].ends[id.side()]
    }

    pub fn kind(&self, id: EndId) -> TransportKind {
        self.associations[id.association()].kind
    }

    fn pair_of(&self, id: EndId) -> (u64, u64) {
        let [a, b] = &self.associations[id.association()].ends;
        pair((a.node, a.link), (b.node, b.link))
    }

    /// Whether packets from one node to another are lost.
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        let inside = |cut: &Partition, node| cut.inside.get(node).copied().unwrap_or(false);
        let concerns = |cut: &&Partition| from.max(to) < cut.among;
        self.partitions.iter().flatten().filter(concerns).any(|cut| match (inside(cut, from), inside(cut, to)) {
            (true, false) => cut.outwards,
            (false, true) => cut.inwards,
            _ => false,
        })
    }
}

impl World {
    fn latency(&mut self) -> u64 {
        let (least, most) = self.config.latency;
        least + self.random.below(most - least + 1)
    }

    /// When a transport notices a silence that begins now.
    fn detection(&mut self) -> u64 {
        let (least, most) = self.config.detection;
        self.now + least + self.random.below(most - least + 1)
    }

    pub fn connect(
        &mut self,
        node: NodeId,
        link: Link,
        attempt: u64,
        to: &rserpool::association::PeerAddress,
        kind: TransportKind,
        timeout: u64,
    ) {
        let target = to.addresses.first().and_then(|address| self.addresses.get(&(*address, to.port)).copied());
        let Some((target, target_link)) = target else {
            return self.schedule(
                self.now + timeout,
                What::Input(node, self.nodes[node].incarnation, Input::ConnectFailed { attempt }),
            );
        };
        let index = self.network.associations.len();
        let id = EndId::new(index, 0);
        let end = |node, link, state| End {
            node,
            link,
            state,
            last_arrival: 0,
            stalled_until: 0,
            waiting: VecDeque::new(),
            epoch: 0,
        };
        let give_up_at = self.now + timeout;
        let ends = [end(node, link, EndState::Connecting(attempt)), end(target, target_link, EndState::Idle)];
        self.network.associations.push(Association { ends, kind, give_up_at });
        let incarnation = self.nodes[node].incarnation;
        if kind != TransportKind::Tcp {
            let key = self.network.pair_of(id);
            let known = self.network.pairs.get(&key).cloned().unwrap_or_default();
            let has_one = |old: &usize| {
                let ours = self.end_of(*old, node, link);
                !matches!(self.network.end(ours).state, EndState::Closed | EndState::Idle)
            };
            if node == target || known.iter().any(has_one) {
                // EISCONN.
                self.network.end_mut(id).state = EndState::Closed;
                return self.schedule(self.now, What::Input(node, incarnation, Input::ConnectFailed { attempt }));
            }
            // An older one of which only the other end knows goes when the connect arrives.
            self.network.pairs.entry(key).or_default().push(index);
        }
        self.nodes[node].ends.insert(id);
        self.nodes[node].attempts.insert((transport_number(link) as u8, attempt), id);
        let arrival = self.now + self.latency();
        self.schedule(arrival, What::Connect(id));
        self.schedule(give_up_at, What::ConnectTimeout(id));
    }

    /// The end of an association that is at this endpoint.
    fn end_of(&self, association: usize, node: NodeId, link: Link) -> EndId {
        let first = &self.network.associations[association].ends[0];
        EndId::new(association, usize::from(!(first.node == node && first.link == link)))
    }

    /// Whether a process hears from another one at all.
    fn is_silent(&self, from: NodeId, to: NodeId) -> bool {
        self.network.is_cut(from, to)
            || self.network.is_cut(to, from)
            || (self.nodes[from].hung && self.config.hang_breaks_associations)
            || self.nodes[from].dead_for_good
    }

    pub fn on_connect(&mut self, id: EndId) {
        let EndState::Connecting(_) = self.network.end(id).state else { return };
        let (node, link) = (self.network.end(id).node, self.network.end(id).link);
        let (target, target_link) = (self.network.end(id.other()).node, self.network.end(id.other()).link);
        if self.is_silent(target, node) {
            let retry = self.now + self.config.detection.0.max(1);
            return self.schedule(retry, What::Connect(id));
        }
        if !self.nodes[target].is_up() {
            let at = self.now + self.latency();
            return self.schedule(at, What::ConnectTimeout(id));
        }
        let mut attempt = None;
        if self.network.kind(id) != TransportKind::Tcp {
            let key = self.network.pair_of(id);
            let known = self.network.pairs.get(&key).cloned().unwrap_or_default();
            for old in known.into_iter().filter(|old| *old != id.association()) {
                let theirs = self.end_of(old, target, target_link);
                match self.network.end(theirs).state {
                    EndState::Connecting(number) => {
                        attempt = Some(number);
                        self.forget_end(theirs);
                    }
                    EndState::Up | EndState::Closing => {
                        self.forget_end(theirs);
                        self.input(target, Input::Lost { end: theirs, why: Loss::Restarted });
                    }
                    EndState::Idle | EndState::Closed => {}
                }
            }
        }
        self.network.end_mut(id.other()).state = EndState::Up;
        self.nodes[target].ends.insert(id.other());
        let at = self.now + self.latency();
        self.network.end_mut(id).last_arrival = at;
        self.schedule(at, What::Connected(id));
        self.trace
            .line(self.now, format_args!("association {}: node {node} {link:?} to node {target}", id.association()));
        self.input(target, Input::Up { end: id.other(), attempt });
    }

    pub fn on_connected(&mut self, id: EndId) {
        let EndState::Connecting(attempt) = self.network.end(id).state else { return };
        let (node, link) = (self.network.end(id).node, self.network.end(id).link);
        let other = self.network.end(id.other()).node;
        if self.is_silent(other, node) && self.network.associations[id.association()].give_up_at > self.now {
            let retry = self.now + self.config.detection.0.max(1);
            return self.schedule(retry, What::Connected(id));
        }
        self.network.end_mut(id).state = EndState::Up;
        self.nodes[node].attempts.remove(&(transport_number(link) as u8, attempt));
        self.input(node, Input::Up { end: id, attempt: Some(attempt) });
        if !matches!(self.network.end(id.other()).state, EndState::Up | EndState::Closing)
            || self.is_silent(other, node)
        {
            self.suspect(id);
        }
    }

    pub fn on_connect_timeout(&mut self, id: EndId) {
        let EndState::Connecting(attempt) = self.network.end(id).state else { return };
        let node = self.network.end(id).node;
        self.close_end(id);
        self.input(node, Input::ConnectFailed { attempt });
    }

    /// Sends a message.
    pub fn send(&mut self, id: EndId, bytes: Vec<u8>) {
        if self.network.end(id).state != EndState::Up {
            return; // its loss is about to be reported
        }
        self.network.messages += 1;
        self.network.message_bytes += bytes.len() as u64;
        if self.network.end(id).link == Link::Enrp {
            self.network.enrp_messages += 1;
            self.network.enrp_bytes += bytes.len() as u64;
        }
        self.carry(id.other(), bytes);
    }

    fn carry(&mut self, to: EndId, bytes: Vec<u8>) {
        let (from, node) = (self.network.end(to.other()).node, self.network.end(to).node);
        if self.network.is_cut(from, node) {
            return self.network.end_mut(to).waiting.push_back(bytes);
        }
        let earliest = self.now + self.latency();
        let end = self.network.end_mut(to);
        let at = earliest.max(end.last_arrival).max(end.stalled_until);
        end.last_arrival = at;
        self.schedule(at, What::Deliver(to, bytes));
    }

    pub fn on_deliver(&mut self, to: EndId, bytes: Vec<u8>) {
        let end = self.network.end(to);
        if matches!(end.state, EndState::Up | EndState::Closing) {
            let node = end.node;
            self.input(node, Input::Message { end: to, bytes });
        }
    }

    /// A user closes its end in order: what was sent before arrives.
    pub fn shutdown(&mut self, id: EndId) {
        if self.network.end(id).state != EndState::Up {
            return;
        }
        self.network.end_mut(id).state = EndState::Closing;
        self.end_closed(id, Loss::Closed);
    }

    /// A user aborts its end.
    pub fn abort(&mut self, id: EndId) {
        if matches!(self.network.end(id).state, EndState::Up | EndState::Closing) {
            self.forget_end(id);
            self.end_closed(id, Loss::Aborted);
        }
    }

    /// A user gives up a connect.
    pub fn cancel_connect(&mut self, node: NodeId, link: Link, attempt: u64) {
        if let Some(id) = self.nodes[node].attempts.get(&(transport_number(link) as u8, attempt)).copied() {
            self.close_end(id);
        }
    }

    /// Closes an end because its process is gone or gave up, and lets the other one find out.
    pub fn close_end(&mut self, id: EndId) {
        let tell = self.config.crash_aborts;
        self.forget_end(id);
        if tell { self.end_closed(id, Loss::Aborted) } else { self.suspect(id.other()) }
    }

    /// Tells the other end that this one is closed, if that gets through.
    fn end_closed(&mut self, id: EndId, why: Loss) {
        let other = id.other();
        let (from, to) = (self.network.end(id).node, self.network.end(other).node);
        if !matches!(self.network.end(other).state, EndState::Up | EndState::Closing) {
            if self.network.end(id).state == EndState::Closing {
                self.forget_end(id);
            }
            return;
        }
        if self.network.is_cut(from, to) {
            self.suspect(id);
            return self.suspect(other);
        }
        let mut at = self.now + self.latency();
        if matches!(why, Loss::Closed) {
            at = at.max(self.network.end(other).last_arrival);
        }
        self.schedule(at, What::Lost(other, why));
    }

    /// Nothing more happens at this end.
    fn forget_end(&mut self, id: EndId) {
        let (node, link) = (self.network.end(id).node, self.network.end(id).link);
        let state = std::mem::replace(&mut self.network.end_mut(id).state, EndState::Closed);
        self.network.end_mut(id).waiting.clear();
        self.nodes[node].ends.remove(&id);
        if let EndState::Connecting(attempt) = state {
            self.nodes[node].attempts.remove(&(transport_number(link) as u8, attempt));
        }
        let over = matches!(self.network.end(id.other()).state, EndState::Idle | EndState::Closed);
        let key = self.network.pair_of(id);
        if let Some(known) = self.network.pairs.get_mut(&key).filter(|_| over) {
            known.retain(|association| *association != id.association());
            if known.is_empty() {
                self.network.pairs.remove(&key);
            }
        }
    }

    /// An end gets to know that its association is gone.
    pub fn on_lost(&mut self, id: EndId, why: Loss) {
        let (state, node) = (self.network.end(id).state, self.network.end(id).node);
        if !matches!(state, EndState::Up | EndState::Closing) {
            return;
        }
        self.forget_end(id);
        self.input(node, Input::Lost { end: id, why });
        if self.network.end(id.other()).state == EndState::Closing {
            // A shutdown is complete when the other end says so.
            let other = self.network.end(id.other()).node;
            self.forget_end(id.other());
            self.input(other, Input::Lost { end: id.other(), why: Loss::Closed });
        } else {
            self.suspect(id.other());
        }
    }

    /// The transport at this end notices a silence after its time, should it last.
    pub fn suspect(&mut self, id: EndId) {
        if matches!(self.network.end(id).state, EndState::Up | EndState::Closing) {
            let (at, epoch) = (self.detection(), self.network.end(id).epoch);
            self.schedule(at, What::Check(id, epoch));
        }
    }

    pub fn on_check(&mut self, id: EndId, epoch: u32) {
        let end = self.network.end(id);
        let other = self.network.end(id.other());
        let gone = !matches!(other.state, EndState::Up | EndState::Closing);
        let silent = end.epoch == epoch && self.is_silent(other.node, end.node);
        if gone || silent {
            self.on_lost(id, Loss::Unreachable);
        }
    }

    /// An association breaks, or half of it: then the other end notices late.
    pub fn break_association(&mut self, id: EndId, both: bool) {
        if self.network.end(id).state == EndState::Up && self.network.end(id.other()).state == EndState::Up {
            self.trace.line(self.now, format_args!("fault: association {} breaks, both {both}", id.association()));
            let node = self.network.end(id).node;
            self.forget_end(id);
            self.input(node, Input::Lost { end: id, why: Loss::Unreachable });
            if both {
                self.suspect(id.other());
            } else {
                let at = self.now + 2 * self.config.detection.1;
                self.schedule(at, What::Check(id.other(), 0));
            }
        }
    }

    /// The associations of a node fall silent.
    pub fn suspect_all(&mut self, node: NodeId) {
        for id in self.nodes[node].ends.iter().copied().collect::<Vec<_>>() {
            self.suspect(id);
            self.suspect(id.other());
        }
    }

    /// The associations of a node are heard again.
    pub fn trust_all(&mut self, node: NodeId) {
        for id in self.nodes[node].ends.iter().copied().collect::<Vec<_>>() {
            self.trust(id);
        }
    }

    fn trust(&mut self, id: EndId) {
        for id in [id, id.other()] {
            self.network.end_mut(id).epoch += 1;
            for bytes in std::mem::take(&mut self.network.end_mut(id).waiting) {
                self.carry(id, bytes);
            }
            if self.network.end(id).state == EndState::Closing {
                self.end_closed(id, Loss::Closed);
            }
        }
    }

    pub fn begin_partition(&mut self, partition: Partition) -> usize {
        let nodes: Vec<_> = (0..self.nodes.len()).filter(|n| partition.inside.get(*n) == Some(&true)).collect();
        self.trace.line(
            self.now,
            format_args!(
                "fault: nodes {nodes:?} cut off, outwards {} inwards {}",
                partition.outwards, partition.inwards
            ),
        );
        self.network.partitions.push(Some(partition));
        for node in nodes {
            self.suspect_all(node);
        }
        self.network.partitions.len() - 1
    }

    pub fn end_partition(&mut self, number: usize) {
        let Some(partition) = self.network.partitions[number].take() else { return };
        self.trace.line(self.now, format_args!("partition {number} ends"));
        for node in (0..self.nodes.len()).filter(|n| partition.inside.get(*n) == Some(&true)) {
            self.trust_all(node);
        }
    }

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

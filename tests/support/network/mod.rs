//! The virtual network: associations that are ordered and reliable until they break, in virtual time.
//!
//! As with SCTP there is one association between two endpoints at a time: who connects again while the other end is still
//! there restarts it, who has one already gets no second, and two connects that meet become one. TCP has as many as you like.

mod breaks;
mod traffic;

pub use breaks::Breaks;
pub use traffic::Traffic;

use rserpool::AssociationId;
use rserpool::association::{PeerAddress, TransportKind};
use rserpool::registrar::Link;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Names a node: its place in the table.
pub type NodeId = usize;

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

/// Why an association ended.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    Closed,
    Aborted,
    Unreachable,
    Restarted,
}

/// Why a connect came to nothing.
#[derive(Clone, Copy, Debug)]
pub enum Failure {
    Refused,
    Timeout,
}

/// What is on its way, or will be noticed.
pub enum Passage {
    Connect(EndId),
    Connected(EndId),
    ConnectFails(EndId, Failure),
    Deliver(EndId, Vec<u8>),
    Lost(EndId, Loss),
    Check(EndId, u32),
}

/// What a node has of associations.
#[derive(Default)]
pub struct NodeEnds {
    /// Its sides of associations that are not closed.
    pub ends: BTreeSet<EndId>,
    /// Connects under way.
    pub attempts: BTreeMap<(u8, u64), EndId>,
}

/// The world that has the network in it: time, chance, and nodes to which things happen.
pub trait Surroundings {
    fn network(&self) -> &Network;
    fn network_mut(&mut self) -> &mut Network;
    fn now(&self) -> u64;
    /// How long the next packet is on its way.
    fn latency(&mut self) -> u64;
    /// Within what time a transport notices a silence.
    fn detection_range(&self) -> (u64, u64);
    /// How long it takes this time.
    fn detection(&mut self) -> u64;
    /// Whether a process that dies, or gives a connect up, says so.
    fn crash_aborts(&self) -> bool;
    /// Has [`Traffic::pass`] called with it then.
    fn plan(&mut self, at: u64, what: Passage);
    fn endpoint_at(&self, address: &PeerAddress) -> Option<(NodeId, Link)>;
    fn is_up(&self, node: NodeId) -> bool;
    /// Whether its peers hear nothing of it, though it may be there.
    fn is_mute(&self, node: NodeId) -> bool;
    /// One line about what happens.
    fn note(&mut self, line: std::fmt::Arguments<'_>);

    // What nodes get to know.

    fn up(&mut self, end: EndId, attempt: Option<u64>);
    fn connect_failed(&mut self, node: NodeId, attempt: u64, why: Failure);
    /// A connect fails at this time, and the network knows no more of it.
    fn connect_will_fail(&mut self, at: u64, node: NodeId, attempt: u64, why: Failure);
    fn message(&mut self, end: EndId, bytes: Vec<u8>);
    fn lost(&mut self, end: EndId, why: Loss);
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
    pub nodes: Vec<NodeEnds>,
    pub associations: Vec<Association>,
    /// The associations of two SCTP endpoints, the smaller one first, that are not over at both ends.
    pairs: HashMap<(u64, u64), Vec<usize>>,
    pub partitions: Vec<Option<Partition>>,
    /// Nodes that do not reach each other, the smaller number first.
    pub cuts: BTreeSet<(NodeId, NodeId)>,
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
        self.cuts.contains(&(from.min(to), from.max(to)))
            || self.partitions.iter().flatten().filter(concerns).any(|cut| match (inside(cut, from), inside(cut, to)) {
                (true, false) => cut.outwards,
                (false, true) => cut.inwards,
                _ => false,
            })
    }
}

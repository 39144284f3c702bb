//! Registrars, pool elements and a scripted registrar on the virtual network. A registrar can crash, freeze (as by SIGSTOP)
//! and be cut off.

mod faults;
mod script;
mod surroundings;

pub use script::{script_presence, sctp};

use super::network::{EndId, EndState, Failure, Loss, Network, NodeEnds, NodeId, Passage, Surroundings, Traffic};
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::message::asap::*;
use rserpool::message::enrp::*;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::{Action, ConnectAttempt, Event, Link, PeerState, Registrar, RegistrarConfig};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
pub const LATENCY: Duration = Duration::from_millis(1);
/// How long a cut goes unnoticed by the associations that it breaks.
const CUT_NOTICED: Duration = Duration::from_millis(1500);

/// Who is at an end of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Registrar(usize),
    Element(usize),
    /// The scripted registrar.
    Script,
}

impl End {
    fn node(self) -> NodeId {
        match self {
            End::Script => 0,
            End::Registrar(number) => 1 + 2 * number,
            End::Element(number) => 2 + 2 * number,
        }
    }

    fn of(node: NodeId) -> End {
        match node.checked_sub(1) {
            None => End::Script,
            Some(number) if number % 2 == 0 => End::Registrar(number / 2),
            Some(number) => End::Element(number / 2),
        }
    }
}

struct Node {
    core: Option<Registrar>,
    config: RegistrarConfig,
    frozen: bool,
    /// What arrived while it was frozen.
    inbox: Vec<Arrival>,
    left: bool,
}

/// A pool element: registers, acknowledges, adopts, and hunts if it knows registrars to hunt for.
pub struct Element {
    pub pool: String,
    pub id: u32,
    /// Its end of the association with its home registrar.
    pub home: Option<u64>,
    pub alive: bool,
    /// Registrars that it knows of itself.
    pub hunts: Vec<usize>,
    pub registered: u32,
    next_hunt: usize,
    pub policy: Policy,
}

/// What reaches a registrar.
enum Arrival {
    Up { end: EndId, attempt: Option<u64> },
    Lost { end: EndId, why: Loss },
    ConnectFailed { attempt: u64, why: Failure },
    Message { end: EndId, bytes: Vec<u8> },
    Datagram { from: SocketAddr, bytes: Vec<u8> },
}

/// What is to happen.
enum What {
    Pass(Passage),
    Arrive(usize, Arrival),
    Hunt(usize),
}

pub struct Net {
    pub now: Time,
    nodes: Vec<Node>,
    pub elements: Vec<Element>,
    network: Network,
    queue: BTreeMap<(Time, u64), What>,
    counter: u64,
    /// What the scripted registrar got.
    pub got: Vec<(u64, EnrpMessage)>,
    /// Whether the scripted registrar answers PRESENCE messages by itself.
    pub script_answers: bool,
    pub script_listens: bool,
    pub script_checksum: Option<u16>,
    pub multicast: bool,
    /// ASAP messages that elements got.
    pub keep_alives: Vec<(usize, EndpointKeepAlive)>,
    /// Connects that registrars have begun.
    pub connects: u64,
}

pub const SCRIPT: RegistrarId = RegistrarId(0x5c);

pub fn registrar_ip(number: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, number as u8 + 1])
}

pub fn element_ip(number: usize) -> IpAddr {
    IpAddr::from([10, 1 + (number / 250) as u8, 0, (number % 250) as u8 + 1])
}

pub fn script_ip() -> IpAddr {
    IpAddr::from([10, 0, 0, 250])
}

pub fn address(number: usize) -> PeerAddress {
    PeerAddress::new(registrar_ip(number), PORT_ENRP)
}

/// Settings with announcements off, and with identifier 0x100 * (number + 1).
pub fn config(number: usize, peers: &[usize]) -> RegistrarConfig {
    RegistrarConfig {
        id: id_of(number),
        announce: false,
        enrp_addresses: AddressList::from_slice(&[registrar_ip(number)]),
        peers: peers.iter().map(|&peer| address(peer)).collect(),
        ..RegistrarConfig::default()
    }
}

pub fn fast(number: usize, peers: &[usize]) -> RegistrarConfig {
    let config = config(number, peers);
    let RegistrarConfig { id, announce, enrp_addresses, peers, .. } = config;
    RegistrarConfig { id, announce, enrp_addresses, peers, ..RegistrarConfig::fast() }
}

pub fn id_of(number: usize) -> RegistrarId {
    RegistrarId(0x100 * (number as u32 + 1))
}

/// How the registrar names an association of which an element or the scripted registrar has this end.
pub fn association(number: u64) -> AssociationId {
    name_of(EndId(number).other())
}

fn name_of(end: EndId) -> AssociationId {
    AssociationId::new(0, end.0)
}

impl Default for Net {
    fn default() -> Net {
        Net {
            now: Time::ZERO,
            nodes: Vec::new(),
            elements: Vec::new(),
            network: Network::default(),
            queue: BTreeMap::new(),
            counter: 0,
            got: Vec::new(),
            script_answers: true,
            script_listens: true,
            script_checksum: Some(0xffff),
            multicast: false,
            keep_alives: Vec::new(),
            connects: 0,
        }
    }
}

impl Net {
    /// As many registrars, each with all others as peers, started together and ready.
    pub fn of(count: usize, config: impl Fn(usize, &[usize]) -> RegistrarConfig) -> Net {
        let mut net = Net::default();
        let all: Vec<_> = (0..count).collect();
        for number in 0..count {
            let peers: Vec<_> = all.iter().copied().filter(|&peer| peer != number).collect();
            net.start(config(number, &peers));
        }
        net.run(10 * SECOND);
        for number in 0..count {
            assert!(net.registrar(number).is_ready(), "registrar {number} is ready");
            assert_eq!(net.registrar(number).peers().count(), count - 1, "registrar {number} knows all others");
        }
        net
    }

    /// Starts one more registrar.
    pub fn start(&mut self, config: RegistrarConfig) -> usize {
        let core = Registrar::new(
            config.clone().validated().expect("settings that can work"),
            self.nodes.len() as u64 + 7,
            self.now,
        );
        self.nodes.push(Node { core: Some(core), config, frozen: false, inbox: Vec::new(), left: false });
        self.make_room(End::Registrar(self.nodes.len() - 1));
        self.nodes.len() - 1
    }

    /// Starts a registrar again that crashed or left, with these settings.
    pub fn restart(&mut self, number: usize, config: RegistrarConfig) {
        self.counter += 1;
        let core = Registrar::new(config.clone().validated().expect("settings that can work"), self.counter, self.now);
        self.nodes[number] = Node { core: Some(core), config, frozen: false, inbox: Vec::new(), left: false };
    }

    pub fn registrar(&self, number: usize) -> &Registrar {
        self.nodes[number].core.as_ref().expect("it runs")
    }

    pub fn is_alive(&self, number: usize) -> bool {
        self.nodes[number].core.is_some() && !self.nodes[number].left
    }

    pub fn is_frozen(&self, number: usize) -> bool {
        self.nodes[number].frozen
    }

    pub fn has_left(&self, number: usize) -> bool {
        self.nodes[number].left
    }

    pub fn state(&self, of: usize, at: usize) -> Option<PeerState> {
        self.registrar(at).peers().find(|peer| peer.id == id_of(of)).map(|peer| peer.state)
    }

    /// An element that registers at a registrar.
    pub fn element(&mut self, pool: &str, id: u32, home: usize) -> usize {
        let number = self.add_element(pool, id, Policy::RoundRobin);
        self.register_at(number, home);
        number
    }

    pub fn add_element(&mut self, pool: &str, id: u32, policy: Policy) -> usize {
        let (home, alive, hunts, registered, next_hunt) = (None, true, Vec::new(), 0, 0);
        let pool = pool.to_owned();
        self.elements.push(Element { pool, id, home, alive, hunts, registered, next_hunt, policy });
        self.make_room(End::Element(self.elements.len() - 1));
        self.elements.len() - 1
    }

    pub fn register_at(&mut self, number: usize, home: usize) {
        let association = self.connects(End::Element(number), End::Registrar(home), Link::Asap);
        self.elements[number].home = Some(association);
        self.run(2 * LATENCY);
        self.register(number);
        self.run(3 * LATENCY);
    }

    /// Sends the registration of an element to its home.
    pub fn register(&mut self, number: usize) {
        let element = &self.elements[number];
        let Some(home) = element.home else { return };
        let message = Registration {
            pool_handle: PoolHandle::from(&*element.pool),
            pool_element: self.pool_element(number),
            life_in_seconds: None,
        };
        self.send_asap(home, &AsapMessage::Registration(message));
    }

    pub fn deregister(&mut self, number: usize) {
        let element = &self.elements[number];
        let Some(home) = element.home else { return };
        let message = Deregistration {
            pool_handle: PoolHandle::from(&*element.pool),
            pool_element_id: PoolElementId(element.id),
        };
        self.send_asap(home, &AsapMessage::Deregistration(message));
    }

    pub fn pool_element(&self, number: usize) -> PoolElement {
        PoolElement {
            id: PoolElementId(self.elements[number].id),
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife(3_000_000),
            user_transport: sctp(element_ip(number), 5000),
            policy: self.elements[number].policy.clone(),
            asap_transport: None,
        }
    }

    /// The process of an element ends.
    pub fn kill_element(&mut self, number: usize) {
        self.elements[number].alive = false;
        self.close_all(End::Element(number));
    }

    /// An element that has lost its home connects to the next registrar that it knows.
    pub fn hunt(&mut self, number: usize) {
        let element = &mut self.elements[number];
        if element.home.is_some() || !element.alive || element.hunts.is_empty() {
            return;
        }
        let next = element.hunts[element.next_hunt % element.hunts.len()];
        element.next_hunt += 1;
        if self.can_talk(End::Element(number), End::Registrar(next)) {
            let association = self.connects(End::Element(number), End::Registrar(next), Link::Asap);
            self.elements[number].home = Some(association);
        } else {
            self.happens(50 * LATENCY, What::Hunt(number));
        }
    }

    fn send_asap(&mut self, association: u64, message: &AsapMessage) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("encodable");
        self.send(EndId(association), bytes);
    }

    /// What a registrar believes: pool, identifier and home of each element.
    pub fn view(&self, number: usize) -> BTreeMap<(String, u32), RegistrarId> {
        let handlespace = self.registrar(number).handlespace();
        let mut view = BTreeMap::new();
        for (_, pool) in handlespace.pools_from(None) {
            for element in pool.elements() {
                let element = handlespace.element(element).expect("it is there").pool_element();
                let pool = String::from_utf8_lossy(pool.handle().as_bytes()).into_owned();
                view.insert((pool, element.id.0), element.home_registrar);
            }
        }
        view
    }

    pub fn home_at(&self, number: usize, pool: &str, id: u32) -> Option<RegistrarId> {
        self.view(number).get(&(pool.to_owned(), id)).copied()
    }

    /// The registrar at which an element really is registered.
    pub fn true_home(&self, number: usize) -> Option<usize> {
        let home = EndId(self.elements[number].home?);
        if self.network.end(home).state == EndState::Closed {
            return None;
        }
        match End::of(self.network.end(home.other()).node) {
            End::Registrar(home) => Some(home),
            _ => None,
        }
    }

    /// All living registrars agree, and every living element's home is the registrar that it is registered with.
    pub fn assert_converged(&self) {
        let living: Vec<_> = (0..self.nodes.len()).filter(|&n| self.is_alive(n) && !self.nodes[n].frozen).collect();
        let mut truth = BTreeMap::new();
        for (number, element) in self.elements.iter().enumerate().filter(|(_, element)| element.alive) {
            let home = self.true_home(number).unwrap_or_else(|| panic!("element {} has a home", element.id));
            truth.insert((element.pool.clone(), element.id), self.nodes[home].config.id);
        }
        for number in living {
            let view = self.view(number);
            let wrong: Vec<_> = view.iter().filter(|(key, home)| truth.get(*key) != Some(home)).take(5).collect();
            let missing: Vec<_> = truth.iter().filter(|(key, _)| !view.contains_key(*key)).take(5).collect();
            let differs = view != truth;
            assert!(!differs, "registrar {number} at {}: wrong {wrong:?}, missing {missing:?}", self.now);
        }
    }
}

//! Registrars, pool elements and a scripted registrar on a small network in virtual time.
//!
//! Associations are ordered and reliable until they break. A registrar can crash, freeze (as by SIGSTOP) and be cut off.
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

struct Node {
    core: Option<Registrar>,
    config: RegistrarConfig,
    frozen: bool,
    /// What arrived while it was frozen.
    inbox: Vec<Delivery>,
    left: bool,
}

/// A pool element: registers, acknowledges, adopts, and hunts if it knows registrars to hunt for.
pub struct Element {
    pub pool: String,
    pub id: u32,
    pub home: Option<u64>,
    pub alive: bool,
    /// Registrars that it knows of itself.
    pub hunts: Vec<usize>,
    pub registered: u32,
    next_hunt: usize,
    pub policy: Policy,
}

#[derive(Clone, Debug)]
enum What {
    Up { link: Link, attempt: Option<ConnectAttempt>, peer: Peer },
    Lost(LossReason),
    Failed(ConnectAttempt, LossReason),
    Message { ppid: u32, bytes: Vec<u8> },
    Datagram { from: SocketAddr, bytes: Vec<u8> },
    Hunt,
}

#[derive(Clone, Debug)]
struct Delivery {
    to: End,
    association: u64,
    what: What,
}

struct Association {
    ends: [End; 2],
    link: Link,
}

pub struct Net {
    pub now: Time,
    nodes: Vec<Node>,
    pub elements: Vec<Element>,
    associations: BTreeMap<u64, Association>,
    queue: BTreeMap<(Time, u64), Delivery>,
    counter: u64,
    cuts: BTreeSet<(End, End)>,
    /// What the scripted registrar got.
    pub got: Vec<(u64, EnrpMessage)>,
    /// Whether the scripted registrar answers PRESENCE messages by itself.
    pub script_answers: bool,
    pub script_listens: bool,
    pub script_checksum: Option<u16>,
    pub multicast: bool,
    /// ASAP messages that elements got.
    pub keep_alives: Vec<(usize, EndpointKeepAlive)>,
    pub messages: u64,
    pub update_counts: u64,
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

pub fn association(number: u64) -> AssociationId {
    AssociationId::new(0, number)
}

impl Default for Net {
    fn default() -> Net {
        Net {
            now: Time::ZERO,
            nodes: Vec::new(),
            elements: Vec::new(),
            associations: BTreeMap::new(),
            queue: BTreeMap::new(),
            counter: 0,
            cuts: BTreeSet::new(),
            got: Vec::new(),
            script_answers: true,
            script_listens: true,
            script_checksum: Some(0xffff),
            multicast: false,
            keep_alives: Vec::new(),
            messages: 0,
            update_counts: 0,
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
        self.elements.len() - 1
    }

    pub fn register_at(&mut self, number: usize, home: usize) {
        let association = self.connect(End::Element(number), End::Registrar(home), Link::Asap, None);
        self.elements[number].home = Some(association);
        self.run(2 * LATENCY);
        self.register(number);
        self.run(3 * LATENCY);
    }

    /// Sends the registration of an element to its home.
    pub fn register(&mut self, number: usize) {
        let element = &self.elements[number];
        let Some(home) = element.home else { return };
        let message =
            Registration { pool_handle: PoolHandle::from(&*element.pool), pool_element: self.pool_element(number) };
        self.send_asap(number, home, &AsapMessage::Registration(message));
    }

    pub fn deregister(&mut self, number: usize) {
        let element = &self.elements[number];
        let Some(home) = element.home else { return };
        let message = Deregistration {
            pool_handle: PoolHandle::from(&*element.pool),
            pool_element_id: PoolElementId(element.id),
        };
        self.send_asap(number, home, &AsapMessage::Deregistration(message));
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
        self.break_all(End::Element(number), &LossReason::Aborted(String::new()));
    }

    /// An element that has lost its home connects to the next registrar that it knows.
    pub fn hunt(&mut self, number: usize) {
        let element = &mut self.elements[number];
        if element.home.is_some() || !element.alive || element.hunts.is_empty() {
            return;
        }
        let next = element.hunts[element.next_hunt % element.hunts.len()];
        element.next_hunt += 1;
        if self.can_talk(End::Element(number), End::Registrar(next)) == Some(true) {
            let association = self.connect(End::Element(number), End::Registrar(next), Link::Asap, None);
            self.elements[number].home = Some(association);
        } else {
            self.deliver(50 * LATENCY, Delivery { to: End::Element(number), association: 0, what: What::Hunt });
        }
    }

    fn send_asap(&mut self, number: usize, association: u64, message: &AsapMessage) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("encodable");
        self.transmit(End::Element(number), association, PPID_ASAP, bytes);
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
        match self.other_end(self.elements[number].home?, End::Element(number))? {
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

/// Faults.
impl Net {
    /// A registrar dies: its associations break.
    pub fn crash(&mut self, number: usize) {
        self.nodes[number].core = None;
        self.nodes[number].inbox.clear();
        self.break_all(End::Registrar(number), &LossReason::Aborted(String::new()));
    }

    /// A registrar stands still; its associations do not notice.
    pub fn freeze(&mut self, number: usize) {
        self.nodes[number].frozen = true;
    }

    pub fn thaw(&mut self, number: usize) {
        self.nodes[number].frozen = false;
        for delivery in std::mem::take(&mut self.nodes[number].inbox) {
            self.hand_over(delivery);
        }
    }

    /// Nothing gets through between two ends any more.
    pub fn cut(&mut self, a: End, b: End) {
        self.cuts.insert((a.min(b), a.max(b)));
        let broken: Vec<_> = self
            .associations
            .iter()
            .filter(|(_, association)| association.ends == [a, b] || association.ends == [b, a])
            .map(|(&number, _)| number)
            .collect();
        for number in broken {
            for to in [a, b] {
                let what = What::Lost(LossReason::Unreachable);
                self.deliver(CUT_NOTICED, Delivery { to, association: number, what });
            }
            // Nothing goes over it from now on.
            self.associations.get_mut(&number).expect("it is there").ends = [End::Script, End::Script];
        }
    }

    pub fn cut_registrars(&mut self, group: &[usize], others: &[usize]) {
        for &a in group {
            for &b in others {
                self.cut(End::Registrar(a), End::Registrar(b));
            }
        }
    }

    pub fn heal(&mut self) {
        self.cuts.clear();
    }

    /// Breaks the associations between two registrars.
    pub fn break_between(&mut self, a: usize, b: usize) {
        let (a, b) = (End::Registrar(a), End::Registrar(b));
        let ends = |association: &Association| association.ends == [a, b] || association.ends == [b, a];
        let broken: Vec<_> = self.associations.iter().filter(|(_, x)| ends(x)).map(|(&number, _)| number).collect();
        for number in broken {
            self.break_one(number, None, &LossReason::Unreachable);
        }
    }

    fn break_all(&mut self, end: End, reason: &LossReason) {
        let all: Vec<_> = self
            .associations
            .iter()
            .filter(|(_, association)| association.ends.contains(&end))
            .map(|(&number, _)| number)
            .collect();
        for number in all {
            self.break_one(number, Some(end), reason);
        }
    }

    /// Ends an association; `by` does not hear of it.
    fn break_one(&mut self, number: u64, by: Option<End>, reason: &LossReason) {
        let Some(association) = self.associations.remove(&number) else { return };
        for to in association.ends {
            if Some(to) != by {
                self.deliver(LATENCY, Delivery { to, association: number, what: What::Lost(reason.clone()) });
            }
        }
    }
}

/// The scripted registrar.
impl Net {
    /// Connects the scripted registrar to a registrar.
    pub fn script_connects(&mut self, to: usize) -> u64 {
        let number = self.connect(End::Script, End::Registrar(to), Link::Enrp, None);
        self.run(2 * LATENCY);
        number
    }

    pub fn script_sends(&mut self, association: u64, message: impl Into<EnrpMessage>) {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("encodable");
        self.script_sends_bytes(association, bytes);
    }

    pub fn script_sends_bytes(&mut self, association: u64, bytes: Vec<u8>) {
        self.transmit(End::Script, association, PPID_ENRP, bytes);
        self.run(4 * LATENCY);
    }

    /// A scripted registrar that is a peer of registrar `to`.
    pub fn script_joins(&mut self, to: usize) -> u64 {
        let association = self.script_connects(to);
        self.script_sends(association, script_presence(false, self.script_checksum));
        self.got.clear();
        association
    }

    pub fn script_leaves(&mut self, association: u64) {
        self.break_one(association, Some(End::Script), &LossReason::Closed);
    }

    /// What the scripted registrar got since the last look.
    pub fn take_got(&mut self) -> Vec<EnrpMessage> {
        std::mem::take(&mut self.got).into_iter().map(|(_, message)| message).collect()
    }

    fn script_gets(&mut self, association: u64, what: What) {
        let What::Message { bytes, .. } = what else { return };
        let message = EnrpMessage::decode(&bytes).expect("registrars send what can be decoded").message;
        if let EnrpMessage::Presence(Presence { reply_required: true, .. }) = &message {
            if self.script_answers {
                let mut bytes = Vec::new();
                EnrpMessage::from(script_presence(false, self.script_checksum)).encode(&mut bytes).expect("encodable");
                self.transmit(End::Script, association, PPID_ENRP, bytes);
            }
        }
        self.got.push((association, message));
    }

    /// A datagram on the ENRP group, for everybody.
    pub fn datagram(&mut self, from: IpAddr, message: impl Into<EnrpMessage>) {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("encodable");
        for number in 0..self.nodes.len() {
            let what = What::Datagram { from: SocketAddr::new(from, PORT_ENRP), bytes: bytes.clone() };
            self.deliver(LATENCY, Delivery { to: End::Registrar(number), association: 0, what });
        }
        self.run(2 * LATENCY);
    }
}

pub fn script_presence(reply_required: bool, checksum: Option<u16>) -> Presence {
    let transport = sctp(script_ip(), PORT_ENRP);
    Presence {
        sender: SCRIPT,
        receiver: RegistrarId(0),
        reply_required,
        checksum,
        server_information: Some(ServerInformation { id: SCRIPT, transport }),
    }
}

pub fn sctp(ip: IpAddr, port: u16) -> TransportParameter {
    TransportParameter::Sctp { port, transport_use: TransportUse::DataOnly, addresses: AddressList::from_slice(&[ip]) }
}

/// The machinery.
impl Net {
    fn deliver(&mut self, after: Duration, delivery: Delivery) {
        self.counter += 1;
        self.queue.insert((self.now + after, self.counter), delivery);
    }

    /// Some(true): connects succeed. Some(false): they are refused. None: nothing comes back.
    fn can_talk(&self, from: End, to: End) -> Option<bool> {
        if self.cuts.contains(&(from.min(to), from.max(to))) {
            return None;
        }
        match to {
            End::Registrar(number) => match self.nodes.get(number) {
                Some(node) if node.frozen => None,
                Some(node) => Some(node.core.is_some() && !node.left),
                None => None,
            },
            End::Element(number) => Some(self.elements[number].alive),
            End::Script => Some(self.script_listens),
        }
    }

    fn end_at(&self, address: &PeerAddress) -> Option<End> {
        let ip = address.addresses.first()?;
        if *ip == script_ip() {
            return Some(End::Script);
        }
        let registrars = (0..self.nodes.len()).map(End::Registrar);
        let elements = (0..self.elements.len()).map(End::Element);
        registrars.chain(elements).find(|&end| ip_of(end) == *ip)
    }

    fn connect(&mut self, from: End, to: End, link: Link, attempt: Option<ConnectAttempt>) -> u64 {
        self.counter += 1;
        let number = self.counter;
        self.associations.insert(number, Association { ends: [from, to], link });
        for (end, other, attempt, inbound) in [(to, from, None, true), (from, to, attempt, false)] {
            let port = match other {
                End::Element(_) => 40_000,
                _ => {
                    if link == Link::Asap {
                        PORT_ASAP
                    } else {
                        PORT_ENRP
                    }
                }
            };
            let peer = Peer { address: PeerAddress::new(ip_of(other), port), inbound, kind: TransportKind::Memory };
            self.deliver(LATENCY, Delivery { to: end, association: number, what: What::Up { link, attempt, peer } });
        }
        number
    }

    fn other_end(&self, association: u64, end: End) -> Option<End> {
        let ends = self.associations.get(&association)?.ends;
        Some(if ends[0] == end { ends[1] } else { ends[0] })
    }

    fn transmit(&mut self, from: End, association: u64, ppid: u32, bytes: Vec<u8>) {
        let Some(to) = self.other_end(association, from) else { return };
        let cut = self.associations.get(&association).is_none_or(|x| !x.ends.contains(&from));
        if !cut {
            self.messages += 1;
            self.deliver(LATENCY, Delivery { to, association, what: What::Message { ppid, bytes } });
        }
    }

    fn perform(&mut self, number: usize, actions: Vec<Action>) {
        let from = End::Registrar(number);
        for action in actions {
            match action {
                Action::Send { association, bytes } => {
                    let raw = association.as_u64() & 0xffff_ffff_ffff;
                    let Some(link) = self.associations.get(&raw).map(|x| x.link) else { continue };
                    if link == Link::Enrp && bytes.first() == Some(&4) {
                        self.update_counts += 1;
                    }
                    let ppid = if link == Link::Enrp { PPID_ENRP } else { PPID_ASAP };
                    self.transmit(from, raw, ppid, bytes);
                }
                Action::Connect { attempt, link, peer, timeout } => {
                    let to = self.end_at(&peer);
                    match to.and_then(|to| self.can_talk(from, to)) {
                        Some(true) => {
                            self.connect(from, to.expect("somebody"), link, Some(attempt));
                        }
                        Some(false) => {
                            let what = What::Failed(attempt, LossReason::Refused);
                            self.deliver(LATENCY, Delivery { to: from, association: 0, what });
                        }
                        None => {
                            let what = What::Failed(attempt, LossReason::Timeout);
                            self.deliver(timeout, Delivery { to: from, association: 0, what });
                        }
                    }
                }
                Action::Abort { association, .. } => {
                    let raw = association.as_u64() & 0xffff_ffff_ffff;
                    self.break_one(raw, Some(from), &LossReason::Aborted(String::new()));
                }
                Action::Multicast { link: Link::Enrp, bytes } if self.multicast => {
                    for other in (0..self.nodes.len()).filter(|&other| other != number) {
                        let what =
                            What::Datagram { from: SocketAddr::new(ip_of(from), PORT_ENRP), bytes: bytes.clone() };
                        if self.can_talk(from, End::Registrar(other)).is_some() {
                            self.deliver(LATENCY, Delivery { to: End::Registrar(other), association: 0, what });
                        }
                    }
                }
                Action::Multicast { .. } => {}
                Action::ShutdownComplete => {
                    self.nodes[number].left = true;
                    self.break_all(from, &LossReason::Closed);
                }
            }
        }
    }

    pub fn event(&mut self, number: usize, event: Event<'_>) {
        let mut actions = Vec::new();
        if let Some(core) = &mut self.nodes[number].core {
            core.handle(self.now, event, &mut actions);
        }
        self.perform(number, actions);
    }

    fn hand_over(&mut self, delivery: Delivery) {
        match delivery.to {
            End::Registrar(number) if self.nodes[number].frozen => self.nodes[number].inbox.push(delivery),
            End::Registrar(number) => self.hand_to_registrar(number, delivery),
            End::Element(number) => self.hand_to_element(number, delivery),
            End::Script => self.script_gets(delivery.association, delivery.what),
        }
    }

    fn hand_to_registrar(&mut self, number: usize, delivery: Delivery) {
        let association = association(delivery.association);
        match delivery.what {
            What::Up { link, attempt, peer } => {
                self.event(number, Event::AssociationUp { link, association, attempt, peer });
            }
            What::Lost(reason) => self.event(number, Event::AssociationLost { association, reason }),
            What::Failed(attempt, reason) => self.event(number, Event::ConnectFailed { attempt, reason }),
            What::Message { ppid, bytes } => {
                self.event(number, Event::Message { association, ppid, bytes: &bytes });
            }
            What::Datagram { from, bytes } => self.event(number, Event::Datagram { from, bytes: &bytes }),
            What::Hunt => {}
        }
    }

    fn hand_to_element(&mut self, number: usize, delivery: Delivery) {
        let association = delivery.association;
        // What is still under way on an association that it closed is not handed to it.
        let closed = matches!(delivery.what, What::Message { .. }) && !self.associations.contains_key(&association);
        if !self.elements[number].alive || closed {
            return;
        }
        match delivery.what {
            What::Up { attempt: None, .. } if self.elements[number].home == Some(association) => self.register(number),
            What::Lost(_) if self.elements[number].home == Some(association) => {
                self.elements[number].home = None;
                self.hunt(number);
            }
            What::Hunt => self.hunt(number),
            What::Message { bytes, .. } => {
                match AsapMessage::decode(&bytes).expect("registrars send what can be decoded").message {
                    AsapMessage::EndpointKeepAlive(message) => self.element_asked(number, association, message),
                    AsapMessage::RegistrationResponse(response) if !response.reject => {
                        self.elements[number].registered += 1;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// RFC 5352 section 4.1 (KA): acknowledges; with the H bit it adopts the sender.
    fn element_asked(&mut self, number: usize, association: u64, message: EndpointKeepAlive) {
        let ack = EndpointKeepAliveAck {
            pool_handle: message.pool_handle.clone(),
            pool_element_id: PoolElementId(self.elements[number].id),
        };
        self.send_asap(number, association, &AsapMessage::EndpointKeepAliveAck(ack));
        if message.home && self.elements[number].home != Some(association) {
            let old = self.elements[number].home.replace(association);
            if let Some(old) = old {
                self.break_one(old, Some(End::Element(number)), &LossReason::Closed);
            }
            self.register(number);
        }
        self.keep_alives.push((number, message));
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let delivery = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let timer = (0..self.nodes.len())
                .filter(|&n| !self.nodes[n].frozen)
                .filter_map(|n| Some((self.nodes[n].core.as_ref()?.next_deadline()?, n)))
                .min();
            let timer_at = timer.map(|(at, _)| at.max(self.now));
            let Some(next) = [delivery, timer_at].into_iter().flatten().min().filter(|&at| at <= end) else { break };
            self.now = self.now.max(next);
            if delivery.is_some_and(|at| at <= self.now) {
                let (_, delivery) = self.queue.pop_first().expect("there is one");
                self.hand_over(delivery);
            } else if let Some((_, number)) = timer {
                self.event(number, Event::Timeout);
                let deadline = self.registrar(number).next_deadline();
                assert!(deadline.is_none_or(|at| at > self.now), "registrar {number} spins at {}", self.now);
            }
        }
        self.now = end;
    }

    /// Lets time pass until something is so, at most as long.
    pub fn run_until(&mut self, limit: Duration, condition: impl Fn(&Net) -> bool) -> Duration {
        let start = self.now;
        while !condition(self) {
            assert!(self.now.saturating_since(start) < limit, "not within {limit:?}, at {}", self.now);
            self.run(LATENCY);
        }
        self.now.saturating_since(start)
    }
}

fn ip_of(end: End) -> IpAddr {
    match end {
        End::Registrar(number) => registrar_ip(number),
        End::Element(number) => element_ip(number),
        End::Script => script_ip(),
    }
}

impl Net {
    /// Adds registrars that never ran.
    pub fn nodes_that_are_dead(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.nodes.len();
            let (config, inbox) = (config(number, &[]), Vec::new());
            self.nodes.push(Node { core: None, config, frozen: false, inbox, left: false });
        }
    }
}

impl Net {
    /// The first association of the scripted registrar.
    pub fn script_association(&self) -> Option<u64> {
        self.associations.iter().find(|(_, x)| x.ends.contains(&End::Script) && x.ends[0] != x.ends[1]).map(|(&n, _)| n)
    }
}

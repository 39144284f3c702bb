//! The world: virtual time, a queue of what is to happen, and the processes to which it happens.

use super::bad_links::BadLinks;
use super::checkers::Checks;
use super::config::SimConfig;
use super::enrp::{Discovery, LOOK_UP_INTERVAL};
use super::faults::{Fault, Repair};
use super::node::{Clock, Core, Input, Node, NodeId};
use super::queue::Queue;
use super::trace::{Mode, Trace};
use super::workload::{Client, Command, Plan};
use crate::support::network::{EndId, Loss, Network, NodeEnds, Passage, Traffic};
use rserpool::asap::{self, AsapClient, AsapConfig};
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::random::Random;
use rserpool::registrar::{self, Link, Registrar, RegistrarConfig};
use rserpool::wire::{AddressList, PORT_ASAP, PORT_ENRP, PPID_ASAP, PPID_ENRP, TransportParameter, TransportUse};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Port at which clients are reached by registrars.
pub const CLIENT_PORT: u16 = 4000;
/// A process handles its timers up to this late.
const LATENESS: u64 = 200_000;

/// What is to happen.
pub enum What {
    Wake(NodeId),
    Input(NodeId, u32, Input),
    Pass(Passage),
    Command(NodeId, u32, Command),
    Act(NodeId, u32),
    Fault(Fault),
    Repair(Repair),
}

/// Everything.
pub struct World {
    pub config: SimConfig,
    pub now: u64,
    pub random: Random,
    pub nodes: Vec<Node>,
    pub plans: Vec<Plan>,
    pub network: Network,
    pub addresses: HashMap<(IpAddr, u16), (NodeId, Link)>,
    pub trace: Trace,
    pub checks: Checks,
    pub failure: Option<String>,
    /// None: they are good.
    pub bad_links: Option<BadLinks>,
    /// Faults and changes are over.
    pub calm: bool,
    queue: Queue,
}

impl World {
    pub fn new(config: SimConfig, mode: Mode) -> World {
        let mut world = World {
            now: 0,
            random: Random::new(config.seed),
            nodes: Vec::new(),
            plans: Vec::new(),
            network: Network::default(),
            addresses: HashMap::new(),
            trace: Trace::new(mode),
            checks: Checks::default(),
            failure: None,
            bad_links: None,
            calm: false,
            queue: Queue::default(),
            config,
        };
        let config = &world.config;
        let (registrars, processes, users) = (config.registrars, config.element_processes, config.users);
        for number in 0..registrars + processes + users {
            world.add_node(number, registrars, processes);
        }
        world.add_rogues();
        world
    }

    /// A host with its clock; its address.
    pub fn add_host(&mut self, number: usize) -> IpAddr {
        let [_, high, middle, low] = (number as u32 + 1).to_be_bytes();
        let address = IpAddr::from([10, high, middle, low]);
        let skew = self.config.skew_ppm;
        let ppm = self.random.below(2 * skew + 1) as i64 - skew as i64;
        let clock = Clock { offset: self.random.below(1 << 45), ppm };
        self.nodes.push(Node::new(Core::None, clock, address));
        self.network.nodes.push(NodeEnds::default());
        address
    }

    fn add_node(&mut self, number: usize, registrars: usize, processes: usize) {
        let address = self.add_host(number);
        let plan = if number < registrars {
            self.addresses.insert((address, PORT_ASAP), (number, Link::Asap));
            self.addresses.insert((address, PORT_ENRP), (number, Link::Enrp));
            Plan::Registrar
        } else {
            self.addresses.insert((address, CLIENT_PORT), (number, Link::Asap));
            if number < registrars + processes { Plan::elements(self, number) } else { Plan::User }
        };
        self.plans.push(plan);
    }

    pub fn schedule(&mut self, at: u64, what: What) {
        self.queue.push(at.max(self.now), what);
    }

    /// Does what is due until then; false when something is wrong.
    pub fn run_until(&mut self, until: u64) -> bool {
        while self.failure.is_none() {
            let Some((at, what)) = self.queue.pop_until(until) else { break };
            self.now = at;
            self.happen(what);
        }
        self.now = self.now.max(until);
        self.failure.is_none()
    }

    pub fn fail(&mut self, what: String) {
        self.trace.line(self.now, format_args!("FAILURE: {what}"));
        let now = self.now;
        self.failure.get_or_insert_with(|| format!("at {:.6} s: {what}", now as f64 / 1e9));
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Wake(node) => self.on_wake(node),
            What::Input(node, incarnation, input) => {
                if self.nodes[node].incarnation == incarnation {
                    self.input(node, input);
                }
            }
            What::Pass(what) => self.pass(what),
            What::Command(node, incarnation, command) => self.on_command(node, incarnation, command),
            What::Act(node, incarnation) => self.act(node, incarnation),
            What::Fault(fault) => self.on_fault(fault),
            What::Repair(repair) => self.on_repair(repair),
        }
    }

    fn on_wake(&mut self, node: NodeId) {
        if self.nodes[node].wake != self.now {
            return;
        }
        self.nodes[node].wake = u64::MAX;
        let due = self.nodes[node].next_deadline().is_some_and(|at| at <= self.nodes[node].clock.local(self.now));
        if due {
            self.input(node, Input::Timeout);
        } else {
            self.set_alarm(node);
        }
    }

    /// Has a process woken when it wants to be.
    pub fn set_alarm(&mut self, node: NodeId) {
        if self.nodes[node].hung {
            return;
        }
        let Some(deadline) = self.nodes[node].next_deadline() else { return };
        let at = self.nodes[node].clock.global(deadline).max(self.now);
        if at < self.nodes[node].wake && at != u64::MAX {
            let at = at + self.random.below(LATENESS);
            self.nodes[node].wake = at;
            self.schedule(at, What::Wake(node));
        }
    }

    /// Something reaches a process.
    pub fn input(&mut self, node: NodeId, input: Input) {
        if !self.nodes[node].is_up() {
            return;
        }
        if self.nodes[node].hung {
            return self.nodes[node].mailbox.push_back(input);
        }
        let is_timeout = matches!(input, Input::Timeout);
        self.note(node, &input);
        self.note_asked(&input);
        match self.nodes[node].core {
            Core::Registrar(_) => self.registrar_input(node, input),
            Core::Client(_) => self.client_input(node, input),
            Core::Rogue(_) => self.rogue_input(node, &input),
            Core::Bystander | Core::None => {}
        }
        self.check_progress(node, is_timeout);
        self.set_alarm(node);
    }

    fn note(&mut self, node: NodeId, input: &Input) {
        self.trace.events += 1;
        self.trace.word(self.now);
        self.trace.word(node as u64);
        match input {
            Input::Up { end, .. } => self.trace.word(end.0 << 4 | 1),
            Input::ConnectFailed { attempt, .. } => self.trace.word(attempt << 4 | 2),
            Input::Lost { end, .. } => self.trace.word(end.0 << 4 | 3),
            Input::Message { end, bytes } => {
                self.trace.word(end.0 << 4 | 4);
                self.trace.bytes(bytes);
            }
            Input::Datagram { bytes, .. } => self.trace.bytes(bytes),
            Input::Timeout => self.trace.word(5),
            Input::PeersFound => self.trace.word(6),
        }
        if self.trace.wants_lines() {
            let line = super::checkers::describe(self, input);
            self.trace.line(self.now, format_args!("node {node} < {line}"));
        }
    }

    /// A core whose timer was handled must not want it handled again at the same time, over and over.
    fn check_progress(&mut self, node: NodeId, is_timeout: bool) {
        let local = self.nodes[node].clock.local(self.now);
        let again = is_timeout && self.nodes[node].next_deadline().is_some_and(|at| at <= local);
        let spins = &mut self.nodes[node].spins;
        *spins = if again { *spins + 1 } else { 0 };
        if *spins > 10 {
            self.fail(format!("node {node} does not come to rest: its deadline stays in the past"));
        }
    }

    fn peer_of(&self, end: EndId) -> Peer {
        let other = self.network.end(end.other());
        let port =
            match (self.nodes[other.node].registrar().is_some() || other.node < self.config.registrars, other.link) {
                (true, Link::Asap) => PORT_ASAP,
                (true, Link::Enrp) => PORT_ENRP,
                (false, Link::Enrp) => PORT_ENRP,
                (false, Link::Asap) => CLIENT_PORT,
            };
        Peer {
            address: self.nodes[other.node].peer_address(port),
            inbound: end.side() == 1,
            kind: self.network.kind(end),
        }
    }

    fn registrar_input(&mut self, node: NodeId, input: Input) {
        let input = self.masquerade(node, input);
        let now = self.nodes[node].clock.local(self.now);
        let mut actions = Vec::new();
        self.checks_before_registrar(node, &input);
        let peer = match &input {
            Input::Up { end, .. } => Some(self.peer_of(*end)),
            _ => None,
        };
        let link_of = |world: &World, end: EndId| world.network.end(end).link;
        let (source, found);
        let event = match &input {
            Input::Up { end, attempt } => registrar::Event::AssociationUp {
                link: link_of(self, *end),
                association: end.id(link_of(self, *end)),
                attempt: attempt.map(registrar::ConnectAttempt),
                peer: peer.expect("made above"),
            },
            Input::ConnectFailed { attempt, .. } => registrar::Event::ConnectFailed {
                attempt: registrar::ConnectAttempt(*attempt),
                reason: LossReason::Timeout,
            },
            Input::Lost { end, why } => {
                registrar::Event::AssociationLost { association: end.id(link_of(self, *end)), reason: reason(*why) }
            }
            Input::Message { end, bytes } => {
                let link = link_of(self, *end);
                let ppid = if link == Link::Asap { PPID_ASAP } else { PPID_ENRP };
                registrar::Event::Message { association: end.id(link), ppid, bytes }
            }
            Input::Datagram { from, bytes, .. } => {
                source = SocketAddr::new(self.nodes[*from].address, PORT_ENRP);
                registrar::Event::Datagram { from: source, bytes }
            }
            Input::PeersFound => {
                found =
                    self.nodes[..self.config.registrars].iter().map(|n| n.peer_address(PORT_ENRP)).collect::<Vec<_>>();
                let at = self.now + LOOK_UP_INTERVAL;
                self.schedule(at, What::Input(node, self.nodes[node].incarnation, Input::PeersFound));
                registrar::Event::PeersFound { peers: &found }
            }
            Input::Timeout => registrar::Event::Timeout,
        };
        let Core::Registrar(core) = &mut self.nodes[node].core else { return };
        core.handle(now, event, &mut actions);
        self.checks_after_registrar(node, &actions);
        self.perform_registrar(node, actions);
    }

    /// Asks a registrar to leave the scope.
    pub fn shut_registrar_down(&mut self, node: NodeId) {
        let now = self.nodes[node].clock.local(self.now);
        let mut actions = Vec::new();
        self.checks.leaving.insert(node, self.now);
        let Core::Registrar(core) = &mut self.nodes[node].core else { return };
        core.handle(now, registrar::Event::Shutdown, &mut actions);
        self.checks_after_registrar(node, &actions);
        self.perform_registrar(node, actions);
        self.set_alarm(node);
    }

    pub fn perform_registrar(&mut self, node: NodeId, actions: Vec<registrar::Action>) {
        for action in actions {
            if self.trace.wants_lines() {
                let line = super::checkers::describe_action(&action);
                self.trace.line(self.now, format_args!("node {node} > {line}"));
            }
            match action {
                registrar::Action::Connect { attempt, link, peer, timeout } => {
                    self.trace.word(attempt.0);
                    self.check_connect(node, Some(link), &peer);
                    let timeout = timeout.as_nanos() as u64;
                    self.connect(node, link, attempt.0, &peer, TransportKind::Memory, timeout);
                }
                registrar::Action::Send { association, bytes } => {
                    self.trace.bytes(&bytes);
                    self.send(EndId::of(association), bytes);
                }
                registrar::Action::Multicast { link, bytes } => {
                    self.trace.bytes(&bytes);
                    self.multicast(node, link, bytes);
                }
                registrar::Action::Abort { association, .. } => self.abort(EndId::of(association)),
                registrar::Action::ShutdownComplete => self.stop_in_order(node),
                registrar::Action::IdentifierTaken { by } => panic!("node {node} and {by} have one identifier"),
            }
        }
    }

    /// The driver of a process closes what is left and ends.
    pub fn stop_in_order(&mut self, node: NodeId) {
        self.trace.line(self.now, format_args!("node {node} has stopped"));
        for id in self.network.nodes[node].ends.iter().copied().collect::<Vec<_>>() {
            self.shutdown(id);
        }
        self.kill(node);
    }

    /// The process is gone.
    pub fn kill(&mut self, node: NodeId) {
        self.forget_process(node);
        self.nodes[node].core = Core::None;
        self.nodes[node].incarnation += 1;
        self.nodes[node].mailbox.clear();
        self.nodes[node].hung = false;
        self.nodes[node].wake = u64::MAX;
        for id in self.network.nodes[node].ends.iter().copied().collect::<Vec<_>>() {
            self.close_end(id);
        }
        self.network.nodes[node].attempts.clear();
    }

    /// Starts a process.
    pub fn start(&mut self, node: NodeId) {
        if self.nodes[node].is_up() {
            return;
        }
        self.trace.line(self.now, format_args!("node {node} starts"));
        let seed = self.random.next_u64();
        let now = self.nodes[node].clock.local(self.now);
        self.nodes[node].core = match self.plans[node] {
            Plan::Registrar => {
                let config = self.registrar_config(node).validated().expect("settings that can work");
                Core::Registrar(Box::new(Registrar::new(config, seed, now)))
            }
            Plan::Rogue => Core::Rogue(Box::default()),
            Plan::Bystander => Core::Bystander,
            Plan::Elements(_) | Plan::User => {
                let core =
                    AsapClient::new(self.client_config().validated().expect("settings that can work"), seed, now);
                Core::Client(Box::new(Client::new(core)))
            }
        };
        self.nodes[node].continued = self.now;
        if self.config.discovery == Discovery::LookUp && self.nodes[node].registrar().is_some() {
            let at = self.now + self.random.below(LOOK_UP_INTERVAL / 4);
            self.schedule(at, What::Input(node, self.nodes[node].incarnation, Input::PeersFound));
        }
        self.process_started(node);
        self.set_alarm(node);
    }

    fn registrar_config(&self, node: NodeId) -> RegistrarConfig {
        let address = self.nodes[node].address;
        let known = if self.config.discovery == Discovery::Configured { self.config.registrars } else { 0 };
        let peers = (0..known).filter(|peer| *peer != node);
        let asap = TransportParameter::Sctp {
            port: PORT_ASAP,
            transport_use: TransportUse::DataOnly,
            addresses: AddressList::from_slice(&[address]),
        };
        RegistrarConfig {
            asap_transports: vec![asap],
            enrp_addresses: AddressList::from_slice(&[address]),
            peers: peers.map(|peer| self.nodes[peer].peer_address(PORT_ENRP)).collect(),
            ..self.config.registrar.clone()
        }
    }

    fn client_config(&mut self) -> AsapConfig {
        let (registrars, known) = (self.config.registrars, self.config.static_registrars);
        let first = self.random.below(registrars as u64) as usize;
        let order = (0..registrars).map(|i| (first + i) % registrars).take(known);
        let static_registrars: Vec<PeerAddress> = order.map(|r| self.nodes[r].peer_address(PORT_ASAP)).collect();
        AsapConfig { static_registrars, ..self.config.client.clone() }
    }

    fn client_input(&mut self, node: NodeId, input: Input) {
        let peer = match &input {
            Input::Up { end, .. } => Some(self.peer_of(*end)),
            _ => None,
        };
        let id = |end: EndId| end.id(Link::Asap);
        let event = match &input {
            Input::Up { end, attempt } => {
                let peer = peer.expect("made above");
                let attempt = attempt.map(asap::ConnectAttempt);
                asap::Event::AssociationUp { association: id(*end), attempt, peer: peer.address, kind: peer.kind }
            }
            Input::ConnectFailed { attempt, .. } => {
                asap::Event::ConnectFailed { attempt: asap::ConnectAttempt(*attempt), reason: LossReason::Timeout }
            }
            Input::Lost { end, why } => asap::Event::AssociationLost { association: id(*end), reason: reason(*why) },
            Input::Message { end, bytes } => asap::Event::Message { association: id(*end), ppid: PPID_ASAP, bytes },
            Input::Datagram { from, bytes, .. } => {
                asap::Event::Announcement { from: SocketAddr::new(self.nodes[*from].address, PORT_ASAP), bytes }
            }
            Input::Timeout | Input::PeersFound => asap::Event::Timeout,
        };
        self.client_event(node, event);
    }

    /// Hands an event to a client and does what it wants.
    pub fn client_event(&mut self, node: NodeId, event: asap::Event<'_>) {
        let now = self.nodes[node].clock.local(self.now);
        let mut actions = Vec::new();
        let Core::Client(client) = &mut self.nodes[node].core else { return };
        client.core.handle(now, event, &mut actions);
        for action in actions {
            self.perform_client(node, action);
        }
    }

    fn perform_client(&mut self, node: NodeId, action: asap::Action) {
        if self.trace.wants_lines() {
            let line = super::checkers::describe_client_action(&action);
            self.trace.line(self.now, format_args!("node {node} > {line}"));
        }
        match action {
            asap::Action::Connect { attempt, kind, peer, timeout } => {
                self.trace.word(attempt.0);
                self.check_connect(node, None, &peer);
                let timeout = Duration::as_nanos(&timeout) as u64;
                self.connect(node, Link::Asap, attempt.0, &peer, kind, timeout);
            }
            asap::Action::CancelConnect { attempt } => self.cancel_connect(node, Link::Asap, attempt.0),
            asap::Action::Send { association, bytes } => {
                self.trace.bytes(&bytes);
                self.check_sent_by_client(node, EndId::of(association), &bytes);
                self.send(EndId::of(association), bytes);
            }
            asap::Action::Shutdown { association } => self.shutdown(EndId::of(association)),
            asap::Action::Abort { association, .. } => self.abort(EndId::of(association)),
            asap::Action::Complete { request, result } => {
                self.trace.word(request.0 << 1 | u64::from(result.is_ok()));
                self.on_complete(node, request, result);
            }
            asap::Action::LookUp => {}                     // nobody is known by name
            asap::Action::Removed { .. } => {}             // nobody watches
            asap::Action::RegistrationChanged { .. } => {} // registrars are looked at instead
            // Nobody subscribes in the simulation.
            asap::Action::PoolChanged { .. } => {}
            asap::Action::ShutdownComplete => self.stop_in_order(node),
        }
    }

    /// Which registrar an end of an association leads to.
    pub fn registrar_behind(&self, end: EndId) -> Option<NodeId> {
        Some(self.network.end(end.other()).node).filter(|node| *node < self.config.registrars)
    }
}

fn reason(why: Loss) -> LossReason {
    match why {
        Loss::Closed => LossReason::Closed,
        Loss::Aborted => LossReason::Aborted(String::new()),
        Loss::Unreachable => LossReason::Unreachable,
        Loss::Restarted => LossReason::Restarted,
    }
}

//! Time, and what reaches whom.

use super::*;

impl Surroundings for Net {
    fn network(&self) -> &Network {
        &self.network
    }

    fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    fn now(&self) -> u64 {
        self.now.as_nanos()
    }

    fn latency(&mut self) -> u64 {
        nanos(LATENCY)
    }

    fn detection_range(&self) -> (u64, u64) {
        (nanos(CUT_NOTICED), nanos(CUT_NOTICED))
    }

    fn detection(&mut self) -> u64 {
        nanos(CUT_NOTICED)
    }

    fn crash_aborts(&self) -> bool {
        true
    }

    fn plan(&mut self, at: u64, what: Passage) {
        self.happens_at(at, What::Pass(what));
    }

    fn endpoint_at(&self, address: &PeerAddress) -> Option<(NodeId, Link)> {
        let ip = address.addresses.first()?;
        let registrars = (0..self.nodes.len()).map(End::Registrar);
        let elements = (0..self.elements.len()).map(End::Element);
        let end = registrars.chain(elements).chain([End::Script]).find(|&end| ip_of(end) == *ip)?;
        let link = if address.port == PORT_ENRP { Link::Enrp } else { Link::Asap };
        Some((end.node(), link))
    }

    fn is_up(&self, node: NodeId) -> bool {
        match End::of(node) {
            End::Registrar(number) => self.is_alive(number),
            End::Element(number) => self.elements[number].alive,
            End::Script => self.script_listens,
        }
    }

    fn is_mute(&self, node: NodeId) -> bool {
        matches!(End::of(node), End::Registrar(number) if self.nodes[number].frozen)
    }

    fn note(&mut self, _: std::fmt::Arguments<'_>) {}

    fn up(&mut self, end: EndId, attempt: Option<u64>) {
        match self.who(end) {
            End::Registrar(number) => self.arrive(number, Arrival::Up { end, attempt }),
            End::Element(number) if self.elements[number].home == Some(end.0) => self.register(number),
            End::Element(_) | End::Script => {}
        }
    }

    fn connect_failed(&mut self, node: NodeId, attempt: u64, why: Failure) {
        match End::of(node) {
            End::Registrar(number) => self.arrive(number, Arrival::ConnectFailed { attempt, why }),
            End::Element(number) => self.has_no_home(number),
            End::Script => {}
        }
    }

    fn connect_will_fail(&mut self, at: u64, node: NodeId, attempt: u64, why: Failure) {
        let End::Registrar(number) = End::of(node) else { panic!("others know whom they connect to") };
        self.happens_at(at, What::Arrive(number, Arrival::ConnectFailed { attempt, why }));
    }

    fn message(&mut self, end: EndId, bytes: Vec<u8>) {
        match self.who(end) {
            End::Registrar(number) => self.arrive(number, Arrival::Message { end, bytes }),
            End::Element(number) => self.element_gets(number, end, &bytes),
            End::Script => self.script_gets(end.0, &bytes),
        }
    }

    fn lost(&mut self, end: EndId, why: Loss) {
        match self.who(end) {
            End::Registrar(number) => self.arrive(number, Arrival::Lost { end, why }),
            End::Element(number) if self.elements[number].home == Some(end.0) => self.has_no_home(number),
            End::Element(_) | End::Script => {}
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    Time::ZERO.as_nanos() + duration.as_nanos() as u64
}

fn ip_of(end: End) -> IpAddr {
    match end {
        End::Registrar(number) => registrar_ip(number),
        End::Element(number) => element_ip(number),
        End::Script => script_ip(),
    }
}

impl Net {
    pub(super) fn happens(&mut self, after: Duration, what: What) {
        self.happens_at((self.now + after).as_nanos(), what);
    }

    fn happens_at(&mut self, at: u64, what: What) {
        self.counter += 1;
        self.queue.insert((Time::from_nanos(at), self.counter), what);
    }

    fn who(&self, end: EndId) -> End {
        End::of(self.network.end(end).node)
    }

    /// Its ends of associations that are not closed.
    pub(super) fn ends_of(&self, who: End) -> Vec<EndId> {
        self.network.nodes.get(who.node()).map(|node| node.ends.iter().copied().collect()).unwrap_or_default()
    }

    /// The network knows of nodes up to this one.
    pub(super) fn make_room(&mut self, who: End) {
        let nodes = self.network.nodes.len().max(who.node() + 1);
        self.network.nodes.resize_with(nodes, NodeEnds::default);
    }

    /// Whether a connect would succeed now.
    pub(super) fn can_talk(&self, from: End, to: End) -> bool {
        self.is_up(to.node()) && !self.is_mute(to.node()) && !self.network.is_cut(from.node(), to.node())
    }

    /// An element or the scripted registrar connects; returns its end.
    pub(super) fn connects(&mut self, from: End, to: End, link: Link) -> u64 {
        self.counter += 1;
        self.make_room(from);
        let port = if link == Link::Asap { PORT_ASAP } else { PORT_ENRP };
        let (attempt, address) = (self.counter, PeerAddress::new(ip_of(to), port));
        self.connect(from.node(), link, attempt, &address, TransportKind::Memory, nanos(10 * SECOND));
        EndId::new(self.network.associations.len() - 1, 0).0
    }

    fn perform(&mut self, number: usize, actions: Vec<Action>) {
        let from = End::Registrar(number);
        for action in actions {
            match action {
                Action::Send { association, bytes } => self.send(EndId::of(association), bytes),
                Action::Connect { attempt, link, peer, timeout } => {
                    let timeout = nanos(timeout);
                    self.connects += 1;
                    self.connect(from.node(), link, attempt.0, &peer, TransportKind::Memory, timeout);
                }
                Action::Abort { association, .. } => self.abort(EndId::of(association)),
                Action::Multicast { link: Link::Enrp, bytes } if self.multicast => {
                    for other in (0..self.nodes.len()).filter(|&other| other != number) {
                        let from_address = SocketAddr::new(ip_of(from), PORT_ENRP);
                        let arrival = Arrival::Datagram { from: from_address, bytes: bytes.clone() };
                        let to = End::Registrar(other);
                        if !self.is_mute(to.node()) && !self.network.is_cut(from.node(), to.node()) {
                            self.happens(LATENCY, What::Arrive(other, arrival));
                        }
                    }
                }
                Action::Multicast { .. } => {}
                Action::ShutdownComplete | Action::IdentifierTaken { .. } => self.leaves(number),
            }
        }
    }

    fn leaves(&mut self, number: usize) {
        self.nodes[number].left = true;
        let ends = self.ends_of(End::Registrar(number));
        for &end in &ends {
            self.shutdown(end);
        }
        self.close_all(End::Registrar(number));
    }

    pub fn event(&mut self, number: usize, event: Event<'_>) {
        let mut actions = Vec::new();
        if let Some(core) = &mut self.nodes[number].core {
            core.handle(self.now, event, &mut actions);
        }
        self.perform(number, actions);
    }

    /// Something reaches a registrar.
    pub(super) fn arrive(&mut self, number: usize, arrival: Arrival) {
        if self.nodes[number].frozen {
            return self.nodes[number].inbox.push(arrival);
        }
        match arrival {
            Arrival::Up { end, attempt } => {
                let (link, peer) = (self.network.end(end).link, self.peer_of(end));
                let attempt = attempt.map(ConnectAttempt);
                self.event(number, Event::AssociationUp { link, association: name_of(end), attempt, peer });
            }
            Arrival::Lost { end, why } => {
                let reason = match why {
                    Loss::Closed => LossReason::Closed,
                    Loss::Aborted => LossReason::Aborted(String::new()),
                    Loss::Unreachable => LossReason::Unreachable,
                    Loss::Restarted => LossReason::Restarted,
                };
                self.event(number, Event::AssociationLost { association: name_of(end), reason });
            }
            Arrival::ConnectFailed { attempt, why } => {
                let reason = match why {
                    Failure::Refused => LossReason::Refused,
                    Failure::Timeout => LossReason::Timeout,
                };
                self.event(number, Event::ConnectFailed { attempt: ConnectAttempt(attempt), reason });
            }
            Arrival::Message { end, bytes } => {
                let ppid = if self.network.end(end).link == Link::Enrp { PPID_ENRP } else { PPID_ASAP };
                self.event(number, Event::Message { association: name_of(end), ppid, bytes: &bytes });
            }
            Arrival::Datagram { from, bytes } => self.event(number, Event::Datagram { from, bytes: &bytes }),
        }
    }

    fn peer_of(&self, end: EndId) -> Peer {
        let (other, link) = (self.who(end.other()), self.network.end(end).link);
        let port = match (other, link) {
            (End::Element(_), _) => 40_000,
            (_, Link::Asap) => PORT_ASAP,
            (_, Link::Enrp) => PORT_ENRP,
        };
        Peer { address: PeerAddress::new(ip_of(other), port), inbound: end.side() == 1, kind: self.network.kind(end) }
    }

    fn has_no_home(&mut self, number: usize) {
        self.elements[number].home = None;
        self.hunt(number);
    }

    fn element_gets(&mut self, number: usize, end: EndId, bytes: &[u8]) {
        // What is still under way on an association that it closed is not handed to it.
        if !self.elements[number].alive || self.network.end(end).state != EndState::Up {
            return;
        }
        match AsapMessage::decode(bytes).expect("registrars send what can be decoded").message {
            AsapMessage::EndpointKeepAlive(message) => self.element_asked(number, end.0, message),
            AsapMessage::RegistrationResponse(response) if !response.reject => self.elements[number].registered += 1,
            _ => {}
        }
    }

    /// RFC 5352 section 4.1 (KA): acknowledges; with the H bit it adopts the sender.
    fn element_asked(&mut self, number: usize, association: u64, message: EndpointKeepAlive) {
        let ack = EndpointKeepAliveAck {
            pool_handle: message.pool_handle.clone(),
            pool_element_id: PoolElementId(self.elements[number].id),
        };
        self.send_asap(association, &AsapMessage::EndpointKeepAliveAck(ack));
        if message.home && self.elements[number].home != Some(association) {
            let old = self.elements[number].home.replace(association);
            if let Some(old) = old {
                self.shutdown(EndId(old));
            }
            self.register(number);
        }
        self.keep_alives.push((number, message));
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let planned = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let timer = (0..self.nodes.len())
                .filter(|&n| !self.nodes[n].frozen)
                .filter_map(|n| Some((self.nodes[n].core.as_ref()?.next_deadline()?, n)))
                .min();
            let timer_at = timer.map(|(at, _)| at.max(self.now));
            let Some(next) = [planned, timer_at].into_iter().flatten().min().filter(|&at| at <= end) else { break };
            self.now = self.now.max(next);
            if planned.is_some_and(|at| at <= self.now) {
                let (_, what) = self.queue.pop_first().expect("there is one");
                self.happen(what);
            } else if let Some((_, number)) = timer {
                self.event(number, Event::Timeout);
                let deadline = self.registrar(number).next_deadline();
                assert!(deadline.is_none_or(|at| at > self.now), "registrar {number} spins at {}", self.now);
            }
        }
        self.now = end;
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Pass(what) => self.pass(what),
            What::Arrive(number, arrival) => self.arrive(number, arrival),
            What::Hunt(number) => self.hunt(number),
        }
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

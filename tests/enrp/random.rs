//! The registrar among registrars that send nonsense: it never panics or spins, stays within its bounds, does the same again for the
//! same input, and its checksums are those of what it knows.

use proptest::prelude::*;
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::handlespace::HandlespaceChecksum;
use rserpool::message::enrp::*;
use rserpool::message::{AsapMessage, EnrpMessage, asap};
use rserpool::registrar::{Action, ConnectAttempt, Event, Link, Registrar, RegistrarConfig, UserAddresses};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const MAX_PEERS: usize = 4;
const MAX_ELEMENTS: usize = 12;

#[derive(Clone, Debug)]
enum Step {
    Up {
        slot: usize,
        link: Link,
        host: u8,
    },
    Lost {
        slot: usize,
    },
    Enrp {
        slot: usize,
        message: EnrpMessage,
        flip: Option<(usize, u8)>,
    },
    Asap {
        slot: usize,
        message: AsapMessage,
    },
    /// The oldest question of the registrar is answered as it should be, with this table if it asks for one.
    Answer {
        entries: Vec<PoolEntry>,
        more: bool,
    },
    Datagram {
        host: u8,
        message: EnrpMessage,
    },
    /// The oldest connect succeeds, or fails in one of these ways.
    Connected {
        result: u8,
    },
    Found {
        hosts: Vec<u8>,
    },
    Pause {
        millis: u64,
    },
    Shutdown,
}

const SLOTS: usize = 8;

fn ip(host: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, host])
}

fn sctp(host: u8, port: u16) -> TransportParameter {
    let addresses = AddressList::from_slice(&[ip(host)]);
    TransportParameter::Sctp { port, transport_use: TransportUse::DataOnly, addresses }
}

/// The identifiers of a small scope: nobody, this registrar, and some others.
fn registrar() -> impl Strategy<Value = RegistrarId> + Clone {
    (0..8u32).prop_map(RegistrarId)
}

fn element() -> impl Strategy<Value = PoolElement> + Clone {
    (1..8u32, registrar(), -2..9i32, 1..5u8, 0..3u8).prop_map(|(id, home, life, host, policy)| PoolElement {
        id: PoolElementId(id),
        home_registrar: home,
        registration_life: RegistrationLife(life),
        user_transport: sctp(host, 5000),
        policy: [Policy::RoundRobin, Policy::RoundRobin, Policy::LeastUsed { load: 5 }][usize::from(policy)].clone(),
        asap_transport: (host < 4).then(|| sctp(host, 4000)),
    })
}

fn handle() -> impl Strategy<Value = PoolHandle> + Clone {
    (0..4u8).prop_map(|number| PoolHandle::new([b'p', number]))
}

fn entries() -> impl Strategy<Value = Vec<PoolEntry>> + Clone {
    let entry = (handle(), proptest::collection::vec(element(), 1..4))
        .prop_map(|(pool_handle, pool_elements)| PoolEntry { pool_handle, pool_elements });
    proptest::collection::vec(entry, 0..3)
}

fn enrp() -> impl Strategy<Value = EnrpMessage> + Clone {
    let ids = (registrar(), prop_oneof![3 => Just(RegistrarId(0)), 3 => Just(RegistrarId(5)), 1 => registrar()]);
    let information =
        (registrar(), 1..7u8).prop_map(|(id, host)| ServerInformation { id, transport: sctp(host, PORT_ENRP) });
    prop_oneof![
        4 => (ids.clone(), any::<bool>(), proptest::option::of(prop_oneof![Just(0xffffu16), any::<u16>()]), proptest::option::of(information.clone()))
            .prop_map(|((sender, receiver), reply_required, checksum, server_information)| {
                Presence { sender, receiver, reply_required, checksum, server_information }.into()
            }),
        2 => (ids.clone(), any::<bool>()).prop_map(|((sender, receiver), own_children_only)| {
            HandleTableRequest { sender, receiver, own_children_only }.into()
        }),
        3 => (ids.clone(), any::<bool>(), proptest::bool::weighted(0.2), entries())
            .prop_map(|((sender, receiver), more, reject, entries)| {
                HandleTableResponse { sender, receiver, reject, more, entries }.into()
            }),
        6 => (ids.clone(), any::<bool>(), any::<bool>(), handle(), element(), proptest::bool::weighted(0.9))
            .prop_map(|((sender, receiver), takeover_suggested, add, pool_handle, mut pool_element, own)| {
                if own {
                    pool_element.home_registrar = sender;
                }
                let action = if add { UpdateAction::AddPoolElement } else { UpdateAction::DeletePoolElement };
                HandleUpdate { sender, receiver, takeover_suggested, action, pool_handle, pool_element }.into()
            }),
        1 => ids.clone().prop_map(|(sender, receiver)| ListRequest { sender, receiver }.into()),
        2 => (ids.clone(), any::<bool>(), proptest::collection::vec(information, 0..5))
            .prop_map(|((sender, receiver), reject, servers)| {
                ListResponse { sender, receiver, reject, servers }.into()
            }),
        2 => (ids.clone(), registrar())
            .prop_map(|((sender, receiver), target)| InitTakeover { sender, receiver, target }.into()),
        2 => (ids.clone(), registrar())
            .prop_map(|((sender, receiver), target)| InitTakeoverAck { sender, receiver, target }.into()),
        2 => (ids.clone(), registrar())
            .prop_map(|((sender, receiver), target)| TakeoverServer { sender, receiver, target }.into()),
        1 => ids.prop_map(|(sender, receiver)| {
            Error { sender, receiver, error: OperationalError::of(Cause::InvalidValues) }.into()
        }),
    ]
}

fn asap() -> impl Strategy<Value = AsapMessage> + Clone {
    prop_oneof![
        3 => (handle(), element())
            .prop_map(|(pool_handle, pool_element)| asap::Registration { pool_handle, pool_element, life_in_seconds: None }.into()),
        1 => (handle(), 1..8u32).prop_map(|(pool_handle, id)| {
            asap::Deregistration { pool_handle, pool_element_id: PoolElementId(id) }.into()
        }),
        3 => (handle(), 1..8u32).prop_map(|(pool_handle, id)| {
            asap::EndpointKeepAliveAck { pool_handle, pool_element_id: PoolElementId(id) }.into()
        }),
        1 => (handle(), 1..8u32).prop_map(|(pool_handle, id)| {
            asap::EndpointUnreachable { pool_handle, pool_element_id: PoolElementId(id) }.into()
        }),
        1 => handle().prop_map(|pool_handle| asap::HandleResolution { subscribe: true, pool_handle, items: None }.into()),
    ]
}

fn step() -> impl Strategy<Value = Step> + Clone {
    let slot = 0..SLOTS;
    prop_oneof![
        3 => (slot.clone(), proptest::bool::weighted(0.7), 1..7u8).prop_map(|(slot, enrp, host)| {
            Step::Up { slot, link: if enrp { Link::Enrp } else { Link::Asap }, host }
        }),
        1 => slot.clone().prop_map(|slot| Step::Lost { slot }),
        12 => (entries(), proptest::bool::weighted(0.3)).prop_map(|(entries, more)| Step::Answer { entries, more }),
        14 => (slot.clone(), enrp(), proptest::option::weighted(0.1, (0..90usize, any::<u8>())))
            .prop_map(|(slot, message, flip)| Step::Enrp { slot, message, flip }),
        5 => (slot, asap()).prop_map(|(slot, message)| Step::Asap { slot, message }),
        1 => (1..7u8, enrp()).prop_map(|(host, message)| Step::Datagram { host, message }),
        4 => (0..4u8).prop_map(|result| Step::Connected { result }),
        1 => proptest::collection::vec(1..9u8, 0..4).prop_map(|hosts| Step::Found { hosts }),
        6 => (0..60u64).prop_map(|millis| Step::Pause { millis }),
        1 => (0..400u64).prop_map(|millis| Step::Pause { millis }),
        1 => (0..20_000u64).prop_map(|millis| Step::Pause { millis }),
    ]
}

/// A registrar, the connects that it waits for, and everything that it did.
struct World {
    registrar: Registrar,
    now: Time,
    slots: [Option<(AssociationId, Link)>; SLOTS],
    connects: Vec<(ConnectAttempt, Link, PeerAddress)>,
    questions: VecDeque<(AssociationId, Vec<u8>)>,
    next_association: u64,
    trace: Vec<(Time, Action)>,
}

impl World {
    fn new(config: RegistrarConfig, seed: u64) -> World {
        let registrar = Registrar::new(config.validated().expect("settings that can work"), seed, Time::ZERO);
        let (slots, connects, questions, trace) = ([None; SLOTS], Vec::new(), VecDeque::new(), Vec::new());
        World { registrar, now: Time::ZERO, slots, connects, questions, next_association: 1, trace }
    }

    fn event(&mut self, event: Event<'_>) {
        let mut actions = Vec::new();
        self.registrar.handle(self.now, event, &mut actions);
        for action in actions {
            match &action {
                Action::Send { association, bytes } => {
                    self.questions.push_back((*association, bytes.clone()));
                    self.questions.drain(..self.questions.len().saturating_sub(30));
                }
                Action::Connect { attempt, link, peer, .. } => self.connects.push((*attempt, *link, peer.clone())),
                Action::Abort { association, .. } => {
                    for slot in &mut self.slots {
                        if slot.is_some_and(|(id, _)| id == *association) {
                            *slot = None;
                        }
                    }
                }
                _ => {}
            }
            self.trace.push((self.now, action));
        }
    }

    fn up(&mut self, slot: usize, link: Link, address: PeerAddress, attempt: Option<ConnectAttempt>) {
        self.lose(slot);
        let association = AssociationId::new(0, self.next_association);
        self.next_association += 1;
        self.slots[slot] = Some((association, link));
        let peer = Peer { address, inbound: attempt.is_none(), kind: TransportKind::Memory };
        self.event(Event::AssociationUp { link, association, attempt, peer });
    }

    fn lose(&mut self, slot: usize) {
        if let Some((association, _)) = self.slots[slot].take() {
            self.event(Event::AssociationLost { association, reason: LossReason::Unreachable });
        }
    }

    fn bytes(&mut self, slot: usize, bytes: &[u8]) {
        if let Some((association, link)) = self.slots[slot] {
            let ppid = if link == Link::Enrp { PPID_ENRP } else { PPID_ASAP };
            self.event(Event::Message { association, ppid, bytes });
        }
    }

    /// Who is at the other end of an association of this slot.
    fn peer_of(slot: usize) -> RegistrarId {
        RegistrarId([1, 2, 3, 4, 6, 7, 1, 2][slot])
    }

    /// Answers the oldest question that wants an answer.
    fn answer(&mut self, table: &[PoolEntry], more: bool) {
        while let Some((association, bytes)) = self.questions.pop_front() {
            let slot = self.slots.iter().position(|slot| slot.is_some_and(|(id, _)| id == association));
            let Some((slot, (_, link))) = slot.and_then(|slot| Some((slot, self.slots[slot]?))) else { continue };
            let answer = match link {
                Link::Asap => acknowledgement(&bytes),
                Link::Enrp => enrp_answer(Self::peer_of(slot), &bytes, table, more),
            };
            if let Some(answer) = answer {
                return self.bytes(slot, &answer);
            }
        }
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(at) = self.registrar.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.event(Event::Timeout);
            assert!(self.registrar.next_deadline().is_none_or(|at| at > self.now), "spins at {}", self.now);
        }
        self.now = end;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Up { slot, link, host } => {
                // Most registrars come from where they were before.
                let host = if *host < 6 { World::peer_of(*slot).0 as u8 } else { *host };
                self.up(*slot, *link, PeerAddress::new(ip(host), PORT_ENRP), None);
            }
            Step::Lost { slot } => self.lose(*slot),
            Step::Enrp { slot, message, flip } => {
                let mut bytes = encoded(message);
                if bytes[7] != 0 && flip.is_none() {
                    // Most senders are who they say they are.
                    bytes[7] = World::peer_of(*slot).0 as u8;
                }
                if let Some((at, bits)) = flip {
                    let length = bytes.len().max(1);
                    if let Some(byte) = bytes.get_mut(at % length) {
                        *byte ^= bits;
                    }
                }
                self.bytes(*slot, &bytes);
            }
            Step::Asap { slot, message } => {
                let mut bytes = Vec::new();
                message.encode(&mut bytes).expect("encodable");
                self.bytes(*slot, &bytes);
            }
            Step::Answer { entries, more } => self.answer(entries, *more),
            Step::Datagram { host, message } => {
                let from = SocketAddr::new(ip(*host), PORT_ENRP);
                self.event(Event::Datagram { from, bytes: &encoded(message) });
            }
            Step::Connected { result } => {
                if self.connects.is_empty() {
                    return;
                }
                let (attempt, link, peer) = self.connects.remove(0);
                match result {
                    0 => self.event(Event::ConnectFailed { attempt, reason: LossReason::Refused }),
                    1 => self.event(Event::ConnectFailed { attempt, reason: LossReason::Timeout }),
                    _ => {
                        let slot = (self.next_association % SLOTS as u64) as usize;
                        self.up(slot, link, peer, Some(attempt));
                    }
                }
            }
            Step::Found { hosts } => {
                let peers: Vec<_> = hosts.iter().map(|&host| PeerAddress::new(ip(host), PORT_ENRP)).collect();
                self.event(Event::PeersFound { peers: &peers });
            }
            Step::Pause { millis } => self.run(*millis),
            Step::Shutdown => self.event(Event::Shutdown),
        }
    }

    /// What must be so at any time.
    fn check(&self) {
        let handlespace = self.registrar.handlespace();
        assert!(self.registrar.peers().count() <= MAX_PEERS);
        assert!(handlespace.element_count() <= MAX_ELEMENTS);
        assert!(self.connects.len() <= 3 * MAX_PEERS + 2, "{} connects", self.connects.len());
        let mut sums: BTreeMap<RegistrarId, HandlespaceChecksum> = BTreeMap::new();
        for (_, pool) in handlespace.pools_from(None) {
            for index in pool.elements() {
                let element = handlespace.element(index).expect("it is there").pool_element();
                sums.entry(element.home_registrar)
                    .or_default()
                    .add(HandlespaceChecksum::of_handle(pool.handle().as_bytes()), element.id);
            }
        }
        for (owner, sum) in &sums {
            assert_eq!(handlespace.checksum_of_owner(*owner), *sum);
        }
        assert_eq!(handlespace.owners().count(), sums.len());
    }
}

/// The acknowledgement of a keep-alive.
fn acknowledgement(bytes: &[u8]) -> Option<Vec<u8>> {
    let AsapMessage::EndpointKeepAlive(asked) = AsapMessage::decode(bytes).ok()?.message else { return None };
    let ack = asap::EndpointKeepAliveAck { pool_handle: asked.pool_handle, pool_element_id: asked.pool_element_id? };
    let mut bytes = Vec::new();
    AsapMessage::from(ack).encode(&mut bytes).expect("encodable");
    Some(bytes)
}

fn enrp_answer(sender: RegistrarId, bytes: &[u8], table: &[PoolEntry], more: bool) -> Option<Vec<u8>> {
    let receiver = RegistrarId(5);
    let answer: EnrpMessage = match EnrpMessage::decode(bytes).ok()?.message {
        EnrpMessage::Presence(Presence { reply_required: true, .. }) => {
            Presence { sender, receiver, reply_required: false, checksum: Some(7), server_information: None }.into()
        }
        EnrpMessage::HandleTableRequest(_) => {
            let mut entries = table.to_vec();
            entries.iter_mut().flat_map(|e| &mut e.pool_elements).for_each(|e| e.home_registrar = sender);
            HandleTableResponse { sender, receiver, reject: false, more, entries }.into()
        }
        EnrpMessage::ListRequest(_) => ListResponse { sender, receiver, reject: false, servers: Vec::new() }.into(),
        EnrpMessage::InitTakeover(InitTakeover { target, .. }) => InitTakeoverAck { sender, receiver, target }.into(),
        _ => return None,
    };
    Some(encoded(&answer))
}

fn encoded(message: &EnrpMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("encodable");
    bytes
}

fn settings(starting: bool) -> RegistrarConfig {
    RegistrarConfig {
        id: RegistrarId(5),
        announce: false,
        enrp_addresses: AddressList::from_slice(&[ip(9)]),
        peers: if starting { vec![PeerAddress::new(ip(1), PORT_ENRP)] } else { Vec::new() },
        enrp_multicast: starting,
        takeover_suggestion: true,
        max_peers: MAX_PEERS,
        max_pools: 3,
        max_pool_elements: MAX_ELEMENTS,
        max_takeover_connects: 2,
        max_handle_table_sessions: 2,
        user_addresses: UserAddresses::Any,
        ..RegistrarConfig::fast()
    }
}

fn run(starting: bool, steps: &[Step]) -> Vec<(Time, Action)> {
    let mut world = World::new(settings(starting), 3);
    for step in steps {
        world.step(step);
        world.check();
    }
    world.step(&Step::Shutdown);
    world.run(5000);
    let left = world.trace.iter().filter(|(_, action)| *action == Action::ShutdownComplete).count();
    assert_eq!(left, 1, "it leaves, whatever was before, and once");
    world.trace
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]
    #[test]
    fn nonsense_does_no_harm_and_gives_the_same_result_again(
        starting in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        prop_assert_eq!(run(starting, &steps), run(starting, &steps));
    }
}

/// Some in every run; PROPTEST_CASES for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(256)
}

#[test]
fn the_random_runs_reach_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut reached = [0u64; 7];
    for _ in 0..600 {
        let steps = proptest::collection::vec(step(), 100..120).new_tree(&mut runner).expect("a value").current();
        let mut world = World::new(settings(false), 3);
        steps.iter().for_each(|step| world.step(step));
        let s = world.registrar.statistics();
        let counts = [
            s.takeovers_completed,
            s.elements_taken_over,
            s.elements_adopted,
            s.audits,
            s.handle_updates_sent,
            s.handle_table_pages,
            s.peers_lost,
        ];
        reached.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    assert!(reached.iter().all(|&count| count >= 10), "{reached:?}");
}

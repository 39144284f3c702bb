//! The registrar under nonsense, floods and repetition: it never panics, stays within its bounds, and does the same again.

use crate::support::registrar::*;
use proptest::prelude::*;
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::message::asap::*;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::{Action, Event, Link, Registrar, RegistrarConfig};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::net::IpAddr;
use std::time::Duration;

/// What a peer, a network or a clock may do.
#[derive(Clone, Debug)]
enum Step {
    Up { association: u64, enrp: bool, tcp: bool },
    Lost { association: u64 },
    Bytes { association: u64, ppid: u32, bytes: Vec<u8> },
    Message { association: u64, message: AsapMessage, flip: Option<(usize, u8)> },
    Datagram { bytes: Vec<u8> },
    Pause { millis: u64 },
}

fn element_strategy() -> impl Strategy<Value = PoolElement> {
    (0..12u32, 1..4u8, -1..60i32, 0..5u32).prop_map(|(id, host, life, policy)| {
        let policy = match policy {
            0 => Policy::RoundRobin,
            1 => Policy::LeastUsedDegradation { load: 5, degradation: id },
            2 => Policy::WeightedRoundRobin { weight: id },
            3 => Policy::RandomizedLeastUsed { load: u32::MAX },
            _ => Policy::Random,
        };
        PoolElement { registration_life: RegistrationLife(life), policy, ..element(id, host) }
    })
}

fn message_strategy() -> impl Strategy<Value = AsapMessage> {
    let handle = (0..4u8).prop_map(|n| PoolHandle::new([b'p', n]));
    prop_oneof![
        4 => (handle.clone(), element_strategy())
            .prop_map(|(pool_handle, pool_element)| AsapMessage::Registration(Registration { pool_handle, pool_element, life_in_seconds: None })),
        1 => (handle.clone(), 0..12u32).prop_map(|(pool_handle, id)| AsapMessage::Deregistration(Deregistration {
            pool_handle,
            pool_element_id: PoolElementId(id)
        })),
        3 => (handle.clone(), any::<bool>(), proptest::option::of(0..9u32)).prop_map(|(pool_handle, subscribe, items)| {
            AsapMessage::HandleResolution(HandleResolution { subscribe, pool_handle, items })
        }),
        2 => (handle.clone(), 0..12u32).prop_map(|(pool_handle, id)| {
            AsapMessage::EndpointKeepAliveAck(EndpointKeepAliveAck { pool_handle, pool_element_id: PoolElementId(id) })
        }),
        1 => (handle, 0..12u32).prop_map(|(pool_handle, id)| {
            AsapMessage::EndpointUnreachable(EndpointUnreachable { pool_handle, pool_element_id: PoolElementId(id) })
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let association = 0..6u64;
    prop_oneof![
        2 => (association.clone(), proptest::bool::weighted(0.1), any::<bool>())
            .prop_map(|(association, enrp, tcp)| Step::Up { association, enrp, tcp }),
        1 => association.clone().prop_map(|association| Step::Lost { association }),
        2 => (association.clone(), 10..13u32, proptest::collection::vec(any::<u8>(), 0..80))
            .prop_map(|(association, ppid, bytes)| Step::Bytes { association, ppid, bytes }),
        8 => (association, message_strategy(), proptest::option::weighted(0.2, (0..60usize, any::<u8>())))
            .prop_map(|(association, message, flip)| Step::Message { association, message, flip }),
        1 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| Step::Datagram { bytes }),
        2 => (0..9000u64).prop_map(|millis| Step::Pause { millis }),
    ]
}

fn tight() -> RegistrarConfig {
    RegistrarConfig {
        announce: true,
        max_pools: 3,
        max_pool_elements: 10,
        max_elements_per_association: 4,
        max_associations: 4,
        max_tcp_connections: 3,
        tcp_idle_timeout: Duration::from_secs(5),
        max_subscriptions_per_association: 2,
        ..config()
    }
}

/// Runs the steps and returns all actions with their times.
fn run(seed: u64, steps: &[Step]) -> Vec<(Time, Action)> {
    let mut registrar = Registrar::new(tight().validated().expect("settings that can work"), seed, Time::ZERO);
    let (mut now, mut trace, mut actions) = (Time::ZERO, Vec::new(), Vec::new());
    // Identifiers of associations are never used twice: each new one gets the next number.
    let mut current = [0u64; 6];
    let mut next = 1;
    for step in steps {
        let id = |slot: &u64| AssociationId::new(0, current[*slot as usize]);
        match step {
            Step::Up { association, enrp, tcp } => {
                let old = id(association);
                registrar.handle(
                    now,
                    Event::AssociationLost { association: old, reason: LossReason::Closed },
                    &mut actions,
                );
                current[*association as usize] = next;
                let kind = if *tcp { TransportKind::Tcp } else { TransportKind::Memory };
                let address = PeerAddress::new(ip(1 + *association as u8 % 3), 1000 + next as u16);
                let peer = Peer { address, inbound: true, kind };
                let link = if *enrp { Link::Enrp } else { Link::Asap };
                let association = AssociationId::new(0, next);
                next += 1;
                let event = Event::AssociationUp { link, association, attempt: None, peer };
                registrar.handle(now, event, &mut actions);
            }
            Step::Lost { association } => {
                let event = Event::AssociationLost { association: id(association), reason: LossReason::Unreachable };
                registrar.handle(now, event, &mut actions);
            }
            Step::Bytes { association, ppid, bytes } => {
                registrar.handle(
                    now,
                    Event::Message { association: id(association), ppid: *ppid, bytes },
                    &mut actions,
                );
            }
            Step::Message { association, message, flip } => {
                let mut bytes = Vec::new();
                message.encode(&mut bytes).unwrap();
                if let Some((at, mask)) = flip {
                    let length = bytes.len();
                    bytes[at % length] ^= mask;
                }
                let event = Event::Message { association: id(association), ppid: PPID_ASAP, bytes: &bytes };
                registrar.handle(now, event, &mut actions);
            }
            Step::Datagram { bytes } => {
                registrar.handle(now, Event::Datagram { from: "10.0.0.9:9901".parse().unwrap(), bytes }, &mut actions);
            }
            Step::Pause { millis } => {
                let end = now + Duration::from_millis(*millis);
                while let Some(at) = registrar.next_deadline().filter(|&at| at <= end) {
                    now = now.max(at);
                    registrar.handle(now, Event::Timeout, &mut actions);
                    assert!(registrar.next_deadline().is_none_or(|next| next > now), "it spins");
                }
                now = end;
            }
        }
        trace.extend(actions.drain(..).map(|action| (now, action)));
        check(&registrar);
    }
    trace
}

fn check(registrar: &Registrar) {
    let limits = tight();
    let handlespace = registrar.handlespace();
    assert!(handlespace.pool_count() <= limits.max_pools);
    assert!(handlespace.element_count() <= limits.max_pool_elements);
    assert!(registrar.subscription_count() <= limits.max_associations * limits.max_subscriptions_per_association);
    assert!(registrar.association_count() <= 6);
    let mut owned = 0;
    for (_, pool) in handlespace.pools_from(None) {
        assert!(!pool.is_empty());
        for index in pool.elements() {
            let element = handlespace.element(index).unwrap();
            assert_eq!(element.home_registrar(), registrar.id());
            let association = element.association().expect("each element has its association");
            assert!(handlespace.count_of_association(association) <= limits.max_elements_per_association);
            owned += 1;
        }
    }
    assert_eq!(owned, handlespace.count_of_owner(registrar.id()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn sec_no_sequence_of_events_breaks_a_bound_and_a_seed_repeats_its_actions(
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let first = run(seed, &steps);
        prop_assert_eq!(first, run(seed, &steps));
    }
}

#[test]
fn another_seed_makes_other_choices() {
    let mut worlds = [1, 2].map(|seed| {
        let mut world = World::new(config());
        let settings = RegistrarConfig { id: RegistrarId(0), ..config() };
        world.registrar = Registrar::new(settings.validated().expect("settings that can work"), seed, Time::ZERO);
        let pe = world.pe(1);
        world.registered(pe, "pool", element(7, 1));
        world.run(Duration::ZERO);
        world
    });
    let [a, b] = &mut worlds;
    assert_ne!(a.registrar.id(), b.registrar.id());
    assert_ne!(a.registrar.next_deadline(), b.registrar.next_deadline());
}

#[test]
fn the_shortest_timers_do_not_make_it_spin() {
    let shortest = Duration::from_millis(1);
    let settings = RegistrarConfig {
        announce: true,
        announce_interval: shortest,
        keep_alive_interval: shortest,
        keep_alive_timeout: shortest,
        subscription_delay: Duration::ZERO,
        ..config()
    };
    let mut world = World::new(settings);
    let (pe, pu) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.resolve_with(pu, "pool", None, true);
    world.registered(pe, "pool", element(8, 1));
    world.run(Duration::from_millis(50));
    assert_eq!(world.registrar.handlespace().element_count(), 2);
}

#[test]
fn a_subscribed_pool_that_keeps_changing_makes_at_most_one_update_in_each_delay() {
    let mut world = World::new(config());
    let (pe, pu) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.resolve_with(pu, "pool", None, true);
    world.sent.clear();
    for load in 0..2000u32 {
        let changed = PoolElement { registration_life: RegistrationLife(1000 + load as i32), ..element(7, 1) };
        let message =
            Registration { pool_handle: PoolHandle::from("pool"), pool_element: changed, life_in_seconds: None };
        world.message(pe, &AsapMessage::Registration(message));
        world.run(Duration::from_millis(1));
    }
    assert!((18..=20).contains(&world.updates().len()), "{}", world.updates().len());
}

fn enrp_world() -> (Registrar, AssociationId) {
    let addresses = AddressList::from_slice(&[ip(200)]);
    let settings = RegistrarConfig { enrp_addresses: addresses, ..config() };
    let mut registrar = Registrar::new(settings.validated().expect("settings that can work"), 1, Time::ZERO);
    let association = AssociationId::new(1, 1);
    let peer = Peer { address: PeerAddress::new(ip(9), 9901), inbound: true, kind: TransportKind::Memory };
    let event = Event::AssociationUp { link: Link::Enrp, association, attempt: None, peer };
    registrar.handle(Time::ZERO, event, &mut Vec::new());
    (registrar, association)
}

fn enrp_answers(registrar: &mut Registrar, association: AssociationId, bytes: &[u8]) -> Vec<EnrpMessage> {
    let mut actions = Vec::new();
    registrar.handle(Time::ZERO, Event::Message { association, ppid: PPID_ENRP, bytes }, &mut actions);
    actions
        .iter()
        .map(|action| match action {
            Action::Send { association: to, bytes } if *to == association => {
                EnrpMessage::decode(bytes).unwrap().message
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn an_unknown_enrp_message_is_reported_when_its_type_wants_it() {
    let (mut registrar, association) = enrp_world();
    let answers = enrp_answers(&mut registrar, association, &[0x4f, 0, 0, 12, 0, 0, 0, 5, 0, 0, 0, 0]);
    match &answers[..] {
        [EnrpMessage::Error(message)] => {
            assert_eq!((message.sender, message.receiver), (RegistrarId(0xcafe), RegistrarId(5)));
            assert_eq!(message.error.first(), Some(Cause::UnrecognizedMessage));
        }
        other => panic!("{other:?}"),
    }
    assert!(enrp_answers(&mut registrar, association, &[0x0f, 0, 0, 4]).is_empty());
}

#[test]
fn enrp_008_103_a_presence_that_wants_an_answer_gets_checksum_and_server_information() {
    let (mut registrar, association) = enrp_world();
    let mut bytes = Vec::new();
    rserpool::message::enrp::Presence {
        sender: RegistrarId(5),
        receiver: RegistrarId(0),
        reply_required: true,
        checksum: None,
        server_information: None,
    }
    .encode(&mut bytes)
    .unwrap();
    let answers = enrp_answers(&mut registrar, association, &bytes);
    let presence = answers.iter().find_map(|m| if let EnrpMessage::Presence(p) = m { Some(p) } else { None });
    let presence = presence.expect("a PRESENCE");
    assert_eq!((presence.sender, presence.receiver), (RegistrarId(0xcafe), RegistrarId(5)));
    assert_eq!(presence.checksum, Some(0xffff), "no elements yet");
    assert_eq!(presence.server_information.as_ref().map(|s| s.id), Some(RegistrarId(0xcafe)));
}

/// An element of registrar 5 that is reached at an address of its own.
fn addition_of_5(number: u32) -> Vec<u8> {
    let transport = |port| TransportParameter::Sctp {
        port,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[IpAddr::from([10, 7, (number >> 8) as u8, number as u8])]),
    };
    let pool_element = PoolElement {
        home_registrar: RegistrarId(5),
        user_transport: transport(5000),
        asap_transport: Some(transport(6000)),
        ..element(number, 1)
    };
    let message = rserpool::message::enrp::HandleUpdate {
        sender: RegistrarId(5),
        receiver: RegistrarId(0),
        takeover_suggested: false,
        action: rserpool::message::enrp::UpdateAction::AddPoolElement,
        pool_handle: PoolHandle::from("pool"),
        pool_element,
    };
    let mut bytes = Vec::new();
    EnrpMessage::HandleUpdate(message).encode(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_takeover_connects_to_many_elements_in_bursts_and_the_dead_ones_do_not_hold_up_the_others() {
    const ELEMENTS: u32 = 1000;
    let (mut registrar, peer) = enrp_world();
    let mut presence = Vec::new();
    let message = rserpool::message::enrp::Presence {
        sender: RegistrarId(5),
        receiver: RegistrarId(0),
        reply_required: false,
        checksum: None,
        server_information: None,
    };
    message.encode(&mut presence).unwrap();
    let additions: Vec<_> = (1..=ELEMENTS).map(addition_of_5).collect();
    let mut actions = Vec::new();
    for bytes in std::iter::once(&presence).chain(&additions) {
        registrar.handle(Time::ZERO, Event::Message { association: peer, ppid: PPID_ENRP, bytes }, &mut actions);
    }
    assert_eq!(registrar.handlespace().element_count(), ELEMENTS as usize);

    actions.clear();
    let lost = Event::AssociationLost { association: peer, reason: LossReason::Unreachable };
    registrar.handle(Time::ZERO, lost, &mut actions);
    let mut now = Time::ZERO;
    let mut connects = Vec::new();
    // Nobody answers any connect: no timeout of one may be needed to reach them all.
    while connects.len() < ELEMENTS as usize {
        let mut burst = 0;
        while let Some(action) = actions.pop() {
            match action {
                Action::Connect { link: Link::Asap, peer, .. } => {
                    connects.push(peer);
                    burst += 1;
                }
                Action::Connect { attempt, .. } => {
                    let failed = Event::ConnectFailed { attempt, reason: LossReason::Refused };
                    registrar.handle(now, failed, &mut actions);
                }
                _ => {}
            }
        }
        assert!(burst <= 256, "{burst} connects at once");
        now = now.max(registrar.next_deadline().expect("more connects are due"));
        assert!(now < Time::from_millis(500), "{} of {ELEMENTS} are connected to", connects.len());
        registrar.handle(now, Event::Timeout, &mut actions);
    }
    connects.sort_by(|a, b| a.addresses.cmp(&b.addresses));
    connects.dedup();
    assert_eq!(connects.len(), ELEMENTS as usize, "each once");
}

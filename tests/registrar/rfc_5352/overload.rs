//! Overload: what goes before what. RFC 5352 leaves the order to the registrar.

use super::*;
use rserpool::Time;
use rserpool::association::{Peer, PeerAddress};
use rserpool::message::EnrpMessage;
use rserpool::registrar::{Action, Link, Registrar};

/// A registration, which nobody waits for.
fn wish(id: u32) -> AsapMessage {
    let element = PoolElement { registration_life: RegistrationLife::INFINITE, ..element(id, 1) };
    let pool_handle = PoolHandle::from("pool");
    AsapMessage::Registration(Registration { pool_handle, pool_element: element, life_in_seconds: None })
}

/// Which registrations have been answered, in order.
fn answered(world: &World) -> Vec<u32> {
    let answer = |(_, message): &(_, AsapMessage)| match message {
        AsapMessage::RegistrationResponse(response) if !response.reject => Some(response.pool_element_id.0),
        _ => None,
    };
    world.sent.iter().filter_map(answer).collect()
}

/// An element is registered, and then 500 more want to be, all at the same time.
fn overloaded() -> (World, AssociationId) {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.message(pe, &wish(1));
    world.run(SECOND);
    world.sent.clear();
    for id in 2..=501 {
        world.message(pe, &wish(id));
    }
    (world, pe)
}

#[test]
fn resolutions_and_renewals_go_before_new_registrations_which_keep_their_order() {
    let (mut world, pe) = overloaded();
    let at_once = answered(&world);
    assert!((1..250).contains(&at_once.len()), "{} are done at once", at_once.len());
    world.message(pe, &wish(1));
    assert_eq!(answered(&world).last(), Some(&1), "a renewal does not wait");
    let user = world.pu(2);
    let known = world.sent.clone();
    assert!(!world.resolve(user, "pool").is_empty(), "nor does a resolution");
    world.sent = known;
    world.run(Duration::from_millis(20));
    let new: Vec<u32> = answered(&world).into_iter().filter(|id| *id != 1).collect();
    assert_eq!(new, (2..=501).collect::<Vec<_>>());
    assert!(!world.registrations_wait());
    assert!(world.registrar.statistics().registrations_late >= 250);
}

#[test]
fn an_element_that_leaves_while_its_registration_waits_is_gone() {
    let (mut world, pe) = overloaded();
    let gone = Deregistration { pool_handle: PoolHandle::from("pool"), pool_element_id: PoolElementId(501) };
    world.message(pe, &AsapMessage::Deregistration(gone));
    assert_eq!(answered(&world).last(), Some(&501), "its registration came first");
    world.run(Duration::from_millis(20));
    assert_eq!(world.registrar.handlespace().element_count(), 500);
}

#[test]
fn registrations_of_an_association_that_is_lost_are_dropped() {
    let (mut world, pe) = overloaded();
    world.lose(pe);
    world.run(SECOND);
    assert_eq!(world.registrar.handlespace().element_count(), 0);
    assert!(!world.registrations_wait());
}

#[test]
fn a_thread_that_comes_late_does_as_many_as_it_would_have_done_meanwhile() {
    let (mut world, _) = overloaded();
    world.now += Duration::from_millis(100); // there was more to read
    world.event(Event::Timeout);
    assert_eq!(answered(&world).len(), 500);
}

/// RFC 5353 section 3.4.1: PRESENCE every PEER-HEARTBEAT-CYCLE. Only timers by which somebody is blamed wait until all is read.
#[test]
fn a_registrar_that_only_reads_says_that_it_lives() {
    let config = RegistrarConfig { enrp_multicast: true, ..config() }.validated().expect("settings that can work");
    let (mut now, cycle) = (Time::ZERO, config.peer_heartbeat_cycle);
    let mut registrar = Registrar::new(config, 1, now);
    let (link, association) = (Link::Asap, AssociationId::new(0, 1));
    let address = PeerAddress::new([10, 0, 0, 2].into(), 4000);
    let peer = Peer { address, inbound: true, kind: TransportKind::Tcp };
    let mut actions = Vec::new();
    registrar.handle(now, Event::AssociationUp { link, association, attempt: None, peer }, &mut actions);
    let (subscribe, pool_handle, items) = (false, PoolHandle::from("pool"), None);
    let question = AsapMessage::HandleResolution(HandleResolution { subscribe, pool_handle, items });
    let mut bytes = Vec::new();
    question.encode(&mut bytes).expect("encodable");
    actions.clear();
    for _ in 0..100 {
        now += cycle / 10;
        registrar.handle(now, Event::Message { association, ppid: PPID_ASAP, bytes: &bytes }, &mut actions);
    }
    let is_presence = |action: &&Action| match action {
        Action::Multicast { link: Link::Enrp, bytes } => {
            matches!(EnrpMessage::decode(bytes).expect("a message").message, EnrpMessage::Presence(_))
        }
        _ => false,
    };
    assert_eq!(actions.iter().filter(is_presence).count(), 10);
}

//! Registration and registering again: its consistency checks and their error causes.

use super::*;
use rserpool::association::PeerAddress;
use std::net::IpAddr;

#[test]
fn asap_011_057_058_an_accepted_registration_is_answered_without_r_bit() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let response = world.register(pe, "pool", element(7, 1));
    let expected = RegistrationResponse {
        reject: false,
        pool_handle: PoolHandle::from("pool"),
        pool_element_id: PoolElementId(7),
        error: None,
        registrars: Vec::new(),
        life_in_seconds: None,
    };
    assert_eq!(response, expected);
}

/// RFC 5354 section 3.10 counts seconds; who cannot know that its registrar does, says them in a parameter of our own.
#[test]
fn asap_030_a_life_that_is_in_seconds_for_certain_counts_and_is_repeated() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let life = RegistrationLife(90);
    let pool_element = PoolElement { registration_life: life.in_milliseconds(), ..element(7, 1) };
    let response = world.register_for(pe, "pool", pool_element, Some(life));
    assert_eq!((response.reject, response.life_in_seconds), (false, Some(life)));
    assert_eq!(world.element("pool", 7).unwrap().registration_life, life);
    world.run(Duration::from_secs(91));
    assert!(world.element("pool", 7).is_none(), "it is over");
    for nonsense in [0, -2] {
        assert!(world.register_for(pe, "pool", element(7, 1), Some(RegistrationLife(nonsense))).reject);
    }
}

#[test]
fn asap_045_046_the_first_element_creates_the_pool_with_its_policy() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", with_policy(Policy::LeastUsed { load: 5 }, element(7, 1)));
    let response = world.resolve_with(pe, "pool", None, false);
    assert_eq!(response.policy, Some(Policy::LeastUsed { load: 5 }));
    assert_eq!(world.registrar.handlespace().pool_count(), 1);
}

#[test]
fn asap_049_050_060_another_policy_is_inconsistent_and_the_pools_own_goes_back() {
    let mut world = World::new(config());
    let (first, second) = (world.pe(1), world.pe(2));
    world.registered(first, "pool", element(7, 1));
    let cause =
        world.refused(second, "pool", with_policy(Policy::Random, element(8, 2)), Cause::InconsistentPoolingPolicy);
    assert_eq!(cause.info, [0, 8, 0, 8, 0, 0, 0, 1]);
}

#[test]
fn asap_047_049_050_060_another_transport_type_is_inconsistent_and_the_pools_own_goes_back() {
    let mut world = World::new(config());
    let (first, second) = (world.pe(1), world.pe(2));
    world.registered(first, "pool", element(7, 1));
    let udp = TransportParameter::Udp { port: 5000, address: ip(2) };
    let other = PoolElement { user_transport: udp, ..element(8, 2) };
    let cause = world.refused(second, "pool", other, Cause::InconsistentTransportType);
    assert_eq!(cause.info, [0, 4, 0, 16, 0x13, 0x88, 0, 0, 0, 1, 0, 8, 10, 0, 0, 1]);
}

#[test]
fn asap_048_049_050_060_another_transport_use_is_inconsistent() {
    let mut world = World::new(config());
    let (first, second) = (world.pe(1), world.pe(2));
    world.registered(first, "pool", element(7, 1));
    let addresses = AddressList::from_slice(&[ip(2)]);
    let user_transport =
        TransportParameter::Sctp { port: 5000, transport_use: TransportUse::DataPlusControl, addresses };
    let cause =
        world.refused(second, "pool", PoolElement { user_transport, ..element(8, 2) }, Cause::InconsistentDataControl);
    assert!(cause.info.is_empty());
}

#[test]
fn asap_051_053_registering_again_replaces_the_attributes() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", with_policy(Policy::LeastUsed { load: 5 }, element(7, 1)));
    let mut again = with_policy(Policy::LeastUsed { load: 9 }, element(7, 1));
    again.user_transport = sctp(1, 6000);
    world.registered(pe, "pool", again);
    let known = world.element("pool", 7).unwrap();
    assert_eq!((known.policy, known.user_transport), (Policy::LeastUsed { load: 9 }, sctp(1, 6000)));
    let response = world.resolve_with(pe, "pool", None, false);
    assert_eq!(response.pool_elements.len(), 1);
    assert_eq!(response.pool_elements[0].user_transport, sctp(1, 6000));
}

#[test]
fn asap_052_registering_again_is_checked_like_the_first_time() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    world.refused(pe, "pool", with_policy(Policy::Random, element(7, 1)), Cause::InconsistentPoolingPolicy);
    assert_eq!(world.element("pool", 7).unwrap().policy, Policy::RoundRobin);
}

#[test]
fn asap_054_055_061_an_element_comes_back_over_a_new_association_as_soon_as_the_old_one_is_lost() {
    let mut world = World::new(config());
    let old = world.up(1, 1, TransportKind::Memory);
    world.registered(old, "pool", element(7, 1));
    let new = world.up(2, 1, TransportKind::Memory);
    world.refused(new, "pool", element(7, 1), Cause::NonUniquePoolElementId);
    world.lose(old);
    world.registered(new, "pool", element(7, 1));
    assert_eq!(world.resolve(new, "pool"), [7]);
    world.lose(new);
    assert_eq!(world.registrar.handlespace().element_count(), 0);
}

#[test]
fn b_hijack_an_element_whose_association_lives_is_not_moved_by_another_one() {
    let mut world = World::new(config());
    let element_of_victim = world.up(1, 1, TransportKind::Memory);
    world.alive.push(element_of_victim);
    world.registered(element_of_victim, "pool", element(7, 1));
    let attacker = world.up(2, 1, TransportKind::Memory);
    for _ in 0..20 {
        world.refused(attacker, "pool", element(7, 1), Cause::NonUniquePoolElementId);
        world.run(Duration::from_secs(1));
    }
    world.lose(attacker);
    assert_eq!(world.resolve(element_of_victim, "pool"), [7]);
}

#[test]
fn an_element_that_another_one_wants_to_be_is_asked_at_once_and_loses_its_identifier_if_it_is_dead() {
    let mut world = World::new(config());
    let dead = world.up(1, 1, TransportKind::Memory);
    world.registered(dead, "pool", element(7, 1));
    let new = world.up(2, 1, TransportKind::Memory);
    world.refused(new, "pool", element(7, 1), Cause::NonUniquePoolElementId);
    assert_eq!(world.keep_alives().iter().map(|(to, _)| *to).collect::<Vec<_>>(), [dead]);
    world.run(world.registrar.config().keep_alive_timeout);
    world.registered(new, "pool", element(7, 1));
}

#[test]
fn asap_060_an_identifier_that_another_element_has_is_not_unique() {
    let mut world = World::new(config());
    let (first, second) = (world.pe(1), world.pe(2));
    world.registered(first, "pool", element(7, 1));
    world.refused(second, "pool", element(7, 2), Cause::NonUniquePoolElementId);
    let neighbour = world.up(3, 1, TransportKind::Memory);
    let mut other_port = element(7, 1);
    other_port.user_transport = sctp(1, 6000);
    world.refused(neighbour, "pool", other_port, Cause::NonUniquePoolElementId);
    world.registered(second, "other pool", element(7, 2));
}

#[test]
fn asap_056_the_address_of_the_association_becomes_the_asap_transport() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", PoolElement { asap_transport: Some(sctp(9, 1)), ..element(7, 1) });
    assert_eq!(world.element("pool", 7).unwrap().asap_transport, Some(sctp(1, 40_001)));
}

#[test]
fn asap_059_060_invalid_values_are_refused_with_the_parameter() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.refused(pe, "pool", element(0, 1), Cause::InvalidValues);
    for life in [0, -2, i32::MIN] {
        let short = PoolElement { registration_life: RegistrationLife(life), ..element(7, 1) };
        world.refused(pe, "pool", short, Cause::InvalidValues);
    }
    let cause = world.refused(pe, "", element(7, 1), Cause::InvalidValues);
    assert_eq!(cause.info, [0, 9, 0, 4]);
    world.refused(pe, &"x".repeat(33), element(7, 1), Cause::InvalidValues);
    world.registered(pe, &"x".repeat(32), element(7, 1));
}

#[test]
fn asap_060_a_policy_that_is_not_implemented_is_refused_and_not_served_as_another_one() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let unknown = Policy::Unknown { policy_type: PolicyType(0x1234), data: vec![1, 2, 3, 4] };
    let cause = world.refused(pe, "pool", with_policy(unknown, element(7, 1)), Cause::InvalidValues);
    assert_eq!(cause.info, [0, 8, 0, 12, 0, 0, 0x12, 0x34, 1, 2, 3, 4]);
    let dpf = Policy::LeastUsedDpf { load: 1, load_dpf: 1, distance: 1 };
    world.registered(pe, "near", with_policy(dpf, element(7, 1)));
}

#[test]
fn asap_060_full_tables_are_a_lack_of_resources() {
    let limits = RegistrarConfig { max_pools: 2, max_pool_elements: 3, max_elements_per_association: 2, ..config() };
    let mut world = World::new(limits);
    let (first, second) = (world.pe(1), world.pe(2));
    world.registered(first, "one", element(1, 1));
    world.registered(first, "two", element(2, 1));
    world.refused(first, "one", element(3, 1), Cause::LackOfResources);
    world.refused(second, "three", element(3, 2), Cause::LackOfResources);
    world.registered(second, "one", element(3, 2));
    world.refused(second, "one", element(4, 2), Cause::LackOfResources);
    world.registered(second, "one", element(3, 2));
}

#[test]
fn sec_one_host_leaves_places_to_others_however_many_associations_it_has() {
    let mut world = World::new(RegistrarConfig { max_pool_elements: 16, ..config() });
    let (first, second) = (world.pe(1), world.pe(2));
    let again = world.up_at(1, PeerAddress::new(ip(1), 4001), TransportKind::SctpUdp);
    for id in 1..=14 {
        world.registered(if id % 2 == 0 { first } else { again }, "one", element(id, 1));
    }
    world.refused(first, "one", element(15, 1), Cause::LackOfResources);
    world.refused(again, "two", element(15, 1), Cause::LackOfResources);
    world.registered(first, "one", element(14, 1));
    world.registered(second, "one", element(15, 2));
    world.registered(second, "two", element(16, 2));
    world.refused(second, "two", element(17, 2), Cause::LackOfResources);
}

#[test]
fn an_element_too_large_to_be_listed_with_others_is_a_lack_of_resources() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let user_transport = TransportParameter::Opaque(vec![1; 5000]);
    world.refused(pe, "pool", PoolElement { user_transport, ..element(7, 1) }, Cause::LackOfResources);
}

#[test]
fn asap_r1_who_comes_over_loopback_offers_the_addresses_of_the_host_but_no_others() {
    let mut world = World::new(RegistrarConfig { asap_transports: vec![sctp(1, 3863)], ..config() });
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let association = world.up_at(1, PeerAddress::new(loopback, 4000), TransportKind::SctpUdp);
    let mut element = element(7, 1);
    let TransportParameter::Sctp { addresses, .. } = &mut element.user_transport else { panic!("SCTP") };
    *addresses = AddressList::from_slice(&[ip(1), ip(2), loopback]);
    world.registered(association, "pool", element);
    let listed = world.element("pool", 7).expect("it is registered").user_transport;
    let TransportParameter::Sctp { addresses, .. } = listed else { panic!("SCTP") };
    assert_eq!(addresses.as_slice(), [ip(1), loopback], "of the host, but not of another one");
}

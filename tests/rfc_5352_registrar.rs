//! What RFC 5352 demands of a registrar, clause by clause, in virtual time.

mod registrar_support;

use registrar_support::*;
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::registrar::{Event, RegistrarConfig};
use rserpool::transport::{LossReason, TransportKind};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

// Transport

#[test]
fn asap_002_004_a_registration_over_tcp_is_refused() {
    let mut world = World::new(config());
    let tcp = world.up(1, 1, TransportKind::Tcp);
    world.refused(tcp, "pool", element(7, 1), Cause::RejectedForSecurity);
}

#[test]
fn asap_005_091_resolutions_come_by_sctp_and_by_tcp() {
    let mut world = World::new(config());
    let (pe, tcp) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    assert_eq!(world.resolve(pe, "pool"), [7]);
    assert_eq!(world.resolve(tcp, "pool"), [7]);
}

#[test]
fn asap_003_the_registrar_and_nobody_else_is_home_of_its_elements() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", PoolElement { home_registrar: RegistrarId(0xbad), ..element(7, 1) });
    assert_eq!(world.element("pool", 7).unwrap().home_registrar, RegistrarId(0xcafe));
    assert_eq!(world.registrar.handlespace().count_of_owner(RegistrarId(0xcafe)), 1);
}

#[test]
fn asap_009_user_addresses_that_the_association_does_not_have_are_not_registered() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let mut mixed = element(7, 1);
    let addresses = AddressList::from_slice(&[ip(9), ip(1)]);
    mixed.user_transport = TransportParameter::Sctp { port: 5000, transport_use: TransportUse::DataOnly, addresses };
    world.registered(pe, "pool", mixed);
    assert_eq!(world.element("pool", 7).unwrap().user_transport, sctp(1, 5000));
    let cause = world.refused(pe, "other", element(8, 9), Cause::InvalidValues);
    assert_eq!(cause.info[..2], [0, 0x0a], "the offending parameter goes back");
    let udp = TransportParameter::Udp { port: 1, address: ip(9) };
    world.refused(pe, "other", PoolElement { user_transport: udp, ..element(8, 1) }, Cause::InvalidValues);
}

#[test]
fn with_rsplib_elements_that_it_cannot_parse_are_refused() {
    let mut world = World::new(RegistrarConfig { rsplib_compatibility: true, ..config() });
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    let with = |user_transport| PoolElement { user_transport, ..element(8, 1) };
    let udp_lite = TransportParameter::UdpLite { port: 1, address: ip(1) };
    world.refused(pe, "lite", with(udp_lite.clone()), Cause::InvalidValues);
    let dccp = TransportParameter::Dccp { port: 1, service_code: 0, address: ip(1) };
    world.refused(pe, "dccp", with(dccp), Cause::InvalidValues);
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "lite", with(udp_lite));
}

#[test]
fn asap_009_the_check_can_be_turned_off_for_translated_addresses() {
    let mut world = World::new(RegistrarConfig { check_user_addresses: false, ..config() });
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 9));
}

// Registration

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
    };
    assert_eq!(response, expected);
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
fn asap_054_055_061_an_element_that_comes_back_over_a_new_association_is_taken_over() {
    let mut world = World::new(config());
    let old = world.up(1, 1, TransportKind::Memory);
    world.registered(old, "pool", element(7, 1));
    let new = world.up(2, 1, TransportKind::Memory);
    world.registered(new, "pool", element(7, 1));
    world.lose(old);
    assert_eq!(world.resolve(new, "pool"), [7], "the loss of the old association is not its end");
    world.lose(new);
    assert_eq!(world.registrar.handlespace().element_count(), 0);
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
fn an_element_too_large_to_be_listed_with_others_is_a_lack_of_resources() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let user_transport = TransportParameter::Opaque(vec![1; 5000]);
    world.refused(pe, "pool", PoolElement { user_transport, ..element(7, 1) }, Cause::LackOfResources);
}

// De-registration

#[test]
fn asap_071_073_de_registration_removes_the_element_and_the_last_one_its_pool() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    world.registered(pe, "pool", element(8, 1));
    assert_eq!(world.deregister(pe, "pool", 7).error, None);
    assert_eq!(world.resolve(pe, "pool"), [8]);
    assert_eq!(world.deregister(pe, "pool", 8).error, None);
    assert_eq!(world.registrar.handlespace().pool_count(), 0);
    // The name is free again, for any policy.
    world.registered(pe, "pool", with_policy(Policy::Random, element(9, 1)));
}

#[test]
fn asap_072_de_registration_of_an_unknown_element_is_granted() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let response = world.deregister(pe, "pool", 7);
    let pool_handle = PoolHandle::from("pool");
    assert_eq!(response, DeregistrationResponse { pool_handle, pool_element_id: PoolElementId(7), error: None });
}

#[test]
fn asap_074_sec_004_only_the_association_that_registered_an_element_may_take_it_out() {
    let mut world = World::new(config());
    let (pe, other) = (world.pe(1), world.pe(2));
    world.registered(pe, "pool", element(7, 1));
    let response = world.deregister(other, "pool", 7);
    assert_eq!(response.error.unwrap().first(), Some(Cause::RejectedForSecurity));
    assert_eq!(world.resolve(pe, "pool"), [7]);
}

#[test]
fn asap_071_an_expired_registration_is_removed_and_the_element_is_told() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let short = PoolElement { registration_life: RegistrationLife(20), ..element(7, 1) };
    world.registered(pe, "pool", short.clone());
    world.run(15 * SECOND);
    world.registered(pe, "pool", short);
    world.run(19 * SECOND);
    assert_eq!(world.resolve(pe, "pool"), [7], "registering again starts the life again");
    world.sent.clear();
    world.run(SECOND);
    assert_eq!(world.registrar.statistics().removed_by_expiry, 1);
    let told = |m: &AsapMessage| matches!(m, AsapMessage::DeregistrationResponse(r) if r.pool_element_id.0 == 7 && r.error.is_none());
    assert!(world.sent.iter().any(|(to, message)| *to == pe && told(message)), "{:?}", world.sent);
    assert_eq!(world.resolve(pe, "pool"), [0u32; 0]);
}

#[test]
fn the_registration_life_counts_seconds_and_minus_one_is_for_ever() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife(90), ..element(7, 1) });
    world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife::INFINITE, ..element(8, 1) });
    world.run(89 * SECOND);
    assert_eq!(world.registrar.handlespace().element_count(), 2);
    world.run(100_000 * SECOND);
    assert_eq!(world.resolve(pe, "pool"), [8]);
}

#[test]
fn nothing_is_resolved_after_its_life_even_when_the_timer_event_is_late() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife(3), ..element(7, 1) });
    world.now += 3 * SECOND;
    let response = world.resolve_with_any(pe, "pool");
    assert_eq!(response.error.unwrap().first(), Some(Cause::UnknownPoolHandle));
}

impl World {
    /// A resolution whose answer may come behind other messages.
    fn resolve_with_any(&mut self, association: AssociationId, pool: &str) -> HandleResolutionResponse {
        self.sent.clear();
        let message = HandleResolution { subscribe: false, pool_handle: PoolHandle::from(pool), items: None };
        self.message(association, &AsapMessage::HandleResolution(message));
        self.updates().pop().expect("an answer").1
    }
}

#[test]
fn the_loss_of_the_association_removes_its_elements_at_once() {
    let mut world = World::new(config());
    let (first, second) = (world.pe(1), world.pe(2));
    world.registered(first, "pool", element(7, 1));
    world.registered(first, "other", element(8, 1));
    world.registered(second, "pool", element(9, 2));
    world.lose(first);
    assert_eq!(world.resolve(second, "pool"), [9]);
    assert_eq!(world.registrar.handlespace().pool_count(), 1);
    assert_eq!(world.registrar.statistics().removed_by_loss, 2);
    world.lose(first); // a second time is nothing
}

// Resolution

#[test]
fn asap_017_093_094_a_resolution_lists_the_whole_pool() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    for id in 1..=32 {
        world.registered(pe, "pool", element(id, 1));
    }
    let mut ids = world.resolve(pe, "pool");
    ids.sort_unstable();
    assert_eq!(ids, (1..=32).collect::<Vec<_>>());
}

#[test]
fn asap_095_the_policy_is_always_included_and_pool_users_see_no_asap_transport() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    let response = world.resolve_with(pe, "pool", None, false);
    assert_eq!(response.policy, Some(Policy::RoundRobin));
    let mut expected = element(7, 1);
    expected.home_registrar = RegistrarId(0xcafe);
    assert_eq!(response.pool_elements, [expected]);
    assert!(!response.accept_updates);
}

#[test]
fn asap_092_096_an_unknown_pool_handle_is_an_error() {
    let mut world = World::new(config());
    let pu = world.pu(1);
    let response = world.resolve_with(pu, "nowhere", None, true);
    assert_eq!(response.error, Some(OperationalError::of(Cause::UnknownPoolHandle)));
    assert!(response.policy.is_none() && response.pool_elements.is_empty() && !response.accept_updates);
    assert_eq!(world.registrar.subscription_count(), 0);
}

#[test]
fn asap_017_a_pool_in_which_nobody_may_be_selected_is_an_error_not_an_empty_list() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", with_policy(Policy::WeightedRandom { weight: 0 }, element(7, 1)));
    let response = world.resolve_with(pe, "pool", None, true);
    assert_eq!(response.error.unwrap().first(), Some(Cause::UnknownPoolHandle));
}

#[test]
fn the_handle_resolution_option_sets_the_number_of_elements() {
    let mut world = World::new(RegistrarConfig { max_items_default: 3, max_items_limit: 6, ..config() });
    let pe = world.pe(1);
    for id in 1..=9 {
        world.registered(pe, "pool", element(id, 1));
    }
    let mut count = |items| world.resolve_with(pe, "pool", items, false).pool_elements.len();
    assert_eq!([None, Some(0), Some(1), Some(5), Some(7), Some(u32::MAX)].map(&mut count), [3, 3, 1, 5, 6, 6]);
}

#[test]
fn a_response_never_exceeds_what_a_message_can_hold() {
    let mut world = World::new(RegistrarConfig { max_items_limit: 100_000, ..config() });
    let pe = world.pe(1);
    for id in 1..=200 {
        let user_transport = TransportParameter::Opaque(vec![7; 2000]);
        world.registered(pe, "pool", PoolElement { user_transport, ..element(id, 1) });
    }
    let response = world.resolve_with(pe, "pool", Some(u32::MAX), false);
    assert!((25..=32).contains(&response.pool_elements.len()), "{}", response.pool_elements.len());
}

#[test]
fn more_resolutions_than_the_limit_are_refused_and_others_are_not_disturbed() {
    let mut world = World::new(RegistrarConfig { max_resolutions_per_second: 5, ..config() });
    let (pe, flooder, user) = (world.pe(1), world.pu(2), world.pu(3));
    world.registered(pe, "pool", element(7, 1));
    let answers: Vec<_> = (0..8).map(|_| world.resolve_with(flooder, "pool", None, false).error).collect();
    assert_eq!(answers.iter().filter(|error| error.is_none()).count(), 5);
    assert_eq!(answers[7], Some(OperationalError::of(Cause::LackOfResources)));
    assert_eq!(world.resolve(user, "pool"), [7]);
    world.run(SECOND);
    assert_eq!(world.resolve(flooder, "pool"), [7]);
}

#[test]
fn round_robin_is_fair_over_resolutions_while_elements_come_and_go() {
    let mut world = World::new(config());
    let (steady, flapping, user) = (world.pe(1), world.pe(2), world.pe(3));
    for id in 1..=5 {
        world.registered(steady, "pool", element(id, 1));
    }
    let mut served = [0usize; 6];
    for round in 0..1000 {
        match round % 4 {
            0 => world.registered(flapping, "pool", element(100, 2)),
            2 => assert!(world.deregister(flapping, "pool", 100).error.is_none()),
            _ => {}
        }
        // Registering again must not change anybody's turn.
        world.registered(steady, "pool", element(1 + round % 5, 1));
        let first = world.resolve_with(user, "pool", Some(1), false).pool_elements[0].id.0;
        if first != 100 {
            served[first as usize] += 1;
        }
    }
    let (least, most) = (served[1..].iter().min().unwrap(), served[1..].iter().max().unwrap());
    assert!(most - least <= 2, "{served:?}");
}

// Subscription

#[test]
fn asap_013_014_a_subscriber_gets_the_a_bit_and_an_update_on_every_change() {
    let mut world = World::new(config());
    let (pe, pu) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    assert!(world.resolve_with(pu, "pool", None, true).accept_updates);
    world.registered(pe, "pool", element(8, 1));
    world.registered(pe, "pool", element(9, 1));
    world.sent.clear();
    world.run(Duration::from_millis(100));
    let updates = world.updates();
    assert_eq!(updates.len(), 1, "changes at the same time go out together");
    assert_eq!((updates[0].0, updates[0].1.accept_updates, updates[0].1.pool_elements.len()), (pu, true, 3));
    world.registered(pe, "pool", element(9, 1));
    world.sent.clear();
    world.run(SECOND);
    assert!(world.updates().is_empty(), "no change, no update");
    world.deregister(pe, "pool", 9);
    world.run(SECOND);
    assert_eq!(world.updates()[0].1.pool_elements.len(), 2);
}

#[test]
fn asap_014_the_end_of_the_pool_is_told_and_ends_the_subscription() {
    let mut world = World::new(config());
    let (pe, pu) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.resolve_with(pu, "pool", None, true);
    world.sent.clear();
    world.lose(pe);
    let updates = world.updates();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].1.error.as_ref().unwrap().first(), Some(Cause::UnknownPoolHandle));
    assert_eq!(world.registrar.subscription_count(), 0);
    let again = world.pe(3);
    world.registered(again, "pool", element(7, 3));
    world.sent.clear();
    world.run(SECOND);
    assert!(world.updates().is_empty());
}

/// The subscribers that have been told something, and those that are told now, not too many in a call.
fn told(world: &mut World) -> Vec<AssociationId> {
    let mut told = Vec::new();
    loop {
        told.extend(world.updates().into_iter().map(|(association, _)| association));
        world.sent.clear();
        if world.registrar.next_deadline().is_none_or(|at| at > world.now) {
            return told;
        }
        world.event(Event::Timeout);
        assert!((1..=512).contains(&world.updates().len()), "{} are told in one call", world.updates().len());
    }
}

#[test]
fn asap_014_many_subscribers_are_told_some_at_a_time_and_each_of_them_once() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    let users: Vec<_> = (1000..4000).map(|number| world.up(number, 2, TransportKind::Tcp)).collect();
    for &user in &users {
        assert!(world.resolve_with(user, "pool", None, true).accept_updates);
    }
    world.registered(pe, "pool", element(8, 1));
    world.sent.clear();
    world.now += Duration::from_millis(100);
    world.event(Event::Timeout);
    world.registered_while_told(pe, "pool", element(9, 1));
    assert_eq!(told(&mut world), users);

    world.now += Duration::from_millis(100);
    world.event(Event::Timeout);
    assert_eq!(told(&mut world), users, "the change while they were being told is told to all of them");

    world.lose(pe);
    let again = world.pe(3);
    world.registered_while_told(again, "pool", element(7, 3));
    let (gone, back) = (users[2998], users[2999]);
    world.event(Event::AssociationLost { association: gone, reason: LossReason::Closed });
    let resolve = HandleResolution { subscribe: true, pool_handle: PoolHandle::from("pool"), items: None };
    world.message(back, &AsapMessage::HandleResolution(resolve));
    let answers = told(&mut world);
    assert_eq!(answers.iter().filter(|&&user| user == gone).count(), 0);
    assert_eq!(answers.iter().filter(|&&user| user == back).count(), 1, "the answer, and not the end of the old pool");
    assert_eq!(answers.len(), users.len() - 1);
    assert_eq!(world.registrar.subscription_count(), 1);
}

#[test]
fn asap_014_a_subscription_lasts_as_long_as_its_association() {
    let mut world = World::new(config());
    let (pe, pu) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.resolve_with(pu, "pool", None, true);
    world.registered(pe, "pool", element(8, 1));
    world.lose(pu);
    world.sent.clear();
    world.run(SECOND);
    assert!(world.updates().is_empty());
    assert_eq!(world.registrar.subscription_count(), 0);
}

#[test]
fn asap_013_more_subscriptions_than_the_limit_are_not_accepted() {
    let mut world = World::new(RegistrarConfig { max_subscriptions_per_association: 2, ..config() });
    let (pe, pu) = (world.pe(1), world.pu(2));
    for pool in ["a", "b", "c"] {
        world.registered(pe, pool, element(7, 1));
    }
    let mut accepted = |pool| world.resolve_with(pu, pool, None, true).accept_updates;
    assert_eq!(["a", "b", "c", "a"].map(&mut accepted), [true, true, false, true]);
    assert_eq!(world.registrar.subscription_count(), 2);
}

// Keep-alive and unreachable elements

#[test]
fn asap_019_114_sec_016_keep_alives_are_spread_by_half_an_interval_in_both_directions() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife::INFINITE, ..element(7, 1) });
    let mut times = vec![world.now];
    for _ in 0..200 {
        world.sent.clear();
        while world.keep_alives().is_empty() {
            let due = world.registrar.next_deadline().unwrap();
            world.run(due.saturating_since(world.now));
        }
        let keep_alives = world.keep_alives();
        assert_eq!(keep_alives.len(), 1);
        let expected = EndpointKeepAlive {
            home: false,
            registrar_id: RegistrarId(0xcafe),
            pool_handle: PoolHandle::from("pool"),
            pool_element_id: Some(PoolElementId(7)),
        };
        assert_eq!(keep_alives[0], (pe, expected));
        times.push(world.now);
    }
    let gaps: Vec<_> = times.windows(2).map(|t| t[1].saturating_since(t[0]).as_secs_f64()).collect();
    assert!(gaps.iter().all(|gap| (2.5..7.5).contains(gap)));
    assert!(gaps.iter().any(|gap| *gap < 3.0) && gaps.iter().any(|gap| *gap > 7.0));
}

#[test]
fn asap_113_an_element_that_does_not_answer_is_removed_and_its_association_aborted() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.registered(pe, "other", element(8, 1));
    world.run(60 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [7]);
    world.alive.clear();
    world.run(Duration::from_millis(12_500));
    assert_eq!(world.aborted, [pe]);
    assert_eq!(world.registrar.handlespace().element_count(), 0, "all elements of the hanging process");
    assert_eq!(world.registrar.association_count(), 1);
}

#[test]
fn asap_107_108_110_a_report_is_followed_by_a_keep_alive_at_once_and_an_answer_keeps_the_element() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    world.report(user, "pool", 7);
    let keep_alives = world.keep_alives();
    assert_eq!(keep_alives.len(), 1, "at once");
    assert_eq!((keep_alives[0].0, keep_alives[0].1.home), (pe, false));
    assert_eq!(world.resolve(user, "pool"), [7]);
    world.run(30 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [7]);
}

#[test]
fn asap_109_a_report_and_no_answer_removes_the_element() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.alive.clear();
    world.report(user, "pool", 7);
    world.run(5 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [0u32; 0]);
    assert_eq!(world.aborted, [pe]);
}

#[test]
fn asap_111_112_more_reports_than_max_bad_pe_report_remove_even_an_element_that_answers() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    for _ in 0..3 {
        world.report(user, "pool", 7);
        assert_eq!(world.resolve(user, "pool"), [7], "three reports do not exceed three");
    }
    world.sent.clear();
    world.report(user, "pool", 7);
    assert_eq!(world.registrar.statistics().removed_by_reports, 1);
    assert!(matches!(&world.sent[0], (to, AsapMessage::DeregistrationResponse(_)) if *to == pe), "it is told");
    assert!(world.aborted.is_empty());
    assert_eq!(world.resolve(user, "pool"), [0u32; 0]);
}

#[test]
fn asap_111_the_count_starts_again_when_the_element_registers_again_and_after_a_quiet_interval() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    for _ in 0..5 {
        for _ in 0..3 {
            world.report(user, "pool", 7);
        }
        world.registered(pe, "pool", element(7, 1));
    }
    for _ in 0..5 {
        for _ in 0..3 {
            world.report(user, "pool", 7);
        }
        world.run(20 * SECOND);
    }
    assert_eq!(world.resolve(user, "pool"), [7]);
}

#[test]
fn sec_015_016_reports_over_the_limit_are_ignored_and_cause_no_flood_of_keep_alives() {
    let limits = RegistrarConfig { max_bad_pe_report: 1_000_000, max_reports_per_second: 10, ..config() };
    let mut world = World::new(limits);
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    for _ in 0..1000 {
        world.report(user, "pool", 7);
    }
    assert_eq!(world.registrar.statistics().reports, 10);
    world.run(SECOND);
    assert!((1..=2).contains(&world.keep_alives().len()), "{:?}", world.keep_alives());
}

#[test]
fn an_acknowledgement_by_another_association_proves_nothing() {
    let mut world = World::new(config());
    let (pe, liar) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.alive.clear();
    world.report(liar, "pool", 7);
    let keep_alive = world.keep_alives()[0].1.clone();
    world.message(liar, &ack_of(&keep_alive));
    world.run(5 * SECOND);
    assert_eq!(world.registrar.handlespace().element_count(), 0);
}

#[test]
fn a_registrar_that_was_stopped_blames_nobody() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    for id in 1..=50 {
        world.registered(pe, "pool", element(id, 1));
    }
    world.alive.clear();
    world.run(4 * SECOND);
    let waiting = world.keep_alives();
    assert!(!waiting.is_empty());
    // A minute in which nothing runs; then the answers are still to be read.
    world.now += 60 * SECOND;
    world.sent.clear();
    world.event(Event::Timeout);
    assert!(world.keep_alives().is_empty(), "no burst of those that are overdue");
    world.alive.push(pe);
    for (association, keep_alive) in waiting {
        world.message(association, &ack_of(&keep_alive));
    }
    world.run(20 * SECOND);
    assert_eq!(world.registrar.handlespace().element_count(), 50);
    assert!(world.aborted.is_empty());
}

// Announcements

#[test]
fn asap_115_116_164_a_registrar_that_is_alone_announces_itself_every_second_with_its_transports() {
    let transports = vec![sctp(1, 3863)];
    let settings = RegistrarConfig { announce: true, asap_transports: transports.clone(), ..config() };
    let mut world = World::new(settings);
    world.run(5 * SECOND);
    let times: Vec<_> = world.announcements.iter().map(|(at, _)| at.as_nanos() / 1_000_000).collect();
    assert_eq!(times, [0, 1000, 2000, 3000, 4000, 5000]);
    let expected = AsapMessage::ServerAnnounce(ServerAnnounce { registrar_id: RegistrarId(0xcafe), transports });
    assert!(world.announcements.iter().all(|(_, message)| *message == expected));
}

// Bad input

#[test]
fn asap_020_021_an_unknown_message_is_reported_when_its_type_wants_it() {
    let mut world = World::new(config());
    let pu = world.pu(1);
    world.bytes(pu, &[0x0f, 0, 0, 4]);
    assert!(world.sent.is_empty(), "type bits 00: silence");
    world.bytes(pu, &[0x4f, 0, 0, 4]);
    match &world.sent[0].1 {
        AsapMessage::Error(message) => assert_eq!(message.error.first(), Some(Cause::UnrecognizedMessage)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn asap_020_021_an_unknown_parameter_is_reported_and_the_message_still_answered() {
    let mut world = World::new(config());
    let (pe, pu) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    let mut bytes = vec![5, 0, 0, 20, 0, 9, 0, 8];
    bytes.extend(b"pool");
    bytes.extend([0xc0, 0x99, 0, 8, 1, 2, 3, 4]);
    world.bytes(pu, &bytes);
    let causes = match &world.sent[0].1 {
        AsapMessage::Error(message) => message.error.causes.clone(),
        other => panic!("{other:?}"),
    };
    let info = vec![0xc0, 0x99, 0, 8, 1, 2, 3, 4];
    assert_eq!(causes, [ErrorCause { cause: Cause::UnrecognizedParameter, info }]);
    assert_eq!(world.updates().len(), 1);
}

#[test]
fn an_asap_error_is_never_answered_by_an_asap_error() {
    let mut world = World::new(config());
    let pu = world.pu(1);
    world.bytes(pu, &[0x0e, 0, 0, 12, 0, 0x0c, 0, 8, 0, 1, 0, 3]);
    world.bytes(pu, &[0x0e, 0, 0, 12, 0x40, 0x99, 0, 8, 0, 1, 0, 3]);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn asap_150_another_payload_protocol_is_ignored_and_that_of_enrp_aborts() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pe(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    let mut bytes = Vec::new();
    let resolution = HandleResolution { subscribe: false, pool_handle: PoolHandle::from("pool"), items: None };
    AsapMessage::HandleResolution(resolution).encode(&mut bytes).unwrap();
    world.event(Event::Message { association: user, ppid: 4711, bytes: &bytes });
    assert!(world.sent.is_empty() && world.aborted.is_empty());
    world.event(Event::Message { association: user, ppid: PPID_ENRP, bytes: &bytes });
    assert_eq!(world.aborted, [user]);
    assert_eq!(world.registrar.association_count(), 1);
}

#[test]
fn messages_that_no_registrar_takes_change_nothing() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    let pool_handle = PoolHandle::from("pool");
    let pool_element_id = PoolElementId(7);
    let messages = [
        AsapMessage::RegistrationResponse(RegistrationResponse {
            reject: true,
            pool_handle: pool_handle.clone(),
            pool_element_id,
            error: None,
        }),
        AsapMessage::DeregistrationResponse(DeregistrationResponse {
            pool_handle: pool_handle.clone(),
            pool_element_id,
            error: None,
        }),
        AsapMessage::ServerAnnounce(ServerAnnounce { registrar_id: RegistrarId(1), transports: Vec::new() }),
        AsapMessage::Cookie(Cookie { cookie: vec![1] }),
        AsapMessage::CookieEcho(CookieEcho { cookie: vec![1] }),
        AsapMessage::BusinessCard(BusinessCard { pool_handle, pool_elements: vec![element(7, 1)] }),
    ];
    for message in &messages {
        world.message(pe, message);
    }
    assert!(world.sent.is_empty() && world.aborted.is_empty());
    assert_eq!(world.resolve(pe, "pool"), [7]);
}

#[test]
fn an_association_that_sends_nothing_but_nonsense_is_aborted() {
    let mut world = World::new(config());
    let pu = world.pu(1);
    for _ in 0..100 {
        world.bytes(pu, &[0x4f, 0, 0, 4]);
    }
    assert_eq!(world.aborted, [pu]);
    assert_eq!(world.sent.len(), 32);
    world.bytes(pu, &[0x4f, 0, 0, 4]);
    assert_eq!(world.sent.len(), 32, "what was still under way is ignored");
}

#[test]
fn tcp_connections_leave_room_for_pool_elements() {
    let mut world = World::new(RegistrarConfig { max_associations: 4, max_tcp_connections: 2, ..config() });
    let first = world.pu(1);
    world.pu(2);
    let third = world.pu(3);
    assert_eq!(world.aborted, [third]);
    let elements = [world.pe(4), world.pe(5)];
    assert_eq!(world.aborted, [third], "{elements:?} have places of their own");
    world.lose(first);
    world.pu(6);
    assert_eq!(world.aborted, [third], "a place that is free again is given again");
    world.pe(7);
    assert_eq!(world.aborted.len(), 2, "TCP connections count among all");
}

#[test]
fn a_tcp_connection_that_is_silent_for_long_is_ended() {
    let timeout = Duration::from_secs(60);
    let mut world = World::new(RegistrarConfig { tcp_idle_timeout: timeout, ..config() });
    let pe = world.pe(1);
    world.registered(pe, "pool", element(1, 1));
    let (silent, busy, subscriber) = (world.pu(2), world.pu(3), world.pu(4));
    assert!(world.resolve_with(subscriber, "pool", None, true).accept_updates);
    let sctp = world.up(5, 5, TransportKind::KernelSctp);
    world.run(timeout / 2);
    world.resolve(busy, "pool");
    world.run(timeout / 2 - Duration::from_millis(1));
    assert_eq!(world.aborted, []);
    world.run(Duration::from_millis(1));
    assert_eq!(world.aborted, [silent], "after {timeout:?} and no sooner");
    world.run(timeout / 2 - Duration::from_millis(1));
    assert_eq!(world.aborted, [silent]);
    world.run(Duration::from_millis(1));
    assert_eq!(world.aborted, [silent, busy], "{timeout:?} after its last message");
    // Who watches a pool, or is watched by SCTP, may be silent.
    world.run(timeout * 10);
    assert_eq!(world.aborted, [silent, busy]);
    assert_eq!(world.registrar.statistics().silent_ended, 2);
    assert_eq!(world.registrar.association_count(), 3, "{pe:?}, {subscriber:?} and {sctp:?}");
    // Until the subscription ends, with its pool.
    world.lose(pe);
    world.run(timeout + Duration::from_secs(1));
    assert_eq!(world.aborted, [silent, busy, subscriber]);
}

#[test]
fn more_associations_than_the_limit_are_aborted() {
    let mut world = World::new(RegistrarConfig { max_associations: 2, ..config() });
    let first = world.pu(1);
    world.pu(2);
    let third = world.pu(3);
    assert_eq!(world.aborted, [third]);
    world.lose(first);
    world.pu(4);
    assert_eq!(world.aborted.len(), 1);
}

//! What a resolution answers, and its limits.

use super::*;

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

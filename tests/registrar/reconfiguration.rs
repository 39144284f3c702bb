//! Other settings for a registrar that runs: towards pool elements and users.

use crate::support::registrar::*;
use rserpool::RegistrarId;
use rserpool::association::TransportKind;
use rserpool::registrar::{Event, RegistrarConfig, UserAddresses};
use rserpool::wire::Cause;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

impl World {
    fn reconfigure(&mut self, config: RegistrarConfig) {
        let config = config.validated().expect("settings that can work");
        self.event(Event::Reconfigured(&config));
    }
}

#[test]
fn a_lower_limit_evicts_nobody_and_refuses_who_comes() {
    let mut world = World::new(config());
    let (first, second) = (world.pe(1), world.pe(2));
    world.registered(first, "pool", element(1, 1));
    world.registered(second, "pool", element(2, 2));
    world.reconfigure(RegistrarConfig { max_pool_elements: 1, max_pools: 1, ..config() });
    assert_eq!(world.registrar.handlespace().element_count(), 2);
    world.refused(first, "pool", element(3, 1), Cause::LackOfResources);
    world.registered(second, "pool", element(2, 2));
    world.reconfigure(RegistrarConfig { max_pool_elements: 3, max_pools: 1, ..config() });
    world.registered(first, "pool", element(3, 1));
    world.refused(first, "other", element(4, 1), Cause::LackOfResources);
}

#[test]
fn a_lower_limit_of_associations_ends_none_and_takes_no_more() {
    let mut world = World::new(config());
    let all: Vec<_> = (1..=4).map(|host| world.pe(host)).collect();
    world.reconfigure(RegistrarConfig { max_associations: 4, ..config() });
    assert!(world.aborted.is_empty(), "{:?}", world.aborted);
    let one_too_many = world.up(9, 9, TransportKind::Memory);
    assert_eq!(world.aborted, [one_too_many]);
    assert!(!all.contains(&one_too_many));
}

#[test]
fn a_shorter_keep_alive_interval_holds_for_elements_that_wait_for_their_next_one() {
    let mut world = World::new(RegistrarConfig { keep_alive_interval: HOUR, ..config() });
    let all: Vec<_> = (1..=20).map(|host| world.pe(host)).collect();
    for (number, association) in all.iter().enumerate() {
        world.registered(*association, "pool", element(number as u32 + 1, number as u8 + 1));
    }
    world.sent.clear();
    world.run(10 * SECOND);
    assert_eq!(world.keep_alives().len(), 0);
    world.reconfigure(RegistrarConfig { keep_alive_interval: SECOND, ..config() });
    assert_eq!(world.keep_alives().len(), 0, "not all at once");
    world.run(SECOND);
    let asked: std::collections::BTreeSet<_> = world.keep_alives().iter().map(|(to, _)| *to).collect();
    assert_eq!(asked.len(), all.len());
}

#[test]
fn an_element_that_is_being_asked_keeps_the_time_that_it_was_given() {
    let hours = RegistrarConfig { keep_alive_interval: 2 * SECOND, keep_alive_timeout: 5 * SECOND, ..config() };
    let mut world = World::new(hours.clone());
    let silent = world.up(1, 1, TransportKind::Memory);
    world.registered(silent, "pool", element(1, 1));
    world.sent.clear();
    while world.keep_alives().is_empty() {
        world.run(SECOND / 10);
    }
    world.reconfigure(RegistrarConfig { keep_alive_interval: SECOND / 100, ..hours });
    world.run(4 * SECOND);
    assert!(world.element("pool", 1).is_some());
    world.run(2 * SECOND);
    assert!(world.element("pool", 1).is_none());
}

#[test]
fn rates_hold_for_associations_that_are_there() {
    let mut world = World::new(config());
    let (element_of, user) = (world.pe(1), world.pu(2));
    world.registered(element_of, "pool", element(1, 1));
    assert_eq!(world.resolve(user, "pool"), [1]);
    world.reconfigure(RegistrarConfig { max_resolutions_per_second: 1, ..config() });
    assert_eq!(world.resolve(user, "pool"), [1]);
    let error = world.resolve_with(user, "pool", None, false).error.expect("a refusal");
    assert_eq!(error.first(), Some(Cause::LackOfResources));
}

#[test]
fn a_shorter_idle_timeout_ends_tcp_connections_that_have_been_silent_for_that_long_already() {
    let mut world = World::new(RegistrarConfig { tcp_idle_timeout: HOUR, ..config() });
    let (element_of, silent, subscribed) = (world.pe(1), world.pu(2), world.pu(3));
    world.registered(element_of, "pool", element(1, 1));
    world.resolve_with(subscribed, "pool", None, true);
    world.run(60 * SECOND);
    assert!(world.aborted.is_empty(), "{:?}", world.aborted);
    world.reconfigure(RegistrarConfig { tcp_idle_timeout: 10 * SECOND, ..config() });
    world.run(SECOND);
    assert_eq!(world.aborted, [silent]);
    assert!(!world.aborted.contains(&subscribed));
}

#[test]
fn a_shorter_announcement_interval_holds_at_once() {
    let announcing = RegistrarConfig { announce: true, announce_interval: HOUR, ..config() };
    let mut world = World::new(announcing.clone());
    world.run(60 * SECOND);
    assert_eq!(world.announcements.len(), 1);
    world.reconfigure(RegistrarConfig { announce_interval: SECOND, ..announcing });
    world.run(10 * SECOND);
    assert_eq!(world.announcements.len(), 11);
}

#[test]
fn elements_behind_a_translation_are_taken_from_then_on() {
    let mut world = World::new(config());
    let behind = world.pe(1);
    world.refused(behind, "pool", element(1, 77), Cause::InvalidValues);
    world.reconfigure(RegistrarConfig { user_addresses: UserAddresses::Seen, ..config() });
    world.registered(behind, "pool", element(1, 77));
}

#[test]
fn what_others_were_told_and_what_the_scope_agrees_on_stays() {
    let mut world = World::new(config());
    let other = RegistrarConfig {
        id: RegistrarId(0xbeef),
        rsplib_compatibility: true,
        announce: true,
        enrp_port: 7,
        max_pools: 5,
        ..config()
    };
    world.reconfigure(other);
    let now = world.registrar.config();
    assert_eq!(
        (now.id, now.rsplib_compatibility, now.announce, now.enrp_port),
        (RegistrarId(0xcafe), false, false, 9901)
    );
    assert_eq!(now.max_pools, 5);
    world.run(60 * SECOND);
    assert!(world.announcements.is_empty());
}

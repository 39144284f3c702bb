//! What an operator reads: each event has one line, which says what happened to which element, where, and why.

use crate::support::log_lines::{lines_of, only_line};
use crate::support::registrar::*;
use log::Level;
use rserpool::association::TransportKind;
use rserpool::registrar::RegistrarConfig;
use rserpool::wire::{PoolElement, RegistrationLife};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The one line about the removal of element 7.
fn removal(act: impl FnOnce(&mut World)) -> (Level, String) {
    let mut world = World::new(config());
    let lines = lines_of(|| act(&mut world));
    assert!(world.element("pool", 7).is_none());
    let about: Vec<_> = lines.iter().filter(|(_, line)| line.contains("0x00000007")).collect();
    assert_eq!(about.len(), 2, "its registration and its removal: {lines:#?}");
    only_line(&lines, &["0x00000007", "pool", "is registered", "SCTP {10.0.0.1}:5000"]);
    only_line(&lines, &["0x00000007", "pool", "is removed", "SCTP {10.0.0.1}:5000"]).clone()
}

#[test]
fn each_removal_says_element_pool_address_cause_and_on_whose_word() {
    let (level, line) = removal(|world| {
        let pe = world.pe(1);
        world.registered(pe, "pool", element(7, 1));
        world.deregister(pe, "pool", 7);
    });
    assert!(level == Level::Info && line.contains("it has de-registered by association 0/"), "{line}");
    let (level, line) = removal(|world| {
        let pe = world.pe(1);
        world.registered(pe, "pool", element(7, 1));
        world.lose(pe);
    });
    assert!(level == Level::Info && line.contains("its association with {10.0.0.1}"), "{line}");
    let (level, line) = removal(|world| {
        let pe = world.pe(1);
        world.registered(pe, "pool", element(7, 1));
        world.alive.clear();
        world.run(20 * SECOND);
    });
    assert!(level == Level::Warn && line.contains("not answered a keep-alive"), "{line}");
    let (level, line) = removal(|world| {
        let pe = world.pe(1);
        world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife(3), ..element(7, 1) });
        world.run(4 * SECOND);
    });
    assert!(level == Level::Info && line.contains("before its registration life ended"), "{line}");
    let (level, line) = removal(|world| {
        let pe = world.pe(1);
        let users = [2, 3, 4, 5].map(|number| world.pu(number));
        world.registered(pe, "pool", element(7, 1));
        world.alive.clear();
        for user in users {
            world.report(user, "pool", 7);
        }
        world.run(SECOND);
    });
    assert!(level == Level::Warn && line.contains("4 pool users or registrars report it unreachable"), "{line}");
}

#[test]
fn a_user_that_is_silent_for_long_is_nothing_to_warn_of() {
    let mut world = World::new(RegistrarConfig { tcp_idle_timeout: SECOND, ..config() });
    let lines = lines_of(|| {
        world.up(9, 9, TransportKind::Tcp);
        world.run(3 * SECOND);
    });
    assert_eq!(world.registrar.statistics().silent_ended, 1);
    assert_eq!(lines, []);
}

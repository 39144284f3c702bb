//! What a registrar remembers of what has happened to elements.

use crate::support::registrar::*;
use rserpool::association::TransportKind;
use rserpool::registrar::{Event, EventKind, RegistrarConfig};
use rserpool::wire::{Cause, PoolElement};
use rserpool::{PoolElementId, RegistrarId};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

impl World {
    /// Kind, element and cause of each event behind the one of this number.
    fn events_after(&self, number: u64) -> Vec<(EventKind, u32, String)> {
        let told = self.registrar.events_after(number);
        told.map(|e| (e.kind, e.element.map_or(0, |id| id.0), e.cause.to_string())).collect()
    }
}

#[test]
fn an_element_that_comes_changes_and_goes_leaves_a_trace_with_the_cause() {
    let mut world = World::new(config());
    let association = world.pe(1);
    world.run(SECOND);
    world.registered(association, "pool", element(1, 1));
    world.registered(association, "pool", element(1, 1));
    let elsewhere = PoolElement { user_transport: sctp(1, 7), ..element(1, 1) };
    world.registered(association, "pool", elsewhere);
    world.lose(association);
    let events = world.events_after(0);
    let kinds: Vec<_> = events.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, [EventKind::Ready, EventKind::Registered, EventKind::Changed, EventKind::Removed]);
    assert_eq!(events[1], (EventKind::Registered, 1, "it is at SCTP {10.0.0.1}:5000".to_owned()));
    assert_eq!(events[2].2, "it is at SCTP {10.0.0.1}:7");
    assert_eq!(events[3].2, "its association with {10.0.0.1}:40001 is lost: closed");
    let registered = world.registrar.events_after(1).next().expect("it is kept");
    assert_eq!((registered.number, registered.at), (2, world.now));
    assert_eq!((registered.element, registered.registrar), (Some(PoolElementId(1)), Some(RegistrarId(0xcafe))));
    assert_eq!(registered.pool.as_ref().map(|pool| pool.as_bytes()), Some(&b"pool"[..]));
}

#[test]
fn who_does_not_answer_and_who_is_refused_is_told_with_the_reason() {
    let mut world = World::new(RegistrarConfig { max_pool_elements: 1, ..config() });
    let silent = world.up(1, 1, TransportKind::Memory);
    world.registered(silent, "pool", element(1, 1));
    let other = world.pe(2);
    world.refused(other, "pool", element(2, 2), Cause::LackOfResources);
    world.run(30 * SECOND);
    let events = world.events_after(2);
    assert_eq!(events[0], (EventKind::Refused, 2, Cause::LackOfResources.to_string()));
    assert_eq!(events[1], (EventKind::Removed, 1, "it has not answered a keep-alive in time".to_owned()));
}

#[test]
fn so_many_are_kept_as_the_settings_say_from_then_on() {
    let mut world = World::new(RegistrarConfig { max_events: 5, ..config() });
    let association = world.pe(1);
    for id in 1..=20 {
        world.registered(association, "pool", element(id, 1));
    }
    let kept: Vec<_> = world.registrar.events_after(0).map(|event| event.number).collect();
    assert_eq!(kept, [17, 18, 19, 20, 21]);
    let none = RegistrarConfig { max_events: 0, ..config() }.validated().expect("settings that can work");
    world.event(Event::Reconfigured(&none));
    world.registered(association, "pool", element(30, 1));
    assert_eq!(world.registrar.events_after(0).count(), 0);
}

#[test]
fn it_serves_until_it_leaves_and_says_so() {
    let mut world = World::new(config());
    assert!(world.registrar.is_serving());
    let mut actions = Vec::new();
    world.registrar.handle(world.now, Event::Shutdown, &mut actions);
    assert!(!world.registrar.is_serving());
    assert_eq!(world.events_after(1), [(EventKind::Leaving, 0, String::new())]);
}

//! Rules that say who may do what.

use crate::support::log_lines::lines_of;
use crate::support::registrar::{World, config, element};
use rserpool::AssociationId;
use rserpool::registrar::{Event, RegistrarConfig};
use rserpool::security::access::{AccessPolicy, Identity};
use rserpool::wire::Cause;
use std::sync::Arc;

const RULES: &str = "\
allow plain register pool=Open from=10.0.0.1
allow uri=rserpool://a/user/* resolve report pool=Open
allow psk=watcher resolve subscribe pool=Open
deny  psk=mute report
allow psk=mute resolve
";

/// Host 1 has registered an element in the pool "Open".
fn world() -> (World, AssociationId) {
    let access = Some(Arc::new(AccessPolicy::parse(RULES).expect("rules")));
    let mut world = World::new(RegistrarConfig { access, ..config() });
    let server = world.pe(1);
    world.registered(server, "Open", element(1, 1));
    (world, server)
}

fn known(world: &mut World, number: u8, identity: Identity) -> AssociationId {
    let association = world.pu(number);
    world.event(Event::Identified { association, identity });
    association
}

fn user(name: &str) -> Identity {
    Identity::Uri(format!("rserpool://a/user/{name}"))
}

#[test]
fn sec_an_element_is_registered_where_a_rule_allows_it_and_nowhere_else() {
    let (mut world, server) = world();
    world.refused(server, "Other", element(2, 1), Cause::RejectedForSecurity);
    let elsewhere = world.pe(2);
    let lines = lines_of(|| {
        world.refused(elsewhere, "Open", element(3, 2), Cause::RejectedForSecurity);
    });
    let says = |text: &str| lines.iter().any(|(_, line)| line.contains(text));
    assert!(says("(plain) may not register in pool \"Open\": no rule allows it"), "{lines:?}");
    let named = known(&mut world, 3, user("u"));
    world.refused(named, "Open", element(4, 3), Cause::RejectedForSecurity);
    assert_eq!(world.registrar.statistics().denied, 3);
}

#[test]
fn sec_whoever_may_not_resolve_is_told_so_and_no_elements() {
    let (mut world, server) = world();
    for (who, pool) in [(server, "Open"), (server, "Nowhere")] {
        let response = world.resolve_with(who, pool, None, false);
        assert_eq!(response.error.expect("a cause").first(), Some(Cause::RejectedForSecurity), "{pool}");
        assert!(response.pool_elements.is_empty());
    }
    let named = known(&mut world, 2, user("u"));
    assert_eq!(world.resolve(named, "Open"), [1]);
    let other = known(&mut world, 3, Identity::Uri("rserpool://a/element/u".into()));
    assert!(world.resolve(other, "Open").is_empty());
    let nameless = known(&mut world, 4, Identity::Nameless);
    assert!(world.resolve(nameless, "Open").is_empty());
}

#[test]
fn whoever_may_resolve_but_not_subscribe_is_answered_without_a_subscription() {
    let (mut world, _) = world();
    let named = known(&mut world, 2, user("u"));
    let response = world.resolve_with(named, "Open", None, true);
    assert_eq!((response.accept_updates, response.pool_elements.len()), (false, 1));
    assert_eq!(world.registrar.subscription_count(), 0);
    let watcher = known(&mut world, 3, Identity::Key("watcher".into()));
    assert!(world.resolve_with(watcher, "Open", None, true).accept_updates);
    assert_eq!(world.registrar.subscription_count(), 1);
}

#[test]
fn sec_a_report_that_no_rule_allows_is_ignored() {
    let (mut world, server) = world();
    let mute = known(&mut world, 2, Identity::Key("mute".into()));
    let lines = lines_of(|| world.report(mute, "Open", 1));
    assert!(
        lines.iter().any(|(_, line)| line.contains("may not report in pool \"Open\": line 4 of the rules")),
        "{lines:?}"
    );
    world.report(server, "Open", 1);
    assert_eq!(world.registrar.statistics().reports, 0);
    let named = known(&mut world, 3, user("u"));
    world.report(named, "Open", 1);
    assert_eq!(world.registrar.statistics().reports, 1);
}

#[test]
fn other_rules_hold_from_then_on_for_whoever_is_there() {
    let (mut world, server) = world();
    let named = known(&mut world, 2, user("u"));
    assert_eq!(world.resolve(named, "Open"), [1]);
    let access = Some(Arc::new(AccessPolicy::parse("allow plain resolve register\n").expect("rules")));
    let other = RegistrarConfig { access, ..config() }.validated().expect("settings that can work");
    world.event(Event::Reconfigured(&other));
    assert!(world.resolve(named, "Open").is_empty());
    assert_eq!(world.resolve(server, "Open"), [1]);
    world.registered(server, "Other", element(2, 1));
}

/// RFC 5355 section 2.15: a scope that is to be secured takes nothing from outside its security.
#[test]
fn sec_where_tls_is_required_nobody_does_anything_in_the_clear() {
    let mut world = World::new(RegistrarConfig { tls_required: true, ..config() });
    let element_of = |world: &mut World, number: u8| {
        let association = world.pe(number);
        let identity = Identity::Uri("rserpool://a/element/e".into());
        world.event(Event::Identified { association, identity });
        association
    };
    let server = element_of(&mut world, 1);
    world.registered(server, "Pool", element(1, 1));
    let plain = world.pe(2);
    let lines = lines_of(|| {
        world.refused(plain, "Pool", element(2, 2), Cause::RejectedForSecurity);
    });
    assert!(lines.iter().any(|(_, line)| line.contains("may not register in the clear: TLS is required")), "{lines:?}");
    for id in [1, 2] {
        let response = world.deregister(plain, "Pool", id);
        assert_eq!(response.error.expect("a cause").first(), Some(Cause::RejectedForSecurity), "{id}");
    }
    let response = world.resolve_with(plain, "Pool", None, true);
    assert_eq!(response.error.expect("a cause").first(), Some(Cause::RejectedForSecurity));
    assert!(response.pool_elements.is_empty() && world.registrar.subscription_count() == 0);
    world.report(plain, "Pool", 1);
    assert_eq!(world.registrar.statistics().reports, 0);
    assert_eq!(world.resolve(server, "Pool"), [1], "all is as it was");
    assert!(!world.registrations_wait(), "no state for who is nobody");
}

//! Who subscribed is told of changes.

use super::*;

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

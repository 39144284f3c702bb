//! How elements leave: by themselves, by the end of their life, or with their association.

use super::*;

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

#[test]
fn who_lives_is_resolved_beside_one_whose_life_is_over_and_whose_timer_is_late() {
    let mut world = World::new(config());
    let (short, long) = (world.pe(1), world.pe(2));
    world.registered(short, "pool", PoolElement { registration_life: RegistrationLife(3), ..element(7, 1) });
    world.registered(long, "pool", PoolElement { registration_life: RegistrationLife::INFINITE, ..element(8, 2) });
    world.now += 3 * SECOND;
    for _ in 0..4 {
        let response = world.resolve_with(long, "pool", Some(1), false);
        let ids: Vec<_> = response.pool_elements.iter().map(|element| element.id).collect();
        assert_eq!(ids, [PoolElementId(8)]);
    }
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

//! The checkers must be able to fail: each is shown what it is there to find.

use super::checkers::InternetChecksum;
use super::config::{SECOND, SimConfig};
use super::trace::Mode;
use super::workload::Plan;
use super::world::World;
use rserpool::asap::{Outcome, RequestId};
use rserpool::message::AsapMessage;
use rserpool::message::asap::{DeregistrationResponse, HandleResolutionResponse};
use rserpool::registrar::Link;
use rserpool::wire::PoolElement;
use rserpool::{AssociationId, PoolHandle};

/// A world without faults in which everything is registered.
fn settled() -> World {
    let mut config = SimConfig::swarm(3);
    config.faults = Default::default();
    config.element_activity = 1000 * SECOND;
    let mut world = World::new(config, Mode::Hash);
    world.start_all();
    world.calm = true;
    assert!(world.run_until(20 * SECOND), "{:?}", world.failure);
    assert_eq!(world.unsettled(), None);
    world
}

/// The first registrar, and an element of which it is home.
fn an_element(world: &World) -> (PoolHandle, PoolElement) {
    let handlespace = world.nodes[0].registrar().expect("a registrar").handlespace();
    let own = world.nodes[0].registrar().expect("a registrar").id();
    let all =
        handlespace.pools_from(None).flat_map(|(_, pool)| pool.elements().map(move |index| (pool.handle(), index)));
    let elements =
        all.filter_map(|(handle, index)| Some((handle.clone(), handlespace.element(index)?.pool_element().clone())));
    elements.into_iter().find(|(_, element)| element.home_registrar == own).expect("an element")
}

#[test]
fn the_checksum_of_the_checkers_is_that_of_rfc_1071() {
    let mut sum = InternetChecksum::new();
    for i in 0..3u32 {
        sum.add(format!("Pool{i}").as_bytes(), 0x89ab_cdefu32.wrapping_add(i * 7919));
    }
    assert_eq!(sum.value(), 0xc9cc);
}

#[test]
fn an_element_that_nobody_wants_any_more_is_noticed() {
    let mut world = settled();
    let Some(Plan::Elements(elements)) = world.plans.iter_mut().find(|plan| matches!(plan, Plan::Elements(_))) else {
        panic!("no elements")
    };
    elements[0].wanted = false;
    assert!(world.unsettled().is_some_and(|what| what.contains("is dead and still registered")));
}

#[test]
fn an_element_without_a_living_home_is_noticed() {
    let mut world = settled();
    world.kill(0);
    world.start(0);
    assert!(world.unsettled().is_some());
}

#[test]
fn a_request_that_completes_twice_is_noticed() {
    let mut world = settled();
    let client = world.config.registrars;
    world.on_complete(client, RequestId(1), Ok(Outcome::Registered));
    assert!(world.failure.is_some_and(|what| what.contains("which is not open")));
}

#[test]
fn a_selection_after_the_deregistration_was_answered_is_noticed() {
    let mut world = settled();
    let (pool_handle, element) = an_element(&world);
    let association = AssociationId::new(0, 0);
    assert_eq!(world.network.end(crate::support::network::EndId::of(association)).link, Link::Asap);
    let selection = AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
        accept_updates: false,
        pool_handle: pool_handle.clone(),
        policy: Some(element.policy.clone()),
        pool_elements: vec![element.clone()],
        error: None,
    });
    world.ledger_after(0, association, &selection);
    assert_eq!(world.failure, None);
    let gone = DeregistrationResponse { pool_handle, pool_element_id: element.id, error: None };
    world.ledger_after(0, association, &AsapMessage::DeregistrationResponse(gone));
    world.ledger_after(0, association, &selection);
    assert!(world.failure.is_some_and(|what| what.contains("though its de-registration was answered")));
}

#[test]
fn a_message_that_cannot_be_decoded_is_noticed() {
    let mut world = settled();
    world.check_sent_by_registrar(0, AssociationId::new(0, 0), &[5, 0, 0, 4]);
    assert!(world.failure.is_some_and(|what| what.contains("cannot be decoded")));
}

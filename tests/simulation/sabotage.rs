//! The checkers must be able to fail: each is shown what it is there to find.

use super::checkers::InternetChecksum;
use super::checkers::bounds::too_large;
use super::config::{SECOND, SimConfig};
use super::node::Input;
use super::rogues::{Defences, Rogues, Setting, sctp};
use super::run::attempt;
use super::trace::Mode;
use super::workload::Plan;
use super::world::World;
use crate::support::client::encode;
use crate::support::network::EndId;
use rserpool::asap::{Outcome, RequestId};
use rserpool::message::asap::{Deregistration, DeregistrationResponse, HandleResolutionResponse};
use rserpool::message::enrp::{HandleUpdate, UpdateAction};
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::{Action, ConnectAttempt, Held, Link, WhenFull};
use rserpool::wire::{PORT_ENRP, PoolElement};
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId};
use std::time::Duration;

/// A world without faults in which everything is registered.
fn settled() -> World {
    settled_with(Rogues::default())
}

/// The same with rogues and bystanders, who are not there yet.
fn besieged() -> World {
    settled_with(Rogues { count: 1, bystanders: 1, activity: u64::MAX, setting: Setting::Peace, ..Rogues::default() })
}

fn settled_with(rogues: Rogues) -> World {
    let mut config = SimConfig::swarm(3);
    config.faults = Default::default();
    config.element_activity = 1000 * SECOND;
    config.rogues = rogues;
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
    assert_eq!(world.network.end(EndId::of(association)).link, Link::Asap);
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

/// An association of the first registrar with somebody.
fn an_end(world: &World, link: Link, with: impl Fn(usize) -> bool) -> EndId {
    let fits = |end: &&EndId| world.network.end(**end).link == link && with(world.network.end(end.other()).node);
    *world.network.nodes[0].ends.iter().find(fits).expect("an association")
}

#[test]
fn an_element_at_a_place_of_somebody_else_is_noticed() {
    let mut world = besieged();
    let registrars = world.config.registrars;
    let end = an_end(&world, Link::Enrp, |node| node < registrars);
    let sender = world.nodes[world.network.end(end.other()).node].registrar().expect("a registrar").id();
    let (pool_handle, mut pool_element) = an_element(&world);
    pool_element.id = PoolElementId(pool_element.id.0 + 77);
    pool_element.home_registrar = sender;
    let bystander = world.nodes[world.config.honest() + 1].address;
    pool_element.user_transport = sctp(bystander, 5000);
    let (receiver, action) = (RegistrarId(0), UpdateAction::AddPoolElement);
    let update = HandleUpdate { sender, receiver, takeover_suggested: false, action, pool_handle, pool_element };
    let mut bytes = Vec::new();
    EnrpMessage::HandleUpdate(update).encode(&mut bytes).expect("encodable");
    world.sweep();
    assert_eq!(world.failure, None);
    world.input(0, Input::Message { end, bytes });
    world.sweep();
    assert!(world.failure.is_some_and(|what| what.contains("lists a foreign element")));
}

#[test]
fn an_element_that_goes_during_a_siege_is_noticed() {
    let mut world = besieged();
    world.checks.siege = Some(world.standing());
    world.sweep();
    assert_eq!(world.failure, None);
    let (pool_handle, element) = an_element(&world);
    let end = an_end(&world, Link::Asap, |node| node == (element.id.0 >> 8) as usize);
    let gone = Deregistration { pool_handle, pool_element_id: element.id };
    let bytes = encode(AsapMessage::Deregistration(gone));
    world.input(0, Input::Message { end, bytes });
    world.sweep();
    assert!(world.failure.is_some_and(|what| what.contains("rogues have changed something")));
}

#[test]
fn a_process_that_moves_during_a_siege_is_noticed() {
    let mut world = besieged();
    world.checks.siege = Some(world.standing());
    world.kill(0);
    world.sweep();
    assert!(world.failure.is_some_and(|what| what.contains("honest processes have moved")));
}

#[test]
fn a_connect_to_a_bystander_is_noticed() {
    let mut world = besieged();
    let bystander = world.config.honest() + 1;
    let peer = world.nodes[bystander].peer_address(PORT_ENRP);
    let (attempt, timeout) = (ConnectAttempt(1 << 40), Duration::from_secs(1));
    world.perform_registrar(0, vec![Action::Connect { attempt, link: Link::Enrp, peer, timeout }]);
    assert!(world.failure.is_some_and(|what| what.contains("who has no part in this")));
}

#[test]
fn an_answer_to_nothing_is_noticed() {
    let mut world = besieged();
    let (pool_handle, element) = an_element(&world);
    let end = an_end(&world, Link::Asap, |node| node == (element.id.0 >> 8) as usize);
    let answer = AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
        accept_updates: false,
        pool_handle,
        policy: Some(element.policy.clone()),
        pool_elements: vec![element],
        error: None,
    });
    let bytes = encode(answer);
    world.checks_after_registrar(0, &[Action::Send { association: end.id(Link::Asap), bytes }]);
    assert!(world.failure.is_some_and(|what| what.contains("what it has not asked for")));
}

#[test]
fn a_table_that_is_too_large_is_noticed() {
    let held = |count| Held { what: "things", count, most: 1, when_full: WhenFull::Refused };
    assert_eq!(too_large(&[held(0), held(1)]), None);
    assert!(too_large(&[held(1), held(2)]).is_some_and(|what| what.contains("2 things")));
}

/// A core that does not look who sends: what rogues do then is seen.
#[test]
fn rogues_that_are_taken_for_honest_are_noticed() {
    for seed in [1, 2, 3] {
        let mut config = SimConfig::besieged(seed);
        config.rogues.defences = Defences::Down;
        assert!(attempt(&config, Mode::Hash).is_err(), "SEED={seed}");
    }
}

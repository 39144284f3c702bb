//! HANDLE_UPDATE (RFC 5353 section 3.3), and whose an element is when registrars disagree.

use super::*;

#[test]
fn enrp_014_016_055_056_057_a_registration_is_told_to_all_peers_completely() {
    let (mut net, _) = with_script(config(0, &[]));
    let element = net.add_element("pool", 7, Policy::LeastUsed { load: 3 });
    net.register_at(element, 0);
    let told = updates(&net.take_got());
    let expected = HandleUpdate {
        sender: id_of(0),
        receiver: RegistrarId(0),
        takeover_suggested: false,
        action: UpdateAction::AddPoolElement,
        pool_handle: PoolHandle::from("pool"),
        pool_element: PoolElement {
            home_registrar: id_of(0),
            asap_transport: Some(sctp(element_ip(element), 40_000)),
            ..net.pool_element(element)
        },
    };
    assert!(!told.is_empty() && told.iter().all(|update| *update == expected), "{told:?}");
    // Also when it registers again, with or without a change.
    net.elements[element].policy = Policy::LeastUsed { load: 4 };
    net.register(element);
    net.register(element);
    net.run(millis(10));
    let told = updates(&net.take_got());
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].pool_element.policy, Policy::LeastUsed { load: 4 });
}

#[test]
fn enrp_064_to_067_every_removal_is_told_to_all_peers() {
    let (mut net, _) = with_script(config(0, &[]));
    let (first, second) = (net.element("pool", 7, 0), net.element("pool", 8, 0));
    net.got.clear();
    net.deregister(first);
    net.run(millis(10));
    net.kill_element(second);
    net.run(millis(10));
    let told = updates(&net.take_got());
    assert_eq!(told.len(), 2);
    for (update, element) in told.iter().zip([first, second]) {
        assert_eq!((update.action, update.receiver), (UpdateAction::DeletePoolElement, RegistrarId(0)));
        assert_eq!(update.pool_element.home_registrar, id_of(0));
        assert_eq!(update.pool_element.id.0, net.elements[element].id);
        assert_eq!(update.pool_element.user_transport, net.pool_element(element).user_transport);
    }
}

#[test]
fn enrp_058_to_063_additions_create_pools_add_elements_and_replace_them() {
    let (mut net, association) = with_script(config(0, &[]));
    let with_load = |id, load| PoolElement { policy: Policy::LeastUsed { load }, ..element_of_script(id) };
    let known = |net: &Net, id| {
        let handlespace = net.registrar(0).handlespace();
        let index = handlespace.find(&PoolHandle::from("pool"), PoolElementId(id)).unwrap();
        handlespace.element(index).unwrap().pool_element().clone()
    };
    net.script_sends(association, addition("pool", with_load(1, 5)));
    assert_eq!(known(&net, 1), with_load(1, 5));
    net.script_sends(association, addition("pool", with_load(2, 6)));
    assert_eq!(known(&net, 2), with_load(2, 6));
    net.script_sends(association, addition("pool", with_load(1, 7)));
    assert_eq!(known(&net, 1), with_load(1, 7));
    assert_eq!(net.view(0).len(), 2);
}

#[test]
fn enrp_068_069_070_removals_remove_elements_and_empty_pools_and_nothing_else() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.script_sends(association, addition("pool", element_of_script(2)));
    net.script_sends(association, removal("other", element_of_script(1)));
    net.script_sends(association, removal("pool", element_of_script(3)));
    assert_eq!(net.view(0).len(), 2);
    net.script_sends(association, removal("pool", element_of_script(1)));
    assert_eq!(net.view(0).len(), 1);
    net.script_sends(association, removal("pool", element_of_script(2)));
    assert_eq!(net.registrar(0).handlespace().pool_count(), 0);
}

#[test]
fn a_removal_by_a_registrar_that_is_not_the_home_is_stale() {
    let mut net = Net::of(2, config);
    net.element("pool", 7, 1);
    let association = net.script_joins(0);
    net.script_sends(association, removal("pool", element_of_script(7)));
    assert_eq!(net.home_at(0, "pool", 7), Some(id_of(1)));
}

#[test]
fn an_element_that_another_registrar_wants_decides_where_it_is_at_home() {
    let (mut net, association) = with_script(config(0, &[]));
    let element = net.element("pool", 7, 0);
    net.got.clear();
    let claimed = PoolElement { home_registrar: SCRIPT, ..net.pool_element(element) };
    net.run(10 * SECOND);
    net.script_sends(association, addition("pool", claimed.clone()));
    net.run(10 * SECOND);
    assert_eq!(net.home_at(0, "pool", 7), Some(id_of(0)), "it acknowledged");
    assert!(updates(&net.take_got()).iter().any(|update| update.pool_element.home_registrar == id_of(0)));
    // This time it has gone to the other one: its association with us is closed.
    net.run(10 * SECOND);
    net.elements[element].alive = false;
    net.script_sends(association, addition("pool", claimed));
    net.kill_element(element);
    net.run(10 * SECOND);
    assert_eq!(net.home_at(0, "pool", 7), Some(SCRIPT));
    assert!(updates(&net.take_got()).iter().all(|update| update.action != UpdateAction::DeletePoolElement));
}

#[test]
fn the_life_of_another_registrars_element_ends_here_too_when_nothing_is_heard_of_it() {
    let (mut net, association) = with_script(config(0, &[]));
    let element = PoolElement { registration_life: RegistrationLife(100), ..element_of_script(1) };
    net.script_sends(association, addition("pool", element.clone()));
    net.run(90 * SECOND);
    net.script_sends(association, addition("pool", element));
    net.run(99 * SECOND);
    assert_eq!(net.view(0).len(), 1, "it was registered again");
    net.run(2 * SECOND);
    assert_eq!(net.view(0).len(), 0);
}

/// rsplib's registrars read and write milliseconds: 90 is over at once there, and 90 000 is 25 hours here.
#[test]
fn where_rsplib_is_lives_are_in_milliseconds_between_registrars() {
    let life = 3_000_000;
    for (rsplib_compatibility, sent, taken) in [(false, life, 60_000), (true, i32::MAX, 60)] {
        let (mut net, association) = with_script(RegistrarConfig { rsplib_compatibility, ..config(0, &[]) });
        net.element("pool", 7, 0);
        let told = updates(&net.take_got());
        let told: Vec<_> = told.iter().map(|update| update.pool_element.registration_life.0).collect();
        assert!(!told.is_empty() && told.iter().all(|life| *life == sent), "{told:?}");
        // Whole tables are the same.
        net.script_sends(association, table_request(true));
        assert_eq!(lives(&net.take_got()), [sent]);
        let theirs = PoolElement { registration_life: RegistrationLife(60_000), ..element_of_script(8) };
        net.script_sends(association, addition("pool", theirs));
        let (handlespace, pool) = (net.registrar(0).handlespace(), PoolHandle::from("pool"));
        let element = handlespace.find(&pool, PoolElementId(8)).and_then(|index| handlespace.element(index));
        assert_eq!(element.expect("it is taken").pool_element().registration_life, RegistrationLife(taken));
    }
}

/// `rserpool list`, for one.
#[test]
fn whoever_only_asks_for_the_table_gets_lives_in_seconds_also_where_rsplib_is() {
    let mut net = Net::default();
    net.start(RegistrarConfig { rsplib_compatibility: true, ..config(0, &[]) });
    net.element("pool", 7, 0);
    let association = net.script_connects(0);
    let observed = HandleTableRequest { sender: RegistrarId(0x777), receiver: RegistrarId(0), own_children_only: true };
    net.script_sends(association, observed);
    assert_eq!(lives(&net.take_got()), [3_000_000]);
    // A registrar says whom it asks, also before it is a peer: it may be rsplib's.
    net.script_sends(association, HandleTableRequest { sender: RegistrarId(0x777), ..table_request(true) });
    assert_eq!(lives(&net.take_got()), [i32::MAX]);
}

fn lives(messages: &[EnrpMessage]) -> Vec<i32> {
    let tables = messages.iter().filter_map(|message| match message {
        EnrpMessage::HandleTableResponse(response) => Some(&response.entries),
        _ => None,
    });
    tables.flatten().flat_map(|entry| &entry.pool_elements).map(|element| element.registration_life.0).collect()
}

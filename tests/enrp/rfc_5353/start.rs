//! The start of a registrar: mentor, list and handle table (RFC 5353 section 3.2).

use super::*;
use crate::support::log_lines::lines_of;
use std::net::IpAddr;

#[test]
fn enrp_026_a_registrar_without_peers_serves_at_once() {
    assert!(Registrar::new(config(0, &[]).validated().expect("settings that can work"), 1, Time::ZERO).is_ready());
}

#[test]
fn enrp_024_027_034_035_the_peer_is_asked_for_the_list_and_then_for_the_whole_table() {
    let (mut net, association) = starting_with_script(true);
    assert!(!net.registrar(0).is_ready());
    let got = net.take_got();
    assert!(has(&got, &list_request()));
    assert!(!has(&got, &whole_table_request()), "one after the other");
    net.script_sends(association, list(false, Vec::new()));
    assert!(has(&net.take_got(), &whole_table_request()));
    assert!(!net.registrar(0).is_ready());
    net.script_sends(association, table(false, Vec::new()));
    assert!(net.registrar(0).is_ready());
}

#[test]
fn enrp_031_the_registrars_of_the_list_become_peers() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    net.start(RegistrarConfig { peers: vec![script_address()], ..config(1, &[]) });
    net.run(millis(10));
    let association = net.got[0].0;
    let other = ServerInformation { id: id_of(0), transport: sctp(registrar_ip(0), PORT_ENRP) };
    let itself = ServerInformation { id: id_of(1), transport: sctp(registrar_ip(1), PORT_ENRP) };
    net.script_sends(association, ListResponse { receiver: id_of(1), ..list(false, vec![other, itself]) });
    net.run(millis(20));
    let ids: Vec<_> = net.registrar(1).peers().map(|peer| peer.id).collect();
    assert_eq!(ids, [SCRIPT, id_of(0)]);
    assert_eq!(net.state(1, 0), Some(PeerState::Active), "and it knows us");
}

#[test]
fn enrp_010_011_018_019_032_049_a_registrar_that_starts_rejects_lists_and_tables() {
    let (mut net, association) = starting_with_script(true);
    net.element("pool", 7, 0);
    net.got.clear();
    net.script_sends(association, ListRequest { sender: SCRIPT, receiver: id_of(0) });
    net.script_sends(association, table_request(false));
    net.script_sends(association, table_request(true));
    let got = net.take_got();
    let list = ListResponse { sender: id_of(0), receiver: SCRIPT, reject: true, servers: Vec::new() };
    let table =
        HandleTableResponse { sender: id_of(0), receiver: SCRIPT, reject: true, more: false, entries: Vec::new() };
    assert_eq!(got, [list.into(), table.clone().into(), table.into()]);
}

#[test]
fn enrp_028_029_025_a_mentor_that_does_not_answer_makes_room_for_a_backup() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    net.element("pool", 7, 0);
    let peers = vec![script_address(), address(0)];
    net.start(RegistrarConfig { peers, ..config(1, &[]) });
    net.run(millis(20));
    assert!(net.got.iter().any(|(_, message)| matches!(message, EnrpMessage::ListRequest(_))));
    assert!(!net.registrar(1).is_ready());
    net.run(millis(4900));
    assert!(!net.registrar(1).is_ready(), "MAX-TIME-NO-RESPONSE");
    net.run(millis(200));
    assert!(net.registrar(1).is_ready());
    assert_eq!(net.home_at(1, "pool", 7), Some(id_of(0)));
}

#[test]
fn enrp_030_the_mentor_lists_all_registrars_that_it_knows() {
    let mut net = Net::of(3, config);
    let association = net.script_joins(0);
    net.script_sends(association, ListRequest { sender: SCRIPT, receiver: id_of(0) });
    let server = |number| ServerInformation { id: id_of(number), transport: sctp(registrar_ip(number), PORT_ENRP) };
    let servers = vec![server(1), server(2)];
    let expected = ListResponse { sender: id_of(0), receiver: SCRIPT, reject: false, servers };
    assert!(has(&net.take_got(), &expected.into()));
}

#[test]
fn a_registrar_that_names_a_loopback_address_is_listed_where_it_is_seen() {
    let loopback = AddressList::from_slice(&[IpAddr::from([127, 0, 0, 1])]);
    let mut net = Net::of(2, |number, peers| match number {
        1 => RegistrarConfig { enrp_addresses: loopback.clone(), ..config(number, peers) },
        _ => config(number, peers),
    });
    let association = net.script_joins(0);
    net.script_sends(association, ListRequest { sender: SCRIPT, receiver: id_of(0) });
    let servers = vec![ServerInformation { id: id_of(1), transport: sctp(registrar_ip(1), PORT_ENRP) }];
    let expected = ListResponse { sender: id_of(0), receiver: SCRIPT, reject: false, servers };
    assert!(has(&net.take_got(), &expected.into()));
}

#[test]
fn enrp_033_050_a_mentor_that_rejects_is_asked_again_after_a_pause() {
    let (mut net, association) = starting_with_script(true);
    net.got.clear();
    net.script_sends(association, list(true, Vec::new()));
    // The scripted registrar has the lower identifier: the registrar would go first if the list were not asked for anew.
    let mut net_with_higher = {
        let mut net = Net::default();
        net.start(RegistrarConfig { id: RegistrarId(1), peers: vec![script_address()], ..config(0, &[]) });
        net.run(millis(10));
        net
    };
    let association = net_with_higher.got[0].0;
    let receiver = RegistrarId(1);
    net_with_higher.got.clear();
    net_with_higher.script_sends(association, ListResponse { receiver, ..list(true, Vec::new()) });
    assert!(net_with_higher.take_got().is_empty(), "a pause");
    net_with_higher.run(2 * SECOND);
    let request = ListRequest { sender: RegistrarId(1), receiver: SCRIPT };
    assert!(has(&net_with_higher.take_got(), &request.into()));
    net_with_higher.script_sends(association, ListResponse { receiver, ..list(false, Vec::new()) });
    net_with_higher.script_sends(association, HandleTableResponse { receiver, ..rejected_table() });
    net_with_higher.got.clear();
    net_with_higher.run(2 * SECOND);
    let request = ListRequest { sender: RegistrarId(1), receiver: SCRIPT };
    assert!(has(&net_with_higher.take_got(), &request.into()));
    assert!(!net_with_higher.registrar(0).is_ready());
}

#[test]
fn a_start_ends_although_the_mentor_rejects_for_ever() {
    let mut net = Net::default();
    net.start(RegistrarConfig { id: RegistrarId(1), peers: vec![script_address()], ..config(0, &[]) });
    net.run(millis(10));
    let association = net.got[0].0;
    for _ in 0..40 {
        if net.registrar(0).is_ready() {
            break;
        }
        let receiver = RegistrarId(1);
        net.script_sends(association, ListResponse { receiver, ..list(true, Vec::new()) });
        net.run(SECOND);
    }
    assert!(net.registrar(0).is_ready());
    assert!(net.now < Time::from_secs(20), "{}", net.now);
}

#[test]
fn enrp_041_042_048_all_pages_are_asked_for_and_stored_before_the_service_begins() {
    let (mut net, association) = starting_with_script(true);
    net.script_sends(association, list(false, Vec::new()));
    net.got.clear();
    net.script_sends(association, table(true, vec![("a", vec![element_of_script(1), element_of_script(2)])]));
    assert_eq!(net.take_got(), [whole_table_request()], "M bit: ask again");
    assert_eq!(net.view(0).len(), 2);
    assert!(!net.registrar(0).is_ready());
    net.script_sends(
        association,
        table(false, vec![("a", vec![element_of_script(3)]), ("b", vec![element_of_script(4)])]),
    );
    assert_eq!(net.view(0).len(), 4);
    assert!(net.registrar(0).is_ready());
}

#[test]
fn enrp_043_to_047_entries_of_the_table_create_pools_add_elements_and_replace_them() {
    let (mut net, association) = starting_with_script(true);
    net.script_sends(association, list(false, Vec::new()));
    let with_load = |id, load| PoolElement { policy: Policy::LeastUsed { load }, ..element_of_script(id) };
    net.script_sends(association, table(true, vec![("a", vec![with_load(1, 5)])]));
    let policy = |net: &Net| {
        let handlespace = net.registrar(0).handlespace();
        let pool = handlespace.pool(handlespace.find_pool(&PoolHandle::from("a")).unwrap()).unwrap();
        (pool.policy().policy_type(), pool.len())
    };
    let least_used = Policy::LeastUsed { load: 0 }.policy_type();
    assert_eq!(policy(&net), (least_used, 1));
    net.script_sends(association, table(false, vec![("a", vec![with_load(2, 5)])]));
    assert_eq!(policy(&net), (least_used, 2));
}

#[test]
fn enrp_051_052_a_download_that_breaks_off_goes_on_with_a_backup() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    net.element("pool", 7, 0);
    let peers = vec![script_address(), address(0)];
    net.start(RegistrarConfig { peers, ..config(1, &[]) });
    net.run(millis(20));
    let asked = net.got.iter().find(|(_, message)| matches!(message, EnrpMessage::ListRequest(_)));
    let association = asked.expect("the lower identifier is asked first").0;
    net.script_sends(association, ListResponse { receiver: id_of(1), ..list(false, Vec::new()) });
    let first = table(true, vec![("a", vec![element_of_script(1)])]);
    net.script_sends(association, HandleTableResponse { receiver: id_of(1), ..first });
    net.run(millis(5100));
    assert!(net.registrar(1).is_ready());
    assert_eq!(net.home_at(1, "pool", 7), Some(id_of(0)));
}

#[test]
fn what_is_removed_during_the_download_does_not_come_back_with_an_older_page() {
    let (mut net, association) = starting_with_script(true);
    net.script_sends(association, list(false, Vec::new()));
    net.script_sends(association, removal("a", element_of_script(1)));
    let newer = PoolElement { policy: Policy::LeastUsed { load: 9 }, ..element_of_script(2) };
    net.script_sends(association, addition("a", newer.clone()));
    let older = |id| PoolElement { policy: Policy::LeastUsed { load: 1 }, ..element_of_script(id) };
    net.script_sends(association, table(false, vec![("a", vec![older(1), older(2), older(3)])]));
    assert_eq!(net.view(0).keys().map(|(_, id)| *id).collect::<Vec<_>>(), [2, 3]);
    let handlespace = net.registrar(0).handlespace();
    let index = handlespace.find(&PoolHandle::from("a"), PoolElementId(2)).unwrap();
    assert_eq!(handlespace.element(index).unwrap().pool_element(), newer);
}

#[test]
fn while_it_starts_a_registrar_takes_registrations_and_sends_pool_users_away() {
    use rserpool::message::AsapMessage;
    use rserpool::message::asap::HandleResolution;
    let (mut net, _) = starting_with_script(true);
    net.element("pool", 7, 0);
    assert_eq!(net.elements[0].registered, 2);
    let resolution = HandleResolution { subscribe: false, pool_handle: PoolHandle::from("x"), items: None };
    let mut bytes = Vec::new();
    AsapMessage::from(resolution).encode(&mut bytes).unwrap();
    let before = net.registrar(0).association_count();
    let home = net.elements[0].home.unwrap();
    net.event(0, Event::Message { association: association(home), ppid: PPID_ASAP, bytes: &bytes });
    assert_eq!(net.registrar(0).association_count(), before - 1);
}

#[test]
fn of_two_registrars_with_one_identifier_both_say_so_and_the_one_that_starts_gives_way() {
    for multicast in [false, true] {
        let mut net = Net::default();
        net.multicast = multicast;
        let settings = |number, peers: &[usize]| RegistrarConfig {
            id: id_of(0),
            enrp_multicast: multicast,
            ..config(number, if multicast { &[] } else { peers })
        };
        net.start(settings(0, &[]));
        net.run(10 * SECOND);
        assert!(net.registrar(0).is_ready());
        let lines = lines_of(|| {
            net.start(settings(1, &[0]));
            net.run(10 * SECOND);
        });
        assert!(net.has_left(1) && !net.has_left(0), "multicast {multicast}");
        assert!(net.registrar(0).is_ready());
        for number in 0..2 {
            let other = format!("{{{}}}", registrar_ip(number));
            let says = |line: &str| line.contains("has the same identifier") && line.contains(&other);
            assert!(lines.iter().any(|(_, line)| says(line)), "{other} in {lines:#?}");
        }
    }
}

#[test]
fn who_serves_is_not_stopped_by_somebody_with_its_identifier() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    let association = net.script_connects(0);
    let namesake = Presence { sender: id_of(0), ..script_presence(true, None) };
    net.script_sends(association, namesake.clone());
    assert!(matches!(net.take_got()[..], [EnrpMessage::Presence(_)]), "the other one is to know, too");
    net.script_sends(association, namesake);
    assert_ne!(net.script_association(), Some(association), "aborted");
    assert!(net.registrar(0).is_ready() && !net.has_left(0));
}

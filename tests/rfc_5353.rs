//! What RFC 5353 demands of a registrar, clause by clause, in virtual time.

mod enrp_support;

use enrp_support::*;
use rserpool::handlespace::HandlespaceChecksum;
use rserpool::message::EnrpMessage;
use rserpool::message::enrp::*;
use rserpool::registrar::{Event, PeerState, Registrar, RegistrarConfig};
use rserpool::wire::*;
use rserpool::{PoolElementId, PoolHandle, RegistrarId, Time};
use std::time::Duration;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// One registrar with these settings, ready, and the scripted registrar as its peer.
fn with_script(config: RegistrarConfig) -> (Net, u64) {
    let mut net = Net::default();
    net.start(config);
    let association = net.script_joins(0);
    assert!(net.registrar(0).is_ready());
    assert_eq!(net.registrar(0).peers().count(), 1);
    (net, association)
}

/// A registrar that starts with the scripted one as its only peer; both have met.
fn starting_with_script(script_answers: bool) -> (Net, u64) {
    let mut net = Net::default();
    net.script_answers = script_answers;
    net.start(RegistrarConfig { peers: vec![script_address()], ..config(0, &[]) });
    net.run(millis(10));
    let association = net.got.first().expect("it connects and asks").0;
    (net, association)
}

fn script_address() -> rserpool::transport::PeerAddress {
    rserpool::transport::PeerAddress::new(script_ip(), PORT_ENRP)
}

fn element_of_script(id: u32) -> PoolElement {
    PoolElement {
        id: PoolElementId(id),
        home_registrar: SCRIPT,
        registration_life: RegistrationLife(3_000_000),
        user_transport: sctp(element_ip(200), 5000),
        policy: Policy::RoundRobin,
        asap_transport: Some(sctp(element_ip(200), 40_000)),
    }
}

fn update(action: UpdateAction, pool: &str, pool_element: PoolElement) -> HandleUpdate {
    HandleUpdate {
        sender: SCRIPT,
        receiver: RegistrarId(0),
        takeover_suggested: false,
        action,
        pool_handle: PoolHandle::from(pool),
        pool_element,
    }
}

fn addition(pool: &str, pool_element: PoolElement) -> HandleUpdate {
    update(UpdateAction::AddPoolElement, pool, pool_element)
}

fn removal(pool: &str, pool_element: PoolElement) -> HandleUpdate {
    update(UpdateAction::DeletePoolElement, pool, pool_element)
}

fn table(more: bool, entries: Vec<(&str, Vec<PoolElement>)>) -> HandleTableResponse {
    let entries = entries
        .into_iter()
        .map(|(pool, pool_elements)| PoolEntry { pool_handle: PoolHandle::from(pool), pool_elements })
        .collect();
    HandleTableResponse { sender: SCRIPT, receiver: id_of(0), reject: false, more, entries }
}

fn rejected_table() -> HandleTableResponse {
    HandleTableResponse { reject: true, ..table(false, Vec::new()) }
}

fn list(reject: bool, servers: Vec<ServerInformation>) -> ListResponse {
    ListResponse { sender: SCRIPT, receiver: id_of(0), reject, servers }
}

fn table_request(own_children_only: bool) -> HandleTableRequest {
    HandleTableRequest { sender: SCRIPT, receiver: id_of(0), own_children_only }
}

fn checksum_of(elements: &[(&str, u32)]) -> u16 {
    let mut checksum = HandlespaceChecksum::default();
    for (pool, id) in elements {
        checksum.add(HandlespaceChecksum::of_handle(pool.as_bytes()), PoolElementId(*id));
    }
    checksum.value()
}

fn updates(messages: &[EnrpMessage]) -> Vec<HandleUpdate> {
    messages
        .iter()
        .filter_map(|message| if let EnrpMessage::HandleUpdate(update) = message { Some(update.clone()) } else { None })
        .collect()
}

fn presences(messages: &[EnrpMessage]) -> Vec<Presence> {
    messages
        .iter()
        .filter_map(|message| if let EnrpMessage::Presence(presence) = message { Some(presence.clone()) } else { None })
        .collect()
}

fn tables(messages: &[EnrpMessage]) -> Vec<HandleTableResponse> {
    messages
        .iter()
        .filter_map(
            |message| if let EnrpMessage::HandleTableResponse(table) = message { Some(table.clone()) } else { None },
        )
        .collect()
}

fn has(messages: &[EnrpMessage], wanted: &EnrpMessage) -> bool {
    messages.contains(wanted)
}

fn list_request() -> EnrpMessage {
    ListRequest { sender: id_of(0), receiver: SCRIPT }.into()
}

fn whole_table_request() -> EnrpMessage {
    HandleTableRequest { sender: id_of(0), receiver: SCRIPT, own_children_only: false }.into()
}

fn own_table_request() -> EnrpMessage {
    HandleTableRequest { sender: id_of(0), receiver: SCRIPT, own_children_only: true }.into()
}

// Identifiers, PRESENCE

#[test]
fn enrp_009_022_023_the_identifier_is_random_not_zero_and_stays() {
    let settings = RegistrarConfig { id: RegistrarId(0), ..config(0, &[]) };
    let mut ids = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut registrar = Registrar::new(settings.clone(), seed, Time::ZERO);
        let id = registrar.id();
        assert_ne!(id, RegistrarId(0));
        registrar.handle(Time::from_secs(1000), Event::Timeout, &mut Vec::new());
        assert_eq!(registrar.id(), id);
        ids.insert(id);
    }
    assert_eq!(ids.len(), 100);
}

#[test]
fn enrp_005_006_074_075_103_the_heartbeat_is_for_everybody_with_checksum_and_without_reply_required() {
    let (mut net, _) = with_script(config(0, &[]));
    net.element("pool", 7, 0);
    net.run(29 * SECOND);
    net.got.clear();
    net.run(60 * SECOND);
    let heartbeats: Vec<_> =
        presences(&net.take_got()).into_iter().filter(|presence| !presence.reply_required).collect();
    assert_eq!(heartbeats.len(), 2, "every 30 s");
    for heartbeat in heartbeats {
        assert_eq!((heartbeat.sender, heartbeat.receiver), (id_of(0), RegistrarId(0)));
        assert_eq!(heartbeat.checksum, Some(checksum_of(&[("pool", 7)])));
    }
}

#[test]
fn enrp_008_the_answer_to_a_presence_says_how_the_registrar_is_reached() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, script_presence(true, None));
    let answers = presences(&net.take_got());
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].receiver, answers[0].reply_required), (SCRIPT, false));
    let information = ServerInformation { id: id_of(0), transport: sctp(registrar_ip(0), PORT_ENRP) };
    assert_eq!(answers[0].server_information.as_ref(), Some(&information));
}

#[test]
fn enrp_007_a_presence_without_checksum_and_server_information_is_one() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    let association = net.script_connects(0);
    net.script_sends(association, Presence { server_information: None, ..script_presence(false, None) });
    assert_eq!(net.registrar(0).peers().count(), 1);
}

// Start

#[test]
fn enrp_026_a_registrar_without_peers_serves_at_once() {
    assert!(Registrar::new(config(0, &[]), 1, Time::ZERO).is_ready());
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

// Being a mentor

#[test]
fn enrp_012_013_036_to_040_the_table_comes_in_pages_with_the_m_bit_on_all_but_the_last() {
    let (mut net, association) = with_script(RegistrarConfig { max_handle_table_page: 6000, ..config(0, &[]) });
    for number in 0..200 {
        net.element(&format!("pool {}", number % 7), number + 1, 0);
    }
    for own in [false, true] {
        net.got.clear();
        let mut found = std::collections::BTreeSet::new();
        for page in 1.. {
            net.script_sends(association, table_request(own));
            let response = tables(&net.take_got()).pop().expect("an answer");
            assert!(!response.reject && !response.entries.is_empty());
            for entry in &response.entries {
                assert!(!entry.pool_elements.is_empty());
                found.extend(entry.pool_elements.iter().map(|element| element.id));
                assert!(entry.pool_elements.iter().all(|element| element.asap_transport.is_some()));
            }
            let mut bytes = Vec::new();
            response.encode(&mut bytes).unwrap();
            assert!(bytes.len() <= 6000, "{} bytes", bytes.len());
            if !response.more {
                assert!(page >= 3);
                break;
            }
        }
        assert_eq!(found.len(), 200);
    }
}

#[test]
fn a_download_survives_the_removal_of_every_element_that_it_could_stop_at() {
    let (mut net, association) = with_script(RegistrarConfig { max_handle_table_page: 5200, ..config(0, &[]) });
    for number in 0..200 {
        net.element("pool", number + 1, 0);
    }
    net.script_sends(association, table_request(true));
    let first = tables(&net.take_got()).pop().unwrap();
    let sent = first.entries[0].pool_elements.len();
    // The cursor is behind these: remove elements around it, and register others in their places.
    for number in sent - 2..sent + 3 {
        net.deregister(number);
    }
    net.run(millis(10));
    for number in 300..303 {
        net.element("other", number, 0);
    }
    let mut found: std::collections::BTreeSet<_> =
        first.entries[0].pool_elements.iter().map(|element| element.id.0).collect();
    loop {
        net.script_sends(association, table_request(true));
        let page = tables(&net.take_got()).pop().unwrap();
        found.extend(page.entries.iter().flat_map(|entry| &entry.pool_elements).map(|element| element.id.0));
        if !page.more {
            break;
        }
    }
    for number in (0..200).filter(|number| !(sent - 2..sent + 3).contains(number)) {
        assert!(found.contains(&net.elements[number].id), "element {number} was there all the time");
    }
}

#[test]
fn enrp_113_the_w_bit_asks_for_the_elements_of_the_registrar_alone() {
    let mut net = Net::of(2, config);
    net.element("pool", 1, 0);
    net.element("pool", 2, 1);
    let association = net.script_joins(0);
    net.script_sends(association, table_request(true));
    let own = tables(&net.take_got()).pop().unwrap();
    assert_eq!(own.entries.len(), 1);
    assert_eq!(own.entries[0].pool_elements.iter().map(|element| element.id.0).collect::<Vec<_>>(), [1]);
    net.script_sends(association, table_request(false));
    let all = tables(&net.take_got()).pop().unwrap();
    assert_eq!(all.entries[0].pool_elements.len(), 2);
}

#[test]
fn enrp_049_too_many_downloads_are_rejected() {
    let settings = RegistrarConfig { max_handle_table_page: 5200, max_handle_table_sessions: 1, ..config(0, &[]) };
    let (mut net, association) = with_script(settings);
    for number in 0..100 {
        net.element("pool", number + 1, 0);
    }
    net.script_sends(association, table_request(false));
    assert!(tables(&net.take_got())[0].more);
    net.script_sends(association, table_request(true));
    let rejected = tables(&net.take_got()).pop().unwrap();
    assert!(rejected.reject && rejected.entries.is_empty() && !rejected.more);
}

#[test]
fn enrp_053_054_a_download_that_is_not_continued_is_forgotten() {
    let settings = RegistrarConfig { max_handle_table_page: 5200, ..config(0, &[]) };
    let (mut net, association) = with_script(settings);
    for number in 0..100 {
        net.element("pool", number + 1, 0);
    }
    net.script_sends(association, table_request(false));
    let first = tables(&net.take_got()).pop().unwrap();
    net.run(6 * SECOND);
    net.got.clear();
    net.script_sends(association, table_request(false));
    assert_eq!(tables(&net.take_got()).pop().unwrap(), first, "from the beginning");
}

#[test]
fn an_observer_gets_the_table_and_does_not_become_a_peer() {
    let mut net = Net::default();
    net.script_answers = false;
    net.start(config(0, &[]));
    net.element("pool", 7, 0);
    let association = net.script_connects(0);
    net.script_sends(association, table_request(false));
    assert_eq!(tables(&net.take_got()).pop().unwrap().entries.len(), 1);
    net.run(200 * SECOND);
    assert_eq!(net.registrar(0).peers().count(), 0);
    assert!(updates(&net.take_got()).is_empty());
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
}

// Updates

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

// Peers

#[test]
fn enrp_071_072_073_whoever_sends_any_message_is_asked_for_its_presence_and_is_a_peer_then() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    let association = net.script_connects(0);
    assert!(net.take_got().is_empty());
    net.script_sends(association, ListRequest { sender: SCRIPT, receiver: id_of(0) });
    let asked = presences(&net.take_got());
    assert_eq!(asked.len(), 1);
    assert!(asked[0].reply_required);
    assert_eq!(
        net.registrar(0).peers().map(|peer| (peer.id, peer.state)).collect::<Vec<_>>(),
        [(SCRIPT, PeerState::Active)]
    );
}

#[test]
fn enrp_076_077_any_message_of_a_peer_counts_as_a_sign_of_life() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_answers = false;
    for _ in 0..5 {
        net.run(40 * SECOND);
        net.script_sends(association, removal("pool", element_of_script(3)));
        let peer = net.registrar(0).peers().next().expect("alive");
        assert_eq!(peer.state, PeerState::Active);
        assert!(net.now.saturating_since(peer.last_heard) < millis(10));
    }
    assert!(presences(&net.take_got()).iter().all(|presence| !presence.reply_required), "nobody was suspected");
}

#[test]
fn enrp_078_079_080_a_silent_peer_is_asked_and_then_dead() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.script_answers = false;
    let heard = net.now;
    net.got.clear();
    let asks = |net: &Net| {
        net.got
            .iter()
            .any(|(_, message)| matches!(message, EnrpMessage::Presence(Presence { reply_required: true, .. })))
    };
    net.run_until(70 * SECOND, asks);
    let after = net.now.saturating_since(heard);
    assert!(after >= 60 * SECOND && after <= 62 * SECOND, "MAX-TIME-LAST-HEARD: {after:?}");
    assert_eq!(net.registrar(0).peers().next().unwrap().state, PeerState::Suspected);
    net.run(millis(4900));
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
    net.run(millis(200));
    assert_eq!(net.registrar(0).statistics().takeovers_started, 1, "MAX-TIME-NO-RESPONSE");
}

#[test]
fn enrp_079_a_peer_that_answers_is_alive() {
    let (mut net, _) = with_script(config(0, &[]));
    net.run(600 * SECOND);
    assert_eq!(net.registrar(0).peers().next().unwrap().state, PeerState::Active);
}

#[test]
fn enrp_079_a_peer_that_cannot_be_reached_any_more_is_dead_at_once() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.script_listens = false;
    net.script_leaves(association);
    net.run(millis(10));
    assert_eq!(net.registrar(0).peers().count(), 0);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
}

#[test]
fn a_dead_peer_without_elements_is_dropped_without_a_takeover() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_listens = false;
    net.script_leaves(association);
    net.run(millis(10));
    assert_eq!(net.registrar(0).peers().count(), 0);
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
}

#[test]
fn a_datagram_only_makes_the_registrar_look_for_its_sender() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    net.script_listens = false;
    net.datagram(script_ip(), script_presence(false, Some(0x1234)));
    net.run(100 * SECOND);
    assert_eq!(net.registrar(0).peers().count(), 0);
    net.script_listens = true;
    net.datagram(script_ip(), script_presence(false, Some(0x1234)));
    net.run(SECOND);
    assert_eq!(net.registrar(0).peers().count(), 1);
    assert_eq!(net.registrar(0).statistics().audits, 0);
}

// Takeover

/// Registrars 0 and 1 and the scripted one, which is home of an element.
fn with_target(config: impl Fn(usize, &[usize]) -> RegistrarConfig) -> (Net, [u64; 2]) {
    let mut net = Net::of(2, config);
    let associations = [net.script_joins(0), net.script_joins(1)];
    for association in associations {
        net.script_sends(association, addition("pool", element_of_script(1)));
    }
    net.script_checksum = Some(checksum_of(&[("pool", 1)]));
    net.script_answers = false;
    net.got.clear();
    (net, associations)
}

#[test]
fn enrp_081_082_083_085_086_093_the_target_can_stop_the_takeover_at_any_point() {
    let (mut net, associations) = with_target(config);
    net.cut_registrars(&[0], &[1]); // so that the arbitration lasts
    let init = |net: &Net| net.got.iter().any(|(_, message)| matches!(message, EnrpMessage::InitTakeover(_)));
    net.run_until(70 * SECOND, init);
    let got = net.take_got();
    let message = got.iter().find(|message| matches!(message, EnrpMessage::InitTakeover(_))).unwrap();
    let EnrpMessage::InitTakeover(message) = message else { unreachable!() };
    assert_eq!((message.receiver, message.target), (RegistrarId(0), SCRIPT));
    let initiator = if message.sender == id_of(0) { 0 } else { 1 };
    if net.registrar(initiator).peers().any(|peer| peer.id == SCRIPT) {
        net.script_sends(associations[initiator], script_presence(false, net.script_checksum));
        let state = net.registrar(initiator).peers().find(|peer| peer.id == SCRIPT).unwrap().state;
        assert_eq!(state, PeerState::Active);
    }
}

#[test]
fn enrp_085_a_registrar_that_is_taken_for_dead_objects_to_everybody() {
    let mut net = Net::of(2, config);
    let association = net.script_joins(0);
    let init = InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(0) };
    let heard = |net: &Net| net.registrar(1).peers().find(|peer| peer.id == id_of(0)).unwrap().last_heard;
    let before = net.now;
    net.script_sends(association, init);
    assert_eq!(presences(&net.take_got()).len(), 1);
    assert!(heard(&net) >= before);
}

#[test]
fn enrp_084_091_an_uninvolved_peer_stops_watching_the_target_and_acknowledges() {
    let mut net = Net::of(2, config);
    net.element("pool", 7, 1);
    let association = net.script_joins(0);
    let init = InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) };
    net.script_sends(association, init);
    let ack = InitTakeoverAck { sender: id_of(0), receiver: SCRIPT, target: id_of(1) };
    assert!(has(&net.take_got(), &ack.into()));
    assert_eq!(net.state(1, 0), Some(PeerState::NotActive));
    // The target's PRESENCE makes it active again.
    net.run(31 * SECOND);
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
    // For a target that nobody knows: nothing to object.
    let init = InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: RegistrarId(0x999) };
    net.script_sends(association, init);
    let ack = InitTakeoverAck { sender: id_of(0), receiver: SCRIPT, target: RegistrarId(0x999) };
    assert!(has(&net.take_got(), &ack.into()));
}

/// Registrar 0 (with this identifier) wants to take over registrar 1, and waits for the scripted registrar.
fn arbitrating(id: RegistrarId, rsplib_compatibility: bool) -> (Net, u64) {
    let mut net = Net::default();
    net.start(RegistrarConfig { id, rsplib_compatibility, ..config(0, &[]) });
    net.start(config(1, &[0]));
    net.run(SECOND);
    net.element("pool", 7, 1);
    let association = net.script_joins(0);
    net.crash(1);
    net.run(millis(10));
    let init = InitTakeover { sender: id, receiver: RegistrarId(0), target: id_of(1) };
    assert!(has(&net.take_got(), &init.into()));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
    (net, association)
}

#[test]
fn enrp_087_088_089_the_smaller_identifier_gives_way_and_acknowledges() {
    let (mut net, association) = arbitrating(RegistrarId(0x11), false);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    let ack = InitTakeoverAck { sender: RegistrarId(0x11), receiver: SCRIPT, target: id_of(1) };
    assert!(has(&net.take_got(), &ack.into()));
    assert_eq!(net.state(1, 0), Some(PeerState::NotActive));
    net.script_sends(association, TakeoverServer { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert_eq!(net.state(1, 0), None);
    assert_eq!(net.home_at(0, "pool", 7), Some(SCRIPT));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
}

#[test]
fn enrp_090_092_the_greater_identifier_ignores_the_other_and_completes_when_all_have_acknowledged() {
    let (mut net, association) = arbitrating(RegistrarId(0x9999), false);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert!(net.take_got().iter().all(|message| !matches!(message, EnrpMessage::InitTakeoverAck(_))));
    let receiver = RegistrarId(0x9999);
    net.script_sends(association, InitTakeoverAck { sender: SCRIPT, receiver, target: id_of(1) });
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
    net.run(SECOND);
    assert_eq!(net.true_home(0), Some(0));
}

#[test]
fn with_rsplib_the_lower_identifier_wins() {
    let (mut net, association) = arbitrating(RegistrarId(0x11), true);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert!(net.take_got().iter().all(|message| !matches!(message, EnrpMessage::InitTakeoverAck(_))));
    let (mut net, association) = arbitrating(RegistrarId(0x9999), true);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert!(net.take_got().iter().any(|message| matches!(message, EnrpMessage::InitTakeoverAck(_))));
}

#[test]
fn with_rsplib_elements_that_it_cannot_parse_are_not_taken_from_others() {
    let loopback = |port| sctp("127.0.0.1".parse().unwrap(), port);
    let bad = PoolElement { asap_transport: Some(loopback(4000)), ..element_of_script(1) };
    for rsplib_compatibility in [false, true] {
        let (mut net, association) = with_script(RegistrarConfig { rsplib_compatibility, ..config(0, &[]) });
        net.script_sends(association, addition("pool", bad.clone()));
        net.script_sends(association, addition("pool", element_of_script(2)));
        let known: Vec<u32> = net.view(0).keys().map(|(_, id)| *id).collect();
        assert_eq!(known, if rsplib_compatibility { vec![2] } else { vec![1, 2] });
    }
}

#[test]
fn enrp_092_without_any_other_peer_the_takeover_is_complete_at_once() {
    let mut net = Net::of(2, config);
    net.element("pool", 7, 1);
    net.crash(1);
    net.run(millis(10));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
    net.run(SECOND);
    net.assert_converged();
}

#[test]
fn a_peer_that_never_acknowledges_holds_up_a_takeover_for_two_expiries() {
    let (mut net, _) = arbitrating(RegistrarId(0x9999), false);
    net.run(millis(9500));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
    net.run(SECOND);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
}

#[test]
fn whoever_gave_way_tries_again_when_the_other_does_not_complete() {
    let (mut net, association) = arbitrating(RegistrarId(0x11), false);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    net.run(40 * SECOND);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
    net.run(SECOND);
    assert_eq!(net.true_home(0), Some(0));
}

#[test]
fn enrp_094_to_098_the_winner_says_so_first_then_owns_the_elements_and_asks_each_to_adopt_it() {
    let (mut net, association) = arbitrating(RegistrarId(0x9999), false);
    let receiver = RegistrarId(0x9999);
    net.keep_alives.clear();
    net.script_sends(association, InitTakeoverAck { sender: SCRIPT, receiver, target: id_of(1) });
    let got = net.take_got();
    let taken = TakeoverServer { sender: receiver, receiver: RegistrarId(0), target: id_of(1) };
    assert_eq!(got.iter().find(|message| !matches!(message, EnrpMessage::Presence(_))), Some(&taken.into()));
    assert_eq!(net.state(1, 0), None, "off the peer list");
    assert_eq!(net.home_at(0, "pool", 7), Some(receiver));
    net.run(millis(20));
    let (element, asked) = &net.keep_alives[0];
    assert_eq!((*element, asked.home, asked.registrar_id), (0, true, receiver));
    let told = updates(&net.take_got());
    assert!(told.iter().any(|update| update.pool_element.home_registrar == receiver), "HANDLE_UPDATE as well");
    assert_eq!(net.true_home(0), Some(0));
}

#[test]
fn enrp_099_100_a_peer_takes_the_winner_as_home_of_the_targets_elements() {
    let mut net = Net::of(2, config);
    net.element("pool", 7, 1);
    let association = net.script_joins(0);
    net.cut_registrars(&[0], &[1]);
    net.script_sends(association, TakeoverServer { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert_eq!(net.state(1, 0), None);
    assert_eq!(net.home_at(0, "pool", 7), Some(SCRIPT));
}

#[test]
fn a_living_registrar_that_was_taken_over_keeps_what_is_registered_with_it_and_says_that_it_lives() {
    let (mut net, association) = with_script(config(0, &[]));
    net.element("pool", 7, 0);
    net.got.clear();
    net.script_sends(association, TakeoverServer { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(0) });
    assert_eq!(presences(&net.take_got()).len(), 1);
    assert_eq!(net.home_at(0, "pool", 7), Some(id_of(0)));
}

#[test]
fn elements_of_a_registrar_that_nobody_knows_get_a_home() {
    let mut net = Net::of(2, config);
    let element = net.add_element("pool", 7, Policy::RoundRobin);
    let association = net.script_joins(0);
    let orphan = PoolElement {
        home_registrar: RegistrarId(0xdead),
        asap_transport: Some(sctp(element_ip(element), 40_000)),
        ..net.pool_element(element)
    };
    net.script_sends(association, addition("pool", orphan));
    net.run(200 * SECOND);
    assert_eq!(net.true_home(element), Some(0));
    net.assert_converged();
}

// Audit

#[test]
fn enrp_101_to_105_110_to_117_a_checksum_that_differs_makes_the_registrar_download_the_peers_elements() {
    let (mut net, association) = with_script(config(0, &[]));
    for id in 1..4 {
        net.script_sends(association, addition("pool", element_of_script(id)));
    }
    net.run(5 * SECOND);
    net.got.clear();
    let expected = checksum_of(&[("pool", 2), ("pool", 3), ("pool", 4)]);
    net.script_sends(association, script_presence(false, Some(checksum_of(&[("pool", 1), ("pool", 2), ("pool", 3)]))));
    assert!(!has(&net.take_got(), &own_table_request()), "equal");
    net.script_sends(association, script_presence(false, Some(expected)));
    assert!(has(&net.take_got(), &own_table_request()));
    let replaced = PoolElement { registration_life: RegistrationLife(77), ..element_of_script(2) };
    net.script_sends(association, table(true, vec![("pool", vec![replaced.clone(), element_of_script(3)])]));
    assert_eq!(net.take_got(), [own_table_request()], "M bit: the next page");
    assert_eq!(net.view(0).len(), 3, "nothing is removed before the last page");
    net.script_sends(association, table(false, vec![("pool", vec![element_of_script(4)])]));
    assert_eq!(net.view(0).keys().map(|(_, id)| *id).collect::<Vec<_>>(), [2, 3, 4]);
    let handlespace = net.registrar(0).handlespace();
    let index = handlespace.find(&PoolHandle::from("pool"), PoolElementId(2)).unwrap();
    assert_eq!(handlespace.element(index).unwrap().pool_element(), replaced);
    assert_eq!(handlespace.checksum_of_owner(SCRIPT).value(), expected, "ENRP-109");
    net.script_sends(association, script_presence(false, Some(expected)));
    assert!(!has(&net.take_got(), &own_table_request()));
}

#[test]
fn an_audit_without_an_answer_or_with_a_rejection_is_tried_again_and_removes_nothing() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.run(5 * SECOND);
    for reject in [false, true] {
        net.got.clear();
        net.script_sends(association, script_presence(false, Some(0x1111)));
        assert!(has(&net.take_got(), &own_table_request()));
        if reject {
            net.script_sends(association, rejected_table());
        }
        net.run(3 * SECOND);
        net.script_sends(association, script_presence(false, Some(0x1111)));
        assert!(!has(&net.take_got(), &own_table_request()), "one at a time");
        net.script_checksum = Some(0x1111);
        net.run(20 * SECOND);
        assert!(has(&net.take_got(), &own_table_request()), "the peer has been asked for its checksum again");
        assert_eq!(net.view(0).len(), 1);
        net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
        net.script_checksum = Some(checksum_of(&[("pool", 1)]));
        net.script_sends(association, script_presence(false, net.script_checksum));
        net.run(700 * SECOND);
    }
}

#[test]
fn a_table_that_nobody_asked_for_is_ignored() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
    assert_eq!(net.view(0).len(), 0);
}

#[test]
fn what_is_heard_of_an_element_during_the_audit_is_newer_than_the_table() {
    let mut net = Net::of(2, config);
    let association = net.script_joins(0);
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.run(5 * SECOND);
    net.script_sends(association, script_presence(false, Some(0x1111)));
    // It registers with registrar 1, while the page that still has it is under way.
    let element = net.add_element("pool", 1, Policy::RoundRobin);
    net.register_at(element, 1);
    net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
    assert_eq!(net.home_at(0, "pool", 1), Some(id_of(1)));
}

#[test]
fn audits_that_do_not_help_become_rare() {
    let (mut net, _) = with_script(fast(0, &[]));
    net.script_checksum = Some(0x2222);
    net.script_answers = true;
    for _ in 0..600 {
        net.run(millis(100));
        let asked: Vec<_> = net.got.drain(..).filter(|(_, message)| *message == own_table_request()).collect();
        let association = net.script_association().expect("it is connected");
        if asked.is_empty() {
            net.script_sends(association, script_presence(false, Some(0x2222)));
        } else {
            net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
        }
    }
    let audits = net.registrar(0).statistics().audits;
    assert!((3..12).contains(&audits), "{audits} in a minute");
}

// Errors

#[test]
fn enrp_118_119_unknown_parameters_and_messages_are_reported_as_rfc_5354_wants_it() {
    let (mut net, association) = with_script(config(0, &[]));
    // LIST_REQUEST with a parameter to be skipped and reported.
    let bytes = [&[5, 0, 0, 20][..], &SCRIPT.0.to_be_bytes(), &[0; 4], &[0xc1, 0x23, 0, 8, 1, 2, 3, 4]].concat();
    net.script_sends_bytes(association, bytes);
    let got = net.take_got();
    let EnrpMessage::Error(error) = &got[0] else { panic!("{got:?}") };
    assert_eq!((error.sender, error.receiver), (id_of(0), SCRIPT));
    assert_eq!(error.error.causes[0].cause, Cause::UnrecognizedParameter);
    assert_eq!(error.error.causes[0].info, [0xc1, 0x23, 0, 8, 1, 2, 3, 4]);
    assert!(matches!(got[1], EnrpMessage::ListResponse(_)), "and the message is used");
    // A message type to be reported, and one not to be.
    net.script_sends_bytes(association, [&[0x4f, 0, 0, 12][..], &SCRIPT.0.to_be_bytes(), &[0; 4]].concat());
    let got = net.take_got();
    let EnrpMessage::Error(error) = &got[0] else { panic!("{got:?}") };
    assert_eq!(error.error.causes[0].cause, Cause::UnrecognizedMessage);
    net.script_sends_bytes(association, [&[0x2f, 0, 0, 12][..], &SCRIPT.0.to_be_bytes(), &[0; 4]].concat());
    assert!(net.take_got().is_empty());
}

#[test]
fn messages_for_somebody_else_from_nobody_or_from_our_own_identifier_are_not_used() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, ListRequest { sender: SCRIPT, receiver: RegistrarId(0x777) });
    net.script_sends(association, ListRequest { sender: RegistrarId(0), receiver: id_of(0) });
    net.script_sends(association, ListRequest { sender: RegistrarId(0x778), receiver: id_of(0) });
    assert!(net.take_got().is_empty());
    net.script_sends(association, ListRequest { sender: id_of(0), receiver: id_of(0) });
    assert_ne!(net.script_association(), Some(association), "aborted");
}

// Settings

#[test]
fn enrp_120_121_122_the_defaults_are_those_of_the_rfc() {
    let config = RegistrarConfig::default();
    assert_eq!(config.peer_heartbeat_cycle, 30 * SECOND);
    assert_eq!(config.max_time_last_heard, 61 * SECOND);
    assert_eq!(config.max_time_no_response, 5 * SECOND);
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_reason() {
    assert_eq!(RegistrarConfig::default().validate(), Ok(()));
    assert_eq!(RegistrarConfig::fast().validate(), Ok(()));
    type Change = fn(&mut RegistrarConfig);
    let wrong: [(Change, &str); 9] = [
        (|c| c.max_time_last_heard = 59 * SECOND, "two peer heartbeat cycles"),
        (|c| c.max_time_no_response = Duration::ZERO, "maximum time without response"),
        (|c| c.keep_alive_timeout = Duration::ZERO, "keep-alive timeout"),
        (|c| c.peer_reconnect_max = millis(1), "pause before a reconnect"),
        (|c| c.max_handle_table_page = 100, "page of the handle table"),
        (|c| c.max_handle_table_page = 70_000, "page of the handle table"),
        (|c| c.max_peers = 0, "other registrars"),
        (|c| c.peers = vec![address(1); 300], "300 other registrars"),
        (|c| c.max_items_default = 2000, "limit of 1024"),
    ];
    for (change, reason) in wrong {
        let mut config = RegistrarConfig::default();
        change(&mut config);
        let error = config.validate().expect_err(reason);
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn three_registrars_started_together_become_ready_and_agree() {
    let mut net = Net::of(3, config);
    for number in 0..9 {
        net.element("pool", number + 1, number as usize % 3);
    }
    net.run(SECOND);
    net.assert_converged();
}

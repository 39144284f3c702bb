//! What RFC 5353 demands of a registrar, clause by clause, in virtual time.

mod audit;
mod errors;
mod mentor;
mod peers;
mod presence;
mod settings;
mod start;
mod takeover;
mod updates;

use crate::support::enrp::*;
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

fn script_address() -> rserpool::association::PeerAddress {
    rserpool::association::PeerAddress::new(script_ip(), PORT_ENRP)
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

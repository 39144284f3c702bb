//! What rsplib cannot bear: in no capture there may be any of it, whoever sent it.

use crate::captures::Row;

const ASAP_REGISTRATION: u32 = 1;
const ASAP_REGISTRATION_RESPONSE: u32 = 3;
const ASAP_HANDLE_RESOLUTION: u32 = 5;
const ASAP_HANDLE_RESOLUTION_RESPONSE: u32 = 6;
const ASAP_ENDPOINT_KEEP_ALIVE: u32 = 7;
const ASAP_BUSINESS_CARD: u32 = 13;
const ENRP_PRESENCE: u32 = 1;
const ENRP_HANDLE_TABLE_RESPONSE: u32 = 3;
const ENRP_HANDLE_UPDATE: u32 = 4;
const PORT_ENRP: u32 = 9901;

const DCCP_TRANSPORT: u32 = 0x03;
const UDP_LITE_TRANSPORT: u32 = 0x07;
const SERVER_INFORMATION: u32 = 0x0b;
const PE_CHECKSUM: u32 = 0x0f;
const OPAQUE_TRANSPORT: u32 = 0x10;
/// rsplib's own, the only extension that it knows.
const HANDLE_RESOLUTION_OPTION: u32 = 0x803f;
/// Our own, the first one of a registration, and without padding.
const LIFE_IN_SECONDS: u32 = 0xc03f;
/// Parameter types from here on are skipped where they are unknown, by rsplib without their padding.
const SKIPPED_IF_UNKNOWN: u32 = 0x8000;
/// The flag of a resolution that asks for updates (RFC 5352 section 2.2.5).
const SUBSCRIBE: u32 = 1;

/// rsplib ends the process when it receives a longer one.
const MAX_HANDLE: usize = 32;
/// A life in seconds, which rsplib reads as milliseconds: the element is gone at once.
const SHORTEST_LIFE: u32 = 1_000;

/// What one packet has.
pub fn of_packet(row: &Row) -> Vec<String> {
    let mut found = Vec::new();
    let mut quirk = |is_there: bool, what: &str| {
        if is_there {
            found.push(what.to_owned());
        }
    };
    let (asap, enrp) = (row.numbers("asap.message_type"), row.numbers("enrp.message_type"));
    let no_errors = row.numbers("asap.cause_code").is_empty();
    let missing = |field: &str| row.text(field).is_empty();

    let handles = ["asap.pool_handle_pool_handle", "enrp.pool_handle_pool_handle"].map(|field| row.text(field));
    let too_long = handles.iter().flat_map(|all| all.split(',')).any(|hex| hex.len() > 2 * MAX_HANDLE);
    quirk(too_long, "a pool handle of more than 32 bytes: rsplib aborts");
    quirk(
        asap.contains(&ASAP_HANDLE_RESOLUTION_RESPONSE)
            && no_errors
            && missing("asap.pool_member_selection_policy_type"),
        "a resolution response without policy",
    );
    quirk(
        asap.contains(&ASAP_ENDPOINT_KEEP_ALIVE) && missing("asap.pe_identifier"),
        "a keep-alive that does not name the element",
    );
    quirk(asap.contains(&ASAP_BUSINESS_CARD), "a business card, which rsplib cannot parse");
    quirk(row.numbers("enrp.sender_servers_id").contains(&0), "an ENRP message of registrar 0");

    let parameters = [row.numbers("asap.parameter_type"), row.numbers("enrp.parameter_type")].concat();
    let has = |kind: u32| parameters.contains(&kind);
    quirk(
        [DCCP_TRANSPORT, UDP_LITE_TRANSPORT, OPAQUE_TRANSPORT].into_iter().any(has),
        "a transport for which rsplib drops the message",
    );
    let known = [HANDLE_RESOLUTION_OPTION, LIFE_IN_SECONDS];
    let unknown = |kind: &u32| *kind >= SKIPPED_IF_UNKNOWN && !known.contains(kind);
    quirk(parameters.iter().any(unknown), "an extension, which rsplib skips without its padding");

    if enrp.contains(&ENRP_PRESENCE) {
        quirk(!has(PE_CHECKSUM) || !has(SERVER_INFORMATION), "a PRESENCE without checksum or server information");
        let ports = row.numbers("sctp.srcport");
        quirk(!ports.is_empty() && !ports.contains(&PORT_ENRP), "a PRESENCE from a port where nobody listens");
    }
    quirk(row.numbers("enrp.pool_element_home_enrp_server_identifier").contains(&0), "an element without home in ENRP");
    let lives = row.numbers("enrp.pool_element_registration_life");
    quirk(lives.into_iter().any(|life| life < SHORTEST_LIFE), "a registration life in seconds");
    found.extend(of_tables(row, &enrp));
    found
}

/// Elements in ENRP have a policy and two transports, theirs and ASAP's; a pool has elements. After a page of the handle table
/// that is otherwise, rsplib never audits the sender again.
fn of_tables(row: &Row, enrp: &[u32]) -> Option<String> {
    let is_table = |kind: &u32| [ENRP_HANDLE_TABLE_RESPONSE, ENRP_HANDLE_UPDATE].contains(kind);
    if enrp.is_empty() || !enrp.iter().all(is_table) {
        return None;
    }
    let count = |field: &str| row.numbers(field).len();
    let elements = count("enrp.pool_element_pe_identifier");
    let transports: usize =
        ["enrp.sctp_transport_port", "enrp.tcp_transport_port", "enrp.udp_transport_port"].map(count).iter().sum();
    let pools = row.text("enrp.pool_handle_pool_handle").split(',').filter(|handle| !handle.is_empty()).count();
    let policies = count("enrp.pool_member_selection_policy_type");
    let sound = transports == 2 * elements && policies == elements && pools <= elements;
    let what =
        || format!("{pools} pools with {elements} elements, {policies} policies, {transports} transports in ENRP");
    (!sound).then(what)
}

/// What packets have together.
pub fn of_all(rows: &[Row]) -> Vec<String> {
    unwanted_answers(rows).into_iter().chain(lives_in_seconds(rows)).collect()
}

/// Lives in seconds, registered where nobody has shown that he reads seconds.
fn lives_in_seconds(rows: &[Row]) -> Option<String> {
    let is = |row: &Row, kind: u32| row.numbers("asap.message_type").contains(&kind);
    let mut readers: Vec<&str> = Vec::new();
    for row in rows {
        if is(row, ASAP_REGISTRATION_RESPONSE) && row.numbers("asap.parameter_type").contains(&LIFE_IN_SECONDS) {
            readers.push(row.text("ip.src"));
        }
        let lives = row.numbers("asap.pool_element_registration_life");
        let short = is(row, ASAP_REGISTRATION) && lives.into_iter().any(|life| life < SHORTEST_LIFE);
        if short && !readers.contains(&row.text("ip.dst")) {
            return Some(format!("a registration life in seconds for {}", row.text("ip.dst")));
        }
    }
    None
}

/// Answers that nobody asked for, which rsplib takes for those to its next questions.
fn unwanted_answers(rows: &[Row]) -> Option<String> {
    let count = |kind: u32| -> usize {
        rows.iter().map(|row| row.numbers("asap.message_type").iter().filter(|seen| **seen == kind).count()).sum()
    };
    let subscribes = |row: &Row| {
        row.numbers("asap.message_type").contains(&ASAP_HANDLE_RESOLUTION)
            && row.numbers("asap.message_flags").iter().any(|flags| flags & SUBSCRIBE != 0)
    };
    let (questions, answers) = (count(ASAP_HANDLE_RESOLUTION), count(ASAP_HANDLE_RESOLUTION_RESPONSE));
    let pushed = answers > questions && !rows.iter().any(subscribes);
    pushed.then(|| format!("{answers} resolution responses to {questions} questions"))
}

//! tshark, an independent decoder, finds nothing wrong with any message that we encode, and sees what we meant.
//!
//! What tshark cannot judge: it knows no Opaque transport (shown as an unknown parameter, and checked as such) and not
//! the values of all private policies (their types are checked).

use crate::catalog::{self, Any};
use crate::pcap;
use rserpool::message::{AsapMessage, EnrpMessage, enrp};
use rserpool::wire::{OperationalError, PPID_ASAP, PPID_ENRP, Policy, PoolElement, TransportParameter};
use std::path::PathBuf;
use std::process::Command;

const INSTALL: &str = "sudo apt-get install --no-install-recommends -y tshark";

/// Columns that say whether tshark is content.
const JUDGEMENT: [&str; 3] = ["_ws.malformed", "_ws.expert.severity", "_ws.expert.message"];

/// Columns by the name that ASAP and ENRP have in common, and whether ASAP or ENRP has it.
const FIELDS: [(&str, bool, bool); 22] = [
    ("message_type", true, true),
    ("message_flags", true, true),
    ("parameter_type", true, true),
    ("pool_handle_pool_handle", true, true),
    ("pool_element_pe_identifier", true, true),
    ("pool_element_home_enrp_server_identifier", true, true),
    ("pool_element_registration_life", true, true),
    ("pool_member_selection_policy_type", true, true),
    ("pool_member_selection_policy_weight", true, true),
    ("pool_member_selection_policy_priority", true, true),
    ("sctp_transport_port", true, true),
    ("dccp_transport_port", true, true),
    ("ipv4_address", true, true),
    ("ipv6_address", true, true),
    ("cause_code", true, true),
    ("cookie", true, false),
    ("pe_identifier", true, false),
    ("hropt_items", true, false),
    ("server_identifier", true, false),
    ("pe_checksum", false, true),
    ("target_servers_id", false, true),
    ("update_action", false, true),
];

/// Message names of RFC 5352 figure 1 and RFC 5353 section 2, in the order of their types from 1.
const ASAP_NAMES: [&str; 14] = [
    "ASAP_REGISTRATION",
    "ASAP_DEREGISTRATION",
    "ASAP_REGISTRATION_RESPONSE",
    "ASAP_DEREGISTRATION_RESPONSE",
    "ASAP_HANDLE_RESOLUTION",
    "ASAP_HANDLE_RESOLUTION_RESPONSE",
    "ASAP_ENDPOINT_KEEP_ALIVE",
    "ASAP_ENDPOINT_KEEP_ALIVE_ACK",
    "ASAP_ENDPOINT_UNREACHABLE",
    "ASAP_SERVER_ANNOUNCE",
    "ASAP_COOKIE",
    "ASAP_COOKIE_ECHO",
    "ASAP_BUSINESS_CARD",
    "ASAP_ERROR",
];
const ENRP_NAMES: [&str; 10] = [
    "ENRP_PRESENCE",
    "ENRP_HANDLE_TABLE_REQUEST",
    "ENRP_HANDLE_TABLE_RESPONSE",
    "ENRP_HANDLE_UPDATE",
    "ENRP_LIST_REQUEST",
    "ENRP_LIST_RESPONSE",
    "ENRP_INIT_TAKEOVER",
    "ENRP_INIT_TAKEOVER_ACK",
    "ENRP_TAKEOVER_SERVER",
    "ENRP_ERROR",
];

impl Any {
    fn ppid(&self) -> u32 {
        match self {
            Any::Asap(_) => PPID_ASAP,
            Any::Enrp(_) => PPID_ENRP,
        }
    }
}

/// What tshark printed of one packet.
struct Row<'a> {
    name: &'a str,
    columns: Vec<(String, String)>,
}

impl Row<'_> {
    fn get(&self, column: &str) -> &str {
        let found = self.columns.iter().find(|(name, _)| name == column);
        &found.unwrap_or_else(|| panic!("no column {column}")).1
    }

    #[track_caller]
    fn expect(&self, column: &str, value: impl ToString) {
        assert_eq!(self.get(column), value.to_string(), "{column} of {}", self.name);
    }
}

#[test]
fn tshark_is_content_with_every_message_and_sees_its_values() {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "tshark does not run ({error}): {INSTALL}");
        println!("SKIPPED: tshark does not run ({error}): {INSTALL}");
        return;
    }
    let messages = catalog::messages();
    let encoded: Vec<(u32, Vec<u8>)> = messages.iter().map(|(_, m)| (m.ppid(), m.encode())).collect();
    let capture = pcap::sctp_capture(encoded.iter().map(|(ppid, bytes)| (*ppid, bytes.as_slice())));
    let rows = dissect(&capture, &messages);
    assert_eq!(rows.len(), messages.len());
    for (row, (name, message)) in rows.iter().zip(&messages) {
        for column in JUDGEMENT {
            assert_eq!(row.get(column), "", "{column} of {name}");
        }
        check_type(row, message);
        match message {
            Any::Asap(message) => check_asap(row, message),
            Any::Enrp(message) => check_enrp(row, message),
        }
    }
}

#[test]
fn the_catalog_has_every_message_type() {
    let messages = catalog::messages();
    for name in ASAP_NAMES.iter().chain(&ENRP_NAMES) {
        assert!(messages.iter().any(|(found, _)| found == name), "{name}");
    }
}

/// Has tshark dissect `capture`, a packet for each message.
fn dissect<'a>(capture: &[u8], messages: &'a [(String, Any)]) -> Vec<Row<'a>> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("wire_tshark.pcap");
    std::fs::write(&path, capture).unwrap();
    let mut columns: Vec<String> = JUDGEMENT.iter().map(|&name| name.to_owned()).collect();
    for (name, in_asap, in_enrp) in FIELDS {
        columns.extend(in_asap.then(|| format!("asap.{name}")));
        columns.extend(in_enrp.then(|| format!("enrp.{name}")));
    }
    let mut command = Command::new("tshark");
    command.args(["-n", "-Tfields", "-r"]).arg(&path);
    for column in &columns {
        command.args(["-e", column]);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark failed: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str, name: &'a str| {
        let values = line.split('\t').map(str::to_owned);
        Row { name, columns: columns.iter().cloned().zip(values).collect() }
    };
    text.lines().zip(messages).map(|(line, (name, _))| row(line, name)).collect()
}

/// The type and protocol; the message in an "unrecognized message" cause may follow in the same column.
fn check_type(row: &Row<'_>, message: &Any) {
    let (column, names, other) = match message {
        Any::Asap(_) => ("asap.message_type", ASAP_NAMES.as_slice(), "enrp.message_type"),
        Any::Enrp(_) => ("enrp.message_type", ENRP_NAMES.as_slice(), "asap.message_type"),
    };
    let seen: usize = row.get(column).split(',').next().unwrap().parse().unwrap();
    let name = row.name.split(' ').next().unwrap();
    assert_eq!(names.get(seen - 1), Some(&name));
    row.expect(other, "");
}

fn list(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(",")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn flags(row: &Row<'_>, protocol: &str, set: u8) {
    let column = format!("{protocol}.message_flags");
    assert_eq!(row.get(&column).split(',').next(), Some(format!("{set:#04x}").as_str()), "{}", row.name);
}

fn check_asap(row: &Row<'_>, message: &AsapMessage) {
    let set = match message {
        AsapMessage::RegistrationResponse(m) => m.reject,
        AsapMessage::HandleResolution(m) => m.subscribe,
        AsapMessage::HandleResolutionResponse(m) => m.accept_updates,
        AsapMessage::EndpointKeepAlive(m) => m.home,
        _ => false,
    };
    flags(row, "asap", set.into());
    match message {
        AsapMessage::Registration(m) => {
            row.expect("asap.pool_handle_pool_handle", hex(m.pool_handle.as_bytes()));
            check_elements(row, "asap", &[&m.pool_element]);
            check_policies(row, "asap", std::iter::once(&m.pool_element.policy));
        }
        AsapMessage::Deregistration(m) => row.expect("asap.pe_identifier", m.pool_element_id),
        AsapMessage::RegistrationResponse(m) => check_error(row, "asap", m.error.as_ref()),
        AsapMessage::DeregistrationResponse(m) => check_error(row, "asap", m.error.as_ref()),
        AsapMessage::HandleResolution(m) => {
            row.expect("asap.hropt_items", list(m.items.iter().map(u32::to_string)));
        }
        AsapMessage::HandleResolutionResponse(m) => {
            check_error(row, "asap", m.error.as_ref());
            if m.error.is_none() {
                check_elements(row, "asap", &m.pool_elements.iter().collect::<Vec<_>>());
                check_policies(row, "asap", m.policy.iter().chain(m.pool_elements.iter().map(|e| &e.policy)));
            }
        }
        AsapMessage::EndpointKeepAlive(m) => {
            row.expect("asap.server_identifier", m.registrar_id);
            row.expect("asap.pe_identifier", list(m.pool_element_id.iter().map(ToString::to_string)));
        }
        AsapMessage::EndpointKeepAliveAck(m) => row.expect("asap.pe_identifier", m.pool_element_id),
        AsapMessage::EndpointUnreachable(m) => row.expect("asap.pe_identifier", m.pool_element_id),
        AsapMessage::ServerAnnounce(m) => row.expect("asap.server_identifier", m.registrar_id),
        AsapMessage::Cookie(m) if m.cookie.is_empty() => row.expect("asap.parameter_type", "0x000d"),
        AsapMessage::Cookie(m) => row.expect("asap.cookie", hex(&m.cookie)),
        AsapMessage::CookieEcho(m) => row.expect("asap.cookie", hex(&m.cookie)),
        AsapMessage::BusinessCard(m) => {
            check_elements(row, "asap", &m.pool_elements.iter().collect::<Vec<_>>());
        }
        AsapMessage::Error(m) => check_error(row, "asap", Some(&m.error)),
    }
}

fn check_enrp(row: &Row<'_>, message: &EnrpMessage) {
    let set = match message {
        EnrpMessage::Presence(m) => m.reply_required.into(),
        EnrpMessage::HandleTableRequest(m) => m.own_children_only.into(),
        EnrpMessage::HandleTableResponse(m) => u8::from(m.reject) | u8::from(m.more) << 1,
        EnrpMessage::HandleUpdate(m) => m.takeover_suggested.into(),
        EnrpMessage::ListResponse(m) => m.reject.into(),
        _ => 0,
    };
    flags(row, "enrp", set);
    match message {
        EnrpMessage::Presence(m) => {
            row.expect("enrp.pe_checksum", list(m.checksum.iter().map(|sum| format!("{sum:#06x}"))));
        }
        EnrpMessage::HandleTableRequest(_) | EnrpMessage::ListRequest(_) => row.expect("enrp.parameter_type", ""),
        EnrpMessage::HandleTableResponse(m) => {
            let elements: Vec<_> = m.entries.iter().flat_map(|entry| &entry.pool_elements).collect();
            check_elements(row, "enrp", &elements);
            let handles = m.entries.iter().map(|entry| hex(entry.pool_handle.as_bytes()));
            row.expect("enrp.pool_handle_pool_handle", list(handles));
        }
        EnrpMessage::HandleUpdate(m) => {
            check_elements(row, "enrp", &[&m.pool_element]);
            let delete = matches!(m.action, enrp::UpdateAction::DeletePoolElement);
            row.expect("enrp.update_action", u8::from(delete));
        }
        EnrpMessage::ListResponse(m) => {
            row.expect("enrp.sctp_transport_port", list(m.servers.iter().map(|_| "9901".to_owned())));
        }
        EnrpMessage::InitTakeover(m) => row.expect("enrp.target_servers_id", m.target),
        EnrpMessage::InitTakeoverAck(m) => row.expect("enrp.target_servers_id", m.target),
        EnrpMessage::TakeoverServer(m) => row.expect("enrp.target_servers_id", m.target),
        EnrpMessage::Error(m) => check_error(row, "enrp", Some(&m.error)),
    }
}

fn check_elements(row: &Row<'_>, protocol: &str, elements: &[&PoolElement]) {
    let expect = |field: &str, value: String| row.expect(&format!("{protocol}.{field}"), value);
    expect("pool_element_pe_identifier", list(elements.iter().map(|e| e.id.to_string())));
    let homes = elements.iter().map(|e| e.home_registrar.to_string());
    expect("pool_element_home_enrp_server_identifier", list(homes));
    let lives = elements.iter().map(|e| e.registration_life.0.to_string());
    expect("pool_element_registration_life", list(lives));
    let (mut sctp_ports, mut dccp_ports, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    for transport in elements.iter().flat_map(|e| std::iter::once(&e.user_transport).chain(&e.asap_transport)) {
        match transport {
            TransportParameter::Sctp { port, addresses: list, .. } => {
                sctp_ports.push(port.to_string());
                addresses.extend(list.iter().copied());
            }
            TransportParameter::Dccp { port, address, .. } => {
                dccp_ports.push(port.to_string());
                addresses.push(*address);
            }
            TransportParameter::Tcp { address, .. }
            | TransportParameter::Udp { address, .. }
            | TransportParameter::UdpLite { address, .. } => addresses.push(*address),
            TransportParameter::Opaque(_) => {
                let types = row.get(&format!("{protocol}.parameter_type"));
                assert!(types.split(',').any(|seen| seen == "0x0010"), "{}: {types}", row.name);
            }
        }
    }
    expect("sctp_transport_port", sctp_ports.join(","));
    expect("dccp_transport_port", dccp_ports.join(","));
    expect("ipv4_address", list(addresses.iter().filter(|a| a.is_ipv4()).map(ToString::to_string)));
    expect("ipv6_address", list(addresses.iter().filter(|a| a.is_ipv6()).map(ToString::to_string)));
}

fn check_policies<'a>(row: &Row<'_>, protocol: &str, policies: impl Iterator<Item = &'a Policy> + Clone) {
    let expect = |field: &str, value: String| row.expect(&format!("{protocol}.{field}"), value);
    let types = policies.clone().map(|policy| format!("{:#010x}", policy.policy_type().0));
    expect("pool_member_selection_policy_type", list(types));
    let weights = policies.clone().filter_map(|policy| match policy {
        Policy::WeightedRoundRobin { weight }
        | Policy::WeightedRandom { weight }
        | Policy::WeightedRandomDpf { weight, .. } => Some(weight.to_string()),
        _ => None,
    });
    expect("pool_member_selection_policy_weight", list(weights));
    let priorities = policies.filter_map(|policy| match policy {
        Policy::Priority { priority } => Some(priority.to_string()),
        _ => None,
    });
    expect("pool_member_selection_policy_priority", list(priorities));
}

fn check_error(row: &Row<'_>, protocol: &str, error: Option<&OperationalError>) {
    let codes = error.iter().flat_map(|error| &error.causes).map(|cause| format!("{:#06x}", cause.cause.code()));
    row.expect(&format!("{protocol}.cause_code"), list(codes));
}

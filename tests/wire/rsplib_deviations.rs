//! What rsplib sends otherwise than the RFCs say, and what we make of it: one test for each, named after the deviation.
//! The bytes are what its programs were seen to send (`docs/interoperability.md`).

use rserpool::message::asap::{EndpointKeepAlive, HandleResolution, ServerAnnounce};
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::wire::{Cause, Policy};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::path::Path;
use std::time::Duration;

fn asap(hex: &str) -> AsapMessage {
    AsapMessage::decode(&bytes(hex)).expect("rsplib's message is understood").message
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hexadecimal digit") as u8;
    hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[test]
fn the_message_length_counts_the_padding_of_the_last_parameter() {
    let question = HandleResolution { subscribe: false, pool_handle: PoolHandle::from("Pool4"), items: None };
    assert_eq!(asap("05000010 00090009 506f6f6c34 000000"), AsapMessage::HandleResolution(question.clone()));
    assert_eq!(asap("0500000d 00090009 506f6f6c34 000000"), AsapMessage::HandleResolution(question));
}

#[test]
fn a_handle_resolution_says_how_many_elements_it_wants() {
    let AsapMessage::HandleResolution(question) = asap("05000014 00090008 506f6f6c 803f0008 00000003") else {
        panic!("another message");
    };
    assert_eq!(question.items, Some(3));
}

#[test]
fn an_announcement_has_no_transports() {
    let announcement = ServerAnnounce { registrar_id: RegistrarId(0x524d_ef74), transports: Vec::new() };
    assert_eq!(asap("0a000008 524def74"), AsapMessage::ServerAnnounce(announcement));
}

#[test]
fn a_keep_alive_names_the_element() {
    let question = EndpointKeepAlive {
        home: false,
        registrar_id: RegistrarId(0x524d_ef74),
        pool_handle: PoolHandle::from("EchoPool"),
        pool_element_id: Some(PoolElementId(0x5b8c_8d20)),
        registrars: Vec::new(),
    };
    let hex = "0700001c 524def74 0009000c 4563686f506f6f6c 000e0008 5b8c8d20";
    assert_eq!(asap(hex), AsapMessage::EndpointKeepAlive(question));
}

/// Wireshark calls this message malformed.
#[test]
fn an_inconsistent_policy_is_refused_without_saying_which_policy_the_pool_has() {
    let hex = "0301001c 00090008 506f6f6c 000e0008 5b8c8d20 000c0008 00050004";
    let AsapMessage::RegistrationResponse(response) = asap(hex) else { panic!("another message") };
    assert!(response.reject);
    assert_eq!(response.error.and_then(|error| error.first()), Some(Cause::InconsistentPoolingPolicy));
}

#[test]
fn errors_have_causes_that_no_rfc_knows() {
    let AsapMessage::Error(error) = asap("0e00000c 000c0008 00110004") else { panic!("another message") };
    let cause = error.error.first().expect("a cause");
    assert_eq!(cause.code(), 0x11);
}

/// 90000 means 90 seconds there, and 25 hours here: the registrar relies on keep-alives in between.
#[test]
fn a_registration_life_is_in_milliseconds() {
    let hex = "01000038 0009000c 4563686f506f6f6c 000a0028 5b8c8d20 00000000 00015f90
               00040010 92310001 00010008 0aff0001 00080008 00000001";
    let AsapMessage::Registration(registration) = asap(hex) else { panic!("another message") };
    let element = registration.pool_element;
    assert_eq!(element.registration_life.as_duration(), Some(Duration::from_secs(90_000)));
    assert_eq!(element.policy, Policy::RoundRobin);
    // What rsplib gets of ours is as long there, and never so short that re-registrations come too late.
    let life = |interval| rserpool::wire::RegistrationLife::for_interval(Duration::from_millis(interval));
    assert_eq!((life(30_000).0, life(30_000).in_milliseconds().0), (90, 90_000));
    assert_eq!((life(100).0, life(100).in_milliseconds().0), (1, 10_000));
    assert_eq!(element.registration_life.from_milliseconds().0, 90);
    for raw in [i32::MAX, 1 << 20, 0, -1, i32::MIN] {
        let life = rserpool::wire::RegistrationLife(raw);
        let read = life.in_milliseconds().from_milliseconds();
        assert!(read == life || read.0 == i32::MAX / 1000 + 1, "{raw} comes back as {read:?}");
    }
}

/// It skips a parameter that it does not know before the pool handle, and refuses a registration that has one behind the element.
#[test]
fn a_registration_begins_with_what_is_unknown_and_ends_with_the_element() {
    let hex = "01000040 c03f0008 0000005a 0009000c 4563686f506f6f6c 000a0028 5b8c8d20 00000000 00015f90
               00040010 92310001 00010008 0aff0001 00080008 00000001";
    let AsapMessage::Registration(registration) = asap(hex) else { panic!("another message") };
    assert_eq!(registration.life_in_seconds, Some(rserpool::wire::RegistrationLife(90)));
    let mut encoded = Vec::new();
    AsapMessage::Registration(registration).encode(&mut encoded).expect("it fits");
    assert_eq!(encoded, bytes(hex));
}

#[test]
fn a_handle_update_may_suggest_a_takeover() {
    let hex = "04010050 00000001 00000002 00000000 00090008 506f6f6c 000a0038 00000009 00000001 00015f90
               00040010 92310001 00010008 0aff0001 0008000800000001 00040010 0f170000 00010008 0aff0002";
    let message = EnrpMessage::decode(&bytes(hex)).expect("rsplib's message is understood").message;
    assert!(matches!(message, EnrpMessage::HandleUpdate(_)));
}

/// LeastUsed with a delay penalty factor, of draft-dreibholz-rserpool-delay.
#[test]
fn policies_have_private_codes() {
    let hex = "01000044 0009000c 4563686f506f6f6c 000a0034 5b8c8d20 00000000 00015f90
               00040010 92310001 00010008 0aff0001 00080014 b0002002 00000007 80000000 00000032";
    let AsapMessage::Registration(registration) = asap(hex) else { panic!("another message") };
    let expected = Policy::LeastUsedDpf { load: 7, load_dpf: 0x8000_0000, distance: 50 };
    assert_eq!(registration.pool_element.policy, expected);
}

/// The rows of the table of deviations in the documentation: test, and where it is.
fn documented() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/interoperability.md")).expect("the documentation");
    let (_, section) = text.split_once("## Deviations of rsplib that are tolerated").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let row = |line: &str| {
        let words: Vec<&str> = line.rsplit('|').nth(1).unwrap_or_default().split('`').collect();
        let file = words.get(3).copied().unwrap_or("tests/wire/rsplib_deviations.rs");
        (words[1].to_owned(), file.to_owned())
    };
    rows.map(row).collect()
}

#[test]
fn each_deviation_in_the_documentation_has_its_test() {
    let rows = documented();
    assert!(rows.len() > 10, "{rows:?}");
    for (test, file) in rows {
        let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file));
        let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(&format!("fn {test}()")), "{file} has no test {test}");
    }
}

#[test]
fn each_deviation_with_a_test_here_is_in_the_documentation() {
    let documented: Vec<String> = documented().into_iter().map(|(test, _)| test).collect();
    let source = include_str!("rsplib_deviations.rs");
    let tests = source.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split_once("()").map(|(name, _)| name));
    for test in tests.filter(|name| !name.starts_with("each_deviation")) {
        assert!(documented.iter().any(|name| name == test), "the documentation does not name {test}");
    }
}

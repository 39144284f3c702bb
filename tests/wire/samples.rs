//! Messages of the reference implementation, and messages whose treatment by it is known.

use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::wire::{Decoded, EncodeError, Undecodable};

/// The lines of a data file, split into their columns.
fn table<const COLUMNS: usize>(text: &'static str) -> Vec<[&'static str; COLUMNS]> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(" | ").collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Decodes by protocol; the result in words, and the encoding of what was decoded.
fn decode(protocol: &str, bytes: &[u8]) -> (String, Option<Vec<u8>>) {
    fn digest<M: std::fmt::Debug>(
        result: Result<Decoded<M>, Undecodable>,
        encode: impl Fn(&M, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> (String, Option<Vec<u8>>) {
        match result {
            Ok(decoded) => {
                let mut again = Vec::new();
                encode(&decoded.message, &mut again).unwrap();
                (format!("{decoded:?}"), Some(again))
            }
            Err(undecodable) => (format!("error: {undecodable}, report: {:?}", undecodable.report), None),
        }
    }
    match protocol {
        "asap" => digest(AsapMessage::decode(bytes), AsapMessage::encode),
        "enrp" => digest(EnrpMessage::decode(bytes), EnrpMessage::encode),
        other => panic!("no such protocol: {other}"),
    }
}

#[track_caller]
fn assert_seen(what: &str, expected: &str, seen: &str) {
    for text in expected.split("; ") {
        assert!(seen.contains(text), "{what}: no \"{text}\" in {seen}");
    }
    assert_eq!(expected.starts_with("error: "), seen.starts_with("error: "), "{what}: {seen}");
}

#[test]
fn what_rsplib_encodes_decodes_to_what_it_meant() {
    for [protocol, what, hex, expected] in table(include_str!("../data/wire_encoded_by_rsplib.txt")) {
        assert_seen(what, expected, &decode(protocol, &bytes(hex)).0);
    }
}

#[test]
fn what_rsplib_encodes_we_encode_alike_but_for_the_padding_in_the_length() {
    for [protocol, what, hex, _] in table(include_str!("../data/wire_encoded_by_rsplib.txt")) {
        let original = bytes(hex);
        let again = decode(protocol, &original).1.unwrap_or_else(|| panic!("{what} does not decode"));
        assert_eq!(again[..2], original[..2], "{what}");
        assert_eq!(again[4..], original[4..], "{what}");
        let length = |bytes: &[u8]| u16::from_be_bytes([bytes[2], bytes[3]]);
        assert_eq!(length(&again).next_multiple_of(4), length(&original), "{what}");
    }
}

#[test]
fn what_rsplib_accepts_we_see_as_it_does_and_what_it_refuses_we_treat_as_the_rfc_says() {
    let rows = table(include_str!("../data/wire_judged_by_rsplib.txt"));
    for [protocol, verdict, what, hex, expected] in rows {
        let (seen, _) = decode(protocol, &bytes(hex));
        assert_seen(what, expected, &seen);
        let unknown_type = seen.starts_with("error: unknown message type");
        assert!(verdict != "accepted" || unknown_type || !seen.starts_with("error: "), "{what}: {seen}");
    }
}

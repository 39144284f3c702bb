//! What the fuzz targets do with their input; `tests/wire/fuzz_smoke.rs` does the same on the stable toolchain.

use rserpool::RegistrarId;
use rserpool::message::{AsapMessage, EnrpMessage, asap, enrp, message_length};
use rserpool::wire::{MAX_REPORTED_PARAMETERS, Undecodable};

/// Decodes `bytes` as ASAP; whatever there is to report must fit a message that itself decodes.
pub fn decode_asap(bytes: &[u8]) {
    let report = match AsapMessage::decode(bytes) {
        Ok(decoded) => {
            assert!(decoded.unrecognized.len() <= MAX_REPORTED_PARAMETERS);
            asap::Error::for_unrecognized(&decoded.unrecognized)
        }
        Err(undecodable) => {
            assert_says_something(&undecodable);
            asap::Error::for_undecodable(&undecodable)
        }
    };
    if let Some(report) = report {
        let mut out = Vec::new();
        report.encode(&mut out).expect("a report fits");
        assert_eq!(AsapMessage::decode(&out).expect("a report decodes").message, report.into());
    }
}

/// Decodes `bytes` as ENRP; whatever there is to report must fit a message that itself decodes.
pub fn decode_enrp(bytes: &[u8]) {
    let (sender, receiver) = (RegistrarId(1), RegistrarId(2));
    let report = match EnrpMessage::decode(bytes) {
        Ok(decoded) => {
            assert!(decoded.unrecognized.len() <= MAX_REPORTED_PARAMETERS);
            enrp::Error::for_unrecognized(sender, receiver, &decoded.unrecognized)
        }
        Err(undecodable) => {
            assert_says_something(&undecodable);
            enrp::Error::for_undecodable(sender, receiver, &undecodable)
        }
    };
    if let Some(report) = report {
        let mut out = Vec::new();
        report.encode(&mut out).expect("a report fits");
        assert_eq!(EnrpMessage::decode(&out).expect("a report decodes").message, report.into());
    }
}

fn assert_says_something(undecodable: &Undecodable) {
    assert!(!undecodable.to_string().is_empty());
}

/// What decodes can be encoded, is not longer than it came, and decodes to the same again.
pub fn roundtrip(bytes: &[u8]) {
    let expected = message_length(bytes).unwrap_or(0);
    let mut out = Vec::new();
    if let Ok(decoded) = AsapMessage::decode(bytes) {
        assert_eq!(expected, bytes.len());
        decoded.message.encode(&mut out).expect("what was decoded fits");
        assert!(out.len() <= bytes.len());
        assert_eq!(AsapMessage::decode(&out).expect("own encoding").message, decoded.message);
    }
    out.clear();
    if let Ok(decoded) = EnrpMessage::decode(bytes) {
        assert_eq!(expected, bytes.len());
        decoded.message.encode(&mut out).expect("what was decoded fits");
        assert!(out.len() <= bytes.len());
        assert_eq!(EnrpMessage::decode(&out).expect("own encoding").message, decoded.message);
    }
}

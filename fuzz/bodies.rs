//! What the fuzz targets do with their input; `tests/wire/fuzz_smoke.rs` does the same on the stable toolchain.

use rserpool::RegistrarId;
use rserpool::message::{AsapMessage, EnrpMessage, asap, enrp, message_length};
use rserpool::security::access::{ACTS, AccessPolicy, Decision, Identity, Question, Wish};
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

/// Reads `bytes` as rules, and each line as a question. What is wrong is where the error says; what can be read decides by a line that is there.
pub fn access_policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    let policy = match AccessPolicy::parse(&text) {
        Ok(policy) => policy,
        Err(error) => {
            let line = lines.get(error.line - 1).expect("the line is there");
            assert!((1..=line.chars().count()).contains(&error.column), "{error}");
            return;
        }
    };
    assert!(policy.len() <= lines.len());
    let whom =
        [Identity::Plain, Identity::Nameless, Identity::Uri("rserpool://a/user/b".into()), Identity::Key("b".into())];
    for line in &lines {
        let question = Question::parse(line).ok();
        let pool = Some(line.as_bytes());
        let wishes =
            whom.iter().flat_map(|who| ACTS.map(|(_, act)| Wish { who, from: Some([10, 0, 0, 1].into()), act, pool }));
        for wish in wishes.chain(question.iter().map(Question::wish)) {
            if let Decision::Allowed { line } | Decision::Denied { line: Some(line) } = policy.decide(&wish) {
                assert!((1..=lines.len()).contains(&line));
            }
        }
    }
}

//! Messages that the reference implementation encodes decode to what it meant, and re-encode to the same bytes.

use rserpool::message::{AsapMessage, EnrpMessage};

fn samples() -> impl Iterator<Item = (&'static str, &'static str, Vec<u8>)> {
    include_str!("data/wire_rsplib_encoded.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(|line| {
        let mut columns = line.split(" | ");
        let (protocol, name, hex) = (columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap());
        let bytes = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        (protocol, name, bytes)
    })
}

#[test]
fn samples_decode_and_encode_to_the_same_bytes_except_for_the_padding_in_the_length() {
    for (protocol, name, bytes) in samples() {
        let mut again = Vec::new();
        match protocol {
            "asap" => {
                let decoded = AsapMessage::decode(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
                decoded.message.encode(&mut again).unwrap();
            }
            "enrp" => {
                let decoded = EnrpMessage::decode(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
                decoded.message.encode(&mut again).unwrap();
            }
            other => panic!("{other}"),
        }
        assert_eq!(again[4..], bytes[4..], "{name}");
    }
}

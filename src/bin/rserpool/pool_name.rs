//! Pool handles as the tools print them, in lines and in JSON, and take them back.
//!
//! A handle is any bytes, a name is a word of text: `%NN` stands for a byte that cannot stand for itself, as in URIs (RFC 3986
//! section 2.1). JSON and shells leave such a name as it is, where a backslash would have to be escaped once more.

use rserpool::PoolHandle;
use std::fmt::Write;

const ESCAPE: char = '%';

/// The name of a pool: one word, from which [`parse`] makes the same handle.
pub fn show(handle: &PoolHandle) -> String {
    let mut name = String::new();
    for chunk in handle.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            // An option begins with a hyphen.
            if stands_for_itself(c) && !(c == '-' && name.is_empty()) {
                name.push(c);
            } else {
                escape(&mut name, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        escape(&mut name, chunk.invalid());
    }
    name
}

/// The same name as the value of a query in a URI, where more characters have a meaning (RFC 3986 section 3.4).
pub fn in_query(handle: &PoolHandle) -> String {
    let mut name = String::new();
    for &byte in handle.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => name.push(byte.into()),
            byte => escape(&mut name, &[byte]),
        }
    }
    name
}

/// What a terminal shows as it is, and what neither ends a word nor begins an escape.
fn stands_for_itself(c: char) -> bool {
    match c {
        ESCAPE => false,
        '"' | '\'' | '\\' => true,
        c => !c.is_whitespace() && c.escape_debug().eq([c]),
    }
}

fn escape(name: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(name, "{ESCAPE}{byte:02X}"); // writing to a String does not fail
    }
}

/// The handle of which this is the name: bytes, of which `%NN` is the one with this hexadecimal number.
pub fn parse(name: &[u8]) -> Result<PoolHandle, String> {
    let mut handle = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, behind)) = rest.split_first() {
        let (byte, behind) = if byte == ESCAPE as u8 { escaped(name, behind)? } else { (byte, behind) };
        handle.push(byte);
        rest = behind;
    }
    Ok(PoolHandle::new(handle))
}

/// The byte that two digits name, and what is behind them.
fn escaped<'a>(name: &[u8], digits: &'a [u8]) -> Result<(u8, &'a [u8]), String> {
    let byte = digits
        .split_at_checked(2)
        .filter(|(digits, _)| digits.iter().all(u8::is_ascii_hexdigit))
        .and_then(|(digits, behind)| Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, behind)));
    byte.ok_or_else(|| {
        let shown = String::from_utf8_lossy(name);
        format!(
            "\"{}\" is no name of a pool: two hexadecimal digits follow %, and %25 is % itself",
            shown.escape_debug()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use proptest::prelude::*;

    #[test]
    fn text_stands_for_itself_and_other_bytes_have_their_number() {
        for (handle, name) in [
            (&b"MyPool"[..], "MyPool"),
            ("Grüße-an\"die'Welt\\".as_bytes(), "Grüße-an\"die'Welt\\"),
            (b"a b\x1b\0", "a%20b%1B%00"),
            (b"100%", "100%25"),
            (b"--json", "%2D-json"),
            (b"a\xff\xc3", "a%FF%C3"),
            ("\u{202e}x\u{a0}".as_bytes(), "%E2%80%AEx%C2%A0"),
        ] {
            assert_eq!(show(&PoolHandle::new(handle)), name);
        }
    }

    #[test]
    fn an_escape_that_is_none_is_refused() {
        for name in ["100%", "%4", "%zz", "%+1", "a%é"] {
            assert!(parse(name.as_bytes()).is_err(), "{name}");
        }
        assert_eq!(parse(b"%2d%2D"), Ok(PoolHandle::from("--")));
    }

    proptest! {
        #[test]
        fn every_handle_is_read_back_from_its_name(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let handle = PoolHandle::new(bytes);
            prop_assert_eq!(parse(show(&handle).as_bytes()), Ok(handle.clone()));
            let in_query = in_query(&handle);
            prop_assert!(!in_query.contains(['&', '=', '#', '+', '?', ' ']), "{}", in_query);
            prop_assert_eq!(parse(in_query.as_bytes()), Ok(handle));
        }

        #[test]
        fn so_is_text_whose_name_is_one_word(text in "\\PC{0,20}|[\\x00%\"\\\\ '-]{0,8}") {
            let handle = PoolHandle::from(text.as_str());
            let name = show(&handle);
            prop_assert!(!name.contains(char::is_whitespace) && !name.starts_with('-'), "{}", name);
            prop_assert_eq!(parse(name.as_bytes()), Ok(handle));
        }

        #[test]
        fn json_adds_nothing_but_what_it_needs_for_quotes_and_backslashes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let name = show(&PoolHandle::new(bytes));
            let expected = name.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(json::string(&name), format!("\"{expected}\""));
        }
    }
}

//! Pre-shared keys in a file: lines `IDENTITY:HEX`, as `psktool` of GnuTLS writes them. `#` begins a comment.

use super::{Role, hex};
use std::fmt;
use std::ops::RangeInclusive;

/// Bytes of an identity that other implementations take as well (RFC 4279 section 5.3).
const MAX_IDENTITY: usize = 128;
/// Bytes of a key: half of the least is guessed, and no implementation has to take more than the most (RFC 4279 section 5.3).
const KEY_LENGTHS: RangeInclusive<usize> = 16..=64;
/// Keys of a file.
const MAX_KEYS: usize = 4_096;

/// Keys with those who have them, in the order of the file.
#[derive(Default)]
pub struct PreSharedKeys(Vec<(String, Vec<u8>)>);

/// What is wrong with a file of keys. It never shows a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPreSharedKeys {
    /// Counted from 1.
    line: usize,
    what: String,
}

impl PreSharedKeys {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<PreSharedKeys, BadPreSharedKeys> {
        let mut keys: Vec<(String, Vec<u8>)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |what: String| BadPreSharedKeys { line: index + 1, what };
            let (identity, key) = parse_line(line).map_err(bad)?;
            if keys.iter().any(|(known, _)| known == identity) {
                return Err(bad(format!("\"{}\" has a key already", identity.escape_debug())));
            }
            if keys.len() == MAX_KEYS {
                return Err(bad(format!("more than {MAX_KEYS} keys")));
            }
            keys.push((identity.to_owned(), key));
        }
        if keys.is_empty() {
            return Err(BadPreSharedKeys { line: text.lines().count().max(1), what: "there is no key".to_owned() });
        }
        Ok(PreSharedKeys(keys))
    }

    /// Somebody's key.
    pub fn of(&self, identity: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known.as_bytes() == identity).map(|(_, key)| &key[..])
    }

    /// The identity and the key that this side shows: the first ones.
    pub fn own(&self) -> Option<(&str, &[u8])> {
        self.0.first().map(|(identity, key)| (&identity[..], &key[..]))
    }

    /// The first ones of somebody with a role, whose identity is `rserpool://SCOPE/ROLE/NAME`.
    pub fn own_as(&self, role: Role) -> Option<(&str, &[u8])> {
        self.0.iter().find(|(identity, _)| role.is_of(identity)).map(|(identity, key)| (&identity[..], &key[..]))
    }
}

fn parse_line(line: &str) -> Result<(&str, Vec<u8>), String> {
    let (identity, digits) = line.rsplit_once(':').ok_or("no colon between identity and key")?;
    if identity.is_empty() || identity.len() > MAX_IDENTITY || identity.contains('\0') {
        return Err(format!("an identity has 1 to {MAX_IDENTITY} bytes"));
    }
    let key = hex::decode(digits).ok_or("the key does not consist of pairs of hexadecimal digits")?;
    if !KEY_LENGTHS.contains(&key.len()) {
        let (least, most) = (KEY_LENGTHS.start(), KEY_LENGTHS.end());
        return Err(format!("the key has {} bytes: {least} to {most} are allowed", key.len()));
    }
    Ok((identity, key))
}

/// Without the keys.
impl fmt::Debug for PreSharedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(identity, _)| identity)).finish()
    }
}

impl fmt::Display for BadPreSharedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for BadPreSharedKeys {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_comments_and_colons_in_identities() {
        let text = "# keys\n\n urn:one:000102030405060708090a0b0c0d0e0f\ntwo:ffffffffffffffffffffffffffffffff\n";
        let keys = PreSharedKeys::parse(text).expect("keys");
        assert_eq!(keys.of(b"urn:one").expect("a key")[..3], [0, 1, 2]);
        assert_eq!(keys.own().expect("the first").0, "urn:one");
        assert_eq!(keys.of(b"three"), None);
        assert_eq!(format!("{keys:?}"), "[\"urn:one\", \"two\"]");
    }

    #[test]
    fn bad_lines_are_named_and_their_keys_not_shown() {
        let secret = "5ec2".repeat(8);
        for (text, why) in [
            (String::new(), "line 1: there is no key"),
            ("# nothing\n#\n".to_owned(), "line 2: there is no key"),
            (format!("one:{secret}\n{secret}"), "line 2: no colon"),
            (format!(":{secret}"), "line 1: an identity has 1 to 128 bytes"),
            ("one:".to_owned(), "line 1: the key has 0 bytes"),
            (format!("one:{}", &secret[..30]), "line 1: the key has 15 bytes"),
            (format!("one:{secret}x"), "line 1: the key does not consist"),
            (format!("one:{secret}\none:{secret}"), "line 2: \"one\" has a key already"),
        ] {
            let error = PreSharedKeys::parse(&text).expect_err(&text).to_string();
            assert!(error.starts_with(why), "{error}");
            assert!(!error.contains("5ec2"), "{error}");
        }
    }
}

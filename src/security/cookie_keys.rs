//! Sealed cookies: HMAC-SHA256 with keys that the servers of a pool share.
//!
//! The cookie itself stays readable, as RFC 5352 leaves it to the server; the seal says that a server of this pool wrote it, and
//! until when it holds. It does not bind a cookie to one client: who has seen another one's cookie can show it while it holds.
//!
//! ```text
//! version (1 byte) | number of the key (1) | expiry, seconds since 1970 (8) | cookie | HMAC-SHA256 (32)
//! ```
//! The HMAC is over a label, all before it, and the pool handle with its length.

use super::hex;
use crate::PoolHandle;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How long a cookie holds by default.
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// What may be chosen instead.
pub const COOKIE_LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 3600);
/// Keys that a server has: the one that seals, and another one while they are changed.
const MAX_KEYS: usize = 2;
/// Bytes of a key: at least the hash's length (RFC 2104 section 3), at most its block.
const KEY_LENGTHS: RangeInclusive<usize> = 32..=64;
/// The only format so far.
const VERSION: u8 = 1;
/// Version, number of the key, expiry.
const HEADER: usize = 1 + 1 + 8;
const MAC: usize = 32;
/// So that no other use of the same key gives the same HMAC.
const LABEL: &[u8] = b"rserpool cookie";

/// The keys of a pool's servers: the first one seals, all of them open.
pub struct CookieKeys {
    keys: Vec<Key>,
    lifetime: Duration,
}

struct Key {
    number: u8,
    hmac: Hmac<Sha256>,
}

/// Why an echo is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealFault {
    /// Shorter than any sealed cookie, or of a version that this library does not know.
    NotSealed,
    /// This server has no key with this number.
    UnknownKey(u8),
    /// Forged, changed, or sealed by a server of another pool.
    WrongSeal,
    /// Sealed by a server of this pool, but too long ago.
    Expired,
}

/// Why a text has no keys. It never shows what may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCookieKeys(String);

impl CookieKeys {
    /// Reads `NUMBER:HEX` or `NUMBER:HEX,NUMBER:HEX`: numbers 0 to 255, keys of 32 to 64 bytes.
    pub fn parse(text: &str, lifetime: Duration) -> Result<CookieKeys, BadCookieKeys> {
        let mut keys: Vec<Key> = Vec::new();
        for (index, entry) in text.split(',').map(str::trim).enumerate() {
            let key = parse_key(entry).map_err(|what| BadCookieKeys(format!("key {}: {what}", index + 1)))?;
            if keys.iter().any(|other| other.number == key.number) {
                return Err(BadCookieKeys(format!("two keys have the number {}", key.number)));
            }
            keys.push(key);
        }
        if keys.len() > MAX_KEYS {
            return Err(BadCookieKeys(format!("{} keys: {MAX_KEYS} are enough to change them", keys.len())));
        }
        Ok(CookieKeys { keys, lifetime })
    }

    /// Bytes that a sealed cookie is longer than the program's.
    pub fn overhead(&self) -> usize {
        HEADER + MAC
    }

    /// What the client gets. `now`: since 1970.
    pub fn seal(&self, pool: &PoolHandle, now: Duration, cookie: &[u8]) -> Vec<u8> {
        let Some(key) = self.keys.first() else { return Vec::new() };
        let expiry = now.saturating_add(self.lifetime).as_secs();
        let mut sealed = Vec::with_capacity(HEADER + cookie.len() + MAC);
        sealed.extend([VERSION, key.number]);
        sealed.extend(expiry.to_be_bytes());
        sealed.extend(cookie);
        let mac = key.hmac(pool, &sealed).finalize().into_bytes();
        sealed.extend(mac);
        sealed
    }

    /// The cookie that a server of this pool sealed.
    pub fn open<'c>(&self, pool: &PoolHandle, now: Duration, sealed: &'c [u8]) -> Result<&'c [u8], SealFault> {
        let (signed, mac) = sealed.split_last_chunk::<MAC>().ok_or(SealFault::NotSealed)?;
        let (header, cookie) = signed.split_first_chunk::<HEADER>().ok_or(SealFault::NotSealed)?;
        let [VERSION, number, expiry @ ..] = *header else { return Err(SealFault::NotSealed) };
        let key = self.keys.iter().find(|key| key.number == number).ok_or(SealFault::UnknownKey(number))?;
        key.hmac(pool, signed).verify_slice(mac).map_err(|_| SealFault::WrongSeal)?;
        if now.as_secs() > u64::from_be_bytes(expiry) { Err(SealFault::Expired) } else { Ok(cookie) }
    }
}

fn parse_key(entry: &str) -> Result<Key, String> {
    let (number, digits) = entry.split_once(':').ok_or("no colon between its number and its hexadecimal digits")?;
    let number = number.parse().map_err(|_| "its number is not one from 0 to 255")?;
    let bytes = hex::decode(digits).ok_or("it does not consist of pairs of hexadecimal digits")?;
    if !KEY_LENGTHS.contains(&bytes.len()) {
        let (least, most) = (KEY_LENGTHS.start(), KEY_LENGTHS.end());
        return Err(format!("it has {} bytes: {least} to {most} are allowed", bytes.len()));
    }
    let hmac = Hmac::new_from_slice(&bytes).map_err(|_| "its length does not suit HMAC")?;
    Ok(Key { number, hmac })
}

impl Key {
    fn hmac(&self, pool: &PoolHandle, sealed: &[u8]) -> Hmac<Sha256> {
        let handle = pool.as_bytes();
        let mut hmac = self.hmac.clone();
        hmac.update(LABEL);
        hmac.update(&(handle.len() as u64).to_be_bytes());
        hmac.update(handle);
        hmac.update(sealed);
        hmac
    }
}

/// Without the keys.
impl fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<u8> = self.keys.iter().map(|key| key.number).collect();
        f.debug_struct("CookieKeys").field("numbers", &numbers).field("lifetime", &self.lifetime).finish()
    }
}

impl fmt::Display for SealFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealFault::NotSealed => f.write_str("it is not sealed"),
            SealFault::UnknownKey(number) => write!(f, "this server has no key {number}"),
            SealFault::WrongSeal => f.write_str("the seal is not that of a server of this pool"),
            SealFault::Expired => f.write_str("it has expired"),
        }
    }
}

impl fmt::Display for BadCookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadCookieKeys {}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn key(number: u8) -> String {
        format!("{number}:{}", format!("{number:02x}").repeat(32))
    }

    fn keys(numbers: &[u8]) -> CookieKeys {
        let text: Vec<String> = numbers.iter().map(|number| key(*number)).collect();
        CookieKeys::parse(&text.join(","), HOUR).expect("keys")
    }

    fn pool(name: &str) -> PoolHandle {
        PoolHandle::new(name.as_bytes())
    }

    #[test]
    fn a_sealed_cookie_is_opened_by_the_servers_of_its_pool_until_it_expires() {
        let (keys, pool) = (keys(&[7]), pool("EchoPool"));
        let sealed = keys.seal(&pool, NOW, b"state");
        assert_eq!(sealed.len(), 5 + keys.overhead());
        assert_eq!(keys.open(&pool, NOW + HOUR, &sealed), Ok(&b"state"[..]));
        assert_eq!(keys.open(&pool, NOW + HOUR + Duration::from_secs(1), &sealed), Err(SealFault::Expired));
        assert_eq!(keys.open(&super::tests::pool("Other"), NOW, &sealed), Err(SealFault::WrongSeal));
    }

    #[test]
    fn a_cookie_with_any_bit_changed_or_any_byte_missing_is_refused() {
        let (keys, pool) = (keys(&[7]), pool("EchoPool"));
        let sealed = keys.seal(&pool, NOW, b"state");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open(&pool, NOW, &changed).is_err(), "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(keys.open(&pool, NOW, &sealed[..len]).is_err(), "{len} bytes");
        }
        assert_eq!(keys.open(&pool, NOW, b"999999"), Err(SealFault::NotSealed));
    }

    #[test]
    fn a_handle_and_a_cookie_cannot_be_cut_elsewhere() {
        let keys = keys(&[7]);
        let sealed = keys.seal(&pool("ab"), NOW, b"c");
        assert_eq!(keys.open(&pool("a"), NOW, &sealed), Err(SealFault::WrongSeal));
        assert_eq!(keys.open(&pool("abc"), NOW, &sealed), Err(SealFault::WrongSeal));
    }

    #[test]
    fn keys_are_changed_while_cookies_of_the_old_one_are_under_way() {
        let pool = pool("EchoPool");
        let (old, both, swapped, new) = (keys(&[1]), keys(&[1, 2]), keys(&[2, 1]), keys(&[2]));
        let sealed_by_old = old.seal(&pool, NOW, b"old");
        for server in [&both, &swapped] {
            assert_eq!(server.open(&pool, NOW, &sealed_by_old), Ok(&b"old"[..]));
        }
        assert_eq!(new.open(&pool, NOW, &sealed_by_old), Err(SealFault::UnknownKey(1)));
        assert_eq!(both.open(&pool, NOW, &swapped.seal(&pool, NOW, b"new")), Ok(&b"new"[..]));
    }

    #[test]
    fn bad_keys_are_refused_and_not_shown() {
        let secret = "5ec2".repeat(16);
        for (text, why) in [
            (String::new(), "key 1: no colon"),
            (secret.clone(), "key 1: no colon"),
            (format!("256:{secret}"), "key 1: its number"),
            (format!("1:{}", &secret[..62]), "key 1: it has 31 bytes"),
            (format!("1:{}", secret.repeat(3)), "key 1: it has 96 bytes"),
            (format!("1:{}", &secret[1..]), "key 1: it does not consist"),
            (format!("1:{secret}zz"), "key 1: it does not consist"),
            (format!("1:{secret},1:{secret}"), "two keys have the number 1"),
            (format!("1:{secret},"), "key 2: no colon"),
            (format!("1:{secret},2:{secret},3:{secret}"), "3 keys"),
        ] {
            let error = CookieKeys::parse(&text, HOUR).expect_err(&text).to_string();
            assert!(error.starts_with(why), "{error}");
            assert!(!error.contains("5ec2"), "{error}");
        }
        assert!(!format!("{:?}", keys(&[9])).contains("0909"));
    }
}

//! Signed state cookies (RFC 9260 section 5.1.3): what makes accepting stateless and forgery pointless.
//!
//! dcsctp's own cookie is unsigned. The wrapper appends a trailer to it, signs both together with the peer's address
//! and ports, and cuts the trailer off before dcsctp sees the COOKIE ECHO.

use super::entropy::Entropy;
use super::packet::{MAX_LISTED_ADDRESSES, u32_at};
use crate::Time;
use crate::wire::AddressList;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Length of dcsctp's cookie.
const INNER: usize = 48;
/// Where dcsctp's cookie keeps the peer's and our verification tag.
const PEER_TAG_AT: usize = 8;
const LOCAL_TAG_AT: usize = 12;
/// Time stamp, tie tags, flags and address count.
const FIXED: usize = 8 + 8 + 2;
const MAC: usize = 32;
/// Length of a key: the block size of SHA-256.
const KEY: usize = 64;

/// Valid.Cookie.Life (RFC 9260 section 16).
const LIFE: Duration = Duration::from_secs(60);
/// A key signs for this long; cookies that it signed are valid for one more period.
const KEY_PERIOD: Duration = Duration::from_secs(120);

/// Who asked for an association: part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub address: IpAddr,
    pub remote_port: u16,
    pub local_port: u16,
}

/// What an INIT told, kept in the cookie instead of in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    /// Local and peer's tag of the association that the peer had when it sent the INIT; zero if none (RFC 9260
    /// section 5.2.2: proof that a restart is meant, not an old duplicate).
    pub tie: (u32, u32),
    /// See [`super::packet::Init::whole_messages_only`].
    pub whole_messages_only: bool,
    /// Further addresses of the peer.
    pub addresses: AddressList,
}

/// A cookie that we signed.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    /// dcsctp's part.
    pub inner: &'a [u8],
    pub local_tag: u32,
    pub peer_tag: u32,
    pub remembered: Remembered,
    /// How long ago it ran out, if it did.
    pub stale: Option<Duration>,
}

/// Signs and checks cookies.
pub(super) struct CookieSigner {
    current: [u8; KEY],
    previous: [u8; KEY],
    since: Time,
}

impl CookieSigner {
    pub fn new(entropy: &mut Entropy, now: Time) -> CookieSigner {
        let (mut current, mut previous) = ([0; KEY], [0; KEY]);
        entropy.fill(&mut current);
        entropy.fill(&mut previous);
        CookieSigner { current, previous, since: now }
    }

    fn rotate(&mut self, entropy: &mut Entropy, now: Time) {
        if now.saturating_since(self.since) >= KEY_PERIOD {
            self.previous = self.current;
            entropy.fill(&mut self.current);
            self.since = now;
        }
    }

    /// Appends the signed trailer to dcsctp's cookie.
    pub fn seal(
        &mut self,
        entropy: &mut Entropy,
        now: Time,
        origin: Origin,
        remembered: &Remembered,
        inner: &[u8],
    ) -> Vec<u8> {
        self.rotate(entropy, now);
        let listed = remembered.addresses.len().min(MAX_LISTED_ADDRESSES);
        let mut cookie = Vec::with_capacity(inner.len() + FIXED + listed * 16 + MAC);
        cookie.extend_from_slice(inner);
        cookie.extend_from_slice(&now.as_nanos().to_be_bytes());
        cookie.extend_from_slice(&remembered.tie.0.to_be_bytes());
        cookie.extend_from_slice(&remembered.tie.1.to_be_bytes());
        cookie.push(u8::from(remembered.whole_messages_only));
        cookie.push(listed as u8);
        for address in remembered.addresses.iter().take(listed) {
            cookie.extend_from_slice(&address_bytes(*address));
        }
        let mac = mac(&self.current, origin, &cookie).finalize().into_bytes();
        cookie.extend_from_slice(&mac);
        cookie
    }

    /// Checks a cookie; `None` if we did not sign it for this peer.
    pub fn open<'a>(&self, now: Time, origin: Origin, cookie: &'a [u8]) -> Option<Opened<'a>> {
        let (signed, signature) = cookie.split_at_checked(cookie.len().checked_sub(MAC)?)?;
        let genuine = [&self.current, &self.previous]
            .into_iter()
            .any(|key| mac(key, origin, signed).verify_slice(signature).is_ok());
        if !genuine {
            return None;
        }
        let (inner, trailer) = signed.split_at_checked(INNER)?;
        let (fixed, addresses) = trailer.split_at_checked(FIXED)?;
        let made = Time::from_nanos(u64::from_be_bytes(fixed.get(..8)?.try_into().ok()?));
        let age = now.saturating_since(made);
        Some(Opened {
            inner,
            local_tag: u32_at(inner, LOCAL_TAG_AT)?,
            peer_tag: u32_at(inner, PEER_TAG_AT)?,
            remembered: Remembered {
                tie: (u32_at(fixed, 8)?, u32_at(fixed, 12)?),
                whole_messages_only: *fixed.get(16)? != 0,
                addresses: addresses.chunks_exact(16).filter_map(address_of).collect(),
            },
            stale: age.checked_sub(LIFE),
        })
    }
}

fn mac(key: &[u8; KEY], origin: Origin, signed: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new(key.into());
    mac.update(&address_bytes(origin.address));
    mac.update(&origin.remote_port.to_be_bytes());
    mac.update(&origin.local_port.to_be_bytes());
    mac.update(signed);
    mac
}

fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const ORIGIN: Origin = Origin { address: IpAddr::V4(Ipv4Addr::LOCALHOST), remote_port: 7, local_port: 8 };

    fn signer() -> (CookieSigner, Entropy) {
        let mut entropy = Entropy::new(Some(1));
        (CookieSigner::new(&mut entropy, Time::ZERO), entropy)
    }

    fn inner() -> Vec<u8> {
        (0..INNER as u8).collect()
    }

    fn remembered() -> Remembered {
        Remembered {
            tie: (11, 12),
            whole_messages_only: true,
            addresses: [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V6(Ipv6Addr::LOCALHOST)].into_iter().collect(),
        }
    }

    #[test]
    fn a_sealed_cookie_opens_to_what_was_sealed() {
        let (mut signer, mut entropy) = signer();
        let cookie = signer.seal(&mut entropy, Time::from_secs(5), ORIGIN, &remembered(), &inner());
        let opened = signer.open(Time::from_secs(6), ORIGIN, &cookie).unwrap();
        assert_eq!(opened.inner, inner());
        assert_eq!((opened.peer_tag, opened.local_tag), (0x0809_0a0b, 0x0c0d_0e0f));
        assert_eq!(opened.remembered, remembered());
        assert_eq!(opened.stale, None);
    }

    #[test]
    fn every_flipped_bit_every_truncation_and_every_other_origin_is_refused() {
        let (mut signer, mut entropy) = signer();
        let cookie = signer.seal(&mut entropy, Time::ZERO, ORIGIN, &remembered(), &inner());
        for bit in 0..cookie.len() * 8 {
            let mut forged = cookie.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(signer.open(Time::ZERO, ORIGIN, &forged).is_none(), "bit {bit}");
        }
        for end in 0..cookie.len() {
            assert!(signer.open(Time::ZERO, ORIGIN, &cookie[..end]).is_none(), "length {end}");
        }
        for origin in [
            Origin { address: Ipv4Addr::new(127, 0, 0, 2).into(), ..ORIGIN },
            Origin { remote_port: 9, ..ORIGIN },
            Origin { local_port: 9, ..ORIGIN },
        ] {
            assert!(signer.open(Time::ZERO, origin, &cookie).is_none());
        }
    }

    #[test]
    fn a_cookie_goes_stale_and_keys_rotate_out() {
        let (mut signer, mut entropy) = signer();
        let cookie = signer.seal(&mut entropy, Time::ZERO, ORIGIN, &Remembered::default(), &inner());
        assert_eq!(signer.open(Time::from_secs(59), ORIGIN, &cookie).unwrap().stale, None);
        assert_eq!(signer.open(Time::from_secs(61), ORIGIN, &cookie).unwrap().stale, Some(Duration::from_secs(1)));
        signer.seal(&mut entropy, Time::from_secs(121), ORIGIN, &Remembered::default(), &inner());
        assert!(signer.open(Time::from_secs(122), ORIGIN, &cookie).is_some(), "the previous key still verifies");
        signer.seal(&mut entropy, Time::from_secs(250), ORIGIN, &Remembered::default(), &inner());
        assert!(signer.open(Time::from_secs(251), ORIGIN, &cookie).is_none());
    }
}

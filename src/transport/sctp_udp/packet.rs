//! SCTP packets as far as the wrapper itself must understand them (RFC 9260 section 3): the common header, the walk over
//! the chunks, and the few packets that are sent without an association's help.

use super::crc32c::crc32c;
use crate::wire::AddressList;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Chunk types (RFC 9260 section 3.2).
pub(super) mod chunk {
    pub const INIT: u8 = 1;
    pub const INIT_ACK: u8 = 2;
    pub const SACK: u8 = 3;
    pub const HEARTBEAT: u8 = 4;
    pub const HEARTBEAT_ACK: u8 = 5;
    pub const ABORT: u8 = 6;
    pub const SHUTDOWN: u8 = 7;
    pub const SHUTDOWN_ACK: u8 = 8;
    pub const ERROR: u8 = 9;
    pub const COOKIE_ECHO: u8 = 10;
    pub const COOKIE_ACK: u8 = 11;
    pub const SHUTDOWN_COMPLETE: u8 = 14;
    /// The T bit of ABORT and SHUTDOWN COMPLETE: the verification tag is the sender's own view of the peer's, reflected.
    pub const T_BIT: u8 = 1;
}

/// Error cause codes (RFC 9260 section 3.3.10).
pub(super) mod cause {
    pub const STALE_COOKIE: u16 = 3;
    pub const OUT_OF_RESOURCE: u16 = 4;
    pub const USER_INITIATED_ABORT: u16 = 12;
}

const PARAMETER_IPV4: u16 = 5;
const PARAMETER_IPV6: u16 = 6;
const PARAMETER_STATE_COOKIE: u16 = 7;
const PARAMETER_HEARTBEAT_INFO: u16 = 1;
const PARAMETER_SUPPORTED_EXTENSIONS: u16 = 0x8008;
const PARAMETER_FORWARD_TSN: u16 = 0xc000;

/// Length of the common header.
pub(super) const HEADER: usize = 12;
/// Chunks that a packet may have. A kernel on loopback fills 64 kB with DATA chunks of 20 bytes and more, and repeats them
/// for ever if they are dropped; more, smaller chunks are an attack on our patience.
const MAX_CHUNKS: usize = 65_536 / 20;
/// Addresses of a peer that are remembered besides the one it sends from.
pub(super) const MAX_LISTED_ADDRESSES: usize = 4;
/// Longest reason sent with an ABORT.
const MAX_REASON: usize = 256;

/// The common header (RFC 9260 section 3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub source_port: u16,
    pub destination_port: u16,
    pub verification_tag: u32,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

impl Header {
    /// Reads the header without any check: ICMP quotes only the beginning of a packet.
    pub fn peek(packet: &[u8]) -> Option<Header> {
        Some(Header {
            source_port: u16_at(packet, 0)?,
            destination_port: u16_at(packet, 2)?,
            verification_tag: u32_at(packet, 4)?,
        })
    }
}

/// Whether the packet's checksum is right; without that, nothing in it may be believed.
pub(super) fn checksum_ok(packet: &[u8]) -> bool {
    let (Some(head), Some(sum), Some(rest)) = (packet.get(..8), packet.get(8..12), packet.get(HEADER..)) else {
        return false;
    };
    // SCTP is the one protocol that puts its CRC into the packet least significant byte first.
    crc32c(&[head, &[0; 4], rest]).to_le_bytes() == sum
}

/// Writes the right checksum into a packet.
pub(super) fn set_checksum(packet: &mut [u8]) {
    if packet.len() >= HEADER {
        packet[8..12].fill(0);
        let sum = crc32c(&[packet]).to_le_bytes();
        packet[8..12].copy_from_slice(&sum);
    }
}

/// One chunk: type, flags and value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub kind: u8,
    pub flags: u8,
    pub value: &'a [u8],
}

/// The chunks of a packet, or `None` where a length is wrong or chunks are bundled that must not be
/// (RFC 9260 section 6.10: INIT, INIT ACK and SHUTDOWN COMPLETE stand alone; COOKIE ECHO comes first).
pub(super) fn parse(packet: &[u8]) -> Option<(Header, Chunk<'_>, usize)> {
    let header = Header::peek(packet)?;
    let mut rest = packet.get(HEADER..)?;
    let mut first = None;
    let mut count = 0usize;
    let mut alone = false;
    while !rest.is_empty() {
        let (chunk, next) = next_chunk(rest)?;
        alone |= matches!(chunk.kind, chunk::INIT | chunk::INIT_ACK | chunk::SHUTDOWN_COMPLETE);
        if count > 0 && (alone || chunk.kind == chunk::COOKIE_ECHO) || count == MAX_CHUNKS {
            return None;
        }
        first.get_or_insert(chunk);
        count += 1;
        rest = next;
    }
    first.map(|first| (header, first, count))
}

/// The chunk of this type with its flags, if the packet has one.
pub(super) fn find(packet: &[u8], kind: u8) -> Option<Chunk<'_>> {
    let mut rest = packet.get(HEADER..)?;
    while !rest.is_empty() {
        let (chunk, next) = next_chunk(rest)?;
        if chunk.kind == kind {
            return Some(chunk);
        }
        rest = next;
    }
    None
}

fn next_chunk(bytes: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let kind = *bytes.first()?;
    let flags = *bytes.get(1)?;
    let length = usize::from(u16_at(bytes, 2)?);
    let value = bytes.get(4..length)?;
    let padded = length.next_multiple_of(4).min(bytes.len());
    Some((Chunk { kind, flags, value }, &bytes[padded..]))
}

/// Iterates over TLV parameters until the end or the first wrong length.
struct Parameters<'a>(&'a [u8]);

impl<'a> Iterator for Parameters<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let kind = u16_at(self.0, 0)?;
        let length = usize::from(u16_at(self.0, 2)?);
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// What the wrapper reads from an INIT or INIT ACK chunk (RFC 9260 sections 3.3.2 and 3.3.3).
#[derive(Clone, Debug)]
pub(super) struct Init<'a> {
    pub initiate_tag: u32,
    /// Advertised receiver window.
    pub window: u32,
    /// Further addresses of the peer, at most [`MAX_LISTED_ADDRESSES`].
    pub addresses: AddressList,
    /// The state cookie of an INIT ACK.
    pub cookie: Option<&'a [u8]>,
    /// The sender looks like dcsctp, which cannot take in part a message longer than its window.
    pub whole_messages_only: bool,
}

impl<'a> Init<'a> {
    pub fn parse(value: &'a [u8]) -> Option<Init<'a>> {
        let initiate_tag = u32_at(value, 0).filter(|tag| *tag != 0)?;
        let mut init = Init {
            initiate_tag,
            window: u32_at(value, 4)?,
            addresses: AddressList::new(),
            cookie: None,
            whole_messages_only: true,
        };
        for (kind, value) in Parameters(value.get(16..)?) {
            match kind {
                PARAMETER_IPV4 => init.add(<[u8; 4]>::try_from(value).ok().map(|a| Ipv4Addr::from(a).into())),
                PARAMETER_IPV6 => init.add(<[u8; 16]>::try_from(value).ok().map(|a| Ipv6Addr::from(a).into())),
                PARAMETER_STATE_COOKIE => init.cookie = Some(value),
                PARAMETER_SUPPORTED_EXTENSIONS | PARAMETER_FORWARD_TSN => {}
                // Kernel SCTP and usrsctp always add parameters of which dcsctp knows nothing.
                _ => init.whole_messages_only = false,
            }
        }
        Some(init)
    }

    fn add(&mut self, address: Option<IpAddr>) {
        self.whole_messages_only = false;
        if let Some(address) = address.map(|a| a.to_canonical()) {
            if self.addresses.len() < MAX_LISTED_ADDRESSES && !self.addresses.contains(&address) {
                self.addresses.push(address);
            }
        }
    }
}

/// Starts a packet; [`finish`] completes it.
fn begin(local_port: u16, remote_port: u16, tag: u32) -> Vec<u8> {
    let mut packet = Vec::with_capacity(64);
    packet.extend_from_slice(&local_port.to_be_bytes());
    packet.extend_from_slice(&remote_port.to_be_bytes());
    packet.extend_from_slice(&tag.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet
}

/// Appends a type-length-value with padding; chunks have type and flags where parameters and causes have a type.
pub(super) fn push_tlv(packet: &mut Vec<u8>, kind: [u8; 2], value: &[u8]) {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    packet.extend_from_slice(&kind);
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(value);
    packet.resize(packet.len().next_multiple_of(4), 0);
}

fn finish(mut packet: Vec<u8>) -> Vec<u8> {
    set_checksum(&mut packet);
    packet
}

/// Ports and tag of a packet to be made.
#[derive(Clone, Copy)]
pub(super) struct Envelope {
    pub local_port: u16,
    pub remote_port: u16,
    pub tag: u32,
}

impl Envelope {
    fn packet(self, kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
        let mut packet = begin(self.local_port, self.remote_port, self.tag);
        push_tlv(&mut packet, [kind, flags], value);
        finish(packet)
    }

    /// A HEARTBEAT whose information comes back in the HEARTBEAT ACK.
    pub fn heartbeat(self, information: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(32);
        push_tlv(&mut value, PARAMETER_HEARTBEAT_INFO.to_be_bytes(), information);
        self.packet(chunk::HEARTBEAT, 0, &value)
    }

    /// An ABORT without a cause, as an answer to a packet that belongs to nothing.
    pub fn abort_reflected(self) -> Vec<u8> {
        self.packet(chunk::ABORT, chunk::T_BIT, &[])
    }

    /// An ABORT without a cause: nobody listens.
    pub fn refusal(self) -> Vec<u8> {
        self.packet(chunk::ABORT, 0, &[])
    }

    /// An ABORT with one error cause.
    pub fn abort(self, cause: u16, information: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(32);
        push_tlv(&mut value, cause.to_be_bytes(), &information[..information.len().min(MAX_REASON)]);
        self.packet(chunk::ABORT, 0, &value)
    }

    /// An ERROR that tells how stale a cookie was, in microseconds.
    pub fn stale_cookie(self, staleness_us: u32) -> Vec<u8> {
        let mut value = Vec::with_capacity(8);
        push_tlv(&mut value, cause::STALE_COOKIE.to_be_bytes(), &staleness_us.to_be_bytes());
        self.packet(chunk::ERROR, 0, &value)
    }

    /// A SHUTDOWN COMPLETE for an association that is gone already.
    pub fn shutdown_complete_reflected(self) -> Vec<u8> {
        self.packet(chunk::SHUTDOWN_COMPLETE, chunk::T_BIT, &[])
    }
}

/// The first error cause of an ABORT chunk and its information; none: nobody listens, or has such an association.
pub(super) fn abort_cause(value: &[u8]) -> Option<(u16, &[u8])> {
    Parameters(value).next()
}

/// The information of a HEARTBEAT ACK chunk.
pub(super) fn heartbeat_information(value: &[u8]) -> Option<&[u8]> {
    Parameters(value).find(|(kind, _)| *kind == PARAMETER_HEARTBEAT_INFO).map(|(_, information)| information)
}

/// A copy of an INIT ACK with its state cookie replaced; `None` if it has none.
pub(super) fn with_cookie(packet: &[u8], seal: impl FnOnce(&[u8]) -> Vec<u8>) -> Option<Vec<u8>> {
    let (chunk, _) = next_chunk(packet.get(HEADER..)?)?;
    let fixed = chunk.value.get(..16)?;
    let mut seal = Some(seal);
    let mut value = fixed.to_vec();
    for (kind, parameter) in Parameters(&chunk.value[16..]) {
        match seal.take() {
            Some(seal) if kind == PARAMETER_STATE_COOKIE => push_tlv(&mut value, kind.to_be_bytes(), &seal(parameter)),
            unused => {
                seal = unused;
                push_tlv(&mut value, kind.to_be_bytes(), parameter);
            }
        }
    }
    if seal.is_some() {
        return None;
    }
    let mut out = packet[..HEADER].to_vec();
    push_tlv(&mut out, [chunk.kind, chunk.flags], &value);
    Some(finish(out))
}

/// A copy of a packet that begins with COOKIE ECHO, with another cookie. The checksum is left as it was.
pub(super) fn with_echoed_cookie(packet: &[u8], cookie: &[u8]) -> Option<Vec<u8>> {
    let (chunk, rest) = next_chunk(packet.get(HEADER..)?)?;
    let mut out = packet[..HEADER].to_vec();
    push_tlv(&mut out, [chunk.kind, chunk.flags], cookie);
    out.extend_from_slice(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: Envelope = Envelope { local_port: 1, remote_port: 2, tag: 3 };

    #[test]
    fn what_is_built_parses_and_has_a_right_checksum() {
        for packet in [
            ENVELOPE.heartbeat(b"information!"),
            ENVELOPE.abort_reflected(),
            ENVELOPE.abort(cause::USER_INITIATED_ABORT, b"enough"),
            ENVELOPE.stale_cookie(7),
            ENVELOPE.shutdown_complete_reflected(),
        ] {
            assert!(checksum_ok(&packet));
            let (header, first, count) = parse(&packet).unwrap();
            assert_eq!((header.source_port, header.destination_port, header.verification_tag), (1, 2, 3));
            assert_eq!(count, 1);
            assert_eq!(find(&packet, first.kind).unwrap().value, first.value);
        }
    }

    #[test]
    fn a_flipped_bit_breaks_the_checksum() {
        let packet = ENVELOPE.heartbeat(b"information!");
        for bit in 0..packet.len() * 8 {
            let mut broken = packet.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(!checksum_ok(&broken), "bit {bit}");
        }
    }

    #[test]
    fn truncations_and_flips_of_an_init_never_panic() {
        let mut value = vec![0, 0, 0, 9, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1];
        push_tlv(&mut value, PARAMETER_IPV4.to_be_bytes(), &[127, 0, 0, 1]);
        push_tlv(&mut value, PARAMETER_STATE_COOKIE.to_be_bytes(), &[1; 48]);
        let packet = ENVELOPE.packet(chunk::INIT_ACK, 0, &value);
        assert_eq!(Init::parse(&value).unwrap().addresses.len(), 1);
        for end in 0..packet.len() {
            let _ = parse(&packet[..end]);
            let _ = with_cookie(&packet[..end], |cookie| cookie.to_vec());
            let _ = Init::parse(value.get(..end).unwrap_or(&value));
        }
        for bit in 0..packet.len() * 8 {
            let mut broken = packet.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            if let Some((_, first, _)) = parse(&broken) {
                let _ = Init::parse(first.value);
            }
            let _ = with_cookie(&broken, |cookie| cookie.to_vec());
        }
    }

    #[test]
    fn init_must_stand_alone_and_cookie_echo_must_come_first() {
        let mut packet = ENVELOPE.packet(chunk::INIT, 0, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert!(parse(&packet).is_some());
        push_tlv(&mut packet, [chunk::HEARTBEAT, 0], &[]);
        assert!(parse(&packet).is_none());
        let mut packet = ENVELOPE.packet(chunk::HEARTBEAT, 0, &[]);
        push_tlv(&mut packet, [chunk::COOKIE_ECHO, 0], &[1; 8]);
        assert!(parse(&packet).is_none());
    }
}

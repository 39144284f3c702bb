//! Cuts the byte stream of a TCP connection into ASAP messages (RFC 5352 section 2.1, RFC 5354 section 2).
//!
//! Every message starts with type, flags and a 16-bit length that counts the header but not the padding. On the stream
//! a message occupies that length rounded up to 4. Messages are handed on with their padding, just as SCTP delivers them.

use crate::message::message_length;
use crate::transport::TransportError;
use std::io;

/// Type, flags and length.
pub(super) const HEADER_LEN: usize = 4;

/// Why a stream cannot be cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) enum FramingError {
    /// A length that does not even cover the header.
    TooShort { length: usize },
    /// A length beyond what this endpoint takes.
    TooLong { length: usize, limit: usize },
}

impl std::fmt::Display for FramingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FramingError::TooShort { length } => write!(f, "message length {length} is below the header's 4"),
            FramingError::TooLong { length, limit } => {
                write!(f, "message length {length} is above the limit of {limit}")
            }
        }
    }
}

/// The bytes that a message with this header occupies on the stream.
pub(super) fn frame_len(header: [u8; HEADER_LEN], limit: usize) -> Result<usize, FramingError> {
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if length < HEADER_LEN {
        return Err(FramingError::TooShort { length });
    }
    let occupied = message_length(&header).unwrap_or(HEADER_LEN);
    if occupied > limit { Err(FramingError::TooLong { length, limit }) } else { Ok(occupied) }
}

/// What the bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) enum Framing {
    /// Messages of ASAP.
    Messages,
    /// Whatever who wraps this transport makes of them: they are handed on as they come.
    #[cfg(feature = "tls")]
    Stream,
}

/// Collects the message that the bytes received so far end in.
#[derive(Debug)]
pub(in crate::transport) struct Framer {
    framing: Framing,
    /// The beginning of an incomplete message; it grows as bytes arrive, never by what a header claims.
    partial: Vec<u8>,
}

impl Framer {
    /// Nothing has come yet.
    pub fn new(framing: Framing) -> Framer {
        Framer { framing, partial: Vec::new() }
    }

    /// Whether the stream ends within a message.
    pub fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Takes received bytes and hands each message that they complete to `sink`; returns how many.
    pub fn feed(&mut self, mut data: &[u8], limit: usize, sink: &mut dyn FnMut(&[u8])) -> Result<usize, FramingError> {
        if self.framing != Framing::Messages {
            if !data.is_empty() {
                sink(data);
            }
            return Ok(usize::from(!data.is_empty()));
        }
        let mut count = 0;
        while !self.partial.is_empty() {
            let Some(missing) = self.missing(limit)? else {
                sink(&self.partial);
                count += 1;
                // A large message must not keep its memory on an idle connection.
                self.partial = Vec::new();
                break;
            };
            if data.is_empty() {
                return Ok(count);
            }
            let (now, later) = data.split_at(missing.min(data.len()));
            self.partial.extend_from_slice(now);
            data = later;
        }
        while let Some(header) = data.first_chunk::<HEADER_LEN>() {
            let frame = frame_len(*header, limit)?;
            let Some((message, rest)) = data.split_at_checked(frame) else { break };
            sink(message);
            count += 1;
            data = rest;
        }
        self.partial.extend_from_slice(data);
        Ok(count)
    }

    /// How many bytes are missing from the header, or after that from the message; none when it is complete.
    fn missing(&self, limit: usize) -> Result<Option<usize>, FramingError> {
        let needed = match self.partial.first_chunk::<HEADER_LEN>() {
            None => HEADER_LEN,
            Some(header) => frame_len(*header, limit)?,
        };
        Ok(needed.checked_sub(self.partial.len()).filter(|missing| *missing > 0))
    }
}

/// The padding that a message to be sent needs, none where it is as long as it says; or why it cannot be sent: a wrong length of its
/// own would make the peer lose step.
pub(in crate::transport) fn check_message(payload: &[u8], limit: usize) -> Result<&'static [u8], TransportError> {
    if payload.is_empty() {
        return Err(TransportError::EmptyMessage);
    }
    let padded = payload.len().next_multiple_of(4);
    if padded > limit {
        return Err(TransportError::MessageTooLarge { limit });
    }
    let frame = payload.first_chunk().map(|header| frame_len(*header, super::MAX_FRAME));
    match frame {
        Some(Ok(len)) if len == padded => Ok(&[0u8; 3][..padded - payload.len()]),
        _ => Err(TransportError::Io(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the message does not carry its own length, by which TCP connections are framed",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u16) -> Vec<u8> {
        let mut bytes = vec![0u8; usize::from(length).next_multiple_of(4)];
        bytes[0] = 6;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        for (i, byte) in bytes.iter_mut().enumerate().skip(4) {
            *byte = i as u8;
        }
        bytes
    }

    fn feed_in_pieces(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let mut framer = Framer::new(Framing::Messages);
        let mut messages = Vec::new();
        for part in stream.chunks(piece) {
            framer.feed(part, 65_536, &mut |message| messages.push(message.to_vec())).unwrap();
        }
        assert!(!framer.has_partial());
        messages
    }

    #[test]
    fn messages_come_out_whole_however_the_stream_is_cut() {
        let expected: Vec<Vec<u8>> = [4, 5, 6, 7, 8, 200, 4, 1_401, 65_535].map(message).to_vec();
        let stream: Vec<u8> = expected.concat();
        for piece in [1, 2, 3, 4, 5, 7, 64, 1_000, stream.len()] {
            assert_eq!(feed_in_pieces(&stream, piece), expected, "cut every {piece} bytes");
        }
    }

    #[test]
    fn lengths_below_the_header_are_refused() {
        for length in 0..4u8 {
            let mut framer = Framer::new(Framing::Messages);
            let result = framer.feed(&[1, 0, 0, length], 65_536, &mut |_| panic!("no message is there"));
            assert_eq!(result, Err(FramingError::TooShort { length: usize::from(length) }));
        }
    }

    #[test]
    fn lengths_above_the_limit_are_refused_before_the_message_is_collected() {
        let mut framer = Framer::new(Framing::Messages);
        framer.feed(&[1, 0, 0x10], 4_096, &mut |_| panic!("no message is there")).unwrap();
        let result = framer.feed(&[1], 4_096, &mut |_| panic!("no message is there"));
        assert_eq!(result, Err(FramingError::TooLong { length: 4_097, limit: 4_096 }));
    }

    #[test]
    fn messages_before_a_violation_are_delivered() {
        let mut framer = Framer::new(Framing::Messages);
        let mut stream = message(8);
        stream.extend([0, 0, 0, 1]);
        let mut count = 0;
        assert!(framer.feed(&stream, 65_536, &mut |_| count += 1).is_err());
        assert_eq!(count, 1);
    }

    #[test]
    fn a_claimed_length_reserves_no_memory() {
        let mut framer = Framer::new(Framing::Messages);
        framer.feed(&[1, 0, 0xff, 0xff, 0], 65_536, &mut |_| panic!("no message is there")).unwrap();
        assert!(framer.partial.capacity() < 64);
    }
}

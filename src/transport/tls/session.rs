//! One association under TLS: its engine, and what waits on either side of it.

use super::engine::{Engine, Handshake, Reading, TlsFault};
use super::sent::Sent;
use crate::Time;
use crate::association::Peer;
use crate::security::access::Identity;
use crate::transport::tcp::{Framer, Framing};
use std::cmp::Ordering;
use std::collections::VecDeque;

/// Bytes that a peer may send before its handshake is over.
const MAX_HANDSHAKE_BYTES: usize = 128 << 10;
/// Pieces that wait for room in the transport below: a message, and what TLS itself has to say. A peer that asks for more of the latter,
/// as for new keys, and does not read it, only takes memory.
const MAX_WAITING_PIECES: usize = 64;

/// Where an association stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The transport below connects.
    Connecting,
    /// TLS shakes hands.
    Handshake,
    /// Messages flow.
    Open,
    /// One side has ended it; what is queued goes out, then this side's end.
    Ending,
    /// This side has said its last, and the transport below closes.
    Closing,
    /// Its end was reported, and the transport below gets rid of it.
    Over,
}

/// Who has begun it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    ByUs,
    ByPeer,
}

/// What comes of both sides having connected to each other, which SCTP makes one association of: both have begun a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// They have not.
    None,
    /// This side's handshake goes on; the other's beginning is of no use.
    Lead,
    /// The other's goes on.
    Follow,
    /// The other side's beginning is this one's.
    Mirror,
}

pub(super) struct Session {
    pub phase: Phase,
    pub begun: Begun,
    pub peer: Option<Peer>,
    engine: Option<Box<dyn Engine>>,
    framer: Framer,
    /// Bytes that came during the handshake.
    shaken: usize,
    /// The beginning of this side's handshake, until the other side has said something.
    hello: Vec<u8>,
    /// Messages that were taken before the handshake was over.
    pub early: VecDeque<Vec<u8>>,
    early_bytes: usize,
    /// Ciphertext that the transport below had no room for, as it is to be handed over.
    pub waiting: VecDeque<Vec<u8>>,
    /// A send was refused: report when there is room again.
    pub wants_room: bool,
    /// It is to end as soon as the handshake is over and what was taken is sent.
    pub end_wanted: bool,
    /// This side has said that it sends no more.
    pub said_last: bool,
    /// What was handed over and is not acknowledged yet.
    pub sent: Sent,
    /// Its entry among the timers.
    pub deadline: Option<Time>,
}

/// What came out of bytes from the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// Whole messages.
    pub messages: usize,
    /// More of a message or of a record is to come.
    pub partial: bool,
    /// The peer has said that it sends no more.
    pub ended: bool,
}

impl Session {
    pub fn new(begun: Begun, reports_undelivered: bool) -> Session {
        Session {
            phase: Phase::Connecting,
            begun,
            peer: None,
            engine: None,
            framer: Framer::new(Framing::Messages),
            shaken: 0,
            hello: Vec::new(),
            early: VecDeque::new(),
            early_bytes: 0,
            waiting: VecDeque::new(),
            wants_room: false,
            end_wanted: false,
            said_last: false,
            sent: Sent::new(reports_undelivered),
            deadline: None,
        }
    }

    /// The transport below is connected: the handshake begins.
    pub fn begin(&mut self, peer: Peer, engine: Box<dyn Engine>) {
        self.peer = Some(peer);
        self.engine = Some(engine);
        self.phase = Phase::Handshake;
    }

    /// Looks whether the first bytes of the peer are those of one that has connected, too. Both sides have both beginnings, with their random
    /// numbers: the greater one leads.
    pub fn meet(&mut self, bytes: &[u8]) -> Meeting {
        if self.begun == Begun::ByPeer || self.hello.is_empty() || bytes.is_empty() {
            return Meeting::None;
        }
        let hello = std::mem::take(&mut self.hello);
        if !begins_handshake(bytes) {
            return Meeting::None;
        }
        match hello.as_slice().cmp(bytes) {
            Ordering::Greater => Meeting::Lead,
            Ordering::Less => Meeting::Follow,
            Ordering::Equal => Meeting::Mirror,
        }
    }

    /// Goes on with the handshake.
    pub fn shake_hands(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Handshake, TlsFault> {
        self.shaken += bytes.len();
        let Some(engine) = &mut self.engine else { return Ok(Handshake::Waits) };
        engine.feed(bytes);
        let result = engine.handshake(out)?;
        if bytes.is_empty() {
            self.hello.clone_from(out);
        }
        if result == Handshake::Waits && self.shaken > MAX_HANDSHAKE_BYTES {
            return Err(TlsFault(format!("a handshake of more than {MAX_HANDSHAKE_BYTES} bytes")));
        }
        Ok(result)
    }

    /// After the handshake: takes bytes, and hands on the messages in them, none longer than `limit`.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Received, TlsFault> {
        let Some(engine) = &mut self.engine else { return Ok(Received::default()) };
        engine.feed(bytes);
        let (framer, mut messages, mut wrong) = (&mut self.framer, 0, None);
        let reading = engine.read(out, &mut |plaintext| {
            if wrong.is_none() {
                match framer.feed(plaintext, limit, sink) {
                    Ok(count) => messages += count,
                    Err(error) => wrong = Some(TlsFault(error.to_string())),
                }
            }
        })?;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        let partial = self.framer.has_partial() || engine.has_partial_record();
        let ended = reading == Reading::Ended;
        if ended && self.framer.has_partial() {
            return Err(TlsFault("the stream ended within a message".to_owned()));
        }
        Ok(Received { messages, partial, ended })
    }

    /// It ended within a record or a message.
    pub fn is_cut_off(&self) -> bool {
        self.framer.has_partial() || self.engine.as_ref().is_some_and(|engine| engine.has_partial_record())
    }

    /// Keeps a message until the handshake is over. False: more than `limit` bytes would wait.
    pub fn keep_early(&mut self, message: Vec<u8>, limit: usize) -> bool {
        if !self.early.is_empty() && self.early_bytes + message.len() > limit {
            return false;
        }
        self.early_bytes += message.len();
        self.early.push_back(message);
        true
    }

    /// A message, so that the peer can read it.
    pub fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), TlsFault> {
        match &mut self.engine {
            Some(engine) => engine.write(message, out),
            None => Err(TlsFault("there is no connection".to_owned())),
        }
    }

    /// Keeps a piece until the transport below has room for it.
    pub fn wait(&mut self, piece: Vec<u8>) -> Result<(), TlsFault> {
        if self.waiting.len() >= MAX_WAITING_PIECES {
            return Err(TlsFault("the peer asks, and does not read what it is told".to_owned()));
        }
        self.waiting.push_back(piece);
        Ok(())
    }

    /// This side sends no more.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(engine) = &mut self.engine {
            engine.close(out);
        }
    }

    /// Who the peer has proved to be.
    pub fn identity(&self) -> Identity {
        self.engine.as_ref().map_or(Identity::Plain, |engine| engine.identity())
    }

    /// Who the peer is, for logs.
    pub fn describe(&self) -> String {
        self.engine.as_ref().map_or_else(String::new, |engine| engine.describe())
    }
}

/// A record of the handshake that begins with ClientHello (RFC 8446 sections 4 and 5.1).
fn begins_handshake(bytes: &[u8]) -> bool {
    bytes.first() == Some(&22) && bytes.get(5) == Some(&1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_sides_that_have_both_begun_exactly_one_leads() {
        let hello = |random: u8| vec![22, 3, 1, 0, 5, 1, 0, 0, 1, random];
        let meet = |own: u8, bytes: &[u8]| {
            let mut session = Session::new(Begun::ByUs, false);
            session.hello = hello(own);
            session.meet(bytes)
        };
        assert_eq!((meet(1, &hello(2)), meet(2, &hello(1))), (Meeting::Follow, Meeting::Lead));
        assert_eq!(meet(1, &hello(1)), Meeting::Mirror);
        let (server_hello, alert) = ([22, 3, 3, 0, 1, 2], [21, 3, 3, 0, 2, 2, 40]);
        assert_eq!(
            (meet(1, &server_hello), meet(1, &alert), meet(1, &[])),
            (Meeting::None, Meeting::None, Meeting::None)
        );
    }

    #[test]
    fn pieces_for_a_peer_that_does_not_read_have_a_limit() {
        let mut session = Session::new(Begun::ByPeer, false);
        for number in 0..MAX_WAITING_PIECES {
            assert_eq!(session.wait(vec![0]), Ok(()), "{number}");
        }
        assert!(session.wait(vec![0]).is_err());
        assert_eq!(session.waiting.len(), MAX_WAITING_PIECES);
    }
}

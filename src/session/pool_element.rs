//! A session as its pool element sees it: one association of a pool user.

use super::{ControlMessage, encode_cookie, parse_control};
use crate::AssociationId;
use crate::association::PeerAddress;
use crate::wire::EncodeError;

/// ASAP_ERROR messages sent to one peer: more would only feed a hostile one.
const MAX_ERRORS_SENT: u8 = 4;

/// The pool element's side of a session.
#[derive(Debug)]
pub struct ServerSession {
    association: AssociationId,
    /// Where the peer is, as far as known.
    peer: Option<PeerAddress>,
    errors_sent: u8,
    direction: Direction,
}

/// Which way messages go in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Both,
    /// The pool element has ended it; what the pool user sent before it knew is still to be read.
    FromPoolUser,
}

/// What a control message means to the pool element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// Nothing.
    Nothing,
    /// Hand this cookie to the application: the session was served by another element before.
    CookieEcho(Vec<u8>),
    /// Answer with this ASAP_ERROR.
    Answer(Vec<u8>),
}

impl ServerSession {
    /// A session on this association.
    pub fn new(association: AssociationId, peer: Option<PeerAddress>) -> ServerSession {
        ServerSession { association, peer, errors_sent: 0, direction: Direction::Both }
    }

    /// The pool element sends no more.
    pub fn make_read_only(&mut self) {
        self.direction = Direction::FromPoolUser;
    }

    /// Nothing can be sent in it any more.
    pub fn is_read_only(&self) -> bool {
        self.direction == Direction::FromPoolUser
    }

    /// Whether the other end is this one: the same port, and an address in common.
    pub fn is_with(&self, other: &PeerAddress) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.is_with(other))
    }

    /// Where the peer is, as far as known.
    pub fn peer(&self) -> Option<&PeerAddress> {
        self.peer.as_ref()
    }

    /// Its association.
    pub fn association(&self) -> AssociationId {
        self.association
    }

    /// The control message that carries a cookie.
    pub fn cookie_message(&self, cookie: &[u8]) -> Result<Vec<u8>, EncodeError> {
        encode_cookie(cookie)
    }

    /// A message came on the control channel.
    pub fn handle_control(&mut self, bytes: &[u8]) -> ServerEvent {
        match parse_control(bytes) {
            ControlMessage::CookieEcho(cookie) => ServerEvent::CookieEcho(cookie),
            ControlMessage::Unusable { answer, what } => {
                log::debug!("control message on {:?} ignored: {what}", self.association);
                match answer {
                    Some(bytes) if self.errors_sent < MAX_ERRORS_SENT => {
                        self.errors_sent += 1;
                        ServerEvent::Answer(bytes)
                    }
                    _ => ServerEvent::Nothing,
                }
            }
            // A pool user that is itself an element may send its card; nothing fails over in that direction.
            ControlMessage::BusinessCard { .. } | ControlMessage::Cookie(_) => ServerEvent::Nothing,
            ControlMessage::Error(error) => {
                log::debug!("peer of {:?} reports {:?}", self.association, error.first());
                ServerEvent::Nothing
            }
        }
    }
}

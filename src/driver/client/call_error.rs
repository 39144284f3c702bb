//! Why a call on a descriptor did not do what it was asked for.

use crate::transport::TransportError;

/// What a receive came to other than a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveError {
    /// Nothing to read in time.
    WouldBlock,
    /// A notification waits, and the buffer is too small for it.
    BufferTooSmall,
    /// The socket has no session that could receive.
    NotConnected,
    /// A signal came while waiting.
    Interrupted,
    /// The socket was closed; the errno.
    Closed(libc::c_int),
}

/// Why a message was not sent.
#[derive(Debug)]
pub enum SendError {
    /// No room in time, or a failover is under way.
    WouldBlock,
    /// The session has failed.
    Failed,
    /// There is no such session.
    NoSession,
    /// A signal came while waiting.
    Interrupted,
    /// The socket was closed; the errno.
    Closed(libc::c_int),
    /// The transport refused.
    Transport(TransportError),
}

/// Why a socket does not listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// It has a session.
    Connected,
    /// The socket was closed; the errno.
    Closed(libc::c_int),
}

/// The socket was closed; the errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed(pub libc::c_int);

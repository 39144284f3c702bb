//! What the wrapper needs of an implementation of TLS: bytes in and out on both sides, and who the peer is. No I/O.

use super::counterpart::Counterpart;
use crate::security::access::Identity;
use std::fmt;

/// One end of one TLS connection.
pub trait Engine: Send {
    /// Takes bytes that came from the peer. They are looked at by the next call.
    fn feed(&mut self, ciphertext: &[u8]);

    /// Goes on with the handshake and appends to `out` what the peer is to get, which with an error is an alert.
    fn handshake(&mut self, out: &mut Vec<u8>) -> Result<Handshake, TlsFault>;

    /// After the handshake: hands on what was fed, in the clear.
    fn read(&mut self, out: &mut Vec<u8>, plaintext: &mut dyn FnMut(&[u8])) -> Result<Reading, TlsFault>;

    /// After the handshake: appends to `out` what the peer is to get so that it reads this.
    fn write(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), TlsFault>;

    /// Appends to `out` that this side sends no more (close_notify).
    fn close(&mut self, out: &mut Vec<u8>);

    /// What was fed ends within a record.
    fn has_partial_record(&self) -> bool;

    /// After the handshake: who the other end has proved to be.
    fn identity(&self) -> Identity;

    /// After the handshake: who is at the other end, and how the connection is protected. For logs.
    fn describe(&self) -> String;
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// The peer has to send something.
    Waits,
    /// It is over.
    Done,
}

/// What reading has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The peer may send more.
    Open,
    /// The peer has said that it sends no more (close_notify).
    Ended,
}

/// Makes engines by the settings of this side.
pub trait Engines: Send + Sync {
    /// For a peer that has connected.
    fn server(&self, wanted: Counterpart) -> Result<Box<dyn Engine>, TlsFault>;

    /// For a peer that this side has connected to.
    fn client(&self, wanted: Counterpart) -> Result<Box<dyn Engine>, TlsFault>;
}

/// Why a connection cannot be, or stay, protected. Text from the peer in it is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault(pub String);

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsFault {}

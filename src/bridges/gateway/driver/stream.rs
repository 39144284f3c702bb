//! One direction of a connection: bytes come from one socket and go to the other. What the other has no room for is held, a bounded
//! piece, and nothing more is read until it is gone.

use super::sockets::Socket;
use std::io::{self, ErrorKind};
use std::net::Shutdown;

/// Bytes read in one go, and held at most.
pub(super) const CHUNK: usize = 64 << 10;
/// Chunks of one connection before others have their turn.
const CHUNKS_PER_TURN: usize = 16;

/// A socket, and what is known of it.
pub(super) struct End {
    pub(super) socket: Socket,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// Its other end has closed: what is read next may be the end.
    pub(super) ended: bool,
}

impl End {
    pub(super) fn new(socket: Socket) -> End {
        End { socket, readable: false, writable: false, ended: false }
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing can be moved just now.
    Rests,
    /// There is more, after others have had their turn.
    More,
    /// All that there will ever be has been moved, and the end told.
    Over,
    /// The source's connection is broken.
    SourceLost,
    /// The sink's connection is broken.
    SinkLost,
}

/// One direction.
#[derive(Default)]
pub(super) struct Stream {
    held: Vec<u8>,
    /// Bytes of `held` that have gone.
    gone: usize,
    source_ended: bool,
    over: bool,
    /// Bytes moved in all.
    pub(super) bytes: u64,
}

impl Stream {
    /// Bytes that go before all others.
    pub(super) fn put_first(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    /// Moves what can be moved.
    pub(super) fn turn(&mut self, source: &mut End, sink: &mut End, chunk: &mut [u8]) -> Turn {
        if self.over {
            return Turn::Over;
        }
        for _ in 0..CHUNKS_PER_TURN {
            if !self.held.is_empty() {
                match self.send_held(sink) {
                    Ok(true) => {}
                    Ok(false) => return Turn::Rests,
                    Err(_) => return Turn::SinkLost,
                }
            }
            if self.source_ended {
                self.over = true;
                // It fails only where the connection is broken, which its next event tells.
                let _ = sink.socket.shutdown(Shutdown::Write);
                return Turn::Over;
            }
            if !source.readable || !sink.writable {
                return Turn::Rests;
            }
            match source.socket.read(chunk) {
                Ok(0) => self.source_ended = true,
                Ok(length) => {
                    // The kernel had no more, unless the end follows.
                    source.readable = length == chunk.len() || source.ended;
                    if self.send(sink, &chunk[..length]).is_err() {
                        return Turn::SinkLost;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => source.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Turn::SourceLost,
            }
        }
        Turn::More
    }

    fn send(&mut self, sink: &mut End, bytes: &[u8]) -> io::Result<()> {
        let sent = write(sink, bytes)?;
        self.bytes += sent as u64;
        self.held.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// False: there is no room yet.
    fn send_held(&mut self, sink: &mut End) -> io::Result<bool> {
        if !sink.writable {
            return Ok(false);
        }
        let sent = write(sink, &self.held[self.gone..])?;
        self.bytes += sent as u64;
        self.gone += sent;
        if self.gone < self.held.len() {
            return Ok(false);
        }
        // A connection that rests has no buffer.
        self.held = Vec::new();
        self.gone = 0;
        Ok(true)
    }
}

/// Bytes that the socket took; it is not writable where that is not all.
fn write(sink: &mut End, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match sink.socket.write(bytes) {
            Ok(sent) => {
                sink.writable = sent == bytes.len();
                return Ok(sent);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                sink.writable = false;
                return Ok(0);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

//! One TCP connection: its life from connect or accept to the end.

use super::framing::{Framer, Framing};
use super::options;
use super::send_log::SendLog;
use crate::Time;
use crate::association::{LossReason, Undelivered};
use crate::transport::epoll::Interest;
use crate::transport::not_inherited::NotInherited;
use crate::transport::types;
use crate::wire::AddressList;
use socket2::Socket;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Duration;

/// Sent bytes that are kept without asking whether they were delivered, when something is read: it often acknowledges them.
const KEPT_WHEN_READING: usize = 1 << 10;
/// The same when something is written, where the answer would mostly be "not yet".
const KEPT_WHEN_WRITING: usize = 16 << 10;

/// Where a connection stands.
#[derive(Debug)]
pub(super) enum State {
    /// Waiting for the outcome of a connect.
    Connecting(Connecting),
    /// Messages flow both ways.
    Open,
    /// We close: what is queued goes out, then the end of our stream; the peer's end finishes it.
    Closing { end_sent: bool },
    /// The peer has sent the end of its stream: what is queued goes out, then it is over.
    PeerClosed,
    /// It is over, but `poll` has not reported that yet.
    Failed(LossReason),
}

/// A connect in progress.
#[derive(Debug)]
pub(super) struct Connecting {
    /// Addresses not tried yet.
    pub untried: AddressList,
    pub port: u16,
    /// When the whole connect fails.
    pub give_up: Time,
    /// `shutdown` was called meanwhile.
    pub then_close: bool,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub socket: NotInherited<Socket>,
    pub state: State,
    /// It has been reported as up.
    pub established: bool,
    pub log: SendLog,
    /// What the peer does not take will be reported.
    pub reports_undelivered: bool,
    pub framer: Framer,
    /// A send was refused: report when there is room again.
    pub wants_room: bool,
    /// Messages are kept back, see [`crate::transport::Transport::hold`].
    pub held: bool,
    /// What epoll waits for.
    pub interest: Interest,
    /// Its entry among the timers.
    pub deadline: Option<Time>,
}

/// What reading found.
pub(super) struct ReadOutcome {
    /// The peer has sent the end of its stream.
    pub ended: bool,
    /// More may be waiting.
    pub more: bool,
    /// Whole messages received.
    pub messages: usize,
}

impl Connection {
    pub fn new(
        socket: Socket,
        state: State,
        interest: Interest,
        framing: Framing,
        reports_undelivered: bool,
    ) -> Connection {
        Connection {
            socket: NotInherited::new(socket),
            state,
            established: false,
            log: SendLog::default(),
            reports_undelivered,
            framer: Framer::new(framing),
            wants_room: false,
            held: false,
            interest,
            deadline: None,
        }
    }

    /// What epoll should wait for in this state.
    pub fn wanted_interest(&self) -> Interest {
        match self.state {
            State::Connecting(_) | State::PeerClosed => Interest::Write,
            _ if self.log.unsent_len() > 0 || self.wants_room => Interest::ReadWrite,
            _ => Interest::Read,
        }
    }

    /// Reads once, as much as `buffer` takes, and hands each whole message to `sink`: then others have their turn.
    pub fn read(
        &mut self,
        buffer: &mut [MaybeUninit<u8>],
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<ReadOutcome, LossReason> {
        let count = match self.socket.recv(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(ReadOutcome { ended: false, more: false, messages: 0 });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Ok(ReadOutcome { ended: false, more: true, messages: 0 });
            }
            Err(error) => return Err(loss_reason(&error)),
        };
        // SAFETY: recv filled the first `count` bytes.
        let data = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), count) };
        let framed = self.framer.feed(data, limit, sink);
        let messages = framed.map_err(|error| LossReason::ProtocolViolation(error.to_string()))?;
        self.forget_acknowledged(KEPT_WHEN_READING);
        let ended = count == 0;
        if ended && self.framer.has_partial() {
            return Err(LossReason::ProtocolViolation("the stream ended within a message".into()));
        }
        Ok(ReadOutcome { ended, more: count == buffer.len(), messages })
    }

    /// Writes what waits for room in the kernel; ends our stream if that is due.
    pub fn flush(&mut self) -> Result<(), LossReason> {
        while self.log.unsent_len() > 0 {
            match self.socket.send_with_flags(self.log.unsent(), libc::MSG_NOSIGNAL) {
                Ok(count) => self.log.mark_sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(loss_reason(&error)),
            }
        }
        self.forget_acknowledged(KEPT_WHEN_WRITING);
        if let State::Closing { end_sent: end_sent @ false } = &mut self.state {
            if self.log.unsent_len() == 0 {
                *end_sent = true;
                // An error means that the connection is gone already, which reading will find out.
                let _ = self.socket.shutdown(Shutdown::Write);
            }
        }
        Ok(())
    }

    /// Sends a message, or what of it the kernel takes, and keeps the rest.
    pub fn write(&mut self, payload: &[u8], padding: &[u8]) -> Result<(), LossReason> {
        if matches!(self.state, State::Connecting(_)) || self.log.unsent_len() > 0 {
            self.log.push([payload, padding], 0);
            return Ok(());
        }
        let slices = [io::IoSlice::new(payload), io::IoSlice::new(padding)];
        let used = if padding.is_empty() { &slices[..1] } else { &slices[..] };
        let (sent, result) = match self.socket.send_vectored_with_flags(used, libc::MSG_NOSIGNAL) {
            Ok(count) => (count, Ok(())),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => (0, Ok(())),
            Err(error) => (0, Err(loss_reason(&error))),
        };
        if self.reports_undelivered || sent < payload.len() + padding.len() {
            self.log.push([payload, padding], sent);
        }
        self.forget_acknowledged(KEPT_WHEN_WRITING);
        result
    }

    /// Asks the kernel what it has delivered, unless so few bytes are kept that this costs more than keeping them.
    fn forget_acknowledged(&mut self, worth_keeping: usize) {
        if !self.reports_undelivered {
            self.log.forget_sent();
        } else if self.log.len() > worth_keeping {
            if let Some(unacknowledged) = options::unacknowledged(&self.socket) {
                self.log.acknowledge_all_but(unacknowledged);
            }
        }
    }

    /// How many messages the peer's TCP has not acknowledged, as far as the kernel tells.
    #[cfg(feature = "tls")]
    pub fn unacknowledged(&mut self) -> usize {
        self.forget_acknowledged(0);
        self.log.message_count()
    }

    /// Ends the connection; returns what the peer's TCP has not acknowledged, if that is reported. Unless `orderly`, the peer gets a RST.
    pub fn end(mut self, orderly: bool) -> Vec<Undelivered> {
        self.forget_acknowledged(0);
        if !orderly {
            // Failure leaves an orderly end, which does no harm.
            let _ = self.socket.set_linger(Some(Duration::ZERO));
        }
        if self.reports_undelivered { self.log.into_undelivered() } else { Vec::new() }
    }
}

/// What an error of a socket says about the peer.
pub(super) fn loss_reason(error: &io::Error) -> LossReason {
    match error.raw_os_error() {
        Some(libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED) => LossReason::Aborted(String::new()),
        _ => types::loss_reason(error),
    }
}

/// An address as users expect it: IPv4 as IPv4 even on an IPv6 socket.
pub(super) fn canonical(address: SocketAddr) -> (IpAddr, u16) {
    (address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_host_lacks_is_not_blamed_on_the_peer() {
        let reason = |errno| loss_reason(&io::Error::from_raw_os_error(errno));
        assert_eq!([libc::ENOMEM, libc::ENOBUFS].map(reason), [LossReason::NoMemory, LossReason::NoMemory]);
        assert_eq!([libc::EMFILE, libc::ENFILE].map(reason), [LossReason::NoDescriptor, LossReason::NoDescriptor]);
        assert_eq!(reason(libc::ECONNREFUSED), LossReason::Refused);
        assert_eq!(reason(libc::ECONNRESET), LossReason::Aborted(String::new()));
        assert_eq!(reason(libc::ETIMEDOUT), LossReason::Unreachable);
    }
}

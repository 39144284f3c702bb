//! The socket that clients connect to. While there is no room for more, it rests, and clients wait in the kernel's queue.

use super::sockets::{Socket, accept};
use crate::Time;
use crate::driver::poller::Poller;
use crate::log_limit::{LogLimit, log_limited};
use log::Level;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// Clients accepted before others have their turn.
const TURN: usize = 32;
/// How long it rests.
const REST: Duration = Duration::from_millis(20);

pub(super) struct Listener {
    socket: Arc<TcpListener>,
    address: SocketAddr,
    /// Since when it rests, and until when at least.
    resumes: Option<Time>,
    log: LogLimit,
}

/// Whether there is room for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Some,
    None,
}

/// What an accept comes to.
pub(super) enum Accepting {
    Client(Socket, SocketAddr),
    Nobody,
}

impl Listener {
    pub(super) fn new(socket: Arc<TcpListener>, address: SocketAddr) -> Listener {
        Listener { socket, address, resumes: None, log: LogLimit::default() }
    }

    pub(super) fn turn(&self) -> usize {
        TURN
    }

    pub(super) fn resumes(&self) -> Option<Time> {
        self.resumes
    }

    /// The next client.
    pub(super) fn accept(&mut self, poller: &Poller, now: Time) -> Accepting {
        match accept(&self.socket) {
            Ok(Some((socket, client))) => Accepting::Client(socket, client),
            Ok(None) => Accepting::Nobody,
            Err(error) => {
                self.pause(poller, now, &error.to_string());
                Accepting::Nobody
            }
        }
    }

    /// Nobody can be accepted.
    pub(super) fn pause(&mut self, poller: &Poller, now: Time, why: &str) {
        let address = self.address;
        log_limited!(
            self.log,
            now,
            Level::Warn,
            "gateway at {address}: nobody can be accepted just now: {why}; clients wait until others have gone"
        );
        // It is in the set unless it rests already.
        let _ = poller.remove(self.as_raw_fd());
        self.resumes = Some(now + REST);
    }

    /// There may be room again.
    pub(super) fn resume(&mut self, poller: &Poller, key: u64, now: Time, room: Room) {
        let resumed = room == Room::Some && poller.add_listener(self.as_raw_fd(), key).is_ok();
        self.resumes = if resumed { None } else { Some(now + REST) };
    }

    pub(super) fn begin(&mut self, poller: &Poller, key: u64) -> io::Result<()> {
        poller.add_listener(self.as_raw_fd(), key)
    }

    /// Nobody is accepted any more.
    pub(super) fn end(&mut self, poller: &Poller) {
        let _ = poller.remove(self.as_raw_fd());
        self.resumes = None;
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

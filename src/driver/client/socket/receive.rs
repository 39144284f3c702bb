//! Receiving, and the waiting that all blocking calls on a descriptor share.

use super::{ONLY_SESSION, OWN_SESSION, Socket, SocketState};
use crate::driver::client::call_error::ReceiveError;
use crate::driver::client::endpoint::Endpoint;
use crate::driver::client::readiness::Readiness;
use crate::driver::client::system;
use crate::driver::client::turn::{Follower, Taken};
use crate::driver::clock;
use crate::session::ReadItem;
use crate::transport::{DetachedReceiver, Detachment};
use crate::{PoolElementId, SessionId, Time};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// A read item with the element that it came from.
pub type ReadFrom = (ReadItem, PoolElementId);

impl Socket {
    /// Reads the next item, waiting until `until` for one (`None`: one attempt).
    pub fn receive_message(&self, buffer: &mut [u8], until: Option<Time>) -> Result<ReadFrom, ReceiveError> {
        loop {
            if let Some(read) = self.try_read(buffer)? {
                return Ok(read);
            }
            let taken_over = if until.is_some() { TakenOver::begin(self) } else { None };
            match taken_over {
                Some(mut taken_over) => {
                    if let Some(read) = taken_over.receive(buffer, until)? {
                        return Ok(read);
                    }
                }
                None => {
                    let _follower = self.follow(until);
                    self.wait_readable_or(until, None)?;
                }
            }
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> Result<Option<ReadFrom>, ReceiveError> {
        let mut state = self.state.lock();
        let read = state.read(buffer)?;
        if read.is_some() {
            state.update();
        }
        Ok(read)
    }

    /// Sees to it that somebody receives while this thread waits for what comes of it.
    pub(super) fn follow(&self, until: Option<Time>) -> Option<Follower<'_>> {
        self.endpoint.get().filter(|_| until.is_some()).map(|endpoint| endpoint.follow())
    }

    /// Waits in poll(2) on the descriptor itself, as signals have to end the wait; `also` is waited for as well. Returns whether
    /// that one has something to read, which is no promise.
    pub(super) fn wait_readable_or(&self, until: Option<Time>, also: Option<RawFd>) -> Result<bool, ReceiveError> {
        let wait = self.begin_wait(until)?;
        // poll(2) passes over negative numbers.
        let other = libc::pollfd { fd: also.unwrap_or(-1), events: libc::POLLIN, revents: 0 };
        let mut entries = [libc::pollfd { fd: wait.readiness.raw(), events: libc::POLLIN, revents: 0 }, other];
        match system::poll(&mut entries, wait.limit) {
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => Err(ReceiveError::Interrupted),
            // Anything else shows again at the next look.
            _ => Ok(entries[1].revents != 0),
        }
    }

    /// Whether the calling thread may wait, and how long.
    fn begin_wait(&self, until: Option<Time>) -> Result<Wait, ReceiveError> {
        let Some(until) = until else { return Err(ReceiveError::WouldBlock) };
        let readiness = {
            let state = self.state.lock();
            match state.closed {
                Some(errno) => return Err(ReceiveError::Closed(errno)),
                None => state.descriptor.hold().ok_or(ReceiveError::NotConnected)?,
            }
        };
        if system::is_nonblocking(readiness.raw()) {
            return Err(ReceiveError::WouldBlock);
        }
        let mut limit = None;
        if until != Time::MAX {
            let now = clock::now();
            if now >= until {
                return Err(ReceiveError::WouldBlock);
            }
            limit = Some(until.saturating_since(now));
        }
        Ok(Wait { readiness, limit })
    }
}

/// A wait that may begin.
struct Wait {
    /// Keeps the number ours while we wait, even if another thread closes the socket.
    readiness: Arc<Readiness>,
    /// None: as long as it takes.
    limit: Option<Duration>,
}

/// A thread that waits for a message of its socket receives for the whole endpoint meanwhile, so that no other thread has
/// to be woken for that message.
struct TakenOver<'a> {
    socket: &'a Socket,
    endpoint: &'a Endpoint,
    descriptor: RawFd,
    /// Messages flow: the next one is waited for in the call that receives it, which nothing else can end, but not for long.
    flows: bool,
    /// What that call needs.
    receiver: Option<Box<dyn DetachedReceiver>>,
    /// When a message came.
    served: Option<Time>,
}

impl<'a> TakenOver<'a> {
    /// None when it is done by somebody else, or not worth while.
    fn begin(socket: &'a Socket) -> Option<TakenOver<'a>> {
        let endpoint = &**socket.endpoint.get()?;
        let descriptor = endpoint.poll_fd()?;
        let flows = endpoint.take_over()? == Taken::Again;
        Some(TakenOver { socket, endpoint, descriptor, flows, receiver: None, served: None })
    }

    /// Receives until the socket has something to read, or has changed in another way.
    fn receive(&mut self, buffer: &mut [u8], until: Option<Time>) -> Result<Option<ReadFrom>, ReceiveError> {
        while self.wait(until)? {
            // What comes is most likely for this thread, which then need not be told by the descriptor.
            self.socket.state.lock().descriptor.rest();
            let now = clock::now();
            self.endpoint.run_taken_over(now, self.receiver.take());
            let mut state = self.socket.state.lock();
            state.descriptor.wake();
            let read = state.read(buffer);
            state.update();
            if !matches!(read, Ok(None)) {
                self.served = Some(now).filter(|_| read.is_ok());
                return read;
            }
        }
        Ok(None)
    }

    /// Waits for something to receive. False: the socket has changed.
    fn wait(&mut self, until: Option<Time>) -> Result<bool, ReceiveError> {
        if self.flows {
            self.flows = self.wait_in_receipt(until)?;
            if self.flows {
                return Ok(true);
            }
        }
        self.socket.wait_readable_or(until, Some(self.descriptor))
    }

    /// Waits in the call that receives. False: nothing came for a moment, or there is no such call.
    fn wait_in_receipt(&mut self, until: Option<Time>) -> Result<bool, ReceiveError> {
        let wait = self.socket.begin_wait(until)?;
        if wait.limit.is_some_and(|limit| limit <= Detachment::Brief.longest_wait()) {
            return Ok(false);
        }
        self.receiver = self.endpoint.detach_receiver();
        let Some(receiver) = &mut self.receiver else { return Ok(false) };
        let came = match receiver.wait() {
            Ok(arrival) => arrival.is_some(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(ReceiveError::Interrupted),
            // Whatever else it is, the endpoint is told the same.
            Err(_) => false,
        };
        if !came {
            self.attach_receiver();
        }
        Ok(came)
    }

    fn attach_receiver(&mut self) {
        if let Some(receiver) = self.receiver.take() {
            self.endpoint.run_taken_over(clock::now(), Some(receiver));
        }
    }
}

impl Drop for TakenOver<'_> {
    fn drop(&mut self) {
        self.attach_receiver();
        match self.served {
            Some(now) => self.endpoint.give_back_later(now),
            None => self.endpoint.give_back(),
        }
    }
}

impl SocketState {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<ReadFrom>, ReceiveError> {
        if let Some(errno) = self.closed {
            return Err(ReceiveError::Closed(errno));
        }
        match self.inbox.read(buffer) {
            Some(Ok(read)) => return Ok(Some((read, self.peer(read.session)))),
            Some(Err(_)) => return Err(ReceiveError::BufferTooSmall),
            None => {}
        }
        if self.role.has_ended() {
            Ok(Some((end_of_session(), PoolElementId(0))))
        } else if self.role.can_receive() {
            Ok(None)
        } else {
            Err(ReceiveError::NotConnected)
        }
    }

    /// The element at the other end of a session.
    fn peer(&self, session: SessionId) -> PoolElementId {
        let element = match session {
            OWN_SESSION => self.settings.registration().map(|own| own.pool_element_id),
            session => self.role.element_of(session),
        };
        element.unwrap_or_default()
    }
}

fn end_of_session() -> ReadItem {
    ReadItem { len: 0, end: true, session: ONLY_SESSION, ppid: 0, stream: 0, notification: None, cookie_echo: false }
}

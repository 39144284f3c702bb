//! Receiving, and the waiting that all blocking calls on a descriptor share.

use super::{Role, Socket, SocketState};
use crate::driver::client::system;
use crate::driver::clock;
use crate::session::ReadItem;
use crate::{PoolElementId, SessionId, Time};
use std::sync::Arc;
use std::time::Duration;

/// How often a blocked sender looks at its session while others of the socket are blocked, too.
const CROWDED_PERIOD: Duration = Duration::from_millis(20);

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

/// A read item with the element that it came from.
pub type ReadFrom = (ReadItem, PoolElementId);

impl Socket {
    /// Reads the next item, waiting until `until` for one (`None`: one attempt).
    pub fn receive_message(&self, buffer: &mut [u8], until: Option<Time>) -> Result<ReadFrom, ReceiveError> {
        loop {
            {
                let mut state = self.state.lock();
                if let Some(read) = state.read(buffer)? {
                    state.update();
                    return Ok(read);
                }
            }
            self.wait_for(libc::POLLIN, until)?;
        }
    }

    /// Takes the oldest session that waits to be accepted.
    pub fn accept_session(&self, until: Option<Time>) -> Result<Arc<Socket>, ReceiveError> {
        loop {
            {
                let mut state = self.state.lock();
                if let Some(errno) = state.closed {
                    return Err(ReceiveError::Closed(errno));
                }
                let Role::Listening { pending, .. } = &mut state.role else { return Err(ReceiveError::NotConnected) };
                if let Some(socket) = pending.pop_front() {
                    state.update();
                    return Ok(socket);
                }
            }
            self.wait_for(libc::POLLIN, until)?;
        }
    }

    /// Waits in poll(2) on the descriptor itself, as signals have to end the wait. Returning is no promise.
    pub(super) fn wait_for(&self, events: libc::c_short, until: Option<Time>) -> Result<(), ReceiveError> {
        let Some(until) = until else { return Err(ReceiveError::WouldBlock) };
        // The clone keeps the number ours while we wait, even if another thread closes the socket.
        let (readiness, crowded) = {
            let state = self.state.lock();
            match (state.closed, &state.readiness) {
                (Some(errno), _) => return Err(ReceiveError::Closed(errno)),
                (None, None) => return Err(ReceiveError::NotConnected),
                (None, Some(readiness)) => (Arc::clone(readiness), state.blocked.len() > 1),
            }
        };
        if system::is_nonblocking(readiness.raw()) {
            return Err(ReceiveError::WouldBlock);
        }
        let now = clock::now();
        if now >= until {
            return Err(ReceiveError::WouldBlock);
        }
        // The descriptor shows room only when every session has it: look at ours from time to time.
        let until = if crowded && events == libc::POLLOUT { until.min(now + CROWDED_PERIOD) } else { until };
        let timeout = (until != Time::MAX).then(|| until.saturating_since(now));
        let mut entry = [libc::pollfd { fd: readiness.raw(), events, revents: 0 }];
        match system::poll(&mut entry, timeout) {
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => Err(ReceiveError::Interrupted),
            // Anything else shows again at the next look.
            _ => Ok(()),
        }
    }
}

impl SocketState {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<ReadFrom>, ReceiveError> {
        if let Some(errno) = self.closed {
            return Err(ReceiveError::Closed(errno));
        }
        match self.inbox.read(buffer) {
            Some(Ok(read)) => return Ok(Some((read, self.peer()))),
            Some(Err(_)) => return Err(ReceiveError::BufferTooSmall),
            None => {}
        }
        match &self.role {
            Role::Accepted { ended: true, .. } => Ok(Some((end_of_session(), PoolElementId(0)))),
            Role::Fresh | Role::Listening { .. } => Err(ReceiveError::NotConnected),
            _ => Ok(None),
        }
    }

    fn peer(&self) -> PoolElementId {
        match &self.role {
            Role::PoolUser(session) => session.connected_element().unwrap_or_default(),
            _ => PoolElementId(0),
        }
    }
}

fn end_of_session() -> ReadItem {
    let session: SessionId = super::ONLY_SESSION;
    ReadItem { len: 0, end: true, session, ppid: 0, stream: 0, notification: None, cookie_echo: false }
}

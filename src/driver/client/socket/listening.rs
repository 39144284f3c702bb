//! The role of a one-to-one socket that listens: sessions that peers begin wait in it until they are accepted, one by one.

use super::{Endpoint, MAX_BACKLOG, Role, Socket};
use crate::association::PeerAddress;
use crate::driver::client::call_error::{ListenError, ReceiveError};
use crate::{AssociationId, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// Sessions that wait to be accepted.
pub(super) struct Listening {
    /// Oldest first.
    pending: VecDeque<Arc<Socket>>,
    /// How many may wait.
    backlog: usize,
}

impl Listening {
    /// Nobody waits yet.
    pub fn new(backlog: Option<usize>) -> Listening {
        Listening { pending: VecDeque::new(), backlog: backlog.unwrap_or(MAX_BACKLOG).min(MAX_BACKLOG) }
    }

    /// From now on so many may wait; none: as many as before.
    pub fn set_backlog(&mut self, backlog: Option<usize>) {
        self.backlog = backlog.map_or(self.backlog, |backlog| backlog.min(MAX_BACKLOG));
    }

    /// `accept` would return at once.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// A peer has begun a session, which waits from now on; or why it is refused.
    pub fn add(
        &mut self,
        association: AssociationId,
        peer: &PeerAddress,
        endpoint: Option<&Arc<Endpoint>>,
        unread_limit: usize,
    ) -> Result<Arc<Socket>, &'static str> {
        if self.pending.len() >= self.backlog {
            return Err("too many sessions wait to be accepted");
        }
        let socket = Socket::accepted(association, peer, endpoint, unread_limit);
        self.pending.push_back(Arc::clone(&socket));
        Ok(socket)
    }

    /// All that wait.
    pub fn into_pending(self) -> VecDeque<Arc<Socket>> {
        self.pending
    }
}

impl Socket {
    /// Takes the associations that peers make from now on. `backlog`: sessions that may wait to be accepted; none: as it is.
    pub fn listen_on(self: &Arc<Self>, endpoint: &Endpoint, backlog: Option<usize>) -> Result<(), ListenError> {
        endpoint.with(|endpoint| {
            let mut state = self.state.lock();
            if let Some(errno) = state.closed {
                return Err(ListenError::Closed(errno));
            }
            state.role.listen(self.style, backlog)?;
            state.update();
            drop(state);
            endpoint.listen(Arc::clone(self) as _);
            Ok(())
        })
    }

    /// Takes the oldest session that waits to be accepted.
    pub fn accept_session(&self, until: Option<Time>) -> Result<Arc<Socket>, ReceiveError> {
        loop {
            {
                let mut state = self.state.lock();
                if let Some(errno) = state.closed {
                    return Err(ReceiveError::Closed(errno));
                }
                let Role::Listening(listening) = &mut state.role else { return Err(ReceiveError::NotConnected) };
                if let Some(socket) = listening.pending.pop_front() {
                    state.update();
                    return Ok(socket);
                }
            }
            let _follower = self.follow(until);
            self.wait_readable_or(until, None)?;
        }
    }

    /// Gives back a session that could not be accepted after all: it stays the next one in turn. It is closed where nobody listens
    /// any more.
    pub fn put_back(&self, session: Arc<Socket>) {
        session.drop_descriptor();
        {
            let mut state = self.state.lock();
            if state.closed.is_none() {
                if let Role::Listening(listening) = &mut state.role {
                    listening.pending.push_front(session);
                    return state.update();
                }
            }
        }
        session.close(libc::EBADF);
    }
}

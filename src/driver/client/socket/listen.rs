//! Sessions that peers begin: listening for them, and taking them one by one.

use super::{MAX_BACKLOG, Role, Socket};
use crate::Time;
use crate::driver::client::call_error::{ListenError, ReceiveError};
use crate::driver::client::endpoint::Endpoint;
use std::sync::Arc;

impl Socket {
    /// Takes the associations that peers make from now on. `backlog`: sessions that may wait to be accepted; none: as it is.
    pub fn listen_on(self: &Arc<Self>, endpoint: &Endpoint, backlog: Option<usize>) -> Result<(), ListenError> {
        let wanted = backlog.map(|backlog| backlog.min(MAX_BACKLOG));
        endpoint.with(|endpoint| {
            let mut state = self.state.lock();
            if let Some(errno) = state.closed {
                return Err(ListenError::Closed(errno));
            }
            match &mut state.role {
                Role::Fresh if self.one_to_one => {
                    let backlog = wanted.unwrap_or(MAX_BACKLOG);
                    state.role = Role::Listening { pending: Default::default(), backlog };
                }
                Role::Fresh => state.role = Role::OneToMany { sessions: Default::default(), last: 0 },
                Role::Listening { backlog, .. } => *backlog = wanted.unwrap_or(*backlog),
                Role::OneToMany { .. } => {}
                Role::PoolUser(_) | Role::Accepted { .. } => return Err(ListenError::Connected),
            }
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
                let Role::Listening { pending, .. } = &mut state.role else { return Err(ReceiveError::NotConnected) };
                if let Some(socket) = pending.pop_front() {
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
                if let Role::Listening { pending, .. } = &mut state.role {
                    pending.push_front(session);
                    return state.update();
                }
            }
        }
        session.close(libc::EBADF);
    }
}

//! Searches of a pool user's session: set going, and waited for.

use super::{Role, Socket};
use crate::Time;
use crate::driver::client::bell::Wake;
use crate::driver::client::call_error::ReceiveError;
use crate::driver::clock;
use crate::session::{Event, NoElement};
use std::sync::Arc;

/// What came of a search.
pub type Settled = Result<(), NoElement>;

/// How a session with a pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// It has an element.
    Connected,
    /// One is being searched.
    Searching,
    /// It has none, and as far as known for this reason.
    Without(NoElement),
}

impl Socket {
    /// How the session of this socket stands; none: it has no session with a pool.
    pub fn session_status(&self) -> Option<SessionStatus> {
        let state = self.state.lock();
        let Role::PoolUser(session) = &state.role else { return None };
        Some(match session.obstacle() {
            _ if session.connected_element().is_some() => SessionStatus::Connected,
            Some(why) => SessionStatus::Without(why),
            None if session.has_failed() => SessionStatus::Without(NoElement::Unreachable),
            None => SessionStatus::Searching,
        })
    }

    /// Sets a session going; what comes of it shows later.
    pub fn begin(self: &Arc<Self>, event: Event<'_>) -> Result<(), ReceiveError> {
        let Some(endpoint) = self.endpoint.get().cloned() else { return Err(ReceiveError::NotConnected) };
        let now = clock::now();
        endpoint.with(|endpoint| {
            let actions = self.feed(now, event);
            self.perform(endpoint, now, actions);
        });
        Ok(())
    }

    /// Sets a session going and waits for what comes of it.
    pub fn settle(self: &Arc<Self>, event: Event<'_>) -> Result<Settled, ReceiveError> {
        let Some(endpoint) = self.endpoint.get().cloned() else { return Err(ReceiveError::NotConnected) };
        let now = clock::now();
        let (before, limit) = endpoint.with(|endpoint| {
            let (before, connect_timeout) = {
                let state = self.state.lock();
                (state.settled.0, state.config.connect_timeout)
            };
            let actions = self.feed(now, event);
            self.perform(endpoint, now, actions);
            // A search takes a resolution and as long as connects may take; the last one may begin at its very end.
            (before, endpoint.io().request_limit().saturating_add(connect_timeout.saturating_mul(2)))
        });
        self.wait_settled(before, now + limit)
    }

    /// Waits for the next result after the first `count`.
    fn wait_settled(&self, count: u64, until: Time) -> Result<Settled, ReceiveError> {
        let mut listener = self.changed.listen();
        // What comes of it may be received by another thread.
        let _follower = self.endpoint.get().map(|endpoint| endpoint.follow());
        let mut ended = None;
        loop {
            let state = self.state.lock();
            match (state.closed, state.settled) {
                (Some(errno), _) => return Err(ReceiveError::Closed(errno)),
                (None, (now, Some(result))) if now != count => return Ok(result),
                _ => {}
            }
            drop(state);
            if let Some(ended) = ended {
                return Err(ended);
            }
            ended = match listener.wait(until) {
                Wake::Rung => None,
                Wake::TimedOut => Some(ReceiveError::WouldBlock),
                Wake::Interrupted => Some(ReceiveError::Interrupted),
            };
        }
    }
}

//! Searches of a pool user's session: set going, and waited for.

use super::Socket;
use crate::Time;
use crate::driver::client::bell::Wake;
use crate::driver::client::call_error::ReceiveError;
use crate::driver::clock;
use crate::session::{Event, NoElement};
use std::sync::Arc;

/// What came of a search.
pub type Settled = Result<(), NoElement>;

impl Socket {
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

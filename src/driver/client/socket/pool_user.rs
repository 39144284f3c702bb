//! The role of a socket with a session with a pool: the pool user's side of it.

use super::room::Room;
use super::{EndpointState, ONLY_SESSION, Role, SessionActions, Socket, TakenUp};
use crate::driver::client::bell::Wake;
use crate::driver::client::call_error::{Closed, ReceiveError, SendError};
use crate::driver::clock;
use crate::session::{Event, NoElement, PoolUserConfig, PoolUserSession};
use crate::transport::{OutboundMessage, TransportError};
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
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

/// A session with a pool.
pub(super) struct PoolUser {
    session: Box<PoolUserSession>,
    /// How many searches have come to a result, so that each waiter finds its own.
    searches: u64,
    /// The result of the last one.
    settled: Option<Settled>,
}

impl PoolUser {
    fn new(config: PoolUserConfig, pool_handle: PoolHandle) -> PoolUser {
        let session = Box::new(PoolUserSession::new(config, ONLY_SESSION, pool_handle));
        PoolUser { session, searches: 0, settled: None }
    }

    /// The session, to look at.
    pub fn session(&self) -> &PoolUserSession {
        &self.session
    }

    /// Hands an event to the session.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut SessionActions) {
        self.session.handle(now, event, actions);
    }

    /// Changes the settings, which hold from the next failover on.
    pub fn set_config(&mut self, config: PoolUserConfig) {
        *self.session.config_mut() = config;
    }

    /// A send would not wait for an element.
    pub fn can_tell(&self) -> bool {
        self.session.association().is_some() || self.session.has_failed()
    }

    /// Where messages go; none while the session has no element, but will.
    pub fn target(&self) -> Result<Option<AssociationId>, SendError> {
        if self.session.has_failed() { Err(SendError::Failed) } else { Ok(self.session.association()) }
    }

    /// A search has come to this.
    pub fn settle(&mut self, result: Settled) {
        self.searches += 1;
        self.settled = Some(result);
    }

    fn result_after(&self, searches: u64) -> Option<Settled> {
        self.settled.filter(|_| self.searches != searches)
    }

    /// Sends what waits for a new element, as far as there is room for it.
    pub fn resend(
        &mut self,
        endpoint: &mut EndpointState,
        now: Time,
        association: AssociationId,
        room: &mut Room,
        actions: &mut SessionActions,
    ) {
        while let Some(undelivered) = self.session.next_resend(association) {
            let message = OutboundMessage::from(undelivered);
            let event = match endpoint.send(now, association, message) {
                Ok(()) => Event::Resent,
                Err(TransportError::WouldBlock) => {
                    room.note_full(association);
                    break;
                }
                // Its loss is about to be reported.
                Err(TransportError::UnknownAssociation | TransportError::Closing) => break,
                Err(error) => {
                    log::warn!(
                        "a message of {} bytes cannot be sent to the next element: {error}",
                        message.payload.len()
                    );
                    Event::ResendRefused
                }
            };
            self.session.handle(now, event, actions);
        }
    }

    /// None: the program has ended it.
    fn status(&self) -> Option<SessionStatus> {
        Some(match self.session.obstacle() {
            _ if self.session.has_ended() => return None,
            _ if self.session.connected_element().is_some() => SessionStatus::Connected,
            // What an earlier search came up against is no answer to the question for this one.
            _ if self.session.is_awaited() => SessionStatus::Searching,
            Some(why) => SessionStatus::Without(why),
            None if self.session.has_failed() => SessionStatus::Without(NoElement::Unreachable),
            None => SessionStatus::Searching,
        })
    }
}

impl Socket {
    /// Makes the socket a user of this pool, whose search has not begun yet.
    pub fn become_pool_user(&self, pool_handle: PoolHandle, config: PoolUserConfig) -> Result<TakenUp, Closed> {
        self.change(|state| {
            if !matches!(state.role, Role::Fresh) {
                return TakenUp::InUse;
            }
            state.settings.set_config(config.clone());
            state.role = Role::PoolUser(PoolUser::new(config, pool_handle));
            TakenUp::Yes
        })
    }

    /// It has a session with a pool.
    pub fn is_pool_user(&self) -> Result<bool, Closed> {
        self.read(|state| state.role.pool_user().is_some())
    }

    /// The pool of its session with one.
    pub(in crate::driver::client) fn pool_handle(&self) -> Option<PoolHandle> {
        self.state.lock().role.pool_user().map(|user| user.session.pool_handle().clone())
    }

    /// The pool of its session with one, and the element that this has; none: it has no such session.
    pub fn peer_name(&self) -> Result<Option<(PoolHandle, Option<PoolElementId>)>, Closed> {
        self.read(|state| {
            let session = state.role.pool_user()?.session();
            Some((session.pool_handle().clone(), session.connected_element()))
        })
    }

    /// The element of its session with a pool has given a cookie.
    pub fn has_cookie(&self) -> Result<bool, Closed> {
        self.read(|state| state.role.pool_user().is_some_and(|user| user.session.has_cookie()))
    }

    /// Why its session with this pool has no element, where searching has shown that.
    pub fn obstacle(&self) -> Option<(PoolHandle, NoElement)> {
        let state = self.state.lock();
        let session = state.role.pool_user()?.session();
        session.obstacle().map(|why| (session.pool_handle().clone(), why))
    }

    /// How the session of this socket stands; none: it has no session with a pool.
    pub fn session_status(&self) -> Option<SessionStatus> {
        self.state.lock().role.pool_user().and_then(PoolUser::status)
    }

    /// Sets a session going; what comes of it shows later. Fails where the program has ended it.
    pub fn begin(self: &Arc<Self>, event: Event<'_>) -> Result<(), ReceiveError> {
        let Some(endpoint) = self.endpoint.get().cloned() else { return Err(ReceiveError::NotConnected) };
        let now = clock::now();
        endpoint.with(|endpoint| {
            let actions = self.feed(now, event);
            self.perform(endpoint, now, actions);
        });
        let has_ended = self.state.lock().role.pool_user().is_some_and(|user| user.session.has_ended());
        if has_ended { Err(ReceiveError::NotConnected) } else { Ok(()) }
    }

    /// Sets a session going and waits for what comes of it.
    pub fn settle(self: &Arc<Self>, event: Event<'_>) -> Result<Settled, ReceiveError> {
        let Some(endpoint) = self.endpoint.get().cloned() else { return Err(ReceiveError::NotConnected) };
        let now = clock::now();
        let (before, limit) = endpoint.with(|endpoint| {
            let (before, connect_timeout) = {
                let state = self.state.lock();
                let searches = state.role.pool_user().map_or(0, |user| user.searches);
                (searches, state.settings.config().connect_timeout)
            };
            let actions = self.feed(now, event);
            self.perform(endpoint, now, actions);
            // A search takes a resolution and as long as connects may take; the last one may begin at its very end.
            (before, endpoint.io().request_limit().saturating_add(connect_timeout.saturating_mul(2)))
        });
        self.wait_settled(before, now + limit)
    }

    /// Waits for the next result after so many.
    fn wait_settled(&self, searches: u64, until: Time) -> Result<Settled, ReceiveError> {
        let mut listener = self.changed.listen();
        // What comes of it may be received by another thread.
        let _follower = self.endpoint.get().map(|endpoint| endpoint.follow());
        let mut ended = None;
        loop {
            let result = {
                let state = self.state.lock();
                if let Some(errno) = state.closed {
                    return Err(ReceiveError::Closed(errno));
                }
                state.role.pool_user().and_then(|user| user.result_after(searches))
            };
            if let Some(result) = result {
                return Ok(result);
            }
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

//! Sending: by the application's thread itself, straight into the transport.

use super::{EndpointState, Role, SessionActions, Socket, SocketState};
use crate::association::Undelivered;
use crate::driver::client::bell::Wake;
use crate::driver::client::call_error::SendError;
use crate::driver::client::system;
use crate::driver::clock;
use crate::session::Event;
use crate::transport::{OutboundMessage, TransportError};
use crate::{AssociationId, SessionId, Time};
use std::sync::Arc;

impl Socket {
    /// Sends, waiting until `until` (`None`: one attempt) for room in the send queue or for the end of an automatic failover.
    pub fn send_message(
        &self,
        session: SessionId,
        message: OutboundMessage<'_>,
        until: Option<Time>,
    ) -> Result<(), SendError> {
        let attempt = || {
            let target = {
                let mut state = self.state.lock();
                state.last_ppid = message.ppid;
                state.target(session)?
            };
            match target {
                Some(association) => self.try_send(session, association, message),
                None => Err(SendError::WouldBlock),
            }
        };
        match attempt() {
            Err(SendError::WouldBlock) => self.wait_until_done(until, attempt),
            result => result,
        }
    }

    /// Tries again after every change of the socket, until it is done or time is over. A signal ends the wait, too.
    pub(super) fn wait_until_done<T>(
        &self,
        until: Option<Time>,
        mut attempt: impl FnMut() -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let Some(until) = until.filter(|_| !self.is_nonblocking()) else { return Err(SendError::WouldBlock) };
        let mut listener = self.changed.listen();
        // Room is told by what is received.
        let _follower = self.endpoint.get().map(|endpoint| endpoint.follow());
        loop {
            match attempt() {
                Err(SendError::WouldBlock) => {}
                result => return result,
            }
            match listener.wait(until) {
                Wake::Rung => {}
                Wake::TimedOut => return Err(SendError::WouldBlock),
                Wake::Interrupted => return Err(SendError::Interrupted),
            }
        }
    }

    /// The application made the descriptor non-blocking.
    pub fn is_nonblocking(&self) -> bool {
        let readiness = self.state.lock().readiness.clone();
        readiness.is_some_and(|readiness| system::is_nonblocking(readiness.raw()))
    }

    fn try_send(
        &self,
        session: SessionId,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), SendError> {
        let Some(endpoint) = self.endpoint.get() else { return Err(SendError::NoSession) };
        endpoint.with(|endpoint| match endpoint.send(clock::now(), association, message) {
            Ok(()) => {
                self.sent();
                Ok(())
            }
            Err(TransportError::WouldBlock) => Err(self.blocked_on(session, association)),
            Err(TransportError::UnknownAssociation | TransportError::Closing) => {
                // Its loss is about to be reported. A session that fails over by itself takes the message afterwards.
                let automatic = self.state.lock().config.automatic;
                if automatic { Err(self.blocked_on(session, association)) } else { Err(SendError::Failed) }
            }
            Err(error) => Err(SendError::Transport(error)),
        })
    }

    /// Sends what waits for a new element, as far as there is room for it.
    pub(super) fn resend(&self, endpoint: &mut EndpointState, now: Time, association: AssociationId) -> SessionActions {
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut actions = Vec::new();
        let Role::PoolUser(session) = &mut state.role else { return actions };
        while let Some(Undelivered { stream, ppid, payload }) = session.next_resend(association) {
            let message = OutboundMessage { stream: *stream, ppid: *ppid, unordered: false, lifetime: None, payload };
            let event = match endpoint.send(now, association, message) {
                Ok(()) => Event::Resent,
                Err(TransportError::WouldBlock) => {
                    state.blocked.insert(association, ());
                    break;
                }
                // Its loss is about to be reported.
                Err(TransportError::UnknownAssociation | TransportError::Closing) => break,
                Err(error) => {
                    log::warn!("a message of {} bytes cannot be sent to the next element: {error}", payload.len());
                    Event::ResendRefused
                }
            };
            session.handle(now, event, &mut actions);
        }
        self.absorb(state, &mut actions);
        state.update();
        actions
    }

    /// A message was taken: the descriptor is writable, whatever was refused before.
    fn sent(&self) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.refused) {
            state.update();
        }
    }

    /// The descriptor is not writable until an association that refused a message has room or is lost, or another one takes
    /// a message. The caller still has the endpoint's lock, so none of these can come before this.
    fn blocked_on(&self, session: SessionId, association: AssociationId) -> SendError {
        let mut state = self.state.lock();
        // A failover may have replaced it since the caller looked: nothing would ever be reported for the old one.
        if matches!(state.target(session), Ok(Some(current)) if current == association) {
            state.blocked.insert(association, ());
            state.refused = true;
            state.show();
        }
        SendError::WouldBlock
    }

    /// Ends a session after (`abort`: instead of) everything sent before.
    pub fn end_session(self: &Arc<Self>, session: SessionId, abort: bool) -> Result<(), SendError> {
        let Some(endpoint) = self.endpoint.get().cloned() else { return Err(SendError::NoSession) };
        endpoint.with(|endpoint| {
            let now = clock::now();
            let mut state = self.state.lock();
            let association = state.target(session)?;
            let is_pool_user = matches!(state.role, Role::PoolUser(_));
            if abort {
                state.end_session(session)
            } else {
                state.stop_sending(session)
            }
            drop(state);
            match association {
                Some(association) if abort => endpoint.abort(now, association, "ended by the application"),
                Some(association) if is_pool_user => endpoint.shutdown(now, association),
                Some(association) => endpoint.drain(now, association),
                None => {}
            }
            let actions = self.feed(now, Event::Close);
            self.perform(endpoint, now, actions);
            Ok(())
        })
    }
}

impl SocketState {
    /// The association to send on; none while the session has none, but will.
    pub(super) fn target(&self, session: SessionId) -> Result<Option<AssociationId>, SendError> {
        if let Some(errno) = self.closed {
            return Err(SendError::Closed(errno));
        }
        match &self.role {
            Role::PoolUser(session) if session.has_failed() => Err(SendError::Failed),
            Role::PoolUser(session) => Ok(session.association()),
            Role::Accepted { ended: true, .. } => Err(SendError::Failed),
            Role::Accepted { session, .. } if session.is_read_only() => Err(SendError::Failed),
            Role::Accepted { session, .. } => Ok(Some(session.association())),
            Role::OneToMany { sessions, .. } => match sessions.get(&session) {
                Some(session) if !session.is_read_only() => Ok(Some(session.association())),
                _ => Err(SendError::NoSession),
            },
            Role::Fresh | Role::Listening { .. } => Err(SendError::NoSession),
        }
    }

    /// The application sends no more in a server session: what the peer still sends is read, and then comes its end.
    pub(super) fn stop_sending(&mut self, session: SessionId) {
        let ending = match &mut self.role {
            Role::Accepted { session, .. } => Some(session),
            Role::OneToMany { sessions, .. } => sessions.get_mut(&session),
            _ => None,
        };
        if let Some(ending) = ending {
            ending.make_read_only();
        }
        if let Some(sender) = &mut self.sender {
            sender.ended(session);
        }
        self.update();
    }

    /// The application ended a server session at once: the peer's side of the end is not reported any more.
    pub(super) fn end_session(&mut self, session: SessionId) {
        match &mut self.role {
            Role::Accepted { ended, .. } => *ended = true,
            Role::OneToMany { sessions, .. } => {
                let removed = sessions.remove(&session).map(|_| crate::session::SessionChange::Remove);
                if let Some(sender) = &mut self.sender {
                    sender.ended(session);
                }
                if let Some(change) = removed {
                    self.inbox.push_notification(crate::session::Notification::SessionChange { change, session });
                }
            }
            _ => {}
        }
        self.update();
    }
}

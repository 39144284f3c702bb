//! Sending: by the application's thread itself, straight into the transport.

use super::{OrderlyEnd, Socket, SocketState};
use crate::driver::client::bell::Wake;
use crate::driver::client::call_error::SendError;
use crate::driver::client::system;
use crate::driver::clock;
use crate::session::{EndSession, Event};
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
                state.for_reports.note_ppid(message.ppid);
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
        let readiness = self.state.lock().descriptor.hold();
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
                let automatic = self.state.lock().settings.config().automatic;
                if automatic { Err(self.blocked_on(session, association)) } else { Err(SendError::Failed) }
            }
            Err(error) => Err(SendError::Transport(error)),
        })
    }

    /// A message was taken: the descriptor is writable, whatever was refused before.
    fn sent(&self) {
        let mut state = self.state.lock();
        if state.room.allow() {
            state.update();
        }
    }

    /// The descriptor is not writable until an association that refused a message has room or is lost, or another one takes
    /// a message. The caller still has the endpoint's lock, so none of these can come before this.
    fn blocked_on(&self, session: SessionId, association: AssociationId) -> SendError {
        let mut state = self.state.lock();
        // A failover may have replaced it since the caller looked: nothing would ever be reported for the old one.
        if matches!(state.target(session), Ok(Some(current)) if current == association) {
            state.room.note_full(association);
            state.room.refuse();
            state.show();
        }
        SendError::WouldBlock
    }

    /// Ends a session.
    pub fn end_session(self: &Arc<Self>, session: SessionId, end: EndSession) -> Result<(), SendError> {
        let Some(endpoint) = self.endpoint.get().cloned() else { return Err(SendError::NoSession) };
        endpoint.with(|endpoint| {
            let now = clock::now();
            let mut state = self.state.lock();
            let mut association = state.target(session)?;
            let orderly = match end {
                EndSession::Shutdown => Some(state.stop_sending(session)),
                EndSession::Abort => {
                    // Messages that wait to be sent again must not make an orderly end of it.
                    association = association.or_else(|| state.role.pool_user()?.session().current_association());
                    state.end_session(session);
                    None
                }
            };
            drop(state);
            match (association, orderly) {
                (Some(association), None) => endpoint.abort(now, association, "ended by the application"),
                (Some(association), Some(OrderlyEnd::Shutdown)) => endpoint.shutdown(now, association),
                (Some(association), Some(OrderlyEnd::Drain)) => endpoint.drain(now, association),
                (None, _) => {}
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
        self.role.target(session)
    }

    /// The program sends no more in a session.
    pub(super) fn stop_sending(&mut self, session: SessionId) -> OrderlyEnd {
        let end = self.role.stop_sending(session);
        self.update();
        end
    }

    /// The program has ended a session at once.
    fn end_session(&mut self, session: SessionId) {
        if let Some(notification) = self.role.end(session) {
            self.inbox.push_notification(notification);
        }
        self.update();
    }
}

//! Sending: by the application's thread itself, straight into the transport.

use super::{ReceiveError, Role, Socket, SocketState};
use crate::driver::client::instance::Instance;
use crate::driver::clock;
use crate::transport::{OutboundMessage, TransportError};
use crate::{AssociationId, SessionId, Time};
use std::sync::Arc;

/// Why a message was not sent.
#[derive(Debug)]
pub enum SendError {
    /// No room in time, or a failover is under way.
    WouldBlock,
    /// The session has failed.
    Failed,
    /// There is no such session.
    NoSession,
    /// A signal came while waiting.
    Interrupted,
    /// The socket was closed; the errno.
    Closed(libc::c_int),
    /// The transport refused.
    Transport(TransportError),
}

impl From<ReceiveError> for SendError {
    fn from(error: ReceiveError) -> SendError {
        match error {
            ReceiveError::Interrupted => SendError::Interrupted,
            ReceiveError::Closed(errno) => SendError::Closed(errno),
            ReceiveError::NotConnected => SendError::NoSession,
            ReceiveError::WouldBlock | ReceiveError::BufferTooSmall => SendError::WouldBlock,
        }
    }
}

impl Socket {
    /// Sends, waiting until `until` (`None`: one attempt) for room in the send queue or for the end of an automatic failover.
    pub fn send_message(
        &self,
        instance: &Instance,
        session: SessionId,
        message: OutboundMessage<'_>,
        until: Option<Time>,
    ) -> Result<(), SendError> {
        loop {
            let target = self.state.lock().target(session)?;
            if let Some(association) = target {
                match self.try_send(instance, session, association, message) {
                    Err(SendError::WouldBlock) => {}
                    result => return result,
                }
            }
            self.wait_for(libc::POLLOUT, until)?;
        }
    }

    fn try_send(
        &self,
        instance: &Instance,
        session: SessionId,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), SendError> {
        let Some(endpoint) = self.endpoint.get() else { return Err(SendError::NoSession) };
        endpoint.with(instance, |endpoint| match endpoint.send(clock::now(), association, message) {
            Ok(()) => Ok(()),
            Err(TransportError::WouldBlock) => Err(self.blocked_on(session, association)),
            Err(TransportError::UnknownAssociation | TransportError::Closing) => {
                // Its loss is about to be reported. A session that fails over by itself takes the message afterwards.
                let automatic = self.state.lock().config.automatic;
                if automatic { Err(self.blocked_on(session, association)) } else { Err(SendError::Failed) }
            }
            Err(error) => Err(SendError::Transport(error)),
        })
    }

    /// The descriptor is not writable until the association has room or is lost. The caller still has the endpoint's lock,
    /// so neither of these can come before this.
    fn blocked_on(&self, session: SessionId, association: AssociationId) -> SendError {
        let mut state = self.state.lock();
        // A failover may have replaced it since the caller looked: nothing would ever be reported for the old one.
        if matches!(state.target(session), Ok(Some(current)) if current == association) {
            state.blocked.insert(association);
            state.update();
        }
        SendError::WouldBlock
    }

    /// Ends a session after (`abort`: instead of) everything sent before.
    pub fn end_session(
        self: &Arc<Self>,
        instance: &Instance,
        session: SessionId,
        abort: bool,
    ) -> Result<(), SendError> {
        let Some(endpoint) = self.endpoint.get().cloned() else { return Err(SendError::NoSession) };
        endpoint.with(instance, |endpoint| {
            let now = clock::now();
            let association = self.state.lock().target(session)?;
            if let Some(association) = association {
                if abort {
                    endpoint.abort(now, association, "ended by the application");
                } else {
                    endpoint.shutdown(now, association);
                }
            }
            let mut state = self.state.lock();
            state.end_session(session);
            drop(state);
            let actions = self.feed(now, crate::session::Event::Close);
            self.perform(instance, endpoint, now, actions);
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
            Role::Accepted { session, .. } => Ok(Some(session.association())),
            Role::OneToMany { sessions, .. } => match sessions.get(&session) {
                Some(session) => Ok(Some(session.association())),
                None => Err(SendError::NoSession),
            },
            Role::Fresh | Role::Listening { .. } => Err(SendError::NoSession),
        }
    }

    /// The application ended a server session: the peer's side of the end is not reported any more.
    fn end_session(&mut self, session: SessionId) {
        match &mut self.role {
            Role::Accepted { ended, .. } => *ended = true,
            Role::OneToMany { sessions, .. } => {
                let removed = sessions.remove(&session).map(|_| crate::session::SessionChange::Remove);
                if let Some(change) = removed {
                    self.inbox.push_notification(crate::session::Notification::SessionChange { change, session });
                }
            }
            _ => {}
        }
        self.update();
    }
}

//! Sending: by the application's thread itself, straight into the transport.

use super::{ReceiveError, Role, Socket, SocketState};
use crate::driver::client::bell::Wake;
use crate::driver::client::instance::Instance;
use crate::driver::client::system;
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
        let attempt = || {
            let target = {
                let mut state = self.state.lock();
                state.last_ppid = message.ppid;
                state.target(session)?
            };
            match target {
                Some(association) => self.try_send(instance, session, association, message),
                None => Err(SendError::WouldBlock),
            }
        };
        match attempt() {
            Err(SendError::WouldBlock) => self.wait_until_done(instance, until, attempt),
            result => result,
        }
    }

    /// Tries again after every change of the socket, until it is done or time is over. A signal ends the wait, too.
    pub(super) fn wait_until_done<T>(
        &self,
        instance: &Instance,
        until: Option<Time>,
        mut attempt: impl FnMut() -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let Some(until) = until.filter(|_| !self.is_nonblocking()) else { return Err(SendError::WouldBlock) };
        let mut listener = self.changed.listen();
        // Room is told by what is received.
        let _follower = self.endpoint.get().map(|endpoint| endpoint.follow(instance));
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
    fn is_nonblocking(&self) -> bool {
        let readiness = self.state.lock().readiness.clone();
        readiness.is_some_and(|readiness| system::is_nonblocking(readiness.raw()))
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

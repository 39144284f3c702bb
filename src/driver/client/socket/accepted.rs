//! The role of a socket that a listening one has accepted: the pool element's side of one session.

use super::{Endpoint, Role, Socket, Style};
use crate::AssociationId;
use crate::association::PeerAddress;
use crate::driver::client::call_error::SendError;
use crate::session::ServerSession;
use std::sync::Arc;

/// A session with its association.
pub(super) struct Accepted {
    session: ServerSession,
    /// Its association is gone, or the program has ended the session at once.
    ended: bool,
}

impl Socket {
    /// A socket for the session of this association, on the endpoint of the one that listens. It gets its descriptor when it is
    /// accepted.
    pub(super) fn accepted(
        association: AssociationId,
        peer: &PeerAddress,
        endpoint: Option<&Arc<Endpoint>>,
        unread_limit: usize,
    ) -> Arc<Socket> {
        let session = ServerSession::new(association, Some(peer.clone()));
        let socket = Socket::without_descriptor(Style::OneToOne, Role::Accepted(Accepted { session, ended: false }));
        socket.state.lock().inbox.set_unread_limit(unread_limit);
        if let Some(endpoint) = endpoint {
            let _ = socket.endpoint.set(Arc::clone(endpoint));
        }
        socket
    }
}

impl Accepted {
    /// Nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Nothing more will come from now on.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Its association, also one that is gone.
    pub fn association(&self) -> AssociationId {
        self.session.association()
    }

    /// Where the peer is, as far as known.
    pub fn peer(&self) -> Option<&PeerAddress> {
        self.session.peer()
    }

    /// The session.
    pub fn session_mut(&mut self) -> &mut ServerSession {
        &mut self.session
    }

    /// Where its messages go.
    pub fn target(&self) -> Result<AssociationId, SendError> {
        if self.ended || self.session.is_read_only() { Err(SendError::Failed) } else { Ok(self.association()) }
    }
}

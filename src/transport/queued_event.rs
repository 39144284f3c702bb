//! Events between their cause and the next poll.

use crate::AssociationId;
use crate::association::{LossReason, Peer, Undelivered};
use crate::transport::TransportEvent;

/// A [`TransportEvent`] that owns its message, for a transport that finds out about it before its next
/// [`poll`](crate::transport::Transport::poll).
#[allow(missing_docs)] // each is documented at its variant of `TransportEvent`
pub enum QueuedEvent {
    Up { association: AssociationId, peer: Peer },
    ConnectFailed { association: AssociationId, reason: LossReason },
    Message { association: AssociationId, stream: u16, ppid: u32, payload: Vec<u8> },
    Writable { association: AssociationId },
    Lost { association: AssociationId, reason: LossReason, undelivered: Vec<Undelivered> },
}

impl QueuedEvent {
    /// Number of the association that it is about.
    pub fn association(&self) -> AssociationId {
        match self {
            QueuedEvent::Up { association, .. }
            | QueuedEvent::ConnectFailed { association, .. }
            | QueuedEvent::Message { association, .. }
            | QueuedEvent::Writable { association }
            | QueuedEvent::Lost { association, .. } => *association,
        }
    }

    /// Tells it.
    pub fn deliver(self, sink: &mut dyn FnMut(TransportEvent<'_>)) {
        match self {
            QueuedEvent::Up { association, peer } => sink(TransportEvent::Up { association, peer }),
            QueuedEvent::ConnectFailed { association, reason } => {
                sink(TransportEvent::ConnectFailed { association, reason })
            }
            QueuedEvent::Message { association, stream, ppid, payload } => {
                sink(TransportEvent::Message { association, stream, ppid, payload: &payload });
            }
            QueuedEvent::Writable { association } => sink(TransportEvent::Writable { association }),
            QueuedEvent::Lost { association, reason, undelivered } => {
                sink(TransportEvent::Lost { association, reason, undelivered });
            }
        }
    }
}

impl From<TransportEvent<'_>> for QueuedEvent {
    fn from(event: TransportEvent<'_>) -> QueuedEvent {
        match event {
            TransportEvent::Up { association, peer } => QueuedEvent::Up { association, peer },
            TransportEvent::ConnectFailed { association, reason } => QueuedEvent::ConnectFailed { association, reason },
            TransportEvent::Message { association, stream, ppid, payload } => {
                QueuedEvent::Message { association, stream, ppid, payload: payload.to_vec() }
            }
            TransportEvent::Writable { association } => QueuedEvent::Writable { association },
            TransportEvent::Lost { association, reason, undelivered } => {
                QueuedEvent::Lost { association, reason, undelivered }
            }
        }
    }
}

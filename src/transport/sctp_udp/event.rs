//! Events between their cause and the next poll.

use crate::AssociationId;
use crate::association::{LossReason, Peer, Undelivered};
use crate::transport::TransportEvent;

/// A [`TransportEvent`] that owns its message.
pub(crate) enum Event {
    Up { association: AssociationId, peer: Peer },
    ConnectFailed { association: AssociationId, reason: LossReason },
    Message { association: AssociationId, stream: u16, ppid: u32, payload: Vec<u8> },
    Writable { association: AssociationId },
    Lost { association: AssociationId, reason: LossReason, undelivered: Vec<Undelivered> },
}

impl Event {
    pub fn association(&self) -> AssociationId {
        match self {
            Event::Up { association, .. }
            | Event::ConnectFailed { association, .. }
            | Event::Message { association, .. }
            | Event::Writable { association }
            | Event::Lost { association, .. } => *association,
        }
    }

    pub fn deliver(self, sink: &mut dyn FnMut(TransportEvent<'_>)) {
        match self {
            Event::Up { association, peer } => sink(TransportEvent::Up { association, peer }),
            Event::ConnectFailed { association, reason } => sink(TransportEvent::ConnectFailed { association, reason }),
            Event::Message { association, stream, ppid, payload } => {
                sink(TransportEvent::Message { association, stream, ppid, payload: &payload });
            }
            Event::Writable { association } => sink(TransportEvent::Writable { association }),
            Event::Lost { association, reason, undelivered } => {
                sink(TransportEvent::Lost { association, reason, undelivered });
            }
        }
    }
}

//! Events between their cause and the next poll.

use rserpool::AssociationId;
use rserpool::association::{LossReason, Peer, Undelivered};
use rserpool::transport::TransportEvent;

/// A [`TransportEvent`] that owns its message.
pub(super) enum Event {
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
        sink(match &self {
            Event::Up { association, peer } => TransportEvent::Up { association: *association, peer: peer.clone() },
            Event::ConnectFailed { association, reason } => {
                TransportEvent::ConnectFailed { association: *association, reason: reason.clone() }
            }
            Event::Message { association, stream, ppid, payload } => {
                TransportEvent::Message { association: *association, stream: *stream, ppid: *ppid, payload }
            }
            Event::Writable { association } => TransportEvent::Writable { association: *association },
            Event::Lost { association, reason, undelivered } => TransportEvent::Lost {
                association: *association,
                reason: reason.clone(),
                undelivered: undelivered.clone(),
            },
        });
    }
}

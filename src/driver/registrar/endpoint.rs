//! A transport of the registrar, and who is let in there.

use super::tls::{port_beside, port_in_the_clear};
use crate::association::PeerAddress;
use crate::registrar::Link;
use crate::transport::{Transport, TransportError, TransportEvent};
use crate::{AssociationId, Time};
use std::time::Duration;

/// Who is let in, and how places are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// The core decides.
    Open,
    /// Nobody: who belongs here has to come under TLS, to another port.
    Closed,
    /// The core decides, and knows registrars by their ports in the clear, as all messages name these.
    BesidePort,
}

/// A transport of the registrar.
pub(super) struct Endpoint {
    pub(super) link: Link,
    pub(super) transport: Box<dyn Transport>,
    /// The last poll left something to do.
    pub(super) more: bool,
    /// Bytes that each association may queue.
    pub(super) send_queue: usize,
    door: Door,
}

/// Somebody who has come in the clear where nobody may.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) association: AssociationId,
    pub(super) peer: PeerAddress,
}

impl Endpoint {
    pub(super) fn new(link: Link, transport: Box<dyn Transport>, send_queue: usize, door: Door) -> Endpoint {
        Endpoint { link, transport, more: false, send_queue, door }
    }

    /// Polls the transport. Who is not let in is added to `refused`, and `sink` hears nothing of it.
    pub(super) fn poll(&mut self, now: Time, refused: &mut Vec<Refused>, sink: &mut dyn FnMut(TransportEvent<'_>)) {
        let door = self.door;
        self.more = self.transport.poll(now, &mut |event| match (door, event) {
            (Door::Closed, TransportEvent::Up { association, peer }) => {
                refused.push(Refused { association, peer: peer.address });
            }
            (Door::Closed, _) => {}
            (Door::BesidePort, TransportEvent::Up { association, mut peer }) => {
                peer.address.port = port_in_the_clear(peer.address.port);
                sink(TransportEvent::Up { association, peer });
            }
            (Door::Open | Door::BesidePort, event) => sink(event),
        });
    }

    pub(super) fn connect(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        match self.door {
            Door::Open | Door::Closed => self.transport.connect(now, peer, timeout),
            Door::BesidePort => {
                let beside = PeerAddress { port: port_beside(peer.port), ..peer.clone() };
                self.transport.connect(now, &beside, timeout)
            }
        }
    }
}

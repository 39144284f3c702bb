//! A transport that says what a test has it say, and writes down what it is asked for.

use crate::association::{LossReason, Peer, PeerAddress, TransportKind, Undelivered};
use crate::transport::{
    Capabilities, Detachable, OutboundMessage, SctpParameters, Transport, TransportError, TransportEvent,
};
use crate::wire::AddressList;
use crate::{AssociationId, Time};
use parking_lot::Mutex;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// The number of its endpoint.
pub(super) const NUMBER: u16 = 16;

/// Its associations, by the order of their connects, from 1.
pub(super) fn association(number: u64) -> AssociationId {
    AssociationId::new(NUMBER, number)
}

/// What it says.
pub(super) enum Said {
    Up(u64),
    Message(u64, Vec<u8>),
    Lost(u64, LossReason, Vec<Undelivered>),
}

#[derive(Default)]
pub(super) struct Script {
    /// What the next poll says, all in one batch.
    pub says: Vec<Said>,
    /// The errno of connects that fail at once.
    pub refuses_connects: Option<libc::c_int>,
    pub connects: u64,
    /// Messages that it takes before it refuses them; none: all.
    pub room: Option<usize>,
    /// Payload protocol identifiers and messages.
    pub sent: Vec<(u32, Vec<u8>)>,
    pub given_up: Vec<AssociationId>,
    pub aborted: Vec<AssociationId>,
}

/// The transport; the test keeps the script.
pub(super) struct Scripted(pub Arc<Mutex<Script>>);

impl Transport for Scripted {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: TransportKind::Memory,
            multi_homing: false,
            payload_protocol_id: true,
            max_message_size: 1 << 24,
        }
    }

    fn local_port(&self) -> u16 {
        1
    }

    fn local_addresses(&self) -> AddressList {
        AddressList::new()
    }

    fn connect(&mut self, _: Time, _: &PeerAddress, _: Duration) -> Result<AssociationId, TransportError> {
        let mut script = self.0.lock();
        if let Some(errno) = script.refuses_connects {
            return Err(TransportError::Io(io::Error::from_raw_os_error(errno)));
        }
        script.connects += 1;
        Ok(association(script.connects))
    }

    fn send(&mut self, _: Time, _: AssociationId, message: OutboundMessage<'_>) -> Result<(), TransportError> {
        let mut script = self.0.lock();
        if let Some(room) = &mut script.room {
            *room = room.checked_sub(1).ok_or(TransportError::WouldBlock)?;
        }
        script.sent.push((message.ppid, message.payload.to_vec()));
        Ok(())
    }

    fn hold(&mut self) {}
    fn release(&mut self, _: Time) {}
    fn shutdown(&mut self, _: Time, _: AssociationId) {}

    fn abort(&mut self, _: Time, association: AssociationId, _: &str) {
        self.0.lock().aborted.push(association);
    }

    fn give_up(&mut self, _: Time, association: AssociationId, _: &str) {
        self.0.lock().given_up.push(association);
    }

    fn probe(&mut self, _: Time, _: AssociationId) {}
    fn set_parameters(&mut self, _: &SctpParameters) {}
    fn limit_send_queues(&mut self, _: usize) {}

    fn parameters_of(&self, _: AssociationId) -> Option<SctpParameters> {
        None
    }

    fn round_trip_time(&self, _: AssociationId) -> Option<Duration> {
        None
    }

    fn poll(&mut self, _: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        let says = std::mem::take(&mut self.0.lock().says);
        for said in says {
            match said {
                Said::Up(number) => {
                    let address = PeerAddress::new(Ipv4Addr::LOCALHOST.into(), 1);
                    let peer = Peer { address, inbound: false, kind: TransportKind::Memory };
                    sink(TransportEvent::Up { association: association(number), peer });
                }
                Said::Message(number, payload) => {
                    let (association, payload) = (association(number), &payload[..]);
                    sink(TransportEvent::Message { association, stream: 0, ppid: 0, payload });
                }
                Said::Lost(number, reason, undelivered) => {
                    sink(TransportEvent::Lost { association: association(number), reason, undelivered });
                }
            }
        }
        false
    }

    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        None
    }

    fn next_deadline(&self) -> Option<Time> {
        None
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn poll_fd(&self) -> Option<RawFd> {
        None
    }
}

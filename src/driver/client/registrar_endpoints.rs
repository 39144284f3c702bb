//! The transports towards registrars, and the groups on which these announce themselves.

use super::io_handle::IoHandle;
use super::protection::Protection;
use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::transport::multicast::AnnouncementListener;
use crate::transport::{
    EndpointConfig, OutboundMessage, SctpParameters, Transport, TransportChoice, TransportError, TransportEvent,
};
use crate::wire::PPID_ASAP;
use crate::{AssociationId, Time};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The SCTP endpoint towards registrars, which also listens: a registrar that takes over reaches us there.
const SCTP: u16 = 0;
/// TCP towards registrars.
const TCP: u16 = 1;
/// The multicast groups.
const ANNOUNCEMENTS: u16 = 2;
/// Associations with registrars, inbound ones included.
const MAX_ASSOCIATIONS: usize = 64;

/// All of them; transports are opened when they are used first.
pub(super) struct RegistrarEndpoints {
    io: Arc<IoHandle>,
    choice: TransportChoice,
    protection: Protection,
    parameters: SctpParameters,
    sctp: Option<Box<dyn Transport>>,
    tcp: Option<Box<dyn Transport>>,
    /// None where announcements are switched off or cannot be heard.
    announcements: Option<AnnouncementListener>,
    /// What has arrived in this round and was not taken yet.
    arrived: VecDeque<Arrived>,
}

/// What a transport reported.
pub(super) enum Arrived {
    Up(AssociationId, PeerAddress, TransportKind),
    ConnectFailed(AssociationId, LossReason),
    Message(AssociationId, u32, Vec<u8>),
    Lost(AssociationId, LossReason),
    /// On a group: where it came from, and its bytes.
    Announcement(SocketAddr, Vec<u8>),
}

impl RegistrarEndpoints {
    pub fn new(
        io: Arc<IoHandle>,
        choice: TransportChoice,
        protection: Protection,
        parameters: SctpParameters,
        groups: &[SocketAddr],
    ) -> RegistrarEndpoints {
        let announcements = listen_to(&io, groups);
        let arrived = VecDeque::new();
        RegistrarEndpoints { io, choice, protection, parameters, sctp: None, tcp: None, announcements, arrived }
    }

    pub fn next_deadline(&self) -> Option<Time> {
        [&self.sctp, &self.tcp].into_iter().flatten().filter_map(|transport| transport.next_deadline()).min()
    }

    /// Receives from what is ready or due, a bounded amount for [`RegistrarEndpoints::next_arrival`]. Returns whether more is
    /// waiting.
    pub fn receive(&mut self, now: Time, ready: &[u64]) -> bool {
        let mut more = false;
        let mut arrived = std::mem::take(&mut self.arrived);
        for number in [SCTP, TCP] {
            let Some(transport) = self.by_number(number) else { continue };
            if ready.contains(&u64::from(number)) || transport.next_deadline().is_some_and(|at| at <= now) {
                more |= transport.poll(now, &mut |event| arrived.extend(Arrived::from(event)));
            }
        }
        if let Some(listener) = self.announcements.as_mut().filter(|_| ready.contains(&u64::from(ANNOUNCEMENTS))) {
            // What is left makes the descriptor readable again at once.
            listener.receive(&mut |from, bytes| arrived.push_back(Arrived::Announcement(from, bytes.to_vec())));
        }
        self.arrived = arrived;
        more
    }

    /// The next thing that has arrived in this round.
    pub fn next_arrival(&mut self) -> Option<Arrived> {
        let mut arrived = self.arrived.pop_front()?;
        if let Arrived::Up(_, peer, _) = &mut arrived {
            peer.port = self.protection.asap_port_of(peer.port);
        }
        Some(arrived)
    }

    pub fn connect(
        &mut self,
        now: Time,
        kind: TransportKind,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let number = if kind == TransportKind::Tcp { TCP } else { SCTP };
        if self.by_number(number).is_none() {
            self.open(number)?;
        }
        let peer = PeerAddress { port: self.protection.port_for(peer.port), ..peer.clone() };
        match self.by_number(number) {
            Some(transport) => transport.connect(now, &peer, timeout),
            None => Err(TransportError::Unsupported("this transport")),
        }
    }

    pub fn send(&mut self, now: Time, association: AssociationId, bytes: &[u8]) -> Result<(), TransportError> {
        match self.by_number(association.transport()) {
            Some(transport) => transport.send(now, association, OutboundMessage::control(PPID_ASAP, bytes)),
            None => Err(TransportError::UnknownAssociation),
        }
    }

    pub fn shutdown(&mut self, now: Time, association: AssociationId) {
        if let Some(transport) = self.by_number(association.transport()) {
            transport.shutdown(now, association);
        }
    }

    /// Looks at once whether an association is still there.
    pub fn probe(&mut self, now: Time, association: AssociationId) {
        if let Some(transport) = self.by_number(association.transport()) {
            transport.probe(now, association);
        }
    }

    /// Nothing of the association arrives any more, not even what came in this round already.
    pub fn abort(&mut self, now: Time, association: AssociationId, reason: &str) {
        self.arrived.retain(|arrived| arrived.association() != Some(association));
        if let Some(transport) = self.by_number(association.transport()) {
            transport.abort(now, association, reason);
        }
    }

    fn by_number(&mut self, number: u16) -> Option<&mut Box<dyn Transport>> {
        if number == TCP { self.tcp.as_mut() } else { self.sctp.as_mut() }
    }

    fn open(&mut self, number: u16) -> Result<(), TransportError> {
        let config = EndpointConfig {
            transport_number: number,
            listen: number == SCTP,
            max_associations: MAX_ASSOCIATIONS,
            parameters: self.parameters,
            ..EndpointConfig::default()
        };
        let transport: Box<dyn Transport> = match number {
            TCP => self.protection.open_tcp(&config)?,
            _ => self.protection.open_sctp(self.choice, &config)?,
        };
        if let Some(fd) = transport.poll_fd() {
            self.io.poller().add(fd, u64::from(number))?;
        }
        *(if number == TCP { &mut self.tcp } else { &mut self.sctp }) = Some(transport);
        Ok(())
    }
}

impl Arrived {
    fn from(event: TransportEvent<'_>) -> Option<Arrived> {
        match event {
            TransportEvent::Up { association, peer } => Some(Arrived::Up(association, peer.address, peer.kind)),
            TransportEvent::ConnectFailed { association, reason } => Some(Arrived::ConnectFailed(association, reason)),
            TransportEvent::Message { association, ppid, payload, .. } => {
                Some(Arrived::Message(association, ppid, payload.to_vec()))
            }
            TransportEvent::Lost { association, reason, .. } => Some(Arrived::Lost(association, reason)),
            TransportEvent::Writable { .. } => None,
        }
    }

    fn association(&self) -> Option<AssociationId> {
        match self {
            Arrived::Up(association, ..)
            | Arrived::ConnectFailed(association, _)
            | Arrived::Message(association, ..)
            | Arrived::Lost(association, _) => Some(*association),
            Arrived::Announcement(..) => None,
        }
    }
}

/// Announcements are optional: that they cannot be heard is an ordinary situation.
fn listen_to(io: &IoHandle, groups: &[SocketAddr]) -> Option<AnnouncementListener> {
    if groups.is_empty() {
        return None;
    }
    let opened = AnnouncementListener::open(groups).and_then(|listener| {
        if listener.is_listening() {
            io.poller().add(listener.poll_fd(), u64::from(ANNOUNCEMENTS))?;
        }
        Ok(listener)
    });
    match opened {
        Ok(listener) => listener.is_listening().then_some(listener),
        Err(error) => {
            log::info!("announcements of registrars are not heard ({error}): only configured registrars are used");
            None
        }
    }
}

//! TLS: a transport that wraps another one, so that neither cores nor drivers know of it.
//!
//! The transport below carries pieces of ciphertext ([`Carrier`]); an [`Engine`] for each association makes messages of them and the other
//! way round. [`TransportEvent::Up`] comes after the handshake. A failed handshake is [`LossReason::Tls`] at who has begun it, and a line in
//! the log at who was connected to: there, nothing else is known of the peer. What comes back as undelivered is plaintext.

mod counterpart;
mod engine;
mod events;
mod handshakes;
mod identities;
mod openssl;
mod records;
mod registrar_names;
mod sending;
mod sent;
mod session;
mod settings;

pub use counterpart::{Counterpart, Counterparts};
pub use engine::{Engine, Engines, Handshake, Reading, TlsFault};
pub use identities::Identities;
pub use openssl::{OpenSsl, SettingsFault, issuing};
pub use registrar_names::RegistrarNames;
pub use settings::{TLS_OPTIONS, TlsMode, TlsOption, TlsProfile, TlsSettings};

use super::tcp::{ASAP_PPID, MAX_FRAME, PARTIAL_MESSAGE_TIMEOUT};
use super::{
    Capabilities, Detachable, EndpointConfig, OutboundMessage, Punctuality, QueuedEvent, SctpParameters, Tcp,
    Transport, TransportChoice, TransportError, TransportEvent, select,
};
use crate::association::{LossReason, PeerAddress};
use crate::collections::{AssociationMap, Deadlines};
use crate::log_limit::LogLimit;
use crate::wire::AddressList;
use crate::{AssociationId, Time};
use handshakes::Handshakes;
use session::{Begun, Phase, Session};
use std::io;
use std::net::UdpSocket;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// Where a registrar has TLS whose port in the clear is `port`: at the next one, as 3864 is next to 3863, and 9902 to 9901 (RFC 5352
/// section 8.2, RFC 5353 section 5). Who names those of TLS means them.
pub fn tls_port(port: u16) -> u16 {
    if PORTS_OF_TLS.contains(&port) { port } else { port.saturating_add(1) }
}

/// The port in the clear of a registrar that has TLS at `port`.
pub fn plain_port(port: u16) -> u16 {
    port.saturating_sub(1)
}

/// ASAP and ENRP under TLS.
const PORTS_OF_TLS: [u16; 2] = [3864, 9902];
/// How long a peer that has connected may take for its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what is queued may take at the end.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// By how much records and padding make the longest message longer.
const MAX_OVERHEAD: usize = 2 << 10;

/// A transport that can carry TLS: its messages are pieces of a stream of bytes, in order.
pub trait Carrier: Transport {
    /// Pieces that an association has taken and that the peer has not acknowledged, as far as known: rather more than that.
    fn unacknowledged(&mut self, association: AssociationId) -> usize;
}

/// A transport under TLS. See the [module](self).
pub struct TlsTransport {
    config: EndpointConfig,
    below: Box<dyn Carrier>,
    engines: Arc<dyn Engines>,
    counterparts: Counterparts,
    /// The payload protocol identifier of all messages.
    ppid: u32,
    /// Where who the peers are is told to whoever wants to know.
    identities: Option<Identities>,
    sessions: AssociationMap<Session>,
    handshakes: Handshakes,
    timers: Deadlines,
    punctuality: Punctuality,
    /// What has come from below and was not looked at yet.
    arrived: Vec<QueuedEvent>,
    /// What went wrong outside `poll`.
    failed: Vec<(AssociationId, LossReason)>,
    /// Connects that ended outside `poll`.
    ended: Vec<AssociationId>,
    refused_log: LogLimit,
    failed_log: LogLimit,
}

type Sink<'s> = &'s mut dyn FnMut(TransportEvent<'_>);

impl TlsTransport {
    /// TLS over TCP. Messages are ASAP's.
    pub fn over_tcp(
        config: &EndpointConfig,
        engines: Arc<dyn Engines>,
        counterparts: Counterparts,
    ) -> Result<TlsTransport, TransportError> {
        let (config, pieces) = sizes(config);
        Ok(TlsTransport::new(config, Box::new(Tcp::open_stream(&pieces)?), engines, counterparts, ASAP_PPID))
    }

    /// TLS over the SCTP that `choice` asks for (RFC 3436): one connection an association, on stream 0.
    pub fn over_sctp(
        choice: TransportChoice,
        config: &EndpointConfig,
        engines: Arc<dyn Engines>,
        counterparts: Counterparts,
        ppid: u32,
    ) -> Result<TlsTransport, TransportError> {
        let (config, pieces) = sizes(config);
        Ok(TlsTransport::new(config, select::open_carrier(choice, &pieces)?, engines, counterparts, ppid))
    }

    /// Tells from now on whom associations are with that come up.
    pub fn tell_identities(&mut self, identities: Identities) {
        self.identities = Some(identities);
    }

    fn new(
        config: EndpointConfig,
        below: Box<dyn Carrier>,
        engines: Arc<dyn Engines>,
        counterparts: Counterparts,
        ppid: u32,
    ) -> TlsTransport {
        TlsTransport {
            config,
            below,
            engines,
            counterparts,
            ppid,
            identities: None,
            sessions: AssociationMap::default(),
            handshakes: Handshakes::default(),
            timers: Deadlines::default(),
            punctuality: Punctuality::default(),
            arrived: Vec::new(),
            failed: Vec::new(),
            ended: Vec::new(),
            refused_log: LogLimit::default(),
            failed_log: LogLimit::default(),
        }
    }

    /// Moves the timer of an association.
    fn set_deadline(&mut self, association: AssociationId, deadline: Option<Time>) {
        let Some(session) = self.sessions.get_mut(&association) else { return };
        self.timers.set(association.as_u64(), session.deadline, deadline);
        session.deadline = deadline;
    }

    /// Forgets an association.
    fn remove(&mut self, association: AssociationId) -> Option<Session> {
        self.set_deadline(association, None);
        self.handshakes.end(association);
        self.sessions.remove(&association)
    }

    fn run_timers(&mut self, now: Time, sink: Sink<'_>) {
        while let Some(association) = self.timers.due(now).map(AssociationId::from_u64) {
            self.set_deadline(association, None);
            let Some(session) = self.sessions.get(&association) else { continue };
            match session.phase {
                // The transport below has the same time for it.
                Phase::Connecting | Phase::Closing | Phase::Over => {}
                Phase::Handshake => self.fail(now, association, LossReason::Timeout, sink),
                Phase::Open => {
                    let reason = LossReason::ProtocolViolation("a message did not arrive whole in time".into());
                    self.fail(now, association, reason, sink);
                }
                Phase::Ending => self.fail(now, association, LossReason::Unreachable, sink),
            }
        }
    }
}

/// What a side takes, and what the transport below has to take for that.
fn sizes(config: &EndpointConfig) -> (EndpointConfig, EndpointConfig) {
    let longest = config.max_message_size.min(MAX_FRAME);
    let with = |max_message_size| EndpointConfig { max_message_size, ..config.clone() };
    (with(longest), with(longest + MAX_OVERHEAD))
}

impl Transport for TlsTransport {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_message_size: self.config.max_message_size,
            payload_protocol_id: false,
            ..self.below.capabilities()
        }
    }

    fn local_port(&self) -> u16 {
        self.below.local_port()
    }

    fn local_addresses(&self) -> AddressList {
        self.below.local_addresses()
    }

    fn connect(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let association = self.below.connect(now, peer, connect_timeout)?;
        self.sessions.insert(association, Session::new(Begun::ByUs, self.config.report_undelivered));
        self.set_deadline(association, Some(now + connect_timeout));
        Ok(association)
    }

    fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        self.send_message(now, association, message)
    }

    fn hold(&mut self) {
        self.below.hold();
    }

    fn release(&mut self, now: Time) {
        self.below.release(now);
    }

    fn shutdown(&mut self, now: Time, association: AssociationId) {
        let Some(session) = self.sessions.get_mut(&association) else { return };
        match session.phase {
            Phase::Connecting | Phase::Handshake if session.early.is_empty() => {
                self.remove(association);
                self.below.abort(now, association, "closed while it was being connected");
                self.ended.push(association);
            }
            Phase::Connecting | Phase::Handshake => session.end_wanted = true,
            Phase::Open => self.begin_end(now, association),
            Phase::Ending | Phase::Closing | Phase::Over => {}
        }
    }

    fn abort(&mut self, now: Time, association: AssociationId, reason: &str) {
        self.failed.retain(|(failed, _)| *failed != association);
        self.ended.retain(|ended| *ended != association);
        let over = self.remove(association).is_some_and(|session| session.phase == Phase::Over);
        if !over {
            self.below.abort(now, association, reason);
        }
    }

    fn give_up(&mut self, now: Time, association: AssociationId, reason: &str) {
        let Some(session) = self.sessions.get_mut(&association) else { return };
        match session.phase {
            Phase::Connecting | Phase::Handshake => self.abort(now, association, reason),
            Phase::Open | Phase::Ending | Phase::Closing => {
                session.phase = Phase::Closing;
                self.below.give_up(now, association, reason);
            }
            Phase::Over => {}
        }
    }

    fn probe(&mut self, now: Time, association: AssociationId) {
        self.below.probe(now, association);
    }

    fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.config.parameters = *parameters;
        self.below.set_parameters(parameters);
    }

    fn limit_send_queues(&mut self, bytes: usize) {
        self.config.max_send_queue = bytes;
        self.below.limit_send_queues(bytes);
    }

    fn parameters_of(&self, association: AssociationId) -> Option<SctpParameters> {
        self.below.parameters_of(association)
    }

    fn round_trip_time(&self, association: AssociationId) -> Option<Duration> {
        self.below.round_trip_time(association)
    }

    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        for association in std::mem::take(&mut self.ended) {
            sink(TransportEvent::ConnectFailed { association, reason: LossReason::Closed });
        }
        for (association, reason) in std::mem::take(&mut self.failed) {
            self.fail(now, association, reason, sink);
        }
        let mut arrived = std::mem::take(&mut self.arrived);
        let more = self.below.poll(now, &mut |event| arrived.push(event.into()));
        for event in arrived.drain(..) {
            self.on_event(now, event, sink);
        }
        self.arrived = arrived;
        if self.punctuality.lets_timers_run(now, self.timers.first(), more) {
            self.run_timers(now, sink);
        }
        more
    }

    /// Not with TLS: what arrives has to pass the engine, which has the transport's lock.
    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        None
    }

    fn next_deadline(&self) -> Option<Time> {
        if !self.failed.is_empty() || !self.ended.is_empty() {
            return Some(Time::ZERO);
        }
        let own = self.punctuality.next_deadline(self.timers.first());
        [self.below.next_deadline(), own].into_iter().flatten().min()
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        self.below.announcement_sockets()
    }

    fn poll_fd(&self) -> Option<RawFd> {
        self.below.poll_fd()
    }
}

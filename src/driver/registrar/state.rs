//! Between the core and the transports: turns transport events into core events and keeps what belongs to associations.

use super::backlog::Backlogs;
use super::metrics::RegistrarMetrics;
use super::reports::Status;
use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::collections::AssociationMap;
use crate::driver::core_loop::{Core, CoreLoop, impl_core};
use crate::log_limit::{LogLimit, log_limited};
use crate::registrar::{Action, ConnectAttempt, Event, Link, OwnAddresses, Registrar, RegistrarEvent, ValidatedConfig};
#[cfg(feature = "tls")]
use crate::transport::tls::Identities;
use crate::transport::{OutboundMessage, Transport, TransportError, TransportEvent};
use crate::wire::{PPID_ASAP, PPID_ENRP};
use crate::{AssociationId, RegistrarId, Time};
use std::net::SocketAddr;
use std::time::Duration;

/// A registrar core as the driver sees it, so that the driver can be tested with a scripted one.
pub(super) trait RegistrarCore:
    for<'a> Core<Event<'a> = Event<'a>, Action = Action, Attempt = ConnectAttempt>
{
    /// Its identifier.
    fn id(&self) -> RegistrarId {
        RegistrarId::default()
    }
    /// What status reports tell.
    fn status(&self) -> Status {
        Status::default()
    }
    /// Takes back the memory of a message that has been sent.
    fn recycle(&mut self, _bytes: Vec<u8>) {}
    /// Whether it answers pool users.
    fn is_ready(&self) -> bool {
        true
    }
    /// The number of the last event.
    fn last_event(&self) -> u64 {
        0
    }
    /// Those behind the one of this number.
    fn tell_events(&self, _after: u64, _told: &mut dyn FnMut(&RegistrarEvent)) {}
}

impl_core!(Registrar: Event, Action, ConnectAttempt);

impl RegistrarCore for Registrar {
    fn id(&self) -> RegistrarId {
        Registrar::id(self)
    }

    fn status(&self) -> Status {
        Status::of(self)
    }

    fn recycle(&mut self, bytes: Vec<u8>) {
        Registrar::recycle(self, bytes);
    }

    fn is_ready(&self) -> bool {
        Registrar::is_ready(self)
    }

    fn last_event(&self) -> u64 {
        Registrar::last_event(self)
    }

    fn tell_events(&self, after: u64, told: &mut dyn FnMut(&RegistrarEvent)) {
        self.events_after(after).for_each(told);
    }
}

/// The core with everything the driver knows about associations; has no transports, so that a transport can be polled
/// while its events go in here.
pub(super) struct State<C: Core> {
    pub(super) core: CoreLoop<C>,
    /// Associations that may have room again for what waits.
    pub(super) writable: Vec<AssociationId>,
    associations: AssociationMap<Known>,
    /// How many of them are with registrars.
    with_registrars: usize,
    backlogs: Backlogs,
    metrics: RegistrarMetrics,
    log_limit: LogLimit,
    refused_log: LogLimit,
    /// Who has proved under TLS to be whom.
    #[cfg(feature = "tls")]
    pub(super) identities: Identities,
}

/// What is known of an association that is up.
#[derive(Clone, Copy)]
struct Known {
    link: Link,
    kind: TransportKind,
}

impl<C: RegistrarCore> State<C> {
    pub(super) fn new(core: C) -> State<C> {
        State {
            core: CoreLoop::new(core),
            writable: Vec::new(),
            associations: AssociationMap::default(),
            with_registrars: 0,
            backlogs: Backlogs::default(),
            metrics: RegistrarMetrics::default(),
            log_limit: LogLimit::default(),
            refused_log: LogLimit::default(),
            #[cfg(feature = "tls")]
            identities: Identities::default(),
        }
    }

    pub(super) fn status(&self) -> Status {
        self.core.core().status()
    }

    pub(super) fn metrics(&self) -> RegistrarMetrics {
        let mut metrics = self.metrics;
        metrics.associations = self.associations.len();
        metrics.backlog_bytes = self.backlogs.total_cost();
        metrics
    }

    /// How many messages have come.
    pub(super) fn messages_received(&self) -> u64 {
        self.metrics.messages_received
    }

    /// Messages that came together are done, so long after they came.
    pub(super) fn on_messages_done(&mut self, took: Duration, messages: u64) {
        self.metrics.request_times.record(took, messages);
    }

    /// Timers are looked at, so long after the first of them was due.
    pub(super) fn on_timers_late(&mut self, late: Duration) {
        self.metrics.lateness.record(late, 1);
    }

    /// The associations that are up, in the order of their numbers.
    pub(super) fn associations(&self) -> Vec<AssociationId> {
        let mut all: Vec<_> = self.associations.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// Nothing came out of the events since the last time.
    pub(super) fn has_nothing_to_do(&self) -> bool {
        self.core.has_nothing_to_do() && self.writable.is_empty()
    }

    /// How many associations a side has.
    pub(super) fn count(&self, side: Link) -> usize {
        match side {
            Link::Asap => self.associations.len() - self.with_registrars,
            Link::Enrp => self.with_registrars,
        }
    }

    fn add(&mut self, association: AssociationId, known: Known) {
        self.remove(association);
        self.associations.insert(association, known);
        self.with_registrars += usize::from(known.link == Link::Enrp);
        self.metrics.of_transport(known.kind).associations += 1;
    }

    /// Whether it was there.
    fn remove(&mut self, association: AssociationId) -> bool {
        let Some(Known { link, kind }) = self.associations.remove(&association) else { return false };
        self.metrics.of_transport(kind).associations -= 1;
        self.with_registrars -= usize::from(link == Link::Enrp);
        self.backlogs.remove(link, association);
        true
    }

    pub(super) fn has_associations(&self) -> bool {
        !self.associations.is_empty()
    }

    /// Tells the core to leave the scope.
    pub(super) fn on_stop(&mut self, now: Time) {
        self.core.handle(now, Event::Shutdown);
    }

    /// A look-up named these registrars.
    pub(super) fn on_peers_found(&mut self, now: Time, peers: &[PeerAddress]) {
        self.core.handle(now, Event::PeersFound { peers });
    }

    /// The registrar is reached elsewhere.
    pub(super) fn on_addresses_changed(&mut self, now: Time, addresses: OwnAddresses) {
        self.core.handle(now, Event::AddressesChanged(addresses));
    }

    /// The registrar is given other settings.
    pub(super) fn on_reconfigured(&mut self, now: Time, config: &ValidatedConfig) {
        self.core.handle(now, Event::Reconfigured(config));
    }

    /// A datagram came on the ENRP group.
    pub(super) fn on_datagram(&mut self, now: Time, from: SocketAddr, bytes: &[u8]) {
        self.metrics.datagrams_received += 1;
        self.core.handle(now, Event::Datagram { from, bytes });
    }

    /// Datagrams went out.
    pub(super) fn on_datagrams_sent(&mut self, count: usize) {
        self.metrics.datagrams_sent += count as u64;
    }

    /// Something happened on an endpoint of the side `link`.
    pub(super) fn on_transport_event(&mut self, now: Time, link: Link, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Message { association, ppid, payload, .. } => {
                self.metrics.messages_received += 1;
                if let Some(known) = self.associations.get(&association) {
                    self.metrics.of_transport(known.kind).messages_received += 1;
                }
                let event = Event::Message { association, ppid, bytes: payload };
                self.core.handle(now, event);
            }
            TransportEvent::Up { association, peer } => {
                self.add(association, Known { link, kind: peer.kind });
                let attempt = self.core.connect_ended(association);
                log::debug!("association {association} with {} over {} is up", peer.address, peer.kind);
                let event = Event::AssociationUp { link, association, attempt, peer };
                self.core.handle(now, event);
                #[cfg(feature = "tls")]
                if let Some(identity) = self.identities.take(association) {
                    self.core.handle(now, Event::Identified { association, identity });
                }
            }
            TransportEvent::ConnectFailed { association, reason } => {
                self.core.connect_failed(now, association, reason);
            }
            TransportEvent::Writable { association } => self.writable.push(association),
            TransportEvent::Lost { association, reason, .. } => self.on_lost(now, association, reason),
        }
    }

    /// Somebody has come in the clear where nobody may, and goes.
    pub(super) fn tell_refused(&mut self, now: Time, link: Link, peer: &PeerAddress) {
        let what = match link {
            Link::Asap => "ASAP",
            Link::Enrp => "ENRP",
        };
        log_limited!(
            self.refused_log => peer.clone(),
            now,
            log::Level::Warn,
            "{what} in the clear from {peer} is refused: TLS is required; its association is aborted"
        );
    }

    fn on_lost(&mut self, now: Time, association: AssociationId, reason: LossReason) {
        if !self.remove(association) {
            return; // aborted by us in the meantime
        }
        log::debug!("association {association} is lost: {reason}");
        self.core.handle(now, Event::AssociationLost { association, reason });
    }

    /// Remembers which attempt a started connect belongs to, or that it failed at once.
    pub(super) fn on_connect_started(
        &mut self,
        attempt: ConnectAttempt,
        result: Result<AssociationId, TransportError>,
    ) {
        let result = result.map_err(|error| {
            log::debug!("a connect could not be started: {error}");
            error.loss_reason()
        });
        self.core.connect_started(attempt, result);
    }

    /// Sends a message of the core, or lets it wait; a peer that does not read loses its association.
    pub(super) fn send(
        &mut self,
        now: Time,
        transport: &mut dyn Transport,
        association: AssociationId,
        message: Vec<u8>,
    ) {
        let Some(&Known { link, kind }) = self.associations.get(&association) else { return }; // lost since the core decided
        if !self.backlogs.is_waiting(association) {
            match transport.send(now, association, OutboundMessage::control(ppid(link), &message)) {
                Ok(()) => {
                    self.metrics.messages_sent += 1;
                    self.metrics.of_transport(kind).messages_sent += 1;
                    return self.core.core_mut().recycle(message);
                }
                Err(TransportError::WouldBlock) => {}
                // It is being closed or gone: the event that says so is on its way.
                Err(TransportError::Closing | TransportError::UnknownAssociation) => return,
                Err(error) => return self.give_up(now, transport, association, &error.to_string()),
            }
        }
        let pushed = self.backlogs.push(link, association, &message);
        self.core.core_mut().recycle(message);
        if pushed.is_err() {
            let why = "it does not read, and its share of waiting messages is used up";
            self.end_slow(now, transport, association, why);
        }
    }

    /// Who has to go because all associations together have too many messages waiting.
    pub(super) fn who_pays(&self) -> Option<AssociationId> {
        self.backlogs.who_pays()
    }

    /// Ends the association that [`State::who_pays`] has named.
    pub(super) fn make_pay(&mut self, now: Time, transport: &mut dyn Transport, association: AssociationId) {
        let why = "it does not read, all memory for waiting messages is used up, and it has most of that";
        self.end_slow(now, transport, association, why);
    }

    fn end_slow(&mut self, now: Time, transport: &mut dyn Transport, association: AssociationId, why: &str) {
        self.metrics.slow_peers_aborted += 1;
        self.give_up(now, transport, association, why);
    }

    /// Sends what waits for an association that has room again.
    pub(super) fn flush(&mut self, now: Time, transport: &mut dyn Transport, association: AssociationId) {
        let Some(&Known { link, kind }) = self.associations.get(&association) else { return };
        let mut sent = 0;
        self.backlogs.flush(link, association, |message| {
            let result = transport.send(now, association, OutboundMessage::control(ppid(link), message));
            sent += u64::from(result.is_ok());
            // Any other failure means that the association is on its way out: nothing is gained by keeping the message.
            !matches!(result, Err(TransportError::WouldBlock))
        });
        self.metrics.messages_sent += sent;
        self.metrics.of_transport(kind).messages_sent += sent;
    }

    /// Forgets an association that the core aborts; no event follows, neither here nor there.
    pub(super) fn forget(&mut self, association: AssociationId) {
        self.remove(association);
        self.core.forget(association);
    }

    fn give_up(&mut self, now: Time, transport: &mut dyn Transport, association: AssociationId, why: &str) {
        let level = log::Level::Warn;
        log_limited!(
            self.log_limit,
            now,
            level,
            "association {association} is aborted: {why}; its elements are removed"
        );
        transport.abort(now, association, "send queue full");
        self.remove(association);
        self.core.lost_by_action(association, LossReason::Aborted("send queue full".to_owned()));
    }
}

/// The payload protocol identifier of a side.
pub(super) fn ppid(link: Link) -> u32 {
    match link {
        Link::Asap => PPID_ASAP,
        Link::Enrp => PPID_ENRP,
    }
}

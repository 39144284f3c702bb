//! The way up: what the transport below tells becomes handshakes, messages and ends.

use super::engine::{Handshake, TlsFault};
use super::handshakes::Admission;
use super::session::{Meeting, Received};
use super::*;
use crate::association::{Peer, Undelivered};
use crate::log_limit::log_limited;

impl TlsTransport {
    pub(super) fn on_event(&mut self, now: Time, event: QueuedEvent, sink: Sink<'_>) {
        match event {
            QueuedEvent::Up { association, peer } => self.on_up(now, association, peer, sink),
            QueuedEvent::ConnectFailed { association, reason } => {
                if self.remove(association).is_some() {
                    sink(TransportEvent::ConnectFailed { association, reason });
                }
            }
            QueuedEvent::Message { association, stream, payload, .. } => {
                if stream != 0 {
                    return self.on_other_stream(now, association, stream, sink);
                }
                match self.sessions.get(&association).map(|session| session.phase) {
                    Some(Phase::Handshake) => self.shake_hands(now, association, &payload, sink),
                    Some(Phase::Open | Phase::Ending | Phase::Closing) => {
                        self.receive(now, association, &payload, sink);
                    }
                    Some(Phase::Connecting | Phase::Over) | None => {}
                }
            }
            QueuedEvent::Writable { association } => self.put_waiting(now, association, sink),
            QueuedEvent::Lost { association, reason, undelivered } => {
                self.on_lost(now, association, reason, &undelivered, sink);
            }
        }
    }

    fn on_up(&mut self, now: Time, association: AssociationId, peer: Peer, sink: Sink<'_>) {
        let engine = if peer.inbound {
            if !self.admit(now, association, &peer, sink) {
                return;
            }
            self.engines.server(self.counterparts.connecting())
        } else {
            self.engines.client(self.counterparts.connected_to(&peer.address))
        };
        let Some(session) = self.sessions.get_mut(&association) else {
            return self.below.abort(now, association, "not wanted any more");
        };
        match engine {
            Ok(engine) => {
                session.begin(peer, engine);
                self.shake_hands(now, association, &[], sink);
            }
            Err(fault) => self.fail(now, association, LossReason::Tls(fault.to_string()), sink),
        }
    }

    /// Other streams are not protected: what comes there may be anybody's (RFC 3436 section 6.1).
    fn on_other_stream(&mut self, now: Time, association: AssociationId, stream: u16, sink: Sink<'_>) {
        let reason = LossReason::Tls(format!("a message came on stream {stream}, which has no TLS"));
        self.fail(now, association, reason, sink);
    }

    /// Whether a peer that has connected may begin a handshake.
    fn admit(&mut self, now: Time, association: AssociationId, peer: &Peer, sink: Sink<'_>) -> bool {
        let Some(&source) = peer.address.addresses.first() else { return false };
        match self.handshakes.begin(association, source) {
            Admission::Admitted => {}
            Admission::InPlaceOf(oldest) => {
                let reason = LossReason::Tls("too many handshakes are under way, and this is the oldest one".into());
                self.fail(now, oldest, reason, sink);
            }
            Admission::Refused => {
                let address = &peer.address;
                log_limited!(
                    self.refused_log,
                    now,
                    log::Level::Warn,
                    "TLS port {}: connection from {address} refused: too many handshakes with it are under way",
                    self.below.local_port()
                );
                self.below.abort(now, association, "too many handshakes");
                return false;
            }
        }
        self.sessions.insert(association, Session::new(Begun::ByPeer, self.config.report_undelivered));
        self.set_deadline(association, Some(now + HANDSHAKE_TIMEOUT));
        true
    }

    fn shake_hands(&mut self, now: Time, association: AssociationId, bytes: &[u8], sink: Sink<'_>) {
        let Some(session) = self.sessions.get_mut(&association) else { return };
        let mut out = Vec::new();
        let result = match session.meet(bytes) {
            Meeting::None => session.shake_hands(bytes, &mut out),
            Meeting::Lead => return,
            Meeting::Follow => self.follow(association, bytes, &mut out),
            Meeting::Mirror => Err(TlsFault("it sends back what this side sends".to_owned())),
        };
        self.put_piece(now, association, out);
        match result {
            Ok(Handshake::Waits) => {}
            Ok(Handshake::Done) => self.on_handshake_done(now, association, sink),
            Err(fault) => self.fail(now, association, LossReason::Tls(fault.to_string()), sink),
        }
    }

    /// Both sides have connected to each other, and the other one leads: it has to be whom this side wanted to connect to.
    fn follow(&mut self, association: AssociationId, bytes: &[u8], out: &mut Vec<u8>) -> Result<Handshake, TlsFault> {
        let Some(session) = self.sessions.get_mut(&association) else { return Ok(Handshake::Waits) };
        let Some(peer) = session.peer.clone() else { return Ok(Handshake::Waits) };
        session.begin(peer.clone(), self.engines.server(self.counterparts.connected_to(&peer.address))?);
        session.shake_hands(bytes, out)
    }

    fn on_handshake_done(&mut self, now: Time, association: AssociationId, sink: Sink<'_>) {
        self.handshakes.end(association);
        self.set_deadline(association, None);
        let Some(session) = self.sessions.get_mut(&association) else { return };
        session.phase = Phase::Open;
        let Some(peer) = session.peer.clone() else { return };
        log::debug!("TLS connection {association} with {}: {}", peer.address, session.describe());
        if let Some(identities) = &self.identities {
            identities.put(association, session.identity());
        }
        let (early, end_wanted) = (std::mem::take(&mut session.early), session.end_wanted);
        sink(TransportEvent::Up { association, peer });
        for message in early {
            if let Err(error) = self.seal_and_put(now, association, &message) {
                return self.fail_at_next_poll(association, TlsFault(error.to_string()));
            }
        }
        if end_wanted {
            self.begin_end(now, association);
        } else {
            // Who was refused while messages waited for the handshake.
            self.put_waiting(now, association, sink);
        }
        // The peer may have sent more with the end of its handshake.
        self.receive(now, association, &[], sink);
    }

    fn receive(&mut self, now: Time, association: AssociationId, bytes: &[u8], sink: Sink<'_>) {
        let (limit, ppid) = (self.config.max_message_size, self.ppid);
        let Some(session) = self.sessions.get_mut(&association) else { return };
        let mut out = Vec::new();
        let result = session.receive(bytes, limit, &mut out, &mut |payload| {
            sink(TransportEvent::Message { association, stream: 0, ppid, payload });
        });
        self.put_piece(now, association, out);
        match result {
            Ok(received) => self.on_received(now, association, received),
            Err(fault) => self.fail(now, association, LossReason::Tls(fault.to_string()), sink),
        }
    }

    fn on_received(&mut self, now: Time, association: AssociationId, received: Received) {
        let Some(session) = self.sessions.get_mut(&association) else { return };
        if session.phase != Phase::Open {
            return;
        }
        if received.ended {
            return self.begin_end(now, association);
        }
        if !received.partial {
            self.set_deadline(association, None);
        } else if session.deadline.is_none() || received.messages > 0 {
            self.set_deadline(association, Some(now + PARTIAL_MESSAGE_TIMEOUT));
        }
    }

    fn on_lost(
        &mut self,
        now: Time,
        association: AssociationId,
        reason: LossReason,
        undelivered: &[Undelivered],
        sink: Sink<'_>,
    ) {
        let Some(mut session) = self.remove(association) else { return };
        match session.phase {
            Phase::Over => {}
            Phase::Connecting | Phase::Handshake => {
                let reason = match reason {
                    LossReason::Closed => LossReason::Tls("the peer has closed it during the handshake".into()),
                    other => other,
                };
                self.tell_failed_handshake(now, association, &session, reason, sink);
            }
            Phase::Open | Phase::Ending | Phase::Closing => {
                session.sent.acknowledge_all_but(undelivered.len() + session.waiting.len());
                let reason = end_of(&session, reason);
                sink(TransportEvent::Lost { association, reason, undelivered: session.sent.into_undelivered() });
            }
        }
    }

    /// Ends an association and tells so. The transport below still delivers the alert.
    pub(super) fn fail(&mut self, now: Time, association: AssociationId, reason: LossReason, sink: Sink<'_>) {
        let phase = self.sessions.get(&association).map(|session| session.phase);
        if matches!(phase, Some(Phase::Open | Phase::Ending | Phase::Closing)) {
            self.forget_acknowledged(association);
        }
        self.set_deadline(association, None);
        let Some(session) = self.sessions.get_mut(&association) else { return };
        // It counts as a handshake under way until its connection is gone.
        let mut over = Session::new(session.begun, false);
        over.phase = Phase::Over;
        let session = std::mem::replace(session, over);
        match session.phase {
            Phase::Over => {}
            Phase::Connecting | Phase::Handshake => {
                self.tell_failed_handshake(now, association, &session, reason, sink);
            }
            Phase::Open | Phase::Ending | Phase::Closing => {
                sink(TransportEvent::Lost { association, reason, undelivered: session.sent.into_undelivered() });
            }
        }
        self.below.shutdown(now, association);
    }

    /// Who has begun it is told. The log has a line on both sides.
    fn tell_failed_handshake(
        &mut self,
        now: Time,
        association: AssociationId,
        session: &Session,
        reason: LossReason,
        sink: Sink<'_>,
    ) {
        if let Some(peer) = &session.peer {
            let (peer, below) = (&peer.address, self.below.local_port());
            let here = if session.begun == Begun::ByPeer { format!("TLS port {below}") } else { "TLS".to_owned() };
            log_limited!(
                self.failed_log,
                now,
                log::Level::Warn,
                "{here}: no handshake with {peer}, the connection is closed: {reason}"
            );
        }
        if session.begun == Begun::ByUs {
            sink(TransportEvent::ConnectFailed { association, reason });
        }
    }
}

/// Why an association has ended that was open: who only closes the connection below may not be the peer.
fn end_of(session: &Session, reason: LossReason) -> LossReason {
    match reason {
        LossReason::Closed if session.is_cut_off() => {
            LossReason::Tls("the connection ended within a record or a message".into())
        }
        LossReason::Closed if session.phase == Phase::Open => {
            LossReason::Tls("the connection ended, but the peer did not say so (no close_notify)".into())
        }
        other => other,
    }
}

//! The way down: messages become pieces of ciphertext, each at once or when there is room again, and the end comes after all of them.

use super::engine::TlsFault;
use super::*;
use crate::transport::tcp::check_message;

impl TlsTransport {
    pub(super) fn send_message(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        let limit = self.config.max_message_size;
        let session = self.sessions.get_mut(&association).ok_or(TransportError::UnknownAssociation)?;
        if session.end_wanted || !matches!(session.phase, Phase::Connecting | Phase::Handshake | Phase::Open) {
            return Err(TransportError::Closing);
        }
        let padding = check_message(message.payload, limit)?;
        let padded = [message.payload, padding].concat();
        if session.phase != Phase::Open {
            if session.keep_early(padded, self.config.max_send_queue) {
                return Ok(());
            }
        } else if session.waiting.is_empty() {
            return self.seal_and_put(now, association, &padded);
        }
        session.wants_room = true;
        Err(TransportError::WouldBlock)
    }

    /// Sends a message on an association that is open.
    pub(super) fn seal_and_put(
        &mut self,
        now: Time,
        association: AssociationId,
        message: &[u8],
    ) -> Result<(), TransportError> {
        let Some(session) = self.sessions.get_mut(&association) else { return Err(TransportError::UnknownAssociation) };
        let kept = session.sent.kept(&OutboundMessage::control(self.ppid, message))?;
        let mut piece = Vec::with_capacity(message.len() + MAX_OVERHEAD.min(128));
        if let Err(fault) = session.seal(message, &mut piece) {
            self.fail_at_next_poll(association, fault);
            return Err(TransportError::Closing);
        }
        session.sent.push(kept);
        let asks = session.sent.wants_to_know();
        self.put(now, association, piece);
        if asks {
            self.forget_acknowledged(association);
        }
        Ok(())
    }

    /// Hands a piece down that has no message.
    pub(super) fn put_piece(&mut self, now: Time, association: AssociationId, piece: Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        if let Some(session) = self.sessions.get_mut(&association) {
            session.sent.push_piece();
            self.put(now, association, piece);
        }
    }

    /// Outside `poll`, nobody can be told.
    pub(super) fn fail_at_next_poll(&mut self, association: AssociationId, fault: TlsFault) {
        if !self.failed.iter().any(|(failed, _)| *failed == association) {
            self.failed.push((association, LossReason::Tls(fault.to_string())));
        }
    }

    fn put(&mut self, now: Time, association: AssociationId, piece: Vec<u8>) {
        let Some(session) = self.sessions.get_mut(&association) else { return };
        let taken = session.waiting.is_empty()
            && self.below.send(now, association, OutboundMessage::control(self.ppid, &piece)).is_ok();
        if !taken {
            // No room just now; or the association has ended, which the transport below is about to tell.
            if let Err(fault) = session.wait(piece) {
                self.fail_at_next_poll(association, fault);
            }
        }
    }

    /// There is room again below.
    pub(super) fn put_waiting(&mut self, now: Time, association: AssociationId, sink: Sink<'_>) {
        let Some(session) = self.sessions.get_mut(&association) else { return };
        while let Some(piece) = session.waiting.front() {
            if self.below.send(now, association, OutboundMessage::control(self.ppid, piece)).is_err() {
                return;
            }
            session.waiting.pop_front();
        }
        if session.phase == Phase::Ending {
            self.go_on_with_end(now, association);
        } else if session.phase == Phase::Open && std::mem::take(&mut session.wants_room) {
            sink(TransportEvent::Writable { association });
        }
    }

    /// Forgets the messages that the peer has acknowledged.
    pub(super) fn forget_acknowledged(&mut self, association: AssociationId) {
        let unacknowledged = self.below.unacknowledged(association);
        if let Some(session) = self.sessions.get_mut(&association) {
            session.sent.acknowledge_all_but(unacknowledged + session.waiting.len());
        }
    }

    /// An association that is open is to end, after what is queued.
    pub(super) fn begin_end(&mut self, now: Time, association: AssociationId) {
        if let Some(session) = self.sessions.get_mut(&association) {
            session.phase = Phase::Ending;
        }
        self.set_deadline(association, Some(now + END_TIMEOUT));
        self.go_on_with_end(now, association);
    }

    fn go_on_with_end(&mut self, now: Time, association: AssociationId) {
        let Some(session) = self.sessions.get_mut(&association).filter(|session| session.waiting.is_empty()) else {
            return;
        };
        if !std::mem::replace(&mut session.said_last, true) {
            let mut last = Vec::new();
            session.close(&mut last);
            self.put_piece(now, association, last);
        }
        let Some(session) = self.sessions.get_mut(&association).filter(|session| session.waiting.is_empty()) else {
            return;
        };
        session.phase = Phase::Closing;
        self.set_deadline(association, None);
        self.below.shutdown(now, association);
    }
}

//! Sending messages, or keeping them back so that several go in one write.

use super::*;

impl Tcp {
    pub(super) fn send_message(
        &mut self,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        let limit = self.max_frame();
        let payload = message.payload;
        let connection = self.connections.get_mut(&association).ok_or(TransportError::UnknownAssociation)?;
        match &connection.state {
            State::Open => {}
            State::Connecting(connecting) if !connecting.then_close => {}
            _ => return Err(TransportError::Closing),
        }
        let padding = match self.framing {
            Framing::Messages => check_message(payload, limit)?,
            #[cfg(feature = "tls")]
            Framing::Stream => &[],
        };
        let worth_writing = MAX_HELD.min(self.config.max_send_queue);
        if connection.held && connection.log.unsent_len() + payload.len() > worth_writing {
            if let Err(reason) = connection.flush() {
                // The messages until now count as accepted, this one does not.
                self.fail_later(association, reason);
                return Err(TransportError::Closing);
            }
        }
        let waiting = connection.log.unsent_len();
        if waiting > 0 && waiting + payload.len() + padding.len() > self.config.max_send_queue {
            connection.wants_room = true;
            return Err(TransportError::WouldBlock);
        }
        if self.holding && matches!(connection.state, State::Open) {
            if connection.log.capacity() == 0 {
                connection.log = self.spare.pop().unwrap_or_default();
            }
            connection.log.push([payload, padding], 0);
            if !connection.held {
                connection.held = true;
                self.held.push(association);
            }
            return Ok(());
        }
        match connection.write(payload, padding) {
            Ok(()) => self.settle(association),
            // The message counts as accepted: it will be among the undelivered ones.
            Err(reason) => self.fail_later(association, reason),
        }
        Ok(())
    }

    /// Sends what was kept back.
    pub(super) fn release_held(&mut self) {
        self.holding = false;
        let mut held = std::mem::take(&mut self.held);
        for association in held.drain(..) {
            let Some(connection) = self.connections.get_mut(&association) else { continue };
            connection.held = false;
            if matches!(connection.state, State::Failed(_)) {
                continue;
            }
            match connection.flush() {
                Ok(()) => self.settle(association),
                Err(reason) => self.fail_later(association, reason),
            }
        }
        self.held = held;
    }
}

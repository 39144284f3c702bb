//! Connections that are ready: sending goes on, and messages are read.

use super::connection::State;
use super::{ASAP_PPID, CLOSE_TIMEOUT, PARTIAL_MESSAGE_TIMEOUT, Sink, Tcp};
use crate::association::LossReason;
use crate::transport::TransportEvent;
use crate::transport::epoll::Ready;
use crate::{AssociationId, Time};

impl Tcp {
    /// Does what a connection is ready for; true when more may be waiting.
    pub(super) fn handle_ready(&mut self, now: Time, ready: Ready, sink: Sink<'_>) -> bool {
        let association = AssociationId::from_u64(ready.key);
        let Some(connection) = self.connections.get_mut(&association) else { return false };
        if let State::Connecting(_) = connection.state {
            self.finish_connect(now, association, sink);
            return false;
        }
        let mut more = false;
        if ready.writable {
            if let Err(reason) = self.flush(association, sink) {
                self.lose(association, reason, sink);
                return false;
            }
        }
        if ready.readable {
            match self.read(now, association, sink) {
                Ok(again) => more = again,
                Err(reason) => {
                    self.lose(association, reason, sink);
                    return false;
                }
            }
        }
        self.settle(association);
        more
    }

    /// Writes what waits; reports room for more messages to whoever was refused.
    pub(super) fn flush(&mut self, association: AssociationId, sink: Sink<'_>) -> Result<(), LossReason> {
        let Some(connection) = self.connections.get_mut(&association) else { return Ok(()) };
        connection.flush()?;
        if connection.wants_room && connection.log.unsent_len() <= self.config.max_send_queue / 2 {
            connection.wants_room = false;
            sink(TransportEvent::Writable { association });
        }
        if matches!(connection.state, State::PeerClosed) && connection.log.unsent_len() == 0 {
            return Err(LossReason::Closed);
        }
        Ok(())
    }

    /// Reads messages; true when more may be waiting.
    fn read(&mut self, now: Time, association: AssociationId, sink: Sink<'_>) -> Result<bool, LossReason> {
        let limit = self.max_frame();
        let Some(connection) = self.connections.get_mut(&association) else { return Ok(false) };
        let was_partial = connection.framer.has_partial();
        let outcome = connection.read(&mut self.buffer, limit, &mut |payload| {
            sink(TransportEvent::Message { association, stream: 0, ppid: ASAP_PPID, payload });
        })?;
        let is_partial = connection.framer.has_partial();
        if outcome.ended {
            if matches!(connection.state, State::Closing { .. }) || connection.log.unsent_len() == 0 {
                return Err(LossReason::Closed);
            }
            connection.state = State::PeerClosed;
            self.set_deadline(association, Some(now + CLOSE_TIMEOUT));
        } else if matches!(connection.state, State::Open) {
            if !is_partial {
                self.set_deadline(association, None);
            } else if !was_partial || outcome.messages > 0 {
                self.set_deadline(association, Some(now + PARTIAL_MESSAGE_TIMEOUT));
            }
        }
        Ok(outcome.more)
    }
}

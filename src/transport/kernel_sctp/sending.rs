//! How messages leave.

use super::*;

impl KernelSctp {
    /// Hands a message to the kernel or queues it; see [`Transport::send`].
    pub(super) fn send_message(
        &mut self,
        now: Time,
        id: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        let limit = self.config.max_message_size;
        let association = self.associations.get_mut(&id).ok_or(TransportError::UnknownAssociation)?;
        match &association.state {
            State::Up => {}
            State::Connecting(connecting) if !connecting.then_close => {}
            _ => return Err(TransportError::Closing),
        }
        if message.payload.is_empty() {
            return Err(TransportError::EmptyMessage);
        }
        if message.payload.len() > limit {
            return Err(TransportError::MessageTooLarge { limit });
        }
        if association.established && message.stream >= association.outbound_streams {
            let text = format!("stream {} is not among the {} agreed on", message.stream, association.outbound_streams);
            return Err(TransportError::Io(io::Error::new(io::ErrorKind::InvalidInput, text)));
        }
        let outbox = &association.outbox;
        if association.established && outbox.queue.is_empty() && self.hand_over(id, &message) {
            return Ok(());
        }
        let Some(association) = self.associations.get_mut(&id) else { return Err(TransportError::UnknownAssociation) };
        let outbox = &mut association.outbox;
        if !outbox.queue.is_empty() && outbox.queued_bytes + message.payload.len() > self.config.max_send_queue {
            association.wants_room = true;
            return Err(TransportError::WouldBlock);
        }
        outbox.queued_bytes += message.payload.len();
        outbox.queue.push_back(Queued::new(now, &message));
        Ok(())
    }

    /// Tries to give a message to the kernel; false when it has to wait.
    fn hand_over(&mut self, id: AssociationId, message: &OutboundMessage<'_>) -> bool {
        let Some(association) = self.associations.get_mut(&id) else { return false };
        let outbox = &mut association.outbox;
        if outbox.in_kernel() > 0 && outbox.in_kernel() + message.payload.len() > KERNEL_WINDOW {
            if !outbox.awaits_dry() {
                self.ask_for_dry(id);
            }
            return false;
        }
        let options = SendOptions {
            association: association.kernel_id,
            stream: message.stream,
            ppid: message.ppid,
            flags: if message.unordered { abi::SCTP_UNORDERED } else { 0 },
            context: outbox.context(),
            lifetime: message.lifetime,
        };
        match self.socket.send(options, message.payload) {
            Ok(()) => {
                if outbox.handed_over(message) {
                    self.ask_for_dry(id);
                }
                true
            }
            Err(error) => {
                // Any other error means that the association is over, which a notification will say: the message
                // waits for that, to be reported as undelivered.
                if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM)) {
                    self.blocked.insert(id);
                    self.update_interest();
                }
                false
            }
        }
    }

    /// Asks the kernel to notify when everything sent on an association is acknowledged.
    fn ask_for_dry(&mut self, id: AssociationId) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        // Before the call: the notification may come at once.
        association.outbox.set_mark();
        if let Err(error) = self.socket.subscribe(association.kernel_id, abi::SCTP_SENDER_DRY_EVENT, true) {
            // The association is over, which a notification will say.
            log::debug!("SCTP association {id}: no sender-dry notification: {error}");
        }
    }

    /// Everything sent on an association up to some point is acknowledged.
    pub(super) fn handle_dry(&mut self, now: Time, kernel_id: KernelId, sink: Sink<'_>) {
        let Some((id, association)) = self.by_kernel_id(kernel_id) else { return };
        let copies_left = association.outbox.dry();
        self.flush(now, id, sink);
        let Some(association) = self.associations.get(&id) else { return };
        if association.outbox.awaits_dry() {
            return;
        }
        if copies_left {
            self.ask_for_dry(id);
        } else {
            // Without need each message would cause a notification. An error means that the association is over.
            let _ = self.socket.subscribe(kernel_id, abi::SCTP_SENDER_DRY_EVENT, false);
        }
    }

    /// Gives to the kernel what it takes of an association's queue, then what is due after the queue.
    pub(super) fn flush(&mut self, now: Time, id: AssociationId, sink: Sink<'_>) {
        while let Some(association) = self.associations.get_mut(&id) {
            if !association.established || matches!(association.state, State::Ending(_)) {
                return;
            }
            let streams = association.outbound_streams;
            let Some(message) = association.outbox.queue.pop_front() else { break };
            let expired = message.expires.is_some_and(|expires| expires <= now);
            // Which streams there are is known only now for what was queued during the connect.
            let done = expired || message.stream >= streams || self.hand_over(id, &message.as_outbound(now));
            let Some(association) = self.associations.get_mut(&id) else { return };
            if !done {
                association.outbox.queue.push_front(message);
                break;
            }
            association.outbox.queued_bytes -= message.payload.len();
        }
        let Some(association) = self.associations.get_mut(&id) else { return };
        if association.wants_room && association.outbox.queued_bytes <= self.config.max_send_queue / 2 {
            association.wants_room = false;
            if matches!(association.state, State::Up) {
                sink(TransportEvent::Writable { association: id });
            }
        }
        self.close_when_flushed(id);
    }

    /// Tells the kernel to close an association whose last message it has.
    pub(super) fn close_when_flushed(&mut self, id: AssociationId) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        if let State::Closing { told: told @ false } = &mut association.state {
            if association.outbox.queue.is_empty() {
                *told = true;
                let association = association.kernel_id;
                let options =
                    SendOptions { association, stream: 0, ppid: 0, flags: abi::SCTP_EOF, context: 0, lifetime: None };
                // An error means that the association is over, which a notification will say.
                let _ = self.socket.send(options, &[]);
            }
        }
    }

    /// The socket's send buffer may have room again.
    pub(super) fn flush_blocked(&mut self, now: Time, sink: Sink<'_>) {
        for id in std::mem::take(&mut self.blocked) {
            self.flush(now, id, sink);
        }
        self.update_interest();
    }

    fn update_interest(&self) {
        let interest = if self.blocked.is_empty() { Interest::Read } else { Interest::ReadWrite };
        if let Err(error) = self.epoll.modify(self.socket.as_raw_fd(), SOCKET_KEY, interest) {
            log::error!("SCTP port {}: cannot wait for room in the send buffer: {error}", self.local_port);
        }
    }
}

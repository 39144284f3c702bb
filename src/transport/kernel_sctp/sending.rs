//! How messages leave.

use super::*;
use std::collections::VecDeque;

/// A message that was kept back, on its way to the kernel.
struct Held {
    association: AssociationId,
    /// Its number, if all before it are taken.
    context: u32,
    queued: Queued,
}

impl Held {
    fn options(&self, association: KernelId, now: Time) -> SendOptions {
        let message = self.queued.as_outbound(now);
        SendOptions {
            association,
            stream: message.stream,
            ppid: message.ppid,
            flags: if message.unordered { abi::SCTP_UNORDERED } else { 0 },
            context: self.context,
            lifetime: message.lifetime,
        }
    }
}

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
        if self.holding && association.established && (association.held || association.outbox.queue.is_empty()) {
            return self.keep_back(now, id, &message);
        }
        if association.established && association.outbox.queue.is_empty() {
            let kept = Kept::of(&message)?;
            if self.hand_over(id, &message) {
                self.was_handed_over(id, kept);
                return Ok(());
            }
        }
        let Some(association) = self.associations.get_mut(&id) else { return Err(TransportError::UnknownAssociation) };
        let outbox = &mut association.outbox;
        if !outbox.queue.is_empty() && outbox.queued_bytes + message.payload.len() > self.config.max_send_queue {
            association.wants_room = true;
            return Err(TransportError::WouldBlock);
        }
        let queued = Queued::new(now, &message)?;
        outbox.queued_bytes += message.payload.len();
        outbox.queue.push_back(queued);
        Ok(())
    }

    /// Lets a message wait for [`Transport::release`].
    fn keep_back(&mut self, now: Time, id: AssociationId, message: &OutboundMessage<'_>) -> Result<(), TransportError> {
        let Some(association) = self.associations.get_mut(&id) else { return Err(TransportError::UnknownAssociation) };
        let outbox = &mut association.outbox;
        let queued = Queued::new(now, message)?;
        outbox.queued_bytes += message.payload.len();
        outbox.queue.push_back(queued);
        if !association.held {
            association.held = true;
            self.held.push(id);
        }
        if outbox.queued_bytes > MAX_HELD.min(self.config.max_send_queue / 2) {
            self.release_held(now);
            self.holding = true;
        }
        Ok(())
    }

    /// Sends what was kept back: those of one association in as few packets, all in as few system calls as possible.
    pub(super) fn release_held(&mut self, now: Time) {
        self.holding = false;
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let mut held = std::mem::take(&mut self.held);
        for &id in &held {
            self.collect_held(id, &mut first, &mut last);
        }
        let mut refused = Vec::new();
        self.send_together(now, first, true, &mut refused);
        self.send_together(now, last, false, &mut refused);
        for message in refused.into_iter().rev() {
            if let Some(association) = self.associations.get_mut(&message.association) {
                association.outbox.queued_bytes += message.queued.payload.len();
                association.outbox.queue.push_front(message.queued);
            }
        }
        for id in held.drain(..) {
            self.close_when_flushed(id);
        }
        self.held = held;
    }

    /// Takes what may go to the kernel from the queue of an association: its last message, and those before.
    fn collect_held(&mut self, id: AssociationId, first: &mut Vec<Held>, last: &mut Vec<Held>) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        association.held = false;
        if matches!(association.state, State::GivenUp | State::Ending(_)) {
            return;
        }
        let outbox = &mut association.outbox;
        let (mut in_kernel, mut context, mut full) = (outbox.in_kernel(), outbox.context(), false);
        let mut latest: Option<Held> = None;
        while let Some(message) = outbox.queue.front() {
            let len = message.payload.len();
            full = in_kernel > 0 && in_kernel + len > KERNEL_WINDOW;
            if full {
                break;
            }
            in_kernel += len;
            outbox.queued_bytes -= len;
            let Some(queued) = outbox.queue.pop_front() else { break };
            first.extend(latest.replace(Held { association: id, context, queued }));
            context = context.wrapping_add(1);
        }
        last.extend(latest);
        if full && !outbox.awaits_dry() {
            self.ask_for_dry(id);
        }
    }

    /// Sends messages; `refused` gets those that have to wait, behind those that were refused before.
    fn send_together(&mut self, now: Time, messages: Vec<Held>, more: bool, refused: &mut Vec<Held>) {
        let mut waiting = VecDeque::from(messages);
        while let Some(next) = waiting.front() {
            // What follows a refused message of the same association must not overtake it.
            if refused.iter().any(|message| message.association == next.association) {
                refused.extend(waiting.pop_front());
                continue;
            }
            let associations = &self.associations;
            let ready = waiting.iter().map_while(|message| {
                let kernel_id = associations.get(&message.association)?.kernel_id;
                let overtakes = refused.iter().any(|refused| refused.association == message.association);
                (!overtakes).then(|| (message.options(kernel_id, now), message.queued.payload.as_slice()))
            });
            match self.socket.send_many(ready, more) {
                Ok(0) => refused.extend(waiting.pop_front()), // its association has gone
                Ok(count) => {
                    for message in waiting.drain(..count) {
                        self.was_handed_over(message.association, message.queued.into_kept());
                    }
                }
                Err(error) => {
                    self.was_refused(next.association, &error);
                    refused.extend(waiting.pop_front());
                }
            }
        }
    }

    /// The kernel has a message.
    fn was_handed_over(&mut self, id: AssociationId, kept: Kept) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        if association.outbox.handed_over(kept) {
            self.ask_for_dry(id);
        }
    }

    /// The kernel did not take a message. Unless it only lacks room, the association is over, which a notification will
    /// say: the message waits for that, to be reported as undelivered.
    fn was_refused(&mut self, id: AssociationId, error: &io::Error) {
        if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM)) {
            self.blocked.insert(id, ());
            self.update_interest();
        }
    }

    /// Tries to give a message to the kernel; false when it has to wait. Else what is kept of it follows.
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
            Ok(()) => true,
            Err(error) => {
                self.was_refused(id, &error);
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
            if !association.established || matches!(association.state, State::GivenUp | State::Ending(_)) {
                return;
            }
            let streams = association.outbound_streams;
            let Some(message) = association.outbox.queue.pop_front() else { break };
            let expired = message.expires.is_some_and(|expires| expires <= now);
            // Which streams there are is known only now for what was queued during the connect.
            let dropped = expired || message.stream >= streams;
            let done = dropped || self.hand_over(id, &message.as_outbound(now));
            let Some(association) = self.associations.get_mut(&id) else { return };
            if !done {
                association.outbox.queue.push_front(message);
                break;
            }
            association.outbox.queued_bytes -= message.payload.len();
            if !dropped {
                self.was_handed_over(id, message.into_kept());
            }
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
        for (id, ()) in std::mem::take(&mut self.blocked) {
            self.flush(now, id, sink);
        }
        self.update_interest();
    }

    /// An association does not wait for room any more. Whoever leaves last ends the interest in room: there always is some.
    pub(super) fn unblock(&mut self, id: AssociationId) {
        if self.blocked.remove(&id).is_some() && self.blocked.is_empty() {
            self.update_interest();
        }
    }

    pub(super) fn update_interest(&self) {
        let interest = match (self.detached_for_good, self.blocked.is_empty()) {
            (false, true) => Interest::Read,
            (false, false) => Interest::ReadWrite,
            (true, true) => Interest::Nothing,
            (true, false) => Interest::Write,
        };
        if let Err(error) = self.epoll.modify(self.socket.as_raw_fd(), SOCKET_KEY, interest) {
            log::error!("SCTP port {}: cannot wait for room in the send buffer: {error}", self.local_port);
        }
    }
}

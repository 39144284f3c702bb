//! How messages and notifications come in.

use super::*;

impl KernelSctp {
    /// Takes what has arrived; true when more may be waiting.
    pub(super) fn receive(&mut self, now: Time, sink: Sink<'_>) -> bool {
        let Some(mut receiver) = self.receiver.take() else { return false };
        let mut more = true;
        for _ in 0..RECEIVE_CALLS_PER_POLL {
            match self.socket.receive_many(&mut receiver.slots, libc::MSG_DONTWAIT, None) {
                Ok(count) => {
                    for number in 0..count {
                        self.take_slot(now, &mut receiver.slots, number, sink);
                    }
                    if count < SLOTS {
                        more = false;
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    more = false;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let port = self.local_port;
                    log_limited!(self.error_log, now, log::Level::Warn, "SCTP port {port}: receiving failed: {error}");
                    more = false;
                    break;
                }
            }
        }
        self.receiver = Some(receiver);
        if !more {
            self.report_ended(sink);
        }
        more
    }

    pub(super) fn take_slot(&mut self, now: Time, slots: &mut batch::Slots, number: usize, sink: Sink<'_>) {
        match slots.take(number) {
            Some((Received::Data { association, stream, ppid, end, .. }, payload)) => {
                self.report_ended(sink);
                self.handle_data(now, association, stream, ppid, payload, end, sink);
            }
            Some((Received::Notification { .. }, bytes)) => {
                self.handle_notification(now, Notification::decode(bytes), sink);
            }
            // The kernel always names the association.
            None => {}
        }
    }

    fn handle_notification(&mut self, now: Time, notification: Notification<'_>, sink: Sink<'_>) {
        if !matches!(notification, Notification::SendFailed(_)) {
            // The kernel hands back what an association could not deliver right after the news of its end.
            self.report_ended(sink);
        }
        if self.is_about_abandoned(&notification) {
            return;
        }
        match notification {
            Notification::Up { association, outbound_streams } => {
                self.handle_up(now, association, outbound_streams, sink);
            }
            Notification::Restart { association, outbound_streams } => {
                self.handle_restart(now, association, outbound_streams, sink);
            }
            Notification::Lost { association, error, causes } => {
                self.handle_lost(now, association, error, causes, sink)
            }
            Notification::ShutdownComplete { association } => self.end(association, LossReason::Closed),
            Notification::CannotStart { association, error } => {
                if let Some((id, _)) = self.by_kernel_id(association) {
                    let refused = error == 0;
                    let reason = if refused { LossReason::Refused } else { LossReason::Aborted(cause_name(error)) };
                    self.attempt_failed(now, id, reason, sink);
                }
            }
            Notification::PathUnreachable { association } => {
                if let Some((_, association)) = self.by_kernel_id(association) {
                    association.path_unreachable = true;
                }
            }
            Notification::PathConfirmed { association } => self.path_confirmed(now, association, sink),
            Notification::SendFailed(failed) => self.handle_send_failed(&failed),
            Notification::PeerShutdown { association } => {
                if let Some((_, association)) = self.by_kernel_id(association) {
                    if matches!(association.state, State::Up) {
                        association.state = State::PeerClosing;
                    }
                }
            }
            Notification::PartialDeliveryAborted { association } => {
                if let Some((_, association)) = self.by_kernel_id(association) {
                    association.partial = Vec::new();
                }
            }
            Notification::SenderDry { association } => self.handle_dry(now, association, sink),
            Notification::Other => {}
        }
    }

    /// It is about a connect that was ended here; the last one about it is remembered no longer than until now.
    fn is_about_abandoned(&mut self, notification: &Notification<'_>) -> bool {
        let (association, ended) = match *notification {
            Notification::Up { association, .. } | Notification::Restart { association, .. } => (association, false),
            Notification::Lost { association, .. }
            | Notification::CannotStart { association, .. }
            | Notification::ShutdownComplete { association } => (association, true),
            _ => return false,
        };
        let found = self.abandoned.iter().position(|abandoned| *abandoned == association);
        if let Some(index) = found.filter(|_| ended) {
            self.abandoned.remove(index);
        }
        found.is_some()
    }

    #[allow(clippy::too_many_arguments)] // one received message, taken apart
    fn handle_data(
        &mut self,
        now: Time,
        kernel_id: KernelId,
        stream: u16,
        ppid: u32,
        payload: &[u8],
        end: bool,
        sink: Sink<'_>,
    ) {
        let limit = self.config.max_message_size;
        // Unknown: aborted by us a moment ago.
        let Some((id, association)) = self.by_kernel_id(kernel_id) else { return };
        if matches!(association.state, State::GivenUp) {
            return;
        }
        if association.partial.len() + payload.len() > limit {
            return self.break_off(now, id, &format!("a message of more than {limit} bytes"), sink);
        }
        if end && association.partial.is_empty() && association.early.is_none() {
            sink(TransportEvent::Message { association: id, stream, ppid, payload });
            return;
        }
        if association.partial.try_reserve(payload.len()).is_err() {
            return self.break_off(now, id, "a message that there is no memory for", sink);
        }
        association.partial.extend_from_slice(payload);
        if end {
            let payload = std::mem::take(&mut association.partial);
            if association.early.is_some() {
                return self.keep_early(now, id, (stream, ppid, payload), sink);
            }
            sink(TransportEvent::Message { association: id, stream, ppid, payload: &payload });
        }
    }

    /// Ends an association whose peer sends more than we take.
    fn break_off(&mut self, now: Time, id: AssociationId, what: &str, sink: Sink<'_>) {
        self.stop_waiting(now, id, sink);
        let Some(association) = self.remove(id) else { return };
        log_limited!(
            self.violation_log,
            now,
            log::Level::Warn,
            "SCTP port {}: association {id} aborted: the peer sent {what}",
            self.local_port
        );
        self.abort_in_kernel(association.kernel_id, "message too long");
        let reason = LossReason::ProtocolViolation(what.to_owned());
        let undelivered = association.outbox.into_undelivered();
        sink(TransportEvent::Lost { association: id, reason, undelivered });
    }

    fn handle_lost(&mut self, now: Time, kernel_id: KernelId, error: u16, causes: &[u8], sink: Sink<'_>) {
        let Some((id, association)) = self.by_kernel_id(kernel_id) else { return };
        if !association.has_come_up() {
            let refused = causes.is_empty();
            let reason = if refused { LossReason::Refused } else { LossReason::Aborted(abort_reason(causes)) };
            return self.attempt_failed(now, id, reason, sink);
        }
        let reason = if matches!(association.state, State::GivenUp) {
            LossReason::GivenUp
        } else {
            end_reason(error, causes, association.path_unreachable)
        };
        self.end(kernel_id, reason);
    }

    /// The kernel ended an association.
    fn end(&mut self, kernel_id: KernelId, reason: LossReason) {
        let Some((id, association)) = self.by_kernel_id(kernel_id) else { return };
        association.state = State::Ending(reason);
        self.set_deadline(id, None);
        self.ending.push(id);
    }

    /// The kernel has not told of the end of an association that was given up, perhaps because the ABORT failed for want of memory:
    /// somebody waits for that end.
    pub(super) fn end_unheard(&mut self, id: AssociationId, kernel_id: KernelId, sink: Sink<'_>) {
        log::warn!(
            "SCTP port {}: association {id} was given up, and the kernel does not tell its end: what it had not delivered may be lost",
            self.local_port
        );
        self.abort_in_kernel(kernel_id, "given up");
        self.end(kernel_id, LossReason::GivenUp);
        self.report_ended(sink);
    }

    /// Reports the associations that ended, now that all of their undelivered messages are known.
    pub(super) fn report_ended(&mut self, sink: Sink<'_>) {
        for id in std::mem::take(&mut self.ending) {
            // What ended before it was told to be up was there all the same, and may have said something.
            self.stop_waiting(Time::MAX, id, sink);
            let Some(association) = self.remove(id) else { continue };
            let State::Ending(reason) = association.state else { continue };
            let undelivered = association.outbox.into_undelivered();
            sink(TransportEvent::Lost { association: id, reason, undelivered });
        }
    }

    /// The peer forgot everything and began anew under the same number of the kernel. A connect of which nothing was told yet comes up
    /// with what began anew.
    fn handle_restart(&mut self, now: Time, kernel_id: KernelId, outbound_streams: u16, sink: Sink<'_>) {
        if self.by_kernel_id(kernel_id).is_some_and(|(_, association)| association.has_come_up()) {
            // Nothing that waits for the old association may go to the new one, which has its number.
            self.end(kernel_id, LossReason::Restarted);
            self.report_ended(sink);
        }
        self.handle_up(now, kernel_id, outbound_streams, sink);
    }

    fn handle_send_failed(&mut self, failed: &SendFailed<'_>) {
        let Some((_, association)) = self.by_kernel_id(failed.association) else { return };
        let &SendFailed { stream, ppid, unordered, payload, .. } = failed;
        let payload = copied(payload);
        let whole = failed.whole && payload.is_ok();
        let message = Undelivered { stream, ppid, unordered, payload: payload.unwrap_or_default() };
        association.outbox.take_back(failed.context, whole, message);
    }
}

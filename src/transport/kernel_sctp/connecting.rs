//! How associations begin.

use super::*;

impl KernelSctp {
    /// Begins an association, natively or, where that fails at once, encapsulated in UDP.
    pub(super) fn start(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let mut connecting = Connecting {
            peer: peer.clone(),
            encapsulation_left: self.encapsulation,
            give_up: now + connect_timeout,
            then_close: false,
        };
        match self.attempt(now, &mut connecting, false) {
            Ok((kernel_id, deadline)) => {
                let id = self.new_association(Association::new(kernel_id, State::Connecting(connecting), false));
                self.set_deadline(id, Some(deadline));
                Ok(id)
            }
            // There is an association with this peer already, or one begins: the caller has to use that.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EISCONN | libc::EALREADY)) => Err(error.into()),
            Err(error) => {
                log::debug!("SCTP connect to {peer} failed at once: {error}");
                let id = self.next_id();
                self.failed_connects.push((id, LossReason::Unreachable));
                Ok(id)
            }
        }
    }

    /// Begins an attempt; returns the kernel's number and when the attempt ends.
    fn attempt(&self, now: Time, connecting: &mut Connecting, encapsulated: bool) -> io::Result<(KernelId, Time)> {
        let PeerAddress { addresses, port } = &connecting.peer;
        if encapsulated {
            connecting.encapsulation_left = false;
            self.socket.set_encapsulation(*port)?;
            let result = self.socket.connect(addresses, *port);
            // The option is for the associations to come: only for this one.
            self.socket.set_encapsulation(0)?;
            return Ok((result?, connecting.give_up));
        }
        match self.socket.connect(addresses, *port) {
            Ok(kernel_id) if connecting.encapsulation_left => {
                let share = NATIVE_ATTEMPT.min(connecting.give_up.saturating_since(now) / 2);
                Ok((kernel_id, now + share))
            }
            Ok(kernel_id) => Ok((kernel_id, connecting.give_up)),
            Err(error) if connecting.encapsulation_left && is_unreachable(&error) => {
                self.attempt(now, connecting, true)
            }
            Err(error) => Err(error),
        }
    }

    /// An attempt failed: tries UDP encapsulation if that is left, else reports the failure.
    pub(super) fn attempt_failed(&mut self, now: Time, id: AssociationId, reason: LossReason, sink: Sink<'_>) {
        let Some(mut association) = self.remove(id) else { return };
        let State::Connecting(connecting) = &mut association.state else { return };
        let next = if connecting.encapsulation_left && connecting.give_up > now {
            log::debug!("SCTP connect to {}: {reason}; trying it in UDP", connecting.peer);
            self.attempt(now, connecting, true).ok()
        } else {
            None
        };
        let Some((kernel_id, deadline)) = next else {
            return sink(TransportEvent::ConnectFailed { association: id, reason });
        };
        association.kernel_id = kernel_id;
        self.by_kernel_id.insert(kernel_id, id);
        self.associations.insert(id, association);
        self.set_deadline(id, Some(deadline));
    }

    /// The kernel says that an association is up.
    pub(super) fn handle_up(&mut self, now: Time, kernel_id: KernelId, outbound_streams: u16, sink: Sink<'_>) {
        let known = self.by_kernel_id(kernel_id).map(|(id, _)| id);
        let id = match known {
            Some(id) => id,
            None if self.associations.len() >= self.config.max_associations => {
                self.refuse(now, kernel_id);
                return;
            }
            None => self.new_association(Association::new(kernel_id, State::Up, true)),
        };
        let Some(association) = self.associations.get_mut(&id) else { return };
        if association.established {
            return;
        }
        association.outbound_streams = outbound_streams;
        let then_close = matches!(&association.state, State::Connecting(connecting) if connecting.then_close);
        association.state = if then_close { State::Closing { told: false } } else { State::Up };
        association.established = true;
        let inbound = association.inbound;
        self.set_deadline(id, None);
        let peer = Peer { address: self.peer_address(kernel_id), inbound, kind: TransportKind::KernelSctp };
        sink(TransportEvent::Up { association: id, peer });
        self.flush(now, id, sink);
    }

    /// Too many associations: an ABORT is all that the peer gets.
    fn refuse(&mut self, now: Time, kernel_id: KernelId) {
        log_limited!(
            self.full_log,
            now,
            log::Level::Warn,
            "SCTP port {}: association with {} refused: {} associations are the limit",
            self.local_port,
            self.peer_address(kernel_id),
            self.config.max_associations
        );
        self.abort_in_kernel(kernel_id, "too many associations");
    }

    fn peer_address(&self, kernel_id: KernelId) -> PeerAddress {
        // It fails only when the association is gone already; its end follows.
        let (addresses, port) = self.socket.peer_addresses(kernel_id).unwrap_or_default();
        PeerAddress { addresses, port }
    }

    pub(super) fn run_timers(&mut self, now: Time, sink: Sink<'_>) {
        while let Some(&(deadline, id)) = self.timers.first() {
            if deadline > now {
                break;
            }
            let Some(association) = self.associations.get(&id) else {
                self.timers.pop_first();
                continue;
            };
            self.abort_in_kernel(association.kernel_id, "");
            self.attempt_failed(now, id, LossReason::Timeout, sink);
        }
    }
}

fn is_unreachable(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EPROTONOSUPPORT))
}

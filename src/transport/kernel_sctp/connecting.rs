//! How associations begin.

use super::*;
use crate::transport::interfaces;
use crate::transport::types::{is_connected_already, loss_reason};
use std::net::IpAddr;

impl KernelSctp {
    /// Begins an association, natively or, where that fails at once, encapsulated in UDP.
    pub(super) fn start(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let give_up = now + connect_timeout;
        let mut connecting =
            Connecting { encapsulation_left: self.encapsulation, native_failure: None, give_up, then_close: false };
        let (kernel_id, deadline) = match self.attempt(now, peer, &mut connecting, false) {
            Ok(begun) => begun,
            Err(error) if is_connected_already(&error) => {
                if self.associations.values().any(|association| association.peer.is_with(peer)) {
                    return Err(error.into());
                }
                // The peer began one at the same time, and the news of it wait to be received.
                (NO_KERNEL_ID, give_up)
            }
            Err(error) => {
                log::debug!("SCTP connect to {peer} failed at once: {error}");
                let id = self.next_id();
                self.failed_connects.push((id, loss_reason(&error)));
                return Ok(id);
            }
        };
        let id = self.new_association(Association::new(kernel_id, peer.clone(), State::Connecting(connecting), false));
        self.set_deadline(id, Some(deadline));
        Ok(id)
    }

    /// Begins an attempt; returns the kernel's number and when the attempt ends.
    fn attempt(
        &self,
        now: Time,
        peer: &PeerAddress,
        connecting: &mut Connecting,
        encapsulated: bool,
    ) -> io::Result<(KernelId, Time)> {
        let PeerAddress { addresses, port } = peer;
        if encapsulated {
            connecting.encapsulation_left = false;
            self.socket.set_encapsulation(*port)?;
            let result = self.socket.connect(addresses, *port);
            // The option is for all associations to come: it must not outlast this one.
            self.socket.set_encapsulation(0)?;
            return Ok((result?, connecting.give_up));
        }
        if self.would_reach_itself(peer) {
            if connecting.encapsulation_left {
                return self.attempt(now, peer, connecting, true);
            }
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        match self.socket.connect(addresses, *port) {
            Ok(kernel_id) if connecting.encapsulation_left => {
                let share = NATIVE_ATTEMPT.min(connecting.give_up.saturating_since(now) / 2);
                Ok((kernel_id, now + share))
            }
            Ok(kernel_id) => Ok((kernel_id, connecting.give_up)),
            Err(error) if connecting.encapsulation_left && is_unreachable(&error) => {
                self.attempt(now, peer, connecting, true)
            }
            Err(error) => Err(error),
        }
    }

    /// The peer's place is this endpoint's own: the kernel would associate it with itself. That happens to a client whose port
    /// the kernel chose, when a peer on the same host has SCTP in user space, whose ports the kernel does not know. (Who
    /// listens finds out by what is said there.)
    fn would_reach_itself(&self, peer: &PeerAddress) -> bool {
        if self.config.listen || peer.port != self.local_port {
            return false;
        }
        let interfaces = interfaces::list().unwrap_or_default();
        peer.addresses.iter().map(IpAddr::to_canonical).any(|address| {
            address.is_loopback() || interfaces.iter().any(|interface| interface.addresses.contains(&address))
        })
    }

    /// An attempt failed: tries UDP encapsulation if that is left, else reports the failure.
    pub(super) fn attempt_failed(&mut self, now: Time, id: AssociationId, reason: LossReason, sink: Sink<'_>) {
        let Some(mut association) = self.remove(id) else { return };
        let State::Connecting(connecting) = &mut association.state else { return };
        // Who says why it refuses is the one that was meant.
        let meant = matches!(reason, LossReason::Aborted(_));
        if !connecting.encapsulation_left || connecting.give_up <= now || meant {
            // Where a host refused native SCTP and is silent in UDP, the refusal is what counts.
            let refused = connecting.native_failure.take().filter(|native| *native == LossReason::Refused && !meant);
            let reason = refused.unwrap_or(reason);
            return sink(TransportEvent::ConnectFailed { association: id, reason });
        }
        log::debug!("SCTP connect to {}: {reason}; trying it in UDP", association.peer);
        let (kernel_id, deadline) = match self.attempt(now, &association.peer, connecting, true) {
            // The kernel ignores that nobody takes its UDP packets, and a host that refuses has little time left.
            Ok((kernel_id, deadline)) if reason == LossReason::Refused => {
                (kernel_id, deadline.min(now + ENCAPSULATED_ATTEMPT))
            }
            Ok(begun) => begun,
            // The peer began an association itself, and the news of it wait to be received.
            Err(error) if is_connected_already(&error) => (NO_KERNEL_ID, connecting.give_up),
            Err(_) => return sink(TransportEvent::ConnectFailed { association: id, reason }),
        };
        connecting.native_failure = Some(reason);
        association.kernel_id = kernel_id;
        self.insert(id, association);
        self.set_deadline(id, Some(deadline));
    }

    /// The kernel says that an association is up.
    pub(super) fn handle_up(&mut self, now: Time, kernel_id: KernelId, outbound_streams: u16, sink: Sink<'_>) {
        let peer = self.peer_address(kernel_id);
        let id = match self.by_kernel_id.get(&kernel_id).copied().or_else(|| self.waiting_for(kernel_id, &peer)) {
            Some(id) => id,
            None if self.associations.len() >= self.config.max_associations => {
                return self.refuse(now, kernel_id, &peer);
            }
            None => self.new_association(Association::new(kernel_id, peer.clone(), State::Up, true)),
        };
        let Some(association) = self.associations.get_mut(&id) else { return };
        if association.has_come_up() {
            return;
        }
        association.outbound_streams = outbound_streams;
        let then_close = matches!(&association.state, State::Connecting(connecting) if connecting.then_close);
        association.state = if then_close { State::Closing { told: false } } else { State::Up };
        association.peer = peer.clone();
        let paths = peer.addresses.len();
        if let Err(error) = parameters::widen(&self.socket, kernel_id, paths, &self.config.parameters) {
            log::debug!("SCTP port {}: limit for {paths} paths not set: {error}", self.local_port);
        }
        if !self.waits_for_paths(now, id, kernel_id, &peer) {
            self.tell_up(now, id, sink);
        }
    }

    /// An association is up, with a peer that is there.
    pub(super) fn tell_up(&mut self, now: Time, id: AssociationId, sink: Sink<'_>) {
        self.set_deadline(id, None);
        let Some(association) = self.associations.get_mut(&id) else { return };
        association.established = true;
        let address = association.peer.clone();
        let peer = Peer { address, inbound: association.inbound, kind: TransportKind::KernelSctp };
        sink(TransportEvent::Up { association: id, peer });
        self.flush(now, id, sink);
    }

    /// The connect that found an association begun by the peer, which is this one.
    fn waiting_for(&mut self, kernel_id: KernelId, peer: &PeerAddress) -> Option<AssociationId> {
        let expected = |id: &AssociationId| {
            self.associations
                .get(id)
                .is_some_and(|association| association.kernel_id == NO_KERNEL_ID && association.peer.is_with(peer))
        };
        let index = self.expected.iter().position(expected)?;
        let id = self.expected.swap_remove(index);
        self.associations.get_mut(&id)?.kernel_id = kernel_id;
        self.by_kernel_id.insert(kernel_id, id);
        Some(id)
    }

    /// Too many associations: an ABORT is all that the peer gets.
    fn refuse(&mut self, now: Time, kernel_id: KernelId, peer: &PeerAddress) {
        log_limited!(
            self.full_log => *peer,
            now,
            log::Level::Warn,
            "SCTP port {}: association with {peer} refused: {} associations are the limit",
            self.local_port,
            self.config.max_associations
        );
        self.abort_in_kernel(kernel_id, "too many associations");
    }

    fn peer_address(&self, kernel_id: KernelId) -> PeerAddress {
        // It fails only when the association is gone already; its end follows.
        let (addresses, port) = self.socket.peer_addresses(kernel_id).unwrap_or_default();
        PeerAddress { addresses, port }
    }

    /// Does what is due: ends attempts to connect, and associations that were given up and of whose end the kernel says nothing.
    pub(super) fn run_timers(&mut self, now: Time, sink: Sink<'_>) {
        while let Some(id) = self.timers.due(now).map(AssociationId::from_u64) {
            let Some(association) = self.associations.get(&id) else {
                self.timers.pop();
                continue;
            };
            let kernel_id = association.kernel_id;
            if association.early.is_some() {
                self.stop_waiting(now, id, sink);
                continue;
            }
            if association.established {
                self.end_unheard(id, kernel_id, sink);
                continue;
            }
            self.abandon_connect(kernel_id, "");
            self.attempt_failed(now, id, LossReason::Timeout, sink);
        }
    }
}

fn is_unreachable(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EPROTONOSUPPORT))
}

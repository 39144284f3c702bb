//! Moving events, packets and timers between dcsctp's sockets and the endpoint.

use super::SctpUdp;
use super::association::{Association, abort_reason};
use super::cookie::{CookieSigner, Origin, Remembered};
use super::packet::{self, cause, chunk};
use super::probe::{self, Probe, Verdict};
use super::udp::{Path, Sent};
use crate::Time;
use crate::association::LossReason;
use crate::log_limit::log_limited;
use crate::transport::types::copied;
use crate::transport::{OutboundMessage, QueuedEvent, TransportError, TransportEvent, zones};
use dcsctp::api::{DcSctpSocket, LifecycleId, Message, PpId, SendOptions, SocketEvent, StreamId};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Timers run in one poll.
const TIMERS_PER_POLL: usize = 256;

/// Where the answer to an INIT goes, and what to remember in its cookie.
pub(super) struct Reply {
    pub path: Path,
    pub origin: Origin,
    pub remembered: Remembered,
}

impl Association {
    /// Hands a message to dcsctp; everything that could be wrong with it was checked.
    pub(super) fn submit(&mut self, message: &OutboundMessage<'_>) -> Result<(), TransportError> {
        let (stream, ppid) = (message.stream, message.ppid);
        // One to send, and one to hand back.
        let (sent, kept) = (copied(message.payload)?, message.try_into()?);
        let number = self.pending.push(kept);
        let options = SendOptions {
            unordered: message.unordered,
            lifetime: message.lifetime,
            max_retransmissions: None,
            lifecycle_id: LifecycleId::new(number),
        };
        // A refusal is reported by the end of the message's life cycle as well, and so not lost.
        let _ = self.socket.send(Message::new(StreamId(stream), PpId(ppid), sent), &options);
        Ok(())
    }

    /// Gives a packet to dcsctp. Input from the network must not bring the process down, whatever mistake it may hit.
    pub(super) fn feed(&mut self, now: Time, packet: &[u8]) -> Result<(), LossReason> {
        catch_unwind(AssertUnwindSafe(|| {
            self.catch_up(now);
            self.look_for_answers(packet);
            self.socket.handle_input(packet);
        }))
        .map_err(|_| LossReason::ProtocolViolation("the SCTP library failed on a packet".into()))
    }
}

impl SctpUdp {
    pub(super) fn deliver(&mut self, sink: &mut dyn FnMut(TransportEvent<'_>)) {
        while let Some(event) = self.events.pop_front() {
            event.deliver(sink);
        }
    }

    /// Carries out what dcsctp wants after any call, and puts the association back or ends it.
    pub(super) fn settle(&mut self, now: Time, mut a: Box<Association>, reply: Option<&Reply>) {
        let mut end = None;
        loop {
            while let Some(event) = a.socket.poll_event() {
                if let Some(reason) = self.on_socket_event(now, &mut a, event, reply) {
                    end.get_or_insert(reason);
                }
            }
            if let Some(reason) = self.take_messages(now, &mut a) {
                end.get_or_insert(reason);
            }
            // dcsctp shuts down as soon as nothing is in flight, even if messages are still queued: wait for those.
            let shut_down = end.is_none() && a.closing && !a.shutdown_started && a.pending.is_empty();
            if !shut_down {
                break;
            }
            a.shutdown_started = true;
            a.socket.shutdown();
        }
        match end {
            Some(reason) => self.end(a, reason),
            None => self.put_back(a),
        }
    }

    fn put_back(&mut self, mut a: Box<Association>) {
        if a.blocked && a.up && !a.closing && a.pending.is_low(self.config.max_send_queue) {
            a.blocked = false;
            self.events.push_back(QueuedEvent::Writable { association: a.id });
        }
        self.timers.schedule(a.slot, a.next_deadline(), &mut a.scheduled);
        self.table.put(a);
    }

    /// Forgets an association and reports it.
    pub(super) fn end(&mut self, mut a: Box<Association>, reason: LossReason) {
        self.table.forget(&a);
        let association = a.id;
        if a.up {
            let undelivered = a.pending.take();
            self.events.push_back(QueuedEvent::Lost { association, reason, undelivered });
        } else if !a.inbound {
            self.events.push_back(QueuedEvent::ConnectFailed { association, reason });
        }
    }

    /// Ends an association because of what its peer sent.
    pub(super) fn fail(&mut self, now: Time, a: Box<Association>, reason: LossReason) {
        let (from, level) = (a.path.remote, log::Level::Warn);
        log_limited!(self.offences => from, now, level, "SCTP in UDP: {from}: {reason}: {} is given up", a.id);
        self.end(a, reason);
    }

    fn on_socket_event(
        &mut self,
        now: Time,
        a: &mut Association,
        event: SocketEvent,
        reply: Option<&Reply>,
    ) -> Option<LossReason> {
        match event {
            SocketEvent::SendPacket(packet) => return self.transmit(now, a, packet, reply),
            SocketEvent::OnConnected() => self.on_connected(a),
            SocketEvent::OnLifecycleEnd(number) => a.pending.done(number.value()),
            SocketEvent::OnClosed() => return Some(LossReason::Closed),
            SocketEvent::OnAborted(kind, text) => return Some(abort_reason(kind, &text, a.up)),
            // The wrapper gives every restart a new socket, so dcsctp cannot have seen one.
            SocketEvent::OnConnectionRestarted() => return Some(LossReason::Restarted),
            _ => {}
        }
        None
    }

    /// Sends a packet of dcsctp's, those of the handshake with the wrapper's additions.
    fn transmit(
        &mut self,
        now: Time,
        a: &mut Association,
        bytes: Vec<u8>,
        reply: Option<&Reply>,
    ) -> Option<LossReason> {
        match bytes.get(packet::HEADER).copied() {
            Some(chunk::INIT) => return a.connecting.as_mut()?.send_init(now, &self.udp, bytes),
            Some(chunk::INIT_ACK) => {
                if let Some(reply) = reply {
                    self.send_init_ack(now, &bytes, reply);
                }
            }
            kind => {
                a.note_sent(now, kind);
                self.udp.send(&a.path, &bytes);
            }
        }
        None
    }

    /// Sends an INIT ACK with its cookie signed.
    pub(super) fn send_init_ack(&mut self, now: Time, bytes: &[u8], reply: &Reply) {
        let signer = self.signer.get_or_insert_with(|| CookieSigner::new(&mut self.entropy, now));
        let entropy = &mut self.entropy;
        let seal = |inner: &[u8]| signer.seal(entropy, now, reply.origin, &reply.remembered, inner);
        if let Some(sealed) = packet::with_cookie(bytes, seal) {
            self.udp.send(&reply.path, &sealed);
        }
    }

    fn on_connected(&mut self, a: &mut Association) {
        if a.up {
            return;
        }
        zones::note(a.path.remote);
        self.table.unindex(a);
        a.connecting = None;
        a.up = true;
        self.table.index(a);
        a.streams = a.socket.get_metrics().map_or(1, |metrics| u32::from(metrics.negotiated_maximum_outgoing_streams));
        self.events.push_back(QueuedEvent::Up { association: a.id, peer: a.peer() });
    }

    /// Takes what has arrived; it would vanish with the socket's next change of state.
    fn take_messages(&mut self, now: Time, a: &mut Association) -> Option<LossReason> {
        while let Some(message) = a.socket.get_next_message() {
            if message.payload.len() > self.config.max_message_size {
                self.send_abort(a, "message too long");
                let what = format!("a message of {} bytes, too long", message.payload.len());
                let (from, level) = (a.path.remote, log::Level::Warn);
                log_limited!(self.offences => from, now, level, "SCTP in UDP: {from} sent {what}: {} aborted", a.id);
                return Some(LossReason::ProtocolViolation(what));
            }
            if a.up {
                self.events.push_back(QueuedEvent::Message {
                    association: a.id,
                    stream: message.stream_id.0,
                    ppid: message.ppid.0,
                    payload: message.payload,
                });
            }
        }
        None
    }

    /// Runs timers that are due; true when there are more.
    pub(super) fn run_timers(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        for _ in 0..TIMERS_PER_POLL {
            let Some((at, slot)) = self.timers.pop_due(now) else { return false };
            if self.table.get(slot).is_none_or(|a| a.scheduled != Some(at)) {
                continue;
            }
            let Some(mut a) = self.table.take(slot) else { continue };
            a.scheduled = None;
            self.on_timer(now, a);
            self.deliver(sink);
        }
        true
    }

    fn on_timer(&mut self, now: Time, mut a: Box<Association>) {
        let failed = a.connecting.as_mut().and_then(|connecting| connecting.on_timer(now, &self.udp));
        if let Some(reason) = failed {
            return self.end(a, reason);
        }
        match a.probe.as_mut().map(|probe| probe.on_timer(now)) {
            Some(Verdict::Probe) => {
                self.send_probe(&a);
            }
            Some(Verdict::Gone) => return self.end(a, LossReason::Unreachable),
            Some(Verdict::Wait) | None => {}
        }
        a.advance(now);
        if a.vigil.is_over() {
            self.send_abort(&a, "too many retransmissions");
            return self.end(a, LossReason::Unreachable);
        }
        self.settle(now, a, None);
    }

    pub(super) fn send_abort(&self, a: &Association, reason: &str) {
        self.udp.send(&a.path, &a.envelope().abort(cause::USER_INITIATED_ABORT, reason.as_bytes()));
    }

    fn send_probe(&mut self, a: &Association) -> Sent {
        let heartbeat = a.envelope().heartbeat(&probe::information(self.entropy.u64()));
        self.udp.send(&a.path, &heartbeat)
    }

    /// A packet to an established association's peer was refused, or there is another reason to doubt that it is there.
    pub(super) fn suspect(&mut self, now: Time, mut a: Box<Association>) {
        match &a.probe {
            None => {
                a.probe = Some(Probe::begin(now, a.round_trip_time()));
                // The peer knows this side by that address only.
                if self.send_probe(&a) == Sent::NoSource {
                    return self.end(a, LossReason::Unreachable);
                }
            }
            Some(probe) => {
                if probe.on_refused() == Verdict::Gone {
                    return self.end(a, LossReason::Unreachable);
                }
            }
        }
        self.put_back(a);
    }
}

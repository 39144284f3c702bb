//! Which association a packet belongs to, and what to do with those that belong to none (RFC 9260 section 8.4).

use super::SctpUdp;
use super::association::{Association, sanitised};
use super::connect::same_place;
use super::packet::{self, Chunk, Envelope, Header, Init, cause, chunk};
use super::probe;
use super::spare;
use super::udp::{BATCH, Batch, IcmpError, Path};
use crate::Time;
use crate::association::LossReason;
use crate::log_limit::log_limited;
use crate::transport::TransportEvent;

/// Batches taken from a socket in one poll.
const BATCHES_PER_POLL: usize = 4;
/// ICMP errors read from a socket in one poll.
const ERRORS_PER_POLL: usize = 64;
/// The longest state cookie that still fits into a COOKIE ECHO packet of ours.
const MAX_PEER_COOKIE: usize = 1_000;

/// A packet whose form and checksum are right.
pub(super) struct Packet<'a> {
    pub bytes: &'a [u8],
    pub header: Header,
    pub first: Chunk<'a>,
    pub chunks: usize,
    /// Where it came from, as the way back.
    pub path: Path,
}

impl SctpUdp {
    /// Receives what is there, up to a bound; true when more may be waiting.
    pub(super) fn receive_all(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        // Without memory, what is there waits in the kernel.
        let Some(mut batch) = spare::take() else { return false };
        let mut more = false;
        for socket in 0..self.udp.count() {
            more |= self.receive_from(now, socket, &mut batch, sink);
        }
        spare::give_back(batch);
        more
    }

    fn receive_from(
        &mut self,
        now: Time,
        socket: usize,
        batch: &mut Batch,
        sink: &mut dyn FnMut(TransportEvent<'_>),
    ) -> bool {
        for _ in 0..BATCHES_PER_POLL {
            let count = self.udp.receive(socket, batch);
            for i in 0..count {
                if let Some((bytes, remote, local)) = batch.get(i) {
                    self.on_datagram(now, Path { socket, remote, local }, bytes);
                    self.deliver(sink);
                }
            }
            if count == 0 {
                // Perhaps an ICMP error woke us.
                return self.read_errors(now, socket, sink);
            }
            if count < BATCH {
                return false;
            }
        }
        true
    }

    fn read_errors(&mut self, now: Time, socket: usize, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        for _ in 0..ERRORS_PER_POLL {
            let Some(error) = self.udp.next_error(socket) else { return false };
            self.on_icmp(now, &error);
            self.deliver(sink);
        }
        true
    }

    fn on_datagram(&mut self, now: Time, path: Path, bytes: &[u8]) {
        if path.remote.port() == 0 {
            return;
        }
        let parsed = if packet::checksum_ok(bytes) { packet::parse(bytes) } else { None };
        let Some((header, first, chunks)) = parsed else {
            let (from, len, level) = (path.remote, bytes.len(), log::Level::Info);
            log_limited!(
                self.strangers => from,
                now,
                level,
                "SCTP in UDP: {len} bytes from {from} are no SCTP packet: discarded"
            );
            return;
        };
        if header.destination_port != self.udp.port() || header.source_port == 0 {
            return;
        }
        let packet = Packet { bytes, header, first, chunks, path };
        match first.kind {
            chunk::INIT if header.verification_tag == 0 => self.on_init(now, &packet),
            chunk::COOKIE_ECHO => self.on_cookie_echo(now, &packet),
            _ if header.verification_tag == 0 || first.kind == chunk::INIT => {}
            _ => self.on_other(now, &packet),
        }
    }

    /// Everything but INIT and COOKIE ECHO: find the association by its tag, else by the peer's address and port.
    fn on_other(&mut self, now: Time, packet: &Packet<'_>) {
        let (address, port) = (packet.path.remote.ip(), packet.header.source_port);
        if let Some(slot) = self.table.find_tag(packet.header.verification_tag) {
            if self.table.get(slot).is_some_and(|a| a.accepts_from(address, port)) {
                self.on_packet(now, slot, packet);
            }
            // From anywhere else it is forged.
            return;
        }
        let Some(slot) = self.table.find_peer(address, port) else { return self.on_out_of_the_blue(packet) };
        let reflected = packet.chunks == 1
            && packet.first.flags & chunk::T_BIT != 0
            && matches!(packet.first.kind, chunk::ABORT | chunk::SHUTDOWN_COMPLETE);
        let peer_tag = self.table.get(slot).map_or(0, |a| a.peer_tag);
        if reflected && peer_tag != 0 && packet.header.verification_tag == peer_tag {
            self.on_packet(now, slot, packet);
        } else if packet.first.kind == chunk::SHUTDOWN_ACK && peer_tag == 0 {
            // The peer still closes an association that we have forgotten (RFC 9260 section 8.5.1, rule E).
            self.on_out_of_the_blue(packet);
        }
    }

    /// RFC 9260 section 8.4. Nothing is sent that is longer than what came.
    fn on_out_of_the_blue(&mut self, packet: &Packet<'_>) {
        let envelope = Envelope {
            local_port: self.udp.port(),
            remote_port: packet.header.source_port,
            tag: packet.header.verification_tag,
        };
        let answer = match packet.first.kind {
            chunk::SHUTDOWN_ACK => envelope.shutdown_complete_reflected(),
            chunk::ABORT | chunk::SHUTDOWN_COMPLETE | chunk::COOKIE_ACK | chunk::ERROR | chunk::INIT_ACK => return,
            _ if packet::find(packet.bytes, chunk::ABORT).is_some() => return,
            _ => envelope.abort_reflected(),
        };
        self.udp.send(&packet.path, &answer);
    }

    /// A packet of this association, by tag and address.
    fn on_packet(&mut self, now: Time, slot: u32, packet: &Packet<'_>) {
        let Some(mut a) = self.table.take(slot) else { return };
        if a.awaits_init_ack() {
            return self.on_first_answer(now, a, packet);
        }
        a.probe = None;
        // RFC 6951 section 5.4: the peer's UDP port is where its latest packet came from.
        if packet.path.remote.ip() == a.path.remote.ip() && packet.path != a.path {
            a.path = packet.path;
        }
        let ours = packet.chunks == 1
            && packet.first.kind == chunk::HEARTBEAT_ACK
            && packet::heartbeat_information(packet.first.value).is_some_and(probe::is_ours);
        if !ours {
            if let Err(reason) = a.feed(now, packet.bytes) {
                return self.fail(now, a, reason);
            }
        }
        self.settle(now, a, None);
    }

    /// What may come in answer to an INIT: INIT ACK, or ABORT.
    fn on_first_answer(&mut self, now: Time, mut a: Box<Association>, packet: &Packet<'_>) {
        let from = packet.path.remote;
        let Some(connecting) = a.connecting.as_mut().filter(|connecting| connecting.is_candidate(from)) else {
            return self.table.put(a);
        };
        match packet.first.kind {
            chunk::ABORT => {
                let refusal = refusal(packet.first.value);
                match connecting.remove(now, &self.udp, from, refusal) {
                    Some(reason) => self.end(a, reason),
                    None => self.settle(now, a, None),
                }
            }
            chunk::INIT_ACK => self.on_init_ack(now, a, packet),
            _ => self.table.put(a),
        }
    }

    fn on_init_ack(&mut self, now: Time, mut a: Box<Association>, packet: &Packet<'_>) {
        let Some(init) = Init::parse(packet.first.value) else { return self.table.put(a) };
        if init.cookie.is_some_and(|cookie| cookie.len() > MAX_PEER_COOKIE) {
            return self.fail(now, a, LossReason::ProtocolViolation("a state cookie too long to return".into()));
        }
        if let Some(connecting) = a.connecting.as_mut() {
            connecting.answered = true;
        }
        a.adopt_peer(packet.path, init.initiate_tag, &init.addresses);
        a.limit_messages(init.whole_messages_only, init.window);
        // The tie tag is drawn now.
        self.entropy.reseed_dcsctp();
        match a.feed(now, packet.bytes) {
            Ok(()) => self.settle(now, a, None),
            Err(reason) => self.fail(now, a, reason),
        }
    }

    fn on_icmp(&mut self, now: Time, error: &IcmpError) {
        let Some(header) = Header::peek(error.quoted()).filter(|h| h.source_port == self.udp.port()) else { return };
        let Some(slot) = self.table.find_peer(error.remote.ip(), header.destination_port) else { return };
        let Some(mut a) = self.table.take(slot) else { return };
        // The tag in the quoted packet shows that whoever sent this has seen a packet of ours.
        let genuine = header.verification_tag == a.peer_tag && a.peer_tag != 0;
        let init_tag = packet::u32_at(error.quoted(), packet::HEADER + 4);
        if a.awaits_init_ack() {
            let reason = if error.port_unreachable { LossReason::Refused } else { LossReason::Unreachable };
            let genuine = header.verification_tag == 0 && init_tag == Some(a.local_tag);
            let connecting = a.connecting.as_mut().filter(|_| genuine);
            return match connecting.and_then(|c| c.remove(now, &self.udp, error.remote, reason)) {
                Some(reason) => self.end(a, reason),
                None => self.settle(now, a, None),
            };
        }
        if !genuine || !error.port_unreachable || !same_place(a.path.remote, error.remote) {
            self.table.put(a);
        } else if a.up {
            self.suspect(now, a);
        } else {
            self.end(a, LossReason::Refused);
        }
    }
}

/// What an ABORT in answer to an INIT says.
fn refusal(abort: &[u8]) -> LossReason {
    match packet::abort_cause(abort) {
        None => LossReason::Refused,
        Some((cause::OUT_OF_RESOURCE, _)) => LossReason::Aborted("out of resource".to_owned()),
        Some((cause::USER_INITIATED_ABORT, text)) => LossReason::Aborted(sanitised(&String::from_utf8_lossy(text))),
        Some((cause, _)) => LossReason::Aborted(format!("error cause {cause}")),
    }
}

//! INIT and COOKIE ECHO: accepting without state, restarts, simultaneous connects (RFC 9260 sections 5.1 and 5.2).

use super::SctpUdp;
use super::association::Association;
use super::cookie::{Opened, Origin, Remembered};
use super::endpoint::Reply;
use super::options::{self, fits_window};
use super::packet::{self, Envelope, Init, cause, chunk};
use super::receive::Packet;
use super::udp::Path;
use super::unproven::Unproven;
use crate::Time;
use crate::association::LossReason;
use crate::log_limit::log_limited;
use crate::wire::AddressList;
use dcsctp::api::{DcSctpSocket, Socket, SocketEvent, SocketState};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where dcsctp's cookie keeps the peer's receive window.
const WINDOW_AT: usize = 24;

impl Association {
    /// Fixes where the peer is and what tag it wants.
    pub(super) fn adopt_peer(&mut self, path: Path, peer_tag: u32, listed: &AddressList) {
        self.path = path;
        self.peer_tag = peer_tag;
        self.addresses = AddressList::from_slice(&[path.remote.ip()]);
        self.addresses.extend(listed.iter().copied().filter(|address| *address != path.remote.ip()));
    }

    /// A message longer than the window of such a peer would stall silently.
    pub(super) fn limit_messages(&mut self, whole_messages_only: bool, window: u32) {
        if whole_messages_only {
            self.max_message = self.max_message.min(fits_window(window));
        }
    }
}

impl SctpUdp {
    fn origin(&self, packet: &Packet<'_>) -> Origin {
        Origin { address: packet.path.remote.ip(), remote_port: packet.header.source_port, local_port: self.udp.port() }
    }

    /// The association of the host that a packet comes from. Behind one NAT two hosts may have chosen the same SCTP port: then the UDP ports
    /// that the NAT gives them tell them apart.
    fn find_host(&self, origin: &Origin, packet: &Packet<'_>) -> Option<u32> {
        let slot = self.table.find_peer(origin.address, origin.remote_port)?;
        let is_another = |a: &Association| a.up && a.path.remote.port() != packet.path.remote.port();
        (!self.table.get(slot).is_some_and(is_another)).then_some(slot)
    }

    /// The association that a cookie was echoed for, or that of the host that it comes from.
    fn find_echoed(&self, origin: &Origin, opened: &Opened<'_>, packet: &Packet<'_>) -> Option<u32> {
        let is_from = |slot: &u32| {
            let a = self.table.get(*slot);
            a.is_some_and(|a| a.accepts_from(origin.address, origin.remote_port))
        };
        self.table.find_tag(opened.local_tag).filter(is_from).or_else(|| self.find_host(origin, packet))
    }

    pub(super) fn on_init(&mut self, now: Time, packet: &Packet<'_>) {
        let Some(init) = Init::parse(packet.first.value) else { return };
        let origin = self.origin(packet);
        let mut remembered =
            Remembered { tie: (0, 0), whole_messages_only: init.whole_messages_only, addresses: init.addresses };
        let known = self.find_host(&origin, packet);
        if let Some((slot, a)) = known.and_then(|slot| Some((slot, self.table.get(slot)?))) {
            if init.initiate_tag == a.local_tag {
                return; // our own INIT, reflected or sent to ourselves
            }
            if a.up {
                remembered.tie = (a.local_tag, a.peer_tag);
            }
            // Connecting: both sides at once, which makes one association. Closing: dcsctp repeats its SHUTDOWN ACK.
            if a.connecting.is_some() || a.socket.state() == SocketState::ShuttingDown {
                let reply = Reply { path: packet.path, origin, remembered };
                return self.feed_init(now, slot, packet, &reply);
            }
        }
        let envelope =
            Envelope { local_port: origin.local_port, remote_port: origin.remote_port, tag: init.initiate_tag };
        if !self.config.listen {
            self.udp.send(&packet.path, &envelope.refusal());
        } else if known.is_none() && self.is_full() {
            self.udp.send(&packet.path, &envelope.abort(cause::OUT_OF_RESOURCE, &[]));
        } else if self.may_answer(now, packet) {
            self.answer_init(now, packet, Reply { path: packet.path, origin, remembered });
        }
    }

    /// Whether the sender of an INIT gets a cookie: not if its address has got many already and sent none back.
    fn may_answer(&mut self, now: Time, packet: &Packet<'_>) -> bool {
        let entropy = &mut self.entropy;
        let unproven = self.unproven.get_or_insert_with(|| Unproven::new(now, entropy.u64()));
        let from = packet.path.remote;
        let may = unproven.may_answer(now, from.ip());
        if !may {
            let level = log::Level::Warn;
            log_limited!(self.strangers => from, now, level, "SCTP in UDP: too many INITs, lastly of {from}: not answered");
        }
        may
    }

    fn is_full(&self) -> bool {
        self.table.len() >= self.config.max_associations
    }

    fn feed_init(&mut self, now: Time, slot: u32, packet: &Packet<'_>, reply: &Reply) {
        let Some(mut a) = self.table.take(slot) else { return };
        self.entropy.reseed_dcsctp();
        match a.feed(now, packet.bytes) {
            Ok(()) => self.settle(now, a, Some(reply)),
            Err(reason) => self.fail(now, a, reason),
        }
    }

    /// Answers with a socket that lives only for this: everything it knows is in the signed cookie.
    fn answer_init(&mut self, now: Time, packet: &Packet<'_>, reply: Reply) {
        self.entropy.reseed_dcsctp();
        let options = options::options(&self.config, self.udp.port(), reply.origin.address, reply.origin.remote_port);
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let mut socket = Socket::new("", &options);
            socket.handle_input(packet.bytes);
            std::iter::from_fn(|| socket.poll_event()).find_map(|event| match event {
                SocketEvent::SendPacket(bytes) => Some(bytes),
                _ => None,
            })
        }));
        if let Ok(Some(bytes)) = answer {
            if bytes.get(packet::HEADER) == Some(&chunk::INIT_ACK) {
                self.send_init_ack(now, &bytes, &reply);
            }
        }
    }

    pub(super) fn on_cookie_echo(&mut self, now: Time, packet: &Packet<'_>) {
        let origin = self.origin(packet);
        let Some(signer) = &self.signer else { return };
        // A cookie that we did not sign is discarded without an answer (RFC 9260 section 5.1.5).
        let Some(opened) = signer.open(now, origin, packet.first.value) else {
            let (from, level) = (packet.path.remote, log::Level::Warn);
            log_limited!(self.strangers => from, now, level, "SCTP in UDP: a cookie from {from} is not ours: discarded");
            return;
        };
        if packet.header.verification_tag != opened.local_tag {
            return;
        }
        if let Some(unproven) = &mut self.unproven {
            unproven.proven(origin.address);
        }
        let Some(bytes) = packet::with_echoed_cookie(packet.bytes, opened.inner) else { return };
        let Some(slot) = self.find_echoed(&origin, &opened, packet) else {
            return self.accept(now, packet, &opened, &bytes);
        };
        let Some(a) = self.table.take(slot) else { return };
        let same_local = a.local_tag == opened.local_tag;
        let duplicate = a.up && same_local && a.peer_tag == opened.peer_tag;
        if duplicate || a.connecting.is_some() && same_local {
            self.confirm(now, a, packet, &opened, &bytes);
        } else if a.up && opened.remembered.tie == (a.local_tag, a.peer_tag) && self.config.listen {
            // RFC 9260 section 5.2.4, case A: the peer has restarted.
            let reason = if a.closing { LossReason::Closed } else { LossReason::Restarted };
            let (from, level) = (packet.path.remote, log::Level::Info);
            log_limited!(self.offences => from, now, level, "SCTP in UDP: the peer at {from} has restarted: {} is lost", a.id);
            self.end(a, reason);
            self.accept(now, packet, &opened, &bytes);
        } else {
            // Case C and the rest: an old duplicate, or not what we agreed to.
            self.table.put(a);
        }
    }

    /// The cookie belongs to an association that we know: a simultaneous connect, or the COOKIE ACK was lost.
    fn confirm(&mut self, now: Time, mut a: Box<Association>, packet: &Packet<'_>, opened: &Opened<'_>, bytes: &[u8]) {
        if !a.up {
            a.adopt_peer(packet.path, opened.peer_tag, &opened.remembered.addresses);
            a.limit_messages(opened.remembered.whole_messages_only, window(opened));
            if let Some(connecting) = a.connecting.as_mut() {
                connecting.answered = true;
            }
        }
        self.entropy.reseed_dcsctp();
        match a.feed(now, bytes) {
            Ok(()) => self.settle(now, a, None),
            Err(reason) => self.fail(now, a, reason),
        }
    }

    /// Makes the association that the cookie describes.
    fn accept(&mut self, now: Time, packet: &Packet<'_>, opened: &Opened<'_>, bytes: &[u8]) {
        let (local_port, remote_port) = (self.udp.port(), packet.header.source_port);
        let envelope = Envelope { local_port, remote_port, tag: opened.peer_tag };
        if let Some(staleness) = opened.stale {
            let microseconds = u32::try_from(staleness.as_micros()).unwrap_or(u32::MAX);
            self.udp.send(&packet.path, &envelope.stale_cookie(microseconds));
            return;
        }
        if self.is_full() {
            let (from, limit) = (packet.path.remote, self.config.max_associations);
            let level = log::Level::Warn;
            log_limited!(self.strangers => from, now, level, "SCTP in UDP: {from} refused: {limit} associations already");
            self.udp.send(&packet.path, &envelope.abort(cause::OUT_OF_RESOURCE, &[]));
            return;
        }
        // A tag twice is a chance of one in thousands of millions; the peer tries again with another.
        if self.table.find_tag(opened.local_tag).is_some() || !self.config.listen {
            return;
        }
        let options = options::options(&self.config, local_port, packet.path.remote.ip(), remote_port);
        let max_retransmissions = self.config.parameters.association_max_retransmissions;
        let (id, slot) = self.table.reserve();
        let mut a = Box::new(Association::new(id, slot, now, &options, max_retransmissions, packet.path));
        a.local_tag = opened.local_tag;
        a.adopt_peer(packet.path, opened.peer_tag, &opened.remembered.addresses);
        a.limit_messages(opened.remembered.whole_messages_only, window(opened));
        self.table.index(&a);
        self.entropy.reseed_dcsctp();
        match a.feed(now, bytes) {
            Ok(()) if a.socket.state() != SocketState::Closed => self.settle(now, a, None),
            Ok(()) => self.end(a, LossReason::Closed),
            Err(reason) => self.fail(now, a, reason),
        }
    }
}

fn window(opened: &Opened<'_>) -> u32 {
    packet::u32_at(opened.inner, WINDOW_AT).unwrap_or(0)
}

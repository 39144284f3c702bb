//! What arrives at an endpoint, or comes due there.

use super::association::{Item, Side, detection_time};
use super::network::Network;
use rserpool::association::LossReason;
use rserpool::transport::QueuedEvent;
use rserpool::{AssociationId, Time};
use std::net::SocketAddr;

impl Network {
    pub(super) fn handle(&mut self, now: Time, number: usize, item: Item) {
        match item {
            Item::Connect { from, peer } => self.on_connect(now, number, from, peer),
            Item::Accepted { to, peer } => self.on_up(now, number, to, peer),
            Item::Refused { to, reason } => self.end_if_connecting(number, to, reason),
            Item::ConnectTimeout { to } => self.end_if_connecting(number, to, LossReason::Timeout),
            Item::Message { from, to, number: message, stream, ppid, payload } => {
                let Some(peer) = self.known(now, number, from, to) else { return };
                if let Some(endpoint) = self.at(number) {
                    endpoint.events.push_back(QueuedEvent::Message { association: to, stream, ppid, payload });
                }
                self.reply(now, number, from, Item::Acknowledged { to: peer, number: message });
            }
            Item::Acknowledged { to, number: message } => self.on_acknowledged(now, number, to, message),
            Item::Shutdown { from, to } => {
                if self.known(now, number, from, to).is_some() {
                    if let Some(side) = self.side(number, to) {
                        side.peer_closed = true;
                    }
                    self.advance_shutdown(now, number, to);
                }
            }
            Item::ShutdownComplete { to } => self.end(number, to, LossReason::Closed),
            Item::Aborted { to, reason } => self.end(number, to, reason),
            Item::Check { to, epoch } => self.on_check(number, to, epoch),
        }
    }

    fn reply(&mut self, now: Time, number: usize, to: SocketAddr, item: Item) {
        if let Some(from) = self.peek(number).map(|endpoint| endpoint.address) {
            self.transfer(now, from, to, item);
        }
    }

    /// The peer's identifier of an association; whoever sends to one that is not there is told so.
    fn known(&mut self, now: Time, number: usize, from: SocketAddr, to: AssociationId) -> Option<AssociationId> {
        if let Some(side) = self.side(number, to).filter(|side| side.peer_address == from) {
            return side.peer;
        }
        let address = self.peek(number)?.address;
        let sender = self.by_address.get(&from).and_then(|n| self.peek(*n))?;
        let sender =
            *sender.peers.get(&address).filter(|id| sender.sides.get(id).is_some_and(|s| s.peer == Some(to)))?;
        self.reply(now, number, from, Item::Aborted { to: sender, reason: LossReason::Aborted(String::new()) });
        None
    }

    fn on_connect(&mut self, now: Time, number: usize, from: SocketAddr, peer: AssociationId) {
        let Some(endpoint) = self.at(number) else { return };
        let existing = endpoint.peers.get(&from).copied();
        if let Some(id) = existing.filter(|id| endpoint.sides.get(id).is_some_and(|side| side.peer.is_none())) {
            // Both connect at once: one association, and the other side finds the same.
            return self.on_up(now, number, id, peer);
        }
        let full = existing.is_none() && endpoint.sides.len() >= endpoint.config.max_associations;
        if !endpoint.config.listen || full {
            let listens = endpoint.config.listen;
            let reason = if listens { LossReason::Aborted("out of resource".into()) } else { LossReason::Refused };
            return self.reply(now, number, from, Item::Refused { to: peer, reason });
        }
        if let Some(id) = existing {
            self.end(number, id, LossReason::Restarted);
        }
        let Some(endpoint) = self.at(number) else { return };
        let id = endpoint.add(Side::new(from, Some(peer), true, now));
        endpoint.up(id);
        self.reply(now, number, from, Item::Accepted { to: peer, peer: id });
        self.suspect_if_cut_off(now, number, id);
    }

    fn on_up(&mut self, now: Time, number: usize, id: AssociationId, peer: AssociationId) {
        let Some(side) = self.side(number, id).filter(|side| side.peer.is_none()) else { return };
        side.peer = Some(peer);
        side.round_trip = Some(now.saturating_since(side.started));
        if let Some(endpoint) = self.at(number) {
            endpoint.up(id);
        }
        self.suspect_if_cut_off(now, number, id);
    }

    fn suspect_if_cut_off(&mut self, now: Time, number: usize, id: AssociationId) {
        let Some(endpoint) = self.peek(number) else { return };
        let Some(side) = endpoint.sides.get(&id) else { return };
        if self.is_cut_off(endpoint.address, side.peer_address) {
            let (at, epoch) = (now + detection_time(&endpoint.config.parameters), self.epoch);
            self.push(number, at, Item::Check { to: id, epoch });
        }
    }

    fn on_acknowledged(&mut self, now: Time, number: usize, id: AssociationId, message: u64) {
        let Some(endpoint) = self.at(number) else { return };
        let queue = endpoint.config.max_send_queue;
        let Some(side) = endpoint.sides.get_mut(&id) else { return };
        side.pending.done(message);
        if side.blocked && !side.closing && side.pending.is_low(queue) {
            side.blocked = false;
            endpoint.events.push_back(QueuedEvent::Writable { association: id });
        }
        self.advance_shutdown(now, number, id);
    }

    fn on_check(&mut self, number: usize, id: AssociationId, epoch: u64) {
        let Some(endpoint) = self.peek(number) else { return };
        let Some(side) = endpoint.sides.get(&id) else { return };
        let there = self
            .by_address
            .get(&side.peer_address)
            .and_then(|peer| self.peek(*peer))
            .and_then(|peer| peer.sides.get(&side.peer?))
            // Another process may have the address by now, and an association of that name.
            .is_some_and(|other| other.peer_address == endpoint.address && other.peer.is_none_or(|ours| ours == id));
        let silent = epoch == self.epoch && self.is_cut_off(endpoint.address, side.peer_address);
        if side.peer.is_some() && (!there || silent) {
            self.end(number, id, LossReason::Unreachable);
        }
    }

    /// Goes on with closing once everything that was sent is acknowledged.
    pub(super) fn advance_shutdown(&mut self, now: Time, number: usize, id: AssociationId) {
        let Some(side) = self.side(number, id).filter(|side| side.pending.is_empty()) else { return };
        let (Some(to), peer_address) = (side.peer, side.peer_address) else { return };
        if side.peer_closed {
            self.reply(now, number, peer_address, Item::ShutdownComplete { to });
            self.end(number, id, LossReason::Closed);
        } else if side.closing && !side.shutdown_sent {
            side.shutdown_sent = true;
            let Some(from) = self.peek(number).map(|endpoint| endpoint.address) else { return };
            self.transfer(now, from, peer_address, Item::Shutdown { from, to });
        }
    }

    fn end_if_connecting(&mut self, number: usize, id: AssociationId, reason: LossReason) {
        if self.side(number, id).is_some_and(|side| side.peer.is_none()) {
            self.end(number, id, reason);
        }
    }

    pub(super) fn end(&mut self, number: usize, id: AssociationId, reason: LossReason) {
        let Some(endpoint) = self.at(number) else { return };
        let Some(mut side) = endpoint.remove(id) else { return };
        endpoint.events.push_back(match side.peer {
            Some(_) => QueuedEvent::Lost { association: id, reason, undelivered: side.pending.take() },
            None => QueuedEvent::ConnectFailed { association: id, reason },
        });
    }
}

//! Connecting to a peer, one of its addresses after the other.

use super::*;
use crate::transport::not_inherited::NotInherited;
use crate::transport::zones;

impl Tcp {
    /// Begins to connect to the first address that lets us.
    pub(super) fn start(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let association = self.new_association();
        let mut connecting = Connecting {
            untried: peer.addresses.clone(),
            port: peer.port,
            give_up: now + connect_timeout,
            then_close: false,
        };
        match self.next_attempt(now, &mut connecting) {
            Ok((socket, deadline)) => {
                self.epoll.add(socket.as_raw_fd(), association.as_u64(), Interest::Write)?;
                let state = State::Connecting(connecting);
                let reports = self.config.report_undelivered;
                let connection = Connection::new(socket, state, Interest::Write, self.framing, reports);
                self.connections.insert(association, connection);
                self.set_deadline(association, Some(deadline));
            }
            Err(reason) => self.failed_connects.push((association, reason)),
        }
        Ok(association)
    }

    /// Begins to connect to the next address that lets us; fails with the last address's reason.
    fn next_attempt(&self, now: Time, connecting: &mut Connecting) -> Result<(Socket, Time), LossReason> {
        let mut reason = LossReason::Unreachable;
        while !connecting.untried.is_empty() {
            let peer = zones::with_zone(connecting.untried.remove(0), connecting.port);
            match options::connecting(peer, &self.config.bind, &self.config.parameters) {
                Ok(socket) => {
                    let left = connecting.give_up.saturating_since(now);
                    let share = left / u32::try_from(connecting.untried.len() + 1).unwrap_or(u32::MAX);
                    return Ok((socket, now + share));
                }
                Err(error) => {
                    log::debug!("TCP connect to {peer} failed at once: {error}");
                    reason = loss_reason(&error);
                }
            }
        }
        Err(reason)
    }

    /// The current attempt failed: tries the next address or gives up.
    pub(super) fn attempt_failed(&mut self, now: Time, association: AssociationId, reason: LossReason, sink: Sink<'_>) {
        let Some(mut connection) = self.remove(association) else { return };
        let State::Connecting(connecting) = &mut connection.state else { return };
        let next = if connecting.untried.is_empty() { Err(reason) } else { self.next_attempt(now, connecting) };
        let next = next.and_then(|(socket, deadline)| {
            let added = self.epoll.add(socket.as_raw_fd(), association.as_u64(), Interest::Write);
            added.map_err(|error| loss_reason(&error))?;
            Ok((socket, deadline))
        });
        match next {
            Ok((socket, deadline)) => {
                connection.socket = NotInherited::new(socket);
                connection.interest = Interest::Write;
                self.connections.insert(association, connection);
                self.set_deadline(association, Some(deadline));
            }
            Err(reason) => sink(TransportEvent::ConnectFailed { association, reason }),
        }
    }

    /// Learns the outcome of a connect.
    pub(super) fn finish_connect(&mut self, now: Time, association: AssociationId, sink: Sink<'_>) {
        let Some(connection) = self.connections.get_mut(&association) else { return };
        let error = connection.socket.take_error().unwrap_or_else(Some);
        if let Some(error) = error {
            return self.attempt_failed(now, association, loss_reason(&error), sink);
        }
        let Some(peer) = connection.socket.peer_addr().ok().and_then(|address| address.as_socket()) else {
            // Neither failed nor connected: it was reported too early.
            return;
        };
        let then_close = matches!(&connection.state, State::Connecting(connecting) if connecting.then_close);
        connection.state = if then_close { State::Closing { end_sent: false } } else { State::Open };
        self.established(association, peer, false, sink);
        self.set_deadline(association, then_close.then(|| now + CLOSE_TIMEOUT));
        match self.flush(association, sink) {
            Ok(()) => self.settle(association),
            Err(reason) => self.lose(association, reason, sink),
        }
    }

    pub(super) fn established(&mut self, association: AssociationId, peer: SocketAddr, inbound: bool, sink: Sink<'_>) {
        let Some(connection) = self.connections.get_mut(&association) else { return };
        connection.established = true;
        zones::note(peer);
        let (address, port) = canonical(peer);
        let peer = Peer { address: PeerAddress::new(address, port), inbound, kind: TransportKind::Tcp };
        sink(TransportEvent::Up { association, peer });
    }
}

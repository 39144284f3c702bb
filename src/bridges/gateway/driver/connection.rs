//! A client, the connects for it, and both directions once it has an element.

use super::sockets::Socket;
use super::stream::{End as Side, Stream, Turn};
use crate::Time;
use crate::bridges::gateway::core::{Attempt, End};
use crate::bridges::gateway::driver::ProxyProtocol;
use crate::bridges::gateway::wire::proxy_protocol;
use crate::transport::epoll::Ready;
use smallvec::SmallVec;
use std::io;
use std::net::SocketAddr;

pub(super) struct Connection {
    client: Side,
    address: SocketAddr,
    /// The element that has it, and by which attempt.
    element: Option<(Attempt, Side)>,
    pub(super) attempts: SmallVec<[(Attempt, Side); 1]>,
    up: Stream,
    down: Stream,
    /// When bytes moved last.
    pub(super) used: Time,
    /// When it is looked at.
    pub(super) look: Time,
}

/// What becomes of it.
pub(super) enum Fate {
    Goes,
    /// There is more to move at once.
    More,
    Ends(End),
}

impl Connection {
    pub(super) fn new(client: Side, address: SocketAddr, now: Time) -> Connection {
        Connection {
            client,
            address,
            element: None,
            attempts: SmallVec::new(),
            up: Stream::default(),
            down: Stream::default(),
            used: now,
            look: now,
        }
    }

    /// A socket is ready: the client's (0), or that of an attempt. Tells the outcome of a connect.
    pub(super) fn on_ready(&mut self, role: u8, found: &Ready) -> Option<Result<Attempt, (Attempt, io::Error)>> {
        if let Some(position) = self.attempts.iter().position(|(attempt, _)| attempt.0 == role) {
            return self.on_attempt_ready(position, found);
        }
        let side = match &mut self.element {
            _ if role == 0 => &mut self.client,
            Some((attempt, side)) if attempt.0 == role => side,
            _ => return None,
        };
        note(side, found);
        None
    }

    fn on_attempt_ready(&mut self, position: usize, found: &Ready) -> Option<Result<Attempt, (Attempt, io::Error)>> {
        let (attempt, side) = &mut self.attempts[position];
        note(side, found);
        let attempt = *attempt;
        match side.socket.take_error() {
            Err(error) => {
                self.attempts.remove(position);
                Some(Err((attempt, error)))
            }
            Ok(()) => found.writable.then_some(Ok(attempt)),
        }
    }

    pub(super) fn abandon(&mut self, attempt: Attempt) {
        self.attempts.retain(|(number, _)| *number != attempt);
    }

    /// From now on, this attempt's socket has the client's bytes.
    pub(super) fn begin(&mut self, attempt: Attempt, proxy_protocol: ProxyProtocol) {
        let Some(position) = self.attempts.iter().position(|(number, _)| *number == attempt) else { return };
        self.element = Some(self.attempts.remove(position));
        self.attempts.clear();
        if proxy_protocol == ProxyProtocol::Version2 {
            let here = self.client.socket.local_address().unwrap_or(self.address);
            proxy_protocol::append_header(self.address, here, self.up.put_first());
        }
    }

    /// Moves what can be moved.
    pub(super) fn carry(&mut self, chunk: &mut [u8], now: Time) -> Fate {
        let Some((_, element)) = &mut self.element else {
            // Whoever has gone needs no element. One that has only ended its stream may still want an answer.
            let lost = self.client.ended && self.client.socket.take_error().is_err();
            return if lost { Fate::Ends(End::ClientLost) } else { Fate::Goes };
        };
        let before = self.up.bytes + self.down.bytes;
        let up = self.up.turn(&mut self.client, element, chunk);
        let down = self.down.turn(element, &mut self.client, chunk);
        if self.up.bytes + self.down.bytes != before {
            self.used = now;
        }
        match (up, down) {
            (Turn::SourceLost, _) | (_, Turn::SinkLost) => Fate::Ends(End::ClientLost),
            (Turn::SinkLost, _) | (_, Turn::SourceLost) => Fate::Ends(End::ElementLost),
            (Turn::Over, Turn::Over) => Fate::Ends(End::InOrder),
            (Turn::More, _) | (_, Turn::More) => Fate::More,
            _ => Fate::Goes,
        }
    }

    /// Bytes that have come from the client, and that have gone to it.
    pub(super) fn bytes(&self) -> [u64; 2] {
        [self.up.bytes, self.down.bytes]
    }

    /// Closes it so that both ends notice at once.
    pub(super) fn reset(self) {
        let others = self.attempts.iter().map(|(_, side)| &side.socket);
        let sockets = [&self.client.socket].into_iter().chain(self.element.as_ref().map(|(_, side)| &side.socket));
        sockets.chain(others).for_each(Socket::reset_on_close);
    }
}

fn note(side: &mut Side, found: &Ready) {
    side.readable |= found.readable || found.ended;
    side.writable |= found.writable;
    side.ended |= found.ended;
}

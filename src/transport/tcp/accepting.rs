//! Accepting connections.

use super::*;

/// Connections accepted in one poll from one listener: those that have one wait that long while others come in crowds.
const ACCEPTS_PER_POLL: usize = 8;
/// How long accepting rests when the process or the machine is out of descriptors or memory.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

impl Tcp {
    /// Accepts again after a pause. The listeners stayed in the set of epoll: to come into it anew takes memory, which may be just
    /// what is short. Should they not be heard all the same, the pause goes on, as nobody else would see to them.
    pub(super) fn go_on_accepting(&mut self, now: Time) {
        if let Err(error) = self.watch_listeners(Interest::Read) {
            self.pause_accepting(now, &error);
        }
    }

    fn watch_listeners(&self, interest: Interest) -> io::Result<()> {
        self.listeners.iter().enumerate().try_for_each(|(index, listener)| {
            self.epoll.modify(listener.as_raw_fd(), FIRST_LISTENER_KEY + index as u64, interest)
        })
    }

    /// Accepts what waits at a listener; true when more may be waiting.
    pub(super) fn accept(&mut self, now: Time, index: usize, sink: Sink<'_>) -> bool {
        for _ in 0..ACCEPTS_PER_POLL {
            let Some(listener) = self.listeners.get(index) else { return false };
            match listener.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
                Ok((socket, peer)) => {
                    if let Some(peer) = peer.as_socket() {
                        self.admit(now, socket, peer, sink);
                    }
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return false,
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        self.pause_accepting(now, &error);
                        return false;
                    }
                    // The connection at the head of the queue failed already: the next one may be good.
                    _ => {}
                },
            }
        }
        true
    }

    /// Without a free descriptor the listener stays ready: waiting for it would spin.
    fn pause_accepting(&mut self, now: Time, error: &io::Error) {
        // A failure leaves some ready, which costs processor time and nothing else.
        let _ = self.watch_listeners(Interest::Nothing);
        self.accept_again = Some(now + ACCEPT_PAUSE);
        log_limited!(
            self.accept_log,
            now,
            log::Level::Warn,
            "TCP port {}: cannot accept connections for now: {error} ({} connections open)",
            self.local_port,
            self.connections.len()
        );
    }

    fn admit(&mut self, now: Time, socket: Socket, peer: SocketAddr, sink: Sink<'_>) {
        if self.connections.len() >= self.config.max_associations {
            log_limited!(
                self.full_log => peer,
                now,
                log::Level::Warn,
                "TCP port {}: connection from {peer} refused: {} connections are the limit",
                self.local_port,
                self.config.max_associations
            );
            return;
        }
        if let Err(error) = options::tune(&socket, &self.config.parameters) {
            log::debug!("TCP connection from {peer}: options not set: {error}");
        }
        let association = self.new_association();
        if let Err(error) = self.epoll.add(socket.as_raw_fd(), association.as_u64(), Interest::Read) {
            log::error!("TCP connection from {peer} closed: cannot wait for it: {error}");
            return;
        }
        let reports = self.config.report_undelivered;
        let connection = Connection::new(socket, State::Open, Interest::Read, self.framing, reports);
        self.connections.insert(association, connection);
        self.established(association, peer, true, sink);
    }
}

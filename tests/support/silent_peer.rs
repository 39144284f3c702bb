//! A peer of pool elements that is no library of ours.

use super::api::{PATIENCE, transport_choice};
use rserpool::api;
use rserpool::driver::clock;
use rserpool::transport::{self, EndpointConfig, OutboundMessage, Transport, TransportEvent};
use rserpool::wire::PPID_ASAP;
use std::net::SocketAddr;
use std::time::Duration;

/// A client that says one word and then nothing more, not even that it has received something.
pub struct SilentPeer {
    transport: Box<dyn Transport>,
    association: rserpool::AssociationId,
    over: bool,
}

impl SilentPeer {
    pub fn connect(pool: &str) -> SilentPeer {
        let element = api::getaddrinfo(pool.as_bytes(), None, Duration::ZERO).unwrap().remove(0);
        // From any address: an element on its registrar's host offers all that the host has.
        let mut transport = transport::open(transport_choice(), &EndpointConfig::default()).unwrap();
        let (addresses, port) = (element.addresses.iter().map(SocketAddr::ip).collect(), element.addresses[0].port());
        let peer = rserpool::association::PeerAddress { addresses, port };
        let association = transport.connect(clock::now(), &peer, PATIENCE).unwrap();
        let mut up = false;
        while !up {
            let wake = transport.next_deadline().map(|at| at.saturating_since(clock::now()));
            let mut fds = [libc::pollfd { fd: transport.poll_fd().unwrap(), events: libc::POLLIN, revents: 0 }];
            rserpool::driver::client::system::poll(&mut fds, wake).unwrap();
            transport.poll(clock::now(), &mut |event| match event {
                TransportEvent::Up { .. } => up = true,
                TransportEvent::ConnectFailed { reason, .. } => panic!("no silent peer: {reason}"),
                _ => {}
            });
        }
        let mut peer = SilentPeer { transport, association, over: false };
        peer.say("word");
        peer
    }

    /// Sends this, whatever has arrived meanwhile.
    pub fn say(&mut self, text: &str) {
        let payload = text.as_bytes();
        let message = OutboundMessage { stream: 0, ppid: 99, unordered: false, lifetime: None, payload };
        self.transport.send(clock::now(), self.association, message).unwrap();
    }

    /// Sends this as a message of ASAP.
    pub fn say_control(&mut self, bytes: &[u8]) {
        self.transport.send(clock::now(), self.association, OutboundMessage::control(PPID_ASAP, bytes)).unwrap();
    }

    /// Waits for the next message that is data.
    pub fn hear(&mut self) -> String {
        let end = clock::now() + PATIENCE;
        loop {
            assert!(clock::now() < end && !self.over, "nothing is said to the peer");
            if let Some(text) = self.take() {
                return text;
            }
        }
    }

    /// Takes what has arrived, and says so to the sender.
    pub fn acknowledge(&mut self) {
        self.take();
    }

    /// The same; the first message of it that is data.
    fn take(&mut self) -> Option<String> {
        let mut heard = None;
        let mut fds = [libc::pollfd { fd: self.transport.poll_fd().unwrap(), events: libc::POLLIN, revents: 0 }];
        rserpool::driver::client::system::poll(&mut fds, Some(Duration::from_millis(10))).unwrap();
        let over = &mut self.over;
        self.transport.poll(clock::now(), &mut |event| match event {
            TransportEvent::Message { ppid, payload, .. } if ppid != PPID_ASAP && heard.is_none() => {
                heard = Some(String::from_utf8_lossy(payload).into_owned());
            }
            TransportEvent::Lost { .. } => *over = true,
            _ => {}
        });
        heard
    }

    /// Its association has ended.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

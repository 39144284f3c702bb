//! Round trips and messages a second over SCTP in UDP, beside raw UDP in the same loop and the same run.
//!
//! Read the ratios: absolute figures depend on the machine and on what else it does. What SCTP costs here is mostly
//! dcsctp's formatting of every packet as hexadecimal text for a log line, even with logging off (about 60 ns a byte).

use rserpool::AssociationId;
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::transport::sctp_udp::{SctpUdp, SctpUdpOptions};
use rserpool::transport::{EndpointConfig, OutboundMessage, Transport, TransportError, TransportEvent};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long each measurement takes; without `--bench` (as in `cargo test`) it is only tried out.
fn time() -> Duration {
    let measure = std::env::args().any(|argument| argument == "--bench");
    Duration::from_millis(if measure { 700 } else { 20 })
}

const SIZES: [usize; 3] = [100, 200, 1_400];

struct End {
    transport: SctpUdp,
    association: Option<AssociationId>,
    received: u64,
}

impl End {
    fn open(listen: bool) -> End {
        let bind = vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)];
        let config = EndpointConfig { bind, listen, ..EndpointConfig::default() };
        let transport = SctpUdp::open(&config, SctpUdpOptions::default()).expect("open an endpoint");
        End { transport, association: None, received: 0 }
    }

    /// Polls; with `echo`, every message goes back.
    fn poll(&mut self, echo: bool) {
        let now = clock::now();
        let (mut answers, received, association) = (Vec::new(), &mut self.received, &mut self.association);
        self.transport.poll(now, &mut |event| match event {
            TransportEvent::Up { association: up, .. } => *association = Some(up),
            TransportEvent::Message { association, payload, .. } => {
                *received += 1;
                if echo {
                    answers.push((association, payload.to_vec()));
                }
            }
            _ => {}
        });
        for (association, payload) in answers {
            let _ = self.transport.send(now, association, OutboundMessage::control(11, &payload));
        }
    }

    fn send(&mut self, payload: &[u8]) -> bool {
        let id = self.association.expect("the association is up");
        match self.transport.send(clock::now(), id, OutboundMessage::control(11, payload)) {
            Ok(()) => true,
            Err(TransportError::WouldBlock) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn pair() -> (End, End) {
    let (mut server, mut client) = (End::open(true), End::open(false));
    let peer = PeerAddress::new(Ipv4Addr::LOCALHOST.into(), server.transport.local_port());
    client.transport.connect(clock::now(), &peer, Duration::from_secs(5)).expect("connect");
    while client.association.is_none() || server.association.is_none() {
        client.poll(false);
        server.poll(true);
    }
    (server, client)
}

fn per_second(count: u64, since: rserpool::Time) -> f64 {
    count as f64 / clock::now().saturating_since(since).as_secs_f64()
}

fn sctp_round_trips(size: usize) -> f64 {
    let ((mut server, mut client), payload, start) = (pair(), vec![7; size], clock::now());
    let end = start + time();
    while clock::now() < end {
        let before = client.received;
        client.send(&payload);
        while client.received == before {
            server.poll(true);
            client.poll(false);
        }
    }
    per_second(client.received, start)
}

fn sctp_messages(size: usize) -> f64 {
    let ((mut server, mut client), payload, start) = (pair(), vec![7; size], clock::now());
    let end = start + time();
    while clock::now() < end {
        for _ in 0..64 {
            if !client.send(&payload) {
                break;
            }
        }
        server.poll(false);
        client.poll(false);
    }
    per_second(server.received, start)
}

fn udp_pair() -> (UdpSocket, UdpSocket) {
    let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let (one, other) = (bind(), bind());
    one.connect(other.local_addr().expect("address")).expect("connect");
    other.connect(one.local_addr().expect("address")).expect("connect");
    (one, other)
}

fn udp_round_trips(size: usize) -> f64 {
    let ((one, other), payload, mut buffer, start, mut count) = (udp_pair(), vec![7; size], [0; 2048], clock::now(), 0);
    let end = start + time();
    while clock::now() < end {
        one.send(&payload).expect("send");
        let length = other.recv(&mut buffer).expect("receive");
        other.send(&buffer[..length]).expect("send");
        one.recv(&mut buffer).expect("receive");
        count += 1;
    }
    per_second(count, start)
}

fn udp_messages(size: usize) -> f64 {
    let ((one, other), payload, mut buffer, start, mut count) = (udp_pair(), vec![7; size], [0; 2048], clock::now(), 0);
    let end = start + time();
    while clock::now() < end {
        for _ in 0..32 {
            one.send(&payload).expect("send");
        }
        for _ in 0..32 {
            other.recv(&mut buffer).expect("receive");
        }
        count += 32;
    }
    per_second(count, start)
}

fn line(what: &str, size: usize, sctp: f64, udp: f64) {
    println!("{what:<12} {size:>5} B   SCTP in UDP {sctp:>9.0}/s   raw UDP {udp:>9.0}/s   ratio {:.2}", sctp / udp);
}

fn main() {
    for size in SIZES {
        line("round trips", size, sctp_round_trips(size), udp_round_trips(size));
    }
    for size in SIZES {
        line("messages", size, sctp_messages(size), udp_messages(size));
    }
}

//! Round trips a second on sessions through the whole library, over the SCTP that there is, beside the bare transport with messages
//! of the same length and the same threads: server in a process of its own, one client thread. Over SCTP in UDP on most machines;
//! `scripts/bench-guest session` runs it where the kernel has SCTP.

use crate::child::{Process, Registrar};
use crate::scale::Scale;
use crate::table::{median, row};
use rserpool::AssociationId;
use rserpool::api::{
    self, Announcements, Config, ConnectOptions, LoadInfo, MessageKind, RegisterOptions, SendOptions, Timeout,
};
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::transport::{
    self, EndpointConfig, OutboundMessage, SctpParameters, Transport, TransportChoice, TransportEvent,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// The name of the server in [`crate::child::serve`].
pub const SERVER: &str = "session-echo";
/// The name of the one without sessions.
pub const BARE_SERVER: &str = "bare-echo";
/// To the server: hardly any heartbeats.
pub const QUIET: &str = "quiet";
/// The pool.
pub const POOL: &[u8] = b"BenchPool";

pub fn initialize(registrar: SocketAddr) {
    api::initialize(&Config {
        registrars: vec![registrar.into()],
        announcements: Announcements::Off,
        ..Config::default()
    })
    .expect("the library starts");
}

/// Hardly any heartbeats on the associations of a socket, or, of one that is connected, on those of all such sockets.
pub fn quieten(sd: api::Descriptor) {
    let unchanged = Duration::ZERO;
    let parameters = SctpParameters {
        rto_initial: unchanged,
        rto_min: unchanged,
        rto_max: unchanged,
        association_max_retransmissions: 0,
        path_max_retransmissions: 0,
        potentially_failed_threshold: 0,
        heartbeat_interval: Duration::from_secs(600),
    };
    api::update_session_parameters(sd, &parameters).expect("SCTP's own limits allow it");
}

/// A pool element that sends everything back; the arguments are the registrar's address, and [`QUIET`] perhaps.
pub fn serve(arguments: &[String]) {
    initialize(arguments[0].parse().expect("an address"));
    let sd = api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0).expect("a socket");
    if arguments.iter().any(|argument| argument == QUIET) {
        quieten(sd);
    }
    api::register(sd, POOL, &LoadInfo::default(), Duration::from_secs(30), RegisterOptions::default())
        .expect("registered");
    println!("registered");
    let mut buffer = vec![0; 1 << 16];
    while let Ok(received) = api::recvmsg(sd, &mut buffer, Timeout::Never) {
        if received.kind == MessageKind::Data && received.len > 0 {
            let options = SendOptions { session: received.session, ppid: received.ppid, ..SendOptions::default() };
            let _ = api::sendmsg(sd, &buffer[..received.len], &options, Timeout::Never); // the client may have gone
        }
    }
}

/// Something that sends and gets back messages.
trait Echo {
    fn send(&mut self, message: &[u8]);
    fn receive(&mut self, buffer: &mut [u8]) -> usize;

    /// Round trips a second of messages of `length` bytes, with `window` of them under way.
    fn rate(&mut self, length: usize, window: usize, time: Duration) -> f64 {
        let message = vec![0x55; length];
        let mut buffer = vec![0; 1 << 16];
        let begin = clock::now();
        for _ in 0..window {
            self.send(&message);
        }
        let mut rounds = 0u64;
        loop {
            assert_eq!(self.receive(&mut buffer), length);
            rounds += 1;
            let passed = clock::now().saturating_since(begin);
            if passed >= time {
                break;
            }
            self.send(&message);
        }
        for _ in 1..window {
            self.receive(&mut buffer);
        }
        rounds as f64 / clock::now().saturating_since(begin).as_secs_f64()
    }
}

struct Session(api::Descriptor);

impl Echo for Session {
    fn send(&mut self, message: &[u8]) {
        let options = SendOptions { ppid: 0x4543_484f, ..SendOptions::default() };
        api::sendmsg(self.0, message, &options, Timeout::Never).expect("the session takes it");
    }

    fn receive(&mut self, buffer: &mut [u8]) -> usize {
        loop {
            let received = api::recvmsg(self.0, buffer, Timeout::Never).expect("an answer");
            if received.kind == MessageKind::Data {
                return received.len;
            }
        }
    }
}

/// The transport without sessions: one thread that waits for it, receives and sends, as a session's thread does.
struct Bare {
    transport: Box<dyn Transport>,
    poller: Poller,
    peer: Option<AssociationId>,
    received: VecDeque<(AssociationId, Vec<u8>)>,
}

impl Bare {
    fn open(listen: bool) -> Bare {
        let bind = vec!["127.0.0.1:0".parse().expect("an address")];
        let config = EndpointConfig { bind, listen, ..EndpointConfig::default() };
        let transport = transport::open(TransportChoice::Auto, &config).expect("an endpoint");
        let poller = Poller::new().expect("an epoll descriptor");
        poller.add(transport.poll_fd().expect("a real transport"), 0).expect("epoll takes it");
        Bare { transport, poller, peer: None, received: VecDeque::new() }
    }

    fn connect(to: SocketAddr) -> Bare {
        let mut bare = Bare::open(false);
        let time = Duration::from_secs(20);
        bare.transport.connect(clock::now(), &PeerAddress::from(to), time).expect("a connect begins");
        while bare.peer.is_none() {
            bare.step();
        }
        bare
    }

    /// Waits for something to happen.
    fn step(&mut self) {
        let deadline = self.transport.next_deadline();
        self.poller.wait(clock::now(), deadline, &mut Vec::new()).expect("epoll works");
        let (peer, received) = (&mut self.peer, &mut self.received);
        self.transport.poll(clock::now(), &mut |event| match event {
            TransportEvent::Up { association, .. } => *peer = Some(association),
            TransportEvent::Message { association, payload, .. } => received.push_back((association, payload.to_vec())),
            _ => {}
        });
    }

    fn send_on(&mut self, association: AssociationId, payload: &[u8]) {
        let message = OutboundMessage::control(0x4543_484f, payload);
        let _ = self.transport.send(clock::now(), association, message); // the client may have gone
    }
}

/// A server on the bare transport that sends everything back.
pub fn serve_bare() {
    let mut bare = Bare::open(true);
    println!("127.0.0.1:{}", bare.transport.local_port());
    loop {
        bare.step();
        while let Some((association, message)) = bare.received.pop_front() {
            bare.send_on(association, &message);
        }
    }
}

impl Echo for Bare {
    fn send(&mut self, message: &[u8]) {
        let association = self.peer.expect("it is connected");
        self.send_on(association, message);
    }

    fn receive(&mut self, buffer: &mut [u8]) -> usize {
        loop {
            if let Some((_, message)) = self.received.pop_front() {
                buffer[..message.len()].copy_from_slice(&message);
                return message.len();
            }
            self.step();
        }
    }
}

pub fn run(scale: Scale) {
    let registrar = Registrar::start(&[]);
    let server = Process::server(SERVER, &[registrar.asap.to_string()]);
    assert_eq!(server.greeting, "registered");
    initialize(registrar.asap);
    let sd = api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0).expect("a socket");
    api::connect(sd, POOL, ConnectOptions::default()).expect("a session");
    let mut session = Session(sd);

    let bare_server = Process::server(BARE_SERVER, &[]);
    let mut bare = Bare::connect(bare_server.greeting.parse().expect("an address"));

    println!("\nsession over {}", bare.transport.capabilities().kind);
    for (length, window) in [(200, 1), (200, 32), (1000, 1)] {
        let (mut sessions, mut echoes) = (Vec::new(), Vec::new());
        for _ in 0..scale.repetitions {
            // Interleaved, so that whatever else the machine does meets both.
            sessions.push(session.rate(length, window, scale.measure));
            echoes.push(bare.rate(length, window, scale.measure));
        }
        let (sessions, echoes) = (median(sessions), median(echoes));
        row(&format!("round trips a second, {length} bytes, {window} at a time"), &format!("{sessions:.0}"));
        row(&format!("the same on the bare transport, {length} bytes, {window} at a time"), &format!("{echoes:.0}"));
        row("ratio", &format!("{:.2}", sessions / echoes));
    }
    api::close(sd).expect("it is ours");
    api::cleanup();
}

//! Rubbish on every socket of real processes: a registrar and a pool element have to survive it, without growing, without
//! filling the log, and go on serving.

use crate::support::api::{Got, PATIENCE, ServerProcess, connect, receive, send};
use crate::support::program::{RegistrarProcess, rserpool, text};
use crate::support::sctp_packet::crc32c;
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::transport::{self, EndpointConfig, OutboundMessage, TransportChoice, TransportEvent};
use rserpool::{AssociationId, api};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Memory that a process may gain: queues and caches fill up to their bounds, leaks go on.
const MAX_GROWTH_KB: u64 = 48 << 10;
/// Lines that a registrar may write about all of it: some bursts, and one line a second of each kind.
const MAX_LOG_LINES: u64 = 600;

/// Random numbers that are the same each time (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Something that begins like a message: a type that exists, or nearly, and a length that is right, or is not.
    fn message(&mut self) -> Vec<u8> {
        let len = 4 + self.below(300);
        let mut bytes = self.bytes(len);
        bytes[0] = self.below(20) as u8;
        let claimed = if self.below(4) == 0 { self.next() as u16 } else { len as u16 };
        bytes[2..4].copy_from_slice(&claimed.to_be_bytes());
        if len >= 8 && self.below(2) == 0 {
            // A parameter that claims to fill the rest, of a type of RFC 5354.
            let rest = (len - 4) as u16;
            bytes[4..8].copy_from_slice(&[0, self.below(0x15) as u8, (rest >> 8) as u8, rest as u8]);
        }
        bytes
    }
}

fn status_kb(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is alive");
    let line = status.lines().find(|line| line.starts_with(field)).expect("a known field");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

/// Processor time of a process, in clock ticks (of which a second has 100).
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is alive");
    let after_name = stat.rsplit(')').next().expect("a name in parentheses");
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// Waits until a process has nothing to do any more; one that spins never has.
fn until_idle(pid: u32) {
    let end = clock::now() + PATIENCE;
    let mut before = ticks(pid);
    loop {
        // A window to measure in.
        rserpool::driver::client::system::poll(&mut [], Some(Duration::from_millis(500))).expect("poll works");
        let now = ticks(pid);
        if now - before <= 5 {
            return;
        }
        assert!(clock::now() < end, "process {pid} used {} ticks in half a second without any work", now - before);
        before = now;
    }
}

/// Connections with nonsense in them. Whether the registrar has closed one already is its affair.
fn tcp_rubbish(random: &mut Random, to: SocketAddr) {
    for round in 0..200 {
        let Ok(mut stream) = TcpStream::connect(to) else { continue };
        let bytes = match round % 5 {
            0 => random.bytes(3000),
            1 => vec![5, 0, 0, (round % 4) as u8],
            2 => [&[1, 0, 0xff, 0xff][..], &random.bytes(40_000)].concat(),
            3 => (0..50).flat_map(|_| random.message()).collect(),
            _ => vec![1],
        };
        let _ = stream.write_all(&bytes);
    }
}

/// A question for the pool "Victim!!".
const RESOLUTION: [u8; 16] = [5, 0, 0, 16, 0, 9, 0, 12, b'V', b'i', b'c', b't', b'i', b'm', b'!', b'!'];

/// Asks for answers and never reads them, until the registrar has had enough.
fn tcp_flood_without_reading(to: SocketAddr) {
    let mut stream = TcpStream::connect(to).expect("the registrar listens");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time");
    let many = RESOLUTION.repeat(4000);
    let end = clock::now() + PATIENCE;
    while stream.write_all(&many).is_ok() {
        assert!(clock::now() < end, "a flood of requests whose answers are not read goes on and on");
    }
}

/// The same on many connections, all of them full when the registrar comes to read.
fn tcp_floods_at_once(registrar: &RegistrarProcess, count: usize) {
    let questions = RESOLUTION.repeat(4096);
    let mut users: Vec<(TcpStream, usize)> = (0..count)
        .map(|_| {
            let stream = TcpStream::connect(registrar.asap).expect("the registrar listens");
            stream.set_nonblocking(true).expect("a flag");
            (stream, 0)
        })
        .collect();
    let end = clock::now() + PATIENCE;
    registrar.signal(libc::SIGSTOP);
    let mut is_stopped = true;
    while !users.is_empty() {
        assert!(clock::now() < end, "a flood of requests whose answers are not read goes on and on");
        let mut written = 0;
        users.retain_mut(|(stream, at)| match stream.write(&questions[*at..]) {
            Ok(count) => {
                *at = (*at + count) % questions.len();
                written += count;
                true
            }
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        });
        if is_stopped && written == 0 {
            registrar.signal(libc::SIGCONT);
            is_stopped = false;
        }
    }
}

/// Holds more connections than the registrar takes, each with half a message.
fn tcp_hoard(to: SocketAddr, count: usize) -> Vec<TcpStream> {
    let half_a_message = [5, 0, 0, 200, 0, 9];
    (0..count)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(to).ok()?;
            let _ = stream.write_all(&half_a_message);
            Some(stream)
        })
        .collect()
}

/// Datagrams on a port of SCTP in UDP: noise, and packets that are right as far as the checksum.
fn udp_rubbish(random: &mut Random, to: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let own_port = socket.local_addr().expect("bound").port();
    for round in 0..5000 {
        let len = 1 + random.below(if round % 50 == 0 { 60_000 } else { 200 });
        let mut bytes = random.bytes(len);
        if round % 4 != 0 && len > 16 {
            bytes[..2].copy_from_slice(&own_port.to_be_bytes());
            bytes[2..4].copy_from_slice(&to.port().to_be_bytes());
            if round % 3 == 0 {
                bytes[4..8].fill(0);
            }
            bytes[12] = random.below(16) as u8;
            let rest = (len - 12) as u16;
            bytes[14..16].copy_from_slice(&rest.to_be_bytes());
            bytes[8..12].fill(0);
            let sum = crc32c(&bytes).to_le_bytes();
            bytes[8..12].copy_from_slice(&sum);
        }
        let _ = socket.send_to(&bytes, to);
    }
}

/// Associations on which everything but sense is said, with every payload protocol identifier.
fn sctp_rubbish(random: &mut Random, to: SocketAddr) {
    let config = EndpointConfig { bind: vec!["127.0.0.1:0".parse().expect("valid")], ..EndpointConfig::default() };
    for round in 0..20 {
        let mut transport = transport::open(TransportChoice::SctpUdp, &config).expect("an endpoint");
        let peer = PeerAddress::from(to);
        let association = transport.connect(clock::now(), &peer, PATIENCE).expect("a connect begins");
        let end = clock::now() + PATIENCE;
        let (mut up, mut over, mut sent) = (false, false, 0);
        while !over && sent < 200 {
            assert!(clock::now() < end, "{to} neither takes nor refuses an association");
            let mut fds = [libc::pollfd { fd: transport.poll_fd().expect("real"), events: libc::POLLIN, revents: 0 }];
            let wait = Duration::from_millis(if up { 0 } else { 10 });
            rserpool::driver::client::system::poll(&mut fds, Some(wait)).expect("poll works");
            transport.poll(clock::now(), &mut |event| match event {
                TransportEvent::Up { .. } => up = true,
                TransportEvent::Lost { .. } | TransportEvent::ConnectFailed { .. } => over = true,
                _ => {}
            });
            if up && !over {
                sent += 1;
                send_one(random, transport.as_mut(), association, round);
            }
        }
        if round % 2 == 0 {
            transport.abort(clock::now(), association, "enough");
        }
    }
}

fn send_one(random: &mut Random, transport: &mut dyn transport::Transport, association: AssociationId, round: usize) {
    let ppid = [11, 12, 0, 99, u32::MAX][random.below(5)];
    let payload = if round % 7 == 0 { random.bytes(30_000) } else { random.message() };
    let message =
        OutboundMessage { stream: 0, ppid, unordered: random.below(2) == 0, lifetime: None, payload: &payload };
    // Refused where the peer does not take it, which is one of the points.
    let _ = transport.send(clock::now(), association, message);
}

/// The port of an element's ASAP endpoint, as the registrar shows it.
fn asap_port_of_element(registrar: &RegistrarProcess) -> u16 {
    let list = rserpool(&["list", "--enrp", &registrar.enrp.to_string(), "--json"]);
    let list = text(&list.stdout);
    let (_, asap) = list.split_once("\"asap_transport\":").unwrap_or_else(|| panic!("no ASAP transport in {list}"));
    let (_, port) = asap.split_once("\"port\":").expect("a port");
    port.split(|c: char| !c.is_ascii_digit()).next().and_then(|port| port.parse().ok()).expect("a number")
}

#[test]
fn sec_rubbish_on_every_socket_harms_neither_registrar_nor_element() {
    let registrar = RegistrarProcess::start(&["--max-associations", "60", "--transport", "sctp-udp", "--log", "info"]);
    let element = ServerProcess::start(registrar.asap, "Victim");
    api::initialize(&crate::support::api::config(registrar.asap)).expect("the library starts");
    let found = api::getaddrinfo(b"Victim", None, Duration::ZERO).expect("the element is there");
    let data = found[0].addresses[0];
    let control = SocketAddr::new(data.ip(), asap_port_of_element(&registrar));
    let processes = [registrar.id(), element.process_id()];
    let before = processes.map(|pid| status_kb(pid, "VmRSS"));
    let mut random = Random(0x5eed_5eed_5eed_5eed);

    tcp_flood_without_reading(registrar.asap);
    for port in [registrar.asap, registrar.enrp, data, control] {
        udp_rubbish(&mut random, port);
        sctp_rubbish(&mut random, port);
    }
    tcp_rubbish(&mut random, registrar.asap);
    let hoard = tcp_hoard(registrar.asap, 100);
    for pid in processes {
        until_idle(pid);
    }
    let open = hoard.iter().filter(|stream| is_open(stream)).count();
    assert!(open <= 60, "{open} connections, where 60 are allowed");
    drop(hoard);

    for (pid, before) in processes.into_iter().zip(before) {
        until_idle(pid);
        let after = status_kb(pid, "VmRSS");
        assert!(after < before + MAX_GROWTH_KB, "process {pid} grew from {before} to {after} kB");
    }
    // Both go on serving: an old user and a new one.
    let client = connect("Victim");
    send(client, "hello");
    assert_eq!(receive(client).0, Got::Data(format!("{}:1:hello", element.id.0)));
    let answer = rserpool(&["resolve", "Victim", "--registrar", &registrar.asap.to_string()]);
    assert_eq!(answer.status.code(), Some(0), "{}", text(&answer.stderr));
    api::cleanup();
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("is aborted: it does not read"), "{log}");
    let lines = log.lines().count() as u64;
    assert!(lines < MAX_LOG_LINES, "{lines} lines, e.g. {:?}", log.lines().take(40).collect::<Vec<_>>());
}

#[test]
fn sec_users_that_ask_at_once_and_never_read_cost_little_memory() {
    let registrar = RegistrarProcess::start(&["--transport", "sctp-udp", "--log", "error"]);
    let before = status_kb(registrar.id(), "VmRSS");
    tcp_floods_at_once(&registrar, 32);
    until_idle(registrar.id());
    let [peak, after] = ["VmHWM", "VmRSS"].map(|field| status_kb(registrar.id(), field));
    assert!(peak < before + MAX_GROWTH_KB, "it grew from {before} to {peak} kB, and keeps {after}");
    let answer = rserpool(&["resolve", "Nobody", "--registrar", &registrar.asap.to_string()]);
    assert_eq!(answer.status.code(), Some(1), "it answers: {}", text(&answer.stderr));
}

#[test]
fn sec_a_log_that_nobody_reads_does_not_stop_the_registrar() {
    let registrar = RegistrarProcess::start(&["--transport", "sctp-udp", "--log", "debug"]);
    registrar.narrow_log();
    tcp_rubbish(&mut Random(0x5eed_5eed_5eed_5eed), registrar.asap);
    let answer = rserpool(&["resolve", "Nobody", "--registrar", &registrar.asap.to_string()]);
    assert_eq!(answer.status.code(), Some(1), "it answers: {}", text(&answer.stderr));
}

#[test]
fn sec_idle_tcp_connections_do_not_keep_others_out_where_descriptors_are_few() {
    let registrar = RegistrarProcess::start_with_descriptors(100, 128, &["--transport", "sctp-udp"]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", registrar.id())).expect("it runs");
    let of_files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert_eq!(of_files.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["128", "128"]);

    let idle: Vec<_> = (0..200).map(|_| TcpStream::connect(registrar.asap).expect("the system takes it")).collect();
    let end = clock::now() + PATIENCE;
    while !is_answered(registrar.asap) {
        assert!(clock::now() < end, "{} idle connections keep others out", idle.len());
    }
}

/// Whether somebody who connects now and asks has an answer before long.
fn is_answered(registrar: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(registrar) else { return false }; // refused before the system could say so
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a time");
    let _ = stream.write_all(&RESOLUTION); // a connection that was refused
    matches!(stream.read(&mut [0; 64]), Ok(1..))
}

fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a flag");
    let mut stream = stream;
    matches!(stream.read(&mut [0; 64]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

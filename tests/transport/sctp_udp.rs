//! SCTP in UDP beyond the contract: hostile packets, addresses and ports, processes that die.

use crate::support::sctp_packet::{init, mend_checksum, packet};
use crate::support::transport::{CONNECT_TIMEOUT, PATIENCE, Seen};
use rserpool::association::{LossReason, PeerAddress};
use rserpool::driver::clock;
use rserpool::transport::sctp_udp::{SctpUdp, SctpUdpOptions};
use rserpool::transport::{EndpointConfig, OutboundMessage, SctpParameters, Transport, TransportError};
use rserpool::{AssociationId, Time};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Another address of this host.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

struct End {
    transport: SctpUdp,
    seen: Vec<Seen>,
}

impl End {
    fn open(bind: Vec<SocketAddr>, listen: bool) -> End {
        let config = EndpointConfig { bind, listen, ..EndpointConfig::default() };
        End { transport: SctpUdp::open(&config, SctpUdpOptions::default()).unwrap(), seen: Vec::new() }
    }

    fn on(address: IpAddr, listen: bool) -> End {
        End::open(vec![SocketAddr::new(address, 0)], listen)
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::new(HERE, self.transport.local_port())
    }

    fn connect(&mut self, addresses: &[IpAddr], port: u16) -> AssociationId {
        let peer = PeerAddress { addresses: addresses.iter().copied().collect(), port };
        self.transport.connect(clock::now(), &peer, CONNECT_TIMEOUT).unwrap()
    }

    fn send(&mut self, id: AssociationId, payload: &[u8]) {
        self.transport.send(clock::now(), id, OutboundMessage::control(11, payload)).unwrap();
    }

    fn ups(&self) -> Vec<AssociationId> {
        self.seen.iter().filter_map(|e| if let Seen::Up(id, _) = e { Some(*id) } else { None }).collect()
    }

    fn losses(&self) -> Vec<LossReason> {
        self.seen
            .iter()
            .filter_map(|e| if let Seen::Lost(_, reason, _) = e { Some(reason.clone()) } else { None })
            .collect()
    }

    fn messages(&self) -> usize {
        self.seen.iter().filter(|e| matches!(e, Seen::Message(..))).count()
    }

    fn poll(&mut self) -> bool {
        let seen = &mut self.seen;
        self.transport.poll(clock::now(), &mut |event| seen.push(event.into()))
    }
}

/// Waits a little for any of the descriptors, at most until the next deadline of the ends.
fn wait(ends: &[&mut End], others: &[&UdpSocket]) {
    let fds = ends.iter().filter_map(|end| end.transport.poll_fd()).chain(others.iter().map(|s| s.as_raw_fd()));
    let mut fds: Vec<libc::pollfd> = fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    let next = ends.iter().filter_map(|end| end.transport.next_deadline()).min().unwrap_or(Time::MAX);
    let ms = next.saturating_since(clock::now()).as_micros().div_ceil(1000).min(50) as i32;
    // SAFETY: the pointer and the length are those of a live vector.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, ms) };
}

/// Drives the ends until `done`.
fn drive(what: &str, ends: &mut [&mut End], mut done: impl FnMut(&[&mut End]) -> bool) {
    let limit = clock::now() + PATIENCE;
    loop {
        let busy = ends.iter_mut().fold(false, |busy, end| end.poll() | busy);
        if done(ends) {
            return;
        }
        assert!(
            clock::now() < limit,
            "waited in vain for: {what}; {:?}",
            ends.iter().map(|e| &e.seen).collect::<Vec<_>>()
        );
        if !busy {
            wait(ends, &[]);
        }
    }
}

/// Lets an end work off what was sent to it.
fn work_off(end: &mut End) {
    while end.poll() {}
    for _ in 0..3 {
        end.poll();
    }
}

fn raw_socket(address: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn port_of(socket: &UdpSocket) -> u16 {
    socket.local_addr().unwrap().port()
}

/// Sends an INIT and gets the INIT ACK's tag and cookie.
fn ask_for_cookie(server: &mut End, attacker: &UdpSocket) -> (u32, Vec<u8>) {
    let to = server.address();
    attacker.send_to(&init(port_of(attacker), to.port(), 77), to).unwrap();
    cookie_for(server, attacker)
}

/// Gets the INIT ACK's tag and cookie for an INIT that is under way.
fn cookie_for(server: &mut End, attacker: &UdpSocket) -> (u32, Vec<u8>) {
    work_off(server);
    let mut buffer = [0; 2048];
    let (length, _) = attacker.recv_from(&mut buffer).unwrap();
    let ack = &buffer[..length];
    assert_eq!(ack[12], 2, "INIT ACK");
    let tag = u32::from_be_bytes(ack[16..20].try_into().unwrap());
    let mut at = 32;
    loop {
        let kind = u16::from_be_bytes([ack[at], ack[at + 1]]);
        let length = usize::from(u16::from_be_bytes([ack[at + 2], ack[at + 3]]));
        if kind == 7 {
            return (tag, ack[at + 4..at + length].to_vec());
        }
        at += length.next_multiple_of(4);
    }
}

#[test]
fn only_a_cookie_that_we_signed_for_its_sender_makes_an_association() {
    let mut server = End::on(HERE, true);
    let (attacker, accomplice) = (raw_socket(HERE), raw_socket(ELSEWHERE));
    let to = server.address();
    let (tag, cookie) = ask_for_cookie(&mut server, &attacker);
    let echo = |cookie: &[u8]| packet(port_of(&attacker), to.port(), tag, 10, 0, cookie);

    attacker.send_to(&echo(&cookie[..48]), to).unwrap(); // as dcsctp made it, unsigned
    for bit in (0..cookie.len() * 8).step_by(5) {
        let mut forged = cookie.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        attacker.send_to(&echo(&forged), to).unwrap();
        work_off(&mut server);
    }
    accomplice.send_to(&echo(&cookie), to).unwrap();
    work_off(&mut server);
    assert_eq!((server.transport.association_count(), server.seen.len()), (0, 0));

    attacker.send_to(&echo(&cookie), to).unwrap();
    drive("the genuine cookie", &mut [&mut server], |ends| ends[0].ups().len() == 1);
    // A duplicate is answered, and makes no second association.
    attacker.send_to(&echo(&cookie), to).unwrap();
    work_off(&mut server);
    assert_eq!((server.transport.association_count(), server.ups().len()), (1, 1));
}

/// RFC 9260 section 3.3.2.1: anybody can list any address in an INIT.
#[test]
fn b_hijack_an_address_that_a_peer_only_lists_is_not_its_own() {
    let mut server = End::on(HERE, true);
    let attacker = raw_socket(ELSEWHERE);
    let to = server.address();
    let victim = Ipv4Addr::new(127, 0, 0, 99);
    let mut value = 77u32.to_be_bytes().to_vec();
    value.extend_from_slice(&[0, 1, 0, 0, 0, 9, 0, 9, 0, 0, 0, 7]);
    value.extend_from_slice(&[0, 5, 0, 8]);
    value.extend_from_slice(&victim.octets());
    attacker.send_to(&packet(port_of(&attacker), to.port(), 0, 1, 0, &value), to).unwrap();
    let (tag, cookie) = cookie_for(&mut server, &attacker);
    attacker.send_to(&packet(port_of(&attacker), to.port(), tag, 10, 0, &cookie), to).unwrap();
    drive("up", &mut [&mut server], |ends| ends[0].ups().len() == 1);
    let addresses =
        |event: &Seen| if let Seen::Up(_, peer) = event { Some(peer.address.addresses.to_vec()) } else { None };
    let peer = server.seen.iter().find_map(addresses);
    assert_eq!(peer, Some(vec![ELSEWHERE]));
}

#[test]
fn sec_a_flood_of_inits_makes_no_state_and_is_answered_only_so_often() {
    let mut server = End::on(HERE, true);
    let attacker = raw_socket(HERE);
    let to = server.address();
    let begun = clock::now();
    let mut answers = 0;
    for i in 0..20_000u32 {
        attacker.send_to(&init((i % 60_000) as u16 + 1, to.port(), i + 1), to).unwrap();
        if i % 64 == 0 {
            work_off(&mut server);
            answers += waiting(&attacker);
        }
    }
    work_off(&mut server);
    answers += waiting(&attacker);
    let more = 256 * (clock::now().saturating_since(begun).as_secs() as usize + 1);
    assert!(answers <= 4096 + more, "{answers} INIT ACKs, each some times as long as its INIT");
    assert_eq!(server.transport.association_count(), 0);
    assert_eq!(server.transport.next_deadline(), None, "no timer either");
    let mut client = End::on(HERE, false);
    client.connect(&[HERE], to.port());
    drive("a real client", &mut [&mut server, &mut client], |ends| !ends[1].ups().is_empty());
}

/// Takes the packets that wait at a socket; how many there were.
fn waiting(socket: &UdpSocket) -> usize {
    socket.set_nonblocking(true).unwrap();
    let count = (0..).take_while(|_| socket.recv(&mut [0; 2048]).is_ok()).count();
    socket.set_nonblocking(false).unwrap();
    count
}

#[test]
fn garbage_changes_nothing() {
    let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    client.connect(&[HERE], server.address().port());
    drive("up", &mut [&mut server, &mut client], |ends| ends.iter().all(|end| end.ups().len() == 1));
    let attacker = raw_socket(HERE);
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..6_000 {
        let mut datagram: Vec<u8> = (0..random.usize(0..200)).map(|_| random.u8(..)).collect();
        if round % 2 == 0 && datagram.len() >= 20 {
            // A right checksum and right ports, so that it gets further.
            datagram[0..2].copy_from_slice(&port_of(&attacker).to_be_bytes());
            datagram[2..4].copy_from_slice(&server.address().port().to_be_bytes());
            if round % 4 == 0 {
                datagram[4..8].fill(0);
            }
            datagram[12] %= 20;
            datagram[14] = 0;
            mend_checksum(&mut datagram);
        }
        attacker.send_to(&datagram, server.address()).unwrap();
        if round % 16 == 0 {
            work_off(&mut server);
        }
    }
    work_off(&mut server);
    assert_eq!(server.transport.association_count(), 1);
    let id = client.ups()[0];
    client.send(id, b"still here");
    drive("a message", &mut [&mut server, &mut client], |ends| ends[0].messages() == 1);
    assert!(server.losses().is_empty());
}

/// One more address of this host.
const THIRD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// Forwards packets between a client and a server as a NAT does: the server sees the relay's address.
struct Relay {
    outside: UdpSocket,
    inside: Vec<UdpSocket>,
    server: SocketAddr,
    client: Option<SocketAddr>,
    latest_to_server: Vec<u8>,
}

impl Relay {
    /// The relay must be reached on the server's port number, for that is where clients look.
    fn new(server: SocketAddr) -> Relay {
        Relay::reached_at(ELSEWHERE, server)
    }

    fn reached_at(outside: IpAddr, server: SocketAddr) -> Relay {
        let outside = UdpSocket::bind((outside, server.port())).unwrap();
        let relay = Relay { outside, inside: Vec::new(), server, client: None, latest_to_server: Vec::new() };
        relay.outside.set_nonblocking(true).unwrap();
        relay.with_new_port()
    }

    fn with_new_port(mut self) -> Relay {
        let socket = UdpSocket::bind((ELSEWHERE, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        self.inside.push(socket);
        self
    }

    /// Forwards what is there; to the server through the newest port.
    fn forward(&mut self) {
        let mut buffer = [0; 65_536];
        while let Ok((length, from)) = self.outside.recv_from(&mut buffer) {
            self.client = Some(from);
            self.latest_to_server = buffer[..length].to_vec();
            self.inside.last().unwrap().send_to(&buffer[..length], self.server).unwrap();
        }
        for socket in &self.inside {
            while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                let Some(client) = self.client else { continue };
                let _ = self.outside.send_to(&buffer[..length], client);
            }
        }
    }

    fn drive(&mut self, what: &str, server: &mut End, client: &mut End, done: impl Fn(&End, &End) -> bool) {
        let limit = clock::now() + PATIENCE;
        loop {
            server.poll();
            client.poll();
            self.forward();
            if done(server, client) {
                return;
            }
            assert!(clock::now() < limit, "waited in vain for: {what}; {:?} {:?}", server.seen, client.seen);
            let sockets: Vec<&UdpSocket> = self.inside.iter().chain([&self.outside]).collect();
            wait(&[&mut *server, &mut *client], &sockets);
        }
    }
}

#[test]
fn a_peer_whose_udp_port_changes_is_followed() {
    let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    let mut relay = Relay::new(server.address());
    let id = client.connect(&[ELSEWHERE], server.address().port());
    relay.drive("up", &mut server, &mut client, |s, c| !s.ups().is_empty() && !c.ups().is_empty());
    relay = relay.with_new_port();
    client.send(id, b"from another port");
    relay.drive("the message", &mut server, &mut client, |s, _| s.messages() == 1);
    // The old port is gone; an answer must take the new one.
    relay.inside.remove(0);
    let back = server.ups()[0];
    server.send(back, b"to the new port");
    relay.drive("the answer", &mut server, &mut client, |_, c| c.messages() == 1);
    assert!(server.losses().is_empty() && client.losses().is_empty());
}

#[test]
fn two_hosts_behind_one_nat_may_have_the_same_port() {
    let (mut server, mut first) = (End::on(HERE, true), End::on(HERE, false));
    let mut second = End::open(vec![SocketAddr::new(THIRD, first.transport.local_port())], false);
    let (mut near, mut far) = (Relay::new(server.address()), Relay::reached_at(THIRD, server.address()));
    let one = first.connect(&[ELSEWHERE], server.address().port());
    near.drive("the first", &mut server, &mut first, |s, c| s.ups().len() == 1 && !c.ups().is_empty());
    let other = second.connect(&[THIRD], server.address().port());
    far.drive("the second", &mut server, &mut second, |s, c| s.ups().len() == 2 && !c.ups().is_empty());
    first.send(one, b"from the first");
    near.drive("its message", &mut server, &mut first, |s, _| s.messages() == 1);
    second.send(other, b"from the second");
    far.drive("its message", &mut server, &mut second, |s, _| s.messages() == 2);
    assert!(server.losses().is_empty() && first.losses().is_empty() && second.losses().is_empty());
}

#[test]
fn the_right_tag_from_a_wrong_address_is_not_believed() {
    let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    let mut relay = Relay::new(server.address());
    let id = client.connect(&[ELSEWHERE], server.address().port());
    relay.drive("up", &mut server, &mut client, |s, c| !s.ups().is_empty() && !c.ups().is_empty());
    client.send(id, b"shows the tag");
    relay.drive("the message", &mut server, &mut client, |s, _| s.messages() == 1);
    let mut abort = relay.latest_to_server[..12].to_vec();
    abort.extend_from_slice(&[6, 0, 0, 4]);
    mend_checksum(&mut abort);

    let spoofer = raw_socket(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3)));
    spoofer.send_to(&abort, server.address()).unwrap();
    work_off(&mut server);
    assert!(server.losses().is_empty());
    // The same packet from the peer's address ends it: so it was well made. It names no cause, as from a host that has no such
    // association.
    relay.inside[0].send_to(&abort, server.address()).unwrap();
    drive("the abort", &mut [&mut server], |ends| ends[0].losses() == [LossReason::Unreachable]);
}

#[test]
fn nonsense_from_the_peer_itself_ends_at_worst_the_association() {
    let mut random = fastrand::Rng::with_seed(2);
    for round in 0..20 {
        let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
        let mut relay = Relay::new(server.address());
        let id = client.connect(&[ELSEWHERE], server.address().port());
        relay.drive("up", &mut server, &mut client, |s, c| !s.ups().is_empty() && !c.ups().is_empty());
        client.send(id, b"a packet to spoil");
        relay.drive("the message", &mut server, &mut client, |s, _| s.messages() >= 1);
        let good = relay.latest_to_server.clone();
        for i in 0..400 {
            let mut bad = good.clone();
            for _ in 0..=random.usize(0..6) {
                let at = random.usize(12..bad.len());
                bad[at] = random.u8(..);
            }
            if i % 3 == 0 {
                bad[12] = random.u8(0..=20);
            }
            if i % 7 == 0 {
                bad.truncate(random.usize(13..=bad.len()));
            }
            mend_checksum(&mut bad);
            relay.inside[0].send_to(&bad, server.address()).unwrap();
            if i % 16 == 0 {
                work_off(&mut server);
            }
        }
        work_off(&mut server);
        let mut another = End::on(HERE, false);
        another.connect(&[HERE], server.address().port());
        drive("another client", &mut [&mut server, &mut another], |ends| !ends[1].ups().is_empty());
        assert!(server.transport.association_count() <= 2, "round {round}");
    }
}

#[test]
fn an_idle_peer_that_dies_is_noticed_within_a_heartbeat_and_a_bit() {
    let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    client.connect(&[HERE], server.address().port());
    drive("up", &mut [&mut server, &mut client], |ends| ends.iter().all(|end| end.ups().len() == 1));
    drop(server);
    let died = clock::now();
    drive("the loss", &mut [&mut client], |ends| ends[0].losses() == [LossReason::Unreachable]);
    let took = clock::now().saturating_since(died);
    // Heartbeats alone would take 2.75 s.
    assert!(took < Duration::from_millis(1_500), "noticed only after {took:?}");
}

#[test]
fn a_peer_that_dies_while_we_send_is_noticed_at_once() {
    let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    let id = client.connect(&[HERE], server.address().port());
    drive("up", &mut [&mut server, &mut client], |ends| ends.iter().all(|end| end.ups().len() == 1));
    drop(server);
    let died = clock::now();
    client.send(id, b"anyone?");
    drive("the loss", &mut [&mut client], |ends| ends[0].losses() == [LossReason::Unreachable]);
    let took = clock::now().saturating_since(died);
    assert!(took < Duration::from_millis(400), "noticed only after {took:?}");
}

/// A server, a client and its association with it, into which no heartbeat of SCTP's own comes.
fn connected_without_heartbeats() -> (End, End, AssociationId) {
    let config = EndpointConfig {
        bind: vec![SocketAddr::new(HERE, 0)],
        parameters: SctpParameters { heartbeat_interval: Duration::from_secs(3600), ..SctpParameters::default() },
        ..EndpointConfig::default()
    };
    let transport = SctpUdp::open(&config, SctpUdpOptions::default()).unwrap();
    let (mut server, mut client) = (End::on(HERE, true), End { transport, seen: Vec::new() });
    let id = client.connect(&[HERE], server.address().port());
    drive("up", &mut [&mut server, &mut client], |ends| ends.iter().all(|end| end.ups().len() == 1));
    (server, client, id)
}

#[test]
fn a_peer_that_somebody_believes_dead_is_asked_at_once() {
    let (mut server, mut client, id) = connected_without_heartbeats();
    client.transport.probe(clock::now(), id);
    client.send(id, b"you are there");
    drive("the message", &mut [&mut server, &mut client], |ends| ends[0].messages() == 1);
    work_off(&mut client);
    assert!(client.losses().is_empty());
    drop(server);
    client.transport.probe(clock::now(), id);
    drive("the loss", &mut [&mut client], |ends| ends[0].losses() == [LossReason::Unreachable]);
    client.transport.probe(clock::now(), id); // of nobody any more
}

#[test]
fn a_peer_that_somebody_believes_dead_and_that_answers_nothing_is_gone_without_any_icmp() {
    // The server keeps its socket, so that nothing is refused, but does not work on.
    let (_server, mut client, id) = connected_without_heartbeats();
    client.transport.probe(clock::now(), id);
    drive("the loss", &mut [&mut client], |ends| ends[0].losses() == [LossReason::Unreachable]);
}

#[test]
fn icmp_about_a_live_peer_is_not_believed() {
    let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    let mut relay = Relay::new(server.address());
    let id = client.connect(&[ELSEWHERE], server.address().port());
    relay.drive("up", &mut server, &mut client, |s, c| !s.ups().is_empty() && !c.ups().is_empty());
    // The port that the server sends to closes, as a NAT's does: ICMP. But the client is there, and has a new port.
    relay = relay.with_new_port();
    relay.inside.remove(0);
    let back = server.ups()[0];
    server.send(back, b"to the old port");
    work_off(&mut server);
    client.send(id, b"from the new port");
    relay.drive("both messages", &mut server, &mut client, |s, c| s.messages() == 1 && c.messages() == 1);
    assert!(server.losses().is_empty());
}

#[test]
fn the_addresses_of_a_peer_are_tried_in_turn() {
    let (mut server, mut client) = (End::on(HERE, true), End::open(vec![], false));
    let port = server.address().port();
    let silent = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));
    let _deaf = UdpSocket::bind((silent, port)).unwrap();
    let dead = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
    client.connect(&[dead, silent, HERE], port);
    drive("up", &mut [&mut server, &mut client], |ends| ends.iter().all(|end| end.ups().len() == 1));
    let Seen::Up(_, peer) = &client.seen[0] else { panic!() };
    assert_eq!(peer.address.addresses[0], HERE);
}

#[test]
fn an_endpoint_on_the_wildcard_address_answers_from_where_it_was_asked() {
    let (mut server, mut client) = (End::open(vec![], true), End::open(vec![], false));
    let port = server.transport.local_port();
    assert!(server.transport.local_addresses().is_empty());
    for (i, address) in [ELSEWHERE, HERE].into_iter().enumerate() {
        let id = client.connect(&[address], port);
        drive("up", &mut [&mut server, &mut client], |ends| ends.iter().all(|end| end.ups().len() == i + 1));
        client.send(id, b"hello");
        drive("hello", &mut [&mut server, &mut client], |ends| ends[0].messages() == i + 1);
        client.transport.abort(clock::now(), id, "next");
        drive("the end", &mut [&mut server], |ends| ends[0].losses().len() == i + 1);
    }
}

#[test]
fn several_addresses_share_one_port() {
    let mut addresses = vec![HERE, ELSEWHERE];
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        addresses.push(IpAddr::V6(Ipv6Addr::LOCALHOST));
    }
    let mut server = End::open(addresses.iter().map(|a| SocketAddr::new(*a, 0)).collect(), true);
    assert_eq!(server.transport.local_addresses().to_vec(), addresses);
    let port = server.transport.local_port();
    for (i, address) in addresses.into_iter().enumerate() {
        let mut client = End::open(vec![], false);
        client.connect(&[address], port);
        drive("up", &mut [&mut server, &mut client], |ends| ends[0].ups().len() == i + 1 && !ends[1].ups().is_empty());
    }
}

#[test]
fn a_port_belongs_to_one_endpoint() {
    let first = End::open(vec![], true);
    let port = first.transport.local_port();
    for (address, share_port) in
        [(Ipv4Addr::UNSPECIFIED.into(), false), (Ipv6Addr::UNSPECIFIED.into(), true), (HERE, false)]
    {
        let config = EndpointConfig { bind: vec![SocketAddr::new(address, port)], ..EndpointConfig::default() };
        let result = SctpUdp::open(&config, SctpUdpOptions { share_port, seed: None }).map(|_| ());
        match result {
            Err(TransportError::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse),
            other => panic!("{address}: {other:?}"),
        }
    }
}

#[test]
fn a_shared_port_leaves_room_for_group_listeners_but_not_for_a_second_endpoint() {
    use socket2::{Domain, Socket, Type};
    let group = SocketAddr::new(Ipv4Addr::new(239, 1, 2, 3).into(), 0);
    let listener = |port| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::new(group.ip(), port).into()).unwrap();
        socket
    };
    let before = listener(0);
    let port = before.local_addr().unwrap().as_socket().unwrap().port();
    let config =
        EndpointConfig { bind: vec![SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)], ..EndpointConfig::default() };
    let shared = SctpUdpOptions { share_port: true, seed: None };
    let endpoint = SctpUdp::open(&config, shared).unwrap();
    let _after = listener(port);
    assert!(matches!(SctpUdp::open(&config, shared), Err(TransportError::Io(_))));
    assert_eq!(endpoint.announcement_sockets().unwrap()[0].local_addr().unwrap().port(), port);
}

#[test]
fn connecting_twice_to_a_peer_is_refused_here() {
    let (server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    let peer = PeerAddress::from(server.address());
    client.transport.connect(clock::now(), &peer, CONNECT_TIMEOUT).unwrap();
    match client.transport.connect(clock::now(), &peer, CONNECT_TIMEOUT) {
        Err(TransportError::Io(error)) => assert_eq!(error.raw_os_error(), Some(libc::EISCONN)),
        other => panic!("{other:?}"),
    }
}

/// How long a peer that has vanished goes unnoticed, in virtual time: its packets stay in the socket.
fn notices_after(parameters: SctpParameters, sending: bool) -> Duration {
    let config = |listen| {
        let bind = vec![SocketAddr::new(HERE, 0)];
        EndpointConfig { bind, listen, parameters, ..EndpointConfig::default() }
    };
    let end = |listen| End { transport: SctpUdp::open(&config(listen), Default::default()).unwrap(), seen: Vec::new() };
    let (mut server, mut client) = (end(true), end(false));
    let id = client.connect(&[HERE], server.address().port());
    drive("both up", &mut [&mut server, &mut client], |ends| ends.iter().all(|end| end.ups().len() == 1));
    assert_eq!(client.transport.parameters_of(id).map(|has| has.rto_max), Some(parameters.rto_max));
    let start = clock::now();
    if sending {
        client.transport.send(start, id, OutboundMessage::control(11, b"anybody?")).unwrap();
    }
    let mut now = start;
    while client.losses().is_empty() {
        now = client.transport.next_deadline().expect("something is being waited for").max(now);
        assert!(now < start + Duration::from_secs(600), "never noticed");
        let seen = &mut client.seen;
        client.transport.poll(now, &mut |event| seen.push(event.into()));
    }
    assert_eq!(client.losses(), [LossReason::Unreachable]);
    now.saturating_since(start)
}

#[test]
fn a_vanished_peer_is_noticed_when_the_parameters_say() {
    let ms = Duration::from_millis;
    let quick = SctpParameters {
        rto_initial: ms(60),
        rto_min: ms(50),
        rto_max: ms(100),
        association_max_retransmissions: 3,
        heartbeat_interval: ms(200),
        ..SctpParameters::default()
    };
    let slow = SctpParameters {
        rto_initial: ms(1_000),
        rto_min: ms(1_000),
        rto_max: ms(4_000),
        association_max_retransmissions: 8,
        heartbeat_interval: ms(15_000),
        ..SctpParameters::default()
    };
    for parameters in [quick, SctpParameters::default(), slow] {
        parameters.validate().unwrap();
        let retransmissions = parameters.association_max_retransmissions;
        let (sending, idle) = (notices_after(parameters, true), notices_after(parameters, false));
        assert!(sending <= parameters.notices_while_sending(), "{sending:?}: {parameters:?}");
        assert!(sending >= parameters.rto_min * retransmissions, "{sending:?}: {parameters:?}");
        assert!(idle <= parameters.notices_while_idle(), "{idle:?}: {parameters:?}");
        assert!(idle >= parameters.heartbeat_interval * retransmissions, "{idle:?}: {parameters:?}");
    }
}

#[test]
fn new_parameters_are_for_associations_to_be_made() {
    let (mut server, mut client) = (End::on(HERE, true), End::on(HERE, false));
    let old = client.connect(&[HERE], server.address().port());
    let parameters = SctpParameters { rto_max: Duration::from_secs(3), ..SctpParameters::default() };
    client.transport.set_parameters(&parameters);
    let mut other = End::on(HERE, true);
    let new = client.connect(&[HERE], other.address().port());
    drive("all up", &mut [&mut server, &mut other, &mut client], |ends| ends[2].ups().len() == 2);
    let rto_max = |id| client.transport.parameters_of(id).map(|parameters| parameters.rto_max);
    assert_eq!(rto_max(old), Some(SctpParameters::default().rto_max));
    assert_eq!(rto_max(new), Some(parameters.rto_max));
}

#[test]
fn a_thousand_associations_on_one_endpoint_carry_messages() {
    const PEERS: usize = 1_000;
    let mut server = End::on(HERE, true);
    let mut peers: Vec<End> = (0..PEERS).map(|_| End::on(HERE, true)).collect();
    // The endpoint under test connects to them all; each is driven in turn.
    let ids: Vec<AssociationId> = peers
        .iter()
        .map(|peer| peer.address().port())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|port| server.connect(&[HERE], port))
        .collect();
    let limit = clock::now() + PATIENCE;
    let mut sent = false;
    while peers.iter().any(|peer| peer.messages() == 0) {
        assert!(clock::now() < limit, "{} up, {:?}", server.ups().len(), server.losses().len());
        server.poll();
        for peer in &mut peers {
            peer.poll();
        }
        if server.ups().len() == PEERS && !sent {
            sent = true;
            for id in &ids {
                server.send(*id, b"hello");
            }
        }
    }
    assert_eq!(server.transport.association_count(), PEERS);
    assert!(server.losses().is_empty());
}

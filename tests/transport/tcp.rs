//! TCP against peers that break its framing, dawdle or flood. Time is the test's own: what takes seconds takes none here.

use rserpool::association::{LossReason, PeerAddress};
use rserpool::transport::{EndpointConfig, OutboundMessage, Tcp, Transport, TransportEvent};
use rserpool::{AssociationId, Time};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// Reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(20);

struct Endpoint {
    tcp: Tcp,
    now: Time,
    seen: Vec<String>,
}

impl Endpoint {
    fn listening(change: impl FnOnce(&mut EndpointConfig)) -> Endpoint {
        let bind = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let mut config = EndpointConfig { listen: true, bind, ..EndpointConfig::default() };
        change(&mut config);
        Endpoint { tcp: Tcp::open(&config).unwrap(), now: Time::from_secs(1), seen: Vec::new() }
    }

    /// A raw connection to the endpoint.
    fn raw_peer(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.tcp.local_port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn poll(&mut self) -> bool {
        let seen = &mut self.seen;
        self.tcp.poll(self.now, &mut |event| {
            seen.push(match event {
                TransportEvent::Up { .. } => "up".into(),
                TransportEvent::ConnectFailed { reason, .. } => format!("failed: {reason}"),
                TransportEvent::Message { payload, ppid, stream, .. } => {
                    format!("message of {} on stream {stream}, PPID {ppid}", payload.len())
                }
                TransportEvent::Writable { .. } => "writable".into(),
                TransportEvent::Lost { reason, undelivered, .. } => {
                    format!("lost: {reason}; {} undelivered", undelivered.len())
                }
            });
        })
    }

    /// Polls until there are so many events; waits on the descriptor in between.
    fn until(&mut self, count: usize) -> Vec<String> {
        while self.seen.len() < count {
            if self.poll() || self.seen.len() >= count {
                continue;
            }
            let mut fd = libc::pollfd { fd: self.tcp.poll_fd().unwrap(), events: libc::POLLIN, revents: 0 };
            // SAFETY: `fd` is one pollfd.
            let ready = unsafe { libc::poll(&raw mut fd, 1, PATIENCE.as_millis() as i32) };
            assert_eq!(ready, 1, "waited in vain; seen: {:?}", self.seen);
        }
        self.seen.clone()
    }
}

/// A duplicate of the endpoint's own end of a connection, as a child of fork() has it.
fn duplicate_of_the_other_end(peer: &TcpStream) -> OwnedFd {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = descriptors.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let of_peer = |number: &RawFd| {
        // SAFETY: it was open just now; when another test has closed it, the question fails.
        let socket = unsafe { BorrowedFd::borrow_raw(*number) };
        let connected_to = SockRef::from(&socket).peer_addr().ok().and_then(|address| address.as_socket());
        connected_to == peer.local_addr().ok()
    };
    let number = numbers.filter(|number| *number >= 0).find(of_peer).expect("the endpoint has accepted");
    // SAFETY: the endpoint has it open.
    unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned().unwrap()
}

fn is_closed(mut stream: TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_))
}

#[test]
fn a_length_below_the_header_closes_the_connection() {
    let mut endpoint = Endpoint::listening(|_| {});
    let mut peer = endpoint.raw_peer();
    peer.write_all(&[6, 0, 0, 8, 1, 2, 3, 4, 6, 0, 0, 3]).unwrap();
    let seen = endpoint.until(3);
    assert_eq!(seen[..2], ["up", "message of 8 on stream 0, PPID 11"]);
    assert_eq!(seen[2], "lost: the peer broke the protocol (message length 3 is below the header's 4); 0 undelivered");
    assert!(is_closed(peer));
}

#[test]
fn a_length_above_the_limit_closes_the_connection_before_anything_is_collected() {
    let mut endpoint = Endpoint::listening(|config| config.max_message_size = 1_000);
    let mut peer = endpoint.raw_peer();
    peer.write_all(&[6, 0, 0x03, 0xea]).unwrap();
    let seen = endpoint.until(2);
    assert_eq!(
        seen[1],
        "lost: the peer broke the protocol (message length 1002 is above the limit of 1000); 0 undelivered"
    );
}

#[test]
fn a_stream_that_ends_within_a_message_breaks_the_protocol() {
    let mut endpoint = Endpoint::listening(|_| {});
    let mut peer = endpoint.raw_peer();
    peer.write_all(&[6, 0, 0, 8, 1]).unwrap();
    drop(peer);
    assert_eq!(
        endpoint.until(2)[1],
        "lost: the peer broke the protocol (the stream ended within a message); 0 undelivered"
    );
}

#[test]
fn a_message_that_dribbles_in_ends_the_connection_when_its_time_is_up() {
    let mut endpoint = Endpoint::listening(|_| {});
    let mut peer = endpoint.raw_peer();
    endpoint.until(1);
    assert_eq!(endpoint.tcp.next_deadline(), None, "an idle connection has no timer");
    peer.write_all(&[6, 0, 0]).unwrap();
    while endpoint.tcp.next_deadline().is_none() {
        endpoint.poll();
    }
    let deadline = endpoint.tcp.next_deadline().unwrap();
    assert!(deadline <= endpoint.now + Duration::from_secs(30));
    // More bytes do not buy more time.
    endpoint.now += Duration::from_secs(5);
    peer.write_all(&[100, 1]).unwrap();
    endpoint.poll();
    assert_eq!(endpoint.tcp.next_deadline(), Some(deadline));
    endpoint.now = deadline;
    let seen = endpoint.until(2);
    assert_eq!(seen[1], "lost: the peer broke the protocol (a message did not arrive whole in time); 0 undelivered");
    assert_eq!(endpoint.tcp.next_deadline(), None);
    assert!(is_closed(peer));
}

#[test]
fn sec_a_flood_on_many_connections_comes_in_parts_in_which_everybody_has_a_turn() {
    const CONNECTIONS: usize = 40;
    // As much as is read in one go.
    const MESSAGES: usize = 8_192;
    let mut endpoint = Endpoint::listening(|_| {});
    let mut peers: Vec<TcpStream> = (0..CONNECTIONS).map(|_| endpoint.raw_peer()).collect();
    endpoint.until(CONNECTIONS);
    let flood = message(6, 8).repeat(MESSAGES);
    for peer in &mut peers {
        peer.write_all(&flood).unwrap();
    }
    let mut came = std::collections::BTreeMap::<_, usize>::new();
    let (mut polls, mut polls_until_all) = (0, None);
    while came.values().sum::<usize>() < CONNECTIONS * MESSAGES {
        let mut in_this_poll = 0;
        endpoint.tcp.poll(endpoint.now, &mut |event| {
            let TransportEvent::Message { association, .. } = event else { panic!("{event:?}") };
            *came.entry(association).or_default() += 1;
            in_this_poll += 1;
        });
        // No more is begun beyond some thousands, and what was read is finished.
        assert!(in_this_poll < 4_096 + MESSAGES, "{in_this_poll} messages at once");
        polls += 1;
        if came.len() == CONNECTIONS {
            polls_until_all.get_or_insert(polls);
        }
    }
    assert!(
        polls_until_all.is_some_and(|polls| polls <= CONNECTIONS),
        "{polls_until_all:?}: nobody is served twice before"
    );
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let mut endpoint = Endpoint::listening(|config| config.max_associations = 2);
    let peers: Vec<TcpStream> = (0..5).map(|_| endpoint.raw_peer()).collect();
    assert_eq!(endpoint.until(2), ["up", "up"]);
    while endpoint.poll() {}
    let mut closed = 0;
    for mut peer in peers {
        peer.write_all(&[6, 0, 0, 4]).ok();
        endpoint.poll();
        peer.set_nonblocking(true).unwrap();
        match peer.read(&mut [0; 1]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => closed += 1,
        }
    }
    assert_eq!(closed, 3);
    assert_eq!(endpoint.seen.iter().filter(|event| *event == "up").count(), 2);
}

#[test]
fn the_addresses_of_a_peer_are_tried_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = Endpoint::listening(|config| {
        config.listen = false;
        config.bind.clear();
    });
    // Nobody listens on the other loopback addresses.
    let addresses = ["127.0.0.2", "::1", "127.0.0.1"].iter().map(|text| text.parse().unwrap()).collect();
    client.tcp.connect(client.now, &PeerAddress { addresses, port }, PATIENCE).unwrap();
    assert_eq!(client.until(1), ["up"]);
}

#[test]
fn a_connect_that_nobody_answers_fails_when_its_time_is_up() {
    // The queue of this listener is full, so the kernel leaves further connects without an answer.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let _fills_the_queue = TcpStream::connect(address).unwrap();
    let mut client = Endpoint::listening(|config| config.listen = false);
    client.tcp.connect(client.now, &address.into(), Duration::from_secs(3)).unwrap();
    client.poll();
    assert_eq!(client.tcp.next_deadline(), Some(client.now + Duration::from_secs(3)));
    client.now += Duration::from_secs(3);
    assert_eq!(client.until(1), [format!("failed: {}", LossReason::Timeout)]);
}

#[test]
fn what_the_peer_never_took_is_reported_as_undelivered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Endpoint::listening(|config| config.listen = false);
    let id = client.tcp.connect(client.now, &listener.local_addr().unwrap().into(), PATIENCE).unwrap();
    let (peer, _) = listener.accept().unwrap();
    client.until(1);
    let mut message = vec![0; 40_000];
    message[2..4].copy_from_slice(&40_000u16.to_be_bytes());
    let mut accepted = 0;
    while client.tcp.send(client.now, id, OutboundMessage::control(11, &message)).is_ok() {
        accepted += 1;
        assert!(accepted < 10_000, "the queue has a limit");
    }
    // Closed with unread data: the kernel resets the connection.
    drop(peer);
    let lost = client.until(2)[1].clone();
    let undelivered: usize = lost
        .strip_prefix("lost: aborted by the peer; ")
        .and_then(|rest| rest.split(' ').next())
        .unwrap()
        .parse()
        .unwrap();
    assert!(undelivered > 0 && undelivered < accepted, "{undelivered} of {accepted}");
}

#[test]
fn where_nobody_asks_what_was_not_taken_all_arrives_in_order_and_nothing_is_reported() {
    let mut endpoint = Endpoint::listening(|config| {
        config.report_undelivered = false;
        config.max_send_queue = 256 << 10;
    });
    let mut peer = endpoint.raw_peer();
    let association = association(&mut endpoint);
    // Held back and not, until the kernel takes part of a message only and the rest waits here.
    let mut sent = Vec::new();
    for number in 0u16.. {
        let payload = message(number as u8, 8 + 4 * (number % 1000));
        if number % 2 == 0 {
            endpoint.tcp.hold();
        }
        if endpoint.tcp.send(endpoint.now, association, OutboundMessage::control(11, &payload)).is_err() {
            break;
        }
        sent.extend(payload);
        if number % 3 == 0 {
            endpoint.tcp.release(endpoint.now);
        }
        assert!(sent.len() < 100 << 20, "the queue has a limit");
    }
    endpoint.tcp.release(endpoint.now);
    let length = sent.len();
    let reader = std::thread::spawn(move || {
        let mut received = vec![0; length];
        peer.read_exact(&mut received).unwrap();
        (peer, received)
    });
    endpoint.until(1);
    assert_eq!(endpoint.seen, ["writable"], "room, once the peer reads");
    while !reader.is_finished() {
        endpoint.poll();
        std::thread::yield_now();
    }
    let (peer, received) = reader.join().unwrap();
    assert!(received == sent, "{length} bytes are not what was sent");
    // What is under way to a peer that does not read is nobody's concern.
    while endpoint.tcp.send(endpoint.now, association, OutboundMessage::control(11, &message(1, 1000))).is_ok() {}
    drop(peer);
    assert_eq!(endpoint.until(2)[1], "lost: aborted by the peer; 0 undelivered");
}

#[test]
fn a_message_without_its_own_length_is_refused_here_instead_of_confusing_the_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Endpoint::listening(|config| config.listen = false);
    let id = client.tcp.connect(client.now, &listener.local_addr().unwrap().into(), PATIENCE).unwrap();
    client.until(1);
    for message in [&[1u8][..], &[1, 0, 0, 9, 0, 0, 0, 0], &[1, 0, 0, 3], &[1, 0, 0, 8]] {
        assert!(client.tcp.send(client.now, id, OutboundMessage::control(11, message)).is_err(), "{message:?}");
    }
    client.tcp.send(client.now, id, OutboundMessage::control(11, &[1, 0, 0, 5, 0])).unwrap();
}

/// The association of a raw peer.
fn association(endpoint: &mut Endpoint) -> AssociationId {
    let mut found = None;
    while found.is_none() {
        endpoint.tcp.poll(endpoint.now, &mut |event| {
            if let TransportEvent::Up { association, .. } = event {
                found = Some(association);
            }
        });
    }
    found.unwrap()
}

fn message(kind: u8, length: u16) -> Vec<u8> {
    let mut bytes = vec![kind; usize::from(length)];
    bytes[1..4].copy_from_slice(&[0, length.to_be_bytes()[0], length.to_be_bytes()[1]]);
    bytes
}

#[test]
fn messages_held_back_go_out_in_order_when_they_are_released() {
    let mut endpoint = Endpoint::listening(|_| {});
    let mut peer = endpoint.raw_peer();
    let association = association(&mut endpoint);
    endpoint.tcp.hold();
    let messages = [message(1, 8), message(2, 12), message(3, 400)];
    for payload in &messages {
        endpoint.tcp.send(endpoint.now, association, OutboundMessage::control(11, payload)).unwrap();
    }
    peer.set_nonblocking(true).unwrap();
    let early = peer.read(&mut [0; 16]).unwrap_err();
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "nothing goes out before the release");
    peer.set_nonblocking(false).unwrap();
    endpoint.tcp.release(endpoint.now);
    let mut received = vec![0; messages.concat().len()];
    peer.read_exact(&mut received).unwrap();
    assert_eq!(received, messages.concat());
    // From here on, each goes out at once.
    endpoint.tcp.send(endpoint.now, association, OutboundMessage::control(11, &messages[0])).unwrap();
    peer.read_exact(&mut received[..8]).unwrap();
    assert_eq!(received[..8], messages[0]);
}

#[test]
fn who_is_refused_while_messages_are_held_back_hears_of_room_later() {
    let mut endpoint = Endpoint::listening(|config| config.max_send_queue = 4_000);
    let mut peer = endpoint.raw_peer();
    let association = association(&mut endpoint);
    endpoint.tcp.hold();
    let payload = message(1, 1_000);
    let mut accepted = 0;
    while endpoint.tcp.send(endpoint.now, association, OutboundMessage::control(11, &payload)).is_ok() {
        accepted += 1;
    }
    assert!(accepted > 4, "the kernel takes more than our own queue: {accepted}");
    endpoint.tcp.release(endpoint.now);
    let reader = std::thread::spawn(move || {
        let mut received = vec![0; 1_000 * accepted];
        peer.read_exact(&mut received).unwrap();
        (peer, received)
    });
    assert_eq!(endpoint.until(1), ["writable"]);
    while !reader.is_finished() {
        endpoint.poll();
    }
    assert_eq!(reader.join().unwrap().1, payload.repeat(accepted), "nothing is lost and nothing comes twice");
}

#[test]
fn a_connection_that_a_child_process_still_has_open_is_forgotten_all_the_same() {
    let mut endpoint = Endpoint::listening(|_| {});
    let peer = endpoint.raw_peer();
    endpoint.until(1);
    let of_child = duplicate_of_the_other_end(&peer);
    drop(peer);
    assert_eq!(endpoint.until(2)[1], "lost: closed; 0 undelivered");
    let mut fd = libc::pollfd { fd: endpoint.tcp.poll_fd().unwrap(), events: libc::POLLIN, revents: 0 };
    // SAFETY: `fd` is one pollfd.
    assert_eq!(unsafe { libc::poll(&raw mut fd, 1, 0) }, 0, "its end would wake the endpoint without a break");
    drop(of_child);
}

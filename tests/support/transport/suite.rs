//! The contract of `rserpool::transport::Transport`, as tests over any world.

use super::{CONNECT_TIMEOUT, Endpoint, Net, PPID, Seen, pattern};
use rserpool::association::{LossReason, PeerAddress, TransportKind};
use rserpool::transport::{EndpointConfig, OutboundMessage, TransportError};
use rserpool::{AssociationId, Time};
use std::collections::BTreeSet;
use std::time::Duration;

fn kind(net: &mut Net, endpoint: usize) -> TransportKind {
    net.at(endpoint).transport.capabilities().kind
}

/// A length that every transport with an ASAP frame accepts, with the frame's header right: TCP frames by it.
fn framed(length: usize, salt: u8) -> Vec<u8> {
    let mut message = pattern(length.max(4), salt);
    message[0] = 1;
    message[1] = 0;
    let length = (message.len().min(65_535) as u16).to_be_bytes();
    message[2..4].copy_from_slice(&length);
    message
}

/// Nobody is to be given up because a slow machine takes seconds for all that is to be done here.
pub fn patient(config: &mut EndpointConfig) {
    config.parameters.association_max_retransmissions = 50;
    config.parameters.path_max_retransmissions = 50;
}

pub fn patient_listener(config: &mut EndpointConfig) {
    config.listen = true;
    patient(config);
}

pub fn connects_and_accepts(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, far) = net.pair(client, server);
    let port = net.port(server);
    let peer_of = |seen: &[Seen], id| {
        seen.iter().find_map(|e| if let Seen::Up(up, peer) = e { (*up == id).then(|| peer.clone()) } else { None })
    };
    let near_peer = peer_of(&net.at(client).seen, near).unwrap();
    let far_peer = peer_of(&net.at(server).seen, far).unwrap();
    assert!(!near_peer.inbound && far_peer.inbound);
    assert_eq!(near_peer.address.port, port);
    assert!(near_peer.address.addresses.contains(&net.world.address()));
    assert!(far_peer.address.addresses.contains(&net.world.address()));
    assert_eq!(near.transport(), client as u16);
    assert_eq!(far.transport(), server as u16);
}

pub fn refuses_where_nobody_listens(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let port = net.port(server);
    net.kill(server);
    let started = net.now();
    let id = net.connect_port(client, port);
    net.until("a refusal", |net| !net.at(client).failures().is_empty());
    assert_eq!(net.at(client).failures(), [(id, LossReason::Refused)]);
    let took = net.now().saturating_since(started);
    assert!(took < Duration::from_secs(5), "a refusal must be quick, took {took:?}");
}

pub fn refuses_when_not_listening(mut net: Net) {
    let (deaf, client) = (net.open(|_| {}), net.open(|_| {}));
    if net.port(deaf) == 0 {
        return; // a client-only transport has no port to connect to
    }
    let id = net.connect(client, deaf);
    net.until("a refusal", |net| !net.at(client).failures().is_empty());
    assert_eq!(net.at(client).failures(), [(id, LossReason::Refused)]);
    assert!(net.at(deaf).seen.is_empty());
}

pub fn connect_times_out_in_silence(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let port = net.port(server);
    if !net.freeze(server) {
        return;
    }
    let peer = PeerAddress::new(net.world.address(), port);
    let started = net.now();
    let id = net.at(client).transport.connect(started, &peer, Duration::from_millis(700)).unwrap();
    net.until("a timeout", |net| !net.at(client).failures().is_empty());
    assert_eq!(net.at(client).failures(), [(id, LossReason::Timeout)]);
    assert!(net.now().saturating_since(started) >= Duration::from_millis(700));
}

pub fn carries_messages_of_every_size_both_ways(mut net: Net) {
    let (server, client) = (net.open(patient_listener), net.open(patient));
    let (near, far) = net.pair(client, server);
    let longest = net.at(client).transport.capabilities().max_message_size;
    // On a stream, as of TCP and of TLS, messages carry their lengths.
    let stream = !net.at(client).transport.capabilities().payload_protocol_id;
    let sizes = [1, 2, 3, 4, 5, 100, 1_180, 1_200, 1_201, 1_500, 4_096, 9_000, 65_000, 70_000, 200_000];
    for (salt, size) in
        sizes.into_iter().filter(|size| *size <= longest && (!stream || (4..65_536).contains(size))).enumerate()
    {
        let message = if stream { framed(size, salt as u8) } else { pattern(size, salt as u8) };
        for (from, id, to) in [(client, near, server), (server, far, client)] {
            let before = net.at(to).messages().len();
            net.send(from, id, &message).unwrap();
            net.until("the message", |net| net.at(to).messages().len() > before);
            // There a message occupies a multiple of four bytes.
            let padding = vec![0; if stream { message.len().next_multiple_of(4) - message.len() } else { 0 }];
            assert!(net.at(to).messages()[before] == [&message[..], &padding].concat(), "{size} bytes arrived changed");
        }
    }
}

pub fn keeps_the_order_of_many_messages(mut net: Net) {
    const MESSAGES: u32 = 2_000;
    let (server, client) = (net.open(patient_listener), net.open(patient));
    let (near, _) = net.pair(client, server);
    let mut sent = 0u32;
    net.until("all messages", |net| {
        // An endpoint in user space acknowledges only when it is polled.
        let burst = MESSAGES.min(sent + 100);
        while sent < burst {
            let mut message = framed(20, 0);
            message[16..].copy_from_slice(&sent.to_be_bytes());
            match net.send(client, near, &message) {
                Ok(()) => sent += 1,
                Err(TransportError::WouldBlock) => break,
                Err(error) => panic!("{error}"),
            }
        }
        net.at(server).messages().len() as u32 == MESSAGES
    });
    let numbers: Vec<u32> =
        net.at(server).messages().iter().map(|m| u32::from_be_bytes(m[16..20].try_into().unwrap())).collect();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
}

pub fn keeps_stream_and_ppid(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, _) = net.pair(client, server);
    if !net.at(client).transport.capabilities().payload_protocol_id {
        return;
    }
    for (stream, ppid, unordered) in [(0, 11, false), (1, 0, false), (3, 0xdead_beef, true)] {
        let (now, before) = (net.now(), net.at(server).messages().len());
        let message = OutboundMessage { stream, ppid, unordered, lifetime: None, payload: b"hello" };
        net.at(client).transport.send(now, near, message).unwrap();
        net.until("the message", |net| net.at(server).messages().len() > before);
        let Some(Seen::Message(_, got_stream, got_ppid, payload)) = net.at(server).seen.last() else { panic!() };
        assert_eq!((*got_stream, *got_ppid, payload.as_slice()), (stream, ppid, b"hello".as_slice()));
    }
}

pub fn refuses_empty_and_too_long_messages(mut net: Net) {
    let server = net.open(|config| {
        config.listen = true;
        config.max_message_size = 5_000;
    });
    let client = net.open(|config| config.max_message_size = 5_000);
    let (near, _) = net.pair(client, server);
    assert!(matches!(net.send(client, near, b""), Err(TransportError::EmptyMessage)));
    let result = net.send(client, near, &framed(5_001, 0));
    assert!(matches!(result, Err(TransportError::MessageTooLarge { limit: 5_000 })), "{result:?}");
    net.send(client, near, &framed(5_000, 0)).unwrap();
    net.until("the longest message", |net| net.at(server).messages().len() == 1);
}

pub fn refuses_unknown_associations(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, _) = net.pair(client, server);
    let unknown = rserpool::AssociationId::new(client as u16, 0xffff_ffff);
    assert!(matches!(net.send(client, unknown, b"1234"), Err(TransportError::UnknownAssociation)));
    net.shutdown(client, unknown);
    net.abort(client, unknown, "never was");
    net.abort(client, near, "over");
    assert!(matches!(net.send(client, near, b"1234"), Err(TransportError::UnknownAssociation)));
}

pub fn blocks_when_the_queue_is_full_and_reports_writable(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|config| config.max_send_queue = 100_000));
    let (near, _) = net.pair(client, server);
    let message = framed(10_000, 1);
    let mut sent = 0;
    let limit = 100_000;
    loop {
        match net.send(client, near, &message) {
            Ok(()) => sent += 1,
            Err(TransportError::WouldBlock) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(sent < limit, "a queue of 100 kB took 1 GB");
    }
    assert!(sent >= 1);
    net.until("writable", |net| net.at(client).writables() == 1);
    net.send(client, near, &message).unwrap();
    net.until("everything", |net| net.at(server).messages().len() == sent + 1);
    assert!(net.at(server).messages().iter().all(|m| *m == message));
}

pub fn a_queue_takes_less_when_it_is_told_to(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|config| config.max_send_queue = 1 << 30));
    let (near, _) = net.pair(client, server);
    net.at(client).transport.limit_send_queues(100_000);
    let message = framed(10_000, 1);
    let taken = (0..10_000).take_while(|_| net.send(client, near, &message).is_ok()).count();
    assert!(taken < 10_000, "a queue of 100 kB took 100 MB");
    assert!(matches!(net.send(client, near, &message), Err(TransportError::WouldBlock)));
    net.until("everything", |net| net.at(server).messages().len() == taken);
}

pub fn shutdown_delivers_everything_first(mut net: Net) {
    let (server, client) = (net.open(patient_listener), net.open(patient));
    let (near, far) = net.pair(client, server);
    let message = framed(20_000, 7);
    for _ in 0..30 {
        net.send(client, near, &message).unwrap();
    }
    net.shutdown(client, near);
    assert!(matches!(
        net.send(client, near, b"late"),
        Err(TransportError::Closing | TransportError::UnknownAssociation)
    ));
    net.until("both sides closed", |net| !net.at(client).losses().is_empty() && !net.at(server).losses().is_empty());
    assert_eq!(net.at(server).messages().len(), 30);
    assert_eq!(net.at(client).losses(), [(near, LossReason::Closed, vec![])]);
    assert_eq!(net.at(server).losses(), [(far, LossReason::Closed, vec![])]);
    assert!(matches!(net.at(server).seen.last(), Some(Seen::Lost(..))), "the end comes after the messages");
}

pub fn shutdown_by_the_other_side_is_reported(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, far) = net.pair(client, server);
    net.shutdown(server, far);
    net.until("both sides closed", |net| !net.at(client).losses().is_empty() && !net.at(server).losses().is_empty());
    assert_eq!(net.at(client).losses(), [(near, LossReason::Closed, vec![])]);
}

pub fn shutdown_while_connecting_ends_it(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let id = net.connect(client, server);
    net.shutdown(client, id);
    net.until("its end", |net| {
        let endpoint = net.at(client);
        !endpoint.failures().is_empty() || !endpoint.losses().is_empty()
    });
    let again = net.connect(client, server);
    net.until("a new association", |net| net.at(client).ups().contains(&again));
}

pub fn both_sides_closing_at_once_is_clean(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, far) = net.pair(client, server);
    net.shutdown(client, near);
    net.shutdown(server, far);
    net.until("both sides closed", |net| !net.at(client).losses().is_empty() && !net.at(server).losses().is_empty());
    assert_eq!(net.at(client).losses(), [(near, LossReason::Closed, vec![])]);
    assert_eq!(net.at(server).losses(), [(far, LossReason::Closed, vec![])]);
}

pub fn abort_ends_the_peer_and_reports_nothing_here(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, far) = net.pair(client, server);
    net.abort(client, near, "not\nwanted");
    net.until("the peer's loss", |net| !net.at(server).losses().is_empty());
    let (id, reason, _) = net.at(server).losses().remove(0);
    assert_eq!(id, far);
    match reason {
        LossReason::Aborted(text) => assert!(!text.contains('\n'), "a reason from the peer must be sanitised"),
        other => panic!("{other:?}"),
    }
    assert!(net.at(client).losses().is_empty());
}

pub fn giving_up_hands_back_what_was_not_acknowledged(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|config| config.max_send_queue = 1 << 20));
    let (near, far) = net.pair(client, server);
    // Whoever acknowledges for the server has not yet done so for most of these.
    let sent: Vec<Vec<u8>> = (0..40).map(|i| framed(if i % 2 == 0 { 100 } else { 20_000 }, i)).collect();
    for message in &sent {
        net.send(client, near, message).unwrap();
    }
    net.give_up(client, near, "another one\nis better");
    assert!(net.send(client, near, b"too late").is_err());
    net.until("both losses", |net| !net.at(client).losses().is_empty() && !net.at(server).losses().is_empty());
    let (id, reason, undelivered) = net.at(client).losses().remove(0);
    assert_eq!((id, reason), (near, LossReason::GivenUp));
    let left: Vec<Vec<u8>> = undelivered.into_iter().map(|message| message.payload).collect();
    assert!(sent.ends_with(&left), "{} messages that are not the last ones", left.len());
    assert!(!left.is_empty(), "800 kB acknowledged at once");
    let arrived = net.at(server).messages().len();
    if kind(&mut net, client) != TransportKind::Tcp {
        // What was acknowledged has arrived; of what arrived, the news may have been lost.
        assert!(arrived + left.len() >= sent.len(), "{arrived} arrived, {} handed back, of {}", left.len(), sent.len());
    }
    assert_eq!(net.at(server).losses()[0].0, far);
    net.during(Duration::from_millis(50));
    assert_eq!(net.at(client).losses().len(), 1, "told once");
}

pub fn giving_up_a_connect_is_silent(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let near = net.connect(client, server);
    net.give_up(client, near, "too slow");
    net.give_up(client, near, "unknown by now");
    net.during(Duration::from_millis(50));
    assert_eq!(net.at(client).seen, []);
}

pub fn a_vanished_peer_is_noticed_and_the_undelivered_reported(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, _) = net.pair(client, server);
    let server_kind = kind(&mut net, server);
    net.kill(server);
    let killed = net.now();
    // The system may say at once that nobody is there, and then there is nothing to be reported as undelivered.
    let accepted: Vec<Vec<u8>> = (0..3).map(|i| framed(100, i)).filter(|m| net.send(client, near, m).is_ok()).collect();
    net.until("the loss", |net| !net.at(client).losses().is_empty());
    let took = net.now().saturating_since(killed);
    assert!(took < Duration::from_secs(10), "noticed only after {took:?}");
    let (id, _, undelivered) = net.at(client).losses().remove(0);
    assert_eq!(id, near);
    if kind(&mut net, client) != TransportKind::Tcp {
        let left: Vec<Vec<u8>> = undelivered.iter().map(|u| u.payload.clone()).collect();
        if server_kind == TransportKind::KernelSctp {
            // A kernel that closes for a process still acknowledges what reaches it meanwhile.
            assert!(accepted.ends_with(&left), "{left:?} are not the last ones");
        } else {
            assert_eq!(left, accepted);
        }
        assert!(undelivered.iter().all(|u| u.ppid == PPID && u.stream == 0));
    }
}

pub fn a_silent_peer_is_noticed(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, _) = net.pair(client, server);
    if !net.freeze(server) {
        return;
    }
    let start = net.now();
    net.until("the loss", |net| !net.at(client).losses().is_empty());
    assert_eq!(net.at(client).losses()[0], (near, LossReason::Unreachable, vec![]));
    let took = net.now().saturating_since(start);
    assert!(took < Duration::from_secs(6), "noticed only after {took:?}");
}

pub fn identifiers_are_never_reused(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let (near, far) = net.pair(client, server);
        assert!(seen.insert(near) && seen.insert(far));
        let losses = net.at(server).losses().len();
        net.abort(client, near, "");
        net.until("the peer's loss", |net| net.at(server).losses().len() > losses);
    }
}

pub fn max_associations_is_enforced(mut net: Net) {
    let server = net.open(|config| {
        config.listen = true;
        config.max_associations = 2;
    });
    let clients: Vec<usize> = (0..3).map(|_| net.open(|_| {})).collect();
    net.pair(clients[0], server);
    net.pair(clients[1], server);
    net.connect(clients[2], server);
    net.until("the refusal", |net| {
        let third = net.at(clients[2]);
        !third.failures().is_empty() || !third.losses().is_empty()
    });
    assert_eq!(net.at(server).ups().len(), 2);
    let third = net.at(clients[2]);
    let losses = third.losses().into_iter().map(|(_, reason, _)| reason);
    let failures: Vec<LossReason> = third.failures().into_iter().map(|(_, reason)| reason).collect();
    // Who refuses in the handshake says why by number (RFC 9260 section 3.3.10.4).
    let says_so = |reason: &LossReason| *reason == LossReason::Aborted("out of resource".into());
    // TLS has been refused in the middle of its handshake; a kernel refuses what it has accepted already.
    let under_tls = |reason: &LossReason| {
        reason.to_string().starts_with("TLS: ") || *reason == LossReason::Aborted("too many associations".into())
    };
    assert!(failures.iter().all(|reason| says_so(reason) || under_tls(reason)), "{failures:?}");
    let reason = failures.into_iter().chain(losses).next().unwrap();
    assert!(!reason.says_unreachable(), "full, but there: {reason:?}");

    let lonely = net.open(|config| config.max_associations = 0);
    let (peer, now) = (PeerAddress::new(net.world.address(), net.port(server)), net.now());
    let result = net.at(lonely).transport.connect(now, &peer, CONNECT_TIMEOUT);
    assert!(matches!(result, Err(TransportError::TooManyAssociations)));
}

pub fn both_sides_connecting_get_through(mut net: Net) {
    let (a, b) = (net.listener(), net.listener());
    if kind(&mut net, a) == TransportKind::Tcp {
        return;
    }
    let (mut near, mut far) = (net.connect(a, b), net.connect(b, a));
    if kind(&mut net, a) == kind(&mut net, b) {
        net.until("both connects", |net| net.at(a).ups().contains(&near) && net.at(b).ups().contains(&far));
    } else {
        // The kernel tries native SCTP first, so the two may not meet: one connect may fail, in favour of the other.
        net.until("one association", |net| [a, b].iter().all(|side| net.at(*side).ups().len() == 1));
        (near, far) = (net.at(a).ups()[0], net.at(b).ups()[0]);
    }
    let (from_a, from_b) = (framed(16, 1), framed(16, 2));
    net.send(a, near, &from_a).unwrap();
    net.send(b, far, &from_b).unwrap();
    net.until("both messages", |net| net.at(a).messages() == [&from_b] && net.at(b).messages() == [&from_a]);
}

pub fn a_restarted_peer_is_lost_and_up_again(mut net: Net) {
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (_, far) = net.pair(client, server);
    let port = net.port(client);
    net.kill(client);
    let Ok(reborn) = net.try_open(port, |_| {}) else { return }; // TCP's TIME-WAIT
    let near = net.connect(reborn, server);
    net.until("the restart", |net| net.at(reborn).ups().contains(&near) && net.at(server).ups().len() == 2);
    let losses = net.at(server).losses();
    assert_eq!(losses.len(), 1);
    assert_eq!(losses[0].0, far);
    let again = net.at(server).ups()[1];
    assert_ne!(again, far);
    net.send(server, again, &framed(50, 1)).unwrap();
    net.until("a message to the reborn", |net| net.at(reborn).messages().len() == 1);
}

/// The associations that an endpoint has.
fn living(endpoint: &Endpoint) -> Vec<AssociationId> {
    let losses = endpoint.losses();
    endpoint.ups().into_iter().filter(|id| losses.iter().all(|(lost, ..)| lost != id)).collect()
}

pub fn many_associations_on_one_endpoint(mut net: Net) {
    const CLIENTS: usize = 200;
    const PEERS: usize = 5;
    /// Clients that connect together: a thousand handshakes at once take some machines longer than a connect may. A kernel gives
    /// a peer in user space, whose host has refused native SCTP, a second.
    const WAVE: usize = 4;
    let servers: Vec<usize> = (0..PEERS).map(|_| net.open(patient_listener)).collect();
    let clients: Vec<usize> = (0..CLIENTS).map(|_| net.open(patient)).collect();
    for wave in clients.chunks(WAVE) {
        let pairs = wave.iter().flat_map(|&client| servers.iter().map(move |&server| (client, server)));
        let mut connects: Vec<_> =
            pairs.map(|(client, server)| (client, server, net.connect(client, server))).collect();
        net.until("all connects", |net| {
            for (client, server, connect) in &mut connects {
                // A machine that is too slow for a connect is asked again.
                if net.at(*client).failures().iter().any(|(failed, _)| failed == connect) {
                    *connect = net.connect(*client, *server);
                }
            }
            connects.iter().all(|(client, _, connect)| net.at(*client).ups().contains(connect))
        });
    }
    net.until("all associations", |net| servers.iter().all(|&server| living(net.at(server)).len() == CLIENTS));
    for &server in &servers {
        for id in living(net.at(server)) {
            net.send(server, id, &framed(30, 0)).unwrap();
        }
    }
    net.until("all messages", |net| clients.iter().all(|&client| net.at(client).messages().len() == PEERS));
    assert!(clients.iter().all(|&client| net.at(client).losses().is_empty()));
    assert!(net.now() > Time::ZERO);
}

//! Messages to pools (RFC 5352 section 6.5) through the API: several pool elements over SCTP in UDP on loopback.

use crate::support::api::*;
use rserpool::api::{
    self, LoadInfo, Notification, PoolElementChange, PoolSendOptions, PoolSent, RegisterOptions, SendOptions,
    SessionChange, Target, Timeout, Wait,
};
use rserpool::transport::SctpParameters;
use rserpool::wire::PolicyType;
use rserpool::{PoolElementId, SessionId};
use std::collections::BTreeSet;
use std::time::Duration;

const CACHED: Duration = Duration::from_secs(60);

fn options(target: Target) -> PoolSendOptions {
    PoolSendOptions { target, ppid: 99, stale_cache: CACHED, ..PoolSendOptions::default() }
}

fn sendto(sd: libc::c_int, pool: &str, text: &str, options: &PoolSendOptions) -> api::Result<PoolSent> {
    api::sendto_pool(sd, text.as_bytes(), pool.as_bytes(), options, Timeout::After(PATIENCE))
}

fn servers(pool: &str, count: usize) -> Vec<(libc::c_int, PoolElementId)> {
    let open = |_| {
        let sd = seqpacket_socket();
        register(sd, pool);
        (sd, api::getsockname(sd).unwrap().pool_element_id)
    };
    (0..count).map(open).collect()
}

/// The next message that is no notification, and its session.
fn message(sd: libc::c_int) -> (String, SessionId) {
    loop {
        if let (Got::Data(text), session) = receive(sd) {
            return (text, session);
        }
    }
}

fn close_all(servers: Vec<(libc::c_int, PoolElementId)>) {
    for (sd, _) in servers {
        api::close(sd).unwrap();
    }
}

#[test]
fn rfc_5352_section_6_5_1_messages_to_a_pool_handle_go_round_and_answers_name_their_element() {
    library();
    let servers = servers("round", 3);
    let client = seqpacket_socket();
    let sent: Vec<PoolSent> =
        (0..6).map(|i| sendto(client, "round", &format!("m{i}"), &options(Target::Any)).unwrap()).collect();
    let receivers: Vec<PoolElementId> = sent.iter().map(|sent| sent.pool_element_id).collect();
    assert_eq!(receivers[..3], receivers[3..]);
    assert_eq!(receivers.iter().collect::<BTreeSet<_>>().len(), 3);
    for (sd, id) in &servers {
        let session = message(*sd).1;
        message(*sd);
        let answer = SendOptions { session, ppid: 5, ..SendOptions::default() };
        api::sendmsg(*sd, id.to_string().as_bytes(), &answer, Timeout::After(PATIENCE)).unwrap();
    }
    let mut buffer = [0; 100];
    let mut answers = 0;
    while answers < 3 {
        let received = api::recvmsg(client, &mut buffer, Timeout::After(PATIENCE)).unwrap();
        if received.kind == api::MessageKind::Data {
            answers += 1;
            let text = String::from_utf8_lossy(&buffer[..received.len]).into_owned();
            assert_eq!(text, received.pool_element_id.to_string());
            let with = sent.iter().find(|sent| sent.pool_element_id == received.pool_element_id).unwrap();
            assert_eq!(with.session, received.session);
        }
    }
    // In that session the conversation may go on.
    let more = SendOptions { session: sent[0].session, ..SendOptions::default() };
    api::sendmsg(client, b"more", &more, Timeout::After(PATIENCE)).unwrap();
    let first = servers.iter().find(|(_, id)| *id == receivers[0]).unwrap().0;
    assert_eq!(message(first).0, "more");
    api::close(client).unwrap();
    close_all(servers);
}

#[test]
fn rfc_5352_section_6_5_3_a_message_to_an_element_handle_goes_there() {
    library();
    let servers = servers("named", 3);
    let client = seqpacket_socket();
    for (sd, id) in servers.iter().rev() {
        let sent = sendto(client, "named", "to you", &options(Target::Element(*id))).unwrap();
        assert_eq!((sent.elements, sent.pool_element_id), (1, *id));
        assert_eq!(message(*sd).0, "to you");
        let sent = sendto(client, "named", "again", &options(Target::Last)).unwrap();
        assert_eq!(sent.pool_element_id, *id);
        assert_eq!(message(*sd).0, "again");
    }
    let error = sendto(client, "named", "nobody", &options(Target::Element(PoolElementId(1)))).unwrap_err();
    assert_eq!(error.errno, libc::ENOENT, "{error}");
    assert!(error.text.contains("element 0x00000001") && error.text.contains("\"named\""), "{error}");
    let error = sendto(client, "no such pool", "nobody", &options(Target::Any)).unwrap_err();
    assert_eq!(error.errno, libc::ENOENT, "{error}");
    api::close(client).unwrap();
    close_all(servers);
}

#[test]
fn rfc_5352_section_6_5_5_elements_send_to_all_their_peers_at_the_same_time() {
    library();
    let servers = servers("peers", 4);
    // All connect to all at once: associations meet halfway.
    let senders: Vec<_> = servers
        .iter()
        .map(|(sd, id)| {
            let (sd, text) = (*sd, id.to_string());
            std::thread::spawn(move || {
                for _ in 0..3 {
                    assert_eq!(sendto(sd, "peers", &text, &options(Target::All)).unwrap().elements, 3);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    for (sd, id) in &servers {
        let mut got: Vec<String> = (0..9).map(|_| message(*sd).0).collect();
        got.sort();
        let mut wanted: Vec<String> =
            servers.iter().filter(|(_, other)| other != id).flat_map(|(_, other)| vec![other.to_string(); 3]).collect();
        wanted.sort();
        assert_eq!(got, wanted);
    }
    let (sd, id) = servers[0];
    let to_self = PoolSendOptions { to_self: true, ..options(Target::All) };
    assert_eq!(sendto(sd, "peers", "and me", &to_self).unwrap().elements, 4);
    let mut buffer = [0; 100];
    loop {
        let received = api::recvmsg(sd, &mut buffer, Timeout::After(PATIENCE)).unwrap();
        if received.kind == api::MessageKind::Data {
            assert_eq!((&buffer[..received.len], received.session), (&b"and me"[..], SessionId(0)));
            assert_eq!(received.pool_element_id, id);
            break;
        }
    }
    close_all(servers);
}

#[test]
fn asap_157_a_message_with_failover_reaches_another_element_than_the_dead_one() {
    let registrar = library();
    let mut servers = [ServerProcess::start(registrar, "hardy"), ServerProcess::start(registrar, "hardy")];
    let client = seqpacket_socket();
    for server in &servers {
        assert_eq!(sendto(client, "hardy", "hello", &options(Target::Element(server.id))).unwrap().elements, 1);
    }
    assert_eq!([message(client).0, message(client).0].iter().filter(|text| text.ends_with(":1:hello")).count(), 2);
    servers[0].kill();
    // Whether the association is known to be lost already or not: the message arrives.
    let failover = PoolSendOptions { failover: true, ..options(Target::Element(servers[0].id)) };
    sendto(client, "hardy", "whoever", &failover).unwrap();
    let (answer, _) = message(client);
    assert_eq!(answer, format!("{}:2:whoever", servers[1].id.0));
    // Without failover the one that is meant is the only one.
    let error = sendto(client, "hardy", "only you", &options(Target::Element(servers[0].id))).unwrap_err();
    assert!([libc::EIO, libc::ENOENT].contains(&error.errno), "{error}");
    api::close(client).unwrap();
}

#[test]
fn a_message_that_is_lost_without_failover_is_reported() {
    let registrar = library();
    let mut server = ServerProcess::start(registrar, "frail");
    let client = seqpacket_socket();
    let sent = sendto(client, "frail", "a", &options(Target::Any)).unwrap();
    assert_eq!(message(client).0, format!("{}:1:a", server.id.0));
    // It hangs first: nobody acknowledges the next one.
    server.signal(libc::SIGSTOP);
    let mut status = 0;
    // SAFETY: our child, which is not waited for by anybody else; the status has its place.
    let stopped = unsafe { libc::waitpid(server.process_id() as libc::pid_t, &mut status, libc::WUNTRACED) };
    assert!(stopped > 0 && libc::WIFSTOPPED(status));
    sendto(client, "frail", "b", &options(Target::Any)).unwrap();
    server.kill();
    let failed = Notification::SendFailed { session: sent.session, element: server.id, messages: 1 };
    let mut seen = Vec::new();
    while seen.last() != Some(&failed) {
        match receive(client).0 {
            Got::Notification(notification) => seen.push(notification),
            other => panic!("{other:?}"),
        }
    }
    let removed = Notification::SessionChange { change: SessionChange::Remove, session: sent.session };
    assert!(seen.contains(&removed), "{seen:?}");
    api::close(client).unwrap();
}

#[test]
fn who_does_not_wait_polls_and_tries_again() {
    library();
    let servers = servers("patient", 3);
    let client = seqpacket_socket();
    for stale_cache in [CACHED, Duration::ZERO] {
        let options = PoolSendOptions { stale_cache, ..options(Target::All) };
        let mut refusals = 0;
        let sent = loop {
            match api::sendto_pool(client, b"now", b"patient", &options, Timeout::Now) {
                Ok(sent) => break sent,
                Err(error) => assert_eq!(error.errno, libc::EAGAIN, "{error}"),
            }
            refusals += 1;
            assert!(refusals < 100, "this is spinning");
            let mut fds = [libc::pollfd { fd: client, events: libc::POLLOUT, revents: 0 }];
            assert_eq!(api::poll(&mut fds, Timeout::After(PATIENCE)).unwrap(), 1);
        };
        assert_eq!(sent.elements, 3);
        for (sd, _) in &servers {
            assert_eq!(message(*sd).0, "now");
        }
    }
    api::close(client).unwrap();
    close_all(servers);
}

#[test]
fn sockets_with_another_use_and_bad_messages_are_refused() {
    library();
    let servers = servers("refusing", 1);
    let any = options(Target::Any);
    let errno =
        |sd, pool: &str, text: &str, options: &PoolSendOptions| sendto(sd, pool, text, options).unwrap_err().errno;
    let connected = connect("refusing");
    assert_eq!(errno(connected, "refusing", "x", &any), libc::EISCONN);
    let stream = stream_socket();
    assert_eq!(errno(stream, "refusing", "x", &any), libc::EOPNOTSUPP);
    let client = seqpacket_socket();
    assert_eq!(errno(client, "refusing", "", &any), libc::EINVAL);
    assert_eq!(errno(client, "", "x", &any), libc::EINVAL);
    assert_eq!(errno(client, "refusing", "x", &PoolSendOptions { ppid: 11, ..any }), libc::EINVAL);
    assert_eq!(errno(client, "refusing", &"x".repeat(1 << 20), &any), libc::EMSGSIZE);
    assert_eq!(errno(0x7fff_ffff, "refusing", "x", &any), libc::EBADF);
    assert_eq!(sendto(client, "refusing", "x", &any).unwrap().elements, 1);
    // From now on it is a sender to pools.
    let error = api::connect(client, b"refusing", api::ConnectOptions::default()).unwrap_err();
    assert_eq!(error.errno, libc::EISCONN);
    for sd in [connected, stream, client] {
        api::close(sd).unwrap();
    }
    close_all(servers);
}

fn changes(info: &api::PoolInfo) -> Vec<(PoolElementId, PoolElementChange)> {
    info.elements.iter().map(|element| (element.pool_element_id, element.change)).collect()
}

#[test]
fn a_pool_is_described_with_policy_load_and_addresses_of_its_elements() {
    let registrar = library();
    let server = seqpacket_socket();
    let load = LoadInfo { policy: PolicyType::LEAST_USED, load: 0x1000_0000, ..LoadInfo::default() };
    let interval = Duration::from_secs(30);
    api::register(server, b"described", &load, interval, RegisterOptions::default()).unwrap();
    let id = api::getsockname(server).unwrap().pool_element_id;
    let info = api::getpoolinfo(b"described", None, Duration::ZERO).unwrap();
    assert_eq!((info.policy, info.partial), (Some(PolicyType::LEAST_USED), false));
    let [element] = &info.elements[..] else { panic!("{info:?}") };
    assert_eq!((element.pool_element_id, element.load, element.control_channel), (id, load, true));
    assert_ne!(element.home_registrar.0, 0, "{registrar}");
    assert!(element.registration_life.is_some_and(|life| life >= interval));
    let address = element.address.as_ref().unwrap();
    assert_eq!((address.protocol, address.addresses[0].ip()), (libc::IPPROTO_SCTP, "127.0.0.1".parse().unwrap()));
    let error = api::getpoolinfo(b"not described", None, Duration::ZERO).unwrap_err();
    assert_eq!(error.errno, libc::ENOENT, "{error}");
    api::close(server).unwrap();
}

#[test]
fn a_subscription_tells_how_a_pool_comes_grows_changes_and_goes() {
    library();
    let watch = api::subscribe_pool(b"watched").unwrap();
    let next = || {
        let mut fds = [libc::pollfd { fd: watch, events: libc::POLLIN, revents: 0 }];
        assert_eq!(api::poll(&mut fds, Timeout::After(PATIENCE)).unwrap(), 1);
        assert_eq!(fds[0].revents, libc::POLLIN);
        api::poolchange(watch, Timeout::Now).unwrap()
    };
    let info = next();
    assert_eq!((info.policy, info.elements.len()), (None, 0), "no such pool yet");
    let none = api::poolchange(watch, Timeout::Now).unwrap_err();
    assert_eq!(none.errno, libc::EAGAIN);
    let first = seqpacket_socket();
    register(first, "watched");
    let a = api::getsockname(first).unwrap().pool_element_id;
    assert_eq!(changes(&next()), [(a, PoolElementChange::Added)]);
    let second = seqpacket_socket();
    register(second, "watched");
    let b = api::getsockname(second).unwrap().pool_element_id;
    let mut both = [(a, PoolElementChange::Same), (b, PoolElementChange::Added)];
    both.sort_by_key(|(id, _)| *id);
    assert_eq!(changes(&next()), both);
    // A second subscriber begins with the pool as it is.
    let other = api::subscribe_pool(b"watched").unwrap();
    let info = api::poolchange(other, Timeout::After(PATIENCE)).unwrap();
    assert!(info.elements.iter().all(|element| element.change == PoolElementChange::Added) && info.elements.len() == 2);
    api::close(other).unwrap();
    api::close(first).unwrap();
    let mut left = [(a, PoolElementChange::Removed), (b, PoolElementChange::Same)];
    left.sort_by_key(|(id, change)| (*change == PoolElementChange::Removed, *id));
    assert_eq!(changes(&next()), left);
    api::deregister(second, Wait::ForAnswer).unwrap();
    let info = next();
    assert_eq!((info.policy, changes(&info)), (None, vec![(b, PoolElementChange::Removed)]));
    // For messages it is nothing.
    let error = api::sendmsg(watch, b"x", &SendOptions::default(), Timeout::Now).unwrap_err();
    assert_eq!(error.errno, libc::EBADF);
    assert_eq!(api::poolchange(second, Timeout::Now).unwrap_err().errno, libc::EOPNOTSUPP);
    let blocked = blocked_in(move || api::poolchange(watch, Timeout::Never).unwrap_err().errno);
    api::close(watch).unwrap();
    assert_eq!(blocked.join().unwrap(), libc::EBADF);
    api::close(second).unwrap();
}

#[test]
fn parameters_chosen_before_connecting_are_those_of_the_socket_alone() {
    library();
    let servers = servers("parameters", 1);
    let read = |sd| api::update_session_parameters(sd, &none()).unwrap().rto_max;
    let (plain, chosen) = (connect("parameters"), seqpacket_socket());
    let before = read(plain);
    let other = before * 3;
    api::update_session_parameters(chosen, &SctpParameters { rto_max: other, ..none() }).unwrap();
    api::connect(chosen, b"parameters", api::ConnectOptions::default()).unwrap();
    assert_eq!((read(chosen), read(plain)), (other, before));
    send(chosen, "works");
    assert_eq!(message(servers[0].0).0, "works");
    api::close(plain).unwrap();
    api::close(chosen).unwrap();
    close_all(servers);
}

/// Changes nothing.
fn none() -> SctpParameters {
    SctpParameters {
        rto_initial: Duration::ZERO,
        rto_min: Duration::ZERO,
        rto_max: Duration::ZERO,
        association_max_retransmissions: 0,
        path_max_retransmissions: 0,
        heartbeat_interval: Duration::ZERO,
        ..SctpParameters::default()
    }
}

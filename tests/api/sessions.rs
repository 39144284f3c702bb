//! Sessions through the API: pool elements and pool users over SCTP in UDP on loopback; `scripts/guest/test` runs the same over
//! kernel SCTP.

use crate::support::api::*;
use rserpool::SessionId;
use rserpool::api::{
    self, ConnectOptions, EndSession, FailoverFlags, Notification, SendOptions, SessionChange, Timeout,
};
use rserpool::driver::clock;
use rserpool::transport::TransportChoice;
use std::time::Duration;

#[test]
fn a_one_to_many_server_sees_its_sessions_come_talk_and_go() {
    library();
    let server = seqpacket_socket();
    register(server, "one-to-many");
    let client = connect("one-to-many");
    send(client, "hello");
    let (added, session) = receive(server);
    assert_eq!(added, Got::Notification(Notification::SessionChange { change: SessionChange::Add, session }));
    assert_eq!(receive(server), (Got::Data("hello".into()), session));
    let options = SendOptions { session, ppid: 5, stream: 1, ..SendOptions::default() };
    api::sendmsg(server, b"answer", &options, Timeout::Now).unwrap();
    let mut buffer = [0; 100];
    let received = api::recvmsg(client, &mut buffer, Timeout::After(PATIENCE)).unwrap();
    assert_eq!((&buffer[..received.len], received.ppid, received.stream), (&b"answer"[..], 5, 1));
    assert_eq!(received.pool_element_id, api::getsockname(server).unwrap().pool_element_id);
    assert_eq!(api::getpeername(client).unwrap().pool_element_id, received.pool_element_id);
    api::close(client).unwrap();
    let removed = Notification::SessionChange { change: SessionChange::Remove, session };
    assert_eq!(receive(server), (Got::Notification(removed), session));
    let error = api::sendmsg(server, b"too late", &options, Timeout::Now).unwrap_err();
    assert_eq!(error.errno, libc::ENOTCONN);
    api::close(server).unwrap();
}

#[test]
fn a_one_to_one_server_has_a_descriptor_for_each_session() {
    library();
    let server = stream_socket();
    register(server, "one-to-one");
    assert_eq!(api::accept(server, Timeout::Now).unwrap_err().errno, libc::EAGAIN);
    let clients = [connect("one-to-one"), connect("one-to-one")];
    for (n, client) in clients.into_iter().enumerate() {
        send(client, &format!("from {n}"));
    }
    for _ in 0..2 {
        let session = api::accept(server, Timeout::After(PATIENCE)).unwrap();
        let (Got::Data(text), _) = receive(session) else { panic!("data comes first") };
        let n: usize = text.strip_prefix("from ").unwrap().parse().unwrap();
        send(session, "bye");
        assert_eq!(receive(clients[n]).0, Got::Data("bye".into()));
        api::close(clients[n]).unwrap();
        assert_eq!(receive(session).0, Got::End);
        assert_eq!(receive(session).0, Got::End);
        api::close(session).unwrap();
    }
    api::close(server).unwrap();
}

#[test]
fn a_message_is_read_in_parts_when_the_buffer_is_too_small() {
    library();
    let server = seqpacket_socket();
    register(server, "parts");
    let client = connect("parts");
    send(client, "0123456789");
    let (Got::Notification(_), _) = receive(server) else { panic!("the session comes first") };
    let mut buffer = [0; 4];
    let mut parts = Vec::new();
    loop {
        let received = api::recvmsg(server, &mut buffer, Timeout::After(PATIENCE)).unwrap();
        parts.push(String::from_utf8_lossy(&buffer[..received.len]).into_owned());
        if received.end_of_record {
            break;
        }
    }
    assert_eq!(parts, ["0123", "4567", "89"]);
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn asap_139_a_killed_element_is_followed_by_another_that_first_gets_the_cookie() {
    let registrar = library();
    let mut servers = [ServerProcess::start(registrar, "classic"), ServerProcess::start(registrar, "classic")];
    let client = connect("classic");
    let first = api::getpeername(client).unwrap().pool_element_id;
    send(client, "a");
    assert_eq!(receive(client).0, Got::Data(format!("{}:1:a", first.0)));
    assert!(api::has_cookie(client).unwrap());
    let (victim, other) = if servers[0].id == first { (0, 1) } else { (1, 0) };
    servers[victim].kill();
    let session = SessionId(1);
    let necessary = Notification::FailoverNecessary { session, has_cookie: true };
    assert_eq!(receive(client).0, Got::Notification(necessary));
    let error = api::sendmsg(client, b"x", &SendOptions::default(), Timeout::Now).unwrap_err();
    assert_eq!(error.errno, libc::EIO);
    api::force_failover(client, FailoverFlags { unreachable: true }, Duration::ZERO).unwrap();
    let complete = Notification::FailoverComplete { session, has_cookie: true };
    assert_eq!(receive(client).0, Got::Notification(complete));
    assert_eq!(api::getpeername(client).unwrap().pool_element_id, servers[other].id);
    send(client, "b");
    assert_eq!(receive(client).0, Got::Data(format!("{}:2:b", servers[other].id.0)));
    api::close(client).unwrap();
}

#[test]
fn an_automatic_session_fails_over_by_itself_and_sends_again_what_was_not_acknowledged() {
    let registrar = library();
    let mut servers = [ServerProcess::start(registrar, "automatic"), ServerProcess::start(registrar, "automatic")];
    let client = seqpacket_socket();
    for option in [api::OPTION_AUTO_FAILOVER, api::OPTION_FAILOVER_RESEND] {
        api::setsockopt(client, api::SOL_RSERPOOL, option, &1i32.to_ne_bytes()).unwrap();
    }
    api::connect(client, b"automatic", ConnectOptions::default()).unwrap();
    let first = api::getpeername(client).unwrap().pool_element_id;
    send(client, "a");
    assert_eq!(receive(client).0, Got::Data(format!("{}:1:a", first.0)));
    let (victim, other) = if servers[0].id == first { (0, 1) } else { (1, 0) };
    servers[victim].kill();
    // Nobody is there to acknowledge this one.
    send(client, "b");
    let session = SessionId(1);
    let necessary = Notification::FailoverNecessary { session, has_cookie: true };
    assert_eq!(receive(client).0, Got::Notification(necessary));
    let complete = Notification::FailoverComplete { session, has_cookie: true };
    assert_eq!(receive(client).0, Got::Notification(complete));
    assert_eq!(receive(client).0, Got::Data(format!("{}:2:b", servers[other].id.0)));
    send(client, "c");
    assert_eq!(receive(client).0, Got::Data(format!("{}:3:c", servers[other].id.0)));
    api::close(client).unwrap();
}

#[test]
fn a_server_whose_queue_of_sessions_is_full_stays_in_its_pool() {
    library();
    let server = stream_socket();
    register(server, "busy");
    api::listen(server, 1).unwrap();
    let waiting = connect("busy");
    let necessary = Got::Notification(Notification::FailoverNecessary { session: SessionId(1), has_cookie: false });
    // More than the reports that remove an element (RFC 5352 section 3.5: MAX-BAD-PE-REPORT is 3).
    for _ in 0..6 {
        let refused = connect("busy");
        assert_eq!(receive(refused).0, necessary);
        api::close(refused).unwrap();
    }
    let ended = api::accept(server, Timeout::After(PATIENCE)).unwrap();
    let abort = SendOptions { end: Some(EndSession::Abort), ..SendOptions::default() };
    api::sendmsg(ended, &[], &abort, Timeout::Now).unwrap();
    assert_eq!(receive(waiting).0, necessary);
    assert_eq!(api::getaddrinfo(b"busy", Some(100), Duration::ZERO).unwrap().len(), 1);
    for sd in [ended, waiting, server] {
        api::close(sd).unwrap();
    }
}

#[test]
fn servers_that_hang_do_not_use_up_the_time_of_a_connect() {
    if transport_choice() == TransportChoice::Sctp {
        // The kernel accepts for a process that is stopped.
        return;
    }
    let registrar = library();
    let servers: Vec<_> = (0..3).map(|_| ServerProcess::start(registrar, "two-hang")).collect();
    servers[0].stop();
    servers[1].stop();
    // Each is the first choice once.
    for _ in 0..3 {
        let begun = clock::now();
        let client = connect("two-hang");
        let took = clock::now().saturating_since(begun);
        assert_eq!(api::getpeername(client).unwrap().pool_element_id, servers[2].id);
        assert!(took < Duration::from_millis(2500), "{took:?}, of 5 s that a search may take");
        api::close(client).unwrap();
    }
}

#[test]
fn a_pool_that_nobody_serves_connects_and_then_needs_a_failover_again_and_again() {
    library();
    let client = connect("nobody");
    let necessary = Notification::FailoverNecessary { session: SessionId(1), has_cookie: false };
    for _ in 0..2 {
        assert_eq!(receive(client).0, Got::Notification(necessary));
        api::force_failover(client, FailoverFlags::default(), Duration::ZERO).unwrap();
    }
    let server = seqpacket_socket();
    register(server, "nobody");
    assert_eq!(receive(client).0, Got::Notification(necessary));
    api::force_failover(client, FailoverFlags::default(), Duration::ZERO).unwrap();
    let complete = Notification::FailoverComplete { session: SessionId(1), has_cookie: false };
    assert_eq!(receive(client).0, Got::Notification(complete));
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn closing_a_server_in_order_is_told_as_shutdown_and_failover_necessary() {
    library();
    let server = seqpacket_socket();
    register(server, "drain");
    let client = connect("drain");
    send(client, "x");
    receive(server);
    assert_eq!(receive(server).0, Got::Data("x".into()));
    api::close(server).unwrap();
    let session = SessionId(1);
    assert_eq!(receive(client).0, Got::Notification(Notification::Shutdown { session }));
    let necessary = Notification::FailoverNecessary { session, has_cookie: false };
    assert_eq!(receive(client).0, Got::Notification(necessary));
    api::close(client).unwrap();
}

/// SCTP acknowledges what comes until the other end has closed, too: so it has to be read.
#[test]
fn what_a_client_sends_before_it_knows_that_the_server_has_ended_the_session_is_read() {
    if transport_choice() == TransportChoice::Sctp {
        // The client's kernel knows, and closes, at once.
        return;
    }
    library();
    for one_to_one in [false, true] {
        let pool = if one_to_one { "late-stream" } else { "late-seqpacket" };
        let server = if one_to_one { stream_socket() } else { seqpacket_socket() };
        register(server, pool);
        let mut client = SilentPeer::connect(pool);
        let reader = if one_to_one { api::accept(server, Timeout::After(PATIENCE)).unwrap() } else { server };
        let session = loop {
            if let (Got::Data(_), session) = receive(reader) {
                break session;
            }
        };
        let options = SendOptions { session, ..SendOptions::default() };
        let end = SendOptions { end: Some(EndSession::Shutdown), ..options };
        api::sendmsg(reader, &[], &end, Timeout::Now).unwrap();
        client.say("late");
        assert_eq!(receive(reader), (Got::Data("late".into()), session));
        assert!(api::sendmsg(reader, b"x", &options, Timeout::Now).is_err(), "it has ended the session");
        let removed = Notification::SessionChange { change: SessionChange::Remove, session };
        let end = if one_to_one { Got::End } else { Got::Notification(removed) };
        let acknowledging = std::thread::spawn(move || {
            let until = clock::now() + PATIENCE;
            while clock::now() < until && !client.is_over() {
                client.acknowledge();
            }
        });
        assert_eq!(receive(reader).0, end);
        acknowledging.join().unwrap();
        if one_to_one {
            api::close(reader).unwrap();
        }
        api::close(server).unwrap();
    }
}

/// The same with data that is on its way: more than the server's SCTP has room for before the server reads. What the client's
/// SCTP had not begun to send is counted at the client: a kernel takes nothing more when it has heard of the end.
#[test]
fn what_was_on_its_way_when_the_server_ended_the_session_is_read_or_reported() {
    library();
    let server = stream_socket();
    register(server, "on-its-way");
    let client = connect("on-its-way");
    send(client, "first");
    let reader = api::accept(server, Timeout::After(PATIENCE)).unwrap();
    let message = vec![b'x'; 10_000];
    let options = SendOptions::default();
    let sent = (0..200).take_while(|_| api::sendmsg(client, &message, &options, Timeout::Now).is_ok()).count();
    assert_eq!(receive(reader).0, Got::Data("first".into()));
    let end = SendOptions { end: Some(EndSession::Shutdown), ..options };
    api::sendmsg(reader, &[], &end, Timeout::Now).unwrap();
    let read = std::iter::from_fn(|| match receive(reader).0 {
        Got::Data(data) => Some(data.len()),
        Got::End => None,
        other => panic!("{other:?}"),
    });
    let read: Vec<usize> = read.collect();
    assert!(!read.is_empty() && read.iter().all(|length| *length == message.len()), "{read:?}");
    let necessary = Notification::FailoverNecessary { session: SessionId(1), has_cookie: false };
    let mut reported = 0;
    loop {
        match receive(client).0 {
            Got::Notification(Notification::SendFailed { messages, .. }) => reported += messages as usize,
            Got::Notification(notification) if notification == necessary => break,
            _ => {}
        }
    }
    assert_eq!(read.len() + reported, sent, "{} read, {reported} reported", read.len());
    api::close(reader).unwrap();
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn the_descriptor_polls_as_readable_exactly_while_something_waits() {
    library();
    let server = seqpacket_socket();
    register(server, "polling");
    let client = connect("polling");
    let ready = |sd, timeout| {
        let mut fds = [libc::pollfd { fd: sd, events: libc::POLLIN | libc::POLLOUT, revents: 0 }];
        api::poll(&mut fds, timeout).unwrap();
        fds[0].revents
    };
    assert_eq!(ready(client, Timeout::Now), libc::POLLOUT);
    send(client, "one");
    let (Got::Notification(_), session) = receive(server) else { panic!("the session comes first") };
    receive(server);
    assert_eq!(ready(server, Timeout::Now), libc::POLLOUT);
    let options = SendOptions { session, ..SendOptions::default() };
    api::sendmsg(server, b"two", &options, Timeout::Now).unwrap();
    api::sendmsg(server, b"three", &options, Timeout::Now).unwrap();
    assert_eq!(receive(client).0, Got::Data("two".into()));
    let mut fds = [libc::pollfd { fd: client, events: libc::POLLIN, revents: 0 }];
    assert_eq!(api::poll(&mut fds, Timeout::After(PATIENCE)).unwrap(), 1);
    assert_eq!(receive(client).0, Got::Data("three".into()));
    assert_eq!(ready(client, Timeout::Now), libc::POLLOUT);
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn whoever_has_just_received_sees_the_next_message_by_poll_of_the_system_as_well() {
    library();
    let server = seqpacket_socket();
    register(server, "mixed");
    let client = connect("mixed");
    send(client, "hello");
    let (Got::Notification(_), session) = receive(server) else { panic!("the session comes first") };
    receive(server);
    let options = SendOptions { session, ..SendOptions::default() };
    for round in 0..50 {
        api::sendmsg(server, b"one", &options, Timeout::Now).unwrap();
        // The thread keeps the endpoint for itself for a moment, but does not come back to receive.
        assert_eq!(receive(client).0, Got::Data("one".into()));
        api::sendmsg(server, b"two", &options, Timeout::Now).unwrap();
        let mut entry = libc::pollfd { fd: client, events: libc::POLLIN, revents: 0 };
        // SAFETY: `entry` is one pollfd.
        let ready = unsafe { libc::poll(&raw mut entry, 1, PATIENCE.as_millis() as i32) };
        assert_eq!((ready, entry.revents), (1, libc::POLLIN), "round {round}");
        assert_eq!(receive(client).0, Got::Data("two".into()));
    }
    api::close(client).unwrap();
    api::close(server).unwrap();
}

/// Waits as long as it takes for what does not come.
fn receive_in_vain(sd: libc::c_int) -> libc::c_int {
    loop {
        match api::recvmsg(sd, &mut [0; 100], Timeout::Never) {
            // The cookie of the last answer.
            Ok(received) => assert_ne!(received.kind, api::MessageKind::Data),
            Err(error) => return error.errno,
        }
    }
}

/// A thread that waits for what does not come; it does already: were the descriptor closed before, another test's could have its
/// number.
fn blocked_receive(sd: libc::c_int) -> std::thread::JoinHandle<libc::c_int> {
    let (tell, told) = std::sync::mpsc::channel();
    let blocked = std::thread::spawn(move || {
        // SAFETY: no pointers are involved.
        tell.send(unsafe { libc::gettid() }).unwrap();
        receive_in_vain(sd)
    });
    let path = format!("/proc/self/task/{}/stat", told.recv().unwrap());
    while !std::fs::read_to_string(&path).unwrap().contains(") S ") {
        std::thread::yield_now();
    }
    blocked
}

#[test]
fn closing_from_another_thread_wakes_a_blocked_receive() {
    library();
    let server = seqpacket_socket();
    register(server, "close-blocked");
    let client = connect("close-blocked");
    let blocked = blocked_receive(client);
    api::close(client).unwrap();
    assert_eq!(blocked.join().unwrap(), libc::EBADF);
    api::close(server).unwrap();
}

/// A session with a server that answers each message, and messages that have flowed on it until now: whoever receives next
/// waits as one who expects the next message at once.
fn flowing(pool: &str) -> (libc::c_int, libc::c_int) {
    library();
    let server = seqpacket_socket();
    register(server, pool);
    std::thread::spawn(move || serve_counting(server, "flowing"));
    let client = connect(pool);
    for _ in 0..20 {
        send(client, "next");
        while !matches!(receive(client).0, Got::Data(_)) {}
    }
    (server, client)
}

#[test]
fn closing_from_another_thread_wakes_a_receive_while_messages_flow() {
    for round in 0..10 {
        let (server, client) = flowing(&format!("close-flowing-{round}"));
        let blocked = blocked_receive(client);
        api::close(client).unwrap();
        assert_eq!(blocked.join().unwrap(), libc::EBADF);
        api::close(server).unwrap();
    }
}

#[test]
fn a_descriptor_that_becomes_non_blocking_while_messages_flow_blocks_nobody() {
    let (server, client) = flowing("non-blocking-flowing");
    // SAFETY: no pointers are involved.
    assert_eq!(unsafe { libc::fcntl(client, libc::F_SETFL, libc::O_NONBLOCK) }, 0);
    assert_eq!(receive_in_vain(client), libc::EAGAIN);
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn a_time_limit_holds_while_messages_flow() {
    for limit in [1, 9, 11, 30].map(Duration::from_millis) {
        let (server, client) = flowing(&format!("limit-flowing-{}", limit.as_millis()));
        let begin = clock::now();
        let errno = loop {
            match api::recvmsg(client, &mut [0; 100], Timeout::After(limit)) {
                Ok(received) => assert_ne!(received.kind, api::MessageKind::Data),
                Err(error) => break error.errno,
            }
        };
        assert_eq!(errno, libc::EAGAIN);
        assert!(clock::now().saturating_since(begin) >= limit);
        api::close(client).unwrap();
        api::close(server).unwrap();
    }
}

#[test]
fn a_signal_ends_a_receive_while_messages_flow() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: zero is a value of each field; the handler does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    let (server, client) = flowing("signal-flowing");
    let blocked = std::thread::spawn(move || receive_in_vain(client));
    // It may not wait yet.
    while !blocked.is_finished() {
        // SAFETY: the thread was not joined, so its number stands for it.
        unsafe { libc::pthread_kill(std::os::unix::thread::JoinHandleExt::as_pthread_t(&blocked), libc::SIGUSR1) };
        std::thread::yield_now();
    }
    assert_eq!(blocked.join().unwrap(), libc::EINTR);
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn two_threads_send_on_one_session_and_nothing_is_lost_or_torn() {
    library();
    let server = seqpacket_socket();
    register(server, "two-threads");
    let client = connect("two-threads");
    const EACH: usize = 500;
    let senders: Vec<_> = (0..2)
        .map(|thread| {
            std::thread::spawn(move || {
                for n in 0..EACH {
                    send(client, &format!("{thread} {n}"));
                }
            })
        })
        .collect();
    let mut next = [0; 2];
    while next != [EACH; 2] {
        if let (Got::Data(text), _) = receive(server) {
            let (thread, n) = text.split_once(' ').unwrap();
            let (thread, n): (usize, usize) = (thread.parse().unwrap(), n.parse().unwrap());
            assert_eq!(n, next[thread], "messages of one thread come in order");
            next[thread] += 1;
        }
    }
    for sender in senders {
        sender.join().unwrap();
    }
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn asap_152_data_never_goes_out_with_the_payload_protocol_identifier_of_asap() {
    library();
    let client = connect("ppid");
    let options = SendOptions { ppid: rserpool::wire::PPID_ASAP, ..SendOptions::default() };
    assert_eq!(api::sendmsg(client, b"x", &options, Timeout::Now).unwrap_err().errno, libc::EINVAL);
    api::close(client).unwrap();
}

/// Sends to somebody who does not read until there is no room any more, and none comes: the peer's kernel, where it is the one
/// that speaks SCTP, takes and acknowledges what its own buffer holds.
fn fill(sd: libc::c_int, options: &SendOptions) {
    let message = vec![b'x'; 60_000];
    loop {
        while api::sendmsg(sd, &message, options, Timeout::Now).is_ok() {}
        let refused = api::sendmsg(sd, &message, options, Timeout::After(Duration::from_millis(300)));
        if let Err(error) = refused {
            assert_eq!(error.errno, libc::EAGAIN);
            return;
        }
    }
}

#[test]
fn a_full_send_queue_makes_the_descriptor_unwritable_until_there_is_room() {
    let registrar = library();
    let server = ServerProcess::start(registrar, "stopped");
    let client = connect("stopped");
    let writable = |timeout| {
        let mut fds = [libc::pollfd { fd: client, events: libc::POLLOUT, revents: 0 }];
        api::poll(&mut fds, timeout).unwrap() == 1
    };
    server.signal(libc::SIGSTOP);
    fill(client, &SendOptions::default());
    assert!(!writable(Timeout::Now));
    server.signal(libc::SIGCONT);
    assert!(writable(Timeout::After(PATIENCE)));
    api::close(client).unwrap();
}

#[test]
fn options_are_read_back_and_bad_ones_refused() {
    library();
    let sd = seqpacket_socket();
    let mut value = [0; 4];
    for (option, number) in [
        (api::OPTION_AUTO_FAILOVER, 1i32),
        (api::OPTION_FAILOVER_RESEND, 1),
        (api::OPTION_CONNECT_TIMEOUT_MS, 700),
        (api::OPTION_RESOLUTION_RETRY_DELAY_MS, 70),
    ] {
        api::setsockopt(sd, api::SOL_RSERPOOL, option, &number.to_ne_bytes()).unwrap();
        assert_eq!(api::getsockopt(sd, api::SOL_RSERPOOL, option, &mut value).unwrap(), 4);
        assert_eq!(i32::from_ne_bytes(value), number);
    }
    let set = |level, name, bytes: &[u8]| api::setsockopt(sd, level, name, bytes).unwrap_err().errno;
    assert_eq!(set(api::SOL_RSERPOOL, 99, &[0; 4]), libc::ENOPROTOOPT);
    assert_eq!(set(libc::SOL_SOCKET, api::OPTION_AUTO_FAILOVER, &[0; 4]), libc::ENOPROTOOPT);
    assert_eq!(set(api::SOL_RSERPOOL, api::OPTION_CONNECT_TIMEOUT_MS, &(-1i32).to_ne_bytes()), libc::EINVAL);
    assert_eq!(set(api::SOL_RSERPOOL, api::OPTION_AUTO_FAILOVER, &[1]), libc::EINVAL);
    assert_eq!(api::getsockopt(sd, api::SOL_RSERPOOL, 1, &mut [0; 3]).unwrap_err().errno, libc::EINVAL);
    api::close(sd).unwrap();
}

#[test]
fn mapped_descriptors_are_polled_read_and_written_under_their_number() {
    library();
    let mut ends = [0; 2];
    // SAFETY: there is room for both ends.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    let [output, input] = ends;
    let number = 9000;
    assert_eq!(api::mapsocket(output, number).unwrap(), number);
    assert_eq!(api::mapsocket(input, -1).unwrap(), input);
    assert_eq!(api::mapsocket(output, number).unwrap_err().errno, libc::EINVAL);
    let mut fds = [libc::pollfd { fd: number, events: libc::POLLIN, revents: 0 }];
    assert_eq!(api::poll(&mut fds, Timeout::Now).unwrap(), 0);
    assert_eq!(api::sendmsg(input, b"through", &SendOptions::default(), Timeout::Now).unwrap(), 7);
    assert_eq!(api::poll(&mut fds, Timeout::Now).unwrap(), 1);
    assert_eq!(fds[0].fd, number);
    let mut buffer = [0; 32];
    assert_eq!(api::recvmsg(number, &mut buffer, Timeout::Now).unwrap().len, 7);
    api::unmapsocket(input).unwrap();
    assert_eq!(api::unmapsocket(input).unwrap_err().errno, libc::EBADF);
    api::close(number).unwrap();
    let socket = seqpacket_socket();
    assert_eq!(api::unmapsocket(socket).unwrap_err().errno, libc::EBADF);
    assert_eq!(api::mapsocket(socket, -1).unwrap_err().errno, libc::EINVAL);
    api::close(socket).unwrap();
}

#[test]
fn select_works_on_descriptors_of_every_kind() {
    library();
    let server = seqpacket_socket();
    register(server, "selecting");
    let client = connect("selecting");
    let mut read = rserpool::driver::client::system::FdSet::new();
    read.insert(server);
    read.insert(client);
    send(client, "x");
    let count = server.max(client) + 1;
    assert_eq!(api::select(count, Some(&mut read.0), None, None, Timeout::After(PATIENCE)).unwrap(), 1);
    assert!(read.contains(server) && !read.contains(client));
    let too_many = libc::FD_SETSIZE as i32 + 1;
    assert_eq!(api::select(too_many, None, None, None, Timeout::Now).unwrap_err().errno, libc::EINVAL);
    api::close(client).unwrap();
    api::close(server).unwrap();
}

#[test]
fn many_sessions_with_one_element_live_side_by_side() {
    library();
    let server = seqpacket_socket();
    register(server, "many");
    let echo = std::thread::spawn(move || serve_counting(server, "s"));
    let clients: Vec<_> = (0..50).map(|_| connect("many")).collect();
    for round in 1..=2 {
        for client in &clients {
            send(*client, "x");
        }
        for client in &clients {
            assert_eq!(receive(*client).0, Got::Data(format!("s:{round}:x")));
        }
    }
    for client in clients {
        api::close(client).unwrap();
    }
    api::close(server).unwrap();
    echo.join().unwrap();
}

#[test]
fn a_peer_that_sends_more_than_a_server_reads_loses_its_session_and_only_its_own() {
    library();
    let server = seqpacket_socket();
    register(server, "unread");
    let (flood, quiet) = (connect("unread"), connect("unread"));
    send(quiet, "hello");
    let message = vec![b'x'; 60_000];
    let error = loop {
        if let Err(error) = api::sendmsg(flood, &message, &SendOptions::default(), Timeout::After(PATIENCE)) {
            break error;
        }
    };
    assert_eq!(error.errno, libc::EIO);
    let mut removed = 0;
    let mut bytes = 0;
    loop {
        match receive(server).0 {
            Got::Notification(Notification::SessionChange { change: SessionChange::Remove, .. }) => removed += 1,
            Got::Data(data) => bytes += data.len(),
            _ => {}
        }
        if removed == 1 {
            break;
        }
    }
    assert!(bytes <= rserpool::session::MAX_INBOX_BYTES_PER_SESSION, "{bytes}");
    send(quiet, "still here");
    let answer = receive(server).0;
    assert_eq!(answer, Got::Data("still here".into()));
    api::close(flood).unwrap();
    api::close(quiet).unwrap();
    api::close(server).unwrap();
}

#[test]
fn a_session_given_up_with_a_full_queue_leaves_the_descriptor_writable() {
    let registrar = library();
    let servers = [ServerProcess::start(registrar, "given-up"), ServerProcess::start(registrar, "given-up")];
    let client = connect("given-up");
    // Which of the two has the session?
    send(client, "who");
    let (Got::Data(answer), _) = receive(client) else { panic!("no answer") };
    let (name, _) = answer.split_once(':').unwrap();
    let stopped = servers.iter().find(|server| server.id.0.to_string() == name).unwrap();
    stopped.signal(libc::SIGSTOP);
    let message = vec![b'x'; 60_000];
    while api::sendmsg(client, &message, &SendOptions::default(), Timeout::Now).is_ok() {}
    api::force_failover(client, FailoverFlags { unreachable: false }, Duration::ZERO).unwrap();
    let mut fds = [libc::pollfd { fd: client, events: libc::POLLOUT, revents: 0 }];
    assert_eq!(api::poll(&mut fds, Timeout::After(PATIENCE)).unwrap(), 1);
    api::close(client).unwrap();
}

#[test]
fn a_session_that_a_server_ends_with_a_full_queue_leaves_the_others_writable() {
    library();
    let server = seqpacket_socket();
    register(server, "ended");
    let silent = SilentPeer::connect("ended");
    let session = loop {
        if let (Got::Data(_), session) = receive(server) {
            break session;
        }
    };
    let options = SendOptions { session, ..SendOptions::default() };
    fill(server, &options);
    let mut fds = [libc::pollfd { fd: server, events: libc::POLLOUT, revents: 0 }];
    assert_eq!(api::poll(&mut fds, Timeout::Now).unwrap(), 0);
    let end = SendOptions { end: Some(EndSession::Abort), ..options };
    api::sendmsg(server, &[], &end, Timeout::Now).unwrap();
    assert_eq!(api::poll(&mut fds, Timeout::After(PATIENCE)).unwrap(), 1);
    drop(silent);
    api::close(server).unwrap();
}

#[test]
fn a_blocked_send_goes_on_when_its_own_session_has_room_whatever_the_others_do() {
    library();
    let server = seqpacket_socket();
    register(server, "crowded");
    let mut sessions = Vec::new();
    let silent = [0, 1].map(|_| {
        let peer = SilentPeer::connect("crowded");
        sessions.push(loop {
            if let (Got::Data(_), session) = receive(server) {
                break session;
            }
        });
        peer
    });
    let message = vec![b'x'; 60_000];
    for session in &sessions {
        let options = SendOptions { session: *session, ..SendOptions::default() };
        while api::sendmsg(server, &message, &options, Timeout::Now).is_ok() {}
    }
    let [mut first, second] = silent;
    let first_session = sessions[0];
    let sender = std::thread::spawn(move || {
        let options = SendOptions { session: first_session, ..SendOptions::default() };
        api::sendmsg(server, &[b'x'; 60_000], &options, Timeout::After(PATIENCE)).map(|_| ())
    });
    while !sender.is_finished() {
        first.acknowledge();
    }
    sender.join().unwrap().unwrap();
    drop(second);
    api::close(server).unwrap();
}

#[test]
fn a_thread_that_waits_for_one_session_keeps_no_message_from_the_others() {
    library();
    let server = seqpacket_socket();
    register(server, "two-readers");
    let (mut clients, mut sessions) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let client = connect("two-readers");
        send(client, "hello");
        let (Got::Notification(_), session) = receive(server) else { panic!("the session comes first") };
        assert_eq!(receive(server), (Got::Data("hello".into()), session));
        clients.push(client);
        sessions.push(session);
    }
    let reader = clients[0];
    let waiting = std::thread::spawn(move || receive(reader).0);
    let answer = |session, text: &[u8]| {
        api::sendmsg(server, text, &SendOptions { session, ..SendOptions::default() }, Timeout::Now).unwrap();
    };
    // Both sessions are on the endpoint that the thread receives on; this one is watched by poll(2).
    for round in 0..100 {
        answer(sessions[1], format!("{round}").as_bytes());
        let mut entry = libc::pollfd { fd: clients[1], events: libc::POLLIN, revents: 0 };
        // SAFETY: `entry` is one pollfd.
        let ready = unsafe { libc::poll(&raw mut entry, 1, PATIENCE.as_millis() as i32) };
        assert_eq!((ready, entry.revents), (1, libc::POLLIN), "round {round}");
        assert_eq!(receive(clients[1]).0, Got::Data(format!("{round}")));
        entry.revents = 0;
        // SAFETY: as above.
        assert_eq!(unsafe { libc::poll(&raw mut entry, 1, 0) }, 0, "it is not readable any more");
    }
    answer(sessions[0], b"at last");
    assert_eq!(waiting.join().unwrap(), Got::Data("at last".into()));
    for sd in [clients[0], clients[1], server] {
        api::close(sd).unwrap();
    }
}

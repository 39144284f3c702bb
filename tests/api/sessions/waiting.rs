//! Threads that wait for messages: what ends their wait, and that none keeps another one waiting.

use crate::support::api::*;
use rserpool::api::{self, SendOptions, Timeout};
use rserpool::driver::clock;
use std::time::Duration;

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

/// A thread that waits for what does not come; it does already.
fn blocked_receive(sd: libc::c_int) -> std::thread::JoinHandle<libc::c_int> {
    blocked_in(move || receive_in_vain(sd))
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
    make_nonblocking(client);
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

//! No message that a send call took is lost in silence, however the session loses its element.

use crate::support::api::*;
use rserpool::SessionId;
use rserpool::api::{
    self, ConnectOptions, EndSession, FailoverFlags, Notification, PoolSendOptions, SendOptions, Target, Timeout,
};
use rserpool::driver::clock;
use rserpool::transport::TransportChoice;
use std::time::Duration;

const SESSION: SessionId = SessionId(1);

/// The kernel acknowledges for a process that is stopped: what it has then, nobody can send again.
fn kernel_acknowledges() -> bool {
    transport_choice() == TransportChoice::Sctp
}

/// A client of a pool whose only element is in a process of its own, with these options on.
fn client_of(pool: &str, options: &[libc::c_int], cookie_length: usize) -> (libc::c_int, ServerProcess) {
    let server = ServerProcess::start_with(library(), pool, &[("TEST_COOKIE_LENGTH", cookie_length.to_string())]);
    let client = seqpacket_socket();
    for option in options {
        api::setsockopt(client, api::SOL_RSERPOOL, *option, &1i32.to_ne_bytes()).unwrap();
    }
    api::connect(client, pool.as_bytes(), ConnectOptions::default()).unwrap();
    send(client, "first");
    assert_eq!(receive(client).0, Got::Data(format!("{}:1:first", server.id.0)));
    assert!(api::has_cookie(client).unwrap());
    (client, server)
}

fn numbered(number: usize, length: usize) -> String {
    format!("{number:<length$}")
}

/// Sends numbered messages until one is refused, or so many; how many were taken.
fn send_numbered(sd: libc::c_int, most: usize, length: usize) -> usize {
    let options = SendOptions { ppid: 99, ..SendOptions::default() };
    let sent = |number: &usize| api::sendmsg(sd, numbered(*number, length).as_bytes(), &options, Timeout::Now).is_ok();
    (0..most).take_while(sent).count()
}

/// The numbers of the messages that come to a server until the last one; cookies and news of sessions are passed over.
fn numbers_until(server: libc::c_int, last: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        if let Got::Data(text) = receive(server).0 {
            numbers.push(text.trim().parse().unwrap());
        }
    }
    numbers
}

const AUTOMATIC: [libc::c_int; 2] = [api::OPTION_AUTO_FAILOVER, api::OPTION_FAILOVER_RESEND];

#[test]
fn a_full_queue_goes_to_the_next_element_behind_a_long_cookie_and_before_what_is_new() {
    if kernel_acknowledges() {
        return;
    }
    let (client, mut hung) = client_of("long-cookie", &AUTOMATIC, 60_000);
    hung.stop();
    let taken = send_numbered(client, usize::MAX, 1_000);
    let next = seqpacket_socket();
    register(next, "long-cookie");
    hung.kill();
    // Nothing that is sent from now on overtakes.
    send(client, &numbered(taken, 1_000));
    let numbers = numbers_until(next, taken);
    assert!(numbers.iter().copied().eq(0..=taken), "{} of {taken} and one came, or not in order", numbers.len());
    api::close(client).unwrap();
    api::close(next).unwrap();
}

#[test]
fn what_waits_at_a_living_element_moves_when_the_application_fails_over() {
    if kernel_acknowledges() {
        return;
    }
    let (client, hung) = client_of("forced", &[api::OPTION_FAILOVER_RESEND], 4);
    hung.stop();
    assert_eq!(send_numbered(client, 10, 100), 10);
    let next = seqpacket_socket();
    register(next, "forced");
    api::force_failover(client, FailoverFlags { unreachable: true }, Duration::ZERO).unwrap();
    assert_eq!(numbers_until(next, 9), (0..10).collect::<Vec<_>>());
    api::close(client).unwrap();
    api::close(next).unwrap();
}

#[test]
fn without_the_option_to_resend_the_application_is_told_how_many_messages_are_lost() {
    if kernel_acknowledges() {
        return;
    }
    let (client, hung) = client_of("told", &[], 4);
    hung.stop();
    assert_eq!(send_numbered(client, 10, 100), 10);
    let next = seqpacket_socket();
    register(next, "told");
    api::force_failover(client, FailoverFlags { unreachable: true }, Duration::ZERO).unwrap();
    let failed = Notification::SendFailed { session: SESSION, element: hung.id, messages: 10 };
    let mut seen = Vec::new();
    while !seen.contains(&Got::Notification(failed)) {
        seen.push(receive(client).0);
        assert!(seen.len() < 10, "{seen:?}");
    }
    api::close(client).unwrap();
    api::close(next).unwrap();
}

#[test]
fn an_element_that_hangs_up_at_once_takes_nothing_with_it() {
    if kernel_acknowledges() {
        return;
    }
    let (client, mut killed) = client_of("hangs-up", &AUTOMATIC, 4);
    killed.stop();
    assert_eq!(send_numbered(client, 10, 100), 10);
    // Its queue of sessions that wait to be accepted is full: it refuses each further one as soon as it is up.
    let full = stream_socket();
    register(full, "hangs-up");
    api::listen(full, 1).unwrap();
    let filler = loop {
        let filler = connect("hangs-up");
        if api::getpeername(filler).unwrap().pool_element_id != killed.id {
            break filler;
        }
        api::close(filler).unwrap();
    };
    killed.kill();
    let refused = Got::Notification(Notification::FailoverComplete { session: SESSION, has_cookie: true });
    while receive(client).0 != refused {}
    let next = seqpacket_socket();
    register(next, "hangs-up");
    assert_eq!(numbers_until(next, 9), (0..10).collect::<Vec<_>>());
    for sd in [client, filler, full, next] {
        api::close(sd).unwrap();
    }
}

#[test]
fn what_is_sent_again_keeps_its_stream_and_its_kind() {
    if kernel_acknowledges() {
        return;
    }
    let (client, mut hung) = client_of("kept", &AUTOMATIC, 4);
    hung.stop();
    for number in 0..10 {
        let options = SendOptions { ppid: 70 + u32::from(number), stream: number, ..SendOptions::default() };
        api::sendmsg(client, number.to_string().as_bytes(), &options, Timeout::Now).unwrap();
    }
    let next = seqpacket_socket();
    register(next, "kept");
    hung.kill();
    let mut came = Vec::new();
    while came.len() < 10 {
        let mut buffer = [0; 100];
        let received = api::recvmsg(next, &mut buffer, Timeout::After(PATIENCE)).unwrap();
        if received.kind == api::MessageKind::Data {
            came.push((received.stream, received.ppid, String::from_utf8_lossy(&buffer[..received.len]).into_owned()));
        }
    }
    came.sort_unstable();
    let expected: Vec<_> = (0..10).map(|number| (number, 70 + u32::from(number), number.to_string())).collect();
    assert_eq!(came, expected);
    for sd in [client, next] {
        api::close(sd).unwrap();
    }
}

/// The association is cut off when it has not delivered within its time; what is left is told where somebody can hear of it.
#[test]
fn a_session_to_a_pool_that_is_closed_before_its_element_takes_the_messages_reports_them() {
    if kernel_acknowledges() {
        return;
    }
    let hung = ServerProcess::start(library(), "cut-off");
    let client = seqpacket_socket();
    let options = PoolSendOptions { target: Target::Any, ppid: 9, ..PoolSendOptions::default() };
    let to_pool = |text: &str| {
        let timeout = Timeout::After(PATIENCE);
        api::sendto_pool(client, text.as_bytes(), b"cut-off", &options, timeout).unwrap().session
    };
    let session = to_pool("first");
    while receive(client).0 != Got::Data(format!("{}:1:first", hung.id.0)) {}
    hung.stop();
    assert_eq!([to_pool("second"), to_pool("third")], [session; 2]);
    let end = SendOptions { session, end: Some(EndSession::Shutdown), ..SendOptions::default() };
    api::sendmsg(client, &[], &end, Timeout::Now).unwrap();
    let failed = Notification::SendFailed { session, element: hung.id, messages: 2 };
    while receive(client).0 != Got::Notification(failed) {}
    api::close(client).unwrap();
}

/// A connect may take as long as the program likes: it is the head start that counts.
#[test]
fn a_message_that_any_element_may_have_does_not_wait_for_one_that_hangs() {
    if kernel_acknowledges() {
        return;
    }
    let registrar = library();
    let servers = [0; 3].map(|_| ServerProcess::start(registrar, "race"));
    servers[0].stop();
    servers[1].stop();
    let client = seqpacket_socket();
    let minutes = 600_000i32.to_ne_bytes();
    api::setsockopt(client, api::SOL_RSERPOOL, api::OPTION_CONNECT_TIMEOUT_MS, &minutes).unwrap();
    let options = PoolSendOptions { target: Target::Any, failover: true, ppid: 9, ..PoolSendOptions::default() };
    for _ in 0..3 {
        let late = clock::now() + PATIENCE;
        let sent = api::sendto_pool(client, b"to any", b"race", &options, Timeout::After(PATIENCE)).unwrap();
        assert_eq!((sent.elements, sent.pool_element_id), (1, servers[2].id));
        assert!(clock::now() < late, "it goes to whoever is there when all time is over, which must not be needed");
    }
    api::close(client).unwrap();
}

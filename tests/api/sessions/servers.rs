//! Servers of all kinds and their sessions; messages and options.

use crate::support::api::*;
use rserpool::SessionId;
use rserpool::api::{self, EndSession, Notification, SendOptions, SessionChange, Timeout};
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
fn asap_152_data_never_goes_out_with_the_payload_protocol_identifier_of_asap() {
    library();
    let client = connect("ppid");
    let options = SendOptions { ppid: rserpool::wire::PPID_ASAP, ..SendOptions::default() };
    assert_eq!(api::sendmsg(client, b"x", &options, Timeout::Now).unwrap_err().errno, libc::EINVAL);
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

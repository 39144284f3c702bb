//! Servers that end, die or hang, and what their clients hear of it.

use crate::support::api::*;
use rserpool::SessionId;
use rserpool::api::{
    self, ConnectOptions, EndSession, FailoverFlags, Notification, SendOptions, SessionChange, Timeout,
};
use rserpool::driver::clock;
use rserpool::transport::TransportChoice;
use std::time::Duration;

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
        let session = session_of_first_data(reader);
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

/// As above, with data that is on its way: more than the server's SCTP has room for before the server reads. What the client's
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

//! Room in queues: who waits for it, and who is given up for lack of it.

use crate::support::api::*;
use rserpool::api::{self, EndSession, FailoverFlags, Notification, SendOptions, SessionChange, Timeout};
use std::time::Duration;

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
    assert!(bytes <= rserpool::session::UNREAD_LIMIT, "{bytes}");
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
    let session = session_of_first_data(server);
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
        sessions.push(session_of_first_data(server));
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

//! Calls on descriptors that the application made non-blocking, and how sessions and registrations stand.

use crate::support::api::*;
use rserpool::api::{
    self, ConnectOptions, EndSession, FailoverFlags, LoadInfo, Notification, RegisterOptions, SendOptions, Timeout,
    Wait,
};
use rserpool::driver::clock;
use rserpool::transport::TransportChoice;
use rserpool::wire::PolicyType;
use std::time::Duration;

fn option(sd: libc::c_int, name: libc::c_int) -> libc::c_int {
    let mut value = [0; 4];
    assert_eq!(api::getsockopt(sd, api::SOL_RSERPOOL, name, &mut value), Ok(4));
    i32::from_ne_bytes(value)
}

fn session_error(sd: libc::c_int) -> libc::c_int {
    option(sd, api::OPTION_SESSION_ERROR)
}

fn registration_error(sd: libc::c_int) -> libc::c_int {
    option(sd, api::OPTION_REGISTRATION_ERROR)
}

fn wait_for(sd: libc::c_int, events: libc::c_short) {
    let mut fds = [libc::pollfd { fd: sd, events, revents: 0 }];
    assert_eq!(api::poll(&mut fds, Timeout::After(PATIENCE)), Ok(1));
}

fn connect_errno(sd: libc::c_int, pool: &str) -> libc::c_int {
    api::connect(sd, pool.as_bytes(), ConnectOptions::default()).unwrap_err().errno
}

#[test]
fn a_nonblocking_connect_returns_at_once_and_poll_shows_that_it_is_done() {
    let server = ServerProcess::start(library(), "at-once");
    // A server that does not answer: whoever waits for it waits long.
    server.stop();
    let client = seqpacket_socket();
    assert_eq!(session_error(client), libc::ENOTCONN);
    make_nonblocking(client);
    assert_eq!(connect_errno(client, "at-once"), libc::EINPROGRESS);
    // The kernel's SCTP answers for a process that is stopped.
    if transport_choice() != TransportChoice::Sctp {
        assert_eq!(session_error(client), libc::EINPROGRESS);
    }
    assert_eq!(connect_errno(client, "at-once"), libc::EISCONN);
    server.signal(libc::SIGCONT);
    wait_for(client, libc::POLLOUT);
    assert_eq!(session_error(client), 0);
    assert_eq!(api::getpeername(client).unwrap().pool_element_id, server.id);
    api::close(client).unwrap();
}

#[test]
fn a_nonblocking_connect_to_nobody_shows_why_when_it_has_ended() {
    library();
    let client = seqpacket_socket();
    make_nonblocking(client);
    assert_eq!(connect_errno(client, "nobody-there"), libc::EINPROGRESS);
    wait_for(client, libc::POLLIN);
    assert_eq!(session_error(client), libc::ENOENT);
    api::close(client).unwrap();
}

#[test]
fn a_nonblocking_failover_returns_at_once_and_its_result_shows() {
    let server = ServerProcess::start(library(), "failover-at-once");
    let client = connect("failover-at-once");
    assert_eq!(session_error(client), 0);
    make_nonblocking(client);
    let failover = api::force_failover(client, FailoverFlags::default(), Duration::ZERO);
    assert_eq!(failover.unwrap_err().errno, libc::EINPROGRESS);
    wait_for(client, libc::POLLOUT);
    assert_eq!(session_error(client), 0);
    assert_eq!(api::getpeername(client).unwrap().pool_element_id, server.id);
    api::close(client).unwrap();
}

#[test]
fn a_blocking_connect_without_an_element_tells_why_when_asked() {
    library();
    let client = connect("nobody-there-either");
    assert_eq!(session_error(client), libc::ENOENT);
    api::close(client).unwrap();
}

#[test]
fn a_nonblocking_registration_and_its_end_return_at_once() {
    library();
    let server = seqpacket_socket();
    assert_eq!(registration_error(server), libc::ENOENT);
    make_nonblocking(server);
    let register = || {
        let (load, life) = (LoadInfo::default(), Duration::from_secs(30));
        api::register(server, b"registered-at-once", &load, life, RegisterOptions::default())
    };
    assert_eq!(register().unwrap_err().errno, libc::EINPROGRESS);
    let give_up = clock::now() + PATIENCE;
    while registration_error(server) == libc::EINPROGRESS && clock::now() < give_up {
        api::poll(&mut [], Timeout::After(Duration::from_millis(5))).unwrap();
    }
    assert_eq!(registration_error(server), 0);
    assert_eq!(register(), Ok(()), "a change never waits");
    assert_eq!(api::deregister(server, Wait::ForAnswer).unwrap_err().errno, libc::EINPROGRESS);
    assert_eq!(registration_error(server), libc::ENOENT);
    api::close(server).unwrap();
}

#[test]
fn a_registration_that_was_refused_says_so_when_asked() {
    library();
    let (first, second) = (seqpacket_socket(), seqpacket_socket());
    register(first, "refused-when-asked");
    assert_eq!(registration_error(first), 0);
    // All elements of a pool have its policy.
    let other = LoadInfo { policy: PolicyType::RANDOM, ..LoadInfo::default() };
    let life = Duration::from_secs(30);
    assert_eq!(api::register(second, b"refused-when-asked", &other, life, RegisterOptions::default()), Ok(()));
    assert_eq!(registration_error(second), libc::EPROTOTYPE);
    let why = api::last_error().expect("why it is refused");
    assert!(why.text.contains("refused-when-asked") && why.text.contains("policy"), "{why}");
    // Nobody is in its way any more: it is asked again, slowly.
    api::close(first).unwrap();
    let give_up = clock::now() + PATIENCE;
    while registration_error(second) == libc::EPROTOTYPE && clock::now() < give_up {
        api::poll(&mut [], Timeout::After(Duration::from_millis(5))).unwrap();
    }
    assert_eq!(registration_error(second), 0);
    api::close(second).unwrap();
}

/// Nothing but such news is there to be received.
fn registration_news(sd: libc::c_int, event: libc::c_short) -> libc::c_int {
    wait_for(sd, event);
    let (got, session) = receive(sd);
    let Got::Notification(Notification::RegistrationChange { element, error }) = got else { panic!("{got:?}") };
    assert_eq!((element, session.0), (api::getsockname(sd).unwrap().pool_element_id, 0));
    error
}

/// RFC 5352 section 3.1: an indication to the upper layer.
#[test]
fn who_wants_it_is_told_how_a_registration_stands_also_where_sessions_are_accepted() {
    library();
    let on = 1i32.to_ne_bytes();
    let want = |sd| api::setsockopt(sd, api::SOL_RSERPOOL, api::OPTION_REGISTRATION_EVENT, &on).unwrap();
    let (first, second) = (seqpacket_socket(), stream_socket());
    want(first);
    want(second);
    assert_eq!(option(second, api::OPTION_REGISTRATION_EVENT), 1);
    register(first, "told-of-registrations");
    assert_eq!(registration_news(first, libc::POLLIN), 0);
    let other = LoadInfo { policy: PolicyType::RANDOM, ..LoadInfo::default() };
    let life = Duration::from_secs(30);
    assert_eq!(api::register(second, b"told-of-registrations", &other, life, RegisterOptions::default()), Ok(()));
    let mut both = [libc::pollfd { fd: second, events: libc::POLLIN | libc::POLLPRI, revents: 0 }];
    assert_eq!(api::poll(&mut both, Timeout::After(PATIENCE)), Ok(1));
    assert_eq!(both[0].revents, libc::POLLPRI, "no session waits");
    assert_eq!(registration_news(second, libc::POLLPRI), libc::EPROTOTYPE);
    let nothing = api::recvmsg(second, &mut [0; 100], Timeout::After(PATIENCE));
    assert_eq!(nothing.unwrap_err().errno, libc::ENOTCONN, "as without the option");
    assert_eq!(api::poll(&mut both, Timeout::Now), Ok(0));
    api::close(first).unwrap();
    assert_eq!(registration_news(second, libc::POLLPRI), 0);
    // A session waits to be accepted, and there are no news.
    let client = connect("told-of-registrations");
    assert_eq!(api::poll(&mut both, Timeout::After(PATIENCE)), Ok(1));
    assert_eq!(both[0].revents, libc::POLLIN);
    for sd in [client, second] {
        api::close(sd).unwrap();
    }
}

#[test]
fn who_does_not_want_news_of_a_registration_gets_none() {
    library();
    let server = stream_socket();
    register(server, "not-told");
    assert_eq!(registration_error(server), 0);
    let mut all = [libc::pollfd { fd: server, events: libc::POLLIN | libc::POLLPRI, revents: 0 }];
    assert_eq!(api::poll(&mut all, Timeout::Now), Ok(0));
    let nothing = api::recvmsg(server, &mut [0; 100], Timeout::Now);
    assert_eq!(nothing.unwrap_err().errno, libc::ENOTCONN);
    api::close(server).unwrap();
}

#[test]
fn an_identifier_that_another_element_has_shows_until_it_is_free() {
    let mut server = ServerProcess::start(library(), "identifier-taken");
    let second = seqpacket_socket();
    let life = Duration::from_secs(30);
    let options = RegisterOptions { pool_element_id: Some(server.id), ..RegisterOptions::default() };
    assert_eq!(api::register(second, b"identifier-taken", &LoadInfo::default(), life, options), Ok(()));
    assert_eq!(registration_error(second), libc::EEXIST);
    let why = api::last_error().expect("why it is refused");
    assert!(why.text.contains("identifier-taken") && why.text.contains("asked again"), "{why}");
    server.kill();
    let give_up = clock::now() + PATIENCE;
    while registration_error(second) == libc::EEXIST && clock::now() < give_up {
        api::poll(&mut [], Timeout::After(Duration::from_millis(5))).unwrap();
    }
    assert_eq!(registration_error(second), 0);
    api::close(second).unwrap();
}

#[test]
fn a_session_that_its_program_has_ended_is_none_any_more() {
    let server = ServerProcess::start(library(), "ended-by-itself");
    let client = connect("ended-by-itself");
    assert_eq!(api::getpeername(client).unwrap().pool_element_id, server.id);
    let end = SendOptions { end: Some(EndSession::Shutdown), ..SendOptions::default() };
    api::sendmsg(client, &[], &end, Timeout::Now).unwrap();
    assert_eq!(session_error(client), libc::ENOTCONN);
    for nonblocking in [false, true] {
        if nonblocking {
            make_nonblocking(client);
        }
        let failover = api::force_failover(client, FailoverFlags::default(), Duration::ZERO);
        assert_eq!(failover.unwrap_err().errno, libc::ENOTCONN, "non-blocking: {nonblocking}");
    }
    api::close(client).unwrap();
}

#[test]
fn while_a_failover_searches_the_result_of_an_earlier_search_does_not_show() {
    if transport_choice() == TransportChoice::Sctp {
        return; // The kernel's SCTP answers for a process that is stopped.
    }
    library();
    let client = connect("came-later");
    assert_eq!(session_error(client), libc::ENOENT);
    let server = ServerProcess::start(library(), "came-later");
    server.stop();
    make_nonblocking(client);
    let failover = api::force_failover(client, FailoverFlags::default(), Duration::ZERO);
    assert_eq!(failover.unwrap_err().errno, libc::EINPROGRESS);
    assert_eq!(session_error(client), libc::EINPROGRESS);
    server.signal(libc::SIGCONT);
    wait_for(client, libc::POLLOUT);
    assert_eq!(session_error(client), 0);
    api::close(client).unwrap();
}

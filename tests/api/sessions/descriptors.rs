//! Descriptors of sessions in poll, select and calls of the system.

use crate::support::api::*;
use rserpool::api::{self, SendOptions, Timeout};

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

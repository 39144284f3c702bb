//! Associations that are given up: their end is told whatever the kernel says of it, and nothing is waited for on their account.
//!
//! The kernel is made to say less by its socket, which an endpoint hides: the system tells what the endpoint's epoll set holds.

use crate::support::transport::pattern;
use crate::{V4, kernel_net};
use rserpool::association::LossReason;
use rserpool::transport::{Transport, TransportError};
use std::os::fd::RawFd;

const IPPROTO_SCTP: i32 = 132;
const SCTP_EVENT: i32 = 127;
const SCTP_ALL_ASSOCIATIONS: i32 = 2;
const SCTP_ASSOC_CHANGE: u16 = 0x8001;

/// The socket of an endpoint, and the events that the endpoint waits for there.
fn watched(transport: &dyn Transport) -> (RawFd, u32) {
    let epoll = transport.poll_fd().expect("kernel SCTP has a descriptor");
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{epoll}")).expect("what is in the epoll set");
    let line = text.lines().find(|line| line.starts_with("tfd:")).expect("the socket");
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, socket, _, events, ..] = words[..] else { panic!("tfd: NUMBER events: BITS, but {line}") };
    (socket.parse().expect("a descriptor"), u32::from_str_radix(events, 16).expect("bits"))
}

fn waits_for_room(transport: &dyn Transport) -> bool {
    watched(transport).1 & libc::EPOLLOUT as u32 != 0
}

fn set_option<T>(socket: RawFd, level: i32, option: i32, value: &T) {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of `value`, which lives across the call.
    let result = unsafe { libc::setsockopt(socket, level, option, std::ptr::from_ref(value).cast(), length) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn the_end_of_an_association_that_was_given_up_comes_also_when_the_kernel_does_not_tell_it() {
    let mut net = kernel_net(V4);
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, _) = net.pair(client, server);
    // `struct sctp_event`: the association, the kind of notification, and whether it is wanted.
    let [kind_low, kind_high] = SCTP_ASSOC_CHANGE.to_ne_bytes();
    let [a, b, c, d] = SCTP_ALL_ASSOCIATIONS.to_ne_bytes();
    let (socket, _) = watched(&*net.at(client).transport);
    set_option(socket, IPPROTO_SCTP, SCTP_EVENT, &[a, b, c, d, kind_low, kind_high, 0, 0]);
    net.give_up(client, near, "enough");
    net.until("its end", |net| !net.at(client).losses().is_empty());
    assert_eq!(net.at(client).losses(), [(near, LossReason::GivenUp, vec![])]);
}

/// Fills the send buffer of an association whose peer does not answer, and lets `leave` end it.
fn interest_in_room_ends(leave: impl FnOnce(&mut crate::support::transport::Net, usize, rserpool::AssociationId)) {
    let mut net = kernel_net(V4);
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, _) = net.pair(client, server);
    assert!(net.freeze(server));
    let (socket, _) = watched(&*net.at(client).transport);
    set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, &4_096i32);
    assert!(!waits_for_room(&*net.at(client).transport));
    while !waits_for_room(&*net.at(client).transport) {
        let sent = net.send(client, near, &pattern(1_000, 0));
        assert!(!matches!(sent, Err(TransportError::WouldBlock)), "the queue is full, and room is not waited for");
    }
    leave(&mut net, client, near);
    assert!(!waits_for_room(&*net.at(client).transport), "nobody is left who would take the room");
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn room_is_not_waited_for_on_account_of_an_association_that_was_given_up() {
    interest_in_room_ends(|net, client, association| net.give_up(client, association, "enough"));
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn room_is_not_waited_for_on_account_of_an_association_that_was_aborted() {
    interest_in_room_ends(|net, client, association| net.abort(client, association, "enough"));
}

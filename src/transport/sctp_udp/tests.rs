//! An endpoint that comes late: because its thread had no processor, or because more arrives than it can look at.

use super::{SctpUdp, SctpUdpOptions};
use crate::association::PeerAddress;
use crate::transport::{EndpointConfig, OutboundMessage, Transport, TransportEvent};
use crate::{AssociationId, Time};
use dcsctp::api::DcSctpSocket;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Everything happens at once until somebody comes late.
const START: Time = Time::from_secs(1);
const LATE: Time = Time::from_secs(100);
/// And then timers run at last.
const AT_LAST: Time = Time::from_secs(101);

fn open() -> SctpUdp {
    let bind = vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)];
    let config = EndpointConfig { bind, listen: true, ..EndpointConfig::default() };
    SctpUdp::open(&config, SctpUdpOptions { seed: Some(7), ..SctpUdpOptions::default() }).expect("a free port")
}

fn address(end: &SctpUdp) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), end.local_port())
}

/// Two endpoints and the association of the first one with the second, on which a message was sent that nobody has seen yet.
fn with_a_message_under_way() -> (SctpUdp, SctpUdp, AssociationId) {
    let (mut sender, mut receiver) = (open(), open());
    let timeout = Duration::from_secs(1);
    let id = sender.connect(START, &PeerAddress::from(address(&receiver)), timeout).expect("a connect begins");
    let mut is_up = false;
    while !is_up {
        receiver.poll(START, &mut |_| {});
        sender.poll(START, &mut |event| is_up |= matches!(event, TransportEvent::Up { .. }));
    }
    sender.send(START, id, OutboundMessage::control(11, b"message")).expect("it is up");
    (sender, receiver, id)
}

/// Packets sent again.
fn repeated(end: &SctpUdp, id: AssociationId) -> usize {
    let association = end.table.slot_of(id).and_then(|slot| end.table.get(slot)).expect("it is not lost");
    association.socket.get_metrics().expect("it is up").rtx_packets_count
}

fn throw_rubbish(at: &SctpUdp, times: usize) {
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    for _ in 0..times {
        stranger.send_to(b"rubbish", address(at)).expect("it listens");
    }
}

#[test]
fn a_stall_counts_as_one_period_of_a_timer_and_not_as_all_that_would_have_passed() {
    let (mut sender, mut receiver, id) = with_a_message_under_way();
    assert!(!sender.poll(LATE, &mut |event| panic!("{event:?}")));
    assert_eq!(repeated(&sender, id), 0, "the answer may be on its way");
    assert!(sender.next_deadline().is_some_and(|at| LATE < at && at < AT_LAST));
    for _ in 0..20 {
        assert!(!sender.poll(AT_LAST, &mut |event| panic!("{event:?}")));
    }
    assert_eq!(repeated(&sender, id), 1);
    let mut received = 0;
    receiver.poll(AT_LAST, &mut |event| received += usize::from(matches!(event, TransportEvent::Message { .. })));
    assert_eq!(received, 1);
    sender.poll(AT_LAST, &mut |event| panic!("{event:?}"));
    assert!(sender.next_deadline().is_some_and(|at| at > AT_LAST), "acknowledged: only a heartbeat is left");
}

#[test]
fn what_waits_in_the_socket_is_looked_at_before_a_timer_counts() {
    let (mut sender, mut receiver, id) = with_a_message_under_way();
    throw_rubbish(&sender, 100);
    receiver.poll(START, &mut |_| {});
    let mut polls = 1;
    while sender.poll(LATE, &mut |event| panic!("{event:?}")) {
        polls += 1;
    }
    sender.poll(AT_LAST, &mut |event| panic!("{event:?}"));
    assert!(polls > 1, "the acknowledgement was behind more than one poll takes");
    assert_eq!(repeated(&sender, id), 0);
}

#[test]
fn a_flood_does_not_keep_timers_from_running() {
    let (mut sender, _receiver, id) = with_a_message_under_way();
    for round in 0..1000 {
        throw_rubbish(&sender, 100);
        let now = if round < 500 { LATE } else { AT_LAST };
        assert!(sender.poll(now, &mut |event| panic!("{event:?}")), "more comes than it can take");
        if repeated(&sender, id) > 0 {
            return;
        }
    }
    panic!("timers wait for ever");
}

#[test]
fn a_connect_that_was_answered_while_the_thread_had_no_processor_succeeds() {
    let (mut sender, mut receiver) = (open(), open());
    let timeout = Duration::from_millis(300);
    sender.connect(START, &PeerAddress::from(address(&receiver)), timeout).expect("a connect begins");
    receiver.poll(START, &mut |_| {}); // INIT ACK waits in the sender's socket
    let late = START + 2 * timeout;
    let mut is_up = false;
    for _ in 0..20 {
        sender.poll(late, &mut |event| match event {
            TransportEvent::Up { .. } => is_up = true,
            other => panic!("{other:?}"),
        });
        receiver.poll(late, &mut |_| {});
    }
    assert!(is_up);
}

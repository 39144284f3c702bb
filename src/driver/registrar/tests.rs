//! The driver's state between a scripted core and a scripted transport.

use super::backlog::{MAX_BACKLOG_ASAP, MAX_BACKLOG_PER_ASSOCIATION};
use super::state::{RegistrarCore, State};
use crate::association::{LossReason, Peer, PeerAddress, TransportKind};
use crate::driver::core_loop::impl_core;
use crate::driver::scripted::{self, Scripted};
use crate::registrar::{Action, ConnectAttempt, Event, Link};
use crate::transport::{Transport, TransportEvent};
use crate::wire::PPID_ASAP;
use crate::{AssociationId, Time};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

const NOW: Time = Time::from_secs(1);
const PEER: AssociationId = AssociationId::new(0, 1);

/// Writes down what it hears.
#[derive(Default)]
pub(super) struct Script {
    heard: Vec<String>,
    /// Room in the buffers that it got back.
    recycled: usize,
}

impl Script {
    fn handle(&mut self, _now: Time, event: Event<'_>, _actions: &mut Vec<Action>) {
        self.heard.push(match event {
            Event::AssociationUp { association, attempt, .. } => format!("up {association} {attempt:?}"),
            Event::AssociationLost { association, .. } => format!("lost {association}"),
            Event::ConnectFailed { attempt, .. } => format!("failed {}", attempt.0),
            other => format!("{other:?}"),
        });
    }

    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

impl_core!(Script: Event, Action, ConnectAttempt);

impl RegistrarCore for Script {
    fn recycle(&mut self, bytes: Vec<u8>) {
        self.recycled += bytes.capacity();
    }
}

/// A transport that takes `room` messages, then refuses, as it does all connects.
fn with_room(room: usize) -> Scripted {
    let script =
        scripted::Script { room: Some(room), refuses_connects: Some(libc::EMFILE), ..scripted::Script::default() };
    Scripted(Arc::new(Mutex::new(script)))
}

fn with_peer() -> State<Script> {
    let mut state = State::new(Script::default());
    let address = PeerAddress::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2);
    let peer = Peer { address, inbound: true, kind: TransportKind::Memory };
    state.on_transport_event(NOW, Link::Asap, TransportEvent::Up { association: PEER, peer });
    state
}

#[test]
fn messages_wait_in_order_for_a_peer_that_is_slow_for_a_while() {
    let mut state = with_peer();
    let mut transport = with_room(1);
    for byte in 1..=3u8 {
        state.send(NOW, &mut transport, PEER, vec![byte]);
    }
    assert_eq!(transport.0.lock().sent, [(PPID_ASAP, vec![1])]);
    transport.0.lock().room = Some(9);
    state.on_transport_event(NOW, Link::Asap, TransportEvent::Writable { association: PEER });
    assert_eq!(state.writable, [PEER]);
    state.flush(NOW, &mut transport, PEER);
    assert_eq!(transport.0.lock().sent.iter().map(|(_, m)| m[0]).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(state.metrics().backlog_bytes, 0);
}

#[test]
fn a_peer_that_never_reads_loses_its_association_and_the_core_hears_of_it() {
    let mut state = with_peer();
    let mut transport = with_room(0);
    for _ in 0..MAX_BACKLOG_PER_ASSOCIATION / 1000 + 1 {
        state.send(NOW, &mut transport, PEER, vec![0; 1000]);
        assert!(state.metrics().backlog_bytes <= MAX_BACKLOG_PER_ASSOCIATION);
    }
    assert_eq!(transport.0.lock().aborted, [PEER]);
    assert!(state.core.has_news(), "the next round comes at once");
    state.core.report_news(NOW);
    assert_eq!(state.core.core().heard.last().map(String::as_str), Some("lost 0/1"));
    assert_eq!(state.metrics().backlog_bytes, 0);
    assert_eq!(state.metrics().slow_peers_aborted, 1);
    assert_eq!(state.metrics().associations, 0);
}

#[test]
fn sec_when_all_memory_for_waiting_messages_is_used_up_the_one_with_most_pays() {
    let mut state = with_peer();
    let mut transport = with_room(0);
    let hoarders = (100..).map(|number| AssociationId::new(0, number)).take(MAX_BACKLOG_ASAP / (250 << 10));
    for association in hoarders {
        let address = PeerAddress::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2);
        let peer = Peer { address, inbound: true, kind: TransportKind::Memory };
        state.on_transport_event(NOW, Link::Asap, TransportEvent::Up { association, peer });
        state.send(NOW, &mut transport, association, vec![0; 250 << 10]);
    }
    assert_eq!(state.who_pays(), None);
    for _ in 0..100 {
        state.send(NOW, &mut transport, PEER, vec![0; 2000]);
    }
    let hoarder = state.who_pays().expect("there is too much");
    assert_ne!(hoarder, PEER);
    state.make_pay(NOW, &mut transport, hoarder);
    assert_eq!(transport.0.lock().aborted, [hoarder]);
    assert_eq!((state.who_pays(), state.metrics().slow_peers_aborted), (None, 1));
    state.core.report_news(NOW);
    assert_eq!(state.core.core().heard.last(), Some(&format!("lost {hoarder}")));
}

#[test]
fn a_message_that_waits_does_not_keep_the_large_buffer_that_it_was_made_in() {
    let mut state = with_peer();
    let mut transport = with_room(0);
    let mut message = Vec::with_capacity(16 << 10);
    message.extend([7; 20]);
    state.send(NOW, &mut transport, PEER, message);
    assert_eq!(state.core.core().recycled, 16 << 10, "the buffer is free for the next answer");
    transport.0.lock().room = Some(1);
    state.flush(NOW, &mut transport, PEER);
    assert_eq!(transport.0.lock().sent, [(PPID_ASAP, vec![7; 20])]);
}

#[test]
fn a_loss_that_the_transport_reports_after_our_abort_is_not_told_twice() {
    let mut state = with_peer();
    state.forget(PEER);
    let lost = TransportEvent::Lost { association: PEER, reason: LossReason::Unreachable, undelivered: Vec::new() };
    state.on_transport_event(NOW, Link::Asap, lost);
    assert!(state.core.core().heard.iter().all(|line| !line.starts_with("lost")));
}

#[test]
fn a_connect_that_fails_at_once_is_told_in_the_next_round() {
    let mut state = State::new(Script::default());
    let mut transport = with_room(0);
    let peer = PeerAddress::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2);
    let result = transport.connect(NOW, &peer, Duration::from_secs(1));
    state.on_connect_started(ConnectAttempt(7), result);
    assert!(state.core.core().heard.is_empty());
    assert!(state.core.has_news(), "the next round comes at once");
    state.core.report_news(NOW);
    assert_eq!(state.core.core().heard, ["failed 7"]);
}

#[test]
fn a_connect_of_ours_comes_up_with_its_attempt() {
    let mut state = State::new(Script::default());
    state.on_connect_started(ConnectAttempt(7), Ok(PEER));
    let address = PeerAddress::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2);
    let peer = Peer { address, inbound: false, kind: TransportKind::Memory };
    state.on_transport_event(NOW, Link::Enrp, TransportEvent::Up { association: PEER, peer });
    assert_eq!(state.core.core().heard, ["up 0/1 Some(ConnectAttempt(7))"]);
}

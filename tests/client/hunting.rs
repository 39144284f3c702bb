//! Looking for registrars beyond the clauses: slow connects, rounds, and registrars that hang up.

use crate::support::client::*;
use rserpool::asap::{AsapConfig, Event, RequestError};
use rserpool::association::TransportKind::{SctpUdp, Tcp};
use rserpool::association::{LossReason, PeerAddress};
use rserpool::message::AsapMessage;
use rserpool::wire::{AddressList, TransportParameter, TransportUse};
use std::time::Duration;

#[test]
fn nobody_reachable_fails_a_request_within_its_time_and_says_how_often_it_was_tried() {
    let mut client = Client::new(config(1, SCTP));
    let mut connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let mut completed = Vec::new();
    let mut tried = 0;
    for _ in 0..60 {
        for connect in std::mem::take(&mut connects) {
            tried += 1;
            client.refused(connect.0);
        }
        let done = client.advance(ms(100));
        connects = done.connects();
        completed.extend(done.completed());
    }
    let waited = AsapConfig::default().max_request_time;
    assert_eq!(completed, [(1, Err(RequestError::NoRegistrar { attempts: tried, waited }))]);
    assert!(tried >= 3);
    assert_eq!(client.core.next_deadline(), None, "no hunt without need");
}

/// A request has `trials` rounds of connects, whether they are refused or nobody answers; one made later has as many of its own.
#[test]
fn requests_fail_after_as_many_rounds_of_connects_as_they_may_have() {
    let no_registrar = |done: &Done| match &done.completed()[..] {
        [(request, Err(RequestError::NoRegistrar { .. }))] => Some(*request),
        [] => None,
        other => panic!("{other:?}"),
    };
    for refused in [false, true] {
        let connect_timeout = AsapConfig::default().t5_server_hunt;
        let mut client = Client::new(AsapConfig { max_connect_trials: Some(2), connect_timeout, ..config(2, SCTP) });
        let round = |client: &mut Client, connects: Vec<Connect>| {
            let mut failed: Vec<u64> = Vec::new();
            for connect in connects.into_iter().filter(|_| refused) {
                failed.extend(no_registrar(&client.refused(connect.0)));
            }
            // To the end of T5.
            loop {
                let done = client.advance_to_deadline();
                failed.extend(no_registrar(&done));
                if !done.connects().is_empty() {
                    return (failed, done.connects());
                }
            }
        };
        let first = client.request(1, resolve(None, Duration::ZERO)).connects();
        assert_eq!(first.len(), 2);
        let (failed, second) = round(&mut client, first);
        assert_eq!((failed, second.len()), (vec![], 2));
        // From now on only SCTP will do, so the round begins anew.
        let second = client.request(2, register(9)).connects();
        let (failed, third) = round(&mut client, second);
        assert_eq!((failed, third.len()), (vec![1], 2), "refused: {refused}");
        let (failed, fourth) = round(&mut client, third);
        assert_eq!(failed, [2], "refused: {refused}");
        // The element is still to be registered.
        let (_, done) = client.up(&fourth[0]);
        assert!(matches!(done.sent()[..], [(_, AsapMessage::Registration(_))]), "{:?}", done.sent());
    }
}

#[test]
fn a_registrar_that_hangs_up_on_us_is_left_alone_for_longer_each_time() {
    let mut client = Client::new(AsapConfig { max_request_time: Duration::from_secs(60), ..config(1, SCTP) });
    let mut connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let mut tried = 0;
    for _ in 0..600 {
        for connect in std::mem::take(&mut connects) {
            tried += 1;
            let (association, _) = client.up(&connect);
            connects.extend(client.lost(association).connects());
        }
        connects.extend(client.advance(ms(100)).connects());
    }
    assert!((4..20).contains(&tried), "{tried} connects in a minute");
}

/// Two endpoints have one association: a connect to it would fail for ever (seed 9010150 of the simulation).
#[test]
fn a_registrar_that_is_connected_with_us_is_asked_without_a_connect() {
    let mut client = Client::new(config(1, SCTP));
    let (theirs, _) = client.inbound(1);
    let done = client.request(1, register(1));
    assert!(done.connects().is_empty());
    assert!(matches!(done.sent()[..], [(over, AsapMessage::Registration(_))] if over == theirs), "{:?}", done.sent());
}

/// Connects may take ten times T5.
fn patient(registrars: u8, transports: &[rserpool::association::TransportKind]) -> AsapConfig {
    AsapConfig { t5_server_hunt: ms(100), connect_timeout: ms(1000), ..config(registrars, transports) }
}

#[test]
fn a_connect_that_takes_longer_than_t5_goes_on_where_there_is_nobody_else_to_try() {
    let mut client = Client::new(patient(1, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert!(client.advance(ms(300)).0.is_empty(), "T5 has expired, no connect is given up or made anew");
    let (home, done) = client.up(&connects[0]);
    assert_eq!(client.core.home_registrar().map(|registrar| registrar.association), Some(home));
    assert!(done.cancelled_connects().is_empty());
}

#[test]
fn a_connect_that_has_had_its_time_is_begun_anew() {
    let mut client = Client::new(patient(1, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    // T5 expires after 100, 300, 700, 1500 ms.
    assert!(client.advance(ms(1499)).0.is_empty());
    let done = client.advance(ms(1));
    assert_eq!(done.cancelled_connects(), [connects[0].0]);
    assert_eq!(done.connects().len(), 1);
}

#[test]
fn at_t5_the_oldest_of_the_slow_connects_makes_room_for_a_registrar_not_tried_yet() {
    let mut client = Client::new(patient(4, SCTP));
    let first = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(first.len(), 3);
    let done = client.advance(ms(100));
    assert_eq!(done.cancelled_connects(), [first[0].0]);
    let next = done.connects();
    assert_eq!(next.len(), 1);
    assert!(first.iter().all(|connect| connect.2 != next[0].2), "{next:?}");
    // One that went on is the first to answer.
    let (_, done) = client.up(&first[2]);
    assert_eq!(done.cancelled_connects(), [first[1].0, next[0].0]);
}

#[test]
fn with_one_connect_at_a_time_it_has_its_time_before_others_have_their_turn() {
    let mut client = Client::new(AsapConfig { max_parallel_connects: 1, ..patient(2, SCTP) });
    let first = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert!(client.advance(ms(999)).0.is_empty());
    let next = client.refused(first[0].0).connects();
    assert_eq!(next.len(), 1);
    assert_ne!(next[0].2, first[0].2);
}

#[test]
fn beside_a_way_that_is_slow_the_next_way_to_the_same_registrar_is_tried() {
    let mut client = Client::new(patient(1, &[SctpUdp, Tcp]));
    let slow = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(slow[0].1, SctpUdp);
    let done = client.advance(ms(100));
    let beside = done.connects();
    assert_eq!((beside[0].1, done.cancelled_connects().len()), (Tcp, 0));
    assert!(client.advance(ms(200)).0.is_empty(), "there is no third way");
    // Whatever becomes of the slow one, no way is tried twice.
    assert!(client.refused(slow[0].0).0.is_empty());
    let (home, _) = client.up(&beside[0]);
    assert_eq!(client.core.home_registrar().map(|registrar| registrar.association), Some(home));
}

#[test]
fn an_announcement_gives_tcp_and_sctp_each_its_own_address() {
    let mut client = Client::new(config(0, &[Tcp, SctpUdp]));
    let tcp =
        TransportParameter::Tcp { port: 7000, transport_use: TransportUse::DataOnly, address: [10, 0, 0, 5].into() };
    let sctp = TransportParameter::Sctp {
        port: 7001,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[[10, 0, 0, 6].into()]),
    };
    client.announcement("10.0.0.9:3863", 5, vec![tcp, sctp]);
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!((connects[0].1, &connects[0].2), (Tcp, &PeerAddress::new([10, 0, 0, 5].into(), 7000)));
    let connects = client.refused(connects[0].0).connects();
    assert_eq!((connects[0].1, &connects[0].2), (SctpUdp, &PeerAddress::new([10, 0, 0, 6].into(), 7001)));
}

#[test]
fn losing_the_old_link_after_a_move_does_not_touch_the_new_one() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.message(home, registered_beside(1, &[(9, 9)]));
    let (other, _) = client.inbound(9);
    client.message(other, keep_alive(true, 9, POOL, Some(1)));
    assert!(client.event(Event::AssociationLost { association: home, reason: LossReason::Closed }).0.is_empty());
    assert_eq!(client.core.home_registrar().unwrap().association, other);
}

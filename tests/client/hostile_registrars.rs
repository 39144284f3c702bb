//! Registrars, and whoever sends announcements, that send what makes no sense, or too much of it.

use crate::support::client::*;
use rserpool::asap::{AsapConfig, Event, RequestId};
use rserpool::association::TransportKind::Memory;
use rserpool::message::AsapMessage;
use std::time::Duration;

#[test]
fn garbage_makes_us_leave_a_registrar_after_a_while_and_ask_another() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let used = client.core.home_registrar().unwrap().peer.clone();
    let mut left = Done::default();
    for n in 0..100 {
        left = client.bytes(home, &[0x06, 0, 0, 60, n]);
        if !left.aborts().is_empty() {
            break;
        }
    }
    assert_eq!(left.aborts(), [home]);
    assert_ne!(left.connects()[0].2, used);
    assert_eq!(left.connects().len(), 1, "and not come back at once");
}

#[test]
fn messages_that_only_registrars_get_are_garbage_from_a_registrar() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    let registration = registration_in_both_units(element(1));
    let mut aborted = false;
    for _ in 0..40 {
        let done = client.message(home, AsapMessage::Registration(registration.clone()));
        assert!(done.sent().is_empty());
        aborted |= !done.aborts().is_empty();
    }
    assert!(aborted);
}

#[test]
fn error_reports_are_limited() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    let mut bytes = encode(keep_alive(false, 1, "x", None));
    bytes.extend([0xc0, 0xff, 0, 4]);
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    bytes[2..4].copy_from_slice(&length);
    let reports: usize = (0..1000).map(|_| client.bytes(home, &bytes).sent().len()).sum();
    assert!((1..50).contains(&reports), "{reports}");
}

#[test]
fn adoptions_are_limited() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    let others: Vec<_> = (0..30).map(|n| (100 + n, 9)).collect();
    let mut home = home;
    let mut adopted = 0;
    for n in 0..30 {
        client.message(home, registered_beside(1, &others));
        let (other, _) = client.inbound(9);
        if !client.message(other, keep_alive(true, 100 + n, POOL, Some(1))).shutdowns().is_empty() {
            (home, adopted) = (other, adopted + 1);
        }
    }
    assert!((1..10).contains(&adopted), "{adopted}");
}

#[test]
fn inbound_associations_are_bounded_and_the_oldest_goes() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.message(home, registered(1, None));
    let max = AsapConfig::default().max_inbound_associations;
    let mut all = Vec::new();
    for _ in 0..max {
        let (association, done) = client.inbound(9);
        assert!(done.0.is_empty());
        all.push(association);
    }
    assert_eq!(client.inbound(9).1.aborts(), [all[0]]);
    assert!(client.message(all[0], keep_alive(false, 1, POOL, None)).0.is_empty());
    assert_eq!(client.message(all[1], keep_alive(false, 1, POOL, None)).sent().len(), 1);
}

#[test]
fn junk_on_the_announcement_group_is_ignored() {
    let mut client = Client::new(config(0, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let from = "10.0.0.9:3863".parse().unwrap();
    let other = encode(registered(1, None));
    for bytes in [&[][..], &[0x0a], &[0x0a, 0, 0, 8, 1], &[0xff; 200], &other] {
        assert!(client.event(Event::Announcement { from, bytes }).0.is_empty());
    }
    for n in 0..1000u16 {
        let [high, low] = n.to_be_bytes();
        client.announcement(&format!("10.1.{high}.{low}:3863"), u32::from(n), Vec::new());
    }
    let most = AsapConfig::default().max_registrars;
    let mut tried = std::collections::BTreeSet::new();
    for _ in 0..200 {
        tried.extend(client.advance(ms(10)).connects().into_iter().map(|connect| connect.2.to_string()));
    }
    assert!(tried.len() <= most);
}

#[test]
fn events_about_unknown_things_are_ignored() {
    let (mut client, _) = Client::connected(config(1, SCTP));
    assert!(client.lost(association(77)).0.is_empty());
    assert!(client.message(association(77), resolved(None, &[1])).0.is_empty());
    assert!(client.refused(rserpool::asap::ConnectAttempt(77)).0.is_empty());
    assert!(client.event(Event::Cancel(RequestId(77))).0.is_empty());
    let done = client.event(Event::AssociationUp {
        association: association(78),
        attempt: Some(rserpool::asap::ConnectAttempt(77)),
        peer: registrar_address(1),
        kind: Memory,
    });
    assert_eq!(done.shutdowns(), [association(78)]);
}

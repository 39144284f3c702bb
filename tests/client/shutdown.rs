//! The end of the library.

use crate::support::client::*;
use rserpool::asap::{AsapConfig, Event, RequestError};
use std::time::Duration;

#[test]
fn shutdown_deregisters_then_closes_everything() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    for id in [1, 2] {
        client.request(u64::from(id), register(id));
        client.message(home, registered(id, None));
    }
    let (other, _) = client.inbound(9);
    client.request(3, resolve(None, Duration::ZERO));
    let done = client.event(Event::Shutdown);
    assert_eq!(done.completed(), [(3, Err(RequestError::Cancelled))]);
    assert_eq!(done.sent().len(), 2);
    assert!(!client.message(home, deregistered(2)).is_shutdown_complete());
    let done = client.message(home, deregistered(1));
    assert_eq!(done.shutdowns(), [home, other]);
    assert!(done.is_shutdown_complete());
    assert_eq!(client.core.next_deadline(), None);
    let done = client.request(4, resolve(None, Duration::ZERO));
    assert_eq!(done.completed(), [(4, Err(RequestError::Cancelled))]);
    assert!(client.event(Event::Shutdown).0.is_empty());
}

#[test]
fn shutdown_waits_no_longer_than_it_may_nor_for_a_registrar_that_is_gone() {
    for gone in [false, true] {
        let (mut client, home) = Client::connected(config(1, SCTP));
        client.request(1, register(1));
        client.message(home, registered(1, None));
        assert!(!client.event(Event::Shutdown).is_shutdown_complete());
        let done = if gone { client.lost(home) } else { client.advance(AsapConfig::default().shutdown_timeout) };
        assert!(done.is_shutdown_complete());
        assert!(done.connects().is_empty());
    }
}

#[test]
fn shutdown_while_hunting_gives_up_the_connects() {
    let mut client = Client::new(config(3, SCTP));
    client.request(1, register(1));
    let done = client.event(Event::Shutdown);
    assert_eq!(done.cancelled_connects().len(), 3);
    assert!(done.is_shutdown_complete());
}

//! What holds for all messages.

use super::with_element;
use crate::support::client::*;
use rserpool::asap::Event;
use rserpool::message::AsapMessage;
use rserpool::message::asap::Error;
use rserpool::wire::{Cause, OperationalError, PPID_ENRP, Policy};
use std::time::Duration;

#[test]
fn asap_020_021_unknown_items_are_reported_with_their_cause_and_errors_never() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    // A message type that the RFC does not know, with the bits 01: discard and report.
    let done = client.bytes(home, &[0x4f, 0, 0, 4]);
    let causes = |done: &Done| match &done.sent()[..] {
        [(_, AsapMessage::Error(error))] => error.error.causes.iter().map(|cause| cause.cause).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(causes(&done), [Cause::UnrecognizedMessage]);
    // An unknown parameter 0xc0ff behind a good response: reported, and the response still counts.
    client.request(1, resolve(None, Duration::ZERO));
    let mut bytes = encode(resolved(Some(Policy::RoundRobin), &[3]));
    bytes.extend([0xc0, 0xff, 0, 4]);
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    bytes[2..4].copy_from_slice(&length);
    let done = client.bytes(home, &bytes);
    assert_eq!(causes(&done), [Cause::UnrecognizedParameter]);
    assert_eq!(done.elements(1), [3]);
    // Two ends that answer errors by errors would never stop.
    let error = Error { error: OperationalError::of(Cause::UnrecognizedMessage) };
    let mut bytes = encode(AsapMessage::Error(error));
    assert!(client.bytes(home, &bytes).0.is_empty());
    bytes.truncate(5);
    assert!(client.bytes(home, &bytes).0.is_empty());
}

#[test]
fn asap_149_one_core_serves_as_element_and_as_user() {
    let (mut client, home) = with_element();
    client.request(2, resolve(None, Duration::ZERO));
    assert_eq!(client.message(home, resolved(None, &[1])).elements(2), [1]);
    assert_eq!(client.message(home, keep_alive(false, 5, POOL, Some(1))).sent().len(), 1);
}

#[test]
fn asap_150_a_message_with_another_ppid_is_not_taken() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let bytes = encode(resolved(None, &[2]));
    let done = client.event(Event::Message { association: home, ppid: PPID_ENRP, bytes: &bytes });
    assert!(done.0.is_empty());
    assert_eq!(client.message(home, resolved(None, &[3])).elements(1), [3]);
}

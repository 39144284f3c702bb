//! The life of a registration, in seconds for whoever reads seconds.

use super::with_element;
use crate::support::client::*;
use rserpool::asap::Outcome;
use rserpool::message::AsapMessage;
use rserpool::message::asap::Error;
use rserpool::wire::{Cause, ErrorCause, OperationalError};
use std::time::Duration;

/// RFC 5352 section 3.1, R2.3, and RFC 5354 section 3.10: the life is in seconds. Who may be rsplib, which reads milliseconds, gets both.
#[test]
fn asap_030_a_registrar_that_takes_the_life_in_seconds_gets_nothing_else_from_then_on() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, done) = client.up(&connects[0]);
    assert_eq!(done.sent(), [(home, registration_in_both_units(element(1)).into())]);
    let done = client.message(home, registered_for(1, element(1).registration_life));
    assert_eq!(done.completed(), [(1, Ok(Outcome::Registered))]);
    assert!(done.sent().is_empty(), "it has been understood: nothing is to be put right");
    let next = (home, AsapMessage::from(registration_in_seconds(element(1))));
    assert_eq!(client.advance(Duration::from_secs(31)).sent(), [next]);
    // Another registrar has to show it anew.
    let connects = client.lost(home).connects();
    let (other, done) = client.up(&connects[0]);
    assert_eq!(done.sent(), [(other, registration_in_both_units(element(1)).into())]);
}

/// RFC 5354 section 3: a registrar that does not know the parameter skips and reports it, before its answer or after it.
#[test]
fn asap_030_a_registrar_that_reports_the_parameter_gets_the_life_in_seconds_at_once() {
    for report_comes_first in [true, false] {
        let mut client = Client::new(config(1, SCTP));
        let connects = client.request(1, register(1)).connects();
        let (home, _) = client.up(&connects[0]);
        let (report, response) = (reported(&[0xc0, 0x3f, 0, 8, 0, 0, 0, 90]), registered(1, None));
        let (first, second) = if report_comes_first { (report, response) } else { (response, report) };
        assert!(client.message(home, first).sent().is_empty());
        let again = (home, AsapMessage::from(registration_in_seconds(element(1))));
        assert_eq!(client.message(home, second).sent(), [again]);
        assert!(client.message(home, registered(1, None)).sent().is_empty(), "once is enough");
    }
}

#[test]
fn a_registrar_that_says_nothing_about_the_life_goes_on_getting_milliseconds() {
    let (mut client, home) = with_element();
    // Another error is no report of that kind, not even in the same message.
    let other = ErrorCause { cause: Cause::UnrecognizedParameter, info: vec![0xc0, 0x40, 0, 4] };
    let ours = ErrorCause { cause: Cause::UnrecognizedParameter, info: vec![0xc0, 0x3f, 0, 4] };
    for causes in [vec![], vec![other.clone()], vec![ours, other]] {
        let error = AsapMessage::Error(Error { error: OperationalError { causes } });
        assert!(client.message(home, error).sent().is_empty());
    }
    let again = (home, AsapMessage::from(registration_in_both_units(element(1))));
    assert_eq!(client.advance(Duration::from_secs(31)).sent(), [again]);
}

#[test]
fn an_element_that_is_refused_is_not_registered_again_because_of_the_unit() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, _) = client.up(&connects[0]);
    client.message(home, registered(1, Some(Cause::InconsistentPoolingPolicy)));
    assert!(client.message(home, reported(&[0xc0, 0x3f, 0, 8, 0, 0, 0, 90])).sent().is_empty());
}

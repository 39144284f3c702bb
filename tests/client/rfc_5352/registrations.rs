//! Registrations and de-registrations (RFC 5352 sections 3.1 and 3.2).

use super::with_element;
use crate::support::client::*;
use rserpool::PoolElementId;
use rserpool::asap::{AsapConfig, Outcome, RegistrationState, RequestError};
use rserpool::association::TransportKind::{SctpUdp, Tcp};
use rserpool::message::AsapMessage;
use rserpool::message::asap::Deregistration;
use rserpool::wire::{Cause, OperationalError};
use std::time::Duration;

#[test]
fn asap_002_004_008_023_067_registrations_go_over_sctp_even_where_tcp_is_preferred() {
    let mut client = Client::new(config(1, &[Tcp, SctpUdp]));
    let connects = client.request(1, register(1)).connects();
    assert_eq!(connects.iter().map(|c| c.1).collect::<Vec<_>>(), [SctpUdp]);
}

#[test]
fn asap_002_a_user_on_tcp_that_becomes_an_element_moves_to_sctp_and_registers_only_there() {
    let (mut client, tcp) = Client::connected(config(1, &[Tcp, SctpUdp]));
    let done = client.request(1, register(1));
    assert!(done.sent().is_empty(), "nothing is registered over TCP");
    let connects = done.connects();
    assert_eq!(connects.iter().map(|c| c.1).collect::<Vec<_>>(), [SctpUdp]);
    // Resolutions go on meanwhile.
    assert_eq!(client.request(2, resolve(None, Duration::ZERO)).sent()[0].0, tcp);
    let (sctp, done) = client.up(&connects[0]);
    assert_eq!(done.shutdowns(), [tcp]);
    assert!(done.sent().iter().all(|(association, _)| *association == sctp));
    assert!(matches!(done.sent()[0].1, AsapMessage::Registration(_)));
    assert!(matches!(done.sent()[1].1, AsapMessage::HandleResolution(_)), "what is under way moves, too");
}

#[test]
fn asap_006_027_028_032_034_a_registration_carries_handle_and_element_as_given() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(0xabcd)).connects();
    let (_, done) = client.up(&connects[0]);
    let expected = registration_in_both_units(element(0xabcd));
    assert_eq!(done.sent()[0].1, AsapMessage::Registration(expected));
}

#[test]
fn asap_010_065_066_a_deregistration_names_the_element_as_registered() {
    let (mut client, home) = with_element();
    let expected = Deregistration { pool_handle: handle(), pool_element_id: PoolElementId(1) };
    assert_eq!(client.request(2, deregister(1)).sent(), [(home, AsapMessage::Deregistration(expected))]);
    assert_eq!(client.message(home, deregistered(1)).completed(), [(2, Ok(Outcome::Deregistered))]);
    assert_eq!(client.core.next_deadline(), None, "no timer is left of it");
}

/// RFC 5352 section 3.1: an indication to the upper layer.
#[test]
fn how_a_registration_stands_is_told_whenever_that_changes() {
    let odd = Cause::InconsistentPoolingPolicy;
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, done) = client.up(&connects[0]);
    assert_eq!(done.registrations(), [], "it waits, as it did from the beginning");
    let accepted = client.message(home, registered(1, None));
    assert_eq!(accepted.registrations(), [RegistrationState::Registered]);
    client.advance(Duration::from_secs(30));
    assert_eq!(client.message(home, registered(1, None)).registrations(), [], "it is as it was");
    client.advance(Duration::from_secs(30));
    let refused = client.message(home, registered(1, Some(odd)));
    assert_eq!(refused.registrations(), [RegistrationState::RefusedForNow(odd)]);
    assert_eq!(client.advance(Duration::from_secs(1)).registrations(), [], "it is asked again");
    let accepted = client.message(home, registered(1, None));
    assert_eq!(accepted.registrations(), [RegistrationState::Registered]);
    assert_eq!(client.lost(home).registrations(), [RegistrationState::Waiting]);
}

#[test]
fn asap_031_041_042_an_element_registers_again_at_each_t4() {
    let (mut client, home) = with_element();
    for _ in 0..5 {
        assert!(client.advance(Duration::from_millis(29_999)).0.is_empty());
        let expected = registration_in_both_units(element(1));
        assert_eq!(client.advance(ms(1)).sent(), [(home, AsapMessage::Registration(expected))]);
        client.message(home, registered(1, None));
    }
}

#[test]
fn asap_036_037_after_t2_another_registrar_is_asked() {
    let mut client = Client::new(AsapConfig { max_parallel_connects: 1, ..config(2, SCTP) });
    let first = client.request(1, register(1)).connects();
    let (silent, _) = client.up(&first[0]);
    assert!(client.advance(ms(1999)).0.is_empty());
    let done = client.advance(ms(1));
    assert_eq!(done.aborts(), [silent]);
    let second = done.connects();
    assert_ne!(second[0].2, first[0].2);
    let (home, done) = client.up(&second[0]);
    assert!(matches!(done.sent()[..], [(association, AsapMessage::Registration(_))] if association == home));
    assert_eq!(client.message(home, registered(1, None)).completed(), [(1, Ok(Outcome::Registered))]);
}

#[test]
fn asap_036_a_registrar_that_is_heard_meanwhile_has_four_times_t2() {
    let max_request_time = Duration::from_secs(60);
    let mut client = Client::new(AsapConfig { max_parallel_connects: 1, max_request_time, ..config(2, SCTP) });
    let first = client.request(1, register(1)).connects();
    let (slow, _) = client.up(&first[0]);
    for _ in 0..7 {
        assert!(client.advance(ms(1000)).aborts().is_empty());
        client.message(slow, keep_alive(false, 5, POOL, Some(1)));
    }
    assert!(client.advance(ms(999)).aborts().is_empty());
    assert_eq!(client.advance(ms(1)).aborts(), [slow], "it does not answer, whatever else it says");
}

#[test]
fn asap_038_070_085_responses_stop_their_timers() {
    let (mut client, home) = with_element();
    client.request(2, deregister(1));
    client.request(3, resolve(None, Duration::ZERO));
    client.message(home, resolved(None, &[1]));
    client.message(home, deregistered(1));
    assert_eq!(client.core.next_deadline(), None);
}

#[test]
fn asap_039_a_rejected_registration_is_told_and_not_repeated() {
    for cause in [Cause::RejectedForSecurity, Cause::InvalidValues] {
        let mut client = Client::new(config(1, SCTP));
        let connects = client.request(1, register(1)).connects();
        let (home, _) = client.up(&connects[0]);
        let done = client.message(home, registered(1, Some(cause)));
        assert_eq!(done.completed(), [(1, Err(RequestError::Rejected(OperationalError::of(cause))))]);
        assert!(client.advance(Duration::from_secs(100_000)).0.is_empty());
    }
}

#[test]
fn asap_039_lack_of_resources_is_nothing_to_correct_and_the_registrar_is_asked_again_less_and_less_often() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, _) = client.up(&connects[0]);
    for pause in [30, 60, 120, 240, 300, 300] {
        client.message(home, registered(1, Some(Cause::LackOfResources)));
        assert!(client.advance(Duration::from_secs(pause) - ms(1)).0.is_empty());
        assert_eq!(client.advance(ms(1)).sent().len(), 1, "after {pause} s");
    }
    client.message(home, registered(1, None));
    assert_eq!(client.advance(Duration::from_secs(30)).sent().len(), 1, "T4-reregistration");
}

/// A new version of a program has another policy, and starts before the last element of the old one has left.
#[test]
fn asap_039_a_pool_of_another_kind_is_asked_for_until_it_has_ended() {
    for cause in [Cause::InconsistentPoolingPolicy, Cause::InconsistentTransportType, Cause::InconsistentDataControl] {
        let mut client = Client::new(config(1, SCTP));
        let connects = client.request(1, register(1)).connects();
        let (home, _) = client.up(&connects[0]);
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            client.message(home, registered(1, Some(cause)));
            let state = client.core.registration_state(&handle(), PoolElementId(1));
            assert_eq!(state, Some(RegistrationState::RefusedForNow(cause)));
            assert!(client.advance(Duration::from_secs(pause) - ms(1)).0.is_empty());
            assert_eq!(client.advance(ms(1)).sent().len(), 1, "after {pause} s");
        }
        client.message(home, registered(1, None));
        let state = client.core.registration_state(&handle(), PoolElementId(1));
        assert_eq!(state, Some(RegistrationState::Registered));
    }
}

/// A host that has rebooted quickly registers the identifier that it had before, while the registrar still has the element that died.
#[test]
fn asap_039_an_identifier_that_is_taken_is_asked_for_until_the_element_that_has_it_is_gone() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, _) = client.up(&connects[0]);
    let taken = RegistrationState::RefusedForNow(Cause::NonUniquePoolElementId);
    for pause in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
        client.message(home, registered(1, Some(Cause::NonUniquePoolElementId)));
        assert_eq!(client.core.registration_state(&handle(), PoolElementId(1)), Some(taken));
        assert!(client.advance(ms(pause - 1)).0.is_empty());
        assert_eq!(client.advance(ms(1)).sent().len(), 1, "after {pause} ms");
        assert_eq!(client.core.registration_state(&handle(), PoolElementId(1)), Some(taken), "no answer yet");
    }
    client.message(home, registered(1, None));
    let state = |client: &Client, id| client.core.registration_state(&handle(), PoolElementId(id));
    assert_eq!(state(&client, 1), Some(RegistrationState::Registered));
    assert_eq!(client.advance(Duration::from_secs(30)).sent().len(), 1, "T4-reregistration");
    assert_eq!(state(&client, 1), Some(RegistrationState::Registered), "it is, until something else is heard");
    client.advance(ms(1000));
    assert_eq!(state(&client, 1), Some(RegistrationState::Registered));
    client.message(home, registered(1, Some(Cause::InvalidValues)));
    assert_eq!(state(&client, 1), Some(RegistrationState::Refused(Cause::InvalidValues)));
    client.request(2, register(2));
    assert_eq!(state(&client, 2), Some(RegistrationState::Waiting));
    assert_eq!(state(&client, 3), None);
}

#[test]
fn asap_039_another_home_registrar_is_asked_once_about_a_rejected_registration() {
    let mut client = Client::new(config(2, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, _) = client.up(&connects[0]);
    client.message(home, registered(1, Some(Cause::InvalidValues)));
    let connects = client.lost(home).connects();
    let (other, done) = client.up(&connects[0]);
    assert!(matches!(done.sent()[..], [(association, AsapMessage::Registration(_))] if association == other));
    client.message(other, registered(1, Some(Cause::InvalidValues)));
    assert!(client.advance(Duration::from_secs(100_000)).0.is_empty());
}

#[test]
fn asap_039_a_corrected_registration_is_sent_at_once() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, _) = client.up(&connects[0]);
    client.message(home, registered(1, Some(Cause::InconsistentPoolingPolicy)));
    assert_eq!(client.request(2, register(1)).sent().len(), 1);
    assert_eq!(client.message(home, registered(1, None)).completed(), [(2, Ok(Outcome::Registered))]);
}

#[test]
fn asap_043_044_166_after_max_reg_attempt_the_application_is_told() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    client.up(&connects[0]);
    let mut completed = Vec::new();
    let mut sent = 1;
    for _ in 0..100 {
        let done = client.advance(ms(100));
        completed.extend(done.completed());
        for connect in done.connects() {
            sent += client.up(&connect).1.sent().len();
        }
    }
    let [(1, Err(RequestError::NoResponse { attempts, waited }))] = completed[..] else { panic!("{completed:?}") };
    assert_eq!(attempts, AsapConfig::default().max_reg_attempt);
    assert!(waited < AsapConfig::default().max_request_time, "told at once, not at the deadline");
    assert!(sent > 2, "the element is wanted still");
}

#[test]
fn asap_064_deregistration_uses_the_association_of_the_registration() {
    let (mut client, home) = with_element();
    client.inbound(9);
    assert_eq!(client.request(2, deregister(1)).sent()[0].0, home);
}

#[test]
fn asap_068_069_after_t3_a_new_hunt_and_the_deregistration_again() {
    let (mut client, home) = with_element();
    client.request(2, deregister(1));
    let done = client.advance(ms(2000));
    assert_eq!(done.aborts(), [home]);
    let (other, done) = client.up(&done.connects()[0]);
    assert!(matches!(done.sent()[..], [(association, AsapMessage::Deregistration(_))] if association == other));
    assert_eq!(client.message(other, deregistered(1)).completed(), [(2, Ok(Outcome::Deregistered))]);
}

#[test]
fn asap_069_a_deregistration_that_nobody_answers_fails_in_bounded_time() {
    let (mut client, home) = with_element();
    client.request(2, deregister(1));
    let mut done = client.lost(home);
    done.0.extend(client.advance(Duration::from_secs(20)).0);
    assert!(matches!(done.completed()[..], [(2, Err(RequestError::NoResponse { attempts: 1, .. }))]));
    assert_eq!(client.core.next_deadline(), None, "and the hunt ends with the need for it");
}

#[test]
fn section_2_2_4_an_element_whose_life_expired_is_registered_again() {
    let (mut client, home) = with_element();
    assert_eq!(client.message(home, deregistered(1)).registrations(), [RegistrationState::Waiting]);
    let done = client.advance(ms(1000));
    assert!(matches!(done.sent()[..], [(_, AsapMessage::Registration(_))]));
}

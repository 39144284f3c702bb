//! RFC 5352, the clauses for pool elements and pool users: one test a clause or group of clauses, named by the numbers of
//! the clause table.

use crate::support::client::*;
use rserpool::asap::{Action, AsapConfig, Event, Outcome, PoolState, RegistrationState, Request, RequestError};
use rserpool::association::TransportKind::{KernelSctp, Memory, SctpUdp, Tcp};
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::wire::*;
use rserpool::{PoolElementId, PoolHandle, RegistrarId, Time};
use std::time::Duration;

const SCTP: &[rserpool::association::TransportKind] = &[Memory];

/// A core with element 1 registered at the returned association.
fn with_element() -> (Client, rserpool::AssociationId) {
    let mut client = Client::new(config(2, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, done) = client.up(&connects[0]);
    assert!(matches!(done.sent()[..], [(_, AsapMessage::Registration(_))]));
    assert_eq!(client.message(home, registered(1, None)).completed(), [(1, Ok(Outcome::Registered))]);
    (client, home)
}

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
fn asap_005_079_a_user_may_use_tcp_in_the_configured_order() {
    let mut client = Client::new(config(1, &[KernelSctp, Tcp, SctpUdp]));
    let first = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(first[0].1, KernelSctp);
    let second = client.refused(first[0].0).connects();
    assert_eq!(second[0].1, Tcp, "a kind that fails makes room for the next");
    let third = client.refused(second[0].0).connects();
    assert_eq!(third[0].1, SctpUdp);
    let (home, done) = client.up(&third[0]);
    assert_eq!(done.sent()[0].0, home);
}

#[test]
fn asap_006_027_028_032_034_a_registration_carries_handle_and_element_as_given() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(0xabcd)).connects();
    let (_, done) = client.up(&connects[0]);
    let expected = Registration { pool_handle: handle(), pool_element: element(0xabcd) };
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

#[test]
fn asap_015_016_the_pools_policy_comes_from_its_own_parameter_never_from_an_element() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    for (policy, expected) in
        [(None, Policy::RoundRobin), (Some(Policy::WeightedRandom { weight: 3 }), Policy::WeightedRandom { weight: 3 })]
    {
        client.request(1, resolve(None, Duration::ZERO));
        let mut odd = element(1);
        odd.policy = Policy::LeastUsed { load: 77 };
        let response = HandleResolutionResponse {
            accept_updates: false,
            pool_handle: handle(),
            policy,
            pool_elements: vec![odd.clone()],
            error: None,
        };
        let done = client.message(home, AsapMessage::HandleResolutionResponse(response));
        let outcome = Outcome::Resolved { policy: expected, pool_elements: vec![odd] };
        assert_eq!(done.completed(), [(1, Ok(outcome))]);
    }
}

#[test]
fn asap_018_097_099_100_101_every_keep_alive_is_answered_on_its_own_association() {
    let (mut client, home) = with_element();
    let (other, _) = client.inbound(9);
    for association in [home, other] {
        for id in [Some(1), None] {
            let done = client.message(association, keep_alive(false, 5, POOL, id));
            assert_eq!(done.sent(), [(association, keep_alive_ack(1))]);
        }
    }
    assert_eq!(client.core.home_registrar().map(|home| home.association), Some(home), "H=0 changes nothing");
}

#[test]
fn asap_018_a_keep_alive_without_element_is_answered_once_for_each_element_in_the_pool() {
    let (mut client, home) = with_element();
    client.request(2, register(7));
    let done = client.message(home, keep_alive(false, 5, POOL, None));
    assert_eq!(done.sent(), [(home, keep_alive_ack(1)), (home, keep_alive_ack(7))]);
}

#[test]
fn asap_098_a_keep_alive_for_another_pool_or_element_is_dropped_silently() {
    let (mut client, home) = with_element();
    assert!(client.message(home, keep_alive(false, 5, "other", None)).0.is_empty());
    assert!(client.message(home, keep_alive(true, 5, "other", Some(1))).0.is_empty());
    assert!(client.message(home, keep_alive(false, 5, POOL, Some(2))).0.is_empty());
}

#[test]
fn asap_102_h_bit_makes_the_sender_home_registrar_and_elements_register_there_at_once() {
    let (mut client, home) = with_element();
    client.message(home, keep_alive(false, 5, POOL, Some(1)));
    let (other, _) = client.inbound(9);
    let done = client.message(other, keep_alive(true, 6, POOL, Some(1)));
    let expected = Registration { pool_handle: handle(), pool_element: element(1) };
    assert_eq!(done.sent(), [(other, keep_alive_ack(1)), (other, AsapMessage::Registration(expected))]);
    assert_eq!(done.shutdowns(), [home]);
    let adopted = client.core.home_registrar().unwrap();
    assert_eq!((adopted.association, adopted.id), (other, Some(RegistrarId(6))));
    assert!(client.message(other, registered(1, None)).0.is_empty());
}

#[test]
fn asap_102_h_bit_of_the_present_home_registrar_over_another_association_changes_nothing() {
    let (mut client, home) = with_element();
    client.message(home, keep_alive(true, 5, POOL, Some(1)));
    let (other, _) = client.inbound(1);
    assert_eq!(client.message(other, keep_alive(true, 5, POOL, Some(1))).sent(), [(other, keep_alive_ack(1))]);
    assert_eq!(client.core.home_registrar().map(|home| home.association), Some(home));
}

#[test]
fn asap_102_h_bit_gives_a_home_registrar_to_an_element_without_one() {
    let (mut client, home) = with_element();
    client.lost(home);
    let (other, _) = client.inbound(9);
    let done = client.message(other, keep_alive(true, 6, POOL, Some(1)));
    assert_eq!(done.cancelled_connects().len(), 2, "the hunt is over");
    assert!(matches!(done.sent()[1], (association, AsapMessage::Registration(_)) if association == other));
}

#[test]
fn a_registrar_that_took_over_is_looked_for_when_its_association_breaks() {
    let (mut client, home) = with_element();
    client.lost(home);
    let mut takers = Vec::new();
    for number in 10..16 {
        let (taker, _) = client.inbound(number);
        client.message(taker, keep_alive(true, number.into(), POOL, Some(1)));
        client.message(taker, registered(1, None));
        client.advance(ms(1000));
        takers.push((taker, registrar_address(number)));
    }
    let mut tried: Vec<_> = client.lost(takers[5].0).connects().into_iter().map(|(_, _, peer)| peer).collect();
    for _ in 0..20 {
        tried.extend(client.advance(ms(1000)).connects().into_iter().map(|(_, _, peer)| peer));
    }
    for (number, (_, peer)) in takers.iter().enumerate() {
        assert_eq!(tried.contains(peer), number >= 2, "the last four are remembered: {number}");
    }
}

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
fn asap_024_078_121_without_a_home_registrar_a_hunt_comes_first_and_nothing_without_need() {
    let mut client = Client::new(config(1, SCTP));
    assert!(client.event(Event::Timeout).0.is_empty());
    assert_eq!(client.core.next_deadline(), None);
    let done = client.request(1, resolve(None, Duration::ZERO));
    assert_eq!((done.connects().len(), done.sent().len()), (1, 0));
}

#[test]
fn asap_031_041_042_an_element_registers_again_at_each_t4() {
    let (mut client, home) = with_element();
    for _ in 0..5 {
        assert!(client.advance(Duration::from_millis(29_999)).0.is_empty());
        let expected = Registration { pool_handle: handle(), pool_element: element(1) };
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
    for cause in [Cause::InconsistentPoolingPolicy, Cause::InvalidValues] {
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
    client.message(home, registered(1, Some(Cause::InconsistentPoolingPolicy)));
    let connects = client.lost(home).connects();
    let (other, done) = client.up(&connects[0]);
    assert!(matches!(done.sent()[..], [(association, AsapMessage::Registration(_))] if association == other));
    client.message(other, registered(1, Some(Cause::InconsistentPoolingPolicy)));
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
fn asap_077_a_resolution_carries_the_handle_and_the_number_wanted() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    for items in [None, Some(1), Some(u32::MAX)] {
        let expected = HandleResolution { subscribe: false, pool_handle: handle(), items };
        let done = client.request(1, resolve(items, Duration::ZERO));
        assert_eq!(done.sent(), [(home, AsapMessage::HandleResolution(expected))]);
        client.message(home, resolved(None, &[1]));
    }
}

#[test]
fn asap_080_104_an_element_resolves_and_reports_over_its_registration_association() {
    let (mut client, home) = with_element();
    assert_eq!(client.request(2, resolve(None, Duration::ZERO)).sent()[0].0, home);
    assert_eq!(client.request(3, unreachable(9)).sent()[0].0, home);
}

#[test]
fn asap_081_082_137_167_t1_sends_again_up_to_max_request_retransmit_times_then_hunts() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    let first = client.request(1, resolve(None, Duration::ZERO)).sent();
    for _ in 0..2 {
        assert!(client.advance(ms(999)).0.is_empty());
        assert_eq!(client.advance(ms(1)).sent(), first, "the same request again");
    }
    let done = client.advance(ms(1000));
    let waited = ms(3000);
    assert_eq!(done.completed(), [(1, Err(RequestError::NoResponse { attempts: 3, waited }))]);
    assert_eq!(done.aborts(), [home]);
}

#[test]
fn asap_137_138_while_sending_again_another_registrar_is_looked_for_and_taken() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    let used = client.core.home_registrar().unwrap().peer.clone();
    client.request(1, resolve(None, Duration::ZERO));
    let done = client.advance(ms(1000));
    let connects = done.connects();
    assert_eq!(done.sent().len(), 1, "the request goes again to the present one");
    assert_eq!(connects.len(), 1);
    assert_ne!(connects[0].2, used, "the hunt is for another one");
    let (other, done) = client.up(&connects[0]);
    assert_eq!(done.sent()[0].0, other);
    assert_eq!(done.shutdowns(), [home]);
    assert_eq!(client.message(other, resolved(None, &[2])).elements(1), [2]);
}

#[test]
fn asap_137_an_answer_ends_the_search_for_another_registrar() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let attempt = client.advance(ms(1000)).connects()[0].0;
    let done = client.message(home, resolved(None, &[2]));
    assert_eq!(done.cancelled_connects(), [attempt]);
    assert_eq!(client.core.next_deadline(), None);
}

#[test]
fn asap_083_084_134_135_136_requests_move_to_the_next_registrar_without_an_error() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.request(1, resolve(Some(1), Duration::ZERO));
    client.request(2, register(1));
    let done = client.lost(home);
    assert!(done.completed().is_empty() && done.sent().is_empty());
    let (other, done) = client.up(&done.connects()[0]);
    assert_eq!(done.sent().len(), 2);
    assert!(done.sent().iter().all(|(association, _)| *association == other));
    assert_eq!(client.message(other, resolved(None, &[2])).elements(1), [2]);
    assert_eq!(client.message(other, registered(1, None)).completed(), [(2, Ok(Outcome::Registered))]);
}

#[test]
fn asap_086_087_089_090_a_fresh_cache_entry_answers_without_a_message() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(Some(2), ms(500)));
    client.message(home, resolved(Some(Policy::RoundRobin), &[1, 2, 3]));
    client.now += ms(499);
    let done = client.request(2, resolve(Some(2), ms(500)));
    assert!(done.sent().is_empty());
    assert_eq!(done.elements(2), [2, 3], "Round Robin goes on");
    assert_eq!(client.request(3, resolve(None, ms(500))).elements(3), [3, 1, 2]);
}

#[test]
fn asap_088_a_stale_cache_entry_has_the_pool_resolved_again() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(None, ms(500)));
    client.message(home, resolved(Some(Policy::RoundRobin), &[1, 2, 3]));
    client.now += ms(500);
    let done = client.request(2, resolve(None, ms(500)));
    assert_eq!((done.sent().len(), done.completed().len()), (1, 0));
    assert_eq!(client.message(home, resolved(None, &[4])).elements(2), [4]);
    assert_eq!(client.request(3, resolve(None, Duration::ZERO)).sent().len(), 1, "zero: never from the cache");
}

#[test]
fn asap_103_105_a_report_is_sent_once_and_the_element_offered_no_more() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(None, ms(5000)));
    client.message(home, resolved(Some(Policy::LeastUsed { load: 0 }), &[1, 2, 3]));
    let done = client.request(2, unreachable(2));
    let report = EndpointUnreachable { pool_handle: handle(), pool_element_id: PoolElementId(2) };
    assert_eq!(done.sent(), [(home, AsapMessage::EndpointUnreachable(report))]);
    assert_eq!(done.completed(), [(2, Ok(Outcome::Reported))]);
    assert_eq!(client.request(3, resolve(None, ms(5000))).elements(3), [3, 1], "in turns, the loads are the same");
    // Not again to the next registrar.
    let connects = {
        client.request(4, resolve(None, Duration::ZERO));
        client.lost(home).connects()
    };
    let (_, done) = client.up(&connects[0]);
    assert!(matches!(done.sent()[..], [(_, AsapMessage::HandleResolution(_))]));
}

#[test]
fn asap_103_a_report_waits_for_a_registrar_but_not_for_ever() {
    for (pause, reports) in [(ms(4000), 1), (ms(6000), 0)] {
        let mut client = Client::new(config(1, SCTP));
        let done = client.request(1, unreachable(2));
        assert_eq!(done.completed(), [(1, Ok(Outcome::Reported))]);
        assert!(done.connects().is_empty(), "a report alone is no need for a registrar");
        client.now += pause;
        let connects = client.request(2, resolve(None, Duration::ZERO)).connects();
        let (_, done) = client.up(&connects[0]);
        let sent = done.sent();
        assert_eq!(sent.iter().filter(|s| matches!(s.1, AsapMessage::EndpointUnreachable(_))).count(), reports);
    }
}

#[test]
fn asap_117_119_an_announced_registrar_is_tried() {
    let mut client = Client::new(config(0, SCTP));
    assert!(client.request(1, resolve(None, Duration::ZERO)).connects().is_empty());
    let connects = client.announcement("10.0.0.7:3863", 7, Vec::new()).connects();
    assert_eq!(connects[0].2, registrar_address(7), "as soon as it announces itself");
    let (_, done) = client.up(&connects[0]);
    assert_eq!(done.sent().len(), 1);
    assert_eq!(client.core.home_registrar().unwrap().id, Some(RegistrarId(7)));
}

#[test]
fn asap_118_165_an_announcement_counts_for_t7_and_each_new_one_restarts_it() {
    let mut client = Client::new(config(0, SCTP));
    client.announcement("10.0.0.7:3863", 7, Vec::new());
    client.announcement("10.0.0.8:3863", 8, Vec::new());
    client.advance(ms(4000));
    client.announcement("10.0.0.7:3863", 7, Vec::new());
    client.advance(ms(1000));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(connects.iter().map(|c| c.2.clone()).collect::<Vec<_>>(), [registrar_address(7)]);
}

#[test]
fn asap_123_124_not_more_than_three_registrars_are_tried_at_once() {
    assert!(AsapConfig { max_parallel_connects: 4, ..config(9, SCTP) }.validated().is_err());
    let mut client = Client::new(AsapConfig { max_parallel_connects: 3, ..config(9, SCTP) });
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(connects.len(), 3);
    // With a home registrar that does not answer, two more.
    client.up(&connects[0]);
    assert_eq!(client.advance(ms(1000)).connects().len(), 2);
}

#[test]
fn asap_126_133_the_first_to_answer_wins_and_the_others_are_given_up() {
    let mut client = Client::new(config(3, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let (home, done) = client.up(&connects[1]);
    assert_eq!(done.cancelled_connects(), [connects[0].0, connects[2].0]);
    assert_eq!(done.sent()[0].0, home);
    // One that was up already when it was given up.
    let (late, done) = client.up(&connects[0]);
    assert_eq!(done.shutdowns(), [late]);
    assert_eq!(client.request(2, resolve(Some(1), Duration::ZERO)).sent()[0].0, home);
}

#[test]
fn asap_128_a_failed_connect_makes_room_for_another_registrar() {
    let mut client = Client::new(config(5, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let next = client.refused(connects[0].0).connects();
    assert_eq!(next.len(), 1);
    assert!(connects.iter().all(|connect| connect.2 != next[0].2));
}

#[test]
fn asap_125_129_130_131_132_t5_doubles_up_to_its_maximum_with_other_registrars_each_time() {
    let mut t5 = AsapConfig::default().t5_server_hunt;
    let max_request_time = Duration::from_secs(600);
    let mut client = Client::new(AsapConfig { max_request_time, connect_timeout: t5, ..config(6, SCTP) });
    let mut round = client.request(1, resolve(None, Duration::ZERO)).connects();
    for _ in 0..8 {
        assert_eq!(round.len(), 3);
        assert!(client.advance(t5 - ms(1)).0.is_empty());
        let done = client.advance(ms(1));
        assert_eq!(done.cancelled_connects(), round.iter().map(|connect| connect.0).collect::<Vec<_>>());
        let next = done.connects();
        assert!(next.iter().all(|connect| round.iter().all(|before| before.2 != connect.2)));
        round = next;
        t5 = (t5 * 2).min(AsapConfig::default().t5_max);
    }
}

#[test]
fn registrars_are_tried_at_once_when_this_host_has_other_addresses() {
    let max_request_time = Duration::from_secs(600);
    let mut client = Client::new(AsapConfig { max_request_time, ..config(1, SCTP) });
    let mut connect = client.request(1, resolve(None, Duration::ZERO)).connects().pop().unwrap();
    for _ in 0..5 {
        client.refused(connect.0);
        connect = client.advance(AsapConfig::default().t5_max).connects().pop().unwrap();
    }
    client.refused(connect.0);
    assert!(client.advance(AsapConfig::default().t5_max / 2).connects().is_empty(), "the pauses are long by now");
    client.event(Event::AddressesChanged);
    let again = client.advance(Duration::ZERO).connects();
    assert_eq!(again.len(), 1);
    client.refused(again[0].0);
    assert_eq!(client.advance(AsapConfig::default().t5_server_hunt * 2).connects().len(), 1, "they are short again");
}

#[test]
fn asap_127_success_resets_t5() {
    let mut client = Client::new(config(1, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let connect = client.advance(ms(1600)).connects().pop().unwrap();
    let (home, _) = client.up(&connect);
    client.message(home, resolved(None, &[1]));
    client.request(2, resolve(None, Duration::ZERO));
    let again = client.lost(home).connects();
    client.refused(again[0].0);
    assert!(client.advance(ms(499)).connects().is_empty());
    assert_eq!(client.advance(ms(1)).connects().len(), 1);
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

#[test]
fn section_2_2_4_an_element_whose_life_expired_is_registered_again() {
    let (mut client, home) = with_element();
    assert!(client.message(home, deregistered(1)).0.is_empty());
    let done = client.advance(ms(1000));
    assert!(matches!(done.sent()[..], [(_, AsapMessage::Registration(_))]));
}

#[test]
fn section_2_2_6_negative_answers_are_told_apart() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    let mut answer = |message| {
        client.request(1, resolve(None, Duration::ZERO));
        client.message(home, message).completed()
    };
    assert_eq!(answer(not_resolved(Cause::UnknownPoolHandle)), [(1, Err(RequestError::UnknownPoolHandle))]);
    let error = OperationalError::of(Cause::RejectedForSecurity);
    assert_eq!(answer(not_resolved(Cause::RejectedForSecurity)), [(1, Err(RequestError::Rejected(error)))]);
    assert_eq!(answer(resolved(None, &[])), [(1, Err(RequestError::UnknownPoolHandle))]);
}

#[test]
fn section_2_2_6_pushed_updates_change_the_cache() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(None, ms(5000)));
    client.message(home, resolved(None, &[1, 2]));
    let push = |ids: &[u32], pool: &str| {
        AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
            accept_updates: true,
            pool_handle: PoolHandle::from(pool),
            policy: None,
            pool_elements: ids.iter().map(|id| element(*id)).collect(),
            error: None,
        })
    };
    assert!(client.message(home, push(&[7, 8], POOL)).0.is_empty());
    assert!(client.message(home, push(&[9], "never asked for")).0.is_empty());
    assert_eq!(client.request(2, resolve(None, ms(5000))).elements(2), [7, 8]);
    assert!(client.message(home, not_resolved(Cause::UnknownPoolHandle)).0.is_empty());
    assert_eq!(client.request(3, resolve(None, ms(5000))).sent().len(), 1, "the pool is gone");
    assert_eq!(client.now, Time::ZERO);
}

#[test]
fn asap_097_an_element_that_was_never_registered_answers_no_keep_alive_and_gets_no_home_by_it() {
    let mut client = Client::new(config(1, SCTP));
    client.request(1, register(1));
    let (stranger, _) = client.inbound(9);
    assert!(client.message(stranger, keep_alive(true, 6, POOL, Some(1))).0.is_empty());
    assert_eq!(client.core.home_registrar(), None);
}

fn subscribe() -> Request {
    Request::Subscribe { pool_handle: handle() }
}

/// What a subscriber is told: the elements, or none for a pool that does not exist.
fn told(done: &Done) -> Vec<Option<Vec<u32>>> {
    let told = |action: &Action| match action {
        Action::PoolChanged { state: PoolState::Known { pool_elements, .. }, .. } => {
            Some(Some(pool_elements.iter().map(|element| element.id.0).collect()))
        }
        Action::PoolChanged { state: PoolState::Unknown, .. } => Some(None),
        _ => None,
    };
    done.0.iter().filter_map(told).collect()
}

/// An answer to a subscription that is accepted, or an update.
fn update(ids: &[u32]) -> AsapMessage {
    let AsapMessage::HandleResolutionResponse(message) = resolved(None, ids) else { unreachable!() };
    AsapMessage::HandleResolutionResponse(HandleResolutionResponse { accept_updates: true, ..message })
}

fn subscriptions(done: &Done) -> usize {
    let is_subscription = |message: &AsapMessage| matches!(message, AsapMessage::HandleResolution(m) if m.subscribe);
    done.sent().iter().filter(|(_, message)| is_subscription(message)).count()
}

#[test]
fn asap_012_a_subscriber_sets_the_s_bit_and_finds_a_registrar_for_it() {
    let mut client = Client::new(config(1, SCTP));
    let done = client.request(1, subscribe());
    assert_eq!(done.completed(), [(1, Ok(Outcome::Subscribed))]);
    let (_, done) = client.up(&done.connects()[0]);
    assert_eq!(subscriptions(&done), 1);
    // A plain resolution does not have it.
    assert_eq!(subscriptions(&client.request(2, resolve(None, Duration::ZERO))), 0);
}

#[test]
fn asap_013_014_updates_reach_the_subscriber_and_a_registrar_that_accepts_is_not_asked_again_soon() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, subscribe());
    assert_eq!(told(&client.message(home, update(&[1, 2]))), [Some(vec![1, 2])]);
    assert_eq!(told(&client.message(home, update(&[1, 2, 3]))), [Some(vec![1, 2, 3])]);
    assert_eq!(subscriptions(&client.advance(Duration::from_secs(20))), 0);
    // The end of the pool is told, and the registrar forgets us: it is asked whether the pool has come back.
    assert_eq!(told(&client.message(home, not_resolved(Cause::UnknownPoolHandle))), [None]);
    assert_eq!(subscriptions(&client.advance(Duration::from_secs(1))), 1);
    assert_eq!(told(&client.message(home, update(&[4]))), [Some(vec![4])]);
}

#[test]
fn asap_013_a_registrar_without_the_a_bit_is_asked_again_and_again() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, subscribe());
    for ids in [&[1][..], &[1, 2], &[2]] {
        assert_eq!(told(&client.message(home, resolved(None, ids))), [Some(ids.to_vec())]);
        assert_eq!(subscriptions(&client.advance(Duration::from_secs(1))), 1);
    }
}

#[test]
fn asap_014_the_answer_to_a_resolution_and_an_update_are_told_apart() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, subscribe());
    client.message(home, update(&[1]));
    client.request(2, resolve(None, Duration::ZERO));
    let done = client.message(home, update(&[1, 2]));
    assert_eq!((told(&done), done.completed()), (vec![Some(vec![1, 2])], vec![]));
    let done = client.message(home, resolved(None, &[2]));
    assert_eq!((told(&done), done.elements(2)), (vec![], vec![2]));
}

#[test]
fn section_2_2_5_a_new_home_registrar_is_asked_anew() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.request(1, subscribe());
    client.message(home, update(&[1]));
    let connects = client.lost(home).connects();
    let (home, done) = client.up(&connects[0]);
    assert_eq!(subscriptions(&done), 1);
    assert_eq!(told(&client.message(home, update(&[1, 9]))), [Some(vec![1, 9])]);
}

#[test]
fn a_registrar_that_answers_no_subscription_is_left() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.request(1, subscribe());
    let done = client.advance(Duration::from_secs(10));
    assert!(done.aborts().contains(&home), "{done:?}");
    assert_eq!(subscriptions(&done), 2, "after two retransmissions");
}

#[test]
fn who_unsubscribes_hears_nothing_more_and_subscriptions_are_limited() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, subscribe());
    client.message(home, update(&[1]));
    client.request(2, Request::Unsubscribe { pool_handle: handle() });
    assert!(client.message(home, update(&[1, 2])).0.is_empty());
    assert_eq!(subscriptions(&client.advance(Duration::from_secs(60))), 0);
    let pool = |number: u32| Request::Subscribe { pool_handle: PoolHandle::new(number.to_be_bytes()) };
    for number in 0..64 {
        assert_eq!(client.request(u64::from(number) + 10, pool(number)).completed()[0].1, Ok(Outcome::Subscribed));
    }
    assert_eq!(client.request(99, pool(99)).completed()[0].1, Err(RequestError::TooManyRequests));
    assert_eq!(client.request(100, pool(5)).completed()[0].1, Ok(Outcome::Subscribed), "one that is there");
}

#[test]
fn answers_that_waited_while_the_process_had_no_processor_count_all() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, register(1)).connects();
    client.request(2, register(2));
    let (home, done) = client.up(&connects[0]);
    assert_eq!(done.sent().len(), 2);
    // Longer than T2-registration.
    client.now += ms(2_100);
    assert_eq!(client.message(home, registered(1, None)).aborts(), []);
    assert_eq!(client.message(home, registered(2, None)).completed().len(), 1);
}

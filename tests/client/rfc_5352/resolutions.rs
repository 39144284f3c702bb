//! Handle resolutions, their cache, and reports of elements that cannot be reached (RFC 5352 sections 3.3 and 3.5).

use super::with_element;
use crate::support::client::*;
use rserpool::PoolElementId;
use rserpool::asap::{Outcome, RequestError};
use rserpool::message::AsapMessage;
use rserpool::message::asap::{EndpointUnreachable, HandleResolution, HandleResolutionResponse};
use rserpool::wire::{Cause, OperationalError, Policy};
use std::time::Duration;

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

//! Resolutions that share a message, and which answer is whose.

use crate::support::client::*;
use rserpool::PoolHandle;
use rserpool::asap::Request;
use rserpool::message::AsapMessage;
use rserpool::message::asap::HandleResolutionResponse;
use rserpool::wire::Policy;
use std::time::Duration;

fn resolutions(done: &Done) -> usize {
    done.sent().iter().filter(|(_, message)| matches!(message, AsapMessage::HandleResolution(_))).count()
}

#[test]
fn resolutions_that_wait_for_a_registrar_share_one_message_and_get_different_first_elements() {
    let mut client = Client::new(config(1, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    client.request(2, resolve(Some(1), ms(100)));
    client.request(3, resolve(Some(1), ms(100)));
    let (home, done) = client.up(&connects[0]);
    assert_eq!(resolutions(&done), 1);
    let done = client.message(home, resolved(Some(Policy::RoundRobin), &[1, 2, 3]));
    assert_eq!(done.elements(1), [1, 2, 3]);
    assert_eq!((done.elements(2), done.elements(3)), (vec![2], vec![3]));
}

#[test]
fn an_answer_under_way_is_shared_only_with_who_would_take_one_as_old_from_the_cache() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    assert_eq!(resolutions(&client.request(1, resolve(None, ms(100)))), 1);
    client.now += ms(50);
    assert_eq!(resolutions(&client.request(2, resolve(None, ms(100)))), 0);
    assert_eq!(resolutions(&client.request(3, resolve(None, ms(50)))), 1);
    assert_eq!(resolutions(&client.request(4, resolve(None, Duration::ZERO))), 1);
    let done = client.message(home, resolved(None, &[1, 2]));
    assert_eq!((done.elements(1), done.elements(2)), (vec![1, 2], vec![2, 1]));
    assert_eq!(client.message(home, resolved(None, &[5])).elements(3), [5]);
    assert_eq!(client.message(home, resolved(None, &[6])).elements(4), [6]);
}

#[test]
fn resolutions_for_a_number_of_elements_are_asked_one_by_one_so_that_the_registrars_policy_counts() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    for request in 1..=50 {
        assert_eq!(resolutions(&client.request(request, resolve(Some(1), Duration::ZERO))), 1);
    }
    for request in 1..=50 {
        let id = u32::try_from(request).unwrap();
        assert_eq!(client.message(home, resolved(None, &[id])).elements(request), [id]);
    }
}

#[test]
fn an_answer_is_cut_to_the_number_that_was_asked_for() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(Some(2), Duration::ZERO));
    assert_eq!(client.message(home, resolved(None, &[1, 2, 3, 4])).elements(1), [1, 2]);
}

#[test]
fn an_element_reported_while_the_answer_was_under_way_is_not_cached_again() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(None, ms(5000)));
    client.request(2, unreachable(2));
    client.message(home, resolved(None, &[1, 2, 3]));
    client.advance(ms(1));
    let mut offered = client.request(3, resolve(None, ms(5000))).elements(3);
    offered.sort_unstable();
    assert_eq!(offered, [1, 3]);
    // An answer to a question after the report counts: the registrar knows better.
    client.request(4, resolve(None, Duration::ZERO));
    client.message(home, resolved(None, &[1, 2, 3]));
    assert_eq!(client.request(5, resolve(None, ms(5000))).elements(5).len(), 3);
}

#[test]
fn answers_are_matched_by_pool_handle_not_by_order() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    let other = PoolHandle::from("other");
    client.request(1, resolve(None, Duration::ZERO));
    client.request(2, Request::Resolve { pool_handle: other.clone(), items: None, stale_cache: Duration::ZERO });
    let response = HandleResolutionResponse {
        accept_updates: false,
        pool_handle: other,
        policy: None,
        pool_elements: vec![element(9)],
        error: None,
    };
    let done = client.message(home, AsapMessage::HandleResolutionResponse(response));
    assert_eq!(done.elements(2), [9]);
    assert_eq!(client.message(home, resolved(None, &[1])).elements(1), [1]);
}

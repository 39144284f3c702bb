//! Subscriptions to pools (RFC 5352 sections 2.2.5 and 2.2.6).

use crate::support::client::*;
use rserpool::asap::{Action, Outcome, PoolState, Request, RequestError};
use rserpool::message::AsapMessage;
use rserpool::message::asap::HandleResolutionResponse;
use rserpool::wire::Cause;
use rserpool::{PoolHandle, Time};
use std::time::Duration;

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

#[test]
fn asap_012_a_subscriber_sets_the_s_bit_and_finds_a_registrar_for_it() {
    let mut client = Client::new(config(1, SCTP));
    let done = client.request(1, subscribe());
    assert_eq!(done.completed(), [(1, Ok(Outcome::Subscribed))]);
    let (_, done) = client.up(&done.connects()[0]);
    assert_eq!(done.subscriptions(), 1);
    // A plain resolution does not have it.
    assert_eq!(client.request(2, resolve(None, Duration::ZERO)).subscriptions(), 0);
}

#[test]
fn asap_013_014_updates_reach_the_subscriber_and_a_registrar_that_accepts_is_not_asked_again_soon() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, subscribe());
    assert_eq!(told(&client.message(home, update(&[1, 2]))), [Some(vec![1, 2])]);
    assert_eq!(told(&client.message(home, update(&[1, 2, 3]))), [Some(vec![1, 2, 3])]);
    assert_eq!(client.advance(Duration::from_secs(20)).subscriptions(), 0);
    // The end of the pool is told, and the registrar forgets us: it is asked whether the pool has come back.
    assert_eq!(told(&client.message(home, not_resolved(Cause::UnknownPoolHandle))), [None]);
    assert_eq!(client.advance(Duration::from_secs(1)).subscriptions(), 1);
    assert_eq!(told(&client.message(home, update(&[4]))), [Some(vec![4])]);
}

#[test]
fn asap_013_a_registrar_without_the_a_bit_is_asked_again_and_again() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, subscribe());
    for ids in [&[1][..], &[1, 2], &[2]] {
        assert_eq!(told(&client.message(home, resolved(None, ids))), [Some(ids.to_vec())]);
        assert_eq!(client.advance(Duration::from_secs(1)).subscriptions(), 1);
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
    assert_eq!(done.subscriptions(), 1);
    assert_eq!(told(&client.message(home, update(&[1, 9]))), [Some(vec![1, 9])]);
}

#[test]
fn a_registrar_that_answers_no_subscription_is_left() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.request(1, subscribe());
    let done = client.advance(Duration::from_secs(10));
    assert!(done.aborts().contains(&home), "{done:?}");
    assert_eq!(done.subscriptions(), 2, "after two retransmissions");
}

#[test]
fn who_unsubscribes_hears_nothing_more_and_subscriptions_are_limited() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, subscribe());
    client.message(home, update(&[1]));
    client.request(2, Request::Unsubscribe { pool_handle: handle() });
    assert!(client.message(home, update(&[1, 2])).0.is_empty());
    assert_eq!(client.advance(Duration::from_secs(60)).subscriptions(), 0);
    let pool = |number: u32| Request::Subscribe { pool_handle: PoolHandle::new(number.to_be_bytes()) };
    for number in 0..64 {
        assert_eq!(client.request(u64::from(number) + 10, pool(number)).completed()[0].1, Ok(Outcome::Subscribed));
    }
    assert_eq!(client.request(99, pool(99)).completed()[0].1, Err(RequestError::TooManyRequests));
    assert_eq!(client.request(100, pool(5)).completed()[0].1, Ok(Outcome::Subscribed), "one that is there");
}

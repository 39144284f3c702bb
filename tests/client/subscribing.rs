//! Pools that an application and sessions subscribe to.

use crate::support::client::*;
use rserpool::asap::{Action, Event, Request};
use rserpool::wire::Cause;
use std::time::Duration;

/// Who was told to have been removed.
fn removed(done: &Done) -> Vec<u32> {
    let ids = done.0.iter().filter_map(|action| match action {
        Action::Removed { pool_handle, pool_element_ids } => {
            assert_eq!(*pool_handle, handle());
            Some(pool_element_ids.iter().map(|id| id.0))
        }
        _ => None,
    });
    ids.flatten().collect()
}

#[test]
fn who_watches_a_pool_hears_who_is_taken_out_of_it() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    assert_eq!(client.event(Event::RemovalsWanted(handle())).subscriptions(), 1);
    assert_eq!(client.event(Event::RemovalsWanted(handle())).subscriptions(), 0, "it is subscribed already");
    assert!(removed(&client.message(home, pushed(&[1, 2, 3]))).is_empty());
    assert_eq!(removed(&client.message(home, pushed(&[1, 3, 4]))), [2]);
    assert!(removed(&client.message(home, pushed(&[4, 3, 1]))).is_empty());
    assert_eq!(removed(&client.message(home, not_resolved(Cause::UnknownPoolHandle))), [1, 3, 4]);
    // The pool comes back: the subscription ended with the old one.
    assert_eq!(client.event(Event::RemovalsWanted(handle())).subscriptions(), 1);
}

#[test]
fn an_update_is_no_answer_to_a_resolution_and_an_answer_is_no_update() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.event(Event::RemovalsWanted(handle()));
    client.message(home, pushed(&[1, 2]));
    client.request(1, resolve(Some(1), Duration::ZERO));
    let done = client.message(home, pushed(&[2]));
    assert_eq!((removed(&done), done.completed().len()), (vec![1], 0));
    let done = client.message(home, resolved(None, &[7]));
    assert_eq!((removed(&done), done.elements(1)), (vec![], vec![7]));
}

#[test]
fn a_list_that_the_registrar_may_have_cut_says_nothing_about_who_is_missing() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.event(Event::RemovalsWanted(handle()));
    let ids: Vec<u32> = (0..128).collect();
    client.message(home, pushed(&ids));
    let others: Vec<u32> = (64..192).collect();
    assert!(removed(&client.message(home, pushed(&others))).is_empty());
    assert_eq!(removed(&client.message(home, pushed(&others[1..]))), [64]);
}

/// A registrar has one subscription of ours to a pool.
#[test]
fn sessions_and_the_application_share_a_subscription() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.event(Event::RemovalsWanted(handle()));
    assert_eq!(client.request(1, Request::Subscribe { pool_handle: handle() }).subscriptions(), 1);
    client.message(home, pushed(&[1, 2]));
    let connects = client.lost(home).connects();
    let (next, done) = client.up(&connects[0]);
    assert_eq!(done.subscriptions(), 1, "one for both");
    let done = client.message(next, pushed(&[2]));
    let told = done.0.iter().filter(|action| matches!(action, Action::PoolChanged { .. })).count();
    assert_eq!((removed(&done), told), (vec![1], 1));
    client.event(Event::RemovalsUnwanted(handle()));
    assert!(removed(&client.message(next, pushed(&[3]))).is_empty());
    client.request(2, Request::Unsubscribe { pool_handle: handle() });
    assert!(client.lost(next).connects().is_empty(), "nobody wants it any more");
}

#[test]
fn a_watch_moves_to_the_next_home_registrar_and_ends_when_nobody_wants_it() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.event(Event::RemovalsWanted(handle()));
    client.message(home, pushed(&[1, 2]));
    let connects = client.lost(home).connects();
    assert!(!connects.is_empty(), "a watch alone is worth a registrar");
    let (next, done) = client.up(&connects[0]);
    assert_eq!(done.subscriptions(), 1);
    assert_eq!(removed(&client.message(next, pushed(&[2]))), [1], "gone while there was no registrar");
    client.event(Event::RemovalsUnwanted(handle()));
    assert!(removed(&client.message(next, pushed(&[3]))).is_empty());
    assert!(client.lost(next).connects().is_empty());
}

//! Registrations beyond the clauses: what overtakes what, and how many there can be.

use crate::support::client::*;
use rserpool::PoolElementId;
use rserpool::asap::{AsapConfig, Event, Outcome, Request, RequestError};
use rserpool::message::AsapMessage;
use rserpool::wire::{Policy, PoolElement};
use std::time::Duration;

#[test]
fn responses_to_registrations_are_matched_by_element() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.request(2, register(2));
    assert_eq!(client.message(home, registered(2, None)).completed(), [(2, Ok(Outcome::Registered))]);
    assert!(client.message(home, registered(3, None)).0.is_empty());
    assert!(client.message(home, registered(2, None)).0.is_empty());
    assert_eq!(client.message(home, registered(1, None)).completed(), [(1, Ok(Outcome::Registered))]);
}

#[test]
fn new_values_while_a_registration_is_under_way_are_sent_after_its_answer() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    let mut changed = element(1);
    changed.policy = Policy::LeastUsed { load: 5 };
    let update = Request::Register {
        pool_handle: handle(),
        pool_element: changed.clone(),
        reregistration_interval: Duration::from_secs(30),
    };
    assert!(client.request(2, update).0.is_empty());
    let done = client.message(home, registered(1, None));
    assert_eq!(done.completed(), [(1, Ok(Outcome::Registered))]);
    let expected = registration_in_both_units(changed);
    assert_eq!(done.sent(), [(home, AsapMessage::Registration(expected))]);
    assert_eq!(client.message(home, registered(1, None)).completed(), [(2, Ok(Outcome::Registered))]);
}

#[test]
fn an_element_registers_with_the_next_registrar_as_soon_as_one_is_found() {
    let (mut client, home) = Client::connected(config(3, SCTP));
    client.request(1, register(1));
    client.message(home, registered(1, None));
    let used = client.core.home_registrar().unwrap().peer.clone();
    let connects = client.lost(home).connects();
    assert_eq!(connects.len(), 3, "the hunt starts at once");
    assert_eq!(connects[2].2, used, "with the others first");
    let (other, done) = client.up(&connects[0]);
    assert!(matches!(done.sent()[..], [(association, AsapMessage::Registration(_))] if association == other));
}

#[test]
fn an_element_that_nobody_ever_heard_of_is_deregistered_without_a_message() {
    let mut client = Client::new(config(1, SCTP));
    let attempt = client.request(1, register(1)).connects()[0].0;
    let done = client.request(2, deregister(1));
    assert_eq!(done.completed(), [(1, Err(RequestError::Cancelled)), (2, Ok(Outcome::Deregistered))]);
    assert_eq!(done.cancelled_connects(), [attempt], "there is no need for a registrar any more");
}

#[test]
fn a_registration_after_a_deregistration_is_not_undone_by_it() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.message(home, registered(1, None));
    client.request(2, deregister(1));
    let done = client.request(3, register(1));
    assert_eq!(done.completed(), [(2, Err(RequestError::Cancelled))]);
    client.message(home, deregistered(1));
    client.message(home, registered(1, None));
    let connects = client.lost(home).connects();
    let (_, done) = client.up(&connects[0]);
    assert!(matches!(done.sent()[..], [(_, AsapMessage::Registration(_))]), "{:?}", done.sent());
}

/// As many as a host with a pool element a port can have.
#[test]
fn a_process_has_65536_elements_and_the_bound_on_requests_does_not_bind_them() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    for id in 1..=65_536 {
        assert_eq!(client.request(u64::from(id), register(id)).sent().len(), 1, "element {id}");
        client.message(home, registered(id, None));
    }
    let one_more = client.request(65_537, register(65_537));
    assert_eq!(one_more.completed(), [(65_537, Err(RequestError::TooManyPoolElements))]);
    assert!(client.request(65_538, register(1)).completed().is_empty(), "one that is registered may change");
    // All of them move to another registrar, and are registered there every T4.
    let connects = client.lost(home).connects();
    let (home, done) = client.up(&connects[0]);
    assert_eq!(done.sent().len(), 65_536);
    for id in 1..=65_536 {
        client.message(home, registered(id, None));
    }
    assert_eq!(client.advance(Duration::from_secs(30)).sent().len(), 65_536);
}

#[test]
fn elements_change_and_leave_while_no_more_requests_can_be_made() {
    let (mut client, home) = Client::connected(AsapConfig { max_requests: 1, ..config(1, SCTP) });
    for id in [1, 2] {
        client.request(u64::from(id), register(id));
        client.message(home, registered(id, None));
    }
    client.request(3, resolve(Some(1), Duration::ZERO));
    let Request::Register { pool_handle, mut pool_element, reregistration_interval } = register(1) else { panic!() };
    pool_element.policy = Policy::LeastUsed { load: 7 };
    let changed = |pool_element: PoolElement| {
        let pool_handle = pool_handle.clone();
        Event::ElementChanged { pool_handle, pool_element, reregistration_interval }
    };
    let sent = client.event(changed(pool_element.clone())).sent();
    let [(_, AsapMessage::Registration(registration))] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(*registration, registration_in_both_units(pool_element.clone()));
    assert!(client.message(home, registered(1, None)).completed().is_empty(), "nobody waits for the answer");
    assert!(client.event(changed(element(9))).0.is_empty(), "it is not ours");
    for id in [1, 2] {
        assert_eq!(client.request(u64::from(10 + id), deregister(id)).sent().len(), 1);
    }
    assert_eq!(client.request(13, deregister(3)).completed(), [(13, Err(RequestError::TooManyRequests))]);
}

#[test]
fn an_element_and_a_user_find_each_other_through_a_registrar_that_dies_and_comes_back() {
    let mut registrar = Registrar::default();
    let mut client = Client::new(config(1, SCTP));
    let mut association = None;
    let mut todo = client.request(1, register(1));
    let mut resolved = 0;
    for step in 0..2000u64 {
        let alive = !(500..520).contains(&step) && !(1000..1030).contains(&step);
        if let Some(lost) = association.take_if(|_| !alive) {
            registrar.pool.clear();
            todo.0.extend(client.lost(lost).0);
        }
        if step % 10 == 0 {
            todo.0.extend(client.request(100 + step, resolve(None, Duration::ZERO)).0);
        }
        while !todo.0.is_empty() {
            let done = std::mem::take(&mut todo);
            for connect in done.connects() {
                let answer = if alive {
                    let (new, done) = client.up(&connect);
                    association = Some(new);
                    done
                } else {
                    client.refused(connect.0)
                };
                todo.0.extend(answer.0);
            }
            for (to, message) in done.sent() {
                if let Some(answer) = registrar.answer(&message).filter(|_| association == Some(to)) {
                    todo.0.extend(client.message(to, answer).0);
                }
            }
            for (request, result) in done.completed() {
                assert!(result.is_ok(), "request {request} at step {step}: {result:?}");
                resolved += 1;
            }
        }
        todo = client.advance(ms(100));
    }
    assert_eq!(resolved, 201);
    assert_eq!(registrar.pool.keys().copied().collect::<Vec<_>>(), [1]);
    assert!(registrar.received.iter().all(|message| !matches!(
        message,
        AsapMessage::Deregistration(d) if d.pool_element_id == PoolElementId(1)
    )));
}

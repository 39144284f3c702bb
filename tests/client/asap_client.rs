//! The client core beyond the clauses: sharing of resolutions, bounds, hostile registrars, shutdown.

use crate::support::client::*;
use rserpool::asap::{Action, AsapConfig, Event, Outcome, Request, RequestError, RequestId};
use rserpool::association::TransportKind::{Memory, SctpUdp, Tcp};
use rserpool::association::{LossReason, PeerAddress};
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::wire::*;
use rserpool::{PoolElementId, PoolHandle};
use std::time::Duration;

/// Lines of the log with their levels, a list for each thread: each test has its own.
struct Lines;

thread_local!(static LINES: std::cell::RefCell<Vec<(log::Level, String)>> = const { std::cell::RefCell::new(Vec::new()) });

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push((record.level(), record.args().to_string())));
    }

    fn flush(&self) {}
}

const SCTP: &[rserpool::association::TransportKind] = &[Memory];

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
    let expected = Registration { pool_handle: handle(), pool_element: changed };
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

#[test]
fn nobody_reachable_fails_a_request_within_its_time_and_says_how_often_it_was_tried() {
    let mut client = Client::new(config(1, SCTP));
    let mut connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let mut completed = Vec::new();
    let mut tried = 0;
    for _ in 0..60 {
        for connect in std::mem::take(&mut connects) {
            tried += 1;
            client.refused(connect.0);
        }
        let done = client.advance(ms(100));
        connects = done.connects();
        completed.extend(done.completed());
    }
    let waited = AsapConfig::default().max_request_time;
    assert_eq!(completed, [(1, Err(RequestError::NoRegistrar { attempts: tried, waited }))]);
    assert!(tried >= 3);
    assert_eq!(client.core.next_deadline(), None, "no hunt without need");
}

/// A request has `trials` rounds of connects, whether they are refused or nobody answers; one made later has as many of its own.
#[test]
fn requests_fail_after_as_many_rounds_of_connects_as_they_may_have() {
    let no_registrar = |done: &Done| match &done.completed()[..] {
        [(request, Err(RequestError::NoRegistrar { .. }))] => Some(*request),
        [] => None,
        other => panic!("{other:?}"),
    };
    for refused in [false, true] {
        let connect_timeout = AsapConfig::default().t5_server_hunt;
        let mut client = Client::new(AsapConfig { max_connect_trials: Some(2), connect_timeout, ..config(2, SCTP) });
        let round = |client: &mut Client, connects: Vec<Connect>| {
            let mut failed: Vec<u64> = Vec::new();
            for connect in connects.into_iter().filter(|_| refused) {
                failed.extend(no_registrar(&client.refused(connect.0)));
            }
            // To the end of T5.
            loop {
                let wait = client.core.next_deadline().unwrap().saturating_since(client.now);
                let done = client.advance(wait);
                failed.extend(no_registrar(&done));
                if !done.connects().is_empty() {
                    return (failed, done.connects());
                }
            }
        };
        let first = client.request(1, resolve(None, Duration::ZERO)).connects();
        assert_eq!(first.len(), 2);
        let (failed, second) = round(&mut client, first);
        assert_eq!((failed, second.len()), (vec![], 2));
        // From now on only SCTP will do, so the round begins anew.
        let second = client.request(2, register(9)).connects();
        let (failed, third) = round(&mut client, second);
        assert_eq!((failed, third.len()), (vec![1], 2), "refused: {refused}");
        let (failed, fourth) = round(&mut client, third);
        assert_eq!(failed, [2], "refused: {refused}");
        // The element is still to be registered.
        let (_, done) = client.up(&fourth[0]);
        assert!(matches!(done.sent()[..], [(_, AsapMessage::Registration(_))]), "{:?}", done.sent());
    }
}

#[test]
fn a_registrar_that_hangs_up_on_us_is_left_alone_for_longer_each_time() {
    let mut client = Client::new(AsapConfig { max_request_time: Duration::from_secs(60), ..config(1, SCTP) });
    let mut connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let mut tried = 0;
    for _ in 0..600 {
        for connect in std::mem::take(&mut connects) {
            tried += 1;
            let (association, _) = client.up(&connect);
            connects.extend(client.lost(association).connects());
        }
        connects.extend(client.advance(ms(100)).connects());
    }
    assert!((4..20).contains(&tried), "{tried} connects in a minute");
}

#[test]
fn garbage_makes_us_leave_a_registrar_after_a_while_and_ask_another() {
    let (mut client, home) = Client::connected(config(2, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let used = client.core.home_registrar().unwrap().peer.clone();
    let mut left = Done::default();
    for n in 0..100 {
        left = client.bytes(home, &[0x06, 0, 0, 60, n]);
        if !left.aborts().is_empty() {
            break;
        }
    }
    assert_eq!(left.aborts(), [home]);
    assert_ne!(left.connects()[0].2, used);
    assert_eq!(left.connects().len(), 1, "and not come back at once");
}

#[test]
fn messages_that_only_registrars_get_are_garbage_from_a_registrar() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    let registration = Registration { pool_handle: handle(), pool_element: element(1) };
    let mut aborted = false;
    for _ in 0..40 {
        let done = client.message(home, AsapMessage::Registration(registration.clone()));
        assert!(done.sent().is_empty());
        aborted |= !done.aborts().is_empty();
    }
    assert!(aborted);
}

#[test]
fn error_reports_are_limited() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    let mut bytes = encode(keep_alive(false, 1, "x", None));
    bytes.extend([0xc0, 0xff, 0, 4]);
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    bytes[2..4].copy_from_slice(&length);
    let reports: usize = (0..1000).map(|_| client.bytes(home, &bytes).sent().len()).sum();
    assert!((1..50).contains(&reports), "{reports}");
}

#[test]
fn adoptions_are_limited() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.message(home, registered(1, None));
    let mut adopted = 0;
    for n in 0..50 {
        let (other, _) = client.inbound(9);
        adopted += client.message(other, keep_alive(true, 100 + n, POOL, Some(1))).shutdowns().len();
    }
    assert!((1..10).contains(&adopted), "{adopted}");
}

/// Two endpoints have one association: a connect to it would fail for ever (seed 9010150 of the simulation).
#[test]
fn a_registrar_that_is_connected_with_us_is_asked_without_a_connect() {
    let mut client = Client::new(config(1, SCTP));
    let (theirs, _) = client.inbound(1);
    let done = client.request(1, register(1));
    assert!(done.connects().is_empty());
    assert!(matches!(done.sent()[..], [(over, AsapMessage::Registration(_))] if over == theirs), "{:?}", done.sent());
}

#[test]
fn inbound_associations_are_bounded_and_the_oldest_goes() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.message(home, registered(1, None));
    let max = AsapConfig::default().max_inbound_associations;
    let mut all = Vec::new();
    for _ in 0..max {
        let (association, done) = client.inbound(9);
        assert!(done.0.is_empty());
        all.push(association);
    }
    assert_eq!(client.inbound(9).1.aborts(), [all[0]]);
    assert!(client.message(all[0], keep_alive(false, 1, POOL, None)).0.is_empty());
    assert_eq!(client.message(all[1], keep_alive(false, 1, POOL, None)).sent().len(), 1);
}

#[test]
fn requests_are_bounded() {
    let mut client = Client::new(AsapConfig { max_requests: 3, max_pool_elements: 2, ..config(1, SCTP) });
    for request in 1..=3 {
        assert!(client.request(request, resolve(Some(1), Duration::ZERO)).completed().is_empty());
    }
    let refused = Err(RequestError::TooManyRequests);
    assert_eq!(client.request(4, resolve(Some(1), Duration::ZERO)).completed(), [(4, refused)]);
    for request in 1..=3 {
        client.event(Event::Cancel(RequestId(request)));
    }
    client.request(5, register(1));
    client.request(6, register(2));
    assert_eq!(client.request(7, register(3)).completed(), [(7, Err(RequestError::TooManyPoolElements))]);
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
    assert_eq!(registration.pool_element, pool_element);
    assert!(client.message(home, registered(1, None)).completed().is_empty(), "nobody waits for the answer");
    assert!(client.event(changed(element(9))).0.is_empty(), "it is not ours");
    for id in [1, 2] {
        assert_eq!(client.request(u64::from(10 + id), deregister(id)).sent().len(), 1);
    }
    assert_eq!(client.request(13, deregister(3)).completed(), [(13, Err(RequestError::TooManyRequests))]);
}

#[test]
fn senseless_requests_are_refused_at_once() {
    let mut client = Client::new(config(1, SCTP));
    let long = PoolHandle::new(vec![b'x'; 70_000]);
    let resolve = |pool_handle| Request::Resolve { pool_handle, items: None, stale_cache: Duration::ZERO };
    for request in [resolve(long), resolve(PoolHandle::from("")), register(0), deregister(0), unreachable(0)] {
        let done = client.request(1, request);
        assert!(matches!(done.completed()[..], [(1, Err(RequestError::Invalid(_)))]), "{done:?}");
        assert_eq!(done.0.len(), 1);
    }
    let mut client = Client::new(config(1, &[Tcp]));
    assert!(matches!(client.request(1, register(1)).completed()[..], [(1, Err(RequestError::Invalid(_)))]));
}

#[test]
fn a_cancelled_request_is_completed_once_and_its_answer_ignored() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    client.request(2, register(1));
    for request in [1, 2] {
        let done = client.event(Event::Cancel(RequestId(request)));
        assert_eq!(done.completed(), [(request, Err(RequestError::Cancelled))]);
        assert!(client.event(Event::Cancel(RequestId(request))).0.is_empty());
    }
    assert!(client.message(home, resolved(None, &[1])).completed().is_empty());
    assert!(client.message(home, registered(1, None)).completed().is_empty());
    assert!(client.request(3, resolve(None, ms(5000))).completed().is_empty(), "what nobody waits for is not cached");
}

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

/// An operator who is woken by warnings is not woken by these.
#[test]
fn what_happens_every_day_is_no_warning() {
    let _ = log::set_logger(&Lines);
    log::set_max_level(log::LevelFilter::Info);
    let warnings = || {
        LINES.with_borrow(|lines| lines.iter().filter(|line| line.0 <= log::Level::Warn).cloned().collect::<Vec<_>>())
    };
    let (mut client, home) = Client::connected(config(1, &[Tcp]));
    // An answer that was under way when its request was withdrawn.
    client.request(1, resolve(Some(1), Duration::ZERO));
    client.event(Event::Cancel(RequestId(1)));
    client.message(home, resolved(None, &[1]));
    // A registrar closes connections that nobody uses; the next request finds one again.
    assert!(client.event(Event::AssociationLost { association: home, reason: LossReason::Closed }).0.is_empty());
    assert_eq!(client.request(2, resolve(Some(1), Duration::ZERO)).connects().len(), 1);
    // Answers, a removal and a keep-alive for an element that has just left.
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.request(2, deregister(1));
    client.message(home, registered(1, None));
    client.message(home, deregistered(1));
    client.message(home, keep_alive(true, 1, POOL, Some(1)));
    client.message(home, deregistered(1));
    assert_eq!(warnings(), []);
    // A registrar that is lost while it is needed is another thing.
    client.request(3, register(1));
    client.lost(home);
    assert_eq!(warnings().len(), 1);
}

#[test]
fn that_no_registrar_can_be_reached_is_worth_one_warning_an_outage() {
    let _ = log::set_logger(&Lines);
    log::set_max_level(log::LevelFilter::Info);
    let outages = |level| {
        let is_outage = |line: &&(log::Level, String)| line.0 == level && line.1.contains("requests wait");
        LINES.with_borrow(|lines| lines.iter().filter(is_outage).count())
    };
    let max_request_time = Duration::from_secs(600);
    let mut client = Client::new(AsapConfig { max_request_time, ..config(1, SCTP) });
    let mut connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    for outage in 1..=2 {
        for _ in 0..4 {
            assert!(client.refused(connects[0].0).0.is_empty());
            let wait = client.core.next_deadline().unwrap().saturating_since(client.now);
            connects = client.advance(wait).connects();
        }
        assert_eq!((outages(log::Level::Warn), outages(log::Level::Info)), (outage, outage * 3));
        let (home, _) = client.up(&connects[0]);
        client.message(home, resolved(None, &[1]));
        client.request(2 + outage as u64, resolve(None, Duration::ZERO));
        connects = client.lost(home).connects();
    }
    // Somebody who knows of no registrar at all is told so.
    let mut client = Client::new(config(0, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    client.advance(AsapConfig::default().t5_server_hunt);
    assert_eq!(outages(log::Level::Warn), 3);
    assert!(LINES.with_borrow(|lines| lines.iter().any(|(_, line)| line.contains("no registrar is configured"))));
}

/// Connects may take ten times T5.
fn patient(registrars: u8, transports: &[rserpool::association::TransportKind]) -> AsapConfig {
    AsapConfig { t5_server_hunt: ms(100), connect_timeout: ms(1000), ..config(registrars, transports) }
}

#[test]
fn a_connect_that_takes_longer_than_t5_goes_on_where_there_is_nobody_else_to_try() {
    let mut client = Client::new(patient(1, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert!(client.advance(ms(300)).0.is_empty(), "T5 has expired, no connect is given up or made anew");
    let (home, done) = client.up(&connects[0]);
    assert_eq!(client.core.home_registrar().map(|registrar| registrar.association), Some(home));
    assert!(done.cancelled_connects().is_empty());
}

#[test]
fn a_connect_that_has_had_its_time_is_begun_anew() {
    let mut client = Client::new(patient(1, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    // T5 expires after 100, 300, 700, 1500 ms.
    assert!(client.advance(ms(1499)).0.is_empty());
    let done = client.advance(ms(1));
    assert_eq!(done.cancelled_connects(), [connects[0].0]);
    assert_eq!(done.connects().len(), 1);
}

#[test]
fn at_t5_the_oldest_of_the_slow_connects_makes_room_for_a_registrar_not_tried_yet() {
    let mut client = Client::new(patient(4, SCTP));
    let first = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(first.len(), 3);
    let done = client.advance(ms(100));
    assert_eq!(done.cancelled_connects(), [first[0].0]);
    let next = done.connects();
    assert_eq!(next.len(), 1);
    assert!(first.iter().all(|connect| connect.2 != next[0].2), "{next:?}");
    // One that went on is the first to answer.
    let (_, done) = client.up(&first[2]);
    assert_eq!(done.cancelled_connects(), [first[1].0, next[0].0]);
}

#[test]
fn with_one_connect_at_a_time_it_has_its_time_before_others_have_their_turn() {
    let mut client = Client::new(AsapConfig { max_parallel_connects: 1, ..patient(2, SCTP) });
    let first = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert!(client.advance(ms(999)).0.is_empty());
    let next = client.refused(first[0].0).connects();
    assert_eq!(next.len(), 1);
    assert_ne!(next[0].2, first[0].2);
}

#[test]
fn beside_a_way_that_is_slow_the_next_way_to_the_same_registrar_is_tried() {
    let mut client = Client::new(patient(1, &[SctpUdp, Tcp]));
    let slow = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(slow[0].1, SctpUdp);
    let done = client.advance(ms(100));
    let beside = done.connects();
    assert_eq!((beside[0].1, done.cancelled_connects().len()), (Tcp, 0));
    assert!(client.advance(ms(200)).0.is_empty(), "there is no third way");
    // Whatever becomes of the slow one, no way is tried twice.
    assert!(client.refused(slow[0].0).0.is_empty());
    let (home, _) = client.up(&beside[0]);
    assert_eq!(client.core.home_registrar().map(|registrar| registrar.association), Some(home));
}

#[test]
fn an_announcement_gives_tcp_and_sctp_each_its_own_address() {
    let mut client = Client::new(config(0, &[Tcp, SctpUdp]));
    let tcp =
        TransportParameter::Tcp { port: 7000, transport_use: TransportUse::DataOnly, address: [10, 0, 0, 5].into() };
    let sctp = TransportParameter::Sctp {
        port: 7001,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[[10, 0, 0, 6].into()]),
    };
    client.announcement("10.0.0.9:3863", 5, vec![tcp, sctp]);
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!((connects[0].1, &connects[0].2), (Tcp, &PeerAddress::new([10, 0, 0, 5].into(), 7000)));
    let connects = client.refused(connects[0].0).connects();
    assert_eq!((connects[0].1, &connects[0].2), (SctpUdp, &PeerAddress::new([10, 0, 0, 6].into(), 7001)));
}

#[test]
fn junk_on_the_announcement_group_is_ignored() {
    let mut client = Client::new(config(0, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let from = "10.0.0.9:3863".parse().unwrap();
    let other = encode(registered(1, None));
    for bytes in [&[][..], &[0x0a], &[0x0a, 0, 0, 8, 1], &[0xff; 200], &other] {
        assert!(client.event(Event::Announcement { from, bytes }).0.is_empty());
    }
    for n in 0..1000u16 {
        let [high, low] = n.to_be_bytes();
        client.announcement(&format!("10.1.{high}.{low}:3863"), u32::from(n), Vec::new());
    }
    let most = AsapConfig::default().max_registrars;
    let mut tried = std::collections::BTreeSet::new();
    for _ in 0..200 {
        tried.extend(client.advance(ms(10)).connects().into_iter().map(|connect| connect.2.to_string()));
    }
    assert!(tried.len() <= most);
}

#[test]
fn events_about_unknown_things_are_ignored() {
    let (mut client, _) = Client::connected(config(1, SCTP));
    assert!(client.lost(association(77)).0.is_empty());
    assert!(client.message(association(77), resolved(None, &[1])).0.is_empty());
    assert!(client.refused(rserpool::asap::ConnectAttempt(77)).0.is_empty());
    assert!(client.event(Event::Cancel(RequestId(77))).0.is_empty());
    let done = client.event(Event::AssociationUp {
        association: association(78),
        attempt: Some(rserpool::asap::ConnectAttempt(77)),
        peer: registrar_address(1),
        kind: Memory,
    });
    assert_eq!(done.shutdowns(), [association(78)]);
}

#[test]
fn losing_the_old_link_after_a_move_does_not_touch_the_new_one() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.message(home, registered(1, None));
    let (other, _) = client.inbound(9);
    client.message(other, keep_alive(true, 9, POOL, Some(1)));
    assert!(client.event(Event::AssociationLost { association: home, reason: LossReason::Closed }).0.is_empty());
    assert_eq!(client.core.home_registrar().unwrap().association, other);
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

fn subscriptions(done: &Done) -> usize {
    let subscribes = |message: &AsapMessage| matches!(message, AsapMessage::HandleResolution(m) if m.subscribe);
    done.sent().iter().filter(|(_, message)| subscribes(message)).count()
}

#[test]
fn who_watches_a_pool_hears_who_is_taken_out_of_it() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    assert_eq!(subscriptions(&client.event(Event::RemovalsWanted(handle()))), 1);
    assert_eq!(subscriptions(&client.event(Event::RemovalsWanted(handle()))), 0, "it is subscribed already");
    assert!(removed(&client.message(home, pushed(&[1, 2, 3]))).is_empty());
    assert_eq!(removed(&client.message(home, pushed(&[1, 3, 4]))), [2]);
    assert!(removed(&client.message(home, pushed(&[4, 3, 1]))).is_empty());
    assert_eq!(removed(&client.message(home, not_resolved(Cause::UnknownPoolHandle))), [1, 3, 4]);
    // The pool comes back: the subscription ended with the old one.
    assert_eq!(subscriptions(&client.event(Event::RemovalsWanted(handle()))), 1);
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
    assert_eq!(subscriptions(&client.request(1, Request::Subscribe { pool_handle: handle() })), 1);
    client.message(home, pushed(&[1, 2]));
    let connects = client.lost(home).connects();
    let (next, done) = client.up(&connects[0]);
    assert_eq!(subscriptions(&done), 1, "one for both");
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
    assert_eq!(subscriptions(&done), 1);
    assert_eq!(removed(&client.message(next, pushed(&[2]))), [1], "gone while there was no registrar");
    client.event(Event::RemovalsUnwanted(handle()));
    assert!(removed(&client.message(next, pushed(&[3]))).is_empty());
    assert!(client.lost(next).connects().is_empty());
}

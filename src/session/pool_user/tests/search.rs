//! Which elements are tried, when, and what comes of it.

use super::*;

#[test]
fn a_failed_element_is_not_chosen_again_while_there_are_others() {
    let (mut harness, association) = Harness::connected(true);
    let actions = harness.lose(association, LossReason::Unreachable);
    let wanted = actions.iter().any(|action| matches!(action, Action::Resolve { items: Some(2), .. }));
    assert!(wanted, "one more than failed: {actions:?}");
    let actions = harness.resolve(&actions, &[1, 2]);
    assert_eq!(connect(&actions).1, 2);
    let (attempt, _) = connect(&actions);
    let actions = harness.handle(Event::ConnectFailed { attempt, reason: LossReason::Refused });
    assert!(actions.contains(&report(PoolElementId(2))));
    let actions = harness.resolve(&actions, &[2, 1, 3]);
    assert_eq!(connect(&actions).1, 3);
}

#[test]
fn an_element_that_was_not_even_tried_is_not_reported_whoever_asks_for_it() {
    let (mut harness, association) = Harness::connected(false);
    harness.lose(association, LossReason::Unreachable);
    let forced = Event::ForceFailover { blame: Blame::Element, stale_cache: Duration::ZERO };
    let actions = harness.handle(forced);
    let actions = harness.resolve(&actions, &[2, 3]);
    let (attempt, _) = connect(&actions);
    let mut actions = harness.handle(Event::CannotConnect { attempt });
    assert!(!actions.contains(&report(PoolElementId(2))), "{actions:?}");
    // Neither by the next failover of an application that knows no better.
    while !actions.iter().any(|action| matches!(action, Action::Settled(Err(NoElement::Unreachable)))) {
        actions = match actions.iter().find(|action| matches!(action, Action::Connect { .. })) {
            Some(Action::Connect { attempt, .. }) => harness.handle(Event::CannotConnect { attempt: *attempt }),
            _ if actions.iter().any(|action| matches!(action, Action::Resolve { .. })) => {
                harness.resolve(&actions, &[2, 3])
            }
            _ => harness.sleep(),
        };
    }
    let actions = harness.handle(Event::ForceFailover { blame: Blame::Element, stale_cache: Duration::ZERO });
    assert!(!actions.iter().any(|action| matches!(action, Action::Report { .. })), "{actions:?}");
}

#[test]
fn the_only_element_is_tried_again_after_a_pause_that_grows() {
    let (mut harness, association) = Harness::connected(true);
    let mut actions = harness.lose(association, LossReason::Unreachable);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let before = harness.now;
        assert!(harness.resolve(&actions, &[1]).is_empty(), "a pause comes first");
        actions = harness.sleep();
        pauses.push(harness.now.saturating_since(before).as_millis());
        actions = harness.resolve(&actions, &[1]);
        let (attempt, _) = connect(&actions);
        actions = harness.handle(Event::ConnectFailed { attempt, reason: LossReason::Refused });
    }
    assert_eq!(pauses, [250, 500, 1000, 2000, 2000, 2000]);
}

/// Lets the session lose its association as soon as it is up, again and again; the pauses, in milliseconds.
fn pauses_of_an_element_that_hangs_up(harness: &mut Harness, mut association: AssociationId) -> Vec<u128> {
    let mut pauses = Vec::new();
    for _ in 0..20 {
        let before = harness.now;
        let actions = harness.lose(association, LossReason::Unreachable);
        assert!(harness.resolve(&actions, &[1]).is_empty(), "a pause comes first");
        let actions = harness.sleep();
        pauses.push(harness.now.saturating_since(before).as_millis());
        let actions = harness.resolve(&actions, &[1]);
        association = harness.up(&actions).0;
    }
    pauses
}

#[test]
fn an_element_that_accepts_and_hangs_up_is_asked_less_and_less_often() {
    let (mut harness, association) = Harness::connected(true);
    let pauses = pauses_of_an_element_that_hangs_up(&mut harness, association);
    assert_eq!(pauses[..5], [250, 500, 1000, 2000, 2000]);
    assert!(pauses[5..].iter().all(|pause| *pause == 2000), "{pauses:?}");
    // It has recovered: the next loss is one like any other.
    let association = harness.session.association().unwrap();
    harness.now += Duration::from_secs(5);
    assert_eq!(pauses_of_an_element_that_hangs_up(&mut harness, association)[..3], [250, 250, 500]);
}

#[test]
fn the_pause_leaves_time_for_a_search_that_somebody_waits_for() {
    let (mut harness, association) = Harness::connected(true);
    harness.session.config_mut().connect_timeout = Duration::from_millis(300);
    let pauses = pauses_of_an_element_that_hangs_up(&mut harness, association);
    assert_eq!(pauses[..3], [250, 300, 300]);
}

#[test]
fn a_forced_failover_with_nobody_left_ends_with_unreachable_and_the_next_notification() {
    let (mut harness, association) = Harness::connected(false);
    harness.lose(association, LossReason::Unreachable);
    let actions = harness.handle(Event::ForceFailover { blame: Blame::Nobody, stale_cache: Duration::ZERO });
    assert!(harness.resolve(&actions, &[1]).is_empty());
    let actions = harness.sleep();
    let actions = harness.resolve(&actions, &[1]);
    let (attempt, _) = connect(&actions);
    let actions = harness.handle(Event::ConnectFailed { attempt, reason: LossReason::Refused });
    let actions = harness.resolve(&actions, &[1]);
    assert_eq!(actions, [necessary(false), Action::Settled(Err(NoElement::Unreachable))]);
}

#[test]
fn an_unknown_pool_is_told_after_the_retry_delay() {
    let mut harness = Harness::new(false);
    let actions = harness.handle(Event::Start);
    let attempt = resolution(&actions);
    let before = harness.now;
    assert!(harness.handle(Event::ResolveFailed { attempt, why: ResolveFailure::UnknownPool }).is_empty());
    let actions = harness.sleep();
    assert_eq!(harness.now.saturating_since(before), Duration::from_millis(250));
    assert_eq!(actions, [necessary(false), Action::Settled(Err(NoElement::UnknownPool))]);
}

#[test]
fn a_request_that_was_one_too_many_is_made_again_until_time_is_over_and_not_taken_for_a_silent_registrar() {
    for automatic in [true, false] {
        let mut harness = Harness::new(automatic);
        let (begin, mut actions) = (harness.now, harness.handle(Event::Start));
        let mut requests = 0;
        while !actions.contains(&Action::Settled(Err(NoElement::TooManyRequests))) {
            requests += 1;
            let why = ResolveFailure::TooManyRequests;
            let attempt = resolution(&actions);
            assert_eq!(harness.handle(Event::ResolveFailed { attempt, why }), []);
            actions = harness.sleep();
        }
        assert!(actions.contains(&necessary(false)), "{actions:?}");
        assert_eq!((requests, harness.now.saturating_since(begin).as_millis()), (21, 5250));
    }
    // What the limit was in the way of, another request brings.
    let mut harness = Harness::new(false);
    let attempt = resolution(&harness.handle(Event::Start));
    harness.handle(Event::ResolveFailed { attempt, why: ResolveFailure::TooManyRequests });
    let actions = harness.sleep();
    assert_eq!(connect(&harness.resolve(&actions, &[1])).1, 1);
}

#[test]
fn a_session_knows_why_it_has_no_element_until_it_has_one() {
    let (mut harness, association) = Harness::connected(true);
    let actions = harness.lose(association, LossReason::Unreachable);
    assert_eq!(harness.session.obstacle(), None, "the search has just begun");
    let attempt = resolution(&actions);
    harness.handle(Event::ResolveFailed { attempt, why: ResolveFailure::NoRegistrar });
    assert_eq!(harness.session.obstacle(), Some(NoElement::NoRegistrar));
    let actions = harness.sleep();
    assert_eq!(harness.session.obstacle(), Some(NoElement::NoRegistrar), "nothing else has shown yet");
    let actions = harness.resolve(&actions, &[2]);
    harness.up(&actions);
    assert_eq!(harness.session.obstacle(), None);
}

#[test]
fn elements_without_an_sctp_transport_are_passed_over() {
    let mut harness = Harness::new(false);
    let actions = harness.handle(Event::Start);
    let mut pool_elements = elements(&[1, 2]);
    pool_elements[0].user_transport = TransportParameter::Udp { port: 9, address: "127.0.0.1".parse().unwrap() };
    let attempt = resolution(&actions);
    let actions = harness.handle(Event::Resolved { attempt, policy: Policy::RoundRobin, pool_elements });
    assert_eq!(connect(&actions).1, 2);
}

#[test]
fn asap_141_a_business_card_gives_the_order_of_failover() {
    let (mut harness, association) = Harness::connected(true);
    let bytes = encode_business_card("pool".into(), elements(&[1, 7, 8])).unwrap();
    harness.handle(Event::Control { association, bytes: &bytes });
    let actions = harness.lose(association, LossReason::Unreachable);
    assert_eq!(connect(&actions).1, 7, "without asking a registrar");
}

#[test]
fn a_business_card_for_another_pool_is_ignored() {
    let (mut harness, association) = Harness::connected(true);
    let bytes = encode_business_card("elsewhere".into(), elements(&[7])).unwrap();
    harness.handle(Event::Control { association, bytes: &bytes });
    let actions = harness.lose(association, LossReason::Unreachable);
    resolution(&actions);
}

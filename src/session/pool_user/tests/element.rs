//! From the beginning of an association to its end, and what the application does to a session.

use super::*;

#[test]
fn the_first_connect_brings_no_failover_complete() {
    let (harness, association) = Harness::connected(false);
    assert_eq!(harness.session.association(), Some(association));
    assert_eq!(harness.session.connected_element(), Some(PoolElementId(1)));
}

#[test]
fn a_failure_is_reported_and_in_classic_mode_left_to_the_application() {
    let (mut harness, association) = Harness::connected(false);
    let actions = harness.lose(association, LossReason::Unreachable);
    assert_eq!(actions, [report(PoolElementId(1)), necessary(false)]);
    assert!(harness.session.has_failed());
    // The report is out already: asked for again, it is not repeated.
    let actions = harness.handle(Event::ForceFailover { blame: Blame::Element, stale_cache: Duration::ZERO });
    assert!(!actions.contains(&report(PoolElementId(1))), "{actions:?}");
}

#[test]
fn an_element_that_refuses_is_left_and_not_reported() {
    let refusals = [
        LossReason::Aborted("too many sessions wait to be accepted".into()),
        LossReason::Closed,
        LossReason::Restarted,
        LossReason::ProtocolViolation("receive queue full".into()),
    ];
    for reason in refusals {
        let (mut harness, association) = Harness::connected(false);
        let actions = harness.lose(association, reason.clone());
        assert!(!actions.contains(&report(PoolElementId(1))), "{reason}: {actions:?}");
        // The application has no other sign of it than the session had.
        let actions = harness.handle(Event::ForceFailover { blame: Blame::Element, stale_cache: Duration::ZERO });
        assert!(!actions.contains(&report(PoolElementId(1))), "{reason}: {actions:?}");
        let actions = harness.resolve(&actions, &[1, 2]);
        assert_eq!(connect(&actions).1, 2, "another one is tried");
    }
    // So answers the system of a process that was killed.
    let (mut harness, association) = Harness::connected(false);
    assert!(harness.lose(association, LossReason::Aborted(String::new())).contains(&report(PoolElementId(1))));
}

#[test]
fn an_element_that_somebody_else_lost_is_looked_at_and_not_left() {
    let (mut harness, association) = Harness::connected(true);
    assert!(harness.handle(Event::ElementSuspected(PoolElementId(2))).is_empty(), "it is another one");
    let actions = harness.handle(Event::ElementSuspected(PoolElementId(1)));
    assert_eq!(actions, [Action::Probe { association }]);
    assert_eq!(harness.session.association(), Some(association));
    harness.lose(association, LossReason::Unreachable);
    assert!(harness.handle(Event::ElementSuspected(PoolElementId(1))).is_empty(), "it is left already");
}

#[test]
fn an_element_that_the_registrar_removed_is_left_at_once() {
    for automatic in [true, false] {
        let (mut harness, association) = Harness::connected(automatic);
        assert!(harness.handle(Event::ElementRemoved(PoolElementId(2))).is_empty(), "it is another one");
        let actions = harness.handle(Event::ElementRemoved(PoolElementId(1)));
        assert_eq!(actions[..2], [Action::GiveUp { association }, necessary(false)]);
        assert_eq!(harness.session.has_failed(), !automatic);
        if automatic {
            let actions = harness.resolve(&actions, &[1, 2]);
            assert_eq!(connect(&actions).1, 2);
        }
        assert!(harness.handle(Event::ElementRemoved(PoolElementId(1))).is_empty(), "it is left already");
    }
}

#[test]
fn a_session_that_wants_to_be_told_says_so_whenever_it_is_connected() {
    let mut harness = Harness::new(true);
    *harness.session.config_mut() = PoolUserConfig { automatic: true, ..PoolUserConfig::fast() };
    let actions = harness.handle(Event::Start);
    let actions = harness.resolve(&actions, &[1, 2]);
    let (association, actions) = harness.up(&actions);
    assert_eq!(actions, [Action::WantRemovals, Action::Settled(Ok(()))]);
    let actions = harness.lose(association, LossReason::Unreachable);
    let actions = harness.resolve(&actions, &[2]);
    assert!(harness.up(&actions).1.contains(&Action::WantRemovals));
}

#[test]
fn asap_139_the_latest_cookie_is_echoed_before_anything_else_on_the_new_association() {
    let (mut harness, association) = Harness::connected(true);
    for cookie in [b"old".to_vec(), b"new".to_vec()] {
        let bytes = encoded(AsapMessage::Cookie(Cookie { cookie }));
        assert!(harness.handle(Event::Control { association, bytes: &bytes }).is_empty());
    }
    let unacknowledged = Undelivered { stream: 3, ppid: 9, unordered: false, payload: b"data".to_vec() };
    let control = Undelivered { stream: 0, ppid: PPID_ASAP, unordered: false, payload: b"an echo".to_vec() };
    let actions = harness.handle(Event::Lost {
        association,
        reason: LossReason::Unreachable,
        undelivered: vec![control, unacknowledged.clone()],
    });
    assert!(actions.contains(&necessary(true)));
    let actions = harness.resolve(&actions, &[2]);
    let (association, actions) = harness.up(&actions);
    let echo = encode_cookie_echo(b"new").unwrap();
    assert_eq!(
        actions,
        [Action::SendControl { association, bytes: echo }, Action::Resend { association }, complete(true),]
    );
    assert_eq!(harness.session.next_resend(association), Some(&unacknowledged));
    assert_eq!(harness.session.association(), None, "nothing new goes before it");
    harness.handle(Event::Resent);
    assert_eq!(harness.session.association(), Some(association));
}

#[test]
fn a_message_that_could_not_be_sent_again_waits_for_the_next_element() {
    let (mut harness, association) = Harness::connected(true);
    let message = Undelivered { stream: 0, ppid: 9, unordered: false, payload: b"data".to_vec() };
    let lost = vec![message.clone()];
    let actions = harness.handle(Event::Lost { association, reason: LossReason::Unreachable, undelivered: lost });
    let actions = harness.resolve(&actions, &[2]);
    let (association, actions) = harness.up(&actions);
    assert!(actions.contains(&Action::Resend { association }));
    // The association has no room: it has to wait.
    assert_eq!(harness.handle(Event::Writable { association }), [Action::Resend { association }]);
    let actions = harness.lose(association, LossReason::Unreachable);
    assert_eq!(harness.session.next_resend(association), None);
    let actions = harness.resolve(&actions, &[3]);
    let (association, actions) = harness.up(&actions);
    assert!(actions.contains(&Action::Resend { association }));
    assert_eq!(harness.session.next_resend(association), Some(&message));
}

#[test]
fn a_start_that_comes_after_the_end_gets_an_answer() {
    let (mut harness, _) = Harness::connected(false);
    harness.handle(Event::Close);
    assert_eq!(harness.handle(Event::Start), [Action::Settled(Err(NoElement::Closed))]);
}

#[test]
fn a_start_that_comes_after_a_failover_of_another_thread_gets_an_answer() {
    let (mut harness, _) = Harness::connected(false);
    assert_eq!(harness.handle(Event::Start), [Action::Settled(Ok(()))]);
    let failover = Event::ForceFailover { blame: Blame::Nobody, stale_cache: Duration::ZERO };
    let searching = harness.handle(failover);
    assert_eq!(harness.handle(Event::Start), []);
    let connecting = harness.resolve(&searching, &[2]);
    let (_, actions) = harness.up(&connecting);
    assert!(actions.contains(&Action::Settled(Ok(()))), "{actions:?}");
}

#[test]
fn an_element_that_closes_in_order_is_avoided_but_not_reported() {
    let (mut harness, association) = Harness::connected(true);
    let actions = harness.lose(association, LossReason::Closed);
    assert_eq!(actions[0], Action::Notify(Notification::Shutdown { session: SESSION }));
    assert!(!actions.iter().any(|action| matches!(action, Action::Report { .. })), "{actions:?}");
    let actions = harness.resolve(&actions, &[1, 2]);
    assert_eq!(connect(&actions).1, 2);
}

#[test]
fn a_forced_failover_leaves_a_living_element_and_its_unread_messages() {
    let (mut harness, association) = Harness::connected(false);
    let actions = harness.handle(Event::ForceFailover { blame: Blame::Element, stale_cache: Duration::ZERO });
    let expected = [Action::ClearInbox, report(PoolElementId(1)), Action::GiveUp { association }];
    assert_eq!(actions[..3], expected);
    let actions = harness.resolve(&actions, &[1, 2]);
    assert_eq!(connect(&actions).1, 2);
}

#[test]
fn an_association_that_nobody_waits_for_any_more_is_aborted() {
    let mut harness = Harness::new(false);
    let actions = harness.handle(Event::Start);
    let actions = harness.resolve(&actions, &[1]);
    let (attempt, _) = connect(&actions);
    let closing = harness.handle(Event::Close);
    assert_eq!(closing, [Action::CancelConnect { attempt }, Action::Settled(Err(NoElement::Closed))]);
    let (association, actions) = harness.up(&actions);
    assert_eq!(actions, [Action::Abort { association }]);
}

#[test]
fn a_failover_of_a_session_that_has_ended_is_answered_at_once() {
    let (mut harness, association) = Harness::connected(false);
    assert_eq!(harness.handle(Event::Close), [Action::Shutdown { association }]);
    let actions = harness.handle(Event::ForceFailover { blame: Blame::Element, stale_cache: Duration::ZERO });
    assert_eq!(actions, [Action::Settled(Err(NoElement::Closed))]);
}

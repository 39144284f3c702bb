//! Candidates that race.

use super::*;

/// A session whose first candidate, element 1, has not answered within its head start; the connects to it and to element 2.
fn racing() -> (Harness, Attempt, Vec<Action>) {
    let mut harness = Harness::new(true);
    let actions = harness.handle(Event::Start);
    let actions = harness.resolve(&actions, &[1]);
    let (first, element) = connect(&actions);
    assert_eq!(element, 1);
    let begun = harness.now;
    let actions = harness.sleep();
    assert_eq!(harness.now, begun + Duration::from_millis(250));
    assert!(actions.iter().any(|action| matches!(action, Action::Resolve { items: Some(2), .. })), "{actions:?}");
    let actions = harness.resolve(&actions, &[1, 2]);
    assert_eq!(connect(&actions).1, 2);
    (harness, first, actions)
}

fn failed(attempt: Attempt, reason: LossReason) -> Event<'static> {
    Event::ConnectFailed { attempt, reason }
}

#[test]
fn an_element_that_hangs_costs_its_head_start_and_nobody_is_told() {
    let (mut harness, first, actions) = racing();
    let (association, actions) = harness.up(&actions);
    assert_eq!(actions, [Action::CancelConnect { attempt: first }, Action::Settled(Ok(()))]);
    assert_eq!(harness.session.connected_element(), Some(PoolElementId(2)));
    // It is slow: the next search asks it late.
    let actions = harness.lose(association, LossReason::Unreachable);
    let actions = harness.resolve(&actions, &[1, 2, 3]);
    assert_eq!(connect(&actions).1, 3);
}

#[test]
fn an_element_that_answers_after_its_head_start_still_wins_if_it_is_the_first() {
    let (mut harness, first, actions) = racing();
    let (second, _) = connect(&actions);
    let association = AssociationId::new(1, 1);
    let actions = harness.handle(Event::Up { attempt: first, association });
    assert_eq!(actions, [Action::CancelConnect { attempt: second }, Action::Settled(Ok(()))]);
    assert_eq!(harness.session.connected_element(), Some(PoolElementId(1)));
    // The other one had less time: nothing is to be said against it.
    let actions = harness.lose(association, LossReason::Unreachable);
    let actions = harness.resolve(&actions, &[1, 2, 3]);
    assert_eq!(connect(&actions).1, 2);
}

#[test]
fn an_association_that_lost_the_race_is_ended() {
    let (mut harness, first, actions) = racing();
    harness.up(&actions);
    let association = AssociationId::new(1, 99);
    assert_eq!(harness.handle(Event::Up { attempt: first, association }), [Action::Abort { association }]);
}

#[test]
fn a_candidate_that_is_refused_is_reported_and_the_next_one_need_not_wait() {
    let (mut harness, first, _) = racing();
    let actions = harness.handle(failed(first, LossReason::Refused));
    assert!(actions.contains(&report(PoolElementId(1))), "{actions:?}");
    let actions = harness.resolve(&actions, &[1, 2, 3]);
    assert_eq!(connect(&actions).1, 3);
}

#[test]
fn one_budget_ends_all_and_only_who_had_all_of_it_is_reported() {
    let (mut harness, first, actions) = racing();
    let (second, _) = connect(&actions);
    let timeouts: Vec<Duration> = actions
        .iter()
        .filter_map(|action| if let Action::Connect { timeout, .. } = action { Some(*timeout) } else { None })
        .collect();
    assert_eq!(timeouts, [Duration::from_millis(4750)]);
    let actions = harness.sleep();
    assert!(harness.resolve(&actions, &[2, 1]).is_empty(), "there are no more");
    assert_eq!(harness.session.next_deadline(), None);
    harness.now += Duration::from_millis(4500);
    let actions = harness.handle(failed(first, LossReason::Timeout));
    assert_eq!(actions, [report(PoolElementId(1))]);
    let actions = harness.handle(failed(second, LossReason::Timeout));
    assert!(!actions.contains(&report(PoolElementId(2))), "{actions:?}");
    assert!(actions.contains(&Action::Settled(Err(NoElement::Unreachable))), "{actions:?}");
}

#[test]
fn two_of_three_that_hang_cost_two_head_starts() {
    let (mut harness, first, actions) = racing();
    let (second, _) = connect(&actions);
    let actions = harness.sleep();
    let actions = harness.resolve(&actions, &[1, 2, 3]);
    let (_, actions) = harness.up(&actions);
    for attempt in [first, second] {
        assert!(actions.contains(&Action::CancelConnect { attempt }), "{actions:?}");
    }
    assert!(!actions.iter().any(|action| matches!(action, Action::Report { .. })));
}

#[test]
fn a_registrar_that_does_not_answer_ends_no_race() {
    let mut harness = Harness::new(true);
    let actions = harness.handle(Event::Start);
    let connecting = harness.resolve(&actions, &[1]);
    let actions = harness.sleep();
    let attempt = resolution(&actions);
    assert!(harness.handle(Event::ResolveFailed { attempt, why: ResolveFailure::NoRegistrar }).is_empty());
    assert_eq!(harness.up(&connecting).1, [Action::Settled(Ok(()))]);
}

#[test]
fn connects_under_way_are_bounded() {
    let mut harness = Harness::new(true);
    let mut actions = harness.handle(Event::Start);
    let everybody: Vec<u32> = (1..40).collect();
    let mut connects = 0;
    while harness.session.next_deadline().is_some() || !actions.is_empty() {
        if actions.iter().any(|action| matches!(action, Action::Resolve { .. })) {
            actions = harness.resolve(&actions, &everybody);
            connects += 1;
        } else {
            actions = harness.sleep();
        }
    }
    assert_eq!(connects, 8);
}

#[test]
fn closing_ends_every_connect() {
    let (mut harness, first, actions) = racing();
    let (second, _) = connect(&actions);
    let ended: Vec<Action> = [first, second].map(|attempt| Action::CancelConnect { attempt }).into();
    assert!(harness.handle(Event::Close).starts_with(&ended));
}

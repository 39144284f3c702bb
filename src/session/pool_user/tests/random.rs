//! Any sequence of events.

use super::*;
use proptest::prelude::*;

/// Steps of a random life.
#[derive(Clone, Debug)]
enum Step {
    Resolved(Vec<u8>),
    ResolveFailed(ResolveFailure),
    ConnectFailed,
    Up,
    Lost(bool, u8),
    Control(Vec<u8>),
    ForceFailover(bool),
    Sleep,
    Stale,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(0..6u8, 0..5).prop_map(Step::Resolved),
        1 => prop_oneof![
            Just(ResolveFailure::UnknownPool),
            Just(ResolveFailure::NoRegistrar),
            Just(ResolveFailure::NoDescriptor),
            Just(ResolveFailure::TooManyRequests),
        ]
        .prop_map(Step::ResolveFailed),
        2 => Just(Step::ConnectFailed),
        4 => Just(Step::Up),
        3 => (any::<bool>(), 0..4u8).prop_map(|(closed, lost)| Step::Lost(closed, lost)),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Control),
        1 => any::<bool>().prop_map(Step::ForceFailover),
        3 => Just(Step::Sleep),
        1 => Just(Step::Stale),
        1 => Just(Step::Close),
    ]
}

proptest! {
    /// Whatever happens: no panic; each wait is settled at most once. (What becomes of messages: `accounts.rs`.)
    #[test]
    fn any_sequence_of_events_keeps_the_accounts(automatic in any::<bool>(), steps in prop::collection::vec(step(), 0..80)) {
        let mut harness = Harness::new(automatic);
        let mut pending = harness.handle(Event::Start);
        let (mut waits, mut settled) = (1u32, 0u32);
        let mut latest: (Option<Attempt>, Option<Attempt>) = (None, None);
        for step in std::iter::once(Step::Stale).chain(steps) {
            for action in &pending {
                match action {
                    Action::Resolve { attempt, .. } => latest.0 = Some(*attempt),
                    Action::Connect { attempt, .. } => latest.1 = Some(*attempt),
                    Action::Settled(_) => settled += 1,
                    _ => {}
                }
            }
            prop_assert!(settled <= waits);
            pending = match (step, latest) {
                (Step::Resolved(ids), (Some(attempt), _)) => {
                    let pool_elements = ids.iter().map(|id| element(u32::from(*id) + 1)).collect();
                    harness.handle(Event::Resolved { attempt, policy: Policy::RoundRobin, pool_elements })
                }
                (Step::ResolveFailed(why), (Some(attempt), _)) => {
                    harness.handle(Event::ResolveFailed { attempt, why })
                }
                (Step::ConnectFailed, (_, Some(attempt))) => harness.handle(Event::ConnectFailed { attempt, reason: LossReason::Refused }),
                (Step::Up, (_, Some(attempt))) => {
                    harness.associations += 1;
                    let association = AssociationId::new(1, harness.associations);
                    harness.handle(Event::Up { attempt, association })
                }
                (Step::Lost(closed, count), _) => match harness.session.association() {
                    Some(association) => {
                        let undelivered: Vec<_> =
                            (0..count).map(|_| Undelivered { stream: 0, ppid: 1, unordered: false, payload: vec![1] }).collect();
                        let reason = if closed { LossReason::Closed } else { LossReason::Unreachable };
                        harness.handle(Event::Lost { association, reason, undelivered })
                    }
                    None => Vec::new(),
                },
                (Step::Control(bytes), _) => match harness.session.association() {
                    Some(association) => harness.handle(Event::Control { association, bytes: &bytes }),
                    None => Vec::new(),
                },
                (Step::ForceFailover(unreachable), _) => {
                    // One waiter at a time, as one application thread has it.
                    waits = settled + 1;
                    let blame = if unreachable { Blame::Element } else { Blame::Nobody };
                    harness.handle(Event::ForceFailover { blame, stale_cache: Duration::ZERO })
                }
                (Step::Sleep, _) if harness.session.next_deadline().is_some() => harness.sleep(),
                (Step::Stale, _) => {
                    let association = AssociationId::new(9, 9);
                    let attempt = Attempt(u64::MAX);
                    let actions = harness.handle(Event::ConnectFailed { attempt, reason: LossReason::Refused });
                    prop_assert!(actions.is_empty());
                    harness.handle(Event::Lost { association, reason: LossReason::Closed, undelivered: Vec::new() })
                }
                (Step::Close, _) => harness.handle(Event::Close),
                _ => Vec::new(),
            };
        }
    }
}

//! Whatever happens, in any order.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Step {
    Send { target: u8, failover: bool },
    Resolve(Vec<u8>),
    NoPool,
    Up,
    ConnectFailed,
    Lost(u8, bool),
    Ended(u8),
    Later(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..8u8, any::<bool>()).prop_map(|(target, failover)| Step::Send { target, failover }),
        3 => prop::collection::vec(1..6u8, 0..5).prop_map(Step::Resolve),
        1 => Just(Step::NoPool),
        3 => Just(Step::Up),
        1 => Just(Step::ConnectFailed),
        2 => (0..8u8, any::<bool>()).prop_map(|(session, marked)| Step::Lost(session, marked)),
        1 => (0..8u8).prop_map(Step::Ended),
        1 => (0..5000u16).prop_map(Step::Later),
    ]
}

proptest! {
    /// Whatever happens: no panic; no element gets a message twice in one delivery; sessions and pools agree; a delivery that
    /// nothing can change any more is done.
    #[test]
    fn any_sequence_of_events_keeps_the_accounts(steps in prop::collection::vec(step(), 0..80)) {
        let mut harness = Harness::new();
        let mut deliveries: Vec<Delivery> = Vec::new();
        for step in steps {
            match step {
                Step::Send { target, failover } => {
                    let target = match target {
                        0..=2 => Target::Any,
                        3 => Target::Last,
                        4 => Target::All,
                        other => Target::Element(PoolElementId(u32::from(other) - 3)),
                    };
                    deliveries.push(harness.delivery(target).with_failover(failover).from_element(Some(PoolElementId(5)), true));
                }
                Step::Resolve(ids) => {
                    let ids: BTreeSet<u32> = ids.into_iter().map(u32::from).collect();
                    harness.resolve_pending(&ids.into_iter().collect::<Vec<_>>());
                }
                Step::NoPool => {
                    for attempt in harness.resolutions() {
                        harness.sender.resolved(harness.now, attempt, Err(DeliveryFailure::UnknownPool));
                    }
                    harness.actions.retain(|action| !matches!(action, Action::Resolve { .. }));
                }
                Step::Up => harness.connect_all_but(&[]),
                Step::ConnectFailed => harness.connect_all_but(&[1, 2, 3, 4, 5]),
                Step::Lost(index, marked) => {
                    let session = harness.sender.sessions.keys().nth(usize::from(index)).copied();
                    if let Some(session) = session {
                        let payload = if marked { MESSAGE.to_vec() } else { b"other".to_vec() };
                        let lost = vec![Undelivered { stream: 0, ppid: 9, unordered: false, payload }];
                        harness.sender.lost(harness.now, session, &LossReason::Unreachable, lost, &mut harness.actions);
                    }
                }
                Step::Ended(index) => {
                    let session = harness.sender.sessions.keys().nth(usize::from(index)).copied();
                    if let Some(session) = session {
                        harness.sender.ended(session);
                    }
                }
                Step::Later(ms) => harness.later(Duration::from_millis(u64::from(ms))),
            }
            for delivery in &mut deliveries {
                harness.run(delivery);
                let elements = sent(delivery);
                let distinct: BTreeSet<_> = elements.iter().collect();
                prop_assert_eq!(distinct.len(), elements.len());
                prop_assert!(delivery.target == Target::All || elements.len() <= 1);
            }
            let up: usize = harness.sender.pools.values().map(|pool| pool.sessions().count()).sum();
            prop_assert_eq!(up, harness.sender.sessions.len());
        }
        for delivery in &mut deliveries {
            harness.finish(delivery, &[], &[]);
        }
    }
}

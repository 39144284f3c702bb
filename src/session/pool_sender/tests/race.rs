//! Elements race for a message that any of them may have, as they do for a session.

use super::*;

/// A message on its way to a pool of three, of which the first one has been asked for a session.
fn first_is_asked(target: Target, failover: bool) -> (Harness, Delivery) {
    let mut harness = Harness::new();
    let mut delivery = harness.delivery(target).with_failover(failover);
    assert!(!harness.run(&mut delivery));
    harness.resolve(&[1, 2, 3]);
    assert!(!harness.run(&mut delivery));
    assert_eq!(asked(&harness), [1]);
    (harness, delivery)
}

fn asked(harness: &Harness) -> Vec<u32> {
    harness.connects().into_iter().map(|(_, id)| id).collect()
}

#[test]
fn an_element_that_hangs_costs_its_head_start() {
    let (mut harness, mut delivery) = first_is_asked(Target::Any, true);
    assert_eq!(harness.sender.next_deadline(), Some(harness.now + HEAD_START));
    harness.later(HEAD_START - Duration::from_millis(1));
    assert!(!harness.run(&mut delivery));
    assert_eq!(asked(&harness), [1]);
    harness.later(Duration::from_millis(1));
    assert!(!harness.run(&mut delivery));
    assert_eq!(asked(&harness), [1, 2]);
    assert!(!harness.run(&mut delivery), "the second one has its head start, too");
    assert_eq!(asked(&harness), [1, 2]);
    let [first, second] = harness.connects()[..] else { panic!() };
    harness.up(second.0);
    assert!(harness.run(&mut delivery));
    assert_eq!((sent(&delivery), delivery.failures()), (vec![2], vec![]));
    // The other one answers after all: it does not get the message as well, but serves the next one.
    harness.up(first.0);
    assert!(harness.run(&mut delivery));
    assert_eq!(sent(&delivery), [2]);
    assert_eq!(harness.sender.next_deadline(), None);
    harness.actions.clear();
    assert_eq!(harness.send(Target::Element(PoolElementId(1)), &[], &[]), [1]);
}

#[test]
fn one_that_answers_after_its_head_start_still_gets_the_message_if_it_is_the_first() {
    let (mut harness, mut delivery) = first_is_asked(Target::Last, true);
    harness.later(HEAD_START);
    assert!(!harness.run(&mut delivery));
    let [first, _] = harness.connects()[..] else { panic!("{:?}", harness.actions) };
    harness.up(first.0);
    assert!(harness.run(&mut delivery));
    assert_eq!(sent(&delivery), [1]);
}

#[test]
fn two_that_hang_cost_two_head_starts_and_when_all_fail_nobody_is_left() {
    let (mut harness, mut delivery) = first_is_asked(Target::Element(PoolElementId(1)), true);
    for count in [2, 3, 3] {
        harness.later(HEAD_START);
        assert!(!harness.run(&mut delivery));
        assert_eq!(asked(&harness).len(), count);
    }
    harness.connect_all_but(&[1, 2]);
    assert!(harness.run(&mut delivery));
    assert_eq!(sent(&delivery), [3]);
    let (mut harness, mut delivery) = first_is_asked(Target::Any, true);
    harness.later(HEAD_START);
    harness.finish(&mut delivery, &[1, 2, 3], &[1, 2, 3]);
    assert_eq!((sent(&delivery).len(), delivery.failures().len()), (0, 1));
}

#[test]
fn those_that_hang_since_an_earlier_message_cost_the_next_one_nothing() {
    let (mut harness, mut delivery) = first_is_asked(Target::Element(PoolElementId(1)), true);
    for _ in 0..2 {
        harness.later(HEAD_START);
        assert!(!harness.run(&mut delivery));
    }
    let third = harness.connects()[2].0;
    harness.up(third);
    assert!(harness.run(&mut delivery));
    let mut next = harness.delivery(Target::Element(PoolElementId(1))).with_failover(true);
    assert!(harness.run(&mut next), "nothing else would happen that it could wait for");
    assert_eq!(sent(&next), [3]);
}

#[test]
fn where_no_other_element_will_do_none_is_tried() {
    for target in [Target::Any, Target::Element(PoolElementId(1))] {
        let (mut harness, mut delivery) = first_is_asked(target, false);
        harness.later(HEAD_START);
        assert!(!harness.run(&mut delivery));
        assert_eq!(asked(&harness), [1]);
    }
}

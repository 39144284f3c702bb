//! Sessions that this side closes: what their elements never acknowledge is reported all the same.

use super::*;

/// How many messages are reported for a session that ends without having acknowledged these.
fn reported(harness: &mut Harness, session: SessionId, undelivered: &[(u32, &[u8])]) -> Vec<(SessionId, u32)> {
    let messages = undelivered
        .iter()
        .map(|(ppid, payload)| Undelivered { stream: 0, ppid: *ppid, unordered: false, payload: payload.to_vec() })
        .collect();
    let mut actions = Vec::new();
    harness.sender.lost(harness.now, session, &LossReason::GivenUp, messages, &mut actions);
    let told = actions.into_iter().map(|action| match action {
        Action::Notify(Notification::SendFailed { session, messages, .. }) => (session, messages),
        other => panic!("{other:?}"),
    });
    told.collect()
}

fn ended(harness: &Harness) -> Vec<SessionId> {
    let ended = harness.actions.iter().filter_map(|action| match action {
        Action::EndSession { session, .. } => Some(*session),
        _ => None,
    });
    ended.collect()
}

#[test]
fn sessions_of_a_pool_that_makes_room_report_what_was_not_acknowledged() {
    let mut harness = Harness::new();
    for pool in 0..=MAX_SENT_POOLS as u32 {
        let mut delivery = Delivery::new(PoolHandle::new(pool.to_be_bytes()), Target::All, harness.now);
        harness.finish(&mut delivery, &[1, 2], &[]);
    }
    let [first, second] = ended(&harness)[..] else { panic!("{:?}", harness.actions) };
    let echo = (PPID_ASAP, b"no data".as_slice());
    assert_eq!(reported(&mut harness, first, &[(9, MESSAGE), echo, (9, b"another")]), [(first, 2)]);
    assert_eq!(reported(&mut harness, second, &[]), [], "it was all acknowledged");
    assert_eq!(reported(&mut harness, first, &[(9, MESSAGE)]), [], "each ends once");
}

#[test]
fn a_session_that_makes_room_or_is_closed_reports_it_too_and_one_that_is_aborted_does_not() {
    let mut harness = Harness::new();
    for id in 1..=MAX_POOL_SESSIONS as u32 + 1 {
        harness.now += Duration::from_secs(2);
        let target = Target::Element(PoolElementId(id));
        let mut delivery = Delivery::new("pool".into(), target, harness.now).with_failover(true);
        harness.finish(&mut delivery, &[id], &[]);
    }
    let [oldest] = ended(&harness)[..] else { panic!("{:?}", harness.actions) };
    assert_eq!(reported(&mut harness, oldest, &[(9, MESSAGE)]), [(oldest, 1)]);
    let (closed, aborted) = (harness.session(2), harness.session(3));
    harness.sender.ended(closed);
    assert_eq!(reported(&mut harness, closed, &[(9, MESSAGE)]), [(closed, 1)]);
    assert_eq!(harness.sender.discarded(aborted), Some(PoolElementId(3)));
    assert_eq!(reported(&mut harness, aborted, &[(9, MESSAGE)]), []);
    assert!(harness.sender.leaving.is_empty());
}

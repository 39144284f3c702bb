mod leaving;
mod race;
mod random;

use super::*;
use crate::association::PeerAddress;
use crate::wire::{AddressList, RegistrationLife, TransportParameter, TransportUse};
use crate::{PoolElementId, RegistrarId};

fn element(id: u32) -> PoolElement {
    PoolElement {
        id: PoolElementId(id),
        home_registrar: RegistrarId(1),
        registration_life: RegistrationLife::INFINITE,
        user_transport: TransportParameter::Sctp {
            port: id as u16 + 1000,
            transport_use: TransportUse::DataPlusControl,
            addresses: AddressList::from_slice(&["127.0.0.1".parse().unwrap()]),
        },
        policy: Policy::RoundRobin,
        asap_transport: None,
    }
}

fn id_of(peer: &PeerAddress) -> u32 {
    u32::from(peer.port) - 1000
}

/// A sender whose transport takes every message, in virtual time.
struct Harness {
    sender: PoolSender,
    now: Time,
    associations: u64,
    /// What is to be done.
    actions: Vec<Action>,
}

const MESSAGE: &[u8] = b"message";
const HEAD_START: Duration = Duration::from_millis(250);

impl Harness {
    fn new() -> Harness {
        let sender = PoolSender::new(7, Duration::from_secs(5), HEAD_START);
        Harness { sender, now: Time::from_secs(1), associations: 0, actions: Vec::new() }
    }

    fn delivery(&self, target: Target) -> Delivery {
        Delivery::new("pool".into(), target, self.now).with_stale_cache(Duration::from_secs(60))
    }

    /// Goes on with a delivery until it waits (false) or is done (true).
    fn run(&mut self, delivery: &mut Delivery) -> bool {
        delivery.look_again();
        loop {
            match self.sender.next(self.now, delivery, &mut self.actions) {
                Next::Send { element, .. } | Next::Loopback(element) => {
                    self.sender.sent(delivery, element, 0, 9, MESSAGE);
                }
                Next::Wait => return false,
                Next::Done => return true,
            }
        }
    }

    fn later(&mut self, by: Duration) {
        self.now += by;
        self.sender.timeout(self.now);
    }

    fn resolutions(&self) -> Vec<Attempt> {
        let found = self.actions.iter().filter_map(|action| match action {
            Action::Resolve { attempt, .. } => Some(*attempt),
            _ => None,
        });
        found.collect()
    }

    fn connects(&self) -> Vec<(Attempt, u32)> {
        let found = self.actions.iter().filter_map(|action| match action {
            Action::Connect { attempt, peer, .. } => Some((*attempt, id_of(peer))),
            _ => None,
        });
        found.collect()
    }

    fn resolve(&mut self, ids: &[u32]) {
        for attempt in self.resolutions() {
            let elements = ids.iter().map(|id| element(*id)).collect();
            self.sender.resolved(self.now, attempt, Ok((Policy::RoundRobin, elements)));
        }
        self.actions.clear();
    }

    fn up(&mut self, attempt: Attempt) -> SessionId {
        self.associations += 1;
        let session = SessionId(self.associations as u32);
        self.sender.connected(attempt, AssociationId::new(1, self.associations), session);
        session
    }

    /// Lets all connects succeed, but those to `dead`.
    fn connect_all_but(&mut self, dead: &[u32]) {
        for (attempt, id) in self.connects() {
            if dead.contains(&id) {
                self.sender.connect_failed(self.now, attempt, &LossReason::Refused, &mut self.actions);
            } else {
                self.up(attempt);
            }
        }
        self.actions.retain(|action| !matches!(action, Action::Connect { .. }));
    }

    /// Goes on to the end, with these elements in the pool.
    fn finish(&mut self, delivery: &mut Delivery, ids: &[u32], dead: &[u32]) {
        for _ in 0..100 {
            if self.run(delivery) {
                return;
            }
            self.resolve_pending(ids);
            self.connect_all_but(dead);
        }
        panic!("no end of {delivery:?}");
    }

    fn resolve_pending(&mut self, ids: &[u32]) {
        for attempt in self.resolutions() {
            let elements = ids.iter().map(|id| element(*id)).collect();
            self.sender.resolved(self.now, attempt, Ok((Policy::RoundRobin, elements)));
        }
        self.actions.retain(|action| !matches!(action, Action::Resolve { .. }));
    }

    fn send(&mut self, target: Target, ids: &[u32], dead: &[u32]) -> Vec<u32> {
        let mut delivery = self.delivery(target);
        self.finish(&mut delivery, ids, dead);
        sent(&delivery)
    }

    fn session(&self, id: u32) -> SessionId {
        self.sender.session_of(&"pool".into(), PoolElementId(id)).expect("a session with the element")
    }

    fn lose(&mut self, id: u32, undelivered: &[&[u8]]) -> Vec<Action> {
        let messages = undelivered
            .iter()
            .map(|m| Undelivered { stream: 0, ppid: 9, unordered: false, payload: m.to_vec() })
            .collect();
        let mut actions = Vec::new();
        self.sender.lost(self.now, self.session(id), &LossReason::Unreachable, messages, &mut actions);
        actions
    }
}

fn sent(delivery: &Delivery) -> Vec<u32> {
    delivery.sent_to().map(|id| id.0).collect()
}

#[test]
fn asap_154_the_pool_handle_is_translated_first() {
    let mut harness = Harness::new();
    let mut delivery = harness.delivery(Target::Any);
    assert!(!harness.run(&mut delivery));
    assert_eq!((harness.resolutions().len(), harness.connects().len()), (1, 0));
    harness.resolve(&[1, 2]);
    assert!(!harness.run(&mut delivery), "a session comes before the message");
    assert_eq!(harness.connects()[0].1, 1);
    harness.connect_all_but(&[]);
    assert!(harness.run(&mut delivery));
    assert_eq!(sent(&delivery), [1]);
}

#[test]
fn asap_155_156_messages_wait_for_the_resolution_and_share_it() {
    let mut harness = Harness::new();
    let mut deliveries = [harness.delivery(Target::Any), harness.delivery(Target::All), harness.delivery(Target::Any)];
    for delivery in &mut deliveries {
        assert!(!harness.run(delivery));
    }
    assert_eq!(harness.resolutions().len(), 1);
    harness.resolve(&[1, 2]);
    for delivery in &mut deliveries {
        harness.finish(delivery, &[], &[]);
    }
    assert_eq!(deliveries.each_ref().map(sent), [vec![1], vec![1, 2], vec![2]]);
}

#[test]
fn rfc_5352_section_6_5_2_1_messages_go_round_robin_over_sessions_that_are_made_once() {
    let mut harness = Harness::new();
    let receivers: Vec<u32> = (0..6).flat_map(|_| harness.send(Target::Any, &[1, 2, 3], &[])).collect();
    assert_eq!(receivers, [1, 2, 3, 1, 2, 3]);
    assert_eq!(harness.associations, 3);
}

#[test]
fn rfc_5352_section_6_5_3_a_named_element_is_connected_and_reached_without_asking_again() {
    let mut harness = Harness::new();
    let named = Target::Element(PoolElementId(2));
    assert_eq!(harness.send(named, &[1, 2], &[]), [2]);
    let mut delivery = harness.delivery(named).with_stale_cache(Duration::ZERO);
    assert!(harness.run(&mut delivery), "its session is there: nobody has to be asked");
    let mut delivery = harness.delivery(Target::Element(PoolElementId(9)));
    harness.finish(&mut delivery, &[1, 2], &[]);
    assert_eq!(delivery.failures(), [(Some(PoolElementId(9)), DeliveryFailure::UnknownElement)]);
}

#[test]
fn rfc_5352_section_6_5_5_to_last_goes_where_the_last_message_went() {
    let mut harness = Harness::new();
    assert_eq!(harness.send(Target::Last, &[1, 2], &[]), [1], "the first time one is chosen");
    assert_eq!(harness.send(Target::Any, &[1, 2], &[]), [2]);
    assert_eq!(harness.send(Target::Last, &[1, 2], &[]), [2]);
    assert_eq!(harness.send(Target::Last, &[1, 2], &[]), [2]);
}

#[test]
fn rfc_5352_section_6_5_5_to_all_leaves_the_sender_out_unless_it_wants_its_own() {
    let mut harness = Harness::new();
    let own = Some(PoolElementId(2));
    let mut delivery = harness.delivery(Target::All).from_element(own, false);
    harness.finish(&mut delivery, &[1, 2, 3], &[]);
    assert_eq!(sent(&delivery), [1, 3]);
    let mut delivery = harness.delivery(Target::All).from_element(own, true);
    harness.finish(&mut delivery, &[1, 2, 3], &[]);
    assert_eq!(sent(&delivery), [1, 2, 3]);
    assert!(harness.connects().is_empty() && harness.associations == 2, "no association with itself");
}

#[test]
fn rfc_5352_section_6_5_5_without_failover_the_sender_learns_who_was_not_reached() {
    let mut harness = Harness::new();
    let mut delivery = harness.delivery(Target::Any);
    harness.finish(&mut delivery, &[1, 2], &[1]);
    let unreachable = DeliveryFailure::Unreachable("no connection".into());
    assert_eq!(delivery.failures(), [(Some(PoolElementId(1)), unreachable)]);
    let report = Action::Report { pool_handle: "pool".into(), pool_element_id: PoolElementId(1) };
    assert!(harness.actions.contains(&report), "{:?}", harness.actions);
    // Without failover a lost message is reported, not sent again (Error.Report of section 6.7).
    assert_eq!(harness.send(Target::Element(PoolElementId(2)), &[2], &[]), [2]);
    let session = harness.session(2);
    let failed = Notification::SendFailed { session, element: PoolElementId(2), messages: 1 };
    assert!(harness.lose(2, &[MESSAGE]).contains(&Action::Notify(failed)));
    assert!(harness.sender.take_resends().is_empty());
}

#[test]
fn asap_157_with_failover_another_element_is_chosen_silently() {
    let mut harness = Harness::new();
    for target in [Target::Any, Target::Element(PoolElementId(1)), Target::Last] {
        let mut delivery = harness.delivery(target).with_failover(true);
        harness.finish(&mut delivery, &[1, 2, 3], &[1, 2]);
        assert_eq!(sent(&delivery), [3], "{target:?}");
    }
    let mut delivery = Delivery::new("elsewhere".into(), Target::Any, harness.now).with_failover(true);
    harness.finish(&mut delivery, &[4, 5], &[4, 5]);
    assert_eq!(sent(&delivery), [] as [u32; 0]);
    assert_eq!(delivery.failures().len(), 1, "nobody is left");
}

#[test]
fn asap_157_with_failover_what_was_never_acknowledged_goes_to_another_element() {
    let mut harness = Harness::new();
    let mut delivery = harness.delivery(Target::Any).with_failover(true);
    harness.finish(&mut delivery, &[1, 2], &[]);
    assert_eq!(sent(&delivery), [1]);
    let actions = harness.lose(1, &[MESSAGE, b"of somebody else"]);
    let told = |messages| move |action: &Action| matches!(action, Action::Notify(Notification::SendFailed { messages: m, .. }) if *m == messages);
    assert!(actions.iter().any(told(1)), "only the other message is lost: {actions:?}");
    let mut resends = harness.sender.take_resends();
    let mut resend = resends.pop_front().expect("the marked message");
    assert_eq!(resend.message.payload, MESSAGE);
    harness.finish(&mut resend.delivery, &[1, 2], &[]);
    assert_eq!(sent(&resend.delivery), [2], "the element that lost it is not asked again");
    let mut actions = Vec::new();
    harness.sender.keep_resend(harness.now, resend, true, &mut actions);
    assert!(actions.is_empty() && harness.sender.next_deadline().is_none());
}

#[test]
fn a_message_that_nobody_takes_over_is_reported_in_the_end() {
    let mut harness = Harness::new();
    let mut delivery = harness.delivery(Target::Any).with_failover(true);
    harness.finish(&mut delivery, &[1], &[]);
    harness.lose(1, &[MESSAGE]);
    let deadline = harness.sender.next_deadline().expect("it is tried for some time");
    let resend = harness.sender.take_resends().pop_front().expect("the marked message");
    let mut actions = Vec::new();
    harness.sender.keep_resend(deadline, resend, false, &mut actions);
    assert!(matches!(actions[..], [Action::Notify(Notification::SendFailed { messages: 1, .. })]), "{actions:?}");
}

#[test]
fn who_does_not_wait_comes_back_for_what_was_begun() {
    let mut harness = Harness::new();
    // Each call is a new delivery, and asks for fresh knowledge: the answer to the first serves the second.
    let attempt = |harness: &mut Harness| {
        let mut delivery = Delivery::new("pool".into(), Target::Any, harness.now);
        let done = harness.run(&mut delivery);
        harness.sender.put_off(&delivery);
        harness.now += Duration::from_millis(1);
        (done, delivery)
    };
    assert!(!attempt(&mut harness).0);
    harness.resolve(&[1, 2]);
    assert!(!attempt(&mut harness).0);
    assert!(harness.resolutions().is_empty(), "{:?}", harness.actions);
    harness.connect_all_but(&[]);
    let (done, delivery) = attempt(&mut harness);
    assert!(done, "{:?}", harness.actions);
    assert_eq!(sent(&delivery), [1], "the one that was chosen first");
    assert!(!attempt(&mut harness).0, "the answer has served its message");
    assert_eq!(harness.resolutions().len(), 1);
}

#[test]
fn who_does_not_wait_is_told_of_a_failure_and_does_not_cause_it_again_and_again() {
    let mut harness = Harness::new();
    let named = Target::Element(PoolElementId(1));
    let mut delivery = harness.delivery(named);
    harness.run(&mut delivery);
    harness.resolve(&[1]);
    harness.run(&mut delivery);
    harness.connect_all_but(&[1]);
    harness.now += Duration::from_millis(1);
    let mut again = harness.delivery(named);
    assert!(harness.run(&mut again));
    assert_eq!(again.failures().len(), 1);
    harness.now += Duration::from_secs(2);
    let mut later = harness.delivery(named);
    harness.finish(&mut later, &[1], &[]);
    assert_eq!(sent(&later), [1], "it may have recovered");
}

#[test]
fn a_message_to_all_goes_to_nobody_before_everybody_has_a_session_or_failed() {
    let mut harness = Harness::new();
    let mut delivery = harness.delivery(Target::All);
    harness.run(&mut delivery);
    harness.resolve(&[1, 2, 3]);
    harness.run(&mut delivery);
    let connects = harness.connects();
    harness.up(connects[0].0);
    assert!(!harness.run(&mut delivery));
    assert_eq!(sent(&delivery), [] as [u32; 0]);
    harness.sender.connect_failed(harness.now, connects[1].0, &LossReason::Refused, &mut Vec::new());
    assert!(!harness.run(&mut delivery));
    // Time is over: who is there gets it.
    delivery.last_call();
    assert!(harness.run(&mut delivery));
    assert_eq!(sent(&delivery), [1]);
    let failures: Vec<_> = delivery.failures().into_iter().filter_map(|(id, _)| id.map(|id| id.0)).collect();
    assert_eq!(failures, [2, 3]);
}

#[test]
fn an_element_that_was_not_even_tried_is_not_reported() {
    for reason in [None, Some(LossReason::NoMemory), Some(LossReason::NoDescriptor)] {
        let mut harness = Harness::new();
        let mut delivery = Delivery::new("pool".into(), Target::Any, harness.now);
        assert!(!harness.run(&mut delivery));
        harness.resolve_pending(&[1]);
        assert!(!harness.run(&mut delivery));
        let (attempt, _) = harness.connects()[0];
        harness.actions.clear();
        match reason {
            None => harness.sender.cannot_connect(harness.now, attempt),
            Some(reason) => harness.sender.connect_failed(harness.now, attempt, &reason, &mut harness.actions),
        }
        assert!(harness.run(&mut delivery), "nobody is left");
        assert!(!harness.actions.iter().any(|action| matches!(action, Action::Report { .. })), "{:?}", harness.actions);
        let [(Some(PoolElementId(1)), DeliveryFailure::Limit(_))] = delivery.failures()[..] else {
            panic!("{:?}", delivery.failures())
        };
    }
}

#[test]
fn the_session_that_was_not_used_for_longest_makes_room() {
    let mut harness = Harness::new();
    let handle = |pool: u32| PoolHandle::new(pool.to_be_bytes());
    for pool in 0..MAX_POOL_SESSIONS as u32 / 16 {
        let mut delivery = Delivery::new(handle(pool), Target::All, harness.now);
        harness.finish(&mut delivery, &(1..=16).collect::<Vec<_>>(), &[]);
    }
    assert_eq!(harness.sender.sessions.len(), MAX_POOL_SESSIONS);
    let mut delivery = Delivery::new(handle(0), Target::Element(PoolElementId(1)), harness.now);
    harness.finish(&mut delivery, &[1], &[]);
    harness.now += Duration::from_secs(2);
    let mut delivery = Delivery::new(handle(1), Target::Element(PoolElementId(77)), harness.now);
    harness.finish(&mut delivery, &[77], &[]);
    let ended: Vec<_> = harness.actions.iter().filter(|a| matches!(a, Action::EndSession { .. })).collect();
    assert_eq!(ended.len(), 1);
    assert!(harness.sender.session_of(&handle(0), PoolElementId(1)).is_some(), "it was used just now");
    assert!(harness.sender.session_of(&handle(0), PoolElementId(2)).is_none());
    assert_eq!(harness.sender.sessions.len(), MAX_POOL_SESSIONS);
}

#[test]
fn pools_beyond_the_limit_make_room_with_their_sessions() {
    let mut harness = Harness::new();
    for pool in 0..MAX_SENT_POOLS as u32 + 5 {
        let mut delivery = Delivery::new(PoolHandle::new(pool.to_be_bytes()), Target::Any, harness.now);
        harness.finish(&mut delivery, &[1], &[]);
    }
    assert_eq!((harness.sender.pools.len(), harness.sender.sessions.len()), (MAX_SENT_POOLS, MAX_SENT_POOLS));
}

use super::*;
use crate::association::LossReason;
use crate::message::AsapMessage;
use crate::message::asap::Cookie;
use crate::session::encode_business_card;
use crate::wire::{AddressList, PPID_ASAP, Policy, RegistrationLife, TransportUse};
use crate::{PoolElementId, RegistrarId};
use proptest::prelude::*;

const SESSION: SessionId = SessionId(1);

pub(super) struct Harness {
    pub(super) session: PoolUserSession,
    pub(super) now: Time,
    associations: u64,
}

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

fn elements(ids: &[u32]) -> Vec<PoolElement> {
    ids.iter().map(|id| element(*id)).collect()
}

fn encoded(message: AsapMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

impl Harness {
    pub(super) fn new(automatic: bool) -> Harness {
        let config = PoolUserConfig { automatic, resend: true, ..PoolUserConfig::default() };
        Harness {
            session: PoolUserSession::new(config, SESSION, "pool".into()),
            now: Time::from_secs(1),
            associations: 0,
        }
    }

    pub(super) fn handle(&mut self, event: Event<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        self.session.handle(self.now, event, &mut actions);
        actions
    }

    /// Lets time pass until the session wants to be woken.
    pub(super) fn sleep(&mut self) -> Vec<Action> {
        self.now = self.session.next_deadline().expect("the session waits for a time");
        self.handle(Event::Timeout)
    }

    /// Answers the resolution in `actions` with these elements.
    pub(super) fn resolve(&mut self, actions: &[Action], ids: &[u32]) -> Vec<Action> {
        let attempt = resolution(actions);
        self.handle(Event::Resolved { attempt, policy: Policy::RoundRobin, pool_elements: elements(ids) })
    }

    /// Lets the connect in `actions` succeed.
    pub(super) fn up(&mut self, actions: &[Action]) -> (AssociationId, Vec<Action>) {
        self.associations += 1;
        let association = AssociationId::new(1, self.associations);
        let (attempt, _) = connect(actions);
        (association, self.handle(Event::Up { attempt, association }))
    }

    /// Connected to element 1.
    fn connected(automatic: bool) -> (Harness, AssociationId) {
        let mut harness = Harness::new(automatic);
        let actions = harness.handle(Event::Start);
        let actions = harness.resolve(&actions, &[1, 2]);
        let (association, actions) = harness.up(&actions);
        assert_eq!(actions, [Action::Settled(Ok(()))]);
        (harness, association)
    }

    pub(super) fn lose(&mut self, association: AssociationId, reason: LossReason) -> Vec<Action> {
        self.handle(Event::Lost { association, reason, undelivered: Vec::new() })
    }
}

pub(super) fn resolution(actions: &[Action]) -> Attempt {
    let found = actions.iter().find_map(|action| match action {
        Action::Resolve { attempt, .. } => Some(*attempt),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no resolution in {actions:?}"))
}

/// The connect in `actions`: which, and to which element.
pub(super) fn connect(actions: &[Action]) -> (Attempt, u32) {
    let found = actions.iter().find_map(|action| match action {
        Action::Connect { attempt, peer, .. } => Some((*attempt, u32::from(peer.port) - 1000)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no connect in {actions:?}"))
}

pub(super) fn report(pool_element_id: PoolElementId) -> Action {
    Action::Report { pool_handle: "pool".into(), pool_element_id }
}

fn necessary(has_cookie: bool) -> Action {
    Action::Notify(Notification::FailoverNecessary { session: SESSION, has_cookie })
}

fn complete(has_cookie: bool) -> Action {
    Action::Notify(Notification::FailoverComplete { session: SESSION, has_cookie })
}

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
    assert_eq!(actions, [Action::Watch, Action::Settled(Ok(()))]);
    let actions = harness.lose(association, LossReason::Unreachable);
    let actions = harness.resolve(&actions, &[2]);
    assert!(harness.up(&actions).1.contains(&Action::Watch));
}

#[test]
fn asap_139_the_latest_cookie_is_echoed_before_anything_else_on_the_new_association() {
    let (mut harness, association) = Harness::connected(true);
    for cookie in [b"old".to_vec(), b"new".to_vec()] {
        let bytes = encoded(AsapMessage::Cookie(Cookie { cookie }));
        assert!(harness.handle(Event::Control { association, bytes: &bytes }).is_empty());
    }
    let unacknowledged = Undelivered { stream: 3, ppid: 9, payload: b"data".to_vec() };
    let control = Undelivered { stream: 0, ppid: PPID_ASAP, payload: b"an echo".to_vec() };
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
    let message = Undelivered { stream: 0, ppid: 9, payload: b"data".to_vec() };
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
                            (0..count).map(|_| Undelivered { stream: 0, ppid: 1, payload: vec![1] }).collect();
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

//! The core in virtual time.

use super::*;
use crate::wire::{Policy, PolicyType};
use crate::{PoolElementId, RegistrarId};
use std::net::SocketAddr;
use std::time::Duration;

fn config() -> GatewayConfig {
    GatewayConfig {
        pool: "Pool".to_owned(),
        carried: Carried::Connections,
        sticky: Sticky::No,
        max_sessions: 100,
        max_per_client: 100,
        max_per_element: 100,
        head_start: Duration::from_millis(250),
        patience: Duration::from_secs(1),
        grace: Duration::from_secs(5),
    }
}

fn element(id: u32) -> Element {
    Element {
        id: PoolElementId(id),
        home: RegistrarId(1),
        policy: Policy::RoundRobin,
        address: ([10, 0, 0, id as u8], 80).into(),
    }
}

fn client(number: u8) -> SocketAddr {
    ([192, 0, 2, number], 1000).into()
}

fn id_at(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(address) => address.ip().octets()[3].into(),
        SocketAddr::V6(_) => panic!("there is no such element"),
    }
}

struct Trial {
    core: Gateway,
    now: Time,
    next_session: u64,
}

impl Trial {
    fn new(config: GatewayConfig, elements: &[u32]) -> Trial {
        let mut trial = Trial { core: Gateway::new(config, 7), now: Time::from_secs(100), next_session: 0 };
        trial.list(elements);
        trial
    }

    fn event(&mut self, event: Event<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        self.core.handle(self.now, event, &mut actions);
        actions
    }

    fn list(&mut self, elements: &[u32]) -> Vec<Action> {
        let elements: Vec<Element> = elements.iter().map(|id| element(*id)).collect();
        self.event(Event::Pool(Some(PolicyType::ROUND_ROBIN), &elements))
    }

    fn accept(&mut self, number: u8) -> (SessionId, Vec<Action>) {
        self.next_session += 1;
        let session = SessionId(self.next_session);
        (session, self.event(Event::Accepted(session, client(number))))
    }

    /// A client that an element has taken.
    fn led(&mut self, number: u8) -> (SessionId, u32) {
        let (session, actions) = self.accept(number);
        let (attempt, element) = connect_of(&actions);
        assert_eq!(self.event(Event::Connected(session, attempt)), [Action::Carry(session, attempt)]);
        (session, element)
    }

    /// Lets time pass, deadline by deadline.
    fn pass(&mut self, duration: Duration) -> Vec<Action> {
        let end = self.now + duration;
        let mut actions = Vec::new();
        while let Some(at) = self.core.next_deadline().filter(|at| *at <= end) {
            assert!(at > self.now || actions.is_empty(), "time passes");
            self.now = at.max(self.now);
            self.core.handle(self.now, Event::Timeout, &mut actions);
        }
        self.now = end;
        actions
    }
}

/// The only connect among these.
fn connect_of(actions: &[Action]) -> (Attempt, u32) {
    let connects: Vec<_> = connects_of(actions);
    assert_eq!(connects.len(), 1, "{actions:?}");
    connects[0]
}

fn connects_of(actions: &[Action]) -> Vec<(Attempt, u32)> {
    let connect = |action: &Action| match action {
        Action::Connect(_, attempt, address) => Some((*attempt, id_at(*address))),
        _ => None,
    };
    actions.iter().filter_map(connect).collect()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn clients_are_led_by_the_policy() {
    let mut trial = Trial::new(config(), &[1, 2, 3]);
    let elements: Vec<u32> = (0..6).map(|number| trial.led(number).1).collect();
    assert_eq!(elements, [1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_connect_that_fails_goes_to_the_next_element_and_is_reported_once() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let (session, actions) = trial.accept(1);
    let (attempt, _) = connect_of(&actions);
    let actions = trial.event(Event::Failed(session, attempt, Blame::Element));
    assert_eq!(connect_of(&actions).1, 2);
    assert!(actions.contains(&Action::Report(PoolElementId(1))), "{actions:?}");
    // Others do not begin with it for a while.
    for number in 2..6 {
        assert_eq!(trial.led(number).1, 2);
    }
    trial.now += Duration::from_secs(2);
    let elements: Vec<u32> = (6..8).map(|number| trial.led(number).1).collect();
    assert!(elements.contains(&1), "{elements:?}");
}

#[test]
fn a_connect_that_hangs_gets_company_and_the_first_one_up_wins() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let (session, actions) = trial.accept(1);
    let (slow, first) = connect_of(&actions);
    assert_eq!(trial.pass(ms(249)), []);
    let (quick, second) = connect_of(&trial.pass(ms(1)));
    assert_ne!(first, second);
    let actions = trial.event(Event::Connected(session, quick));
    assert_eq!(actions, [Action::Abandon(session, slow), Action::Carry(session, quick)]);
    assert_eq!(trial.core.counters().led_elsewhere, 1);
    assert_eq!(trial.event(Event::Connected(session, slow)), [], "it comes too late");
}

#[test]
fn connections_of_an_element_that_is_removed_are_reset_at_once_and_no_others() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let ((first, _), (second, _)) = (trial.led(1), trial.led(2));
    assert_eq!(trial.list(&[2]), [Action::AskWhoLeaves]);
    assert_eq!(trial.led(3).1, 2, "it gets nothing new meanwhile");
    assert_eq!(trial.event(Event::Leaving(&[])), [Action::Reset(first)]);
    assert_eq!(trial.core.counters().reset, 1);
    assert_eq!(trial.event(Event::Ended(second, End::InOrder)), []);
}

#[test]
fn an_element_that_leaves_in_order_keeps_its_connections_and_gets_no_new_ones() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let (first, _) = trial.led(1);
    trial.list(&[2]);
    assert_eq!(trial.event(Event::Leaving(&[PoolElementId(1)])), []);
    assert_eq!(trial.pass(Duration::from_secs(60)), []);
    assert_eq!((trial.led(2).1, trial.led(3).1), (2, 2));
    trial.event(Event::Ended(first, End::InOrder));
    assert_eq!(trial.core.elements.all().count(), 1, "it is forgotten with its last client");
}

#[test]
fn without_an_answer_to_who_leaves_it_is_removed() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let (session, _) = trial.led(1);
    trial.list(&[2]);
    assert_eq!(trial.pass(ms(499)), []);
    assert_eq!(trial.pass(ms(1)), [Action::Reset(session)]);
}

#[test]
fn a_connect_to_an_element_that_is_removed_goes_to_another_one() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let (session, actions) = trial.accept(1);
    let (attempt, _) = connect_of(&actions);
    trial.list(&[2]);
    let actions = trial.event(Event::Leaving(&[]));
    assert_eq!(actions[0], Action::Abandon(session, attempt));
    assert_eq!(connect_of(&actions).1, 2);
}

#[test]
fn flows_of_an_element_that_is_removed_move() {
    let mut trial = Trial::new(GatewayConfig { carried: Carried::Flows, ..config() }, &[1, 2]);
    let (session, _) = trial.led(1);
    trial.list(&[2]);
    let (attempt, element) = connect_of(&trial.event(Event::Leaving(&[])));
    assert_eq!(element, 2);
    assert_eq!(trial.event(Event::Connected(session, attempt)), [Action::Carry(session, attempt)]);
    assert_eq!(trial.core.counters().moved, 1);
}

#[test]
fn a_flow_whose_element_refuses_it_moves() {
    let mut trial = Trial::new(GatewayConfig { carried: Carried::Flows, ..config() }, &[1, 2]);
    let (session, first) = trial.led(1);
    let actions = trial.event(Event::Failed(session, Attempt(1), Blame::Element));
    assert_ne!(connect_of(&actions).1, first);
}

#[test]
fn who_comes_while_nobody_is_there_waits_and_is_led_when_somebody_comes() {
    let mut trial = Trial::new(config(), &[]);
    let (session, actions) = trial.accept(1);
    assert_eq!(actions, []);
    assert_eq!(trial.pass(ms(900)), []);
    assert_eq!(connect_of(&trial.list(&[1])).1, 1);
    let (impatient, _) = trial.accept(2);
    trial.pass(ms(1));
    assert_eq!(trial.event(Event::Ended(session, End::ClientLost)), []);
    let actions = trial.pass(Duration::from_secs(1));
    assert!(actions.contains(&Action::Reset(impatient)), "{actions:?}");
    assert_eq!(trial.core.counters().given_up, 1);
}

#[test]
fn an_only_element_that_refuses_is_tried_again_until_the_clients_patience_is_over() {
    let mut trial = Trial::new(config(), &[1]);
    let (session, mut actions) = trial.accept(1);
    let mut tries = 0;
    loop {
        match actions.iter().find(|action| matches!(action, Action::Connect(..) | Action::Reset(_))) {
            Some(Action::Connect(_, attempt, _)) => {
                tries += 1;
                actions = trial.event(Event::Failed(session, *attempt, Blame::Element));
            }
            Some(_) => break,
            None => {
                let next = trial.core.next_deadline().expect("it is tried again");
                actions = trial.pass(next.saturating_since(trial.now));
            }
        }
    }
    assert_eq!(tries, 10);
    assert_eq!(trial.now, Time::from_secs(101));
}

#[test]
fn a_registrar_that_has_lost_its_memory_removes_nobody_within_the_grace() {
    // None left at all.
    let mut trial = Trial::new(config(), &[1, 2]);
    let (session, _) = trial.led(1);
    assert_eq!(trial.list(&[]), []);
    assert_eq!(trial.pass(ms(4900)), []);
    assert_eq!([trial.led(2).1, trial.led(3).1], [2, 1], "they are used");
    assert_eq!(trial.list(&[1]), []);
    let actions = trial.pass(ms(200));
    assert_eq!(actions.len(), 1, "the clients of 2, which has not come back: {actions:?}");
    assert!(!actions.contains(&Action::Reset(session)));

    // One is back already, and has another home.
    let mut trial = Trial::new(config(), &[1, 2]);
    let back = Element { home: RegistrarId(9), ..element(1) };
    assert_eq!(trial.event(Event::Pool(Some(PolicyType::ROUND_ROBIN), &[back])), []);
    assert_eq!([trial.led(2).1, trial.led(3).1], [1, 2]);
}

#[test]
fn while_no_registrar_answers_nobody_is_removed() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let (session, _) = trial.led(1);
    trial.list(&[2]);
    assert_eq!(trial.event(Event::Registrar(Answering::No)), []);
    assert_eq!(trial.pass(Duration::from_secs(60)), []);
    trial.event(Event::Registrar(Answering::Yes));
    // It has just begun, and lists who has registered by now.
    trial.list(&[2]);
    assert_eq!(trial.pass(ms(10)), [Action::Reset(session)], "it was missing before");
}

#[test]
fn an_element_with_a_new_address_is_another_one() {
    let mut trial = Trial::new(config(), &[1]);
    let (session, _) = trial.led(1);
    let elsewhere = Element { address: ([10, 0, 0, 77], 80).into(), ..element(1) };
    let actions = trial.event(Event::Pool(Some(PolicyType::ROUND_ROBIN), &[elsewhere]));
    assert_eq!(actions, [Action::Reset(session)]);
    assert_eq!(trial.led(2).1, 77);
}

#[test]
fn each_limit_holds_and_one_that_ends_makes_room() {
    let limits = GatewayConfig { max_sessions: 4, max_per_client: 2, max_per_element: 2, ..config() };
    let mut trial = Trial::new(limits, &[1]);
    let (first, _) = trial.led(1);
    trial.led(1);
    let (third, actions) = trial.accept(1);
    assert_eq!(actions, [Action::Reset(third)], "of one client");
    let (waits, actions) = trial.accept(2);
    assert_eq!(actions, [], "its only element has as many as it may");
    trial.event(Event::Ended(first, End::InOrder));
    assert_eq!(connect_of(&trial.pass(ms(100))).1, 1);
    trial.event(Event::Ended(waits, End::ClientLost));
    for number in 2..5 {
        trial.accept(number);
    }
    assert_eq!(trial.core.sizes().0, 4);
    let (last, actions) = trial.accept(9);
    assert_eq!(actions, [Action::Reset(last)], "in all");
    assert_eq!(trial.core.counters().refused, 2);
}

#[test]
fn a_sticky_client_stays_with_its_element_and_goes_elsewhere_only_without_it() {
    let sticky = GatewayConfig { sticky: Sticky::Source, ..config() };
    let mut trial = Trial::new(sticky, &[1, 2, 3]);
    let (_, home) = trial.led(1);
    assert!((0..10).all(|_| trial.led(1).1 == home));
    let others: Vec<u32> = [1, 2, 3].into_iter().filter(|id| *id != home).collect();
    trial.list(&others);
    trial.event(Event::Leaving(&[]));
    let (_, second) = trial.led(1);
    assert!(second != home && (0..10).all(|_| trial.led(1).1 == second));
    trial.list(&[1, 2, 3]);
    assert_eq!(trial.led(1).1, home);
}

#[test]
fn a_lack_of_descriptors_is_nobodys_fault() {
    let mut trial = Trial::new(config(), &[1]);
    let (session, actions) = trial.accept(1);
    let (attempt, _) = connect_of(&actions);
    assert_eq!(trial.event(Event::Failed(session, attempt, Blame::ThisHost)), []);
    assert_eq!(connect_of(&trial.pass(ms(100))).1, 1);
}

#[test]
fn a_policy_that_changes_holds_from_then_on() {
    let mut trial = Trial::new(config(), &[1, 2]);
    let weighted = |id, weight| Element { policy: Policy::WeightedRandom { weight }, ..element(id) };
    trial.event(Event::Pool(Some(PolicyType::WEIGHTED_RANDOM), &[weighted(1, 1), weighted(2, 1_000_000)]));
    let of_two = (0..50).filter(|number| trial.led(*number).1 == 2).count();
    assert_eq!(of_two, 50);
}

/// Random events: whatever comes, the books agree, and nobody has a timer who is gone.
#[test]
fn random_events_leave_no_trace() {
    for seed in 0..200 {
        let mut random = crate::random::Random::new(seed);
        let carried = if seed % 2 == 0 { Carried::Connections } else { Carried::Flows };
        let mut trial = Trial::new(GatewayConfig { carried, max_sessions: 20, ..config() }, &[1, 2, 3]);
        let mut connects: Vec<(SessionId, Attempt)> = Vec::new();
        for _ in 0..300 {
            let actions = match random.below(8) {
                0 | 1 => trial.accept(random.below(5) as u8).1,
                2 | 3 if !connects.is_empty() => {
                    let (session, attempt) = connects.swap_remove(random.below(connects.len() as u64) as usize);
                    trial.event(Event::Connected(session, attempt))
                }
                4 if !connects.is_empty() => {
                    let (session, attempt) = connects.swap_remove(random.below(connects.len() as u64) as usize);
                    trial.event(Event::Failed(session, attempt, Blame::Element))
                }
                5 => {
                    let session = SessionId(random.below(trial.next_session + 1));
                    trial.event(Event::Ended(session, End::InOrder))
                }
                6 => {
                    let listed: Vec<u32> = (1..6).filter(|_| random.below(2) == 0).collect();
                    let leaving: Vec<PoolElementId> =
                        (1..6).filter(|_| random.below(2) == 0).map(PoolElementId).collect();
                    let mut actions = trial.list(&listed);
                    actions.extend(trial.event(Event::Leaving(&leaving)));
                    actions
                }
                _ => trial.pass(ms(random.below(400))),
            };
            for action in actions {
                match action {
                    Action::Connect(session, attempt, _) => connects.push((session, attempt)),
                    Action::Abandon(session, attempt) => connects.retain(|both| *both != (session, attempt)),
                    Action::Reset(session) => connects.retain(|(one, _)| *one != session),
                    _ => {}
                }
            }
            trial.assert_books();
        }
    }
}

impl Trial {
    fn assert_books(&self) {
        let core = &self.core;
        let timers = core.session_timers.iter().filter(|(_, id)| !core.sessions.contains_key(id)).count();
        assert_eq!(timers, 0, "timers of sessions that are gone");
        assert_eq!(core.clients.values().sum::<usize>(), core.sessions.len());
        for known in core.elements.all() {
            assert!(known.sessions.iter().all(|id| core.sessions.contains_key(id)), "sessions that are gone");
        }
    }
}

//! Keep-alives and reports of unreachable elements.

use super::*;

#[test]
fn asap_019_114_sec_016_keep_alives_are_spread_by_half_an_interval_in_both_directions() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife::INFINITE, ..element(7, 1) });
    let mut times = vec![world.now];
    for _ in 0..200 {
        world.sent.clear();
        while world.keep_alives().is_empty() {
            let due = world.registrar.next_deadline().unwrap();
            world.run(due.saturating_since(world.now));
        }
        let keep_alives = world.keep_alives();
        assert_eq!(keep_alives.len(), 1);
        let expected = EndpointKeepAlive {
            home: false,
            registrar_id: RegistrarId(0xcafe),
            pool_handle: PoolHandle::from("pool"),
            pool_element_id: Some(PoolElementId(7)),
            registrars: Vec::new(),
        };
        assert_eq!(keep_alives[0], (pe, expected));
        times.push(world.now);
    }
    let gaps: Vec<_> = times.windows(2).map(|t| t[1].saturating_since(t[0]).as_secs_f64()).collect();
    assert!(gaps.iter().all(|gap| (2.5..7.5).contains(gap)));
    assert!(gaps.iter().any(|gap| *gap < 3.0) && gaps.iter().any(|gap| *gap > 7.0));
}

#[test]
fn many_elements_are_asked_less_often_instead_of_overloading_everybody() {
    const ELEMENTS: u32 = 400;
    let settings = RegistrarConfig {
        keep_alive_interval: Duration::from_millis(100),
        max_keep_alives_per_second: 50,
        max_elements_per_association: ELEMENTS as usize,
        ..config()
    };
    let mut world = World::new(settings);
    let pe = world.pe(1);
    for id in 1..=ELEMENTS {
        let own = element(id, 1);
        world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife::INFINITE, ..own });
    }
    world.run(30 * SECOND); // those that came first were asked more often until the others were there
    world.sent.clear();
    world.run(80 * SECOND);
    let asked: Vec<u32> = world.keep_alives().iter().map(|(_, message)| message.pool_element_id.unwrap().0).collect();
    assert!((3_600..=4_400).contains(&asked.len()), "50 a second, but {} in 80 s", asked.len());
    let times = |id| asked.iter().filter(|asked| **asked == id).count();
    assert!((1..=ELEMENTS).all(|id| (6..=20).contains(&times(id))), "each once in 4 to 12 s");
}

#[test]
fn asap_113_an_element_that_does_not_answer_is_removed_and_its_association_aborted_when_it_goes_on_so() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.registered(pe, "other", element(8, 1));
    world.run(60 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [7]);
    let took = hang(&mut world);
    assert!(took <= Duration::from_millis(12_500), "{took:?}");
    assert_eq!(world.aborted, []);
    world.run(5 * SECOND);
    assert_eq!(world.aborted, [pe]);
    assert_eq!(world.registrar.association_count(), 1);
}

#[test]
fn asap_107_108_110_a_report_is_followed_by_a_keep_alive_at_once_and_an_answer_keeps_the_element() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    world.report(user, "pool", 7);
    let keep_alives = world.keep_alives();
    assert_eq!(keep_alives.len(), 1, "at once");
    assert_eq!((keep_alives[0].0, keep_alives[0].1.home), (pe, false));
    assert_eq!(world.resolve(user, "pool"), [7]);
    world.run(30 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [7]);
}

#[test]
fn asap_109_a_report_and_no_answer_removes_the_element() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.alive.clear();
    world.report(user, "pool", 7);
    world.run(5 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [0u32; 0]);
    world.run(5 * SECOND);
    assert_eq!(world.aborted, [pe]);
}

/// A process with two elements in `pool`, which both have gone as it does not answer.
fn with_late_elements() -> (World, AssociationId, AssociationId) {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife(30), ..element(7, 1) });
    world.registered(pe, "pool", PoolElement { registration_life: RegistrationLife::INFINITE, ..element(8, 1) });
    hang(&mut world);
    (world, pe, user)
}

/// All elements hang, and are gone after so long: all those of a process together.
fn hang(world: &mut World) -> Duration {
    let start = world.now;
    world.alive.clear();
    while world.registrar.handlespace().element_count() > 0 {
        world.run(Duration::from_millis(10));
    }
    world.now.saturating_since(start)
}

fn late_ack(id: u32) -> AsapMessage {
    let pool_element_id = PoolElementId(id);
    AsapMessage::EndpointKeepAliveAck(EndpointKeepAliveAck { pool_handle: PoolHandle::from("pool"), pool_element_id })
}

#[test]
fn a_late_answer_brings_all_elements_of_the_process_back_at_once() {
    let (mut world, pe, user) = with_late_elements();
    world.alive.push(pe);
    world.message(pe, &late_ack(7));
    let mut found = world.resolve(user, "pool");
    found.sort_unstable();
    assert_eq!(found, [7, 8]);
    assert_eq!(world.registrar.statistics().elements_back, 2);
    world.run(10 * SECOND);
    assert_eq!(world.aborted, []);
    world.run(20 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [8], "the life of the other one was over all the same");
}

#[test]
fn only_the_association_of_an_element_can_bring_it_back() {
    let (mut world, _, user) = with_late_elements();
    let other = world.pe(3);
    world.message(other, &late_ack(7));
    assert_eq!(world.resolve(user, "pool"), [0u32; 0]);
}

#[test]
fn an_element_that_has_left_meanwhile_does_not_come_back() {
    let (mut world, pe, user) = with_late_elements();
    let gone = Deregistration { pool_handle: PoolHandle::from("pool"), pool_element_id: PoolElementId(7) };
    world.message(pe, &AsapMessage::Deregistration(gone));
    world.message(pe, &late_ack(7));
    assert_eq!(world.resolve(user, "pool"), [0u32; 0]);
    world.message(pe, &late_ack(8));
    assert_eq!(world.resolve(user, "pool"), [8]);
}

#[test]
fn an_element_whose_association_is_lost_does_not_come_back() {
    let (mut world, pe, user) = with_late_elements();
    world.lose(pe);
    world.message(pe, &late_ack(7));
    assert_eq!(world.resolve(user, "pool"), [0u32; 0]);
    world.run(10 * SECOND);
    assert_eq!(world.aborted, []);
}

/// An element that does not answer by itself and that each of these users has reported.
fn reported_by<const N: usize>(users: [u8; N]) -> (World, AssociationId, [AssociationId; N]) {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let users = users.map(|number| world.pu(number));
    world.registered(pe, "pool", element(7, 1));
    world.alive.clear();
    for user in users {
        world.report(user, "pool", 7);
    }
    (world, pe, users)
}

#[test]
fn an_answer_that_comes_for_an_element_that_many_reported_brings_it_back() {
    let (mut world, pe, users) = reported_by([2, 3, 4, 5]);
    world.run(Duration::from_millis(501));
    assert_eq!(world.resolve(users[0], "pool"), [0u32; 0]);
    world.message(pe, &late_ack(7));
    assert_eq!(world.resolve(users[0], "pool"), [7]);
}

#[test]
fn asap_111_112_however_many_report_an_element_that_answers_its_keep_alive_stays() {
    let (mut world, pe, users) = reported_by([2, 3, 4, 5, 6, 7, 8]);
    let (to, keep_alive) = world.keep_alives()[0].clone();
    assert_eq!(to, pe, "it is asked at once");
    world.run(Duration::from_millis(400));
    assert_eq!(world.resolve(users[0], "pool"), [7], "the answer is on its way");
    world.message(pe, &ack_of(&keep_alive));
    world.alive.push(pe);
    world.run(30 * SECOND);
    assert_eq!(world.resolve(users[0], "pool"), [7]);
    assert_eq!(world.registrar.statistics().removed_by_reports, 0);
}

#[test]
fn asap_111_112_an_element_that_many_report_has_less_time_for_its_answer() {
    let (mut world, pe, users) = reported_by([2, 3, 4, 5]);
    world.sent.clear();
    world.run(Duration::from_millis(501));
    assert_eq!(world.registrar.statistics().removed_by_reports, 1, "not after the 5 s that one report leaves it");
    assert!(matches!(&world.sent[0], (to, AsapMessage::DeregistrationResponse(_)) if *to == pe), "it is told");
    assert_eq!(world.resolve(users[0], "pool"), [0u32; 0]);
}

#[test]
fn asap_111_one_reporter_counts_once() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.alive.clear();
    for _ in 0..20 {
        world.report(user, "pool", 7);
    }
    world.run(4 * SECOND);
    assert_eq!(world.resolve(user, "pool"), [7], "it has all the time of a keep-alive");
    world.run(SECOND);
    assert_eq!(world.resolve(user, "pool"), [0u32; 0]);
    assert_eq!(world.registrar.statistics().removed_by_timeout, 1);
}

#[test]
fn asap_111_an_answered_keep_alive_clears_the_count() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    let users = [2, 3, 4, 5, 6].map(|number| world.pu(number));
    for user in users {
        world.report(user, "pool", 7);
        world.run(SECOND / 2);
    }
    world.alive.clear();
    world.report(users[0], "pool", 7);
    world.run(SECOND);
    assert_eq!(world.resolve(users[0], "pool"), [7], "one report does not hurry");
}

#[test]
fn sec_015_016_reports_over_the_limit_are_ignored_and_cause_no_flood_of_keep_alives() {
    let limits = RegistrarConfig { max_bad_pe_report: 1_000_000, max_reports_per_second: 10, ..config() };
    let mut world = World::new(limits);
    let (pe, user) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    for _ in 0..1000 {
        world.report(user, "pool", 7);
    }
    assert_eq!(world.registrar.statistics().reports, 10);
    world.run(SECOND);
    assert!((1..=2).contains(&world.keep_alives().len()), "{:?}", world.keep_alives());
}

#[test]
fn an_acknowledgement_by_another_association_proves_nothing() {
    let mut world = World::new(config());
    let (pe, liar) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.alive.clear();
    world.report(liar, "pool", 7);
    let keep_alive = world.keep_alives()[0].1.clone();
    world.message(liar, &ack_of(&keep_alive));
    world.run(5 * SECOND);
    assert_eq!(world.registrar.handlespace().element_count(), 0);
}

#[test]
fn a_registrar_that_was_stopped_blames_nobody() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    for id in 1..=50 {
        world.registered(pe, "pool", element(id, 1));
    }
    world.alive.clear();
    world.run(4 * SECOND);
    let waiting = world.keep_alives();
    assert!(!waiting.is_empty());
    // A minute in which nothing runs; then the answers are still to be read.
    world.now += 60 * SECOND;
    world.sent.clear();
    world.event(Event::Timeout);
    assert!(world.keep_alives().is_empty(), "no burst of those that are overdue");
    world.alive.push(pe);
    for (association, keep_alive) in waiting {
        world.message(association, &ack_of(&keep_alive));
    }
    world.run(20 * SECOND);
    assert_eq!(world.registrar.handlespace().element_count(), 50);
    assert!(world.aborted.is_empty());
}

#[test]
fn an_answer_that_waited_while_the_registrar_had_no_processor_counts() {
    let mut world = World::new(config());
    let (pe, other) = (world.pe(1), world.pe(2));
    world.registered(pe, "pool", element(7, 1));
    world.registered(other, "pool", element(8, 2));
    world.alive.clear();
    world.sent.clear();
    while world.keep_alives().len() < 2 {
        let due = world.registrar.next_deadline().expect("keep-alives");
        world.run(due.saturating_since(world.now));
    }
    let asked = world.keep_alives();
    world.now += config().keep_alive_timeout + Duration::from_millis(400);
    for (association, keep_alive) in &asked {
        world.message(*association, &ack_of(keep_alive));
    }
    assert_eq!(world.aborted, []);
    assert_eq!(world.registrar.handlespace().element_count(), 2);
}

#[test]
fn a_registration_that_was_renewed_while_the_registrar_had_no_processor_does_not_expire() {
    let mut world = World::new(config());
    let short = |id, host| PoolElement { registration_life: RegistrationLife(3), ..element(id, host) };
    let elements = [(world.pe(1), short(7, 1)), (world.pe(2), short(8, 2))];
    for (association, element) in &elements {
        world.registered(*association, "pool", element.clone());
    }
    world.now += Duration::from_millis(3_500);
    for (association, pool_element) in elements {
        let pool_handle = PoolHandle::from("pool");
        world.message(
            association,
            &AsapMessage::Registration(Registration { pool_handle, pool_element, life_in_seconds: None }),
        );
    }
    assert_eq!(world.registrar.statistics().removed_by_expiry, 0);
}

//! Registrars that die, hang, are cut off, come back, leave and disagree: in the end all know the same, and every element has
//! the home that it is registered with.

use crate::support::enrp::*;
use proptest::prelude::*;
use rserpool::message::enrp::*;
use rserpool::registrar::{Event, RegistrarConfig};
use rserpool::wire::*;
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::time::Duration;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// As many registrars, with elements registered evenly.
fn scope(registrars: usize, elements: u32, config: impl Fn(usize, &[usize]) -> RegistrarConfig) -> Net {
    let mut net = Net::of(registrars, config);
    for number in 0..elements {
        net.element(&format!("pool {}", number % 3), number + 1, number as usize % registrars);
    }
    net.run(SECOND);
    net.assert_converged();
    net
}

fn all_have_homes_among(net: &Net, homes: &[usize]) -> bool {
    (0..net.elements.len())
        .filter(|&n| net.elements[n].alive)
        .all(|n| net.true_home(n).is_some_and(|home| homes.contains(&home)))
}

fn adopted_within(net: &mut Net, limit: Duration, homes: &[usize]) -> Duration {
    let took = net.run_until(limit, |net| all_have_homes_among(net, homes));
    net.run(3 * SECOND);
    net.assert_converged();
    took
}

#[test]
fn with_the_fast_profile_a_crash_is_over_within_a_second_with_two_registrars_as_with_three() {
    for registrars in [2, 3, 5] {
        let mut net = scope(registrars, 300, fast);
        net.crash(0);
        let rest: Vec<_> = (1..registrars).collect();
        let took = adopted_within(&mut net, SECOND, &rest);
        assert!(took < millis(100), "{registrars} registrars: {took:?}");
    }
}

#[test]
fn with_the_fast_profile_a_hang_is_over_within_a_second_with_two_registrars_as_with_three() {
    for registrars in [2, 3, 5] {
        let mut net = scope(registrars, 300, fast);
        net.freeze(0);
        let rest: Vec<_> = (1..registrars).collect();
        let took = adopted_within(&mut net, SECOND, &rest);
        assert!(took < millis(600), "{registrars} registrars: {took:?}");
    }
}

#[test]
fn a_registrar_that_wakes_up_after_it_was_taken_over_gives_up_its_elements_and_joins_again() {
    for (registrars, profile) in [(2, true), (3, true), (3, false)] {
        let mut net = scope(registrars, 60, if profile { fast } else { config });
        net.freeze(0);
        net.run(120 * SECOND);
        assert!(all_have_homes_among(&net, &(1..registrars).collect::<Vec<_>>()));
        net.thaw(0);
        net.run(if profile { 10 * SECOND } else { 120 * SECOND });
        net.assert_converged();
        assert_eq!(net.registrar(0).peers().count(), registrars - 1);
        assert!(net.view(0).len() == 60);
    }
}

#[test]
fn a_registrar_that_wakes_up_blames_nobody() {
    let mut net = scope(3, 30, fast);
    for _ in 0..5 {
        // Shorter than the detection by the others, longer than its own.
        for number in 0..3 {
            net.freeze(number);
        }
        net.run(20 * SECOND);
        for number in 0..3 {
            net.thaw(number);
        }
        net.run(2 * SECOND);
    }
    net.assert_converged();
    for number in 0..3 {
        assert_eq!(net.registrar(number).statistics().takeovers_completed, 0);
        assert_eq!(net.registrar(number).peers().count(), 2);
    }
}

#[test]
fn a_cut_between_two_of_three_heals() {
    let mut net = scope(3, 60, fast);
    net.cut_registrars(&[0], &[1]);
    net.run(10 * SECOND);
    // Both live, so each element still has a living home, whoever that is.
    assert!(all_have_homes_among(&net, &[0, 1, 2]));
    net.heal();
    net.run(20 * SECOND);
    net.assert_converged();
    for number in 0..3 {
        assert_eq!(net.registrar(number).peers().count(), 2, "registrar {number}");
    }
}

#[test]
fn a_partition_into_halves_heals_whatever_happened_in_each_of_them() {
    let mut net = scope(4, 80, fast);
    net.cut_registrars(&[0, 1], &[2, 3]);
    net.run(5 * SECOND);
    for number in 0..20 {
        net.element("pool 1", 1000 + number, number as usize % 4);
    }
    for number in 0..10 {
        net.kill_element(number * 3);
    }
    net.run(5 * SECOND);
    // A registrar that only one half knows.
    let newcomer = net.start(fast(4, &[2]));
    net.run(3 * SECOND);
    net.element("pool 2", 5000, newcomer);
    net.heal();
    net.run(30 * SECOND);
    net.assert_converged();
    for number in 0..5 {
        assert_eq!(net.registrar(number).peers().count(), 4, "registrar {number}");
    }
}

#[test]
fn elements_out_of_reach_of_those_who_take_over_come_back_when_the_cut_heals() {
    let mut net = scope(3, 60, fast);
    net.cut_registrars(&[0], &[1, 2]);
    for element in 0..60 {
        // Registrar 0 and its elements are one side of the cut.
        if net.true_home(element) == Some(0) {
            net.cut(End::Element(element), End::Registrar(1));
            net.cut(End::Element(element), End::Registrar(2));
        } else {
            net.cut(End::Element(element), End::Registrar(0));
        }
    }
    net.run(10 * SECOND);
    assert_eq!(net.view(1).len(), 40, "dead as seen from here");
    assert_eq!(net.view(0).len(), 20);
    net.heal();
    net.run(20 * SECOND);
    net.assert_converged();
    assert_eq!(net.view(2).len(), 60);
}

#[test]
fn two_registrars_that_die_together_are_both_taken_over() {
    let mut net = scope(5, 100, fast);
    net.crash(4);
    net.freeze(3);
    let took = adopted_within(&mut net, 3 * SECOND, &[0, 1, 2]);
    assert!(took < SECOND, "{took:?}");
}

#[test]
fn when_the_one_that_takes_over_dies_another_one_does() {
    for wait in [0, 1, 2, 3, 4, 5, 6, 8, 10, 15] {
        let mut net = scope(4, 60, fast);
        net.crash(0);
        net.run(millis(wait));
        net.crash(3); // the highest identifier, which wins the arbitration
        adopted_within(&mut net, 5 * SECOND, &[1, 2]);
    }
}

#[test]
fn elements_that_died_with_their_registrar_are_removed() {
    let mut net = scope(3, 30, fast);
    net.crash(0);
    for element in 0..30 {
        if element % 3 == 0 {
            net.kill_element(element);
        }
    }
    net.run(3 * SECOND);
    net.assert_converged();
    assert_eq!(net.view(1).len(), 20);
}

#[test]
fn elements_that_hunt_for_themselves_and_those_that_are_claimed_end_with_one_home() {
    let mut net = scope(3, 60, fast);
    for element in 0..60 {
        if element % 2 == 0 {
            net.elements[element].hunts = vec![element % 3, 2, 1];
        }
    }
    net.crash(0);
    adopted_within(&mut net, SECOND, &[1, 2]);
    net.restart(0, fast(0, &[1, 2]));
    net.run(3 * SECOND);
    net.crash(2);
    adopted_within(&mut net, SECOND, &[0, 1]);
}

#[test]
fn registrars_restarted_one_after_another_lose_nothing() {
    let mut net = scope(3, 90, fast);
    for number in 0..3 {
        let others: Vec<_> = (0..3).filter(|&other| other != number).collect();
        net.event(number, Event::Shutdown);
        let took = net.run_until(SECOND, |net| net.has_left(number));
        assert!(took < millis(100), "{took:?}");
        assert!(all_have_homes_among(&net, &others), "handed over before it left");
        for &other in &others {
            assert_eq!(net.view(other).len(), 90, "nothing was ever missing");
            assert_eq!(net.registrar(other).statistics().takeovers_started, 0);
        }
        net.run(SECOND);
        net.restart(number, fast(number, &others));
        net.run(3 * SECOND);
        net.assert_converged();
    }
}

#[test]
fn nothing_is_missing_anywhere_while_a_registrar_leaves() {
    let mut net = scope(3, 90, fast);
    net.event(1, Event::Shutdown);
    while !net.has_left(1) {
        net.run(Duration::from_micros(500));
        for number in [0, 2] {
            assert_eq!(net.view(number).len(), 90, "at {}", net.now);
        }
    }
    net.run(SECOND);
    net.assert_converged();
}

#[test]
fn a_registrar_leaves_in_bounded_time_although_nobody_takes_its_elements() {
    let mut net = scope(2, 10, fast);
    for element in 0..10 {
        net.cut(End::Element(element), End::Registrar(1));
    }
    net.event(0, Event::Shutdown);
    let took = net.run_until(2 * SECOND, |net| net.has_left(0));
    assert!(took >= SECOND && took < millis(1100), "{took:?}");
}

#[test]
fn a_registrar_that_is_alone_leaves_at_once() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    net.element("pool", 1, 0);
    net.event(0, Event::Shutdown);
    assert!(net.has_left(0));
}

#[test]
fn registrars_started_at_the_same_moment_do_not_wait_for_each_other() {
    for count in 2..7 {
        let mut net = Net::default();
        for number in 0..count {
            let peers: Vec<_> = (0..count).filter(|&peer| peer != number).collect();
            net.start(config(number, &peers));
        }
        let took = net.run_until(10 * SECOND, |net| (0..count).all(|n| net.registrar(n).is_ready()));
        assert!(took < 4 * SECOND, "{count}: {took:?}");
    }
}

#[test]
fn peers_that_do_not_answer_hold_up_a_start_only_for_so_long() {
    let mut net = Net::default();
    net.start(config(0, &[1, 2]));
    net.nodes_that_are_dead(2);
    net.cut(End::Registrar(0), End::Registrar(1));
    let took = net.run_until(20 * SECOND, |net| net.registrar(0).is_ready());
    assert!(took <= millis(5100), "{took:?}");
}

#[test]
fn a_registrar_among_its_own_peers_is_noticed() {
    let mut net = Net::default();
    net.start(config(0, &[0]));
    let took = net.run_until(20 * SECOND, |net| net.registrar(0).is_ready());
    assert!(took <= millis(5100), "{took:?}");
    net.run(60 * SECOND);
    assert_eq!(net.registrar(0).peers().count(), 0);
    assert_eq!(net.registrar(0).association_count(), 0);
}

#[test]
fn registrars_find_each_other_by_multicast() {
    let mut net = Net::default();
    net.multicast = true;
    for number in 0..3 {
        net.start(RegistrarConfig { enrp_multicast: true, ..config(number, &[]) });
        net.run(8 * SECOND);
    }
    for number in 0..3 {
        assert!(net.registrar(number).is_ready());
        assert_eq!(net.registrar(number).peers().count(), 2);
    }
}

#[test]
fn registrars_that_know_only_one_find_all() {
    let mut net = Net::default();
    net.start(fast(0, &[]));
    for number in 1..6 {
        net.start(fast(number, &[number - 1]));
        net.run(SECOND);
    }
    net.run(10 * SECOND);
    for number in 0..6 {
        assert_eq!(net.registrar(number).peers().count(), 5, "registrar {number}");
    }
}

#[test]
fn a_registrar_that_comes_back_at_once_under_its_identifier_keeps_the_elements_that_wait_for_it() {
    let mut net = scope(3, 30, fast);
    net.crash(0);
    net.restart(0, fast(0, &[1, 2]));
    net.run(5 * SECOND);
    net.assert_converged();
}

#[test]
fn a_registrar_that_comes_back_at_once_under_another_identifier_leaves_its_elements_to_others() {
    let mut net = scope(3, 30, fast);
    net.crash(0);
    net.restart(0, RegistrarConfig { id: RegistrarId(0x7777), ..fast(0, &[1, 2]) });
    net.run(5 * SECOND);
    net.assert_converged();
}

#[test]
fn lost_associations_between_living_registrars_cost_nothing() {
    let mut net = scope(3, 30, config);
    for _ in 0..20 {
        net.break_between(0, 1);
        net.element("pool 1", 2000 + net.elements.len() as u32, 0);
        net.run(millis(37));
    }
    net.run(70 * SECOND);
    net.assert_converged();
    for number in 0..3 {
        assert_eq!(net.registrar(number).statistics().takeovers_started, 0);
    }
}

#[test]
fn what_changed_while_an_association_was_down_is_downloaded_again_even_if_the_checksum_is_the_same() {
    let mut net = scope(2, 2, config);
    net.cut_registrars(&[0], &[1]);
    let load = Policy::LeastUsed { load: 1 };
    let element = net.add_element("loads", 77, load);
    net.register_at(element, 0);
    net.elements[element].policy = Policy::LeastUsed { load: 9 };
    net.heal();
    net.break_between(0, 1);
    net.run(100 * SECOND);
    let handlespace = net.registrar(1).handlespace();
    let index = handlespace.find(&PoolHandle::from("loads"), PoolElementId(77)).unwrap();
    assert_eq!(handlespace.element(index).unwrap().pool_element().policy, Policy::LeastUsed { load: 1 });
    net.cut_registrars(&[0], &[1]);
    net.register(element);
    net.run(millis(100));
    net.heal();
    net.run(100 * SECOND);
    let handlespace = net.registrar(1).handlespace();
    let index = handlespace.find(&PoolHandle::from("loads"), PoolElementId(77)).unwrap();
    assert_eq!(handlespace.element(index).unwrap().pool_element().policy, Policy::LeastUsed { load: 9 });
}

#[test]
fn a_pool_that_was_made_twice_with_different_policies_ends_with_one_of_them() {
    for (left, right) in [(Policy::RoundRobin, Policy::Random), (Policy::LeastUsed { load: 1 }, Policy::RoundRobin)] {
        let mut net = scope(2, 4, fast);
        net.cut_registrars(&[0], &[1]);
        net.run(3 * SECOND);
        let stays = left.policy_type().0.min(right.policy_type().0);
        for (number, (policy, home)) in [(&left, 0), (&right, 1), (&left, 0), (&right, 1)].into_iter().enumerate() {
            let element = net.add_element("twice", 500 + number as u32, policy.clone());
            net.register_at(element, home);
        }
        net.heal();
        net.run(20 * SECOND);
        assert_eq!(net.view(0), net.view(1));
        let handlespace = net.registrar(0).handlespace();
        let pool = handlespace.pool(handlespace.find_pool(&PoolHandle::from("twice")).unwrap()).unwrap();
        assert_eq!((pool.policy().policy_type().0, pool.len()), (stays, 2));
    }
}

#[test]
fn elements_spread_over_registrars_where_they_are_to() {
    let suggest = |number: usize, peers: &[usize]| RegistrarConfig { takeover_suggestion: true, ..fast(number, peers) };
    let mut net = Net::of(3, suggest);
    for number in 1..301u32 {
        net.element("pool", number.wrapping_mul(0x9e37_79b1), 0);
    }
    for _ in 0..3 {
        for number in 0..300 {
            net.register(number);
        }
        net.run(SECOND);
    }
    net.assert_converged();
    for number in 0..3 {
        let count = (0..300).filter(|&n| net.true_home(n) == Some(number)).count();
        assert!((70..130).contains(&count), "registrar {number} is home of {count}");
    }
    // One that was away gets its share back.
    net.crash(1);
    net.run(2 * SECOND);
    net.restart(1, suggest(1, &[0, 2]));
    net.run(2 * SECOND);
    for number in 0..300 {
        net.register(number);
    }
    net.run(2 * SECOND);
    net.assert_converged();
    let count = (0..300).filter(|&n| net.true_home(n) == Some(1)).count();
    assert!((70..130).contains(&count), "{count}");
}

#[test]
fn a_report_about_another_registrars_element_reaches_its_home() {
    let mut net = scope(2, 2, config);
    net.cut(End::Element(0), End::Registrar(0));
    // The element hangs, and its home does not know.
    net.elements[0].alive = false;
    let removal = HandleUpdate {
        sender: SCRIPT,
        receiver: id_of(0),
        takeover_suggested: false,
        action: UpdateAction::DeletePoolElement,
        pool_handle: PoolHandle::from("pool 0"),
        pool_element: PoolElement { home_registrar: id_of(0), ..net.pool_element(0) },
    };
    let association = net.script_joins(0);
    net.script_sends(association, removal);
    assert!(net.home_at(0, "pool 0", 1).is_some(), "a report is not a removal");
    net.run(6 * SECOND);
    assert!(net.home_at(0, "pool 0", 1).is_none(), "but the element was asked");
}

/// Something that happens to a scope of four registrars.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Crash(usize),
    Leave(usize),
    Restart(usize, bool),
    Freeze(usize),
    Thaw(usize),
    Cut(usize, usize),
    CutElement(usize, usize),
    Break(usize, usize),
    Heal,
    Register(usize, usize),
    Reregister(usize),
    Kill(usize),
    Pause(u64),
}

const REGISTRARS: usize = 4;

fn fault() -> impl Strategy<Value = Fault> {
    let (registrar, element) = (0..REGISTRARS, 0..40usize);
    prop_oneof![
        2 => registrar.clone().prop_map(Fault::Crash),
        1 => registrar.clone().prop_map(Fault::Leave),
        4 => (registrar.clone(), any::<bool>()).prop_map(|(number, same_id)| Fault::Restart(number, same_id)),
        2 => registrar.clone().prop_map(Fault::Freeze),
        3 => registrar.clone().prop_map(Fault::Thaw),
        2 => (registrar.clone(), registrar.clone()).prop_map(|(a, b)| Fault::Cut(a, b)),
        1 => (element.clone(), registrar.clone()).prop_map(|(a, b)| Fault::CutElement(a, b)),
        2 => (registrar.clone(), registrar.clone()).prop_map(|(a, b)| Fault::Break(a, b)),
        1 => Just(Fault::Heal),
        3 => (element.clone(), registrar).prop_map(|(element, home)| Fault::Register(element, home)),
        2 => element.clone().prop_map(Fault::Reregister),
        1 => element.prop_map(Fault::Kill),
        6 => (1..3000u64).prop_map(Fault::Pause),
        4 => (1..30u64).prop_map(Fault::Pause),
    ]
}

fn others(number: usize) -> Vec<usize> {
    (0..REGISTRARS).filter(|&other| other != number).collect()
}

fn restart(net: &mut Net, number: usize, same_id: bool) {
    let settings = fast(number, &others(number));
    let id = if same_id {
        settings.id
    } else {
        RegistrarId((net.now.as_nanos() as u32 & 0xffff_fff0) | 0x8000_0000 | number as u32)
    };
    net.restart(number, RegistrarConfig { id, ..settings });
}

fn happen(net: &mut Net, fault: Fault) {
    match fault {
        Fault::Crash(number) if net.is_alive(number) => net.crash(number),
        Fault::Leave(number) if net.is_alive(number) && !net.is_frozen(number) => net.event(number, Event::Shutdown),
        Fault::Restart(number, same_id) if !net.is_alive(number) => restart(net, number, same_id),
        Fault::Freeze(number) if net.is_alive(number) => net.freeze(number),
        Fault::Thaw(number) => net.thaw(number),
        Fault::Cut(a, b) if a != b => net.cut_registrars(&[a], &[b]),
        Fault::CutElement(element, registrar) => net.cut(End::Element(element), End::Registrar(registrar)),
        Fault::Break(a, b) if a != b => net.break_between(a, b),
        Fault::Heal => net.heal(),
        Fault::Register(element, home) => {
            let homeless = net.elements[element].alive && net.true_home(element).is_none();
            if homeless && net.is_alive(home) && !net.is_frozen(home) {
                net.register_at(element, home);
            }
        }
        Fault::Reregister(element) => net.register(element),
        Fault::Kill(element) => net.kill_element(element),
        Fault::Pause(duration) => net.run(millis(duration)),
        _ => {}
    }
}

/// A few in every run; PROPTEST_CASES for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(40)
}

/// Whatever happens; then everything is repaired, elements without a home look for one, and all must agree.
fn converges(faults: &[Fault]) {
    let mut net = Net::of(REGISTRARS, fast);
    for number in 0..40 {
        net.element(&format!("pool {}", number % 3), number + 1, number as usize % REGISTRARS);
    }
    for &fault in faults {
        happen(&mut net, fault);
    }
    net.heal();
    for number in 0..REGISTRARS {
        net.thaw(number);
    }
    net.run(2 * SECOND); // who is leaving leaves
    for number in 0..REGISTRARS {
        if !net.is_alive(number) {
            restart(&mut net, number, false);
        }
    }
    net.run(5 * SECOND);
    for element in 0..40 {
        net.elements[element].hunts = (0..REGISTRARS).collect();
        net.hunt(element);
    }
    net.run(40 * SECOND);
    net.assert_converged();
    for number in 0..REGISTRARS {
        assert_eq!(net.registrar(number).peers().count(), REGISTRARS - 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]
    #[test]
    fn all_agree_in_the_end_whatever_happened(faults in proptest::collection::vec(fault(), 1..40)) {
        converges(&faults);
    }
}

#[test]
fn what_the_random_runs_found_stays_mended() {
    use Fault::*;
    // Two registrars took over a third one that only slept, and the element that it woke up with.
    converges(&[Pause(650), Pause(1752), Cut(0, 1), Reregister(10), Freeze(2), Cut(3, 1), Pause(706), Pause(1579)]);
}

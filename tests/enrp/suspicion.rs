//! Suspicion before removal: who does not answer one registrar may answer another one.

use crate::support::enrp::*;
use rserpool::RegistrarId;
use std::time::Duration;

const MILLI: Duration = Duration::from_millis(1);
/// The longest that `fast` takes for an element that hangs: interval and timeout of keep-alives, and a round trip.
const DETECTION: Duration = Duration::from_millis(90 + 150 + 5);

/// An element of registrar 0 in a scope of three.
fn one_of_three() -> Net {
    let mut net = Net::of(3, fast);
    net.element("pool", 7, 0);
    net.elements[0].hunts = vec![0, 1, 2];
    net.run(SECOND);
    net.assert_converged();
    net
}

fn homes(net: &Net) -> [Option<RegistrarId>; 3] {
    [0, 1, 2].map(|number| net.home_at(number, "pool", 7))
}

fn second_opinions(net: &Net) -> u64 {
    (0..3).map(|number| net.registrar(number).statistics().second_opinions).sum()
}

#[test]
fn an_element_that_its_home_does_not_reach_any_more_gets_another_home_and_is_never_missed() {
    let mut net = one_of_three();
    net.cut(End::Registrar(0), End::Element(0));
    for _ in 0..3000 {
        net.run(MILLI);
        assert!(homes(&net).iter().all(Option::is_some), "{:?} at {}", homes(&net), net.now);
    }
    assert_ne!(net.true_home(0), Some(0));
    assert!(net.true_home(0).is_some());
    net.assert_converged();
}

#[test]
fn an_element_that_nobody_reaches_is_gone_as_fast_as_without_a_second_opinion() {
    let mut net = one_of_three();
    net.elements[0].alive = false;
    let took = net.run_until(SECOND, |net| homes(net).iter().all(Option::is_none));
    assert!(took <= DETECTION, "{took:?}");
    assert_eq!(second_opinions(&net), 1);
    net.run(10 * SECOND);
    assert_eq!(net.registrar(1).association_count() + net.registrar(2).association_count(), 4, "those of registrars");
}

#[test]
fn nobody_is_asked_about_an_element_that_answers() {
    let mut net = one_of_three();
    net.run(60 * SECOND);
    assert_eq!((second_opinions(&net), net.true_home(0)), (0, Some(0)));
}

#[test]
fn only_so_many_elements_at_once_are_tried_by_others() {
    let mut net = Net::of(2, fast);
    for id in 1..=60 {
        net.element("pool", id, 0);
    }
    net.run(SECOND);
    for number in 0..60 {
        net.elements[number].alive = false;
    }
    net.run(2 * SECOND);
    assert!(net.view(0).is_empty() && net.view(1).is_empty());
    let asked = net.registrar(0).statistics().second_opinions;
    assert!((32..=64).contains(&asked), "{asked}");
}

/// Registrars that disagree about a third (RFC 5353 section 3.5.1: all known peers are to acknowledge a takeover).
#[test]
fn a_registrar_that_another_one_reaches_is_not_taken_over_by_one_that_does_not() {
    let mut net = Net::of(3, fast);
    net.element("pool", 7, 2);
    net.run(SECOND);
    net.cut_registrars(&[0], &[2]);
    net.run(20 * SECOND);
    let counts = |net: &Net, of: fn(&rserpool::registrar::Statistics) -> u64| -> u64 {
        (0..3).map(|number| of(net.registrar(number).statistics())).sum()
    };
    assert!(net.registrar(0).statistics().takeovers_refused > 1, "it has tried again and again");
    assert_eq!(counts(&net, |statistics| statistics.takeovers_completed), 0);
    assert_eq!((homes(&net), net.true_home(0)), ([Some(id_of(2)); 3], Some(2)));
    net.heal();
    net.run(5 * SECOND);
    net.assert_converged();
}

#[test]
fn who_objects_to_a_takeover_agrees_as_soon_as_the_registrar_is_dead_for_him_too() {
    let mut net = Net::of(3, fast);
    let element = net.element("pool", 7, 2);
    net.run(SECOND);
    net.cut_registrars(&[0], &[2]);
    net.run(10 * SECOND);
    assert_eq!(net.true_home(element), Some(2));
    net.crash(2);
    net.run(5 * SECOND);
    assert_eq!(
        net.registrar(0).statistics().takeovers_completed + net.registrar(1).statistics().takeovers_completed,
        1
    );
    assert!(net.true_home(element).is_some_and(|home| home < 2));
    net.assert_converged();
}

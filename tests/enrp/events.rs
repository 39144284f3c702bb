//! What a registrar remembers of what has happened among registrars.

use crate::support::enrp::*;
use rserpool::registrar::EventKind;

/// Kind, other registrar and cause of each event of a registrar.
fn events(net: &Net, number: usize) -> Vec<(EventKind, Option<rserpool::RegistrarId>, String)> {
    net.registrar(number).events_after(0).map(|e| (e.kind, e.registrar, e.cause.to_string())).collect()
}

#[test]
fn a_takeover_is_told_with_its_reason_and_who_the_new_home_is() {
    let mut net = Net::of(3, fast);
    net.element("pool", 1, 0);
    net.run(SECOND);
    let before = [1, 2].map(|number| events(&net, number));
    for told in &before {
        let of_start = told.iter().filter(|(kind, ..)| *kind == EventKind::Registered).count();
        assert_eq!(of_start, 1, "the element that came by a peer: {told:?}");
    }
    net.crash(0);
    net.run(5 * SECOND);
    let told = [1, 2].map(|number| events(&net, number));
    let (dead, winner) = (Some(id_of(0)), id_of(2));
    let has = |number: usize, kind: EventKind, of, cause: &str| {
        told[number - 1].iter().any(|(k, r, c)| *k == kind && *r == of && c.contains(cause))
    };
    assert!(has(2, EventKind::TakeoverWanted, dead, ""), "{told:?}");
    assert!(has(2, EventKind::TakenOver, dead, "by this registrar"), "{told:?}");
    assert!(has(1, EventKind::TakenOver, dead, &format!("by {winner}")), "{told:?}");
    for number in [1, 2] {
        assert!(
            has(number, EventKind::PeerLost, dead, "took it over")
                || has(number, EventKind::PeerLost, dead, "taken over")
        );
        assert!(has(number, EventKind::HomeChanged, Some(winner), &format!("it was {}", id_of(0))), "{told:?}");
    }
}

#[test]
fn what_is_learned_at_the_start_is_nothing_that_has_happened() {
    let mut net = Net::of(1, config);
    for id in 1..=20 {
        net.element("pool", id, 0);
    }
    let newcomer = net.start(config(1, &[0]));
    net.run(5 * SECOND);
    assert_eq!(net.view(newcomer).len(), 20);
    let kinds: Vec<_> = events(&net, newcomer).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [EventKind::PeerFound, EventKind::Ready]);
}

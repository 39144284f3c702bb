//! A registrar that stood still and goes on, as by SIGSTOP and SIGCONT or in a virtual machine that was paused.

use crate::support::enrp::*;
use rserpool::RegistrarId;
use rserpool::message::EnrpMessage;
use rserpool::message::enrp::InitTakeover;
use rserpool::random::Random;
use rserpool::registrar::{PeerState, RegistrarConfig};
use std::time::Duration;

/// How long it stands still.
const ABSENCE: Duration = Duration::from_secs(10);

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

type Profile = fn(usize, &[usize]) -> RegistrarConfig;

/// Three registrars, each home of two elements that know them all.
fn scope(profile: Profile) -> Net {
    let mut net = Net::of(3, profile);
    for id in 0..6 {
        let number = net.element("pool", id + 1, id as usize % 3);
        net.elements[number].hunts = vec![0, 1, 2];
    }
    net
}

/// Registrar 0 is away, and for some time more nobody gets a new association with it. Those of everybody else stay.
fn be_away(net: &mut Net, more: Duration) {
    net.freeze_until_associations_break(0);
    net.run(ABSENCE);
    net.cut_registrars(&[0], &[1, 2]);
    net.thaw(0);
    net.run(more);
    net.heal();
}

/// What becomes of the others when registrar 0 is away at random times, and their new associations with it take so long.
fn nobody_else_is_blamed(profile: Profile, slow: Duration) {
    for seed in 0..12 {
        let mut net = scope(profile);
        net.run(Duration::from_millis(Random::new(seed).below(40_000)));
        let before: Vec<_> = (0..6).map(|element| net.true_home(element)).collect();
        be_away(&mut net, slow);
        net.run(70 * SECOND);
        assert_eq!(net.registrar(0).statistics().takeovers_completed, 0, "seed {seed}: only registrar 0 was away");
        for element in (0..6).filter(|element| element % 3 != 0) {
            assert_eq!(net.true_home(element), before[element], "seed {seed}: element {element} was moved");
        }
        assert!((0..3).all(|number| net.registrar(number).peers().all(|peer| peer.state == PeerState::Active)));
        net.assert_converged();
    }
}

#[test]
fn whoever_was_away_takes_nobody_over_fast() {
    nobody_else_is_blamed(fast, millis(600));
}

#[test]
fn whoever_was_away_takes_nobody_over_with_the_defaults() {
    nobody_else_is_blamed(config, 6 * SECOND);
}

#[test]
fn whoever_was_away_takes_over_who_died_meanwhile() {
    for (profile, limit) in [(fast as Profile, 3 * SECOND), (config as Profile, 11 * SECOND)] {
        let mut net = Net::of(2, profile);
        net.element("pool", 1, 1);
        net.freeze(0);
        net.run(SECOND);
        net.crash(1);
        net.run(ABSENCE);
        net.thaw(0);
        net.run_until(limit, |net| net.registrar(0).statistics().takeovers_completed == 1);
        net.run(SECOND);
        assert_eq!(net.true_home(0), Some(0));
    }
}

#[test]
fn enrp_090_a_peer_without_an_association_has_to_agree_to_a_takeover_too() {
    let mut net = Net::of(3, config);
    net.element("pool", 1, 2);
    net.cut_registrars(&[0], &[1]);
    net.run_until(5 * SECOND, |net| net.state(1, 0) == Some(PeerState::Suspected));
    net.crash(2);
    net.run(millis(10));
    let completed = |net: &Net| (0..2).map(|n| net.registrar(n).statistics().takeovers_completed).sum::<u64>();
    assert_eq!(net.registrar(0).statistics().takeovers_started, 1);
    assert_eq!(completed(&net), 0, "each waits for the other one");
    net.heal();
    net.run(12 * SECOND);
    assert_eq!(completed(&net), 1);
    net.assert_converged();
}

/// How many takeovers the scripted registrar has been allowed since the last look.
fn acknowledged(net: &mut Net) -> usize {
    net.take_got().iter().filter(|message| matches!(message, EnrpMessage::InitTakeoverAck(_))).count()
}

/// Registrar 0 was away, and is back; so was registrar 1, if that is wanted, and is not. The scripted one has been there.
fn back_from_absence(others: &[usize]) -> (Net, u64) {
    let mut net = Net::of(2, config);
    net.element("pool", 1, 1);
    net.run(SECOND);
    let association = net.script_joins(0);
    net.freeze(0);
    others.iter().for_each(|number| net.freeze(*number));
    net.run(ABSENCE);
    net.thaw(0);
    net.run(millis(10));
    net.take_got();
    (net, association)
}

fn wants_registrar_1(net: &mut Net, association: u64) {
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
}

#[test]
fn whoever_was_away_agrees_to_no_takeover_because_an_association_broke() {
    let (mut net, association) = back_from_absence(&[]);
    net.freeze(1);
    wants_registrar_1(&mut net, association);
    net.crash(1);
    net.run(millis(100));
    assert_eq!(acknowledged(&mut net), 0, "it may be for its own absence");
    net.run(11 * SECOND);
    assert_eq!(acknowledged(&mut net), 1, "it had time to come back");
}

#[test]
fn whoever_was_away_agrees_to_no_takeover_of_one_that_it_has_just_asked() {
    let (mut net, association) = back_from_absence(&[1]);
    wants_registrar_1(&mut net, association);
    assert_eq!(acknowledged(&mut net), 0, "it is still to answer");
    net.thaw(1);
    net.run(20 * SECOND);
    assert_eq!(acknowledged(&mut net), 0, "it has answered");
}

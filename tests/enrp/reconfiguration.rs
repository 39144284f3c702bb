//! Other settings for a registrar that runs: which registrars there are, and how long they may be silent.

use crate::support::enrp::*;
use rserpool::registrar::{Event, PeerState, RegistrarConfig};

fn reconfigure(net: &mut Net, number: usize, config: RegistrarConfig) {
    let config = config.validated().expect("settings that can work");
    net.event(number, Event::Reconfigured(&config));
}

fn attentive(number: usize, peers: &[usize]) -> RegistrarConfig {
    RegistrarConfig { peer_heartbeat_cycle: SECOND, max_time_last_heard: 2 * SECOND, ..config(number, peers) }
}

#[test]
fn a_shorter_max_time_last_heard_holds_for_a_peer_that_is_silent_already() {
    let mut net = Net::of(2, config);
    net.run(40 * SECOND);
    net.freeze(1);
    net.run(5 * SECOND);
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
    reconfigure(&mut net, 0, attentive(0, &[1]));
    // It may be as late as its own heartbeats have been seen to come, which is every 30 s.
    let noticed = net.run_until(60 * SECOND, |net| net.state(1, 0) != Some(PeerState::Active));
    assert!(noticed < 8 * SECOND, "noticed after {noticed:?}");
}

#[test]
fn a_shorter_heartbeat_cycle_holds_at_once() {
    let mut net = Net::of(2, config);
    net.run(3 * SECOND);
    reconfigure(&mut net, 0, attentive(0, &[1]));
    let before = net.registrar(1).peers().next().expect("a peer").last_heard;
    net.run(2 * SECOND);
    let after = net.registrar(1).peers().next().expect("a peer").last_heard;
    assert!(after > before + SECOND, "{before:?} {after:?}");
}

#[test]
fn a_registrar_that_is_added_becomes_a_peer() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    net.start(config(1, &[]));
    net.run(10 * SECOND);
    assert_eq!(net.registrar(0).peers().count(), 0);
    net.element("pool", 1, 1);
    reconfigure(&mut net, 0, config(0, &[1]));
    net.run(10 * SECOND);
    assert_eq!([net.state(1, 0), net.state(0, 1)], [Some(PeerState::Active); 2]);
    net.assert_converged();
}

#[test]
fn a_registrar_that_is_taken_out_is_not_sought_any_more() {
    let mut net = Net::of(2, config);
    net.nodes_that_are_dead(1);
    reconfigure(&mut net, 0, config(0, &[1, 2]));
    net.run(60 * SECOND);
    let sought = net.connects;
    net.run(60 * SECOND);
    assert!(net.connects > sought, "it is sought as long as the settings name it");
    reconfigure(&mut net, 0, config(0, &[1]));
    net.run(60 * SECOND);
    let given_up = net.connects;
    net.run(600 * SECOND);
    assert_eq!(net.connects, given_up);
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
}

#[test]
fn a_peer_that_is_taken_out_stays_one_as_long_as_it_lives() {
    let mut net = Net::of(2, config);
    reconfigure(&mut net, 0, config(0, &[]));
    net.run(200 * SECOND);
    assert_eq!([net.state(1, 0), net.state(0, 1)], [Some(PeerState::Active); 2]);
}

#[test]
fn with_peers_only_it_is_struck_off_and_its_associations_end() {
    let mut net = Net::of(3, config);
    let only = |peers: &[usize]| RegistrarConfig { peers_only: true, ..config(0, peers) };
    reconfigure(&mut net, 0, only(&[1, 2]));
    net.run(SECOND);
    assert_eq!([net.state(1, 0), net.state(2, 0)], [Some(PeerState::Active); 2], "those of the settings stay");
    reconfigure(&mut net, 0, only(&[1]));
    assert_eq!([net.state(1, 0), net.state(2, 0)], [Some(PeerState::Active), None]);
    net.run(200 * SECOND);
    assert_eq!(net.state(2, 0), None, "and it does not come back");
    reconfigure(&mut net, 0, only(&[1, 2]));
    net.run(60 * SECOND);
    assert_eq!(net.state(2, 0), Some(PeerState::Active), "unless the settings name it again");
}

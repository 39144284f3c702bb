//! Arbitration and takeover (RFC 5353 section 3.5).

use super::*;

/// Registrars 0 and 1 and the scripted one, which is home of an element.
fn with_target(config: impl Fn(usize, &[usize]) -> RegistrarConfig) -> (Net, [u64; 2]) {
    let mut net = Net::of(2, config);
    let associations = [net.script_joins(0), net.script_joins(1)];
    for association in associations {
        net.script_sends(association, addition("pool", element_of_script(1)));
    }
    net.script_checksum = Some(checksum_of(&[("pool", 1)]));
    net.script_answers = false;
    net.got.clear();
    (net, associations)
}

#[test]
fn enrp_081_082_083_085_086_093_the_target_can_stop_the_takeover_at_any_point() {
    let (mut net, associations) = with_target(config);
    net.cut_registrars(&[0], &[1]); // so that the arbitration lasts
    let init = |net: &Net| net.got.iter().any(|(_, message)| matches!(message, EnrpMessage::InitTakeover(_)));
    net.run_until(70 * SECOND, init);
    let got = net.take_got();
    let message = got.iter().find(|message| matches!(message, EnrpMessage::InitTakeover(_))).unwrap();
    let EnrpMessage::InitTakeover(message) = message else { unreachable!() };
    assert_eq!((message.receiver, message.target), (RegistrarId(0), SCRIPT));
    let initiator = if message.sender == id_of(0) { 0 } else { 1 };
    if net.registrar(initiator).peers().any(|peer| peer.id == SCRIPT) {
        net.script_sends(associations[initiator], script_presence(false, net.script_checksum));
        let state = net.registrar(initiator).peers().find(|peer| peer.id == SCRIPT).unwrap().state;
        assert_eq!(state, PeerState::Active);
    }
}

#[test]
fn enrp_085_a_registrar_that_is_taken_for_dead_objects_to_everybody() {
    let mut net = Net::of(2, config);
    let association = net.script_joins(0);
    let init = InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(0) };
    let heard = |net: &Net| net.registrar(1).peers().find(|peer| peer.id == id_of(0)).unwrap().last_heard;
    let before = net.now;
    net.script_sends(association, init);
    assert_eq!(presences(&net.take_got()).len(), 1);
    assert!(heard(&net) >= before);
}

#[test]
fn enrp_084_091_an_uninvolved_peer_stops_watching_the_target_and_acknowledges() {
    let mut net = Net::of(2, config);
    net.element("pool", 7, 1);
    let association = net.script_joins(0);
    net.freeze(1);
    let init = InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) };
    net.script_sends(association, init);
    let ack: EnrpMessage = InitTakeoverAck { sender: id_of(0), receiver: SCRIPT, target: id_of(1) }.into();
    assert!(!has(&net.take_got(), &ack), "the target is asked first");
    net.run(5 * SECOND);
    assert!(has(&net.take_got(), &ack), "MAX-TIME-NO-RESPONSE");
    assert_eq!(net.state(1, 0), Some(PeerState::NotActive));
    // The target's PRESENCE makes it active again.
    net.thaw(1);
    net.run(31 * SECOND);
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
    // For a target that nobody knows: nothing to object.
    let init = InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: RegistrarId(0x999) };
    net.script_sends(association, init);
    let ack = InitTakeoverAck { sender: id_of(0), receiver: SCRIPT, target: RegistrarId(0x999) };
    assert!(has(&net.take_got(), &ack.into()));
}

/// Registrar 0 (with this identifier) wants to take over registrar 1, and waits for the scripted registrar.
fn arbitrating(id: RegistrarId, rsplib_compatibility: bool) -> (Net, u64) {
    let mut net = Net::default();
    net.start(RegistrarConfig { id, rsplib_compatibility, ..config(0, &[]) });
    net.start(config(1, &[0]));
    net.run(SECOND);
    net.element("pool", 7, 1);
    let association = net.script_joins(0);
    net.crash(1);
    net.run(millis(10));
    let init = InitTakeover { sender: id, receiver: RegistrarId(0), target: id_of(1) };
    assert!(has(&net.take_got(), &init.into()));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
    (net, association)
}

#[test]
fn enrp_087_088_089_the_smaller_identifier_gives_way_and_acknowledges() {
    let (mut net, association) = arbitrating(RegistrarId(0x11), false);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    let ack = InitTakeoverAck { sender: RegistrarId(0x11), receiver: SCRIPT, target: id_of(1) };
    assert!(has(&net.take_got(), &ack.into()));
    assert_eq!(net.state(1, 0), Some(PeerState::NotActive));
    net.script_sends(association, TakeoverServer { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert_eq!(net.state(1, 0), None);
    assert_eq!(net.home_at(0, "pool", 7), Some(SCRIPT));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
}

#[test]
fn enrp_090_092_the_greater_identifier_ignores_the_other_and_completes_when_all_have_acknowledged() {
    let (mut net, association) = arbitrating(RegistrarId(0x9999), false);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert!(net.take_got().iter().all(|message| !matches!(message, EnrpMessage::InitTakeoverAck(_))));
    let receiver = RegistrarId(0x9999);
    net.script_sends(association, InitTakeoverAck { sender: SCRIPT, receiver, target: id_of(1) });
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
    net.run(SECOND);
    assert_eq!(net.true_home(0), Some(0));
}

#[test]
fn with_rsplib_the_lower_identifier_wins() {
    let (mut net, association) = arbitrating(RegistrarId(0x11), true);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert!(net.take_got().iter().all(|message| !matches!(message, EnrpMessage::InitTakeoverAck(_))));
    let (mut net, association) = arbitrating(RegistrarId(0x9999), true);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert!(net.take_got().iter().any(|message| matches!(message, EnrpMessage::InitTakeoverAck(_))));
}

#[test]
fn with_rsplib_elements_that_it_cannot_parse_are_not_taken_from_others() {
    let loopback = |port| sctp("127.0.0.1".parse().unwrap(), port);
    let bad = PoolElement { asap_transport: Some(loopback(4000)), ..element_of_script(1) };
    for rsplib_compatibility in [false, true] {
        let (mut net, association) = with_script(RegistrarConfig { rsplib_compatibility, ..config(0, &[]) });
        net.script_sends(association, addition("pool", bad.clone()));
        net.script_sends(association, addition("pool", element_of_script(2)));
        let known: Vec<u32> = net.view(0).keys().map(|(_, id)| *id).collect();
        assert_eq!(known, if rsplib_compatibility { vec![2] } else { vec![1, 2] });
    }
}

#[test]
fn enrp_092_without_any_other_peer_the_takeover_is_complete_at_once() {
    let mut net = Net::of(2, config);
    net.element("pool", 7, 1);
    net.crash(1);
    net.run(millis(10));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
    net.run(SECOND);
    net.assert_converged();
}

#[test]
fn a_peer_that_never_acknowledges_holds_up_a_takeover_for_two_expiries() {
    let (mut net, _) = arbitrating(RegistrarId(0x9999), false);
    net.run(millis(9500));
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
    net.run(SECOND);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
}

#[test]
fn whoever_gave_way_tries_again_when_the_other_does_not_complete() {
    let (mut net, association) = arbitrating(RegistrarId(0x11), false);
    net.script_sends(association, InitTakeover { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    net.run(40 * SECOND);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
    net.run(SECOND);
    assert_eq!(net.true_home(0), Some(0));
}

#[test]
fn enrp_094_to_098_the_winner_says_so_first_then_owns_the_elements_and_asks_each_to_adopt_it() {
    let (mut net, association) = arbitrating(RegistrarId(0x9999), false);
    let receiver = RegistrarId(0x9999);
    net.keep_alives.clear();
    net.script_sends(association, InitTakeoverAck { sender: SCRIPT, receiver, target: id_of(1) });
    let got = net.take_got();
    let taken = TakeoverServer { sender: receiver, receiver: RegistrarId(0), target: id_of(1) };
    assert_eq!(got.iter().find(|message| !matches!(message, EnrpMessage::Presence(_))), Some(&taken.into()));
    assert_eq!(net.state(1, 0), None, "off the peer list");
    assert_eq!(net.home_at(0, "pool", 7), Some(receiver));
    net.run(millis(20));
    let (element, asked) = &net.keep_alives[0];
    assert_eq!((*element, asked.home, asked.registrar_id), (0, true, receiver));
    let told = updates(&net.take_got());
    assert!(told.iter().any(|update| update.pool_element.home_registrar == receiver), "HANDLE_UPDATE as well");
    assert_eq!(net.true_home(0), Some(0));
}

#[test]
fn enrp_099_100_a_peer_takes_the_winner_as_home_of_the_targets_elements() {
    let mut net = Net::of(2, config);
    net.element("pool", 7, 1);
    let association = net.script_joins(0);
    net.crash(1);
    net.script_sends(association, TakeoverServer { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(1) });
    assert_eq!(net.state(1, 0), None);
    assert_eq!(net.home_at(0, "pool", 7), Some(SCRIPT));
}

#[test]
fn a_living_registrar_that_was_taken_over_keeps_what_is_registered_with_it_and_says_that_it_lives() {
    let (mut net, association) = with_script(config(0, &[]));
    net.element("pool", 7, 0);
    net.got.clear();
    net.script_sends(association, TakeoverServer { sender: SCRIPT, receiver: RegistrarId(0), target: id_of(0) });
    assert_eq!(presences(&net.take_got()).len(), 1);
    assert_eq!(net.home_at(0, "pool", 7), Some(id_of(0)));
}

#[test]
fn elements_of_a_registrar_that_nobody_knows_get_a_home() {
    let (mut net, association) = starting_with_script(true);
    let element = net.add_element("pool", 7, Policy::RoundRobin);
    let orphan = PoolElement {
        home_registrar: RegistrarId(0xdead),
        asap_transport: Some(sctp(element_ip(element), 40_000)),
        ..net.pool_element(element)
    };
    net.script_sends(association, list(false, Vec::new()));
    net.script_sends(association, table(false, vec![("pool", vec![orphan])]));
    net.run(200 * SECOND);
    assert_eq!(net.true_home(element), Some(0));
    net.assert_converged();
}

#[test]
fn a_registrar_that_introduces_itself_is_not_taken_over_for_elements_that_were_without_a_home() {
    let (mut net, association) = starting_with_script(true);
    let orphan = PoolElement { home_registrar: id_of(1), ..element_of_script(1) };
    net.script_sends(association, list(false, Vec::new()));
    net.script_sends(association, table(false, vec![("pool", vec![orphan])]));
    let init = InitTakeover { sender: id_of(0), receiver: RegistrarId(0), target: id_of(1) }.into();
    net.run_until(400 * SECOND, |net| net.got.iter().any(|(_, message)| *message == init));
    // The scripted registrar never acknowledges: the arbitration goes on while its target joins.
    net.start(config(1, &[0]));
    net.run(SECOND);
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
    net.run(15 * SECOND);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
}

#[test]
fn a_registrar_that_comes_late_takes_nobody_over_whose_answer_waits() {
    let mut net = Net::of(2, fast);
    for id in 1..=4 {
        net.element("pool", id, 1);
    }
    net.run(SECOND);
    net.freeze(1);
    net.run_until(SECOND, |net| net.state(1, 0) == Some(PeerState::Suspected));
    // It has a processor again and answers; now the other one has none, for a little longer than it gives it.
    net.run(Duration::from_millis(100));
    net.freeze(0);
    net.thaw(1);
    net.run(Duration::from_millis(150));
    net.thaw(0);
    net.run(SECOND);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 0);
}

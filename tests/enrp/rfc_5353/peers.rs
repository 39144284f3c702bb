//! Finding and losing other registrars (RFC 5353 sections 3.4.1 to 3.4.3).

use super::*;

#[test]
fn enrp_071_072_073_whoever_sends_any_message_is_asked_for_its_presence_and_is_a_peer_then() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    let association = net.script_connects(0);
    assert!(net.take_got().is_empty());
    net.script_sends(association, ListRequest { sender: SCRIPT, receiver: id_of(0) });
    let asked = presences(&net.take_got());
    assert_eq!(asked.len(), 1);
    assert!(asked[0].reply_required);
    assert_eq!(
        net.registrar(0).peers().map(|peer| (peer.id, peer.state)).collect::<Vec<_>>(),
        [(SCRIPT, PeerState::Active)]
    );
}

#[test]
fn enrp_076_077_any_message_of_a_peer_counts_as_a_sign_of_life() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_answers = false;
    for _ in 0..5 {
        net.run(40 * SECOND);
        net.script_sends(association, removal("pool", element_of_script(3)));
        let peer = net.registrar(0).peers().next().expect("alive");
        assert_eq!(peer.state, PeerState::Active);
        assert!(net.now.saturating_since(peer.last_heard) < millis(10));
    }
    assert!(presences(&net.take_got()).iter().all(|presence| !presence.reply_required), "nobody was suspected");
}

#[test]
fn enrp_078_079_080_a_silent_peer_is_asked_and_then_dead() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.script_answers = false;
    let heard = net.now;
    net.got.clear();
    let asks = |net: &Net| {
        net.got
            .iter()
            .any(|(_, message)| matches!(message, EnrpMessage::Presence(Presence { reply_required: true, .. })))
    };
    net.run_until(70 * SECOND, asks);
    let after = net.now.saturating_since(heard);
    assert!(after >= 60 * SECOND && after <= 62 * SECOND, "MAX-TIME-LAST-HEARD: {after:?}");
    assert_eq!(net.registrar(0).peers().next().unwrap().state, PeerState::Suspected);
    net.run(millis(4900));
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
    net.run(millis(200));
    assert_eq!(net.registrar(0).statistics().takeovers_started, 1, "MAX-TIME-NO-RESPONSE");
}

#[test]
fn enrp_079_a_peer_that_answers_is_alive() {
    let (mut net, _) = with_script(config(0, &[]));
    net.run(600 * SECOND);
    assert_eq!(net.registrar(0).peers().next().unwrap().state, PeerState::Active);
}

#[test]
fn enrp_079_a_peer_that_cannot_be_reached_any_more_is_dead_at_once() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.script_listens = false;
    net.script_leaves(association);
    net.run(millis(10));
    assert_eq!(net.registrar(0).peers().count(), 0);
    assert_eq!(net.registrar(0).statistics().takeovers_completed, 1);
}

#[test]
fn a_dead_peer_without_elements_is_dropped_without_a_takeover() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_listens = false;
    net.script_leaves(association);
    net.run(millis(10));
    assert_eq!(net.registrar(0).peers().count(), 0);
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
}

#[test]
fn a_datagram_only_makes_the_registrar_look_for_its_sender() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    net.script_listens = false;
    net.datagram(script_ip(), script_presence(false, Some(0x1234)));
    net.run(100 * SECOND);
    assert_eq!(net.registrar(0).peers().count(), 0);
    net.script_listens = true;
    net.datagram(script_ip(), script_presence(false, Some(0x1234)));
    net.run(SECOND);
    assert_eq!(net.registrar(0).peers().count(), 1);
    assert_eq!(net.registrar(0).statistics().audits, 0);
}

#[test]
fn a_peer_that_connected_first_is_not_knocked_at_any_more() {
    let mut net = Net::default();
    net.script_listens = false;
    net.start(RegistrarConfig { peers: vec![script_address()], ..config(0, &[]) });
    net.run(millis(10));
    let association = net.script_joins(0);
    net.script_listens = true;
    net.run(100 * SECOND);
    assert!(net.got.len() > 2, "heartbeats");
    assert!(net.got.iter().all(|(over, _)| *over == association), "there is an association already");
    // When that is gone, the address is of use again.
    net.script_leaves(association);
    net.got.clear();
    net.run(10 * SECOND);
    assert!(net.got.iter().any(|(over, _)| *over != association), "a new one");
}

#[test]
fn enrp_079_a_suspected_peer_gets_no_more_time_when_its_association_breaks() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.script_answers = false;
    let suspected = |net: &Net| net.registrar(0).peers().any(|peer| peer.state == PeerState::Suspected);
    net.run_until(70 * SECOND, suspected);
    net.run(3 * SECOND);
    net.script_leaves(association);
    net.cut(End::Registrar(0), End::Script);
    net.run(millis(1900));
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
    net.run(millis(200));
    assert_eq!(net.registrar(0).statistics().takeovers_started, 1, "MAX-TIME-NO-RESPONSE after it was asked");
}

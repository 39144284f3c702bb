//! Keep-alives and home registrars (RFC 5352 sections 2.2.7 and 3.4).

use super::with_element;
use crate::support::client::*;
use rserpool::RegistrarId;
use rserpool::asap::RegistrationState;
use rserpool::message::AsapMessage;

#[test]
fn asap_018_097_099_100_101_every_keep_alive_is_answered_on_its_own_association() {
    let (mut client, home) = with_element();
    let (other, _) = client.inbound(9);
    for association in [home, other] {
        for id in [Some(1), None] {
            let done = client.message(association, keep_alive(false, 5, POOL, id));
            assert_eq!(done.sent(), [(association, keep_alive_ack(1))]);
        }
    }
    assert_eq!(client.core.home_registrar().map(|home| home.association), Some(home), "H=0 changes nothing");
}

#[test]
fn asap_018_a_keep_alive_without_element_is_answered_once_for_each_element_in_the_pool() {
    let (mut client, home) = with_element();
    client.request(2, register(7));
    let done = client.message(home, keep_alive(false, 5, POOL, None));
    assert_eq!(done.sent(), [(home, keep_alive_ack(1)), (home, keep_alive_ack(7))]);
}

#[test]
fn asap_098_a_keep_alive_for_another_pool_or_element_is_dropped_silently() {
    let (mut client, home) = with_element();
    assert!(client.message(home, keep_alive(false, 5, "other", None)).0.is_empty());
    assert!(client.message(home, keep_alive(true, 5, "other", Some(1))).0.is_empty());
    assert!(client.message(home, keep_alive(false, 5, POOL, Some(2))).0.is_empty());
}

#[test]
fn asap_102_h_bit_makes_the_sender_home_registrar_and_elements_register_there_at_once() {
    let (mut client, home) = with_element();
    client.message(home, keep_alive(false, 5, POOL, Some(1)));
    client.message(home, registered_beside(1, &[(6, 9)]));
    let (other, _) = client.inbound(9);
    let done = client.message(other, keep_alive(true, 6, POOL, Some(1)));
    let expected = registration_in_both_units(element(1));
    assert_eq!(done.sent(), [(other, keep_alive_ack(1)), (other, AsapMessage::Registration(expected))]);
    assert_eq!(done.shutdowns(), [home]);
    let adopted = client.core.home_registrar().unwrap();
    assert_eq!((adopted.association, adopted.id), (other, Some(RegistrarId(6))));
    assert_eq!(client.message(other, registered(1, None)).registrations(), [RegistrationState::Registered]);
}

#[test]
fn asap_102_h_bit_of_the_present_home_registrar_over_another_association_changes_nothing() {
    let (mut client, home) = with_element();
    client.message(home, keep_alive(true, 5, POOL, Some(1)));
    let (other, _) = client.inbound(1);
    assert_eq!(client.message(other, keep_alive(true, 5, POOL, Some(1))).sent(), [(other, keep_alive_ack(1))]);
    assert_eq!(client.core.home_registrar().map(|home| home.association), Some(home));
}

#[test]
fn asap_102_h_bit_gives_a_home_registrar_to_an_element_without_one() {
    let (mut client, home) = with_element();
    client.lost(home);
    let (other, _) = client.inbound(9);
    let done = client.message(other, keep_alive(true, 6, POOL, Some(1)));
    assert_eq!(done.cancelled_connects().len(), 2, "the hunt is over");
    assert!(matches!(done.sent()[1], (association, AsapMessage::Registration(_)) if association == other));
}

#[test]
fn a_registrar_that_took_over_is_looked_for_when_its_association_breaks() {
    let (mut client, home) = with_element();
    client.lost(home);
    let mut takers = Vec::new();
    for number in 10..16 {
        let (taker, _) = client.inbound(number);
        client.message(taker, keep_alive(true, number.into(), POOL, Some(1)));
        client.message(taker, registered_beside(1, &[(u32::from(number) + 1, number + 1)]));
        client.advance(ms(1000));
        takers.push((taker, registrar_address(number)));
    }
    let mut tried: Vec<_> = client.lost(takers[5].0).connects().into_iter().map(|(_, _, peer)| peer).collect();
    for _ in 0..20 {
        tried.extend(client.advance(ms(1000)).connects().into_iter().map(|(_, _, peer)| peer));
    }
    for (number, (_, peer)) in takers.iter().enumerate() {
        assert_eq!(tried.contains(peer), number >= 2, "the last four are remembered: {number}");
    }
}

#[test]
fn asap_097_an_element_that_was_never_registered_answers_no_keep_alive_and_gets_no_home_by_it() {
    let mut client = Client::new(config(1, SCTP));
    client.request(1, register(1));
    let (stranger, _) = client.inbound(9);
    assert!(client.message(stranger, keep_alive(true, 6, POOL, Some(1))).0.is_empty());
    assert_eq!(client.core.home_registrar(), None);
}

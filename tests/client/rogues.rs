//! Whoever connects to an element and says that he is its home registrar from now on.

use crate::support::client::*;
use rserpool::AssociationId;
use rserpool::RegistrarId;
use rserpool::association::TransportKind::Memory;

/// An element that is registered with registrar 1, which tells of these others.
fn element_told(registrars: &[(u32, u8)]) -> (Client, AssociationId) {
    let (mut client, home) = Client::connected(config(2, &[Memory]));
    client.request(1, register(1));
    client.message(home, registered_beside(1, registrars));
    (client, home)
}

/// Whether a registrar with this identifier, from this host, becomes home.
fn takes_over(client: &mut Client, id: u32, number: u8) -> bool {
    let (other, _) = client.inbound(number);
    let done = client.message(other, keep_alive(true, id, POOL, Some(1)));
    let home = client.core.home_registrar().map(|home| home.association);
    assert_eq!(done.sent().is_empty(), home != Some(other), "whoever is not believed gets no acknowledgement");
    home == Some(other)
}

#[test]
fn d_capture_pe_a_stranger_does_not_become_home_of_an_element_that_has_one() {
    for others in [&[][..], &[(7, 8)]] {
        let (mut client, home) = element_told(others);
        assert!(!takes_over(&mut client, 0x6666, 9));
        assert_eq!(client.core.home_registrar().map(|home| home.association), Some(home));
    }
}

#[test]
fn d_capture_pe_a_takeover_that_names_no_element_is_ignored() {
    let (mut client, home) = element_told(&[(7, 9)]);
    let (other, _) = client.inbound(9);
    assert!(client.message(other, keep_alive(true, 7, POOL, None)).0.is_empty());
    client.lost(home);
    assert!(client.message(other, keep_alive(true, 7, POOL, None)).0.is_empty());
}

#[test]
fn a_registrar_that_the_home_told_of_becomes_home() {
    let (mut client, _) = element_told(&[(6, 8), (7, 9)]);
    assert!(!takes_over(&mut client, 6, 9), "at another place");
    assert!(takes_over(&mut client, 7, 9));
    assert_eq!(client.core.home_registrar().and_then(|home| home.id), Some(RegistrarId(7)));
}

#[test]
fn a_registrar_of_the_settings_becomes_home() {
    let (mut client, home) = element_told(&[(7, 9)]);
    let other = if client.core.home_registrar().map(|home| home.peer) == Some(&registrar_address(1)) { 2 } else { 1 };
    assert!(takes_over(&mut client, 0x99, other));
    assert_ne!(client.core.home_registrar().map(|home| home.association), Some(home));
}

#[test]
fn a_registrar_that_announces_itself_becomes_home() {
    let (mut client, _) = element_told(&[(7, 8)]);
    assert!(!takes_over(&mut client, 0x99, 9));
    client.announcement("10.0.0.9:3863", 0x99, Vec::new());
    assert!(takes_over(&mut client, 0x99, 9));
}

#[test]
fn an_element_without_a_home_is_taken_by_whom_its_home_told_of_wherever_that_is() {
    let (mut client, home) = element_told(&[(7, 8)]);
    client.lost(home);
    assert!(!takes_over(&mut client, 0x6666, 9));
    assert!(takes_over(&mut client, 7, 9));
}

#[test]
fn an_element_whose_home_tells_of_nobody_is_taken_by_anybody_as_soon_as_that_is_lost() {
    let (mut client, home) = element_told(&[]);
    client.lost(home);
    assert!(takes_over(&mut client, 0x99, 9));
}

#[test]
fn what_the_home_tells_with_a_keep_alive_replaces_what_it_told_before() {
    let (mut client, home) = element_told(&[(7, 8)]);
    let mut news = keep_alive(false, 5, POOL, Some(1));
    let rserpool::message::AsapMessage::RegistrationResponse(list) = registered_beside(1, &[(8, 9)]) else {
        unreachable!()
    };
    if let rserpool::message::AsapMessage::EndpointKeepAlive(message) = &mut news {
        message.registrars = list.registrars;
    }
    client.message(home, news);
    assert!(!takes_over(&mut client, 7, 8));
    assert!(takes_over(&mut client, 8, 9));
}

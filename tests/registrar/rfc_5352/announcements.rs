//! How a registrar makes itself known.

use super::*;

#[test]
fn asap_115_116_164_a_registrar_that_is_alone_announces_itself_every_second_with_its_transports() {
    let transports = vec![sctp(1, 3863)];
    let settings = RegistrarConfig { announce: true, asap_transports: transports.clone(), ..config() };
    let mut world = World::new(settings);
    world.run(5 * SECOND);
    let times: Vec<_> = world.announcements.iter().map(|(at, _)| at.as_nanos() / 1_000_000).collect();
    assert_eq!(times, [0, 1000, 2000, 3000, 4000, 5000]);
    let expected = AsapMessage::ServerAnnounce(ServerAnnounce { registrar_id: RegistrarId(0xcafe), transports });
    assert!(world.announcements.iter().all(|(_, message)| *message == expected));
}

#[test]
fn announcements_follow_the_addresses_at_once_and_go_on_where_there_are_none() {
    let settings = RegistrarConfig { announce: true, asap_transports: vec![sctp(1, 3863)], ..config() };
    let mut world = World::new(settings);
    world.run(SECOND / 2);
    for asap_transports in [vec![sctp(2, 3863)], Vec::new()] {
        world.announcements.clear();
        let addresses = OwnAddresses { asap_transports: asap_transports.clone(), ..OwnAddresses::default() };
        world.event(Event::AddressesChanged(addresses));
        world.run(SECOND / 10);
        let expected = ServerAnnounce { registrar_id: RegistrarId(0xcafe), transports: asap_transports };
        let told: Vec<_> = world.announcements.iter().map(|(_, message)| message).collect();
        assert_eq!(told, [&AsapMessage::ServerAnnounce(expected)]);
    }
}

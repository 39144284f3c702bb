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

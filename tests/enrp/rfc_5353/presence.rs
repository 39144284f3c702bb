//! Identifiers and what PRESENCE says (RFC 5353 sections 3.1, 2.2 and 3.4.1).

use super::*;

#[test]
fn enrp_009_022_023_the_identifier_is_random_not_zero_and_stays() {
    let settings = RegistrarConfig { id: RegistrarId(0), ..config(0, &[]) };
    let mut ids = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut registrar =
            Registrar::new(settings.clone().validated().expect("settings that can work"), seed, Time::ZERO);
        let id = registrar.id();
        assert_ne!(id, RegistrarId(0));
        registrar.handle(Time::from_secs(1000), Event::Timeout, &mut Vec::new());
        assert_eq!(registrar.id(), id);
        ids.insert(id);
    }
    assert_eq!(ids.len(), 100);
}

#[test]
fn enrp_005_006_074_075_103_the_heartbeat_is_for_everybody_with_checksum_and_without_reply_required() {
    let (mut net, _) = with_script(config(0, &[]));
    net.element("pool", 7, 0);
    net.run(29 * SECOND);
    net.got.clear();
    net.run(60 * SECOND);
    let heartbeats: Vec<_> =
        presences(&net.take_got()).into_iter().filter(|presence| !presence.reply_required).collect();
    assert_eq!(heartbeats.len(), 2, "every 30 s");
    for heartbeat in heartbeats {
        assert_eq!((heartbeat.sender, heartbeat.receiver), (id_of(0), RegistrarId(0)));
        assert_eq!(heartbeat.checksum, Some(checksum_of(&[("pool", 7)])));
    }
}

#[test]
fn enrp_008_the_answer_to_a_presence_says_how_the_registrar_is_reached() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, script_presence(true, None));
    let answers = presences(&net.take_got());
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].receiver, answers[0].reply_required), (SCRIPT, false));
    let information = ServerInformation { id: id_of(0), transport: sctp(registrar_ip(0), PORT_ENRP) };
    assert_eq!(answers[0].server_information.as_ref(), Some(&information));
}

#[test]
fn enrp_007_a_presence_without_checksum_and_server_information_is_one() {
    let mut net = Net::default();
    net.start(config(0, &[]));
    let association = net.script_connects(0);
    net.script_sends(association, Presence { server_information: None, ..script_presence(false, None) });
    assert_eq!(net.registrar(0).peers().count(), 1);
}

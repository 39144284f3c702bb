use super::*;
use rserpool::RegistrarId;
use std::time::Duration;

fn apply(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    let setting = Setting::find(name).expect("a known option");
    (setting.apply)(options, value, Occurrence::First)
}

#[test]
fn each_option_has_a_name_of_its_own_and_shows_its_default() {
    let defaults = Options::default();
    for (number, setting) in SETTINGS.iter().enumerate() {
        assert!(SETTINGS[..number].iter().all(|other| other.name != setting.name), "{}", setting.name);
        assert!(!setting.show(&defaults).is_empty(), "{}", setting.name);
    }
}

#[test]
fn durations_and_counts_are_read_back_as_given() {
    let mut options = Options::default();
    for setting in SETTINGS {
        let value = match setting.value {
            "DURATION" => "1234ms",
            "N" => "77",
            "on|off" => "on",
            _ => continue,
        };
        (setting.apply)(&mut options, value, Occurrence::First).unwrap();
        assert_eq!(setting.show(&options), value, "{}", setting.name);
    }
}

#[test]
fn sctp_parameters_that_contradict_each_other_are_refused_with_the_reason() {
    let refusal = |name: &str, value: &str| {
        let mut options = Options::default();
        apply(&mut options, name, value).unwrap();
        options.registrar.validate().expect_err(name).to_string()
    };
    let why = refusal("sctp-rto-min", "2s");
    assert_eq!(why, "towards elements and users, RTO.Min of 2s is above RTO.Max of 500ms");
    let why = refusal("enrp-sctp-rto-initial", "1ms");
    assert!(why.starts_with("towards registrars, RTO.Initial of 1ms is not between"), "{why}");
    let why = refusal("sctp-pf-threshold", "4");
    assert!(why.contains("failed after 3 retransmissions"), "{why}");
    let why = refusal("enrp-sctp-max-retransmissions", "65536");
    assert!(why.contains("Association.Max.Retrans of 65536"), "{why}");
    let mut options = Options::default();
    apply(&mut options, "sctp-pf-threshold", "0").unwrap();
    assert_eq!(options.registrar.validate(), Ok(()));
}

#[test]
fn peers_come_as_lists_and_again_and_again() {
    let mut options = Options::default();
    apply(&mut options, "peer", "192.0.2.1,192.0.2.2:7").unwrap();
    apply(&mut options, "peer", "[2001:db8::1]:8").unwrap();
    let shown: Vec<_> = options.registrar.core.peers.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["{192.0.2.1}:9901", "{192.0.2.2}:7", "{2001:db8::1}:8"]);
    assert!(apply(&mut options, "peer", "192.0.2.1,,192.0.2.2").is_err());
    apply(&mut options, "peer", "registrar.example.net,other.example.net:7").unwrap();
    let names: Vec<_> = options.registrar.peer_names.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["registrar.example.net:9901", "other.example.net:7"]);
}

#[test]
fn dns_names_are_plausible() {
    let mut options = Options::default();
    apply(&mut options, "peers-dns", "_enrp._sctp.example.net").unwrap();
    assert_eq!(options.registrar.peer_names.names, ["_enrp._sctp.example.net"]);
    for wrong in ["", ".", "a..b", "a b", "\u{e9}.example"] {
        assert!(apply(&mut options, "peers-dns", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_profile_leaves_addresses_alone() {
    let mut options = Options::default();
    apply(&mut options, "peer", "192.0.2.1:7").unwrap();
    apply(&mut options, "id", "7").unwrap();
    apply(&mut options, PROFILE, "fast").unwrap();
    assert_eq!((options.registrar.core.peers.len(), options.registrar.core.id), (1, RegistrarId(7)));
    assert!(options.registrar.core.max_time_last_heard < RegistrarSettings::default().core.max_time_last_heard);
    assert_eq!(options.registrar.validate(), Ok(()));
    for sctp in [options.registrar.sctp, options.registrar.enrp_sctp] {
        assert!(sctp.notices_while_sending() < Duration::from_secs(1), "{sctp:?}");
    }
    assert!(apply(&mut options, PROFILE, "faster").is_err());
}

#[test]
fn announce_takes_groups_but_no_other_addresses() {
    let mut options = Options::default();
    apply(&mut options, "announce", "239.1.2.3:4000").unwrap();
    assert_eq!(options.registrar.announce_groups, ["239.1.2.3:4000".parse().unwrap()]);
    assert!(apply(&mut options, "announce", "192.0.2.1:4000").is_err());
    apply(&mut options, "announce", "off").unwrap();
    assert!(options.registrar.announce_groups.is_empty());
    apply(&mut options, "announce", "on").unwrap();
    assert_eq!(options.registrar.announce_groups, RegistrarSettings::default().announce_groups);
}

#[test]
fn addresses_to_listen_at_come_as_lists_and_again_and_again_in_place_of_the_default() {
    let mut options = Options::default();
    apply(&mut options, "asap", "192.0.2.1,198.51.100.1:3863").unwrap();
    let asap = Setting::find("asap").expect("a known option");
    (asap.apply)(&mut options, "[2001:db8::1]:3863", Occurrence::Again).unwrap();
    assert_eq!(asap.show(&options), "192.0.2.1:3863, 198.51.100.1:3863, [2001:db8::1]:3863");
    assert_eq!(options.registrar.validate(), Ok(()));
    for (value, why) in [
        ("192.0.2.1,192.0.2.2:7", "addresses of asap: they have different ports"),
        (
            "192.0.2.1,0.0.0.0",
            "addresses of asap: the wildcard address stands for all, and beside it there can be no other",
        ),
    ] {
        apply(&mut options, "asap", value).unwrap();
        assert_eq!(options.registrar.validate().unwrap_err().to_string(), why);
    }
}

//! The options of `rserpool registrar`, one entry each: the help, the defaults and the parsing come from this table.

use crate::values::{address, count, count_u32, duration, identifier, number_u32, show_duration};
use rserpool::RegistrarId;
use rserpool::association::PeerAddress;
use rserpool::driver::csp;
use rserpool::driver::registrar::{Profile, RegistrarSettings};
use rserpool::transport::TransportChoice;
use rserpool::transport::multicast::ENRP_GROUPS;
use rserpool::wire::{PORT_ASAP, PORT_ENRP};
use std::net::SocketAddr;
use std::time::Duration;

/// Shortest interval of status reports that is taken.
const CSP_MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Port of DNS.
const PORT_DNS: u16 = 53;

/// An option.
pub struct Setting {
    /// Without the dashes.
    pub name: &'static str,
    /// What its value is.
    pub value: &'static str,
    /// One line.
    pub help: &'static str,
    /// The default value as the help prints it: that of the settings handed in, or a word where no field holds it.
    pub show: fn(&RegistrarSettings) -> String,
    /// Sets it; the last argument tells whether it is the first use, for options that add to a list.
    pub apply: fn(&mut RegistrarSettings, &str, bool) -> Result<(), String>,
}

macro_rules! core_duration {
    ($name:literal, $help:literal, $field:ident) => {
        Setting {
            name: $name,
            value: "DURATION",
            help: $help,
            show: |s| show_duration(s.core.$field),
            apply: |s, v, _| duration(v).map(|d| s.core.$field = d),
        }
    };
}

macro_rules! core_count {
    ($name:literal, $help:literal, $field:ident, $parse:ident) => {
        Setting {
            name: $name,
            value: "N",
            help: $help,
            show: |s| s.core.$field.to_string(),
            apply: |s, v, _| $parse(v).map(|n| s.core.$field = n),
        }
    };
}

macro_rules! core_switch {
    ($name:literal, $help:literal, $field:ident) => {
        Setting {
            name: $name,
            value: "on|off",
            help: $help,
            show: |s| if s.core.$field { "on" } else { "off" }.to_owned(),
            apply: |s, v, _| switch(v).map(|on| s.core.$field = on),
        }
    };
}

/// Timers and thresholds of the SCTP associations with somebody.
macro_rules! sctp_duration {
    ($name:literal, $help:literal, $whose:ident, $field:ident) => {
        Setting {
            name: $name,
            value: "DURATION",
            help: $help,
            show: |s| show_duration(s.$whose.$field),
            apply: |s, v, _| duration(v).map(|d| s.$whose.$field = d),
        }
    };
}

macro_rules! sctp_count {
    ($name:literal, $help:literal, $whose:ident, $field:ident, $parse:ident) => {
        Setting {
            name: $name,
            value: "N",
            help: $help,
            show: |s| s.$whose.$field.to_string(),
            apply: |s, v, _| $parse(v).map(|n| s.$whose.$field = n),
        }
    };
}

/// The option that comes before all others, wherever it stands.
pub const PROFILE: &str = "profile";

/// All of them, in the order of the help.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "asap",
        value: "ADDR:PORT",
        help: "where elements and users connect, by SCTP and TCP; port 0: any",
        show: |s| s.asap.to_string(),
        apply: |s, v, _| address(v, PORT_ASAP).map(|a| s.asap = a),
    },
    Setting {
        name: "enrp",
        value: "ADDR:PORT",
        help: "where registrars connect, by SCTP; port 0: any",
        show: |s| s.enrp.to_string(),
        apply: |s, v, _| address(v, PORT_ENRP).map(|a| s.enrp = a),
    },
    Setting {
        name: "peer",
        value: "ADDR:PORT",
        help: "ENRP endpoints of the other registrars: a list, or repeated",
        show: |s| list(&s.core.peers),
        apply: |s, v, _| {
            each(v, |v| address(v, PORT_ENRP)).map(|all| s.core.peers.extend(all.into_iter().map(PeerAddress::from)))
        },
    },
    Setting {
        name: "peers-dns",
        value: "NAME",
        help: "DNS name with SRV records of the registrars; may be repeated",
        show: |s| list(&s.peer_names.names),
        apply: |s, v, _| dns_name(v).map(|name| s.peer_names.names.push(name)),
    },
    Setting {
        name: "dns-server",
        value: "ADDR:PORT",
        help: "DNS servers to ask: a list, or repeated",
        show: |s| if s.peer_names.servers.is_empty() { "the system's".to_owned() } else { list(&s.peer_names.servers) },
        apply: |s, v, _| each(v, |v| address(v, PORT_DNS)).map(|all| s.peer_names.servers.extend(all)),
    },
    Setting {
        name: "dns-interval",
        value: "DURATION",
        help: "time between look-ups",
        show: |s| show_duration(s.peer_names.interval),
        apply: |s, v, _| duration(v).map(|d| s.peer_names.interval = d),
    },
    Setting {
        name: PROFILE,
        value: "default|fast",
        help: "timers: the RFCs', or for call control; options beside it win",
        show: |_| "default".to_owned(),
        apply: |s, v, _| v.parse::<Profile>().map(|profile| s.set_profile(profile)),
    },
    Setting {
        name: "transport",
        value: "auto|sctp|sctp-udp",
        help: "the kernel's SCTP, SCTP in UDP, or the first that works",
        show: |_| "auto".to_owned(),
        apply: |s, v, _| v.parse::<TransportChoice>().map(|t| s.transport = t),
    },
    Setting {
        name: "announce",
        value: "on|off|GROUP:PORT",
        help: "groups to announce itself to; may be repeated",
        show: |s| groups(&s.announce_groups),
        apply: |s, v, first| {
            let on = RegistrarSettings::default().announce_groups;
            set_groups(&mut s.announce_groups, v, first, on, PORT_ASAP)
        },
    },
    Setting {
        name: "enrp-announce",
        value: "on|off|GROUP:PORT",
        help: "groups that registrars find each other by; may be repeated",
        show: |s| groups(&s.enrp_groups),
        apply: |s, v, first| {
            let on = ENRP_GROUPS.into();
            set_groups(&mut s.enrp_groups, v, first, on, PORT_ENRP)
        },
    },
    Setting {
        name: "multicast-ttl",
        value: "N",
        help: "hops that datagrams to groups may take",
        show: |s| s.multicast_ttl.to_string(),
        apply: |s, v, _| {
            count_u32(v)
                .and_then(|n| if n < 256 { Ok(n) } else { Err("more than 255 hops".into()) })
                .map(|n| s.multicast_ttl = n)
        },
    },
    Setting {
        name: "id",
        value: "ID",
        help: "its identifier, decimal or 0x...",
        show: |_| "random".to_owned(),
        apply: |s, v, _| identifier(v).map(|id| s.core.id = RegistrarId(id)),
    },
    core_duration!("announce-interval", "time between announcements", announce_interval),
    core_duration!("keep-alive-interval", "time between checks of an element", keep_alive_interval),
    core_count!("max-keep-alive-rate", "such checks a second, of all elements", max_keep_alives_per_second, count_u32),
    core_duration!("keep-alive-timeout", "an element that is silent for so long is removed", keep_alive_timeout),
    core_duration!("peer-heartbeat-cycle", "time between PRESENCE messages to other registrars", peer_heartbeat_cycle),
    core_duration!("max-time-last-heard", "silence until a registrar is asked whether it lives", max_time_last_heard),
    core_duration!("max-time-no-response", "time for its answer; then it is taken over", max_time_no_response),
    core_duration!("mentor-discovery-timeout", "time to find a registrar to learn from", mentor_discovery_timeout),
    core_duration!("takeover-expiry", "time for the others to agree to a takeover", takeover_expiry),
    core_duration!("takeover-connect-timeout", "time to reach an element that is taken over", takeover_connect_timeout),
    core_count!("max-takeover-connects", "elements being reached at a time", max_takeover_connects, count),
    core_switch!("takeover-suggestion", "spread elements over the registrars", takeover_suggestion),
    core_switch!("rsplib-compatibility", "for scopes with rsplib registrars", rsplib_compatibility),
    core_duration!("peer-reconnect-min", "first pause before a registrar is connected to again", peer_reconnect_min),
    core_duration!("peer-reconnect-max", "longest such pause", peer_reconnect_max),
    core_count!("max-peers", "other registrars", max_peers, count),
    core_count!("max-handle-table-page", "bytes of a page of the handle table", max_handle_table_page, count),
    core_count!("max-handle-table-sessions", "downloads of it at a time", max_handle_table_sessions, count),
    core_duration!(
        "handle-table-session-timeout",
        "a download that pauses for so long is forgotten",
        handle_table_session_timeout
    ),
    core_duration!("leave-timeout", "time for others to take the elements of a registrar that stops", leave_timeout),
    core_count!("max-bad-pe-report", "failure reports that an element survives", max_bad_pe_report, count_u32),
    core_count!("default-items", "elements in an answer, where none are asked for", max_items_default, count),
    core_count!("max-items", "elements in an answer, whatever is asked for", max_items_limit, count),
    core_count!("max-handle-length", "bytes of a pool handle", max_pool_handle_len, count),
    core_count!("max-pools", "pools", max_pools, count),
    core_count!("max-elements", "elements of all pools", max_pool_elements, count),
    core_count!("max-elements-per-association", "elements of one association", max_elements_per_association, count),
    core_count!("max-associations", "associations with elements and users", max_associations, count),
    core_count!("max-tcp-connections", "TCP connections with users among them", max_tcp_connections, count),
    core_duration!("tcp-idle-timeout", "a TCP connection that is silent for so long is ended", tcp_idle_timeout),
    core_count!("max-subscriptions", "pools that one association may watch", max_subscriptions_per_association, count),
    core_count!(
        "max-resolution-rate",
        "resolutions a second of one association",
        max_resolutions_per_second,
        count_u32
    ),
    core_count!("max-report-rate", "failure reports a second of one association", max_reports_per_second, count_u32),
    sctp_duration!("sctp-rto-initial", "RTO.Initial towards elements and users", sctp, rto_initial),
    sctp_duration!("sctp-rto-min", "RTO.Min towards them", sctp, rto_min),
    sctp_duration!("sctp-rto-max", "RTO.Max towards them", sctp, rto_max),
    sctp_count!(
        "sctp-max-retransmissions",
        "Association.Max.Retrans towards them",
        sctp,
        association_max_retransmissions,
        count_u32
    ),
    sctp_count!(
        "sctp-path-max-retransmissions",
        "Path.Max.Retrans towards them",
        sctp,
        path_max_retransmissions,
        count_u32
    ),
    sctp_count!(
        "sctp-pf-threshold",
        "retransmissions after which their path is avoided",
        sctp,
        potentially_failed_threshold,
        number_u32
    ),
    sctp_duration!("sctp-heartbeat-interval", "HB.interval towards them", sctp, heartbeat_interval),
    sctp_duration!("enrp-sctp-rto-initial", "the same towards registrars", enrp_sctp, rto_initial),
    sctp_duration!("enrp-sctp-rto-min", "the same towards registrars", enrp_sctp, rto_min),
    sctp_duration!("enrp-sctp-rto-max", "the same towards registrars", enrp_sctp, rto_max),
    sctp_count!(
        "enrp-sctp-max-retransmissions",
        "the same towards registrars",
        enrp_sctp,
        association_max_retransmissions,
        count_u32
    ),
    sctp_count!(
        "enrp-sctp-path-max-retransmissions",
        "the same towards registrars",
        enrp_sctp,
        path_max_retransmissions,
        count_u32
    ),
    sctp_count!(
        "enrp-sctp-pf-threshold",
        "the same towards registrars",
        enrp_sctp,
        potentially_failed_threshold,
        number_u32
    ),
    sctp_duration!("enrp-sctp-heartbeat-interval", "the same towards registrars", enrp_sctp, heartbeat_interval),
    Setting {
        name: "csp-server",
        value: "ADDR[:PORT]",
        help: "where status reports go, for rsplib's cspmonitor",
        show: |s| s.csp_server.map_or_else(|| "off".to_owned(), |server| server.to_string()),
        apply: |s, v, _| {
            s.csp_server = if v == "off" { None } else { Some(address(v, csp::PORT)?) };
            Ok(())
        },
    },
    Setting {
        name: "csp-interval",
        value: "DURATION",
        help: "between two status reports",
        show: |s| show_duration(s.csp_interval),
        apply: |s, v, _| duration(v).map(|d| s.csp_interval = d.max(CSP_MIN_INTERVAL)),
    },
    Setting {
        name: "stop-timeout",
        value: "DURATION",
        help: "how long an orderly stop may take",
        show: |s| show_duration(s.stop_timeout),
        apply: |s, v, _| duration(v).map(|d| s.stop_timeout = d),
    },
];

/// What rsplib's registrar takes from the environment: `CSP_INTERVAL`, in milliseconds, switches status reports on, to
/// `CSP_SERVER` or to this host.
pub fn apply_environment(settings: &mut RegistrarSettings, variable: fn(&str) -> Option<String>) -> Result<(), String> {
    let Some(interval) = variable("CSP_INTERVAL") else { return Ok(()) };
    let ms: u64 =
        interval.parse().map_err(|_| format!("CSP_INTERVAL: \"{}\" is no number", interval.escape_debug()))?;
    let server = variable("CSP_SERVER").unwrap_or_else(|| "127.0.0.1".to_owned());
    settings.csp_interval = Duration::from_millis(ms).max(CSP_MIN_INTERVAL);
    settings.csp_server = Some(address(&server, csp::PORT).map_err(|why| format!("CSP_SERVER: {why}"))?);
    Ok(())
}

fn list<T: ToString>(values: &[T]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// The values of a list with commas.
fn each<T>(values: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    values.split(',').map(|value| parse(value.trim())).collect()
}

fn dns_name(name: &str) -> Result<String, String> {
    let labels = name.trim_end_matches('.').split('.');
    let plausible = name.len() < 256 && labels.into_iter().all(|label| (1..64).contains(&label.len()));
    match plausible && name.is_ascii() && !name.contains(char::is_whitespace) {
        true => Ok(name.to_owned()),
        false => Err(format!("\"{}\" is no DNS name, e.g. _enrp._sctp.example.net", name.escape_debug())),
    }
}

fn switch(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("\"{}\" is neither on nor off", other.escape_debug())),
    }
}

fn groups(groups: &[SocketAddr]) -> String {
    if groups.is_empty() {
        return "off".to_owned();
    }
    groups.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
}

fn set_groups(
    groups: &mut Vec<SocketAddr>,
    value: &str,
    first: bool,
    on: Vec<SocketAddr>,
    port: u16,
) -> Result<(), String> {
    if first {
        groups.clear();
    }
    match value {
        "off" => groups.clear(),
        "on" => groups.extend(on),
        text => {
            let group = address(text, port)?;
            if !group.ip().is_multicast() {
                return Err(format!("{group} is no multicast group"));
            }
            groups.push(group);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn apply(settings: &mut RegistrarSettings, name: &str, value: &str) -> Result<(), String> {
        let setting = SETTINGS.iter().find(|s| s.name == name).expect("a known option");
        (setting.apply)(settings, value, true)
    }

    #[test]
    fn each_option_has_a_name_of_its_own_and_shows_its_default() {
        let defaults = RegistrarSettings::default();
        for (number, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[..number].iter().all(|other| other.name != setting.name), "{}", setting.name);
            assert!(!(setting.show)(&defaults).is_empty(), "{}", setting.name);
        }
    }

    #[test]
    fn durations_and_counts_are_read_back_as_given() {
        let mut settings = RegistrarSettings::default();
        for setting in SETTINGS {
            let value = match setting.value {
                "DURATION" => "1234ms",
                "N" => "77",
                "on|off" => "on",
                _ => continue,
            };
            (setting.apply)(&mut settings, value, true).unwrap();
            assert_eq!((setting.show)(&settings), value, "{}", setting.name);
        }
    }

    #[test]
    fn sctp_parameters_that_contradict_each_other_are_refused_with_the_reason() {
        let refusal = |name: &str, value: &str| {
            let mut settings = RegistrarSettings::default();
            apply(&mut settings, name, value).unwrap();
            settings.validate().expect_err(name).to_string()
        };
        let why = refusal("sctp-rto-min", "2s");
        assert_eq!(why, "towards elements and users, RTO.Min of 2s is above RTO.Max of 500ms");
        let why = refusal("enrp-sctp-rto-initial", "1ms");
        assert!(why.starts_with("towards registrars, RTO.Initial of 1ms is not between"), "{why}");
        let why = refusal("sctp-pf-threshold", "4");
        assert!(why.contains("failed after 3 retransmissions"), "{why}");
        let why = refusal("enrp-sctp-max-retransmissions", "65536");
        assert!(why.contains("Association.Max.Retrans of 65536"), "{why}");
        let mut settings = RegistrarSettings::default();
        apply(&mut settings, "sctp-pf-threshold", "0").unwrap();
        assert_eq!(settings.validate(), Ok(()));
    }

    #[test]
    fn peers_come_as_lists_and_again_and_again() {
        let mut settings = RegistrarSettings::default();
        apply(&mut settings, "peer", "192.0.2.1,192.0.2.2:7").unwrap();
        apply(&mut settings, "peer", "[2001:db8::1]:8").unwrap();
        let shown: Vec<_> = settings.core.peers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["{192.0.2.1}:9901", "{192.0.2.2}:7", "{2001:db8::1}:8"]);
        assert!(apply(&mut settings, "peer", "192.0.2.1,,192.0.2.2").is_err());
    }

    #[test]
    fn dns_names_are_plausible() {
        let mut settings = RegistrarSettings::default();
        apply(&mut settings, "peers-dns", "_enrp._sctp.example.net").unwrap();
        assert_eq!(settings.peer_names.names, ["_enrp._sctp.example.net"]);
        for wrong in ["", ".", "a..b", "a b", "\u{e9}.example"] {
            assert!(apply(&mut settings, "peers-dns", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_profile_leaves_addresses_alone() {
        let mut settings = RegistrarSettings::default();
        apply(&mut settings, "peer", "192.0.2.1:7").unwrap();
        apply(&mut settings, "id", "7").unwrap();
        apply(&mut settings, PROFILE, "fast").unwrap();
        assert_eq!((settings.core.peers.len(), settings.core.id), (1, RegistrarId(7)));
        assert!(settings.core.max_time_last_heard < RegistrarSettings::default().core.max_time_last_heard);
        assert_eq!(settings.validate(), Ok(()));
        for sctp in [settings.sctp, settings.enrp_sctp] {
            assert!(sctp.notices_while_sending() < Duration::from_secs(1), "{sctp:?}");
        }
        assert!(apply(&mut settings, PROFILE, "faster").is_err());
    }

    #[test]
    fn announce_takes_groups_but_no_other_addresses() {
        let mut settings = RegistrarSettings::default();
        apply(&mut settings, "announce", "239.1.2.3:4000").unwrap();
        assert_eq!(settings.announce_groups, ["239.1.2.3:4000".parse().unwrap()]);
        assert!(apply(&mut settings, "announce", "192.0.2.1:4000").is_err());
        apply(&mut settings, "announce", "off").unwrap();
        assert!(settings.announce_groups.is_empty());
        apply(&mut settings, "announce", "on").unwrap();
        assert_eq!(settings.announce_groups, RegistrarSettings::default().announce_groups);
    }
}

//! The options of `rserpool registrar`, one entry each: the help, the defaults and the parsing come from this table.

use crate::values::{address, count, count_u32, duration, identifier, show_duration};
use rserpool::RegistrarId;
use rserpool::driver::registrar::RegistrarSettings;
use rserpool::transport::multicast::ENRP_GROUPS;
use rserpool::transport::{PeerAddress, TransportChoice};
use rserpool::wire::{PORT_ASAP, PORT_ENRP};
use std::net::SocketAddr;

/// An option.
pub struct Setting {
    /// Without the dashes.
    pub name: &'static str,
    /// What its value is.
    pub value: &'static str,
    /// One line.
    pub help: &'static str,
    /// Its value in these settings.
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
        help: "ENRP endpoint of another registrar; may be repeated",
        show: |_| "none".to_owned(),
        apply: |s, v, _| address(v, PORT_ENRP).map(|a| s.core.peers.push(PeerAddress::from(a))),
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
        name: "enrp-group",
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
    core_duration!("keep-alive-timeout", "an element that is silent for so long is removed", keep_alive_timeout),
    core_count!("max-bad-pe-report", "failure reports that an element survives", max_bad_pe_report, count_u32),
    core_count!("default-items", "elements in an answer, where none are asked for", max_items_default, count),
    core_count!("max-items", "elements in an answer, whatever is asked for", max_items_limit, count),
    core_count!("max-handle-length", "bytes of a pool handle", max_pool_handle_len, count),
    core_count!("max-pools", "pools", max_pools, count),
    core_count!("max-elements", "elements of all pools", max_pool_elements, count),
    core_count!("max-elements-per-association", "elements of one association", max_elements_per_association, count),
    core_count!("max-associations", "associations with elements and users", max_associations, count),
    core_count!("max-subscriptions", "pools that one association may watch", max_subscriptions_per_association, count),
    core_count!(
        "max-resolution-rate",
        "resolutions a second of one association",
        max_resolutions_per_second,
        count_u32
    ),
    core_count!("max-report-rate", "failure reports a second of one association", max_reports_per_second, count_u32),
    Setting {
        name: "stop-timeout",
        value: "DURATION",
        help: "how long an orderly stop may take",
        show: |s| show_duration(s.stop_timeout),
        apply: |s, v, _| duration(v).map(|d| s.stop_timeout = d),
    },
];

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
                _ => continue,
            };
            (setting.apply)(&mut settings, value, true).unwrap();
            assert_eq!((setting.show)(&settings), value, "{}", setting.name);
        }
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

//! The table of all settings.

#[cfg(feature = "tls")]
use super::tls;
use super::values::{
    dns_name, each, id_chosen, log_format, log_format_name, log_level, on_or_off, peers, profile_name, set_addresses,
    set_groups, switch, texts, transport_name,
};
use super::{DNS_SERVER, PROFILE, Setting, Takes, access};
use crate::http;
use crate::values::{address, address_by, count, count_u32, duration, identifier, number_u32, place, show_duration};
use rserpool::RegistrarId;
use rserpool::association::PeerAddress;
use rserpool::driver::csp;
use rserpool::driver::place::Place;
use rserpool::driver::registrar::{Profile, RegistrarSettings};
use rserpool::registrar::UserAddresses;
use rserpool::transport::TransportChoice;
use rserpool::transport::multicast::ENRP_GROUPS;
use rserpool::wire::{PORT_ASAP, PORT_ENRP};
use std::time::Duration;

/// Shortest interval of status reports that is taken.
pub const CSP_MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Port of DNS.
const PORT_DNS: u16 = 53;

/// All of them, in the order of the help.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "asap",
        value: "ADDR:PORT",
        help: "where elements and users connect, by SCTP and TCP; port 0: any; a list, or repeated",
        takes: Takes::Several,
        absent: "none",
        values: |s| texts(&s.registrar.asap),
        apply: |s, v, occurrence| {
            set_addresses(&mut s.registrar.asap, v, occurrence, PORT_ASAP, &s.registrar.peer_names.servers)
        },
    },
    Setting {
        name: "enrp",
        value: "ADDR:PORT",
        help: "where registrars connect, by SCTP; port 0: any; a list, or repeated",
        takes: Takes::Several,
        absent: "none",
        values: |s| texts(&s.registrar.enrp),
        apply: |s, v, occurrence| {
            set_addresses(&mut s.registrar.enrp, v, occurrence, PORT_ENRP, &s.registrar.peer_names.servers)
        },
    },
    Setting {
        name: "peer",
        value: "ADDR:PORT",
        help: "ENRP endpoints of the other registrars: a list, or repeated",
        takes: Takes::Several,
        absent: "none",
        values: |s| peers(&s.registrar),
        apply: |s, v, _| {
            for place in each(v, |v| place(v, PORT_ENRP))? {
                match place {
                    Place::Address(address) => s.registrar.core.peers.push(PeerAddress::from(address)),
                    Place::Name(name) => s.registrar.peer_names.hosts.push(name),
                }
            }
            Ok(())
        },
    },
    Setting {
        name: "peers-dns",
        value: "NAME",
        help: "DNS name with SRV records of the registrars; may be repeated",
        takes: Takes::Several,
        absent: "none",
        values: |s| s.registrar.peer_names.names.clone(),
        apply: |s, v, _| dns_name(v).map(|name| s.registrar.peer_names.names.push(name)),
    },
    Setting {
        name: DNS_SERVER,
        value: "ADDR:PORT",
        help: "DNS servers to ask: a list, or repeated",
        takes: Takes::Several,
        absent: "the system's",
        values: |s| texts(&s.registrar.peer_names.servers),
        apply: |s, v, _| each(v, |v| address(v, PORT_DNS)).map(|all| s.registrar.peer_names.servers.extend(all)),
    },
    Setting {
        name: "dns-interval",
        value: "DURATION",
        help: "time between look-ups",
        takes: Takes::One,
        absent: "",
        values: |s| vec![show_duration(s.registrar.peer_names.interval)],
        apply: |s, v, _| duration(v).map(|d| s.registrar.peer_names.interval = d),
    },
    Setting {
        name: PROFILE,
        value: "default|fast",
        help: "timers: the RFCs', or for call control; options beside it win",
        takes: Takes::One,
        absent: "",
        values: |s| vec![profile_name(s.profile).to_owned()],
        apply: |s, v, _| {
            s.profile = v.parse::<Profile>()?;
            s.registrar.set_profile(s.profile);
            Ok(())
        },
    },
    Setting {
        name: "transport",
        value: "auto|sctp|sctp-udp",
        help: "the kernel's SCTP, SCTP in UDP, or the first that works",
        takes: Takes::One,
        absent: "",
        values: |s| vec![transport_name(s.registrar.transport).to_owned()],
        apply: |s, v, _| v.parse::<TransportChoice>().map(|t| s.registrar.transport = t),
    },
    Setting {
        name: "announce",
        value: "on|off|GROUP:PORT",
        help: "groups to announce itself to; may be repeated",
        takes: Takes::Several,
        absent: "off",
        values: |s| texts(&s.registrar.announce_groups),
        apply: |s, v, occurrence| {
            let on = RegistrarSettings::default().announce_groups;
            set_groups(&mut s.registrar.announce_groups, v, occurrence, on, PORT_ASAP)
        },
    },
    Setting {
        name: "enrp-announce",
        value: "on|off|GROUP:PORT",
        help: "groups that registrars find each other by; may be repeated",
        takes: Takes::Several,
        absent: "off",
        values: |s| texts(&s.registrar.enrp_groups),
        apply: |s, v, occurrence| {
            let on = ENRP_GROUPS.into();
            set_groups(&mut s.registrar.enrp_groups, v, occurrence, on, PORT_ENRP)
        },
    },
    Setting {
        name: "multicast-ttl",
        value: "N",
        help: "hops that datagrams to groups may take",
        takes: Takes::One,
        absent: "",
        values: |s| vec![s.registrar.multicast_ttl.to_string()],
        apply: |s, v, _| {
            count_u32(v)
                .and_then(|n| if n < 256 { Ok(n) } else { Err("more than 255 hops".into()) })
                .map(|n| s.registrar.multicast_ttl = n)
        },
    },
    Setting {
        name: "id",
        value: "ID",
        help: "its identifier, decimal or 0x...",
        takes: Takes::One,
        absent: "random",
        values: |s| id_chosen(s.registrar.core.id),
        apply: |s, v, _| {
            s.registrar.core.id = if v == "random" { RegistrarId(0) } else { RegistrarId(identifier(v)?) };
            Ok(())
        },
    },
    access::POLICY,
    #[cfg(feature = "tls")]
    tls::MODE,
    #[cfg(feature = "tls")]
    tls::CERTIFICATE,
    #[cfg(feature = "tls")]
    tls::KEY,
    #[cfg(feature = "tls")]
    tls::AUTHORITIES,
    #[cfg(feature = "tls")]
    tls::REVOKED,
    #[cfg(feature = "tls")]
    tls::KEYS,
    #[cfg(feature = "tls")]
    tls::PROFILE,
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
    core_switch!("peers-only", "only those of --peer and --peers-dns can be peers", peers_only),
    Setting {
        name: "nat",
        value: "on|off",
        help: "register elements behind NAT with the address that they are seen from",
        takes: Takes::One,
        absent: "",
        values: |s| vec![on_or_off(s.registrar.core.user_addresses == UserAddresses::Seen)],
        apply: |s, v, _| {
            let rule = |on| if on { UserAddresses::Seen } else { UserAddresses::Own };
            switch(v).map(|on| s.registrar.core.user_addresses = rule(on))
        },
    },
    core_switch!("follow-suggestions", "take elements that another registrar suggests", follow_suggestions),
    core_switch!("takeover-suggestion", "spread elements over the registrars", takeover_suggestion),
    core_switch!("rsplib-compatibility", "for scopes with rsplib registrars", rsplib_compatibility),
    core_duration!("peer-reconnect-min", "first pause before a registrar is connected to again", peer_reconnect_min),
    core_duration!("peer-reconnect-max", "longest such pause", peer_reconnect_max),
    core_count!("max-peers", "other registrars", max_peers, count),
    core_count!(
        "max-handle-table-page",
        "bytes of a page of the handle table; 4 kB at most for who is no peer",
        max_handle_table_page,
        count
    ),
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
    duration_of!("sctp-rto-initial", "RTO.Initial towards elements and users", sctp, rto_initial),
    duration_of!("sctp-rto-min", "RTO.Min towards them", sctp, rto_min),
    duration_of!("sctp-rto-max", "RTO.Max towards them", sctp, rto_max),
    count_of!(
        "sctp-max-retransmissions",
        "Association.Max.Retrans towards them",
        sctp,
        association_max_retransmissions,
        count_u32
    ),
    count_of!(
        "sctp-path-max-retransmissions",
        "Path.Max.Retrans towards them",
        sctp,
        path_max_retransmissions,
        count_u32
    ),
    count_of!(
        "sctp-pf-threshold",
        "retransmissions after which their path is avoided",
        sctp,
        potentially_failed_threshold,
        number_u32
    ),
    duration_of!("sctp-heartbeat-interval", "HB.interval towards them", sctp, heartbeat_interval),
    duration_of!("enrp-sctp-rto-initial", "the same towards registrars", enrp_sctp, rto_initial),
    duration_of!("enrp-sctp-rto-min", "the same towards registrars", enrp_sctp, rto_min),
    duration_of!("enrp-sctp-rto-max", "the same towards registrars", enrp_sctp, rto_max),
    count_of!(
        "enrp-sctp-max-retransmissions",
        "the same towards registrars",
        enrp_sctp,
        association_max_retransmissions,
        count_u32
    ),
    count_of!(
        "enrp-sctp-path-max-retransmissions",
        "the same towards registrars",
        enrp_sctp,
        path_max_retransmissions,
        count_u32
    ),
    count_of!(
        "enrp-sctp-pf-threshold",
        "the same towards registrars",
        enrp_sctp,
        potentially_failed_threshold,
        number_u32
    ),
    duration_of!("enrp-sctp-heartbeat-interval", "the same towards registrars", enrp_sctp, heartbeat_interval),
    Setting {
        name: "csp-server",
        value: "ADDR[:PORT]",
        help: "where status reports go, for rsplib's cspmonitor",
        takes: Takes::One,
        absent: "off",
        values: |s| s.registrar.csp_server.iter().map(ToString::to_string).collect(),
        apply: |s, v, _| {
            let servers = &s.registrar.peer_names.servers;
            s.registrar.csp_server = if v == "off" { None } else { Some(address_by(v, csp::PORT, servers)?) };
            Ok(())
        },
    },
    Setting {
        name: "csp-interval",
        value: "DURATION",
        help: "between two status reports",
        takes: Takes::One,
        absent: "",
        values: |s| vec![show_duration(s.registrar.csp_interval)],
        apply: |s, v, _| duration(v).map(|d| s.registrar.csp_interval = d.max(CSP_MIN_INTERVAL)),
    },
    Setting {
        name: "stop-timeout",
        value: "DURATION",
        help: "how long an orderly stop may take",
        takes: Takes::One,
        absent: "",
        values: |s| vec![show_duration(s.registrar.stop_timeout)],
        apply: |s, v, _| duration(v).map(|d| s.registrar.stop_timeout = d),
    },
    Setting {
        name: "max-events",
        value: "N",
        help: "events that are kept for a look at what has happened; 0: none",
        takes: Takes::One,
        absent: "",
        values: |s| vec![s.registrar.core.max_events.to_string()],
        apply: |s, v, _| number_u32(v).map(|n| s.registrar.core.max_events = n as usize),
    },
    Setting {
        name: "http",
        value: "ADDR[:PORT]",
        help: "where metrics, health and what it knows are to be had by HTTP",
        takes: Takes::One,
        absent: "off",
        values: |s| s.http.iter().map(ToString::to_string).collect(),
        apply: |s, v, _| {
            let servers = &s.registrar.peer_names.servers;
            s.http = if v == "off" { None } else { Some(address_by(v, http::PORT, servers)?) };
            Ok(())
        },
    },
    Setting {
        name: "log",
        value: "LEVEL",
        help: "off, error, warn, info, debug or trace",
        takes: Takes::One,
        absent: "",
        values: |s| vec![s.log.to_string().to_lowercase()],
        apply: |s, v, _| log_level(v).map(|level| s.log = level),
    },
    Setting {
        name: "log-format",
        value: "text|json",
        help: "lines for people, or a JSON object a line, with every event",
        takes: Takes::One,
        absent: "",
        values: |s| vec![log_format_name(s.log_format).to_owned()],
        apply: |s, v, _| log_format(v).map(|format| s.log_format = format),
    },
];

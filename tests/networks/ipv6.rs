//! IPv6, alone and beside IPv4.

use crate::host::{echo_client, echo_server, network, registrar, until_listed};
use crate::support::scope::network::Network;

/// Gives host 0 and up the addresses fd09::1 and up.
fn with_ipv6(network: &Network) {
    for number in 0..3 {
        network.ip_at(number, &format!("addr add fd09::{}/64 dev eth0 nodad", number + 1));
    }
}

#[test]
fn a_registrar_serves_both_families_by_default() {
    let Some(network) = network() else { return };
    with_ipv6(&network);
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let _six = echo_server(Some(network.host(1)), &["-registrar=[fd09::1]:3863"]);
    let _four = echo_server(Some(network.host(2)), &["-registrar=10.9.0.1:3863"]);
    until_listed(Some(network.host(1)), "[fd09::1]:3863", &["fd09::2", "10.9.0.3"]);
    until_listed(Some(network.host(1)), "10.9.0.1:3863", &["fd09::2", "10.9.0.3"]);
}

#[test]
fn hosts_with_ipv6_only_find_each_other_by_announcements() {
    let Some(network) = network() else { return };
    with_ipv6(&network);
    for number in 0..3 {
        network.ip_at(number, &format!("addr del 10.9.0.{}/24 dev eth0", number + 1));
    }
    let _registrar = registrar(Some(network.host(0)), &["--announce-interval", "200ms"]);
    let _element = echo_server(Some(network.host(1)), &[]);
    until_listed(Some(network.host(1)), "[fd09::1]:3863", &["fd09::2"]);
    let mut user = echo_client(Some(network.host(2)), &[]);
    user.say("over IPv6");
    user.until("over IPv6");
}

/// Leaves hosts with fe80::1 and up alone.
fn with_link_local_only(network: &Network) {
    for number in 0..3 {
        network.ip_at(number, "addr flush dev eth0");
        network.ip_at(number, &format!("addr add fe80::{}/64 dev eth0 nodad", number + 1));
    }
}

#[test]
fn hosts_with_link_local_addresses_only_find_a_registrar_by_its_address_with_its_zone() {
    let Some(network) = network() else { return };
    with_link_local_only(&network);
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let known = "-registrar=[fe80::1%eth0]:3863";
    let _element = echo_server(Some(network.host(1)), &[known]);
    until_listed(Some(network.host(2)), "[fe80::1%eth0]:3863", &["fe80::2"]);
    let mut user = echo_client(Some(network.host(2)), &[known]);
    user.say("over a link");
    user.until("over a link");
    let mut neighbour = echo_client(Some(network.host(0)), &["-registrar=[::1]:3863"]);
    neighbour.say("from the registrar's host");
    neighbour.until("from the registrar's host");
}

#[test]
fn hosts_with_link_local_addresses_only_find_each_other_by_announcements() {
    let Some(network) = network() else { return };
    with_link_local_only(&network);
    let _registrar = registrar(Some(network.host(0)), &["--announce-interval", "200ms"]);
    let _element = echo_server(Some(network.host(1)), &[]);
    until_listed(Some(network.host(1)), "[fe80::1%eth0]:3863", &["fe80::2"]);
    let mut user = echo_client(Some(network.host(2)), &[]);
    user.say("over a link");
    user.until("over a link");
}

#[test]
fn registrars_on_one_link_are_peers() {
    let Some(network) = network() else { return };
    with_link_local_only(&network);
    let first = registrar(Some(network.host(0)), &["--announce", "off"]);
    let place = ["--asap", "[fe80::2%eth0]:3863", "--enrp", "[fe80::2%eth0]:9901"];
    let options = [&place[..], &["--announce", "off", "--peer", "[fe80::1%eth0]:9901"]].concat();
    let second = registrar(Some(network.host(1)), &options);
    for registrar in [&first, &second] {
        registrar.until("is a peer; 1 are known");
    }
}

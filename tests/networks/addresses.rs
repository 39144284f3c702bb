//! Hosts whose addresses change while programs run on them.

use crate::host::{daemon, echo_client, echo_server, network, registrar, until_listed};
use crate::support::scope::lasts;
use std::time::Duration;

const REGISTRAR: &str = "10.9.0.1:3863";
const KNOWN: &str = "-registrar=10.9.0.1:3863";

/// An element's host gets another address, after this time without any.
fn an_element_moves(gap: Duration) {
    let Some(network) = network() else { return };
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let element = echo_server(Some(network.host(1)), &[KNOWN]);
    until_listed(None, REGISTRAR, &["10.9.0.2"]);
    let mut user = echo_client(None, &[KNOWN]);
    user.say("before");
    user.until("before");
    network.ip_at(1, "addr del 10.9.0.2/24 dev eth0");
    lasts(gap);
    network.ip_at(1, "addr add 10.9.0.77/24 dev eth0");
    until_listed(None, REGISTRAR, &["10.9.0.77"]);
    user.say("after");
    user.until("after");
    assert!(!element.written().contains("not tried again"), "{}", element.written());
}

#[test]
fn an_element_whose_host_gets_another_address_is_registered_with_it() {
    an_element_moves(Duration::ZERO);
}

#[test]
fn an_element_whose_host_has_no_address_for_some_seconds_is_registered_with_the_next_one() {
    an_element_moves(Duration::from_secs(6));
}

#[test]
fn a_session_goes_on_when_the_host_of_its_user_gets_another_address() {
    let Some(network) = network() else { return };
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let _element = echo_server(Some(network.host(1)), &[KNOWN]);
    until_listed(None, REGISTRAR, &["10.9.0.2"]);
    let mut user = echo_client(Some(network.host(2)), &[KNOWN]);
    user.say("before");
    user.until("before");
    network.ip_at(2, "addr del 10.9.0.3/24 dev eth0");
    network.ip_at(2, "addr add 10.9.0.78/24 dev eth0");
    user.say("after");
    user.until("after");
}

#[test]
fn an_element_that_starts_before_its_host_has_an_address_is_registered_when_one_comes() {
    let Some(network) = network() else { return };
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    network.ip_at(1, "addr del 10.9.0.2/24 dev eth0");
    let element = daemon(Some(network.host(1)), &[KNOWN]);
    element.until("refused: ");
    element.until("waiting: ");
    for line in element.written().lines().filter(|line| line.contains("refused: ") || line.contains("waiting: ")) {
        assert!(line.contains("this host has no address"), "{line}");
    }
    network.ip_at(1, "addr add 10.9.0.77/24 dev eth0");
    until_listed(None, REGISTRAR, &["10.9.0.77"]);
    element.until("registered\n");
}

#[test]
fn registrars_that_start_before_their_hosts_have_addresses_find_each_other_by_a_third() {
    let Some(network) = network() else { return };
    for (number, address) in [(0, "10.9.0.1/24"), (1, "10.9.0.2/24")] {
        network.ip_at(number, &format!("addr del {address} dev eth0"));
    }
    let known = ["--peer", "10.9.0.3:9901", "--announce", "off", "--peer-heartbeat-cycle", "1s"];
    let first = registrar(Some(network.host(0)), &known);
    let second = registrar(Some(network.host(1)), &known);
    let third = registrar(Some(network.host(2)), &["--announce", "off", "--peer-heartbeat-cycle", "1s"]);
    for (number, address) in [(0, "10.9.0.1/24"), (1, "10.9.0.2/24")] {
        network.ip_at(number, &format!("addr add {address} dev eth0"));
    }
    for registrar in [&first, &second, &third] {
        registrar.until("is a peer; 2 are known");
    }
}

#[test]
fn a_registrar_that_has_no_address_at_its_start_announces_itself_when_one_comes() {
    let Some(network) = network() else { return };
    network.ip_at(0, "addr del 10.9.0.1/24 dev eth0");
    network.ip_at(0, "addr add fd09::1/64 dev eth0 nodad");
    let _registrar = registrar(Some(network.host(0)), &["--announce-interval", "200ms"]);
    let _element = echo_server(Some(network.host(1)), &[]);
    network.ip_at(0, "addr add 10.9.0.1/24 dev eth0");
    until_listed(None, REGISTRAR, &["10.9.0.2"]);
}

#[test]
fn an_element_follows_the_announcements_of_a_registrar_whose_host_gets_another_address() {
    let Some(network) = network() else { return };
    let _registrar = registrar(Some(network.host(0)), &["--announce-interval", "200ms"]);
    let element = echo_server(Some(network.host(1)), &[]);
    until_listed(None, REGISTRAR, &["10.9.0.2"]);
    network.ip_at(0, "addr del 10.9.0.1/24 dev eth0");
    network.ip_at(0, "addr add 10.9.0.79/24 dev eth0");
    element.until("home registrar is now {10.9.0.79}:3863");
    until_listed(None, "10.9.0.79:3863", &["10.9.0.2"]);
}

#[test]
fn an_element_that_knows_the_registrar_of_its_host_by_loopback_serves_users_elsewhere() {
    let Some(network) = network() else { return };
    let host = Some(network.host(0));
    let _registrar = registrar(host, &["--announce", "off"]);
    let _element = echo_server(host, &["-registrar=127.0.0.1:3863"]);
    until_listed(None, REGISTRAR, &["10.9.0.1"]);
    let mut user = echo_client(None, &[KNOWN]);
    user.say("from elsewhere");
    user.until("from elsewhere");
    let mut neighbour = echo_client(host, &["-registrar=127.0.0.1:3863"]);
    neighbour.say("from here");
    neighbour.until("from here");
}

#[test]
fn a_loopback_address_of_another_host_is_skipped_by_users_and_told() {
    let Some(network) = network() else { return };
    let host = Some(network.host(0));
    let _registrar = registrar(host, &["--announce", "off"]);
    let element = daemon(host, &["--loopback", "-registrar=127.0.0.1:3863"]);
    element.until("registered\n");
    let mut user = echo_client(None, &[KNOWN]);
    user.say("nobody hears this");
    user.until("is skipped: it is registered with a loopback address of another host");
    let _good = echo_server(Some(network.host(1)), &[KNOWN]);
    user.until("nobody hears this");
}

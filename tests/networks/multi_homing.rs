//! Registrars with several addresses: some of those of their host, not one or all.

use crate::host::{echo_client, echo_server, network, registrar, until_listed};
use crate::support::scope::network::Network;

/// Gives host 0 and up the addresses 10.8.0.1 and up as well, and 10.7.0.1 and up.
fn with_three_networks(network: &Network) {
    for number in 0..3 {
        for net in [8, 7] {
            network.ip_at(number, &format!("addr add 10.{net}.0.{}/24 dev eth0", number + 1));
        }
    }
}

const TWO: [&str; 4] = ["--asap", "10.9.0.1:3863,10.8.0.1:3863", "--enrp", "10.9.0.1:9901,10.8.0.1:9901"];

#[test]
fn a_registrar_is_reached_at_each_of_its_addresses_and_at_no_other() {
    let Some(network) = network() else { return };
    with_three_networks(&network);
    let _registrar = registrar(Some(network.host(0)), &[&TWO[..], &["--announce", "off"]].concat());
    let _one = echo_server(Some(network.host(1)), &["-registrar=10.9.0.1:3863"]);
    let _other = echo_server(Some(network.host(2)), &["-registrar=10.8.0.1:3863"]);
    for place in ["10.9.0.1:3863", "10.8.0.1:3863"] {
        until_listed(Some(network.host(1)), place, &["10.9.0.2", "10.8.0.3"]);
    }
    let stranger = echo_server(Some(network.host(1)), &["-registrar=10.7.0.1:3863", "-asapannounce=off"]);
    stranger.until("can be reached");
}

#[test]
fn a_registrar_with_two_addresses_is_announced_on_both_networks_and_known_to_others_by_both() {
    let Some(network) = network() else { return };
    with_three_networks(&network);
    let first = registrar(Some(network.host(0)), &[&TWO[..], &["--announce-interval", "200ms"]].concat());
    let _element = echo_server(Some(network.host(1)), &[]);
    until_listed(Some(network.host(1)), "10.8.0.1:3863", &["10."]);
    let second = registrar(Some(network.host(2)), &["--announce", "off", "--peer", "10.8.0.1:9901"]);
    for registrar in [&first, &second] {
        registrar.until("is a peer; 1 are known");
    }
}

#[test]
fn a_session_and_an_element_outlive_one_of_the_registrars_addresses() {
    let Some(network) = network() else { return };
    with_three_networks(&network);
    let _registrar = registrar(Some(network.host(0)), &[&TWO[..], &["--announce", "off"]].concat());
    let known = "-registrar=10.9.0.1:3863,10.8.0.1:3863";
    let _element = echo_server(Some(network.host(1)), &[known]);
    until_listed(Some(network.host(1)), "10.9.0.1:3863", &["10."]);
    network.ip_at(0, "addr del 10.9.0.1/24 dev eth0");
    until_listed(Some(network.host(1)), "10.8.0.1:3863", &["10."]);
    let mut user = echo_client(Some(network.host(2)), &[known]);
    user.say("by the other address");
    user.until("by the other address");
}

//! Hosts behind a network address translation.

use crate::host::{echo_client, echo_server, network_without_kernel_sctp, registrar, until_listed};
use crate::support::scope::nat::Nat;
use crate::support::scope::network::Network;
use std::net::Ipv4Addr;

/// Where the hosts behind NAT are seen from: this host's address in the network.
const SEEN_AS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 254);
const REGISTRAR: &str = "10.9.0.1:3863";
const KNOWN: &str = "-registrar=10.9.0.1:3863";

/// The network, where the translation of these tests can do something: it knows UDP only.
fn network_in_udp() -> Option<Network> {
    network_without_kernel_sctp("the translation knows UDP only")
}

#[test]
fn a_session_of_a_user_behind_nat_goes_on_when_its_mapping_changes() {
    let Some(network) = network_in_udp() else { return };
    let nat = Nat::seen_as(SEEN_AS);
    let inside = nat.add_host(2);
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let _element = echo_server(Some(network.host(1)), &[KNOWN]);
    until_listed(None, REGISTRAR, &["10.9.0.2"]);
    // By SCTP in UDP only: the translation knows nothing of TCP.
    let mut user = echo_client(Some(&inside.namespace), &[KNOWN]);
    for words in ["before", "after", "once more"] {
        user.say(words);
        user.until(words);
        nat.forget_all_but(&[]);
    }
}

#[test]
fn two_elements_behind_one_nat_are_registered_where_they_are_seen_and_serve_users_elsewhere() {
    let Some(network) = network_in_udp() else { return };
    let nat = Nat::seen_as(SEEN_AS);
    let (first, second) = (nat.add_host(2), nat.add_host(3));
    nat.forward(&first, 4001);
    nat.forward(&second, 4002);
    let registrar = registrar(Some(network.host(0)), &["--announce", "off", "--nat", "on"]);
    let one = echo_server(Some(&first.namespace), &[KNOWN, "--port=4001"]);
    let other = echo_server(Some(&second.namespace), &[KNOWN, "--port=4002"]);
    let both = ["10.9.0.254:4001", "10.9.0.254:4002"];
    until_listed(Some(network.host(1)), REGISTRAR, &both);
    let mut users = [(); 2].map(|()| echo_client(Some(network.host(1)), &[KNOWN]));
    for words in ["before", "after"] {
        for user in &mut users {
            user.say(words);
            user.until(words);
        }
        nat.forget_all_but(&[4001, 4002]);
        until_listed(Some(network.host(1)), REGISTRAR, &both);
    }
    for element in [&one, &other] {
        assert!(element.written().contains("session "), "round robin: {}", element.written());
    }
    assert!(!registrar.written().contains("refused"), "{}", registrar.written());
}

#[test]
fn without_the_option_an_element_behind_nat_is_refused_and_both_sides_say_so() {
    let Some(network) = network_in_udp() else { return };
    let nat = Nat::seen_as(SEEN_AS);
    let inside = nat.add_host(2);
    let registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let element = echo_server(Some(&inside.namespace), &[KNOWN]);
    registrar.until("is refused: invalid values");
    element.until("invalid values");
}

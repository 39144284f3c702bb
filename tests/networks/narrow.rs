//! A path on which packets of usual length do not fit, and on which nobody says so.

use crate::host::{echo_client, echo_server, network_without_kernel_sctp, registrar, until_listed};
use crate::support::scope::network::{Namespace, Network};

/// Two routers that send no ICMP: host 2, and one behind it. Between them packets have 600 bytes at most. Returns the host at their end,
/// 10.7.0.2.
fn behind_a_narrow_path(network: &Network) -> (Namespace, Namespace) {
    let near = network.host(2);
    let (far, end) = (Namespace::new().expect("a namespace"), Namespace::new().expect("a namespace"));
    let at = |host: &Namespace, commands: &[&str]| {
        commands.iter().for_each(|command| host.ip(command));
    };
    let (far_pid, end_pid) = (far.pid(), end.pid());
    at(near, &[&format!("link add narrow mtu 600 type veth peer name narrow mtu 600 netns {far_pid}")]);
    at(&far, &[&format!("link add wide type veth peer name eth0 netns {end_pid}")]);
    let silent = "rule add iif lo to 10.0.0.0/8 blackhole";
    at(near, &["addr add 10.8.0.1/24 dev narrow", "link set narrow up", "route add 10.7.0.0/24 via 10.8.0.2"]);
    at(&far, &["addr add 10.8.0.2/24 dev narrow", "link set narrow up", "link set lo up"]);
    at(&far, &["addr add 10.7.0.1/24 dev wide", "link set wide up", "route add 10.9.0.0/24 via 10.8.0.1"]);
    at(
        &end,
        &["link set lo up", "addr add 10.7.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.7.0.1"],
    );
    for host in [0, 1] {
        network.ip_at(host, "route add 10.7.0.0/24 via 10.9.0.3");
    }
    for router in [near, &far] {
        router.sysctl("net.ipv4.ip_forward=1").expect("a router can be set up");
        at(router, &[silent]);
    }
    (far, end)
}

#[test]
fn long_messages_cross_a_narrow_path_where_icmp_is_blocked() {
    let Some(network) = network_without_kernel_sctp("it goes by ICMP alone") else { return };
    let (_far, end) = behind_a_narrow_path(&network);
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let known = "-registrar=10.9.0.1:3863";
    let _element = echo_server(Some(&end), &[known]);
    until_listed(Some(network.host(1)), "10.9.0.1:3863", &["10.7.0.2"]);
    let mut user = echo_client(Some(network.host(1)), &[known]);
    let words = "wide words ".repeat(300);
    user.say(words.trim_end());
    user.until(words.trim_end());
}

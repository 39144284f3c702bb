//! Calls while every link loses 5 % of the packets, delays them by 50 ms, reorders and duplicates some: none may be lost.
//!
//! Over SCTP in UDP on this machine, with a network of our own; over kernel SCTP in the guest, with netem. Registrars, servers
//! and the client each have a host of their own, and one of the servers is killed in the middle.

use crate::guest::{Cell, PORTS, Program, until};
use crate::lossy::{Impairment, LossyNetwork};
use crate::network::{Namespace, Network};
use crate::programs::{build_examples, example, registrar_program};
use crate::table::table_of;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

const HOSTS: u8 = 5;
/// The same for netem.
const NETEM: &str = "delay 50ms loss 5% reorder 20% duplicate 2%";
const IMPAIRMENT: Impairment = Impairment {
    loss_percent: 5,
    duplicate_percent: 2,
    overtake_percent: 20,
    delay: Duration::from_millis(50),
    variation: Duration::ZERO,
};
/// Elements are not given up for a question that was lost, nor registrars.
const REGISTRAR: [&str; 12] = [
    // The lives of elements as rsplib could bear them, which is what all cells are judged by.
    "--rsplib-compatibility",
    "on",
    "--announce",
    "off",
    "--keep-alive-interval",
    "1s",
    "--keep-alive-timeout",
    "5s",
    "--peer-heartbeat-cycle",
    "1s",
    "--max-time-last-heard",
    "5s",
];

/// Two registrars, two servers, a client with calls; a server is killed while they go on.
fn calls(places: &[(IpAddr, Namespace)], transport: &str) {
    let place = |number: usize| &places[number];
    let asap = |number: usize| format!("-registrar={}:3863", place(number).0);
    let start = |number: usize, name: &str, mut command: Command| {
        place(number).1.enter(&mut command);
        command.env("RSERPOOL_TRANSPORT", transport);
        Program::start(name, command)
    };
    let registrars: Vec<Program> = [0, 1]
        .map(|number| {
            let mut command = registrar_program(&place(number).0.to_string());
            command.args(REGISTRAR).args(["--peer", &format!("{}:9901", place(1 - number).0)]);
            let registrar = start(number, "registrar", command);
            registrar.until("asap");
            registrar
        })
        .into();
    let mut servers = [2, 3].map(|number| {
        let mut command = Command::new(example("call_control_server"));
        command.args([asap(0), asap(1), format!("--name=server-{number}")]).arg("-asapannounce=off");
        let server = start(number, "server", command);
        server.until("in pool");
        server
    });
    // Else all calls might go to the one that the client's registrar knows, and not to the one that is killed.
    until("both registrars know both servers", || {
        places[..2].iter().all(|(address, host)| {
            let table = table_of(SocketAddr::new(*address, 9901), Some(host));
            table.is_ok_and(|table| table.homes.len() == servers.len())
        })
    });
    let mut command = Command::new(example("call_control_client"));
    // The calls stay up until they are told to end: how long all this takes depends on the machine. So does how long one waits.
    command.args([asap(0), asap(1)]).args(["-asapannounce=off", "--calls=40", "--duration=600000", "--hold-ms=600000"]);
    command.args(["--update-ms=300", "--progress-ms=100", "--patience-ms=60000"]);
    let mut client = start(4, "client", command);
    until("half of the calls are up", || newest(&client, " calls up") >= 20);
    servers[0].end_by(libc::SIGKILL);
    until("calls have moved to the other server", || newest(&client, " failovers") >= 5);
    client.signal(libc::SIGINT);
    until("the client ends", || client.ended());
    let said = client.output();
    let result =
        said.lines().rev().find(|line| line.starts_with("calls=")).unwrap_or_else(|| panic!("no result: {said}"));
    let number = |name: &str| -> u64 {
        let word = result.split(' ').find_map(|word| word.strip_prefix(name)).expect("a figure");
        word.parse().expect("a number")
    };
    println!("over {transport}: {result}");
    assert_eq!(number("lost="), 0, "{result}");
    assert!(number("completed=") >= 40 && number("failovers=") > 0, "{result}");
    drop((servers, registrars));
}

/// The number before these words in the client's last line of progress that has them.
fn newest(client: &Program, words: &str) -> usize {
    let said = client.output();
    let before = said.lines().rev().find_map(|line| line.split_once(words)).map(|(before, _)| before.to_owned());
    before.and_then(|before| before.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn no_call_is_lost_over_lossy_links_by_sctp_in_udp() {
    build_examples();
    let network = match LossyNetwork::new(HOSTS, IMPAIRMENT, 0x5eed) {
        Ok(network) => network,
        Err(why) => return crate::skip(&format!("no lossy network: {why}")),
    };
    calls(&network.places(), "sctp-udp");
    let counts = &network.counts;
    for (what, count) in [
        ("lost", &counts.lost),
        ("duplicated", &counts.duplicated),
        ("overtaking", &counts.overtaking),
        ("delivered", &counts.delivered),
    ] {
        let count = count.load(Ordering::Relaxed);
        println!("{count} packets {what}");
        assert!(count > 10, "{count} packets {what}");
    }
}

#[test]
#[ignore = "wants root and a kernel with SCTP: everything_works_with_rsplib runs it in a guest"]
fn no_call_is_lost_over_lossy_links_by_kernel_sctp() {
    let network = Network::new(HOSTS).expect("hosts");
    network.impair(NETEM).expect("netem");
    network.choose_ports_from(PORTS).expect("ports can be chosen");
    let mut cell = Cell::here("10.9.0.254");
    cell.expect("ASAP Handle Resolution Response");
    cell.expect("ENRP Presence");
    cell.expect_cause(9);
    cell.expect_refusals(200);
    // A connect over such links takes longer than 250 ms, so the next candidate is tried, and one of the two is too late.
    cell.expect_aborts("failover");
    let places: Vec<_> = network.places().into_iter().filter_map(|(address, host)| Some((address, host?))).collect();
    calls(&places, "sctp");
    cell.end();
}

//! How associations end whose process ends: killed, or by exit(3).

use crate::support::transport::Net;
use crate::{V4, kernel_net, run};
use rserpool::association::LossReason;
use rserpool::driver::clock;
use rserpool::transport::{EndpointConfig, KernelSctp, OutboundMessage, Transport, TransportEvent};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Answers of a process that exits.
const ANSWERS: usize = 50;
/// Says to the process that it is one, not a test.
const SERVES: &str = "TEST_SERVES";

/// A process with an endpoint that answers each message with [`ANSWERS`] messages, and exits after "exit".
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// In the namespace of this thread.
    fn start() -> Server {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--include-ignored", "--exact", "death::serving_process", "--nocapture"])
            .env(SERVES, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let port = lines.into_iter().find_map(|line| line.split_once("port ")?.1.parse().ok()).expect("its port");
        Server { process, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "the process that other tests start"]
fn serving_process() {
    if std::env::var_os(SERVES).is_none() {
        return;
    }
    let bind = vec![(V4, 0).into()];
    let mut transport = KernelSctp::open(&EndpointConfig { listen: true, bind, ..EndpointConfig::default() }).unwrap();
    println!("port {}", transport.local_port());
    loop {
        let mut asked = Vec::new();
        let more = transport.poll(clock::now(), &mut |event| {
            if let TransportEvent::Message { association, payload, .. } = event {
                asked.push((association, payload == b"exit"));
            }
        });
        for (association, last) in asked {
            for _ in 0..ANSWERS {
                transport.send(clock::now(), association, OutboundMessage::control(1, b"answer")).unwrap();
            }
            if last {
                std::process::exit(0);
            }
        }
        if !more {
            let mut fd = libc::pollfd { fd: transport.poll_fd().unwrap(), events: libc::POLLIN, revents: 0 };
            // SAFETY: `fd` is one pollfd.
            unsafe { libc::poll(&raw mut fd, 1, 100) };
        }
    }
}

/// A client, far from a server, and their association.
fn far_from_a_server() -> (Server, Net, usize, rserpool::AssociationId) {
    let mut net = kernel_net(V4);
    run("tc qdisc add dev lo root netem delay 100ms");
    let server = Server::start();
    let client = net.open(|_| {});
    let near = net.connect_port(client, server.port);
    net.until("up", |net| net.at(client).ups() == [near]);
    (server, net, client, near)
}

/// What the kernel acknowledged for a dead process would be lost without a word.
#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn nothing_is_acknowledged_any_more_for_a_process_that_was_killed() {
    let (mut server, mut net, client, near) = far_from_a_server();
    net.send(client, near, b"first").unwrap();
    net.until("an answer", |net| !net.at(client).messages().is_empty());
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    net.send(client, near, b"second").unwrap();
    net.until("the loss", |net| !net.at(client).losses().is_empty());
    let (_, reason, undelivered) = net.at(client).losses().remove(0);
    assert_eq!(reason, LossReason::Aborted(String::new()));
    assert!(undelivered.iter().map(|undelivered| undelivered.payload.as_slice()).eq([b"second"]), "{undelivered:?}");
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn what_was_sent_before_exit_is_delivered() {
    let (_server, mut net, client, near) = far_from_a_server();
    net.send(client, near, b"exit").unwrap();
    net.until("the loss", |net| !net.at(client).losses().is_empty());
    assert_eq!(net.at(client).messages().len(), ANSWERS);
    assert_eq!(net.at(client).losses().remove(0).1, LossReason::Closed);
}

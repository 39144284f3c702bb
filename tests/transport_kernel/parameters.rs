//! Timers and thresholds of associations: what the kernel has, and what it makes of them.

use crate::namespace::run;
use crate::support::transport::Net;
use crate::{V4, kernel_net};
use rserpool::association::LossReason;
use rserpool::transport::SctpParameters;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;

const ODD: fn() -> SctpParameters = || SctpParameters {
    rto_initial: MS(310),
    rto_min: MS(120),
    rto_max: MS(1_730),
    association_max_retransmissions: 6,
    path_max_retransmissions: 7,
    potentially_failed_threshold: 2,
    heartbeat_interval: MS(910),
};

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn the_kernel_has_the_parameters_that_were_set() {
    let mut net = kernel_net(V4);
    let server = net.listener();
    let client = net.open(|config| config.parameters = ODD());
    let (near, far) = net.pair(client, server);
    assert_eq!(net.at(client).transport.parameters_of(near), Some(ODD()));
    assert_eq!(net.at(server).transport.parameters_of(far), Some(SctpParameters::default()));

    // New ones are for associations that exist, and for those to come.
    let other = SctpParameters { association_max_retransmissions: 60, path_max_retransmissions: 50, ..ODD() };
    net.at(server).transport.set_parameters(&other);
    assert_eq!(net.at(server).transport.parameters_of(far), Some(other));
    let (_, later) = {
        let client = net.open(|_| {});
        net.pair(client, server)
    };
    assert_eq!(net.at(server).transport.parameters_of(later), Some(other));
}

/// Endpoints whose parameters promise to notice a vanished peer one after the other.
fn clients(net: &mut Net, server: usize) -> Vec<(usize, SctpParameters)> {
    let steps = [(50, 100, 200), (100, 500, 700), (400, 1_000, 3_000)];
    let parameters = steps.map(|(min, max, heartbeat)| SctpParameters {
        rto_initial: MS(max),
        rto_min: MS(min),
        rto_max: MS(max),
        heartbeat_interval: MS(heartbeat),
        association_max_retransmissions: 3,
        ..SctpParameters::default()
    });
    parameters.map(|parameters| (endpoint(net, server, parameters), parameters)).to_vec()
}

fn endpoint(net: &mut Net, server: usize, parameters: SctpParameters) -> usize {
    let client = net.open(|config| config.parameters = parameters);
    net.pair(client, server);
    client
}

/// In the order of what the parameters promise, and none before its last retransmission or heartbeat can have been sent.
fn noticed_in_order(sending: bool) {
    let mut net = kernel_net(V4);
    let server = net.open(|config| {
        config.listen = true;
        config.parameters.association_max_retransmissions = 1_000;
    });
    let clients = clients(&mut net, server);
    run("tc qdisc add dev lo root netem loss 100%");
    let start = net.now();
    if sending {
        for (client, _) in &clients {
            let id = net.at(*client).ups()[0];
            net.send(*client, id, b"anybody?").unwrap();
        }
    }
    for (number, (client, parameters)) in clients.iter().enumerate() {
        parameters.validate().unwrap();
        net.until("the loss", |net| !net.at(*client).losses().is_empty());
        let took = net.now().saturating_since(start);
        assert_eq!(net.at(*client).losses()[0].1, LossReason::Unreachable);
        let step = if sending { parameters.rto_min } else { parameters.heartbeat_interval };
        assert!(took >= step * parameters.association_max_retransmissions, "{took:?}: {parameters:?}");
        for (later, _) in &clients[number + 1..] {
            assert_eq!(net.at(*later).losses(), [], "after {took:?}");
        }
    }
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_vanished_peer_is_noticed_while_sending_as_the_parameters_say() {
    noticed_in_order(true);
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_vanished_peer_is_noticed_while_idle_as_the_parameters_say() {
    noticed_in_order(false);
}

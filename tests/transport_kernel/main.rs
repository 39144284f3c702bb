//! Kernel SCTP: the contract suite, both directions between the kernel and SCTP in UDP, several paths, parameters, and
//! one-to-one peers.
//!
//! These tests want root on a kernel with SCTP and are ignored elsewhere: `scripts/guest/test` runs them in a guest.
//! Each has a network namespace of its own.

#[path = "../support/mod.rs"]
mod support;

mod death;
mod given_up;
mod hosts;
mod namespace;
mod one_to_one;
mod parameters;
mod paths;
mod waiting;

use namespace::{Namespace, run};
use rserpool::Time;
use rserpool::association::{LossReason, PeerAddress, TransportKind};
use rserpool::transport::multicast::{ASAP_GROUPS, AnnouncementListener, AnnouncementSender};
use rserpool::transport::sctp_udp::{SctpUdp, SctpUdpOptions};
use rserpool::transport::{EndpointConfig, KernelSctp, OutboundMessage, Transport, TransportChoice, TransportError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;
use std::time::Duration;
use support::transport::suite::{patient, patient_listener};
use support::transport::wrapper::{Layer, WrappedWorld};
use support::transport::{Net, RealWorld, World, pattern};

type Open = fn(&EndpointConfig) -> Result<Box<dyn Transport>, TransportError>;

fn open_kernel(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    Ok(Box::new(KernelSctp::open(config)?))
}

fn open_sctp_udp(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    Ok(Box::new(SctpUdp::open(config, SctpUdpOptions::default())?))
}

/// Endpoints in a network namespace of their own: the first that is opened on one transport, all others on another.
struct KernelWorld {
    real: RealWorld,
    others: Open,
    opened: usize,
    _namespace: Namespace,
}

impl KernelWorld {
    fn new(first: Open, others: Open, address: IpAddr) -> KernelWorld {
        let namespace = new_namespace();
        KernelWorld { real: RealWorld { open: first, address }, others, opened: 0, _namespace: namespace }
    }
}

/// Gives this thread a network namespace with addresses on its loopback.
fn new_namespace() -> Namespace {
    let namespace = Namespace::new();
    run("ip link set lo up");
    run("ip address add 10.255.1.1/32 dev lo");
    run("ip address add 10.255.1.2/32 dev lo");
    run("ip address add fd00:255::9/128 dev lo nodad");
    namespace
}

impl World for KernelWorld {
    fn open(&mut self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        self.opened += 1;
        if self.opened == 1 { self.real.open(config) } else { (self.others)(config) }
    }

    fn address(&self) -> IpAddr {
        self.real.address()
    }

    fn now(&self) -> Time {
        self.real.now()
    }

    fn wait(&mut self, fds: &[RawFd], until: Time) {
        self.real.wait(fds, until);
    }

    /// Everything is lost in the namespace from now on.
    fn silence(&mut self, _endpoint: SocketAddr) -> bool {
        run("tc qdisc add dev lo root netem loss 100%");
        true
    }
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

contract!(
    #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
    kernel_v4,
    super::KernelWorld::new(super::open_kernel, super::open_kernel, super::V4)
);
contract!(
    #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
    kernel_v6,
    super::KernelWorld::new(super::open_kernel, super::open_kernel, super::V6)
);
contract!(
    #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
    kernel_serves_sctp_udp_v4,
    super::KernelWorld::new(super::open_kernel, super::open_sctp_udp, super::V4)
);
contract!(
    #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
    kernel_serves_sctp_udp_v6,
    super::KernelWorld::new(super::open_kernel, super::open_sctp_udp, super::V6)
);
contract!(
    #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
    sctp_udp_serves_kernel_v4,
    super::KernelWorld::new(super::open_sctp_udp, super::open_kernel, super::V4)
);
contract!(
    #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
    sctp_udp_serves_kernel_v6,
    super::KernelWorld::new(super::open_sctp_udp, super::open_kernel, super::V6)
);

// Through a transport that wraps the kernel's, and with receivers that are detached.
contract!(
    #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
    records_over_kernel,
    super::WrappedWorld {
        inner: super::KernelWorld::new(super::open_kernel, super::open_kernel, super::V4),
        layer: super::Layer::Records
    }
);

fn kernel_net(address: IpAddr) -> Net {
    Net::new(Box::new(KernelWorld::new(open_kernel, open_kernel, address)))
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_client_that_has_the_port_of_a_peer_in_user_space_does_not_reach_itself() {
    for address in [V4, V6] {
        let mut net = Net::new(Box::new(KernelWorld::new(open_sctp_udp, open_kernel, address)));
        let server = net.listener();
        let port = net.port(server);
        // The kernel does not know it: it may give it to anybody.
        let client = net.try_open(port, |_| {}).expect("the port is free in the kernel");
        let (near, _) = net.pair(client, server);
        net.send(client, near, b"is it me").unwrap();
        net.until("the message", |net| net.at(server).messages() == [b"is it me"]);
    }
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn the_automatic_choice_is_the_kernels_sctp() {
    let _namespace = new_namespace();
    let config = EndpointConfig { listen: true, ..EndpointConfig::default() };
    let transport = rserpool::transport::open(TransportChoice::Auto, &config).unwrap();
    assert_eq!(transport.capabilities().kind, TransportKind::KernelSctp);
    assert_ne!(transport.local_port(), 0);
    let other = rserpool::transport::open(TransportChoice::SctpUdp, &config).unwrap();
    assert_eq!(other.capabilities().kind, TransportKind::SctpUdp);
}

/// Opens an endpoint on several addresses.
fn multi_homed(net: &mut Net, addresses: &[&str]) -> usize {
    let bind = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
    net.open(|config| {
        config.bind = bind;
        config.listen = true;
    })
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn the_peer_of_a_multi_homed_endpoint_learns_all_its_addresses() {
    let mut net = kernel_net(V4);
    let server = multi_homed(&mut net, &["10.255.1.1", "10.255.1.2", "fd00:255::9"]);
    let client = net.open(|config| config.bind.clear());
    let peer = PeerAddress { addresses: ["10.255.1.1".parse().unwrap()].into_iter().collect(), port: net.port(server) };
    let now = net.now();
    let near = net.at(client).transport.connect(now, &peer, Duration::from_secs(20)).unwrap();
    net.until("both up", |net| net.at(client).ups().contains(&near) && !net.at(server).ups().is_empty());
    let Some(support::transport::Seen::Up(_, seen)) = net.at(client).seen.first() else { panic!("up comes first") };
    let mut addresses = seen.address.addresses.to_vec();
    addresses.sort();
    let expected: Vec<IpAddr> =
        ["10.255.1.1", "10.255.1.2", "fd00:255::9"].iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(addresses, expected);
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn what_a_silent_peer_did_not_acknowledge_is_reported_in_order() {
    let mut net = kernel_net(V4);
    let (server, client) = (net.listener(), net.open(|_| {}));
    let (near, _) = net.pair(client, server);
    assert!(net.freeze(server));
    let sizes = [10, 70_000, 500, 1_500, 200_000, 3, 100_000, 20];
    let messages: Vec<Vec<u8>> = (0..).zip(sizes).map(|(salt, size)| pattern(size, salt)).collect();
    for message in &messages {
        net.send(client, near, message).unwrap();
    }
    net.until("the loss", |net| !net.at(client).losses().is_empty());
    let (id, reason, undelivered) = net.at(client).losses().remove(0);
    assert_eq!((id, reason), (near, LossReason::Unreachable));
    let payloads: Vec<Vec<u8>> = undelivered.into_iter().map(|undelivered| undelivered.payload).collect();
    assert_eq!(payloads.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
    assert!(payloads == messages);
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_message_past_its_lifetime_is_given_up() {
    let mut net = kernel_net(V4);
    let (server, client) = (net.open(patient_listener), net.open(patient));
    let (near, _) = net.pair(client, server);
    run("tc qdisc add dev lo root netem loss 100%");
    let now = net.now();
    let lifetime = Some(Duration::from_millis(1));
    let message = OutboundMessage { stream: 0, ppid: 11, unordered: false, lifetime, payload: b"stale" };
    net.at(client).transport.send(now, near, message).unwrap();
    net.during(Duration::from_millis(300));
    run("tc qdisc del dev lo root");
    net.send(client, near, b"fresh").unwrap();
    net.until("the fresh message", |net| net.at(server).messages().contains(&b"fresh".as_slice()));
    assert_eq!(net.at(server).messages(), [b"fresh"]);
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_peer_that_stops_reading_does_not_hold_up_others() {
    let mut net = kernel_net(V4);
    let (stuck, server, client) = (net.listener(), net.listener(), net.open(|_| {}));
    let (to_stuck, _) = net.pair(client, stuck);
    let (near, _) = net.pair(client, server);
    let silent = net.endpoints[stuck].take();
    let mut sent = 0;
    while net.send(client, to_stuck, &pattern(50_000, 1)).is_ok() {
        sent += 1;
        assert!(sent < 10_000, "the queue has a limit");
    }
    for i in 0..100 {
        net.send(client, near, &pattern(1_000, i)).unwrap();
    }
    net.until("all messages to the other peer", |net| net.at(server).messages().len() == 100);
    net.endpoints[stuck] = silent;
    net.until("all messages to the stuck peer", |net| net.at(stuck).messages().len() == sent);
    assert_eq!(net.at(client).writables(), 1);
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_message_beyond_the_limit_ends_the_association() {
    let mut net = kernel_net(V4);
    let server = net.open(|config| {
        config.listen = true;
        config.max_message_size = 10_000;
    });
    let client = net.open(|_| {});
    let (near, far) = net.pair(client, server);
    net.send(client, near, &pattern(200_000, 0)).unwrap();
    net.until("both losses", |net| !net.at(server).losses().is_empty() && !net.at(client).losses().is_empty());
    let (id, reason, _) = net.at(server).losses().remove(0);
    assert_eq!(id, far);
    assert!(matches!(reason, LossReason::ProtocolViolation(_)), "{reason:?}");
    assert_eq!(net.at(client).losses()[0].1, LossReason::Aborted("message too long".into()));
    assert!(net.at(server).messages().is_empty());
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn the_round_trip_time_is_measured() {
    let mut net = kernel_net(V4);
    let (server, client) = (net.listener(), net.open(|_| {}));
    run("tc qdisc add dev lo root netem delay 30ms");
    let (near, _) = net.pair(client, server);
    for i in 0..5 {
        net.send(client, near, &pattern(100, i)).unwrap();
        net.until("the message", |net| net.at(server).messages().len() > usize::from(i));
    }
    net.during(Duration::from_millis(300));
    let measured = net.at(client).transport.round_trip_time(near).expect("measured");
    assert!((60..500).contains(&measured.as_millis()), "60 ms and some, but {measured:?}");
}

/// Announces to all groups of ASAP from an endpoint on its port, until so many announcements were heard.
fn announce_and_hear(choice: TransportChoice, expected: usize) -> Vec<SocketAddr> {
    let mut listener = AnnouncementListener::open(&ASAP_GROUPS).unwrap();
    let bind = vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 3863))];
    let config = EndpointConfig { listen: true, bind, ..EndpointConfig::default() };
    let endpoint = rserpool::transport::open(choice, &config).unwrap();
    let socket = endpoint.announcement_sockets().unwrap().remove(0);
    let mut sender = AnnouncementSender::new(socket, &ASAP_GROUPS, 30).unwrap();
    assert_eq!(sender.send(b"here"), expected, "over {choice:?}");
    let mut heard = Vec::new();
    while heard.len() < expected {
        let mut fd = libc::pollfd { fd: listener.poll_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: `fd` is one pollfd.
        let ready = unsafe { libc::poll(&raw mut fd, 1, 20_000) };
        assert_eq!(ready, 1, "waited in vain over {choice:?}; heard: {heard:?}");
        listener.receive(&mut |from, bytes| {
            assert_eq!(bytes, b"here");
            heard.push(from);
        });
    }
    heard
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn announcements_come_from_the_port_of_the_endpoint() {
    for choice in [TransportChoice::Sctp, TransportChoice::SctpUdp] {
        let _namespace = new_namespace();
        run("ip link add net0 type dummy");
        run("ip link set net0 up multicast on");
        run("ip address add 10.255.2.1/24 dev net0");
        run("ip address add fd00:256::1/64 dev net0 nodad");
        let heard = announce_and_hear(choice, ASAP_GROUPS.len());
        let v4 = SocketAddr::from((Ipv4Addr::new(10, 255, 2, 1), 3863));
        assert_eq!(heard.iter().filter(|from| **from == v4).count(), 2, "{heard:?}");
        assert_eq!(heard.iter().filter(|from| from.is_ipv6() && from.port() == 3863).count(), 1, "{heard:?}");
    }
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn announcements_work_over_loopback_where_there_is_nothing_else() {
    for choice in [TransportChoice::Sctp, TransportChoice::SctpUdp] {
        let _namespace = new_namespace();
        // Linux routes no IPv6 multicast over loopback: the groups of IPv4 have to do.
        assert_eq!(announce_and_hear(choice, 2), [SocketAddr::from((Ipv4Addr::LOCALHOST, 3863)); 2]);
    }
}

use super::*;
use crate::transport::{self, TransportChoice};
use std::collections::HashSet;

fn open(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    transport::open(TransportChoice::SctpUdp, config)
}

/// A port to connect from, and a peer that never answers.
fn ports_and_peer(port: u16) -> (Ports, PeerAddress) {
    let config = EndpointConfig { bind: vec!["127.0.0.1:0".parse().unwrap()], ..EndpointConfig::default() };
    let ports = Ports::open(config, Box::new(open)).unwrap();
    (ports, PeerAddress::new("127.0.0.1".parse().unwrap(), port))
}

#[test]
fn a_connect_tries_one_port_however_many_sessions_there_are() {
    let (mut ports, peer) = ports_and_peer(7);
    let other = PeerAddress::new("127.0.0.1".parse().unwrap(), 9);
    let timeout = Duration::from_secs(5);
    let first: Vec<_> = (0..100).map(|_| ports.connect(Time::ZERO, &peer, timeout).unwrap()).collect();
    assert_eq!((ports.tried, ports.count()), (100, 100));
    for _ in 0..100 {
        ports.connect(Time::ZERO, &other, timeout).unwrap();
    }
    assert_eq!((ports.tried, ports.count()), (200, 100), "each port serves each peer once");
    for association in &first[20..40] {
        ports.abort(Time::ZERO, *association, "test");
    }
    for _ in 0..20 {
        ports.connect(Time::ZERO, &peer, timeout).unwrap();
    }
    assert_eq!((ports.tried, ports.count()), (220, 100), "ports that sessions gave back are used again");
}

#[test]
fn nothing_is_kept_of_a_peer_for_whom_no_port_can_be_opened() {
    let mut opened = 0;
    let first_only = move |config: &EndpointConfig| {
        opened += 1;
        if opened == 1 { open(config) } else { Err(TransportError::TooManyAssociations) }
    };
    let config = EndpointConfig { bind: vec!["127.0.0.1:0".parse().unwrap()], ..EndpointConfig::default() };
    let mut ports = Ports::open(config, Box::new(first_only)).unwrap();
    let first = ports.ports.keys().next().copied().unwrap();
    ports.ports.remove(&first);
    let peer = PeerAddress::new("127.0.0.1".parse().unwrap(), 7);
    assert!(ports.connect(Time::ZERO, &peer, Duration::from_secs(5)).is_err());
    assert!(ports.free.is_empty(), "{:?}", ports.free);
}

#[test]
fn each_session_with_the_same_peer_has_a_port_and_gives_it_back() {
    let loopback = vec!["127.0.0.1:0".parse().unwrap()];
    let server = open(&EndpointConfig { bind: loopback.clone(), listen: true, ..EndpointConfig::default() }).unwrap();
    let peer = PeerAddress::new("127.0.0.1".parse().unwrap(), server.local_port());
    let config = EndpointConfig { bind: loopback, ..EndpointConfig::default() };
    let mut ports = Ports::open(config, Box::new(open)).unwrap();
    let timeout = Duration::from_secs(5);
    let associations: Vec<_> = (0..3).map(|_| ports.connect(Time::ZERO, &peer, timeout).unwrap()).collect();
    assert_eq!(ports.count(), 3);
    let numbers: HashSet<u16> = associations.iter().map(|association| association.transport()).collect();
    assert_eq!(numbers.len(), 3);
    for association in associations {
        ports.abort(Time::ZERO, association, "test");
    }
    assert_eq!(ports.count(), 1);
}

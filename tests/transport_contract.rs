//! The contract suite over the transports that need nothing but loopback.

mod transport_support;

use rserpool::transport::sctp_udp::{SctpUdp, SctpUdpOptions};
use rserpool::transport::{EndpointConfig, Tcp, Transport, TransportError};
use std::net::{Ipv4Addr, Ipv6Addr};
use transport_support::{MemoryWorld, RealWorld};

fn open_sctp_udp(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    Ok(Box::new(SctpUdp::open(config, SctpUdpOptions::default())?))
}

contract!(sctp_udp_v4, super::RealWorld { open: super::open_sctp_udp, address: super::Ipv4Addr::LOCALHOST.into() });
contract!(sctp_udp_v6, super::RealWorld { open: super::open_sctp_udp, address: super::Ipv6Addr::LOCALHOST.into() });
contract!(memory, super::MemoryWorld::new(1));

fn open_tcp(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    Ok(Box::new(Tcp::open(config)?))
}

contract!(tcp_v4, super::RealWorld { open: super::open_tcp, address: super::Ipv4Addr::LOCALHOST.into() });
contract!(tcp_v6, super::RealWorld { open: super::open_tcp, address: super::Ipv6Addr::LOCALHOST.into() });

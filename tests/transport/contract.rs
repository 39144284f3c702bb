//! The contract suite over the transports that need nothing but loopback.

use crate::support::transport::{MemoryWorld, RealWorld};
use rserpool::transport::sctp_udp::{SctpUdp, SctpUdpOptions};
use rserpool::transport::{EndpointConfig, Tcp, Transport, TransportError};
use std::net::{Ipv4Addr, Ipv6Addr};

fn open_sctp_udp(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    Ok(Box::new(SctpUdp::open(config, SctpUdpOptions::default())?))
}

crate::contract!(
    sctp_udp_v4,
    super::RealWorld { open: super::open_sctp_udp, address: super::Ipv4Addr::LOCALHOST.into() }
);
crate::contract!(
    sctp_udp_v6,
    super::RealWorld { open: super::open_sctp_udp, address: super::Ipv6Addr::LOCALHOST.into() }
);
crate::contract!(memory, super::MemoryWorld::new(1));

fn open_tcp(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    Ok(Box::new(Tcp::open(config)?))
}

crate::contract!(tcp_v4, super::RealWorld { open: super::open_tcp, address: super::Ipv4Addr::LOCALHOST.into() });
crate::contract!(tcp_v6, super::RealWorld { open: super::open_tcp, address: super::Ipv6Addr::LOCALHOST.into() });

//! The contract suite over the transports that need nothing but loopback.

use crate::support::transport::wrapper::{Layer, WrappedWorld};
use crate::support::transport::{MemoryWorld, RealWorld};
use rserpool::transport::sctp_udp::{SctpUdp, SctpUdpOptions};
use rserpool::transport::{EndpointConfig, Tcp, Transport, TransportError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// What wraps a transport loses nothing of it.
macro_rules! wrapped {
    ($($module:ident: $layer:ident, $inner:expr;)*) => {$(
        crate::contract!($module, super::WrappedWorld { inner: $inner, layer: super::Layer::$layer });
    )*};
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

wrapped! {
    wrapped_sctp_udp: Nothing, super::RealWorld { open: super::open_sctp_udp, address: super::LOCALHOST };
    wrapped_tcp: Nothing, super::RealWorld { open: super::open_tcp, address: super::LOCALHOST };
    wrapped_memory: Nothing, super::MemoryWorld::new(2);
    records_over_sctp_udp: Records, super::RealWorld { open: super::open_sctp_udp, address: super::LOCALHOST };
    records_over_tcp: Records, super::RealWorld { open: super::open_tcp, address: super::LOCALHOST };
    records_over_memory: Records, super::MemoryWorld::new(3);
}

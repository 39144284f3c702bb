//! IP addresses in transport parameters (RFC 5354 sections 3.1 and 3.2).

use super::parameter::{Tlv, parameter_type};
use super::{Undecodable, Writer};
use smallvec::SmallVec;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of one SCTP endpoint. Most have one or two, which take no heap allocation.
pub type AddressList = SmallVec<[IpAddr; 2]>;

/// The address in `tlv`, or `None` when it is another parameter. An IPv4-mapped IPv6 address counts as IPv4.
pub(super) fn decode(tlv: &Tlv<'_>) -> Result<Option<IpAddr>, Undecodable> {
    match tlv.parameter_type {
        parameter_type::IPV4_ADDRESS => tlv.with(|mut value| {
            let address = Ipv4Addr::from(value.array::<4>("IPv4 address")?);
            value.finish("excess length of IPv4 address")?;
            Ok(Some(IpAddr::V4(address)))
        }),
        parameter_type::IPV6_ADDRESS => tlv.with(|mut value| {
            let address = Ipv6Addr::from(value.array::<16>("IPv6 address")?);
            value.finish("excess length of IPv6 address")?;
            Ok(Some(IpAddr::V6(address).to_canonical()))
        }),
        _ => Ok(None),
    }
}

/// Writes `address`. An IPv4-mapped IPv6 address, as dual-stack sockets report them, goes out as IPv4.
pub(super) fn encode(address: IpAddr, w: &mut Writer<'_>) {
    match address.to_canonical() {
        IpAddr::V4(v4) => w.parameter_of(parameter_type::IPV4_ADDRESS, v4.octets()),
        IpAddr::V6(v6) => w.parameter_of(parameter_type::IPV6_ADDRESS, v6.octets()),
    }
}

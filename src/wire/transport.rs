//! Transport parameters (RFC 5354 sections 3.3 to 3.7 and 3.16).

use super::parameter::{Parameters, Reports, Tlv, parameter_type};
use super::{AddressList, EncodeError, Reader, Undecodable, WireError, Writer, address};
use std::net::IpAddr;

/// Addresses that one SCTP transport may list: as many as rsplib reads.
pub const MAX_SCTP_ADDRESSES: usize = 64;

/// What a pool element's SCTP or TCP transport carries (RFC 5354 section 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportUse {
    /// Application data only.
    #[default]
    DataOnly,
    /// Application data and the ASAP control channel (cookies, business cards).
    DataPlusControl,
}

/// How a pool element or registrar is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransportParameter {
    /// Type 0x03.
    Dccp {
        /// Port number, in host byte order.
        port: u16,
        /// DCCP service code.
        service_code: u32,
        /// One address, IPv4 or IPv6.
        address: IpAddr,
    },
    /// Type 0x04: the one transport with several addresses.
    Sctp {
        /// Port number, in host byte order.
        port: u16,
        /// What it carries.
        transport_use: TransportUse,
        /// At least one address.
        addresses: AddressList,
    },
    /// Type 0x05. The RFC reserves the bits that rsplib uses for the transport use.
    Tcp {
        /// Port number, in host byte order.
        port: u16,
        /// As rsplib writes it; zero (data only) in RFC 5354.
        transport_use: TransportUse,
        /// One address, IPv4 or IPv6.
        address: IpAddr,
    },
    /// Type 0x06.
    Udp {
        /// Port number, in host byte order.
        port: u16,
        /// One address, IPv4 or IPv6.
        address: IpAddr,
    },
    /// Type 0x07.
    UdpLite {
        /// Port number, in host byte order.
        port: u16,
        /// One address, IPv4 or IPv6.
        address: IpAddr,
    },
    /// Type 0x10: bytes that only the application understands.
    Opaque(Vec<u8>),
}

impl TransportParameter {
    /// Whether it is an SCTP transport, the only kind by which registrars are reached and reach elements.
    pub fn is_sctp(&self) -> bool {
        matches!(self, TransportParameter::Sctp { .. })
    }

    /// Its parameter type (RFC 5354 section 3).
    pub fn parameter_type(&self) -> u16 {
        match self {
            TransportParameter::Dccp { .. } => parameter_type::DCCP_TRANSPORT,
            TransportParameter::Sctp { .. } => parameter_type::SCTP_TRANSPORT,
            TransportParameter::Tcp { .. } => parameter_type::TCP_TRANSPORT,
            TransportParameter::Udp { .. } => parameter_type::UDP_TRANSPORT,
            TransportParameter::UdpLite { .. } => parameter_type::UDP_LITE_TRANSPORT,
            TransportParameter::Opaque(_) => parameter_type::OPAQUE_TRANSPORT,
        }
    }

    /// Its port and addresses; neither, where only the application understands it.
    pub fn place(&self) -> (u16, &[IpAddr]) {
        match self {
            TransportParameter::Sctp { port, addresses, .. } => (*port, addresses),
            TransportParameter::Tcp { port, address, .. }
            | TransportParameter::Udp { port, address }
            | TransportParameter::UdpLite { port, address }
            | TransportParameter::Dccp { port, address, .. } => (*port, std::slice::from_ref(address)),
            TransportParameter::Opaque(_) => (0, &[]),
        }
    }

    /// What it carries; data only, where it does not say.
    pub fn transport_use(&self) -> TransportUse {
        match self {
            TransportParameter::Sctp { transport_use, .. } | TransportParameter::Tcp { transport_use, .. } => {
                *transport_use
            }
            _ => TransportUse::DataOnly,
        }
    }

    /// The transport in `tlv`, or `None` when it is another parameter.
    pub(crate) fn decode(tlv: &Tlv<'_>, reports: &mut Reports) -> Result<Option<TransportParameter>, Undecodable> {
        let decode = match tlv.parameter_type {
            parameter_type::DCCP_TRANSPORT => decode_dccp,
            parameter_type::SCTP_TRANSPORT => decode_sctp,
            parameter_type::TCP_TRANSPORT => decode_tcp,
            parameter_type::UDP_TRANSPORT => decode_udp,
            parameter_type::UDP_LITE_TRANSPORT => decode_udp_lite,
            parameter_type::OPAQUE_TRANSPORT => decode_opaque,
            _ => return Ok(None),
        };
        tlv.with(|value| decode(value, reports)).map(Some)
    }

    /// Writes the whole parameter.
    pub(crate) fn encode(&self, w: &mut Writer<'_>) {
        match *self {
            TransportParameter::Dccp { port, service_code, address } => {
                w.tlv(parameter_type::DCCP_TRANSPORT, "DCCP transport", |w| {
                    w.u16(port);
                    w.u16(0);
                    w.u32(service_code);
                    address::encode(address, w);
                });
            }
            TransportParameter::Sctp { port, transport_use, ref addresses } => {
                encode_sctp(port, transport_use, addresses, w);
            }
            TransportParameter::Tcp { port, transport_use, address } => {
                let reserved = transport_use.number();
                encode_one_address(parameter_type::TCP_TRANSPORT, "TCP transport", port, reserved, address, w);
            }
            TransportParameter::Udp { port, address } => {
                encode_one_address(parameter_type::UDP_TRANSPORT, "UDP transport", port, 0, address, w);
            }
            TransportParameter::UdpLite { port, address } => {
                encode_one_address(parameter_type::UDP_LITE_TRANSPORT, "UDP-Lite transport", port, 0, address, w);
            }
            TransportParameter::Opaque(ref data) => {
                w.tlv(parameter_type::OPAQUE_TRANSPORT, "opaque transport", |w| w.bytes(data));
            }
        }
    }
}

impl TransportUse {
    fn number(self) -> u16 {
        match self {
            TransportUse::DataOnly => 0,
            TransportUse::DataPlusControl => 1,
        }
    }
}

fn encode_sctp(port: u16, transport_use: TransportUse, addresses: &AddressList, w: &mut Writer<'_>) {
    let field = "SCTP transport";
    match addresses.len() {
        0 => w.fail(EncodeError::Invalid { field, reason: "has no address" }),
        1..=MAX_SCTP_ADDRESSES => {}
        _ => w.fail(EncodeError::Invalid { field, reason: "has more than 64 addresses" }),
    }
    let fixed = u32::from(port) << 16 | u32::from(transport_use.number());
    if let [IpAddr::V4(v4)] = addresses.as_slice() {
        // Most elements: the same bytes at once, which is several times faster.
        let header = u32::from(parameter_type::IPV4_ADDRESS) << 16 | 8;
        let value = [fixed, header, u32::from(*v4)];
        return w.parameter_of_words(parameter_type::SCTP_TRANSPORT, value);
    }
    w.tlv(parameter_type::SCTP_TRANSPORT, field, |w| {
        w.u32(fixed);
        for &address in addresses {
            address::encode(address, w);
        }
    });
}

/// The common form of TCP, UDP and UDP-Lite.
fn encode_one_address(kind: u16, name: &'static str, port: u16, reserved: u16, address: IpAddr, w: &mut Writer<'_>) {
    w.tlv(kind, name, |w| {
        w.u32(u32::from(port) << 16 | u32::from(reserved));
        address::encode(address, w);
    });
}

fn decode_sctp(mut value: Reader<'_>, reports: &mut Reports) -> Result<TransportParameter, Undecodable> {
    let port = value.u16("SCTP port")?;
    let transport_use = match value.u16("transport use")? {
        0 => TransportUse::DataOnly,
        1 => TransportUse::DataPlusControl,
        other => return Err(WireError::Invalid { field: "transport use", value: other.into() }.into()),
    };
    let mut addresses = AddressList::new();
    let mut parameters = Parameters::new(value);
    while let Some(tlv) = parameters.next(reports)? {
        let Some(address) = address::decode(&tlv)? else { continue };
        if addresses.len() == MAX_SCTP_ADDRESSES {
            let value = addresses.len() as u64 + 1;
            return Err(WireError::Invalid { field: "number of SCTP addresses", value }.into());
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err(WireError::Missing { field: "address of SCTP transport" }.into());
    }
    Ok(TransportParameter::Sctp { port, transport_use, addresses })
}

fn decode_tcp(mut value: Reader<'_>, reports: &mut Reports) -> Result<TransportParameter, Undecodable> {
    let port = value.u16("TCP port")?;
    // Reserved in the RFC, so no value is an error; rsplib has its transport use here.
    let transport_use = match value.u16("TCP reserved field")? {
        1 => TransportUse::DataPlusControl,
        _ => TransportUse::DataOnly,
    };
    let address = decode_one_address(value, reports, "address of TCP transport")?;
    Ok(TransportParameter::Tcp { port, transport_use, address })
}

fn decode_udp(mut value: Reader<'_>, reports: &mut Reports) -> Result<TransportParameter, Undecodable> {
    let port = value.u16("UDP port")?;
    value.u16("UDP reserved field")?;
    Ok(TransportParameter::Udp { port, address: decode_one_address(value, reports, "address of UDP transport")? })
}

fn decode_udp_lite(mut value: Reader<'_>, reports: &mut Reports) -> Result<TransportParameter, Undecodable> {
    let port = value.u16("UDP-Lite port")?;
    value.u16("UDP-Lite reserved field")?;
    let address = decode_one_address(value, reports, "address of UDP-Lite transport")?;
    Ok(TransportParameter::UdpLite { port, address })
}

fn decode_dccp(mut value: Reader<'_>, reports: &mut Reports) -> Result<TransportParameter, Undecodable> {
    let port = value.u16("DCCP port")?;
    value.u16("DCCP reserved field")?;
    let service_code = value.u32("DCCP service code")?;
    let address = decode_one_address(value, reports, "address of DCCP transport")?;
    Ok(TransportParameter::Dccp { port, service_code, address })
}

fn decode_opaque(value: Reader<'_>, _: &mut Reports) -> Result<TransportParameter, Undecodable> {
    Ok(TransportParameter::Opaque(value.remaining().to_vec()))
}

/// The one address of a transport that is not SCTP.
fn decode_one_address(value: Reader<'_>, reports: &mut Reports, field: &'static str) -> Result<IpAddr, Undecodable> {
    let mut found = None;
    let mut parameters = Parameters::new(value);
    while let Some(tlv) = parameters.next(reports)? {
        if let Some(address) = address::decode(&tlv)? {
            if found.replace(address).is_some() {
                return Err(WireError::Repeated { field }.into());
            }
        }
    }
    found.ok_or(WireError::Missing { field }.into())
}

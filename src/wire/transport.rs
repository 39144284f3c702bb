//! Transport parameters (RFC 5354 sections 3.3 to 3.7 and 3.16).

use super::AddressList;
use std::net::IpAddr;

/// What a pool element's SCTP or TCP transport carries (RFC 5354 section 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
        /// Port.
        port: u16,
        /// DCCP service code.
        service_code: u32,
        /// Address.
        address: IpAddr,
    },
    /// Type 0x04: the one transport with several addresses.
    Sctp {
        /// Port.
        port: u16,
        /// What it carries.
        transport_use: TransportUse,
        /// At least one address.
        addresses: AddressList,
    },
    /// Type 0x05. The RFC reserves the bits that rsplib uses for the transport use.
    Tcp {
        /// Port.
        port: u16,
        /// As rsplib writes it; zero (data only) in RFC 5354.
        transport_use: TransportUse,
        /// Address.
        address: IpAddr,
    },
    /// Type 0x06.
    Udp {
        /// Port.
        port: u16,
        /// Address.
        address: IpAddr,
    },
    /// Type 0x07.
    UdpLite {
        /// Port.
        port: u16,
        /// Address.
        address: IpAddr,
    },
    /// Type 0x10: bytes that only the application understands.
    Opaque(Vec<u8>),
}

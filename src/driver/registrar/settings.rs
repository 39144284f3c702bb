//! How to run a registrar.

use crate::registrar::RegistrarConfig;
use crate::transport::multicast::{ASAP_GROUPS, DEFAULT_TTL};
use crate::transport::{SctpParameters, TransportChoice};
use crate::wire::{PORT_ASAP, PORT_ENRP};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How to run a registrar: where, over what, and the settings of its core.
#[derive(Clone, Debug)]
pub struct RegistrarSettings {
    /// Where pool elements and users reach it, by SCTP and, under the same port number, by TCP. Port 0: any free one.
    pub asap: SocketAddr,
    /// Where other registrars reach it. Port 0: any free one.
    pub enrp: SocketAddr,
    /// Which SCTP.
    pub transport: TransportChoice,
    /// Groups that announcements go to; none: no announcements.
    pub announce_groups: Vec<SocketAddr>,
    /// Groups that registrars find each other by (an extension that rsplib has); none: peers are configured.
    pub enrp_groups: Vec<SocketAddr>,
    /// Hops that datagrams to groups may take.
    pub multicast_ttl: u32,
    /// Timers of the SCTP associations.
    pub sctp: SctpParameters,
    /// How long a stop may take before what is left is cut off.
    pub stop_timeout: Duration,
    /// The core. Its `asap_transports` and `enrp_addresses` are filled in from the endpoints when they are empty;
    /// `enrp_port` and `announce` always follow the endpoints and `announce_groups`.
    pub core: RegistrarConfig,
}

impl Default for RegistrarSettings {
    /// The IANA ports on all addresses, with announcements to the groups of the RFC and of rsplib.
    fn default() -> RegistrarSettings {
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        RegistrarSettings {
            asap: SocketAddr::new(any, PORT_ASAP),
            enrp: SocketAddr::new(any, PORT_ENRP),
            transport: TransportChoice::Auto,
            announce_groups: ASAP_GROUPS.into(),
            enrp_groups: Vec::new(),
            multicast_ttl: DEFAULT_TTL,
            sctp: SctpParameters::default(),
            stop_timeout: Duration::from_secs(3),
            core: RegistrarConfig::default(),
        }
    }
}

impl RegistrarSettings {
    /// A registrar on free loopback ports that announces nothing: for tests and demonstrations.
    pub fn loopback() -> RegistrarSettings {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        RegistrarSettings {
            asap: loopback,
            enrp: loopback,
            announce_groups: Vec::new(),
            enrp_groups: Vec::new(),
            ..RegistrarSettings::default()
        }
    }
}

//! How to run a registrar.

use super::PeerNames;
pub use crate::profile::Profile;
use crate::registrar::{ConfigError, RegistrarConfig};
use crate::transport::interfaces;
use crate::transport::multicast::{ASAP_GROUPS, DEFAULT_TTL};
#[cfg(feature = "tls")]
use crate::transport::tls::TlsSettings;
use crate::transport::{SctpParameters, TransportChoice};
use crate::wire::{PORT_ASAP, PORT_ENRP};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A registrar that hangs or is cut off loses its associations within half a second of the next message to it, and a PRESENCE
/// goes there every 100 ms: its silence has just been noticed by ENRP then, and nothing waits for it any longer.
fn fast_enrp_sctp() -> SctpParameters {
    SctpParameters { heartbeat_interval: Duration::from_millis(100), ..SctpParameters::fast() }
}

/// How to run a registrar: where, over what, and the settings of its core.
#[derive(Clone, Debug)]
pub struct RegistrarSettings {
    /// Where pool elements and users reach it, by SCTP and, under the same port number, by TCP: one address or several, all with one
    /// port. Port 0: any free one.
    pub asap: Vec<SocketAddr>,
    /// Where other registrars reach it, in the same way.
    pub enrp: Vec<SocketAddr>,
    /// The kernel's SCTP, SCTP in UDP, or the first that works.
    pub transport: TransportChoice,
    /// Names of other registrars in the DNS, beside the peers of the core's configuration.
    pub peer_names: PeerNames,
    /// Groups that announcements go to; none: no announcements.
    pub announce_groups: Vec<SocketAddr>,
    /// Groups that registrars find each other by (an extension that rsplib has); none: peers are configured.
    pub enrp_groups: Vec<SocketAddr>,
    /// Hops that datagrams to groups may take.
    pub multicast_ttl: u32,
    /// TLS for pool users over TCP, at the port after that of `asap`.
    #[cfg(feature = "tls")]
    pub tls: TlsSettings,
    /// Timers of the SCTP associations with pool elements and users.
    pub sctp: SctpParameters,
    /// Timers of the SCTP associations with other registrars.
    pub enrp_sctp: SctpParameters,
    /// Where status reports go to, if anywhere.
    pub csp_server: Option<SocketAddr>,
    /// Between two status reports.
    pub csp_interval: Duration,
    /// How long a stop may take before what is left is cut off.
    pub stop_timeout: Duration,
    /// The core. Its `asap_transports` and `enrp_addresses` are filled in from the endpoints when they are empty;
    /// `enrp_port`, `announce` and `enrp_multicast` always follow the endpoints and the groups. `peers` may name the
    /// registrar itself, so that all registrars of a scope can have the same list.
    pub core: RegistrarConfig,
}

impl Default for RegistrarSettings {
    /// The IANA ports on all addresses of both families, with announcements to the groups of the RFC and of rsplib.
    fn default() -> RegistrarSettings {
        let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        RegistrarSettings {
            asap: vec![SocketAddr::new(any, PORT_ASAP)],
            enrp: vec![SocketAddr::new(any, PORT_ENRP)],
            transport: TransportChoice::Auto,
            peer_names: PeerNames::default(),
            announce_groups: ASAP_GROUPS.into(),
            enrp_groups: Vec::new(),
            multicast_ttl: DEFAULT_TTL,
            #[cfg(feature = "tls")]
            tls: TlsSettings::default(),
            sctp: SctpParameters::default(),
            enrp_sctp: SctpParameters::default(),
            csp_server: None,
            csp_interval: Duration::from_millis(250),
            stop_timeout: Duration::from_secs(3),
            core: RegistrarConfig::default(),
        }
    }
}

impl RegistrarSettings {
    /// Sets all timers to the values of a profile and the core's bounds to their defaults. Everything else stays as it is.
    pub fn set_profile(&mut self, profile: Profile) {
        let core = match profile {
            Profile::Default => RegistrarConfig::default(),
            Profile::Fast => RegistrarConfig::fast(),
        };
        (self.sctp, self.enrp_sctp) = match profile {
            Profile::Default => (SctpParameters::default(), SctpParameters::default()),
            Profile::Fast => (SctpParameters::fast(), fast_enrp_sctp()),
        };
        let old = std::mem::replace(&mut self.core, core);
        self.core.id = old.id;
        self.core.peers = old.peers;
        self.core.asap_transports = old.asap_transports;
        self.core.enrp_addresses = old.enrp_addresses;
    }

    /// What a registrar that runs with these settings has when it is given others: all of them but where it is reached, how it makes itself
    /// known, and what [`RegistrarConfig::changed_to`] names. It needs a restart for those.
    pub fn changed_to(&self, other: &RegistrarSettings) -> RegistrarSettings {
        RegistrarSettings {
            asap: self.asap.clone(),
            enrp: self.enrp.clone(),
            transport: self.transport,
            announce_groups: self.announce_groups.clone(),
            enrp_groups: self.enrp_groups.clone(),
            multicast_ttl: self.multicast_ttl,
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            core: self.core.changed_to(&other.core),
            ..other.clone()
        }
    }

    /// On a host without IPv6, all addresses are those of IPv4.
    pub(super) fn fit_this_host(&mut self) {
        if interfaces::has_ipv6() {
            return;
        }
        for address in self.asap.iter_mut().chain(&mut self.enrp) {
            if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
                address.set_ip(Ipv4Addr::UNSPECIFIED.into());
            }
        }
    }

    /// Refuses values that cannot work together, with the reason.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.core.clone().validated()?;
        for (option, addresses) in [("asap", &self.asap), ("enrp", &self.enrp)] {
            check_addresses(addresses).map_err(|why| SettingsError::Addresses { option, why })?;
        }
        let sctp = |towards| move |why| SettingsError::Sctp { towards, why };
        self.sctp.validate().map_err(sctp("elements and users"))?;
        self.enrp_sctp.validate().map_err(sctp("registrars"))
    }

    /// A registrar on free loopback ports that announces nothing: for tests and demonstrations.
    pub fn loopback() -> RegistrarSettings {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        RegistrarSettings {
            asap: vec![loopback],
            enrp: vec![loopback],
            announce_groups: Vec::new(),
            enrp_groups: Vec::new(),
            ..RegistrarSettings::default()
        }
    }
}

/// The most addresses of one side: more than hosts have, and what SCTP can name.
const MAX_ADDRESSES: usize = 16;

fn check_addresses(addresses: &[SocketAddr]) -> Result<(), &'static str> {
    let [first, others @ ..] = addresses else { return Err("there is none") };
    let any = addresses.iter().any(|address| address.ip().is_unspecified());
    match others {
        _ if addresses.len() > MAX_ADDRESSES => Err("there are more than 16"),
        _ if others.iter().any(|other| other.port() != first.port()) => Err("they have different ports"),
        [_, ..] if any => Err("the wildcard address stands for all, and beside it there can be no other"),
        _ => Ok(()),
    }
}

/// Settings with which a registrar cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// A timer, threshold or bound of the protocols.
    Core(ConfigError),
    /// The addresses that it is to be reached at.
    Addresses {
        /// Those of which side: "asap" or "enrp".
        option: &'static str,
        /// What is wrong with them.
        why: &'static str,
    },
    /// A parameter of SCTP.
    Sctp {
        /// On associations with whom.
        towards: &'static str,
        /// Which one, and why.
        why: String,
    },
}

impl From<ConfigError> for SettingsError {
    fn from(error: ConfigError) -> SettingsError {
        SettingsError::Core(error)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingsError::Core(error) => error.fmt(f),
            SettingsError::Addresses { option, why } => write!(f, "addresses of {option}: {why}"),
            SettingsError::Sctp { towards, why } => write!(f, "towards {towards}, {why}"),
        }
    }
}

impl std::error::Error for SettingsError {}

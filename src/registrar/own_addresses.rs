//! What this registrar says about where it is: in announcements and in PRESENCE. It changes with its host's addresses.

use super::{Registrar, RegistrarConfig, Step};
use crate::wire::{AddressList, TransportParameter};
use std::net::IpAddr;

/// Where a registrar is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnAddresses {
    /// How pool elements and users reach it: goes into announcements. SCTP last, as rsplib reads only the last one. None: whoever
    /// hears an announcement takes its source for the registrar (RFC 5352 section 3.6).
    pub asap_transports: Vec<TransportParameter>,
    /// How registrars reach it: goes into PRESENCE, unless it is empty.
    pub enrp_addresses: AddressList,
}

impl OwnAddresses {
    /// Whether it is one of the host's addresses.
    pub(super) fn include(&self, address: IpAddr) -> bool {
        let of_transport = |transport: &TransportParameter| match transport {
            TransportParameter::Sctp { addresses, .. } => addresses.contains(&address),
            _ => false,
        };
        self.enrp_addresses.contains(&address) || self.asap_transports.iter().any(of_transport)
    }

    pub(crate) fn of(config: &RegistrarConfig) -> OwnAddresses {
        OwnAddresses { asap_transports: config.asap_transports.clone(), enrp_addresses: config.enrp_addresses.clone() }
    }
}

impl Registrar {
    /// The host has other addresses: everybody is told at once, and those that could not be reached may be reached now.
    pub(super) fn on_addresses_changed(&mut self, addresses: OwnAddresses, step: &mut Step<'_>) {
        if self.own_addresses != addresses {
            self.own_addresses = addresses;
            self.announcer.describe(self.id, &self.own_addresses.asap_transports, step.now);
            if self.is_ready() {
                self.announce_presence(step);
            }
        }
        self.knock_everywhere(step.now);
    }
}

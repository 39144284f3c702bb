//! What rsplib's registrars and programs cannot bear in the handlespace of their scope.
//!
//! It cannot be kept from single receivers: a registrar that misses an element has another checksum, and asks for the whole table
//! again. rsplib drops a table with an element that it cannot parse, and never asks that registrar again. So where rsplib is
//! (`rsplib_compatibility`), such elements are neither registered nor taken from others.
//!
//! And registrars tell each other the lives of elements as rsplib counts them, in milliseconds: 90 would be over after 90 ms there.

use super::RegistrarConfig;
use crate::PoolHandle;
use crate::wire::{PoolElement, RegistrationLife, TransportParameter};
use std::net::IpAddr;

/// Bytes of a pool element with its transports: rsplib ends when one does not fit a handle table response of 1400 bytes,
/// which also has 12 bytes of header and 36 of pool handle.
const MAX_ELEMENT_BYTES: usize = 1300;
/// The fixed part of an element: its header, identifiers, life and policy.
const FIXED_BYTES: usize = 40;

/// Who takes part in the operational scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Nobody whose limits are known here.
    WithoutRsplib,
    WithRsplib,
}

impl Scope {
    pub fn of(config: &RegistrarConfig) -> Scope {
        if config.rsplib_compatibility { Scope::WithRsplib } else { Scope::WithoutRsplib }
    }

    /// Whether an element may be in the handlespace.
    pub fn bears(self, pool_handle: &PoolHandle, pool_element: &PoolElement) -> bool {
        if self == Scope::WithoutRsplib {
            return true;
        }
        let transports = [Some(&pool_element.user_transport), pool_element.asap_transport.as_ref()];
        let length: usize = FIXED_BYTES + transports.iter().flatten().map(|transport| length(transport)).sum::<usize>();
        pool_handle.as_bytes().len() <= PoolHandle::DEFAULT_MAX_LEN
            && length <= MAX_ELEMENT_BYTES
            && transports.into_iter().flatten().all(is_parsed)
    }

    /// The life of an element as the peers get it: rsplib's registrars read milliseconds.
    pub fn life_for_peers(self, life: RegistrationLife) -> RegistrationLife {
        if self == Scope::WithRsplib { life.in_milliseconds() } else { life }
    }

    /// The life that a peer means.
    pub fn life_from_peer(self, life: RegistrationLife) -> RegistrationLife {
        if self == Scope::WithRsplib { life.from_milliseconds() } else { life }
    }
}

/// rsplib discards messages with other transports, and leaves out addresses of loopback and single links.
fn is_parsed(transport: &TransportParameter) -> bool {
    match transport {
        TransportParameter::Sctp { addresses, .. } => addresses.iter().any(is_wide),
        TransportParameter::Tcp { address, .. } | TransportParameter::Udp { address, .. } => is_wide(address),
        TransportParameter::UdpLite { .. } | TransportParameter::Dccp { .. } | TransportParameter::Opaque(_) => false,
    }
}

/// Whether an address means something beyond one link.
fn is_wide(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !(address.is_loopback() || address.is_link_local() || address.is_unspecified()),
        IpAddr::V6(address) => !(address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified()),
    }
}

/// What a transport takes at most.
fn length(transport: &TransportParameter) -> usize {
    match transport {
        TransportParameter::Sctp { addresses, .. } => 8 + 20 * addresses.len(),
        _ => 28,
    }
}

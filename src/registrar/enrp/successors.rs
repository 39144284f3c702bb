//! Who may take over the elements of this registrar: its elements are told, so that they believe those and nobody else who connects
//! to them with the H bit of ASAP_ENDPOINT_KEEP_ALIVE.

use super::Registrar;
use super::peers::Peer;
use crate::RegistrarId;
use crate::wire::{AddressList, MAX_SCTP_ADDRESSES, ServerInformation, TransportParameter, TransportUse};

/// Registrars that elements are told of: as many as they remember.
const MOST_TOLD: usize = 32;
/// Addresses of each.
const MOST_ADDRESSES: usize = 4;

impl Registrar {
    /// The peers, as elements are told of them.
    pub(in crate::registrar) fn registrars_to_tell(&self) -> Vec<ServerInformation> {
        self.enrp.peers.iter().filter_map(|(id, peer)| told(id, peer)).take(MOST_TOLD).collect()
    }
}

/// A peer under the address that it was seen at, and those that it names.
fn told(id: RegistrarId, peer: &Peer) -> Option<ServerInformation> {
    let seen = peer.address()?;
    let named: &[_] = match peer.information().map(|information| &information.transport) {
        Some(TransportParameter::Sctp { addresses, .. }) => addresses,
        _ => &[],
    };
    let mut addresses = AddressList::new();
    for address in seen.addresses.iter().chain(named).map(std::net::IpAddr::to_canonical) {
        if addresses.len() < MOST_ADDRESSES.min(MAX_SCTP_ADDRESSES) && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let transport = TransportParameter::Sctp { port: seen.port, transport_use: TransportUse::DataOnly, addresses };
    Some(ServerInformation { id, transport })
}

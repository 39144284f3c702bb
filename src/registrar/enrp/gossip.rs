//! Which addresses of a registrar are told to others and believed: a loopback address means the host of whoever uses it.

use super::peers::{Peer, address_of};
use crate::association::PeerAddress;
use crate::wire::{AddressList, ServerInformation, TransportParameter};
use std::net::IpAddr;

impl Peer {
    /// Where others find it: as it says, but a loopback address of another host is of no use to them. Where nothing is left, it is
    /// where it is seen.
    pub fn told_to_others(&self) -> Option<ServerInformation> {
        let mut information = self.information()?.clone();
        let seen = self.address();
        if let (TransportParameter::Sctp { addresses, .. }, Some(seen)) = (&mut information.transport, seen) {
            if !is_on_this_host(seen) {
                addresses.retain(|address| !address.is_loopback());
                if addresses.is_empty() {
                    addresses.clone_from(&seen.addresses);
                }
            }
        }
        Some(information)
    }

    /// Where a registrar is that this one tells us of. None: it names no address that we could use.
    pub fn tells_of(&self, server: &ServerInformation) -> Option<PeerAddress> {
        let PeerAddress { addresses, port } = address_of(server)?;
        let from_here = self.address().is_none_or(is_on_this_host);
        let usable = |address: &IpAddr| from_here || !address.is_loopback();
        let addresses: AddressList = addresses.into_iter().filter(usable).collect();
        (!addresses.is_empty()).then_some(PeerAddress { addresses, port })
    }
}

fn is_on_this_host(seen: &PeerAddress) -> bool {
    seen.addresses.iter().any(IpAddr::is_loopback)
}

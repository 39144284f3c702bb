//! How a registrar can be reached that announces itself (RFC 5352 section 3.6).

use crate::association::PeerAddress;
use crate::wire::{AddressList, PORT_ASAP, TransportParameter};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// Addresses of a registrar, the most likely first.
pub(super) type Addresses = SmallVec<[PeerAddress; 1]>;

/// The addresses that an announcement gives.
pub(super) struct AnnouncedAddresses {
    pub(super) sctp: Addresses,
    pub(super) tcp: Addresses,
}

/// The SCTP and TCP addresses that an announcement gives.
///
/// Explicit transports first. Without a usable one SCTP at the datagram's source address: at its source port, as rsplib's
/// registrar means it, then at the IANA port, as RFC 5352 section 3.6 has it.
pub(super) fn announced_addresses(
    from: SocketAddr,
    transports: &[TransportParameter],
) -> Result<AnnouncedAddresses, &'static str> {
    let (mut sctp, mut tcp) = (Addresses::new(), Addresses::new());
    let source = from.ip().to_canonical();
    let origin = if source.is_loopback() { Origin::ThisHost } else { Origin::Network };
    for transport in transports.iter().take(8) {
        match transport {
            TransportParameter::Sctp { port, addresses, .. } if *port != 0 => {
                let usable: AddressList =
                    addresses.iter().copied().filter(|a| is_usable(*a, origin)).take(16).collect();
                if !usable.is_empty() {
                    sctp.push(PeerAddress { addresses: usable, port: *port });
                }
            }
            TransportParameter::Tcp { port, address, .. } if *port != 0 && is_usable(*address, origin) => {
                tcp.push(PeerAddress::new(*address, *port));
            }
            _ => {}
        }
    }
    if !sctp.is_empty() || !tcp.is_empty() {
        return Ok(AnnouncedAddresses { sctp, tcp });
    }
    if !is_single(source) {
        return Err("its address cannot be connected to");
    }
    if from.port() != 0 {
        sctp.push(PeerAddress::new(source, from.port()));
    }
    if from.port() != PORT_ASAP {
        sctp.push(PeerAddress::new(source, PORT_ASAP));
    }
    Ok(AnnouncedAddresses { sctp, tcp })
}

/// Where an announcement came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    ThisHost,
    Network,
}

/// Whether an announced address can be connected to: a loopback address only when the announcement is local, too. A link-local one means
/// something on one link only, and nobody says on which.
fn is_usable(address: IpAddr, from: Origin) -> bool {
    let address = address.to_canonical();
    let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    is_single(address) && !link_local && (from == Origin::ThisHost || !address.is_loopback())
}

/// Whether it is the address of one host, as the source of a datagram is, whose link is known.
fn is_single(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !broadcast && !address.is_unspecified() && !address.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::TransportUse;

    fn sctp(port: u16, addresses: &[[u8; 4]]) -> TransportParameter {
        TransportParameter::Sctp {
            port,
            transport_use: TransportUse::DataOnly,
            addresses: addresses.iter().map(|a| IpAddr::from(*a)).collect(),
        }
    }

    fn tcp(port: u16, address: [u8; 4]) -> TransportParameter {
        TransportParameter::Tcp { port, transport_use: TransportUse::DataOnly, address: address.into() }
    }

    fn peer(address: [u8; 4], port: u16) -> PeerAddress {
        PeerAddress::new(address.into(), port)
    }

    fn addresses(from: &str, transports: &[TransportParameter]) -> (Vec<PeerAddress>, Vec<PeerAddress>) {
        let AnnouncedAddresses { sctp, tcp } = announced_addresses(from.parse().unwrap(), transports).unwrap();
        (sctp.to_vec(), tcp.to_vec())
    }

    #[test]
    fn explicit_transports_win_over_the_source_of_the_datagram() {
        let (sctp, tcp) = addresses("10.0.0.9:3863", &[tcp(4000, [10, 0, 0, 1]), sctp(4001, &[[10, 0, 0, 2]])]);
        assert_eq!(sctp, [peer([10, 0, 0, 2], 4001)]);
        assert_eq!(tcp, [peer([10, 0, 0, 1], 4000)]);
    }

    #[test]
    fn asap_119_without_transport_the_source_address_counts_with_its_port_then_the_iana_port() {
        assert_eq!(addresses("10.0.0.9:3863", &[]).0, [peer([10, 0, 0, 9], 3863)]);
        assert_eq!(addresses("10.0.0.9:41000", &[]).0, [peer([10, 0, 0, 9], 41000), peer([10, 0, 0, 9], 3863)]);
    }

    #[test]
    fn unusable_transports_fall_back_to_the_source() {
        let only_loopback = [sctp(4001, &[[127, 0, 0, 1]])];
        assert_eq!(addresses("10.0.0.9:3863", &only_loopback).0, [peer([10, 0, 0, 9], 3863)]);
        assert_eq!(addresses("127.0.0.1:3863", &only_loopback).0, [peer([127, 0, 0, 1], 4001)]);
        assert_eq!(addresses("10.0.0.9:3863", &[sctp(0, &[[10, 0, 0, 1]])]).0, [peer([10, 0, 0, 9], 3863)]);
        assert!(announced_addresses("[::]:3863".parse().unwrap(), &[]).is_err());
    }

    #[test]
    fn a_link_local_address_counts_as_the_source_alone() {
        let six: IpAddr = "fe80::2".parse().unwrap();
        let transport = TransportParameter::Sctp {
            port: 4001,
            transport_use: TransportUse::DataOnly,
            addresses: AddressList::from_slice(&[six]),
        };
        let source = PeerAddress::new("fe80::1".parse().unwrap(), 3863);
        assert_eq!(addresses("[fe80::1]:3863", &[transport]).0, [source]);
    }
}

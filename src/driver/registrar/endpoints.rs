//! The sockets of a registrar.

use super::endpoint::{Door, Endpoint};
use super::opening::{self, Opened, Required};
use super::tls::Tls;
use super::{RegistrarSettings, StartError};
use crate::association::{PeerAddress, TransportKind};
use crate::driver::interfaces::local_addresses;
use crate::driver::poller::Poller;
use crate::registrar::{Link, OwnAddresses, RegistrarConfig};
use crate::transport::multicast::{AnnouncementListener, AnnouncementSender};
#[cfg(feature = "tls")]
use crate::transport::tls::Identities;
use crate::transport::zones::needs_zone;
use crate::transport::{DetachedReceiver, Detachment, SctpParameters, Transport, TransportError};
use crate::wire::{AddressList, MAX_SCTP_ADDRESSES, TransportParameter, TransportUse};
use crate::{AssociationId, Time};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

// Numbers of transports, as they stand in the list of all.

/// ASAP over SCTP.
pub(super) const ASAP_SCTP: u16 = 0;
/// ENRP over SCTP.
pub(super) const ENRP_SCTP: u16 = 1;
/// ASAP over TCP.
pub(super) const ASAP_TCP: u16 = 2;
/// ASAP over TLS over TCP.
pub(super) const ASAP_TLS: u16 = 3;
/// ASAP over TLS over SCTP, where TLS is required.
pub(super) const ASAP_SCTP_TLS: u16 = 4;
/// ENRP over TLS over SCTP, where TLS is required.
pub(super) const ENRP_SCTP_TLS: u16 = 5;
/// Bytes that a transport queues for one association before the driver's backlog begins, while there are few associations.
pub(super) const MAX_SEND_QUEUE: usize = 256 << 10;
/// The same, however many there are: an answer of ordinary length.
const MIN_SEND_QUEUE: usize = 4 << 10;
/// Bytes that transports queue on one side together; each association has its share of it.
const ALL_SEND_QUEUES: usize = 32 << 20;

/// What a key of the poller stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Transport(usize),
    /// The ENRP group.
    EnrpGroup,
}

impl Key {
    pub(super) fn as_u64(self) -> u64 {
        match self {
            Key::Transport(number) => number as u64,
            Key::EnrpGroup => 1 << 16,
        }
    }
}

/// The numbers of the transports that connect.
#[derive(Clone, Copy)]
struct Connects {
    asap: u16,
    enrp: u16,
}

impl Connects {
    const IN_THE_CLEAR: Connects = Connects { asap: ASAP_SCTP, enrp: ENRP_SCTP };
    const UNDER_TLS: Connects = Connects { asap: ASAP_SCTP_TLS, enrp: ENRP_SCTP_TLS };
}

/// What each of so many associations may queue: who does not read pins that much. Powers of two, so that it seldom changes.
fn share(associations: usize) -> usize {
    (ALL_SEND_QUEUES / associations.max(1).next_power_of_two()).clamp(MIN_SEND_QUEUE, MAX_SEND_QUEUE)
}

/// All sockets.
pub(super) struct Endpoints {
    /// By their transport number.
    pub(super) transports: Vec<Endpoint>,
    /// Hears other registrars on the ENRP groups.
    pub(super) enrp_listener: Option<AnnouncementListener>,
    /// Sends announcements from the ASAP port.
    asap_senders: Vec<AnnouncementSender>,
    /// Sends PRESENCE from the ENRP port.
    enrp_senders: Vec<AnnouncementSender>,
    /// Where it is bound, at least one address.
    pub(super) asap: Vec<SocketAddr>,
    pub(super) enrp: Vec<SocketAddr>,
    /// What the settings say about where it is reached; empty: it follows the host's addresses.
    settled: OwnAddresses,
    /// From where this side connects.
    connects: Connects,
    /// Who has proved under TLS to be whom.
    #[cfg(feature = "tls")]
    pub(super) identities: Identities,
}

impl Endpoints {
    pub(super) fn open(settings: &RegistrarSettings) -> Result<Endpoints, StartError> {
        let tls = Tls::of(settings)?;
        let Opened { sctp, tcp, enrp, users_tls, required } = opening::open(settings, tls.as_ref())?;
        let asap_addresses = with_port(&settings.asap, sctp.local_port());
        let enrp_addresses = with_port(&settings.enrp, enrp.local_port());
        if let Some(tls) = &tls {
            tls.tell_ports(port_of(&asap_addresses), port_of(&enrp_addresses));
        }
        let ttl = settings.multicast_ttl;
        let asap_senders = senders(sctp.as_ref(), &settings.announce_groups, ttl, "announcements");
        let enrp_senders = senders(enrp.as_ref(), &settings.enrp_groups, ttl, "PRESENCE to ENRP groups");
        let enrp_listener = listener(&settings.enrp_groups);
        let enrp_door = if required.is_some() { Door::Closed } else { Door::Open };
        let connects = if required.is_some() { Connects::UNDER_TLS } else { Connects::IN_THE_CLEAR };
        let new = |link, transport, door| Endpoint::new(link, transport, MAX_SEND_QUEUE, door);
        let mut transports =
            vec![new(Link::Asap, sctp, Door::Open), new(Link::Enrp, enrp, enrp_door), new(Link::Asap, tcp, Door::Open)];
        transports.extend(users_tls.map(|users| new(Link::Asap, users, Door::Open)));
        if let Some(Required { elements, registrars }) = required {
            transports.extend([new(Link::Asap, elements, Door::Open), new(Link::Enrp, registrars, Door::BesidePort)]);
        }
        let settled = OwnAddresses::of(&settings.core);
        Ok(Endpoints {
            transports,
            enrp_listener,
            asap_senders,
            enrp_senders,
            asap: asap_addresses,
            enrp: enrp_addresses,
            settled,
            connects,
            #[cfg(feature = "tls")]
            identities: tls.map(|tls| tls.identities).unwrap_or_default(),
        })
    }

    /// Which SCTP was chosen.
    pub(super) fn kind(&self) -> TransportKind {
        self.transports[usize::from(ASAP_SCTP)].transport.capabilities().kind
    }

    /// Fills in what the core must know of its endpoints, where the settings do not say it.
    pub(super) fn describe(&self, settings: &RegistrarSettings, config: &mut RegistrarConfig) {
        config.announce = !settings.announce_groups.is_empty();
        config.enrp_multicast = !settings.enrp_groups.is_empty();
        config.enrp_port = port_of(&self.enrp);
        config.tls_required = self.connects.asap == ASAP_SCTP_TLS;
        let own = self.own_addresses();
        (config.asap_transports, config.enrp_addresses) = (own.asap_transports, own.enrp_addresses);
        self.retain_others(&mut config.peers);
    }

    /// Where it is reached now; what the settings say stays as it is.
    pub(super) fn own_addresses(&self) -> OwnAddresses {
        let OwnAddresses { mut asap_transports, mut enrp_addresses } = self.settled.clone();
        if enrp_addresses.is_empty() {
            enrp_addresses = reachable(&self.enrp);
        }
        if asap_transports.is_empty() {
            let addresses = reachable(&self.asap);
            let port = port_of(&self.asap);
            let transport_use = TransportUse::DataOnly;
            if let Some(&address) = addresses.first() {
                asap_transports.push(TransportParameter::Tcp { port, transport_use, address });
                asap_transports.push(TransportParameter::Sctp { port, transport_use, addresses });
            }
        }
        OwnAddresses { asap_transports, enrp_addresses }
    }

    /// Leaves out our own ENRP endpoint: all registrars of a scope may be given the same list.
    pub(super) fn retain_others(&self, peers: &mut Vec<PeerAddress>) {
        let own = PeerAddress { addresses: reachable(&self.enrp), port: port_of(&self.enrp) };
        peers.retain(|peer| !peer.is_with(&own));
    }

    /// Sets the parameters of the associations of a side.
    pub(super) fn set_parameters(&mut self, side: Link, parameters: &SctpParameters) {
        for endpoint in self.transports.iter_mut().filter(|endpoint| endpoint.link == side) {
            endpoint.transport.set_parameters(parameters);
        }
    }

    /// There are so many associations of a side now.
    pub(super) fn share_send_queues(&mut self, side: Link, associations: usize) {
        let share = share(associations);
        for endpoint in self.transports.iter_mut().filter(|endpoint| endpoint.link == side) {
            if endpoint.send_queue != share {
                endpoint.send_queue = share;
                endpoint.transport.limit_send_queues(share);
            }
        }
    }

    /// The transport that an association lives on.
    pub(super) fn of(&mut self, association: AssociationId) -> Option<&mut dyn Transport> {
        let endpoint = self.transports.get_mut(usize::from(association.transport()))?;
        Some(&mut *endpoint.transport)
    }

    /// Lets the transports collect messages, so that several for one association go out together.
    pub(super) fn hold(&mut self) {
        self.transports.iter_mut().for_each(|endpoint| endpoint.transport.hold());
    }

    /// Sends what was collected.
    pub(super) fn release(&mut self, now: Time) {
        self.transports.iter_mut().for_each(|endpoint| endpoint.transport.release(now));
    }

    /// Detaches the receiver of ASAP over SCTP, where it can be: that is where requests come in. Its number comes along.
    pub(super) fn detach_receiver(&mut self) -> Option<(usize, Box<dyn DetachedReceiver>)> {
        let number = usize::from(ASAP_SCTP);
        let receiver = self.transports[number].transport.detachable()?.detach(Detachment::Lasting)?;
        Some((number, receiver))
    }

    /// Connects over SCTP.
    pub(super) fn connect(
        &mut self,
        now: Time,
        link: Link,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let number = match link {
            Link::Asap => self.connects.asap,
            Link::Enrp => self.connects.enrp,
        };
        self.transports[usize::from(number)].connect(now, peer, timeout)
    }

    /// Sends a datagram to the groups of a side; returns how many went out.
    pub(super) fn multicast(&mut self, link: Link, bytes: &[u8]) -> usize {
        let senders = match link {
            Link::Asap => &mut self.asap_senders,
            Link::Enrp => &mut self.enrp_senders,
        };
        senders.iter_mut().map(|sender| sender.send(bytes)).sum()
    }

    /// Waits for all of them.
    pub(super) fn add_to(&self, poller: &Poller) -> io::Result<()> {
        for (number, endpoint) in self.transports.iter().enumerate() {
            if let Some(fd) = endpoint.transport.poll_fd() {
                poller.add(fd, Key::Transport(number).as_u64())?;
            }
        }
        if let Some(listener) = &self.enrp_listener {
            poller.add(listener.poll_fd(), Key::EnrpGroup.as_u64())?;
        }
        Ok(())
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        let deadlines = self.transports.iter().filter_map(|endpoint| match endpoint.more {
            true => Some(Time::ZERO),
            false => endpoint.transport.next_deadline(),
        });
        deadlines.min()
    }
}

/// Senders to groups from the places of `endpoint`, as receivers take that of an announcement for the registrar's. Where that does
/// not work, which is ordinary, peers find the registrar by their configuration.
fn senders(endpoint: &dyn Transport, groups: &[SocketAddr], ttl: u32, what: &str) -> Vec<AnnouncementSender> {
    if groups.is_empty() {
        return Vec::new();
    }
    let sender = |socket| AnnouncementSender::new(socket, groups, ttl);
    let senders = endpoint.announcement_sockets().and_then(|sockets| sockets.into_iter().map(sender).collect());
    senders.unwrap_or_else(|error| {
        log::info!("no {what}: no socket with the endpoint's port: {error}");
        Vec::new()
    })
}

fn listener(groups: &[SocketAddr]) -> Option<AnnouncementListener> {
    if groups.is_empty() {
        return None;
    }
    let listener = AnnouncementListener::open(groups);
    listener.map_err(|error| log::info!("registrars on ENRP groups are not heard: {error}")).ok()
}

/// Addresses as logs have them.
pub(super) fn listed(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
}

/// The port of all of them.
pub(super) fn port_of(addresses: &[SocketAddr]) -> u16 {
    addresses.first().map_or(0, SocketAddr::port)
}

pub(super) fn with_port(addresses: &[SocketAddr], port: u16) -> Vec<SocketAddr> {
    let mut addresses = addresses.to_vec();
    addresses.iter_mut().for_each(|address| address.set_port(port));
    addresses
}

/// The addresses to tell others: the bound ones, or for the wildcard address those of the machine. Link-local ones mean nothing to others:
/// who has no other address is known by that from which it is seen.
fn reachable(bound: &[SocketAddr]) -> AddressList {
    let wildcard = bound.iter().map(SocketAddr::ip).find(IpAddr::is_unspecified);
    let Some(wildcard) = wildcard else {
        let bound = bound.iter().map(SocketAddr::ip);
        return bound.filter(|a| !needs_zone(a)).take(MAX_SCTP_ADDRESSES).collect();
    };
    let all = local_addresses().unwrap_or_else(|error| {
        log::warn!("the addresses of this machine cannot be read, so announcements name loopback only: {error}");
        vec![IpAddr::from([127, 0, 0, 1])]
    });
    // A wildcard IPv4 endpoint is not reached by IPv6; a wildcard IPv6 endpoint is reached by both.
    all.into_iter().filter(|a| a.is_ipv4() || wildcard.is_ipv6()).take(MAX_SCTP_ADDRESSES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_associations_may_queue_shrinks_with_their_number() {
        assert_eq!([0, 1, 128, 129, 4096, 65_536].map(share), [256, 256, 256, 128, 8, 4].map(|kib| kib << 10));
        for associations in 1..8192 {
            assert!(associations * share(associations) <= ALL_SEND_QUEUES, "{associations} associations");
        }
    }
}

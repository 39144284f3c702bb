//! The associations with pool elements, pool users and registrars, and what hangs on them.

use super::silence::Silence;
use super::{Link, RegistrarConfig};
use crate::association::{Peer, PeerAddress, TransportKind};
use crate::handlespace::{SeededState, ShardedMap};
use crate::security::access::Identity;
use crate::token_bucket::TokenBucket;
use crate::wire::{AddressList, MAX_SCTP_ADDRESSES, TransportParameter, TransportUse};
use crate::{AssociationId, Time};
use std::net::IpAddr;

/// Messages that cannot be used which an association may send a second before it is aborted.
const MAX_FAULTS_PER_SECOND: u32 = 32;

/// What the other end of an association may do only so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limited {
    Resolution,
    /// That an element is unreachable.
    Report,
    /// A message that cannot be used.
    Fault,
}

/// An association.
#[derive(Debug)]
pub(super) struct Association {
    link: Link,
    peer: Peer,
    /// Who it has proved to be; none: nothing was proved.
    identity: Option<Box<Identity>>,
    resolutions: TokenBucket,
    reports: TokenBucket,
    faults: TokenBucket,
    /// Which list of other registrars it was told last.
    told: u32,
    /// When a message came last, or when it came up.
    last_heard: Time,
    /// When to look whether it is silent; TCP only.
    look_at: Option<Time>,
}

impl Association {
    pub fn new(link: Link, peer: Peer, config: &RegistrarConfig, now: Time) -> Association {
        Association {
            link,
            peer,
            identity: None,
            resolutions: TokenBucket::per_second(config.max_resolutions_per_second, now),
            reports: TokenBucket::per_second(config.max_reports_per_second, now),
            faults: TokenBucket::per_second(MAX_FAULTS_PER_SECOND, now),
            told: 0,
            last_heard: now,
            look_at: None,
        }
    }

    /// What its other end may do in a second from now on.
    fn adopt(&mut self, before: &RegistrarConfig, config: &RegistrarConfig, now: Time) {
        if config.max_resolutions_per_second != before.max_resolutions_per_second {
            self.resolutions = TokenBucket::per_second(config.max_resolutions_per_second, now);
        }
        if config.max_reports_per_second != before.max_reports_per_second {
            self.reports = TokenBucket::per_second(config.max_reports_per_second, now);
        }
    }

    /// Which side it belongs to.
    pub fn link(&self) -> Link {
        self.link
    }

    pub fn last_heard(&self) -> Time {
        self.last_heard
    }

    /// Whether this registrar made it.
    pub fn is_outbound(&self) -> bool {
        !self.peer.inbound
    }

    pub fn is_tcp(&self) -> bool {
        self.peer.kind == TransportKind::Tcp
    }

    /// Who the other end has proved to be.
    pub fn identity(&self) -> &Identity {
        self.identity.as_deref().unwrap_or(&Identity::Plain)
    }

    /// Where the other end is.
    pub fn address(&self) -> &PeerAddress {
        &self.peer.address
    }

    /// Whether the other end has this address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.peer.address.addresses.iter().any(|own| own.to_canonical() == address.to_canonical())
    }

    /// The addresses by which it is found; none, unless it is an SCTP association of the ASAP side.
    fn asap_addresses(&self) -> impl Iterator<Item = (IpAddr, u16)> + use<> {
        let peer = &self.peer.address;
        let wanted = self.link == Link::Asap && !self.is_tcp();
        let addresses = if wanted { peer.addresses.clone() } else { AddressList::new() };
        let port = peer.port;
        addresses.into_iter().map(move |ip| (ip.to_canonical(), port))
    }

    /// The transport could not say where the other end is: it had lost the association by the time that it told of it.
    pub fn is_nowhere(&self) -> bool {
        self.peer.address.addresses.is_empty()
    }

    /// Where it comes from, for what is counted for each host.
    pub fn host(&self) -> u64 {
        self.peer.address.host().unwrap_or(0)
    }

    /// The other end as the ASAP transport of an element (RFC 5352 section 3.1 rule 4).
    pub fn asap_transport(&self) -> TransportParameter {
        TransportParameter::Sctp {
            port: self.peer.address.port,
            transport_use: TransportUse::DataOnly,
            addresses: self.peer.address.addresses.iter().take(MAX_SCTP_ADDRESSES).copied().collect(),
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Associations {
    by_id: ShardedMap<AssociationId, Association>,
    /// SCTP associations of the ASAP side.
    by_address: ShardedMap<(IpAddr, u16), AssociationId>,
    asap: usize,
    silence: Silence,
}

impl Associations {
    pub fn new(seed: u64) -> Associations {
        let state = SeededState::new(seed);
        Associations {
            by_id: ShardedMap::new(state),
            by_address: ShardedMap::new(state),
            asap: 0,
            silence: Silence::default(),
        }
    }

    /// Those with elements and users.
    pub fn asap_count(&self) -> usize {
        self.asap
    }

    /// TCP connections among them.
    pub fn tcp_count(&self) -> usize {
        self.silence.len()
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn get(&self, id: AssociationId) -> Option<&Association> {
        self.by_id.get(&id)
    }

    /// Its other end has proved who it is.
    pub fn identify(&mut self, id: AssociationId, identity: Identity) {
        if let Some(association) = self.by_id.get_mut(&id) {
            association.identity = Some(Box::new(identity));
        }
    }

    /// A message has come over it; which side it belongs to.
    pub fn heard(&mut self, now: Time, id: AssociationId) -> Option<Link> {
        let association = self.by_id.get_mut(&id)?;
        association.last_heard = now;
        Some(association.link)
    }

    /// Whether its other end may do this once more now.
    pub fn allows(&mut self, now: Time, id: AssociationId, what: Limited) -> bool {
        let Some(association) = self.by_id.get_mut(&id) else { return false };
        let bucket = match what {
            Limited::Resolution => &mut association.resolutions,
            Limited::Report => &mut association.reports,
            Limited::Fault => &mut association.faults,
        };
        bucket.take(now)
    }

    /// The other end is to know this list of other registrars. Whether it has to be told.
    pub fn tell(&mut self, id: AssociationId, version: u32) -> bool {
        self.by_id.get_mut(&id).is_some_and(|association| std::mem::replace(&mut association.told, version) != version)
    }

    /// Whether there is room for one more association with a pool element or user.
    pub fn has_room_for(&self, kind: TransportKind, config: &RegistrarConfig) -> bool {
        self.asap < config.max_associations
            && (kind != TransportKind::Tcp || self.silence.len() < config.max_tcp_connections)
    }

    /// When to look for TCP connections that have been silent for too long.
    pub fn next_look(&self) -> Option<Time> {
        self.silence.next()
    }

    /// A TCP connection that is to be looked at now.
    pub fn take_silent(&mut self, now: Time) -> Option<AssociationId> {
        let (at, id) = self.silence.first().filter(|(at, _)| *at <= now)?;
        self.silence.forget(at, id);
        Some(id)
    }

    pub fn insert(&mut self, id: AssociationId, association: Association) {
        self.remove(id);
        self.asap += usize::from(association.link == Link::Asap);
        for address in association.asap_addresses() {
            // Whoever says later that he is there, too, gets nothing that is meant for the one who was there first.
            if self.by_address.get(&address).is_none() {
                self.by_address.insert(address, id);
            }
        }
        self.by_id.insert(id, association);
    }

    /// Goes by other settings from now on: rates, and when to look at TCP connections.
    pub fn adopt(&mut self, before: &RegistrarConfig, config: &RegistrarConfig, now: Time) {
        for (id, association) in self.by_id.iter_mut() {
            association.adopt(before, config, now);
            let looked_at = association.last_heard + config.tcp_idle_timeout;
            if let Some(at) = association.look_at.filter(|at| *at > looked_at) {
                association.look_at = Some(looked_at);
                self.silence.forget(at, *id);
                self.silence.watch(looked_at, *id);
            }
        }
    }

    /// Has a TCP connection looked at then.
    pub fn look_again(&mut self, at: Time, id: AssociationId) {
        if let Some(association) = self.by_id.get_mut(&id) {
            association.look_at = Some(at);
            self.silence.watch(at, id);
        }
    }

    /// The ASAP association with a pool element at this address.
    pub fn find_asap(&self, peer: &PeerAddress) -> Option<AssociationId> {
        peer.addresses.iter().find_map(|ip| self.by_address.get(&(ip.to_canonical(), peer.port)).copied())
    }

    pub fn remove(&mut self, id: AssociationId) -> Option<Association> {
        let association = self.by_id.remove(&id)?;
        self.asap -= usize::from(association.link == Link::Asap);
        if let Some(at) = association.look_at {
            self.silence.forget(at, id);
        }
        for address in association.asap_addresses() {
            if self.by_address.get(&address) == Some(&id) {
                self.by_address.remove(&address);
            }
        }
        Some(association)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lists_the_address_of_another_one_gets_nothing_that_is_meant_for_that() {
        let config = RegistrarConfig::default();
        let place = |last: u8| PeerAddress::new(IpAddr::from([10, 0, 0, last]), 4000);
        let mut both = place(2);
        both.addresses.push(IpAddr::from([10, 0, 0, 1]));
        let peer = |address| Peer { address, inbound: true, kind: TransportKind::KernelSctp };
        let (victim, attacker) = (AssociationId::new(0, 1), AssociationId::new(0, 2));
        let mut associations = Associations::new(1);
        for (id, address) in [(victim, place(1)), (attacker, both)] {
            associations.insert(id, Association::new(Link::Asap, peer(address), &config, Time::ZERO));
        }
        assert_eq!([1, 2].map(|last| associations.find_asap(&place(last))), [Some(victim), Some(attacker)]);
        associations.remove(victim);
        assert_eq!(associations.find_asap(&place(1)), None);
    }
}

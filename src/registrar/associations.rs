//! The associations with pool elements, pool users and registrars, and what hangs on them.

use super::silence::Silence;
use super::{Action, ConnectAttempt, Link, Registrar, RegistrarConfig, Step};
use crate::association::{LossReason, Peer, PeerAddress, TransportKind};
use crate::handlespace::{SeededState, ShardedMap};
use crate::log_limit::log_limited;
use crate::token_bucket::TokenBucket;
use crate::wire::{AddressList, MAX_SCTP_ADDRESSES, TransportParameter, TransportUse};
use crate::{AssociationId, Time};
use log::Level;
use std::net::IpAddr;

/// Messages that cannot be used which an association may send a second before it is aborted.
const MAX_FAULTS_PER_SECOND: u32 = 32;

/// What a connect of this registrar came to.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectedTo {
    Association(AssociationId),
    /// There was no room for it.
    Nothing,
}

/// An association.
#[derive(Debug)]
pub(super) struct Association {
    pub link: Link,
    pub peer: Peer,
    pub resolutions: TokenBucket,
    pub reports: TokenBucket,
    pub faults: TokenBucket,
    /// When a message came last, or when it came up.
    pub last_heard: Time,
    /// When to look whether it is silent; TCP only.
    look_at: Option<Time>,
}

impl Association {
    fn new(link: Link, peer: Peer, config: &RegistrarConfig, now: Time) -> Association {
        Association {
            link,
            peer,
            resolutions: TokenBucket::per_second(config.max_resolutions_per_second, now),
            reports: TokenBucket::per_second(config.max_reports_per_second, now),
            faults: TokenBucket::per_second(MAX_FAULTS_PER_SECOND, now),
            last_heard: now,
            look_at: None,
        }
    }

    fn is_tcp(&self) -> bool {
        self.peer.kind == TransportKind::Tcp
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
    pub silence: Silence,
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

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn get(&self, id: AssociationId) -> Option<&Association> {
        self.by_id.get(&id)
    }

    pub fn get_mut(&mut self, id: AssociationId) -> Option<&mut Association> {
        self.by_id.get_mut(&id)
    }

    fn insert(&mut self, id: AssociationId, association: Association) {
        self.remove(id);
        self.asap += usize::from(association.link == Link::Asap);
        for address in association.asap_addresses() {
            self.by_address.insert(address, id);
        }
        self.by_id.insert(id, association);
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

    fn remove(&mut self, id: AssociationId) -> Option<Association> {
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

impl Registrar {
    pub(super) fn on_association_up(
        &mut self,
        link: Link,
        id: AssociationId,
        attempt: Option<ConnectAttempt>,
        peer: Peer,
        step: &mut Step<'_>,
    ) {
        let tcp = peer.kind == TransportKind::Tcp;
        let is_room = match link {
            Link::Asap => {
                self.associations.asap < self.config.max_associations
                    && (!tcp || self.associations.silence.len() < self.config.max_tcp_connections)
            }
            Link::Enrp => self.takes_enrp_association(),
        };
        if !is_room {
            log_limited!(
                self.logs.associations,
                step.now,
                Level::Warn,
                "registrar {}: {} associations are there already: the one of {} is aborted",
                self.id,
                self.associations.len(),
                peer.address
            );
            self.statistics.rate_limited += 1;
            step.push(Action::Abort { association: id, reason: "too many associations" });
            match (link, attempt) {
                (Link::Asap, Some(attempt)) => {
                    self.on_own_asap_association_up(attempt, ConnectedTo::Nothing, step);
                }
                (Link::Enrp, Some(attempt)) => {
                    self.on_connect_failed(attempt, &LossReason::Timeout, step);
                }
                (_, None) => {}
            }
            return;
        }
        self.associations.insert(id, Association::new(link, peer, &self.config, step.now));
        if tcp {
            self.associations.look_again(step.now + self.config.tcp_idle_timeout, id);
        }
        match (link, attempt) {
            (Link::Enrp, _) => self.on_enrp_association_up(id, attempt, step),
            (Link::Asap, Some(attempt)) => {
                self.on_own_asap_association_up(attempt, ConnectedTo::Association(id), step);
            }
            (Link::Asap, None) => {}
        }
    }

    pub(super) fn on_association_lost(&mut self, id: AssociationId, reason: &LossReason, step: &mut Step<'_>) {
        let Some(association) = self.associations.remove(id) else { return };
        match association.link {
            Link::Asap => {
                let elements = self.handlespace.count_of_association(id);
                if elements > 0 {
                    log_limited!(
                        self.logs.associations,
                        step.now,
                        Level::Info,
                        "registrar {}: association with {} is gone ({reason}): its {elements} pool elements are removed",
                        self.id,
                        association.peer.address
                    );
                }
                self.forget_association(id, step);
            }
            Link::Enrp => self.on_enrp_association_lost(id, step),
        }
    }

    /// Aborts an association, with everything that hangs on it.
    pub(super) fn abort(&mut self, id: AssociationId, reason: &'static str, step: &mut Step<'_>) {
        let Some(association) = self.associations.remove(id) else { return };
        log_limited!(
            self.logs.associations,
            step.now,
            Level::Warn,
            "registrar {}: association with {} is aborted: {reason}",
            self.id,
            association.peer.address
        );
        step.push(Action::Abort { association: id, reason });
        match association.link {
            Link::Asap => self.forget_association(id, step),
            Link::Enrp => self.on_enrp_association_lost(id, step),
        }
    }

    /// Removes the subscriptions of an association that is gone, and the elements that this registrar is home of. Those that
    /// have, or are to get, another home go on without.
    fn forget_association(&mut self, id: AssociationId, step: &mut Step<'_>) {
        self.subscriptions.remove_association(id);
        while let Some(element) = self.handlespace.first_of_association(id) {
            let own = self.handlespace.element(element).is_some_and(|e| e.home_registrar() == self.id);
            if own && !self.is_leaving() {
                self.statistics.removed_by_loss += 1;
                self.remove_element(element, step);
            } else {
                self.let_go(element);
            }
        }
    }
}

//! The associations with pool elements, pool users and registrars, and what hangs on them.

use super::limits::TokenBucket;
use super::{Action, ConnectAttempt, Link, Registrar, RegistrarConfig};
use crate::handlespace::{SeededMap, SeededState};
use crate::log_limit::log_limited;
use crate::transport::{LossReason, Peer};
use crate::wire::{MAX_SCTP_ADDRESSES, TransportParameter, TransportUse};
use crate::{AssociationId, Time};
use log::Level;
use std::net::IpAddr;

/// Messages that cannot be used which an association may send a second before it is aborted.
const MAX_FAULTS_PER_SECOND: u32 = 32;

/// An association.
#[derive(Debug)]
pub(super) struct Association {
    pub link: Link,
    pub peer: Peer,
    pub resolutions: TokenBucket,
    pub reports: TokenBucket,
    pub faults: TokenBucket,
}

impl Association {
    fn new(link: Link, peer: Peer, config: &RegistrarConfig, now: Time) -> Association {
        Association {
            link,
            peer,
            resolutions: TokenBucket::new(config.max_resolutions_per_second, now),
            reports: TokenBucket::new(config.max_reports_per_second, now),
            faults: TokenBucket::new(MAX_FAULTS_PER_SECOND, now),
        }
    }

    /// Whether the other end has this address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.peer.address.addresses.iter().any(|own| own.to_canonical() == address.to_canonical())
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
    by_id: SeededMap<AssociationId, Association>,
    asap: usize,
}

impl Associations {
    pub fn new(seed: u64) -> Associations {
        Associations { by_id: SeededMap::with_hasher(SeededState::new(seed)), asap: 0 }
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
        self.by_id.insert(id, association);
    }

    fn remove(&mut self, id: AssociationId) -> Option<Association> {
        let association = self.by_id.remove(&id)?;
        self.asap -= usize::from(association.link == Link::Asap);
        Some(association)
    }
}

impl Registrar {
    pub(super) fn handle_association_up(
        &mut self,
        now: Time,
        link: Link,
        id: AssociationId,
        attempt: Option<ConnectAttempt>,
        peer: Peer,
        actions: &mut Vec<Action>,
    ) {
        if link == Link::Asap && self.associations.asap >= self.config.max_associations {
            log_limited!(
                self.logs.associations,
                now,
                Level::Warn,
                "registrar {}: {} associations are there already: the one of {} is aborted",
                self.id,
                self.config.max_associations,
                peer.address
            );
            self.statistics.rate_limited += 1;
            actions.push(Action::Abort { association: id, reason: "too many associations" });
            return;
        }
        self.associations.insert(id, Association::new(link, peer, &self.config, now));
        if link == Link::Enrp {
            self.handle_enrp_association_up(now, id, attempt, actions);
        }
    }

    pub(super) fn handle_association_lost(
        &mut self,
        now: Time,
        id: AssociationId,
        reason: &LossReason,
        actions: &mut Vec<Action>,
    ) {
        let Some(association) = self.associations.remove(id) else { return };
        match association.link {
            Link::Asap => {
                let elements = self.handlespace.count_of_association(id);
                if elements > 0 {
                    log_limited!(
                        self.logs.associations,
                        now,
                        Level::Info,
                        "registrar {}: association with {} is gone ({reason}): its {elements} pool elements are removed",
                        self.id,
                        association.peer.address
                    );
                }
                self.forget_association(now, id, actions);
            }
            Link::Enrp => self.handle_enrp_association_lost(now, id, actions),
        }
    }

    /// Aborts an association, with everything that hangs on it.
    pub(super) fn abort(&mut self, now: Time, id: AssociationId, reason: &'static str, actions: &mut Vec<Action>) {
        let Some(association) = self.associations.remove(id) else { return };
        log_limited!(
            self.logs.associations,
            now,
            Level::Warn,
            "registrar {}: association with {} is aborted: {reason}",
            self.id,
            association.peer.address
        );
        actions.push(Action::Abort { association: id, reason });
        match association.link {
            Link::Asap => self.forget_association(now, id, actions),
            Link::Enrp => self.handle_enrp_association_lost(now, id, actions),
        }
    }

    /// Removes the subscriptions and elements of an association that is gone.
    fn forget_association(&mut self, now: Time, id: AssociationId, actions: &mut Vec<Action>) {
        self.subscriptions.remove_association(id);
        while let Some(element) = self.handlespace.first_of_association(id) {
            self.statistics.removed_by_loss += 1;
            self.remove_element(now, element, actions);
        }
    }
}

//! What the handlespace keeps of a pool element.

use super::PoolIndex;
use super::lists::Links;
use super::liveness::{Claim, Liveness};
use super::record::Record;
use crate::policy::Member;
use crate::wire::{Policy, PoolElement, TransportParameter};
use crate::{AssociationId, PoolElementId, RegistrarId};

/// A pool element with its place in the handlespace.
///
/// In the order in which it is needed, and at the beginning of a line of the cache: a search and the timers do with the first
/// line, an answer with the next ones.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Element {
    pub(super) pool: PoolIndex,
    pub(super) id: PoolElementId,
    pub(super) home_registrar: RegistrarId,
    pub(super) member: Member,
    pub(super) liveness: Liveness,
    pub(super) record: Record,
    pub(super) association: Option<AssociationId>,
    pub(super) by_association: Links,
    pub(super) by_owner: Links,
    /// Of [`super::hosts`].
    pub(super) host: u64,
    pub(super) mark: u64,
}

impl Element {
    /// Its pool.
    pub fn pool(&self) -> PoolIndex {
        self.pool
    }

    /// Its identifier.
    pub fn id(&self) -> PoolElementId {
        self.id
    }

    /// Its home registrar.
    pub fn home_registrar(&self) -> RegistrarId {
        self.home_registrar
    }

    /// The element as registered, with home registrar and ASAP transport: decoded from what is kept.
    pub fn pool_element(&self) -> PoolElement {
        self.record.pool_element(self.id, self.home_registrar)
    }

    /// Its policy values, as `pool_element` has them.
    pub fn policy(&self) -> Policy {
        self.record.policy()
    }

    /// Where it offers its service, as `pool_element` has it.
    pub fn user_transport(&self) -> TransportParameter {
        self.record.user_transport()
    }

    /// How registrars reach it.
    pub fn asap_transport(&self) -> Option<TransportParameter> {
        self.record.asap_transport()
    }

    /// Its Pool Element parameter as pool users get it, without ASAP transport, padded.
    pub fn encoded(&self) -> &[u8] {
        self.record.for_pool_users()
    }

    /// Its Policy parameter, padded.
    pub fn encoded_policy(&self) -> &[u8] {
        self.record.encoded_policy()
    }

    /// How many bytes its Pool Element parameter has for other registrars, with ASAP transport, padded.
    pub fn encoded_len(&self) -> usize {
        self.record.len()
    }

    /// The association that it registered on; none for those of other registrars.
    pub fn association(&self) -> Option<AssociationId> {
        self.association
    }

    /// When it was last heard of, as the user of the handlespace counts; set by [`super::Handlespace::set_mark`].
    pub fn mark(&self) -> u64 {
        self.mark
    }

    /// What is known about its being alive; changed by [`super::Handlespace::update_liveness`].
    pub fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    /// Whether it has registered over an association that is there: not one by which it was only asked to.
    pub fn is_registered(&self) -> bool {
        self.association.is_some() && matches!(self.liveness.claim(), Claim::Registered | Claim::Contested)
    }
}

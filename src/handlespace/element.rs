//! What the handlespace keeps of a pool element.

use super::PoolIndex;
use super::lists::Links;
use super::record::Record;
use crate::policy::Member;
use crate::wire::{Policy, PoolElement, TransportParameter};
use crate::{AssociationId, PoolElementId, RegistrarId, Time};

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
}

/// How an element and the registrar stand, when the registrar has an association with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// It registered over the association.
    #[default]
    Registered,
    /// It registered over the association, but another registrar says that it is its home: it is being asked.
    Contested,
    /// It is being asked to take this registrar as its home.
    Asked,
    /// It acknowledged that, but has not registered yet.
    Adopted,
}

/// What is known about an element's being alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// When its registration ends; `Time::MAX`: never.
    pub expires_at: Time,
    /// When to send the next keep-alive, or, while an answer is awaited, when to give up; `Time::MAX`: never.
    pub keep_alive_at: Time,
    /// A keep-alive is out and not answered.
    pub awaiting_ack: bool,
    /// When the last keep-alive was sent, if one was.
    pub last_keep_alive: Option<Time>,
    /// Unreachable reports that count.
    pub bad_reports: u32,
    /// What its association with this registrar is worth.
    pub claim: Claim,
}

impl Liveness {
    /// Without any timer.
    pub const UNWATCHED: Liveness = Liveness {
        expires_at: Time::MAX,
        keep_alive_at: Time::MAX,
        awaiting_ack: false,
        last_keep_alive: None,
        bad_reports: 0,
        claim: Claim::Registered,
    };

    /// The earlier of the timers.
    pub fn next_timer(&self) -> Time {
        self.expires_at.min(self.keep_alive_at)
    }
}

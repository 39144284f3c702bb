//! What the handlespace keeps of a pool element.

use super::lists::Links;
use super::{MAX_ELEMENT_BYTES, PoolIndex};
use crate::policy::Member;
use crate::wire::{Parameter, PoolElement, Writer};
use crate::{AssociationId, Time};

/// A pool element with its place in the handlespace.
#[derive(Debug)]
pub struct Element {
    pub(super) pool: PoolIndex,
    pub(super) member: Member,
    pub(super) pool_element: PoolElement,
    pub(super) encoded: Box<[u8]>,
    pub(super) association: Option<AssociationId>,
    pub(super) by_association: Links,
    pub(super) by_owner: Links,
    pub(super) liveness: Liveness,
    pub(super) mark: u64,
}

impl Element {
    /// Its pool.
    pub fn pool(&self) -> PoolIndex {
        self.pool
    }

    /// The element as registered, with home registrar and ASAP transport.
    pub fn pool_element(&self) -> &PoolElement {
        &self.pool_element
    }

    /// Its Pool Element parameter as pool users get it, without ASAP transport, padded.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
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

/// The parameter of an element as pool users get it: they have no use for the ASAP transport. None: it is too long.
pub(super) fn encode(pool_element: &PoolElement) -> Option<Box<[u8]>> {
    let mut bytes = Vec::new();
    Writer::message(&mut bytes, 0, 0, "pool element", |w| {
        w.tlv(PoolElement::TYPE, PoolElement::NAME, |w| {
            w.u32(pool_element.id.0);
            w.u32(pool_element.home_registrar.0);
            w.bytes(&pool_element.registration_life.0.to_be_bytes());
            pool_element.user_transport.encode(w);
            w.parameter(&pool_element.policy);
        });
    })
    .ok()?;
    // Behind the header of the pretended message, which made the padding right.
    let parameter = bytes.get(4..)?;
    (parameter.len() <= MAX_ELEMENT_BYTES).then(|| parameter.into())
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
    /// A report has come since the last periodic keep-alive.
    pub reported: bool,
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
        reported: false,
        claim: Claim::Registered,
    };

    /// The earlier of the timers.
    pub fn next_timer(&self) -> Time {
        self.expires_at.min(self.keep_alive_at)
    }
}

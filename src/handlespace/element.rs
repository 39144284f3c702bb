//! What the handlespace keeps of a pool element.

use super::PoolIndex;
use super::lists::Links;
use crate::policy::Member;
use crate::wire::PoolElement;
use crate::{AssociationId, Time};

/// A pool element with its place in the handlespace.
#[derive(Debug)]
pub struct Element {
    pub(super) pool: PoolIndex,
    pub(super) member: Member,
    pub(super) pool_element: PoolElement,
    pub(super) association: Option<AssociationId>,
    pub(super) by_association: Links,
    pub(super) by_owner: Links,
    pub(super) liveness: Liveness,
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

    /// The association that it registered on; none for those of other registrars.
    pub fn association(&self) -> Option<AssociationId> {
        self.association
    }

    /// What is known about its being alive; changed by [`super::Handlespace::update_liveness`].
    pub fn liveness(&self) -> &Liveness {
        &self.liveness
    }
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
    /// When the last keep-alive was sent.
    pub last_keep_alive: Time,
    /// Unreachable reports that count.
    pub bad_reports: u32,
    /// A report has come since the last periodic keep-alive.
    pub reported: bool,
}

impl Liveness {
    /// Without any timer.
    pub const UNWATCHED: Liveness = Liveness {
        expires_at: Time::MAX,
        keep_alive_at: Time::MAX,
        awaiting_ack: false,
        last_keep_alive: Time::ZERO,
        bad_reports: 0,
        reported: false,
    };

    /// The earlier of the timers.
    pub fn next_timer(&self) -> Time {
        self.expires_at.min(self.keep_alive_at)
    }
}

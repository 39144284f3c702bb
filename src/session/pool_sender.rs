//! Sending by pool handle and by pool element handle (RFC 5352 section 6.5): the session core behind `rsp_sendto_pool`.
//!
//! A [`Delivery`] is one message on its way, held by the call that sends it; the [`PoolSender`] is what a socket's deliveries have in
//! common: what is known of the pools, and one session an element, made when first needed and used again. No payload is kept
//! but that of messages which have to be sent to another element ([`PoolSender::take_resends`]).

mod choice;
mod delivery;
mod losses;
mod peers;
mod sessions;
#[cfg(test)]
mod tests;

pub use delivery::{Delivery, DeliveryFailure, Target};
pub use losses::Resend;

use super::pool_user::peer_address;
use super::{Action, Attempt, MAX_POOL_SESSIONS, MAX_RESEND_BYTES, MAX_SENT_POOLS, Notification};
use crate::asap::CachedPool;
use crate::association::{LossReason, Undelivered};
use crate::collections::SortedMap;
use crate::policy::Policies;
use crate::random::Random;
use crate::wire::{PPID_ASAP, Policy, PoolElement};
use crate::{AssociationId, PoolElementId, PoolHandle, SessionId, Time};
use delivery::Leg;
use losses::digest;
use peers::{Peer, Pool, Progress, Session};
use std::collections::VecDeque;
use std::time::Duration;

/// Elements of a pool that a sender asks a registrar for: so many at most get a message to all.
pub const MAX_TARGETS: u32 = 512;

/// What to do next for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the message; then say [`PoolSender::sent`], [`Delivery::full`] or [`Delivery::failed`].
    Send {
        /// To this element,
        element: PoolElementId,
        /// in this session,
        session: SessionId,
        /// on its association.
        association: AssociationId,
    },
    /// Give the message to the sender itself, which is this element; then as for `Send`.
    Loopback(PoolElementId),
    /// Come again when something has happened.
    Wait,
    /// Nothing is left to do.
    Done,
}

enum UnderWay {
    Resolution(PoolHandle),
    Connect(PoolHandle, PoolElementId),
}

/// What all deliveries of a socket have in common.
pub struct PoolSender {
    pools: SortedMap<PoolHandle, Pool>,
    under_way: SortedMap<Attempt, UnderWay>,
    sessions: SortedMap<SessionId, (PoolHandle, PoolElementId)>,
    /// Closed in order by this side: their ends are still to come, and with them what was never acknowledged.
    leaving: SortedMap<SessionId, PoolElementId>,
    resends: VecDeque<Resend>,
    connect_timeout: Duration,
    head_start: Duration,
    policies: Policies,
    random: Random,
    last_attempt: u64,
    uses: u64,
}

impl PoolSender {
    /// Knows nothing yet. One connect may take `connect_timeout`; after `head_start` the next element is tried as well.
    pub fn new(seed: u64, connect_timeout: Duration, head_start: Duration) -> PoolSender {
        PoolSender {
            pools: SortedMap::new(),
            under_way: SortedMap::new(),
            sessions: SortedMap::new(),
            leaving: SortedMap::new(),
            resends: VecDeque::new(),
            connect_timeout,
            head_start,
            policies: Policies::standard(),
            random: Random::new(seed),
            last_attempt: 0,
            uses: 0,
        }
    }

    /// The element at the other end of a session.
    pub fn element_of(&self, session: SessionId) -> Option<PoolElementId> {
        self.sessions.get(&session).map(|(_, element)| *element)
    }

    /// The session with an element, if there is one.
    pub fn session_of(&self, pool_handle: &PoolHandle, element: PoolElementId) -> Option<SessionId> {
        let Peer::Up(up) = self.pools.get(pool_handle)?.peers.get(&element)? else { return None };
        Some(up.session)
    }

    /// When messages that other elements are to take have to be given up, or a head start is over: see [`PoolSender::timeout`].
    pub fn next_deadline(&self) -> Option<Time> {
        let head_starts = self.under_way.values().filter_map(|what| match what {
            UnderWay::Connect(pool_handle, element) => self.pools.get(pool_handle)?.head_start(*element),
            UnderWay::Resolution(_) => None,
        });
        self.resends.iter().map(Resend::until).chain(head_starts).min()
    }

    /// Messages wait that other elements are to take.
    pub fn has_resends(&self) -> bool {
        !self.resends.is_empty()
    }

    /// A deadline has come: who waits for an element that has had its head start looks for another one as well.
    pub fn timeout(&mut self, now: Time) {
        self.pools.values_mut().for_each(|pool| pool.end_head_starts(now));
    }

    /// What to do next for a delivery. What is to be done besides, for this and other ones, is appended to `actions`.
    pub fn next(&mut self, now: Time, delivery: &mut Delivery, actions: &mut Vec<Action>) -> Next {
        if delivery.failure.is_some() {
            return Next::Done;
        }
        if delivery.legs.is_none() {
            match self.choose(now, delivery, actions) {
                Some(Ok(elements)) => {
                    delivery.legs = Some(elements.into_iter().map(|element| (element, Leg::Waiting)).collect());
                }
                Some(Err(failure)) => {
                    delivery.failure = Some(failure);
                    return Next::Done;
                }
                None => return Next::Wait,
            }
        }
        // First all sessions, then the message: a call that does not wait for sessions sends to all of them later, or to none.
        let connecting = self.prepare_all(now, delivery, actions);
        if connecting && !delivery.last_call {
            return Next::Wait;
        }
        if delivery.legs.is_none() {
            // Another element is to be chosen.
            return self.next(now, delivery, actions);
        }
        self.next_leg(delivery)
    }

    fn next_leg(&self, delivery: &Delivery) -> Next {
        let mut left = false;
        for (element, leg) in delivery.legs.iter().flatten() {
            match leg {
                Leg::Sent | Leg::Failed(_) => {}
                Leg::Full => left = true,
                Leg::Waiting if delivery.own == Some(*element) => return Next::Loopback(*element),
                Leg::Waiting => match self.pools.get(&delivery.pool_handle).and_then(|pool| pool.peers.get(element)) {
                    Some(Peer::Up(Session { session, association, .. })) => {
                        return Next::Send { element: *element, session: *session, association: *association };
                    }
                    _ => left = true,
                },
            }
        }
        if left && !delivery.last_call { Next::Wait } else { Next::Done }
    }

    /// The application does not wait, and will come again for this message: the same element is to be chosen then.
    pub fn put_off(&mut self, delivery: &Delivery) {
        let chosen = delivery.legs.iter().flatten().map(|(id, _)| *id).next();
        if let (Target::Any, Some(pool)) = (delivery.target, self.pools.get_mut(&delivery.pool_handle)) {
            pool.put_off = chosen;
        }
    }

    /// The message went to this element.
    pub fn sent(&mut self, delivery: &mut Delivery, element: PoolElementId, stream: u16, ppid: u32, payload: &[u8]) {
        delivery.set(element, Leg::Sent);
        delivery.end_race();
        self.uses += 1;
        let Some(pool) = self.pools.get_mut(&delivery.pool_handle) else { return };
        pool.used(element);
        if let Some(Peer::Up(session)) = pool.peers.get_mut(&element) {
            session.used = self.uses;
            if delivery.failover {
                session.mark(digest(stream, ppid, payload));
            }
        }
    }

    /// A resolution ended.
    pub fn resolved(
        &mut self,
        now: Time,
        attempt: Attempt,
        answer: Result<(Policy, Vec<PoolElement>), DeliveryFailure>,
    ) {
        let Some(UnderWay::Resolution(pool_handle)) = self.under_way.remove(&attempt) else { return };
        let Some(pool) = self.pools.get_mut(&pool_handle) else { return };
        if pool.resolving == Some(attempt) {
            pool.answered(now, answer.map(|(policy, elements)| CachedPool::new(&self.policies, policy, elements, now)));
        }
    }
}

//! Sending by pool handle and by pool element handle (RFC 5352 section 6.5): the session core behind `rsp_sendto_pool`.
//!
//! A [`Delivery`] is one message on its way, held by the call that sends it; the [`PoolSender`] is what a socket's deliveries have in
//! common: what is known of the pools, and one session an element, made when first needed and used again. No payload is kept
//! but that of messages which have to be sent to another element ([`PoolSender::take_resends`]).

mod delivery;
mod peers;
#[cfg(test)]
mod tests;

pub use delivery::{Delivery, DeliveryFailure, Target};

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
use peers::{Peer, Pool, Session};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

/// Elements of a pool that a sender asks a registrar for: so many at most get a message to all.
pub const MAX_TARGETS: u32 = 512;
/// For how long another element is looked for to take a message that the first one never acknowledged.
const RESEND_TIME: Duration = Duration::from_secs(10);

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

/// A message that another element is to take, as the first one never acknowledged it.
#[derive(Debug)]
pub struct Resend {
    /// How far it has come.
    pub delivery: Delivery,
    /// The message with stream and payload protocol identifier.
    pub message: Undelivered,
    session: SessionId,
    element: PoolElementId,
    until: Time,
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
    resends: VecDeque<Resend>,
    connect_timeout: Duration,
    policies: Policies,
    random: Random,
    last_attempt: u64,
    uses: u64,
}

impl PoolSender {
    /// Knows nothing yet. One connect may take `connect_timeout`.
    pub fn new(seed: u64, connect_timeout: Duration) -> PoolSender {
        PoolSender {
            pools: SortedMap::new(),
            under_way: SortedMap::new(),
            sessions: SortedMap::new(),
            resends: VecDeque::new(),
            connect_timeout,
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

    /// When messages that other elements are to take have to be given up.
    pub fn next_deadline(&self) -> Option<Time> {
        self.resends.iter().map(|resend| resend.until).min()
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

    /// Whom the message goes to; none: that is not known yet.
    fn choose(
        &mut self,
        now: Time,
        delivery: &Delivery,
        actions: &mut Vec<Action>,
    ) -> Option<Result<Vec<PoolElementId>, DeliveryFailure>> {
        self.enter(&delivery.pool_handle, actions);
        let named = match delivery.target {
            Target::Element(element) => Some(element),
            Target::Last => self.pools.get(&delivery.pool_handle).and_then(|pool| pool.last),
            Target::Any | Target::All => None,
        };
        if let Some(element) = named.filter(|element| !delivery.tried.contains(element)) {
            return Some(Ok(vec![element]));
        }
        if let Err(failure) = self.known(now, delivery, actions)? {
            return Some(Err(failure));
        }
        let ids = if delivery.target == Target::All { self.everybody(delivery) } else { self.best(now, delivery) };
        Some(if ids.is_empty() { Err(DeliveryFailure::UnknownElement) } else { Ok(ids) })
    }

    /// Whether the pool is known well enough; none: a registrar has been asked.
    fn known(
        &mut self,
        now: Time,
        delivery: &Delivery,
        actions: &mut Vec<Action>,
    ) -> Option<Result<(), DeliveryFailure>> {
        let pool = self.pools.get_mut(&delivery.pool_handle)?;
        if let Some(answer) = pool.fresh(now, delivery.started, delivery.stale_cache) {
            return Some(answer);
        }
        if pool.resolving.is_none() {
            self.last_attempt += 1;
            let attempt = Attempt(self.last_attempt);
            pool.resolving = Some(attempt);
            let pool_handle = delivery.pool_handle.clone();
            self.under_way.insert(attempt, UnderWay::Resolution(pool_handle.clone()));
            let (items, stale_cache) = (Some(MAX_TARGETS), Duration::ZERO);
            actions.push(Action::Resolve { attempt, pool_handle, items, stale_cache });
        }
        None
    }

    /// All elements, but the sender itself where it does not want its own message.
    fn everybody(&self, delivery: &Delivery) -> Vec<PoolElementId> {
        let cached = self.pools.get(&delivery.pool_handle).and_then(Pool::cached);
        let elements = cached.into_iter().flat_map(CachedPool::elements);
        let usable = elements.filter(|element| match delivery.own == Some(element.id) {
            true => delivery.to_self,
            false => peer_address(element).is_some(),
        });
        usable.map(|element| element.id).collect()
    }

    /// The best element by the pool's policy, if possible one that has not failed lately.
    fn best(&mut self, now: Time, delivery: &Delivery) -> Vec<PoolElementId> {
        let Some(pool) = self.pools.get_mut(&delivery.pool_handle) else { return Vec::new() };
        let usable = |element: &PoolElement| {
            let reachable = delivery.own == Some(element.id) || peer_address(element).is_some();
            (reachable && !delivery.tried.contains(&element.id)).then_some(element.id)
        };
        let all = |pool: &Pool| -> Vec<_> {
            pool.cached().into_iter().flat_map(CachedPool::elements).filter_map(usable).collect()
        };
        if let Some(id) = pool.put_off.take().filter(|id| !pool.is_doubtful(now, *id) && all(pool).contains(id)) {
            return vec![id];
        }
        // So many that one at least is none of those that failed.
        let wanted = pool.peers.len() - pool.session_count() + delivery.tried.len() + 1;
        let Some(selected) = pool.select(u32::try_from(wanted).ok(), &mut self.random) else { return Vec::new() };
        let mut ids: Vec<_> = selected.iter().filter_map(usable).collect();
        if ids.is_empty() {
            ids = all(pool);
        }
        let good = ids.iter().copied().find(|id| !pool.is_doubtful(now, *id));
        good.or_else(|| ids.first().copied()).into_iter().collect()
    }

    /// Sees to a session for every leg that waits; whether one of them is still on its way.
    fn prepare_all(&mut self, now: Time, delivery: &mut Delivery, actions: &mut Vec<Action>) -> bool {
        let mut connecting = false;
        let waiting: Vec<PoolElementId> =
            delivery.legs.iter().flatten().filter(|l| l.1 == Leg::Waiting).map(|l| l.0).collect();
        for element in waiting {
            match self.prepare(now, delivery, element, actions) {
                Some(Ok(())) => {}
                None => connecting = true,
                Some(Err(_)) if delivery.failover => {
                    // The next best one instead, unless it has failed too.
                    delivery.tried.push(element);
                    delivery.legs = None;
                    return false;
                }
                Some(Err(failure)) => delivery.failed(element, failure),
            }
        }
        connecting
    }

    /// A session with this element: there is one, or there will be (none), or there can be none.
    fn prepare(
        &mut self,
        now: Time,
        delivery: &Delivery,
        element: PoolElementId,
        actions: &mut Vec<Action>,
    ) -> Option<Result<(), DeliveryFailure>> {
        self.enter(&delivery.pool_handle, actions);
        let pool = self.pools.get_mut(&delivery.pool_handle)?;
        match pool.peers.get(&element) {
            _ if delivery.own == Some(element) => return Some(Ok(())),
            Some(Peer::Up(_)) => return Some(Ok(())),
            Some(Peer::Connecting) => return None,
            _ => {}
        }
        if let Some(failure) = pool.recent_failure(now, delivery.started, element) {
            return Some(Err(failure));
        }
        if let Err(failure) = self.known(now, delivery, actions)? {
            return Some(Err(failure));
        }
        let known = self.pools.get(&delivery.pool_handle).and_then(Pool::cached);
        let found =
            known.into_iter().flat_map(CachedPool::elements).find(|known| known.id == element).and_then(peer_address);
        let Some(peer) = found else { return Some(Err(DeliveryFailure::UnknownElement)) };
        if !self.make_room(actions) {
            return Some(Err(DeliveryFailure::Limit("too many sessions of this socket are being made")));
        }
        self.last_attempt += 1;
        let attempt = Attempt(self.last_attempt);
        self.pools.get_mut(&delivery.pool_handle)?.peers.insert(element, Peer::Connecting);
        self.under_way.insert(attempt, UnderWay::Connect(delivery.pool_handle.clone(), element));
        actions.push(Action::Connect { attempt, peer, timeout: self.connect_timeout });
        None
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

    /// Whether a connect is wanted still.
    pub fn is_wanted(&self, attempt: Attempt) -> bool {
        matches!(self.under_way.get(&attempt), Some(UnderWay::Connect(..)))
    }

    /// A connect succeeded, or the element is connected with us already: this is the session.
    pub fn connected(&mut self, attempt: Attempt, association: AssociationId, session: SessionId) {
        let Some(UnderWay::Connect(pool_handle, element)) = self.under_way.remove(&attempt) else { return };
        let Some(pool) = self.pools.get_mut(&pool_handle) else { return };
        self.uses += 1;
        let up = Session { session, association, used: self.uses, marked: VecDeque::new() };
        pool.peers.insert(element, Peer::Up(up));
        self.sessions.insert(session, (pool_handle, element));
    }

    /// A connect failed.
    pub fn connect_failed(&mut self, now: Time, attempt: Attempt, reason: &LossReason, actions: &mut Vec<Action>) {
        let Some(UnderWay::Connect(pool_handle, element)) = self.under_way.remove(&attempt) else { return };
        if let Some(pool) = self.pools.get_mut(&pool_handle) {
            pool.element_failed(now, element, DeliveryFailure::Unreachable("no connection".into()));
        }
        if reason.says_unreachable() {
            actions.push(Action::Report { pool_handle, pool_element_id: element });
        }
    }

    /// A connect was not even tried, for want of our own: nobody is to blame for it.
    pub fn cannot_connect(&mut self, now: Time, attempt: Attempt) {
        let Some(UnderWay::Connect(pool_handle, element)) = self.under_way.remove(&attempt) else { return };
        if let Some(pool) = self.pools.get_mut(&pool_handle) {
            let want = DeliveryFailure::Limit("no descriptors, ports or memory for another session");
            pool.element_failed(now, element, want);
        }
    }

    /// A session is over. What its element never acknowledged goes to another one where that was asked for; of the rest the
    /// application is told.
    pub fn lost(
        &mut self,
        now: Time,
        session: SessionId,
        reason: &LossReason,
        undelivered: Vec<Undelivered>,
        actions: &mut Vec<Action>,
    ) {
        let Some((pool_handle, element)) = self.sessions.remove(&session) else { return };
        let Some(pool) = self.pools.get_mut(&pool_handle) else { return };
        let up = pool.peers.remove(&element);
        pool.element_failed(now, element, DeliveryFailure::Unreachable(reason.to_string()));
        if reason.says_unreachable() {
            actions.push(Action::Report { pool_handle: pool_handle.clone(), pool_element_id: element });
        }
        let Some(Peer::Up(mut up)) = up else { return };
        let mut messages = 0;
        for message in undelivered.into_iter().filter(|message| message.ppid != PPID_ASAP) {
            let marked = up.take_mark(digest(message.stream, message.ppid, &message.payload));
            if marked && self.has_room_for(&message) {
                let mut delivery = Delivery::new(pool_handle.clone(), Target::Any, now).with_failover(true);
                delivery.tried.push(element);
                self.resends.push_back(Resend { delivery, message, session, element, until: now + RESEND_TIME });
            } else {
                messages += 1;
            }
        }
        if messages > 0 {
            actions.push(Action::Notify(Notification::SendFailed { session, element, messages }));
        }
    }

    fn has_room_for(&self, message: &Undelivered) -> bool {
        let kept: usize = self.resends.iter().map(|resend| resend.message.payload.len()).sum();
        kept.saturating_add(message.payload.len()) <= MAX_RESEND_BYTES
    }

    /// Messages that other elements are to take. Give back by [`PoolSender::keep_resend`] those that have to wait.
    pub fn take_resends(&mut self) -> VecDeque<Resend> {
        std::mem::take(&mut self.resends)
    }

    /// This one has to wait, or has come to its end.
    pub fn keep_resend(&mut self, now: Time, resend: Resend, done: bool, actions: &mut Vec<Action>) {
        let over = done || resend.until <= now;
        if !over {
            self.resends.push_back(resend);
        } else if resend.delivery.sent_to().next().is_none() {
            let Resend { session, element, .. } = resend;
            actions.push(Action::Notify(Notification::SendFailed { session, element, messages: 1 }));
        }
    }

    /// The session was ended by this side.
    pub fn ended(&mut self, session: SessionId) {
        let Some((pool_handle, element)) = self.sessions.remove(&session) else { return };
        if let Some(pool) = self.pools.get_mut(&pool_handle) {
            pool.peers.remove(&element);
        }
    }

    /// Makes an entry for the pool, and room for it.
    fn enter(&mut self, pool_handle: &PoolHandle, actions: &mut Vec<Action>) {
        self.uses += 1;
        if !self.pools.contains_key(pool_handle) && self.pools.len() >= MAX_SENT_POOLS {
            let idle_first = |pool: &Pool| (pool.session_count() > 0, pool.last_use);
            let oldest = self.pools.iter().min_by_key(|(_, pool)| idle_first(pool)).map(|(handle, _)| handle.clone());
            if let Some(pool) = oldest.and_then(|handle| self.pools.remove(&handle)) {
                for (_, up) in pool.sessions() {
                    self.sessions.remove(&up.session);
                    actions.push(Action::EndSession { session: up.session, association: up.association });
                }
            }
        }
        self.pools.get_or_insert_with(pool_handle.clone(), Pool::default).last_use = self.uses;
    }

    /// Room for one more session: the one that was not used for the longest time has to go.
    fn make_room(&mut self, actions: &mut Vec<Action>) -> bool {
        let connects = self.under_way.values().filter(|what| matches!(what, UnderWay::Connect(..))).count();
        if self.sessions.len() + connects < MAX_POOL_SESSIONS {
            return true;
        }
        let sessions = self.pools.values().flat_map(|pool| pool.sessions().map(|(_, up)| up));
        let oldest = sessions.min_by_key(|up| up.used).map(|up| (up.session, up.association));
        let Some((session, association)) = oldest else { return false };
        self.ended(session);
        actions.push(Action::EndSession { session, association });
        true
    }
}

/// Tells messages apart that an element never acknowledged.
fn digest(stream: u16, ppid: u32, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u16(stream);
    hasher.write_u32(ppid);
    hasher.write(payload);
    hasher.finish()
}

//! Sessions with elements: made when a message needs one, used again, and ended to make room.

use super::*;

/// Elements of one message that are being connected at a time.
const MAX_CANDIDATES: usize = 8;

impl PoolSender {
    /// Sees to a session for every leg that waits; whether one of them is still on its way.
    pub(super) fn prepare_all(&mut self, now: Time, delivery: &mut Delivery, actions: &mut Vec<Action>) -> bool {
        let mut connecting = false;
        let waiting: Vec<PoolElementId> =
            delivery.legs.iter().flatten().filter(|l| l.1 == Leg::Waiting).map(|l| l.0).collect();
        for element in waiting {
            match self.prepare(now, delivery, element, actions) {
                // The first one that is up wins the race.
                Some(Ok(())) if delivery.failover => return false,
                Some(Ok(())) => {}
                None => connecting = true,
                Some(Err(_)) if delivery.failover => delivery.drop_out(element),
                Some(Err(failure)) => delivery.failed(element, failure),
            }
        }
        if connecting && delivery.failover && self.race(now, delivery, actions) {
            return false;
        }
        connecting
    }

    /// Where another element will do, the next one is tried as well when all those so far have had their head start: one that hangs
    /// costs no more than that (RFC 8305, as for a session). Those that are late since an earlier message are passed over at once. Whether
    /// that leads to one with a session.
    fn race(&mut self, now: Time, delivery: &mut Delivery, actions: &mut Vec<Action>) -> bool {
        while self.all_are_late(delivery) {
            let Some(element) = self.best(now, delivery).first().copied() else { return false };
            delivery.legs.get_or_insert_default().push((element, Leg::Waiting));
            match self.prepare(now, delivery, element, actions) {
                Some(Ok(())) => return true,
                None => {}
                Some(Err(_)) => delivery.drop_out(element),
            }
        }
        false
    }

    /// All elements that the message may go to have had their head start, and there may be more of them.
    fn all_are_late(&self, delivery: &Delivery) -> bool {
        let Some(pool) = self.pools.get(&delivery.pool_handle) else { return false };
        let is_late = |(element, _): &(PoolElementId, Leg)| {
            matches!(pool.peers.get(element), Some(Peer::Connecting(Progress::Late)))
        };
        delivery.legs.as_ref().is_some_and(|legs| legs.len() < MAX_CANDIDATES && legs.iter().all(is_late))
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
            Some(Peer::Connecting(_)) => return None,
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
        self.pools
            .get_mut(&delivery.pool_handle)?
            .peers
            .insert(element, Peer::Connecting(Progress::HeadStart(now + self.head_start)));
        self.under_way.insert(attempt, UnderWay::Connect(delivery.pool_handle.clone(), element));
        actions.push(Action::Connect { attempt, peer, timeout: self.connect_timeout });
        None
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
        if reason.is_lack_of_ours() {
            return self.cannot_connect(now, attempt);
        }
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

    /// The session was closed in order by this side: what its element does not acknowledge until its end is still reported.
    pub fn ended(&mut self, session: SessionId) {
        if let Some(element) = self.discarded(session) {
            self.leaving.insert(session, element);
        }
    }

    /// The session was aborted by this side: nobody hears of it again.
    pub fn discarded(&mut self, session: SessionId) -> Option<PoolElementId> {
        let (pool_handle, element) = self.sessions.remove(&session)?;
        if let Some(pool) = self.pools.get_mut(&pool_handle) {
            pool.peers.remove(&element);
        }
        Some(element)
    }

    /// Makes an entry for the pool, and room for it.
    pub(super) fn enter(&mut self, pool_handle: &PoolHandle, actions: &mut Vec<Action>) {
        self.uses += 1;
        if !self.pools.contains_key(pool_handle) && self.pools.len() >= MAX_SENT_POOLS {
            let idle_first = |pool: &Pool| (pool.session_count() > 0, pool.last_use);
            let oldest = self.pools.iter().min_by_key(|(_, pool)| idle_first(pool)).map(|(handle, _)| handle.clone());
            if let Some(pool) = oldest.and_then(|handle| self.pools.remove(&handle)) {
                for up in pool.sessions() {
                    self.end(up.session, up.association, actions);
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
        let sessions = self.pools.values().flat_map(Pool::sessions);
        let oldest = sessions.min_by_key(|up| up.used).map(|up| (up.session, up.association));
        // Those that are still delivering need their descriptors and memory, too.
        let Some((session, association)) = oldest.filter(|_| self.leaving.len() < MAX_POOL_SESSIONS) else {
            return false;
        };
        self.end(session, association, actions);
        true
    }

    /// Closes a session in order, to make room.
    fn end(&mut self, session: SessionId, association: AssociationId, actions: &mut Vec<Action>) {
        self.ended(session);
        actions.push(Action::EndSession { session, association });
    }
}

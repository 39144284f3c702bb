//! Whom a message goes to: what the registrar says of its pool, and the elements that fit.

use super::*;

impl PoolSender {
    /// Whom the message goes to; none: that is not known yet.
    pub(super) fn choose(
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
    pub(super) fn known(
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
    pub(super) fn best(&mut self, now: Time, delivery: &Delivery) -> Vec<PoolElementId> {
        let Some(pool) = self.pools.get_mut(&delivery.pool_handle) else { return Vec::new() };
        let usable = |element: &PoolElement| {
            let reachable = delivery.own == Some(element.id) || peer_address(element).is_some();
            (reachable && !delivery.tried.contains(&element.id) && !delivery.is_racing(element.id))
                .then_some(element.id)
        };
        let all = |pool: &Pool| -> Vec<_> {
            pool.cached().into_iter().flat_map(CachedPool::elements).filter_map(usable).collect()
        };
        if let Some(id) = pool.put_off.take().filter(|id| !pool.is_doubtful(now, *id) && all(pool).contains(id)) {
            return vec![id];
        }
        // So many that one at least is none of those that failed.
        let racing = delivery.legs.as_ref().map_or(0, Vec::len);
        let wanted = pool.peers.len() - pool.session_count() + delivery.tried.len() + racing + 1;
        let Some(selected) = pool.select(u32::try_from(wanted).ok(), &mut self.random) else { return Vec::new() };
        let mut ids: Vec<_> = selected.iter().filter_map(usable).collect();
        if ids.is_empty() {
            ids = all(pool);
        }
        let good = ids.iter().copied().find(|id| !pool.is_doubtful(now, *id));
        good.or_else(|| ids.first().copied()).into_iter().collect()
    }
}

//! ASAP_HANDLE_RESOLUTION (RFC 5352 section 3.3).

use super::associations::Limited;
use super::changes::no_such_pool;
use super::{Action, Registrar, Step};
use crate::handlespace::{Pool, PoolIndex};
use crate::log_limit::log_limited;
use crate::message::asap::{HandleResolution, HandleResolutionResponse, Updates};
use crate::security::access::Act;
use crate::wire::Cause;
use crate::{AssociationId, Time};
use log::Level;

/// Bytes of encoded elements in a response at most: with handle and policy it must stay below 64 KiB.
const MAX_ELEMENT_BYTES_PER_RESPONSE: usize = 60_000;

impl Registrar {
    pub(super) fn on_handle_resolution(
        &mut self,
        association: AssociationId,
        message: HandleResolution,
        step: &mut Step<'_>,
    ) {
        let HandleResolution { subscribe, pool_handle, items } = message;
        let within_limit = self.associations.allows(step.now, association, Limited::Resolution);
        if !within_limit {
            self.statistics.rate_limited += 1;
            log_limited!(
                self.logs.limits => self.host_at(association),
                step.now,
                Level::Warn,
                "registrar {}: {association:?} asks for more than {} resolutions a second: refused",
                self.id,
                self.config.max_resolutions_per_second
            );
            let message = no_such_pool(&pool_handle, Cause::LackOfResources);
            return self.send(association, &message, step);
        }
        if !self.may(association, Act::Resolve, Some(&pool_handle), step) {
            self.statistics.resolutions_failed += 1;
            let message = no_such_pool(&pool_handle, Cause::RejectedForSecurity);
            return self.send(association, &message, step);
        }
        let subscribe = subscribe && self.may(association, Act::Subscribe, Some(&pool_handle), step);
        let items = self.items_to_list(items);
        let response = self.handlespace.find_pool(&pool_handle).and_then(|pool| {
            let updates = if subscribe { self.subscribe(association, pool, items) } else { Updates::None };
            self.list_pool(step.now, pool, items, updates)
        });
        match response {
            Some(bytes) => {
                self.statistics.resolutions += 1;
                step.push(Action::Send { association, bytes });
            }
            None => {
                self.statistics.resolutions_failed += 1;
                let message = no_such_pool(&pool_handle, Cause::UnknownPoolHandle);
                self.send(association, &message, step);
            }
        }
    }

    /// How many elements to list when a pool user wants `wanted`.
    fn items_to_list(&self, wanted: Option<u32>) -> usize {
        let limit = self.config.max_items_limit;
        match wanted {
            None | Some(0) => self.config.max_items_default,
            Some(wanted) => usize::try_from(wanted).unwrap_or(limit).min(limit),
        }
    }

    /// Chooses elements, without those whose registrations are over and that no timer has removed yet: there may be some when this
    /// registrar is late.
    fn select_living(&mut self, now: Time, pool: PoolIndex, items: usize) {
        // The second time all of them, if the first ones were dead.
        let all = self.handlespace.pool(pool).map_or(0, Pool::len);
        for items_now in [items, all] {
            self.selection.clear();
            self.handlespace.select(pool, items_now, &mut self.random, &mut self.selection);
            if self.handlespace.next_timer().is_none_or(|(at, _)| at > now) {
                return;
            }
            let handlespace = &self.handlespace;
            self.selection.retain(|&index| handlespace.element(index).is_some_and(|e| !e.liveness().has_ended(now)));
            self.selection.truncate(items);
            if !self.selection.is_empty() {
                return;
            }
        }
    }

    /// Chooses elements by the pool's policy and encodes the positive response; none when there is nobody to choose,
    /// because each element registered with weight zero.
    pub(super) fn list_pool(&mut self, now: Time, pool: PoolIndex, items: usize, updates: Updates) -> Option<Vec<u8>> {
        self.selection.clear();
        self.select_living(now, pool, items);
        let policy = self.handlespace.element(*self.selection.first()?)?.encoded_policy();
        let pool_handle = self.handlespace.pool(pool)?.handle();
        let mut room = MAX_ELEMENT_BYTES_PER_RESPONSE;
        let elements = self.selection.iter().map_while(|&index| {
            let encoded = self.handlespace.element(index)?.encoded();
            room = room.checked_sub(encoded.len())?;
            Some(encoded)
        });
        let mut bytes = self.buffers.take();
        let encoded = HandleResolutionResponse::encode_positive(&mut bytes, updates, pool_handle, policy, elements);
        match encoded {
            Ok(()) => Some(bytes),
            Err(error) => {
                log_limited!(
                    self.logs.encoding,
                    now,
                    Level::Warn,
                    "registrar {}: the elements of pool {pool_handle} cannot be listed: {error}",
                    self.id
                );
                None
            }
        }
    }
}

//! Handle resolution (RFC 5352 sections 3.3 and 3.7.2), and what the cache keeps of it.

use super::cache::{Cache, CachedPool};
use super::config::AsapConfig;
use super::interface::{Action, Outcome, RequestError, RequestId, Step};
use super::peer_log::PeerLog;
use super::pool_table::{HasDeadline, PoolTable};
use super::reports::UnreachableReports;
use super::requests::{Place, Requests, Waiter, encode, take_if};
use super::verdict::Verdict;
use crate::collections::SortedMap;
use crate::message::AsapMessage;
use crate::message::asap::{HandleResolution, HandleResolutionResponse};
use crate::policy::Policies;
use crate::random::Random;
use crate::wire::{Cause, Policy};
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// What rsplib's registrar, and ours, answer when no number of elements is asked for: up to this number, an answer for the
/// cache needs no Handle Resolution Option.
const REGISTRAR_DEFAULT_ITEMS: u32 = 3;

/// A resolution under way, for one request or several.
struct Resolution {
    bytes: Vec<u8>,
    /// The Handle Resolution Option in it.
    items: Option<u32>,
    /// Oldest first.
    waiters: Vec<Waiter>,
    /// T1-ENRPrequest; none: not sent to the present home registrar.
    t1: Option<Time>,
    /// When it was first sent.
    first_sent: Option<Time>,
    /// How often T1 expired.
    expiries: u32,
}

impl HasDeadline for Resolution {
    fn deadline(&self) -> Option<Time> {
        // All requests have the same time and number of rounds, so the oldest one's is over first.
        self.waiters.first().map(Waiter::deadline).into_iter().chain(self.t1).min()
    }
}

impl Resolution {
    /// Sends it, if there is a home registrar (NR3, NR4).
    fn send(&mut self, home: Option<AssociationId>, t1: Duration, step: &mut Step<'_>) {
        let Some(association) = home else { return };
        self.t1 = Some(step.now + t1);
        self.first_sent.get_or_insert(step.now);
        self.waiters.iter_mut().for_each(Waiter::note_sent);
        step.push(Action::Send { association, bytes: self.bytes.clone() });
    }
}

/// What the application wants to know.
pub(super) struct Wanted {
    pub(super) pool_handle: PoolHandle,
    pub(super) items: Option<u32>,
    pub(super) stale_cache: Duration,
}

/// What an expired timer of a resolution has come to.
#[must_use]
pub(super) struct Expired {
    /// Requests that have seen MAX-REQUEST-RETRANSMIT retransmissions.
    pub(super) unanswered: Vec<Waiter>,
    pub(super) home: Verdict,
}

/// What a response says of its pool.
pub(super) type Resolved = Result<CachedPool, RequestError>;

/// Whom a response is for, as far as subscriptions know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// A subscriber has it.
    Subscriber,
    /// It is an update that nobody is subscribed to any more.
    FormerSubscriber,
    /// Whoever asked.
    Asker,
}

/// All resolutions under way, and the cache.
pub(super) struct Resolutions {
    under_way: PoolTable<u64, Resolution>,
    /// The newest resolution of a pool whose answer may be shared.
    shared: SortedMap<PoolHandle, u64>,
    next_number: u64,
    cache: Cache,
    reports: UnreachableReports,
    policies: Policies,
    t1: Duration,
    max_request_retransmit: u32,
    log: PeerLog,
}

impl Resolutions {
    pub(super) fn new(config: &AsapConfig) -> Resolutions {
        Resolutions {
            under_way: PoolTable::new(),
            shared: SortedMap::new(),
            next_number: 0,
            cache: Cache::new(config.max_cached_pools, config.max_cached_elements_per_pool),
            reports: UnreachableReports::new(config.max_request_time),
            policies: config.policies.clone(),
            t1: config.t1_enrp_request,
            max_request_retransmit: config.max_request_retransmit,
            log: PeerLog::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.under_way.next_deadline()
    }

    pub(super) fn take_due(&mut self, now: Time) -> Vec<(Time, PoolHandle, u64)> {
        self.under_way.take_due(now)
    }

    /// Answers a request from the cache, if that will do.
    pub(super) fn answer_from_cache(&mut self, wanted: &Wanted, random: &mut Random, now: Time) -> Option<Outcome> {
        let pool = self.cache.fresh(now, &wanted.pool_handle, wanted.stale_cache)?;
        let (policy, pool_elements) = pool.select(wanted.items, random);
        Some(Outcome::Resolved { policy, pool_elements })
    }

    /// Has a request wait for a resolution: one that is under way already, or a new one.
    pub(super) fn resolve(
        &mut self,
        wanted: Wanted,
        mut waiter: Waiter,
        home: Option<AssociationId>,
        requests: &mut Requests,
        step: &mut Step<'_>,
    ) -> Result<(), RequestError> {
        let Wanted { pool_handle, items, stale_cache } = wanted;
        // An answer for the cache should show more of the pool than this one request needs.
        let for_cache = !stale_cache.is_zero() && items.is_none_or(|items| items <= REGISTRAR_DEFAULT_ITEMS);
        let asked = if for_cache { None } else { items };
        if let Some(number) = self.joinable(&pool_handle, asked, stale_cache, step.now) {
            requests.enter(&waiter, Place::Resolution(pool_handle.clone(), number));
            self.under_way.edit(&pool_handle, number, |resolution| {
                if resolution.t1.is_some() {
                    waiter.note_sent();
                }
                resolution.waiters.push(waiter);
            });
            return Ok(());
        }
        let message = HandleResolution { subscribe: false, pool_handle: pool_handle.clone(), items: asked };
        let bytes = encode(&AsapMessage::HandleResolution(message))?;
        let number = self.next_number;
        self.next_number += 1;
        if asked.is_none() {
            self.shared.insert(pool_handle.clone(), number);
        }
        requests.enter(&waiter, Place::Resolution(pool_handle.clone(), number));
        let waiters = vec![waiter];
        let mut resolution = Resolution { bytes, items: asked, waiters, t1: None, first_sent: None, expiries: 0 };
        resolution.send(home, self.t1, step);
        self.under_way.insert(pool_handle, number, resolution);
        Ok(())
    }

    /// The resolution whose answer will do for a request made now, too: one that asks for the same, and whose message has
    /// not left, or left so short ago that even a cached answer as old would do. A number of elements is asked for to get
    /// just these by the registrar's policy: such answers are not shared.
    fn joinable(&self, handle: &PoolHandle, asked: Option<u32>, stale_cache: Duration, now: Time) -> Option<u64> {
        if asked.is_some() {
            return None;
        }
        let number = *self.shared.get(handle)?;
        let resolution = self.under_way.get(handle, number)?;
        let fresh = resolution.first_sent.is_none_or(|sent| now.saturating_since(sent) < stale_cache);
        fresh.then_some(number)
    }

    /// The home registrar is another one: all resolutions start anew (RFC 5352 section 3.3).
    pub(super) fn restart(&mut self, home: Option<AssociationId>, step: &mut Step<'_>) {
        let t1 = self.t1;
        self.under_way.edit_all(&mut |_, _, resolution| resolution.send(home, t1, step));
    }

    /// The home registrar is gone, and with it what it was to answer.
    pub(super) fn home_lost(&mut self) {
        self.under_way.edit_all(&mut |_, _, resolution| resolution.t1 = None);
    }

    fn take(&mut self, handle: &PoolHandle, number: u64) -> Option<Resolution> {
        if self.shared.get(handle) == Some(&number) {
            self.shared.remove(handle);
        }
        self.under_way.remove(handle, number)
    }

    /// A request is withdrawn; the resolution is, when nobody else waits for it.
    pub(super) fn cancel(&mut self, handle: &PoolHandle, number: u64, request: RequestId) {
        let nobody_waits = self.under_way.edit(handle, number, |resolution| {
            resolution.waiters.retain(|waiter| waiter.request() != request);
            resolution.waiters.is_empty()
        });
        if nobody_waits == Some(true) {
            self.take(handle, number);
        }
    }

    /// All requests are withdrawn.
    pub(super) fn clear(&mut self) {
        self.under_way.clear();
        self.shared.clear();
    }

    /// Takes the requests whose time is over.
    pub(super) fn take_late(&mut self, handle: &PoolHandle, number: u64, now: Time) -> Vec<Waiter> {
        let late = |resolution: &mut Resolution| take_if(&mut resolution.waiters, |waiter| waiter.deadline() <= now);
        self.under_way.edit(handle, number, late).unwrap_or_default()
    }

    /// T1-ENRPrequest may have come, or the time of the last request may be over.
    pub(super) fn on_timer(
        &mut self,
        handle: &PoolHandle,
        number: u64,
        home: Option<AssociationId>,
        step: &mut Step<'_>,
    ) -> Expired {
        let mut expired = Expired { unanswered: Vec::new(), home: Verdict::Keep };
        let Some(resolution) = self.under_way.get(handle, number) else { return expired };
        let given_up = resolution.waiters.is_empty();
        if resolution.t1.is_some_and(|t1| t1 <= step.now) {
            expired = self.on_t1_enrp_request_expired(handle, number, home, step);
        }
        if given_up {
            self.take(handle, number);
        }
        expired
    }

    /// Sends again and has another registrar looked for, up to MAX-REQUEST-RETRANSMIT times (section 3.7.2).
    fn on_t1_enrp_request_expired(
        &mut self,
        handle: &PoolHandle,
        number: u64,
        home: Option<AssociationId>,
        step: &mut Step<'_>,
    ) -> Expired {
        let (t1, most) = (self.t1, self.max_request_retransmit);
        let sent_again = self.under_way.edit(handle, number, |resolution| {
            resolution.expiries = resolution.expiries.saturating_add(1);
            let again = resolution.expiries <= most;
            if again {
                resolution.send(home, t1, step);
            }
            again
        });
        if sent_again == Some(true) {
            return Expired { unanswered: Vec::new(), home: Verdict::Doubt };
        }
        let unanswered = self.take(handle, number).map(|resolution| resolution.waiters).unwrap_or_default();
        // A registrar that answers others just does not want to answer this one.
        Expired { unanswered, home: Verdict::LeaveIfDoubtful("no answer to handle resolutions") }
    }

    /// The resolution that the next response of this pool answers.
    pub(super) fn waiting(&self, handle: &PoolHandle) -> Option<u64> {
        self.under_way.of_pool(handle).find(|(_, resolution)| resolution.t1.is_some()).map(|(number, _)| number)
    }

    /// What a response says.
    pub(super) fn read(&self, message: HandleResolutionResponse, now: Time) -> Resolved {
        match message.error {
            Some(error) if error.first() == Some(Cause::UnknownPoolHandle) => Err(RequestError::UnknownPoolHandle),
            Some(error) => Err(RequestError::Rejected(error)),
            None if message.pool_elements.is_empty() => Err(RequestError::UnknownPoolHandle),
            // Round Robin is what a missing policy means; the elements' own policies do not count (section 2.2.6).
            None => {
                let policy = message.policy.unwrap_or(Policy::RoundRobin);
                Ok(CachedPool::new(&self.policies, policy, message.pool_elements, now))
            }
        }
    }

    /// Answers those who wait for this resolution.
    pub(super) fn answer(
        &mut self,
        handle: &PoolHandle,
        number: u64,
        pool: Resolved,
        random: &mut Random,
        requests: &mut Requests,
        step: &mut Step<'_>,
    ) {
        let Some(resolution) = self.take(handle, number) else { return };
        match pool {
            Ok(mut pool) => {
                for waiter in &resolution.waiters {
                    let (policy, pool_elements) = pool.select(waiter.items(), random);
                    requests.complete(waiter, Ok(Outcome::Resolved { policy, pool_elements }), step);
                }
                // The few elements that were asked for by number say too little about the pool to answer others with.
                if resolution.items.is_none_or(|items| items > REGISTRAR_DEFAULT_ITEMS) {
                    self.keep(handle, pool, resolution.first_sent.unwrap_or(step.now));
                }
            }
            Err(error) => {
                if error == RequestError::UnknownPoolHandle {
                    self.cache.remove(handle);
                }
                for waiter in &resolution.waiters {
                    requests.complete(waiter, Err(error.clone()), step);
                }
            }
        }
    }

    /// An update that was pushed to us, or the second answer to a message that we sent twice.
    pub(super) fn on_news(&mut self, handle: &PoolHandle, pool: Resolved, addressee: Addressee, now: Time) {
        if self.cache.contains(handle) {
            return match pool {
                Ok(pool) => self.keep(handle, pool, now),
                Err(_) => self.cache.remove(handle),
            };
        }
        match addressee {
            Addressee::Subscriber => {}
            Addressee::FormerSubscriber => log::debug!("update of pool {handle}: not subscribed to any more"),
            Addressee::Asker => {
                // Mostly the answer to a request that has been withdrawn.
                self.log.debug(now, format_args!("resolution of pool {handle} was not asked for: ignored"));
            }
        }
    }

    /// Caches a pool, without the elements that were reported since the registrar was `asked`.
    fn keep(&mut self, handle: &PoolHandle, pool: CachedPool, asked: Time) {
        self.cache.insert(handle, pool);
        for id in self.reports.since(handle, asked) {
            self.cache.remove_element(handle, id);
        }
    }

    /// An element is unreachable: it is not offered any more, and the registrar is told.
    pub(super) fn report_unreachable(
        &mut self,
        handle: PoolHandle,
        id: PoolElementId,
        home: Option<AssociationId>,
        step: &mut Step<'_>,
    ) -> Result<Outcome, RequestError> {
        self.cache.remove_element(&handle, id);
        self.reports.add(handle, id, step.now)?;
        self.reports.send(home, step);
        Ok(Outcome::Reported)
    }

    /// Sends the reports that waited for a registrar.
    pub(super) fn send_reports(&mut self, home: Option<AssociationId>, step: &mut Step<'_>) {
        self.reports.send(home, step);
    }

    /// Ends the time of requests that have seen too many rounds of hunts.
    pub(super) fn give_up(&mut self, fruitless_rounds: u64, now: Time) {
        self.under_way.edit_all(&mut |_, _, resolution| {
            resolution.waiters.iter_mut().for_each(|waiter| waiter.give_up(fruitless_rounds, now));
        });
    }
}

//! The search for an element: resolutions, connects, pauses between rounds.

use super::*;

/// The pause between rounds doubles up to this many times the first one.
const MAX_BACKOFF: u32 = 8;

/// A search for an element.
#[derive(Debug)]
pub(super) struct Search {
    pub purpose: Purpose,
    /// When it is given up, if somebody waits for its end.
    pub until: Time,
    /// What it has come up against so far; what an earlier one came up against, until then.
    pub obstacle: Option<NoElement>,
    /// Times the first pause.
    backoff: u32,
    /// What it does to elements that have failed.
    again: Again,
    stage: Stage,
}

/// What a search is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The session's first element: no FAILOVER_COMPLETE tells of it.
    FirstElement,
    /// The one after.
    Failover,
}

/// Whether an element that had failed lately was tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    NotTried,
    Tried,
}

/// How far a round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Resolving(Attempt),
    Connecting(Attempt, PoolElementId),
    /// Nothing is done before this time.
    Pausing(Time, AfterPause),
}

/// What follows a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterPause {
    NextRound,
    /// The search ends.
    Failure(NoElement),
}

impl Search {
    /// When [`Event::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Time> {
        if let Stage::Pausing(until, _) = self.stage { Some(until) } else { None }
    }

    /// Gives up what is under way.
    pub fn cancel(&self, step: &mut Step<'_, Action>) {
        if let Stage::Connecting(attempt, _) = self.stage {
            step.push(Action::CancelConnect { attempt });
        }
    }

    /// The connect that is under way, if it is this one: to which element.
    pub fn connecting(&self, attempt: Attempt) -> Option<PoolElementId> {
        match self.stage {
            Stage::Connecting(current, element) if current == attempt => Some(element),
            _ => None,
        }
    }

    /// Never so long that a search which somebody waits for has no time for it, unless the first pause is.
    fn pause(&self, config: &PoolUserConfig) -> Duration {
        let longest = config.connect_timeout.max(config.retry_delay);
        config.retry_delay.saturating_mul(self.backoff).min(longest)
    }

    fn double_pause(&mut self) {
        self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
    }
}

impl PoolUserSession {
    /// Begins to look for an element.
    pub(super) fn search(&mut self, purpose: Purpose, step: &mut Step<'_, Action>) {
        self.reportable = None;
        self.state = State::Searching(Search {
            purpose,
            until: step.now + self.config.connect_timeout,
            obstacle: self.obstacle(),
            backoff: 2u32.saturating_pow(self.short_lived.saturating_sub(1)).min(MAX_BACKOFF),
            again: Again::NotTried,
            stage: Stage::Pausing(step.now, AfterPause::NextRound),
        });
        self.next_candidate(step);
    }

    /// Takes an element of the business card, or asks for elements.
    fn next_candidate(&mut self, step: &mut Step<'_, Action>) {
        self.failed.forget_old(step.now);
        let card = self.preferred.iter().find(|e| !self.failed.contains(e.id) && peer_address(e).is_some()).cloned();
        if let Some(element) = card {
            return self.connect(&element, step);
        }
        let attempt = self.new_attempt();
        let State::Searching(search) = &mut self.state else { return };
        search.stage = Stage::Resolving(attempt);
        // So many that at least one is none of the failed ones; from a cache, the whole pool.
        let wanted = u32::try_from(self.failed.len()).unwrap_or(u32::MAX).saturating_add(1);
        let items = self.stale_cache.is_zero().then_some(wanted);
        let (pool_handle, stale_cache) = (self.pool_handle.clone(), self.stale_cache);
        step.push(Action::Resolve { attempt, pool_handle, items, stale_cache });
    }

    fn connect(&mut self, element: &PoolElement, step: &mut Step<'_, Action>) {
        let Some(peer) = peer_address(element) else { return };
        let attempt = self.new_attempt();
        let State::Searching(search) = &mut self.state else { return };
        search.stage = Stage::Connecting(attempt, element.id);
        step.push(Action::Connect { attempt, peer, timeout: self.config.connect_timeout });
    }

    pub(super) fn on_resolved(&mut self, attempt: Attempt, pool_elements: &[PoolElement], step: &mut Step<'_, Action>) {
        let State::Searching(search) = &mut self.state else { return };
        if search.stage != Stage::Resolving(attempt) {
            return;
        }
        let usable = || pool_elements.iter().filter(|element| peer_address(element).is_some());
        if let Some(fresh) = usable().find(|element| !self.failed.contains(element.id)) {
            return self.connect(fresh, step);
        }
        // All have failed lately: the one that had most time to recover, once a search and after a pause.
        let Some(oldest) = usable().min_by_key(|element| self.failed.failed_at(element.id)) else {
            log::warn!(
                "pool {} has no element with an SCTP transport: the session stays unconnected",
                self.pool_handle
            );
            return self.search_failed(NoElement::UnknownPool, step);
        };
        let again_at = self.failed.failed_at(oldest.id).unwrap_or(Time::ZERO) + search.pause(&self.config);
        if again_at > step.now {
            search.obstacle = Some(NoElement::Unreachable);
            let awaited = self.waiter == Waiter::Application;
            if awaited && (search.again == Again::Tried || again_at > search.until) {
                return self.search_failed(NoElement::Unreachable, step);
            }
            search.stage = Stage::Pausing(again_at, AfterPause::NextRound);
            return;
        }
        search.again = Again::Tried;
        self.connect(oldest, step);
    }

    pub(super) fn on_resolve_failed(&mut self, attempt: Attempt, why: ResolveFailure, step: &mut Step<'_, Action>) {
        let State::Searching(search) = &mut self.state else { return };
        if search.stage != Stage::Resolving(attempt) {
            return;
        }
        let again_at = step.now + search.pause(&self.config);
        let awaited = self.waiter == Waiter::Application;
        let (obstacle, ends_search) = match why {
            ResolveFailure::NoRegistrar => return self.search_failed(NoElement::NoRegistrar, step),
            // The pause comes before the answer: applications use force_failover as their retry loop.
            ResolveFailure::UnknownPool => (NoElement::UnknownPool, !self.config.automatic || awaited),
            // Other sessions' requests end: this one comes back while there is time.
            ResolveFailure::TooManyRequests => (NoElement::TooManyRequests, awaited && again_at > search.until),
        };
        search.obstacle = Some(obstacle);
        let after = if ends_search { AfterPause::Failure(obstacle) } else { AfterPause::NextRound };
        search.stage = Stage::Pausing(again_at, after);
    }

    pub(super) fn on_connect_failed(&mut self, attempt: Attempt, step: &mut Step<'_, Action>) {
        let State::Searching(search) = &self.state else { return };
        let Some(element) = search.connecting(attempt) else { return };
        step.push(self.report(element));
        self.candidate_failed(element, step);
    }

    /// An element that was not tried is not reported.
    pub(super) fn on_cannot_connect(&mut self, attempt: Attempt, step: &mut Step<'_, Action>) {
        let State::Searching(search) = &self.state else { return };
        let Some(element) = search.connecting(attempt) else { return };
        self.candidate_failed(element, step);
    }

    fn candidate_failed(&mut self, element: PoolElementId, step: &mut Step<'_, Action>) {
        self.failed.add(element, step.now);
        let State::Searching(search) = &mut self.state else { return };
        if self.waiter == Waiter::Application && step.now >= search.until {
            return self.search_failed(NoElement::Unreachable, step);
        }
        if search.again == Again::Tried {
            search.double_pause();
        }
        self.next_candidate(step);
    }

    /// This search came to nothing. An automatic session goes on with the next one after a pause.
    fn search_failed(&mut self, obstacle: NoElement, step: &mut Step<'_, Action>) {
        let State::Searching(search) = &mut self.state else { return };
        let first = std::mem::replace(&mut search.purpose, Purpose::Failover) == Purpose::FirstElement;
        search.obstacle = Some(obstacle);
        search.stage = Stage::Pausing(step.now + search.pause(&self.config), AfterPause::NextRound);
        search.double_pause();
        if first || !self.config.automatic {
            step.push(self.failover_necessary());
        }
        self.settle(Err(obstacle), step);
        if !self.config.automatic {
            self.state = State::Failed { obstacle: Some(obstacle) };
        }
    }

    pub(super) fn on_timeout(&mut self, step: &mut Step<'_, Action>) {
        let State::Searching(search) = &self.state else { return };
        match search.stage {
            Stage::Pausing(until, _) if step.now < until => {}
            Stage::Pausing(_, AfterPause::NextRound) => self.next_candidate(step),
            Stage::Pausing(_, AfterPause::Failure(obstacle)) => self.search_failed(obstacle, step),
            Stage::Resolving(_) | Stage::Connecting(..) => {}
        }
    }
}

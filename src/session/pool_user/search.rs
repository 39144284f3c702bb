//! The search for an element: resolutions, connects, pauses between rounds.
//!
//! Connects race, as RFC 8305 has it for addresses: when an element has not answered within its head start, the next one is tried as
//! well. So one that hangs costs its head start, not the time of the whole search.

use super::*;
use crate::association::LossReason;

/// The pause between rounds doubles up to this many times the first one.
const MAX_BACKOFF: u32 = 8;
/// Connects of one session that are under way at a time.
const MAX_CANDIDATES: usize = 8;

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
    /// Oldest first.
    candidates: Vec<Candidate>,
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

/// What the search waits for, besides its candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Resolving(Attempt),
    /// For its candidates alone: there are no more elements to try.
    Waiting,
    /// Nothing new is begun before this time: the head start of a candidate, or a pause between rounds.
    Pausing(Time, AfterPause),
}

/// What follows a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterPause {
    NextRound,
    /// The search ends.
    Failure(NoElement),
}

/// A connect that is under way. Several race: the first one that is up serves the session, and the others are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    attempt: Attempt,
    element: PoolElementId,
    chance: Chance,
}

/// Whether a candidate has all the time that a connect may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chance {
    Full,
    /// The search ends before: that it does not answer by then is not its fault.
    Cut,
}

impl Search {
    /// When [`Event::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Time> {
        if let Stage::Pausing(until, _) = self.stage { Some(until) } else { None }
    }

    /// Gives up what is under way.
    pub fn cancel(&self, step: &mut Step<'_, Action>) {
        for candidate in &self.candidates {
            step.push(Action::CancelConnect { attempt: candidate.attempt });
        }
    }

    fn is_candidate(&self, element: PoolElementId) -> bool {
        self.candidates.iter().any(|candidate| candidate.element == element)
    }

    /// Takes this connect out of the race.
    fn take_candidate(&mut self, attempt: Attempt) -> Option<Candidate> {
        let index = self.candidates.iter().position(|candidate| candidate.attempt == attempt)?;
        Some(self.candidates.remove(index))
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
            candidates: Vec::new(),
            stage: Stage::Pausing(step.now, AfterPause::NextRound),
        });
        self.next_candidate(step);
    }

    /// Takes an element of the business card, or asks for elements.
    fn next_candidate(&mut self, step: &mut Step<'_, Action>) {
        self.failed.forget_old(step.now);
        let State::Searching(search) = &mut self.state else { return };
        if search.candidates.len() >= MAX_CANDIDATES {
            search.stage = Stage::Waiting;
            return;
        }
        let untried = |element: &PoolElement| !self.failed.contains(element.id) && !search.is_candidate(element.id);
        let card = self.preferred.iter().find(|element| untried(element) && peer_address(element).is_some()).cloned();
        if let Some(element) = card {
            return self.connect(&element, step);
        }
        // So many that at least one is none of those that failed or are tried; from a cache, the whole pool.
        let tried = search.candidates.iter().filter(|candidate| !self.failed.contains(candidate.element)).count();
        let wanted = u32::try_from(self.failed.len() + tried).unwrap_or(u32::MAX).saturating_add(1);
        let items = self.stale_cache.is_zero().then_some(wanted);
        let attempt = self.new_attempt();
        let State::Searching(search) = &mut self.state else { return };
        search.stage = Stage::Resolving(attempt);
        let (pool_handle, stale_cache) = (self.pool_handle.clone(), self.stale_cache);
        step.push(Action::Resolve { attempt, pool_handle, items, stale_cache });
    }

    /// Connects to an element, and gives it a head start before the next one is tried as well.
    fn connect(&mut self, element: &PoolElement, step: &mut Step<'_, Action>) {
        let Some(peer) = peer_address(element) else { return };
        let attempt = self.new_attempt();
        let State::Searching(search) = &mut self.state else { return };
        let (whole, head_start) = (self.config.connect_timeout, self.config.head_start);
        let timeout = match self.waiter {
            Waiter::Application => whole.min(search.until.saturating_since(step.now).max(head_start)),
            Waiter::Nobody => whole,
        };
        let chance = if timeout < whole { Chance::Cut } else { Chance::Full };
        search.candidates.push(Candidate { attempt, element: element.id, chance });
        search.stage = Stage::Pausing(step.now + head_start, AfterPause::NextRound);
        step.push(Action::Connect { attempt, peer, timeout });
    }

    pub(super) fn on_resolved(&mut self, attempt: Attempt, pool_elements: &[PoolElement], step: &mut Step<'_, Action>) {
        let State::Searching(search) = &mut self.state else { return };
        if search.stage != Stage::Resolving(attempt) {
            return;
        }
        let usable = || pool_elements.iter().filter(|e| peer_address(e).is_some() && !search.is_candidate(e.id));
        if let Some(fresh) = usable().find(|element| !self.failed.contains(element.id)) {
            return self.connect(fresh, step);
        }
        // All have failed lately: the one that had most time to recover, once a search and after a pause.
        let oldest = usable().min_by_key(|element| self.failed.failed_at(element.id));
        let racing = !search.candidates.is_empty();
        let Some(oldest) = oldest else {
            if racing {
                search.stage = Stage::Waiting;
                return;
            }
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
                if racing {
                    search.stage = Stage::Waiting;
                    return;
                }
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
        if !search.candidates.is_empty() {
            search.stage = Stage::Waiting;
            return;
        }
        let again_at = step.now + search.pause(&self.config);
        let awaited = self.waiter == Waiter::Application;
        let (obstacle, ends_search) = match why {
            ResolveFailure::NoRegistrar => return self.search_failed(NoElement::NoRegistrar, step),
            ResolveFailure::NoDescriptor => return self.search_failed(NoElement::NoDescriptor, step),
            // The pause comes before the answer: applications use force_failover as their retry loop.
            ResolveFailure::UnknownPool => (NoElement::UnknownPool, !self.config.automatic || awaited),
            // Other sessions' requests end: this one comes back while there is time.
            ResolveFailure::TooManyRequests => (NoElement::TooManyRequests, awaited && again_at > search.until),
        };
        search.obstacle = Some(obstacle);
        let after = if ends_search { AfterPause::Failure(obstacle) } else { AfterPause::NextRound };
        search.stage = Stage::Pausing(again_at, after);
    }

    /// This candidate has won: the element, and what the search was for. Those that had more time than it are slow: the next
    /// search tries them late, and nobody is told.
    pub(super) fn win(&mut self, attempt: Attempt, step: &mut Step<'_, Action>) -> Option<(PoolElementId, Purpose)> {
        let State::Searching(search) = &mut self.state else { return None };
        let winner = search.take_candidate(attempt)?;
        search.cancel(step);
        for slow in search.candidates.iter().filter(|candidate| candidate.attempt < attempt) {
            self.failed.add(slow.element, step.now);
        }
        Some((winner.element, search.purpose))
    }

    pub(super) fn on_connect_failed(&mut self, attempt: Attempt, reason: &LossReason, step: &mut Step<'_, Action>) {
        let State::Searching(search) = &mut self.state else { return };
        let Some(candidate) = search.take_candidate(attempt) else { return };
        let had_time = *reason != LossReason::Timeout || candidate.chance == Chance::Full;
        if had_time && reason.says_unreachable() {
            step.push(self.report(candidate.element));
        }
        self.candidate_failed(candidate, step);
    }

    /// An element that was not tried is not reported.
    pub(super) fn on_cannot_connect(&mut self, attempt: Attempt, step: &mut Step<'_, Action>) {
        let State::Searching(search) = &mut self.state else { return };
        let Some(candidate) = search.take_candidate(attempt) else { return };
        self.candidate_failed(candidate, step);
    }

    fn candidate_failed(&mut self, candidate: Candidate, step: &mut Step<'_, Action>) {
        self.failed.add(candidate.element, step.now);
        let State::Searching(search) = &mut self.state else { return };
        if self.waiter == Waiter::Application && step.now >= search.until {
            if search.candidates.is_empty() {
                return self.search_failed(NoElement::Unreachable, step);
            }
            search.stage = Stage::Waiting;
            return;
        }
        if search.again == Again::Tried {
            search.double_pause();
        }
        // Its place is taken at once, without the head start.
        if !matches!(search.stage, Stage::Resolving(_)) {
            self.next_candidate(step);
        }
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
            Stage::Resolving(_) | Stage::Waiting => {}
        }
    }
}

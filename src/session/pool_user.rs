//! A session as its pool user sees it: resolve, select, connect, hand over the cookie, fail over.

mod failed;
mod interface;

pub use interface::{Action, Attempt, Event, PoolUserConfig, ResolveFailure, Settled};

use super::{ControlMessage, Notification, encode_cookie_echo, parse_control};
use crate::association::{LossReason, PeerAddress, Undelivered};
use crate::wire::{PPID_ASAP, PoolElement, TransportParameter};
use crate::{AssociationId, PoolElementId, PoolHandle, SessionId, Time};
use failed::FailedElements;
use std::time::Duration;

/// ASAP_ERROR messages sent in one association: more would only feed a hostile element.
const MAX_ERRORS_SENT: u8 = 4;
/// The pause between rounds doubles up to this many times the first one.
const MAX_BACKOFF: u32 = 8;

/// The pool user's side of a session.
#[derive(Debug)]
pub struct PoolUserSession {
    config: PoolUserConfig,
    session: SessionId,
    pool_handle: PoolHandle,
    state: State,
    /// The element that the session is or was connected to, or is being connected to.
    element: Option<PoolElementId>,
    /// That element's failure was reported.
    reported: bool,
    /// The latest cookie: kept until a newer one comes (RFC 5352 section 3.8).
    cookie: Option<Vec<u8>>,
    /// From a business card, in the order to prefer (RFC 5352 section 3.9).
    preferred: Vec<PoolElement>,
    failed: FailedElements,
    /// What the old element never acknowledged, to send to the next one.
    unacknowledged: Vec<Undelivered>,
    /// Somebody waits for `Action::Settled`.
    awaited: bool,
    /// The first connect: its FAILOVER_COMPLETE is suppressed.
    starting: bool,
    stale_cache: Duration,
    /// When the search that somebody waits for is given up.
    search_until: Time,
    /// In this search an element that had failed was tried again.
    retried_failed: bool,
    /// Why there is no element, as far as searching has shown since the last association.
    obstacle: Option<Settled>,
    backoff: u32,
    /// When the present or last association came up.
    up_at: Time,
    /// Associations in a row that ended as soon as they had come up.
    short_lived: u32,
    last_attempt: u64,
    errors_sent: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The application has to call for a failover.
    Failed,
    Resolving(Attempt),
    Connecting(Attempt),
    /// Pausing before the next round; `Some`: then giving up with this result instead.
    Pausing(Time, Option<Settled>),
    Up(AssociationId),
    Closed,
}

impl PoolUserSession {
    /// A session with a pool; [`Event::Start`] sets it going.
    pub fn new(config: PoolUserConfig, session: SessionId, pool_handle: PoolHandle) -> PoolUserSession {
        PoolUserSession {
            stale_cache: config.stale_cache,
            config,
            session,
            pool_handle,
            state: State::Failed,
            element: None,
            reported: false,
            cookie: None,
            preferred: Vec::new(),
            failed: FailedElements::default(),
            unacknowledged: Vec::new(),
            awaited: false,
            starting: false,
            search_until: Time::ZERO,
            retried_failed: false,
            obstacle: None,
            backoff: 1,
            up_at: Time::ZERO,
            short_lived: 0,
            last_attempt: 0,
            errors_sent: 0,
        }
    }

    /// The pool.
    pub fn pool_handle(&self) -> &PoolHandle {
        &self.pool_handle
    }

    /// The session's identifier.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The association to send on; none while there is none.
    pub fn association(&self) -> Option<AssociationId> {
        if let State::Up(association) = self.state { Some(association) } else { None }
    }

    /// The session waits for the application to call for a failover (or to close).
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed | State::Closed)
    }

    /// The application has ended the session: nothing will come any more.
    pub fn has_ended(&self) -> bool {
        self.state == State::Closed
    }

    /// The element at the other end; none while not connected.
    pub fn connected_element(&self) -> Option<PoolElementId> {
        self.association().and(self.element)
    }

    /// The element of the session, also when its association has just ended: what it sent may still wait to be read.
    pub fn element(&self) -> Option<PoolElementId> {
        self.element
    }

    /// Why the session has no element, where searching has shown that.
    pub fn obstacle(&self) -> Option<Settled> {
        self.obstacle
    }

    /// The element gave a cookie at some time.
    pub fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    /// The settings; changes hold from the next failover on.
    pub fn config_mut(&mut self) -> &mut PoolUserConfig {
        &mut self.config
    }

    /// When [`Event::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Time> {
        if let State::Pausing(until, _) = self.state { Some(until) } else { None }
    }

    /// Something happened; appends what is to be done.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        match event {
            Event::Start => self.handle_start(now, actions),
            Event::ForceFailover { unreachable, stale_cache } => {
                self.handle_force_failover(now, unreachable, stale_cache, actions)
            }
            Event::Resolved { attempt, pool_elements, .. } if self.state == State::Resolving(attempt) => {
                self.handle_resolved(now, &pool_elements, actions)
            }
            Event::ResolveFailed { attempt, why } if self.state == State::Resolving(attempt) => {
                self.handle_resolve_failed(now, why, actions)
            }
            Event::Up { attempt, association } => self.handle_up(now, attempt, association, actions),
            Event::ConnectFailed { attempt } if self.state == State::Connecting(attempt) => {
                self.handle_connect_failed(now, true, actions)
            }
            Event::CannotConnect { attempt } if self.state == State::Connecting(attempt) => {
                self.handle_connect_failed(now, false, actions)
            }
            Event::Lost { association, reason, undelivered } if self.state == State::Up(association) => {
                self.handle_lost(now, &reason, undelivered, actions)
            }
            Event::ElementRemoved(element) => self.handle_element_removed(now, element, actions),
            Event::ElementSuspected(element) => self.handle_element_suspected(element, actions),
            Event::Control { association, bytes } if self.state == State::Up(association) => {
                self.handle_control(association, bytes, actions)
            }
            Event::NotResent(message) if self.config.resend => self.unacknowledged.push(message),
            Event::Timeout => self.handle_timeout(now, actions),
            Event::Close => self.handle_close(actions),
            // Of an attempt or association that was given up meanwhile.
            Event::NotResent(_)
            | Event::Resolved { .. }
            | Event::ResolveFailed { .. }
            | Event::ConnectFailed { .. }
            | Event::CannotConnect { .. }
            | Event::Lost { .. }
            | Event::Control { .. } => {}
        }
    }

    fn handle_start(&mut self, now: Time, actions: &mut Vec<Action>) {
        self.awaited = true;
        match self.state {
            State::Failed => {
                self.starting = true;
                self.search(now, actions);
            }
            // Another thread was faster: with a failover, or by ending the session.
            State::Up(_) => self.settle(Settled::Connected, actions),
            State::Closed => self.settle(Settled::Closed, actions),
            State::Resolving(_) | State::Connecting(_) | State::Pausing(..) => {}
        }
    }

    fn handle_force_failover(&mut self, now: Time, unreachable: bool, stale: Duration, actions: &mut Vec<Action>) {
        self.awaited = true;
        if self.state == State::Closed {
            return self.settle(Settled::Closed, actions);
        }
        self.stale_cache = stale;
        let searching = !matches!(self.state, State::Failed | State::Up(_));
        if searching {
            // Under way already: the caller waits for its result.
            self.search_until = now + self.config.connect_timeout;
            return;
        }
        actions.push(Action::ClearInbox);
        if let Some(element) = self.element {
            if self.association().is_some() {
                self.failed.add(element, now);
            }
            if unreachable && !self.reported {
                self.reported = true;
                actions.push(self.report(element));
            }
        }
        if let State::Up(association) = self.state {
            actions.push(Action::Abort { association });
        }
        self.search(now, actions);
    }

    /// Begins to look for an element.
    fn search(&mut self, now: Time, actions: &mut Vec<Action>) {
        self.search_until = now + self.config.connect_timeout;
        self.retried_failed = false;
        self.backoff = 2u32.saturating_pow(self.short_lived.saturating_sub(1)).min(MAX_BACKOFF);
        self.next_candidate(now, actions);
    }

    /// The association has ended without the application's doing. An element that accepts and hangs up at once has more to do
    /// than it can: asked again and again at the same pace, it would never get out of that.
    fn count_short_lived(&mut self, now: Time) {
        let short = now.saturating_since(self.up_at) < self.config.connect_timeout;
        self.short_lived = if short { self.short_lived.saturating_add(1) } else { 0 };
    }

    fn new_attempt(&mut self) -> Attempt {
        self.last_attempt = self.last_attempt.wrapping_add(1);
        Attempt(self.last_attempt)
    }

    fn next_candidate(&mut self, now: Time, actions: &mut Vec<Action>) {
        self.failed.forget_old(now);
        let card = self.preferred.iter().find(|e| !self.failed.contains(e.id) && peer_address(e).is_some()).cloned();
        if let Some(element) = card {
            return self.connect(&element, actions);
        }
        let attempt = self.new_attempt();
        self.state = State::Resolving(attempt);
        // So many that at least one is none of the failed ones; from a cache, the whole pool.
        let wanted = u32::try_from(self.failed.len()).unwrap_or(u32::MAX).saturating_add(1);
        let items = self.stale_cache.is_zero().then_some(wanted);
        let pool_handle = self.pool_handle.clone();
        actions.push(Action::Resolve { attempt, pool_handle, items, stale_cache: self.stale_cache });
    }

    fn connect(&mut self, element: &PoolElement, actions: &mut Vec<Action>) {
        let Some(peer) = peer_address(element) else { return };
        let attempt = self.new_attempt();
        self.state = State::Connecting(attempt);
        self.element = Some(element.id);
        self.reported = false;
        actions.push(Action::Connect { attempt, peer, timeout: self.config.connect_timeout });
    }

    fn handle_resolved(&mut self, now: Time, pool_elements: &[PoolElement], actions: &mut Vec<Action>) {
        let usable = || pool_elements.iter().filter(|element| peer_address(element).is_some());
        if let Some(fresh) = usable().find(|element| !self.failed.contains(element.id)) {
            return self.connect(fresh, actions);
        }
        // All have failed lately: the one that had most time to recover, once a search and after a pause.
        let oldest = usable().min_by_key(|element| self.failed.failed_at(element.id)).cloned();
        let Some(element) = oldest else {
            log::warn!(
                "pool {} has no element with an SCTP transport: the session stays unconnected",
                self.pool_handle
            );
            return self.conclude_failure(now, Settled::UnknownPool, actions);
        };
        let again_at = self.failed.failed_at(element.id).unwrap_or(Time::ZERO) + self.pause();
        if again_at > now {
            self.obstacle = Some(Settled::Unreachable);
            if self.awaited && (self.retried_failed || again_at > self.search_until) {
                return self.conclude_failure(now, Settled::Unreachable, actions);
            }
            self.state = State::Pausing(again_at, None);
            return;
        }
        self.retried_failed = true;
        self.connect(&element, actions);
    }

    /// Never so long that a search which somebody waits for has no time for it, unless the first pause is.
    fn pause(&self) -> Duration {
        let longest = self.config.connect_timeout.max(self.config.retry_delay);
        self.config.retry_delay.saturating_mul(self.backoff).min(longest)
    }

    fn handle_resolve_failed(&mut self, now: Time, why: ResolveFailure, actions: &mut Vec<Action>) {
        let again_at = now + self.pause();
        let (result, ends_search) = match why {
            ResolveFailure::NoRegistrar => return self.conclude_failure(now, Settled::NoRegistrar, actions),
            // The pause comes before the answer: applications use force_failover as their retry loop.
            ResolveFailure::UnknownPool => (Settled::UnknownPool, !self.config.automatic || self.awaited),
            // Other sessions' requests end: this one comes back while there is time.
            ResolveFailure::TooManyRequests => (Settled::TooManyRequests, self.awaited && again_at > self.search_until),
        };
        self.obstacle = Some(result);
        self.state = State::Pausing(again_at, ends_search.then_some(result));
    }

    fn handle_connect_failed(&mut self, now: Time, tried: bool, actions: &mut Vec<Action>) {
        if let Some(element) = self.element {
            self.failed.add(element, now);
            // An element that was not tried is not reported: neither now, nor because the application has to fail over.
            self.reported = true;
            if tried {
                actions.push(self.report(element));
            }
        }
        if self.awaited && now >= self.search_until {
            return self.conclude_failure(now, Settled::Unreachable, actions);
        }
        if self.retried_failed {
            self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
        }
        self.next_candidate(now, actions);
    }

    /// This search came to nothing. An automatic session goes on with the next one after a pause.
    fn conclude_failure(&mut self, now: Time, result: Settled, actions: &mut Vec<Action>) {
        self.obstacle = Some(result);
        if self.starting || !self.config.automatic {
            self.starting = false;
            actions.push(Action::Notify(self.failover_necessary()));
        }
        self.settle(result, actions);
        if self.config.automatic {
            self.state = State::Pausing(now + self.pause(), None);
            self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
        } else {
            self.state = State::Failed;
        }
    }

    fn report(&self, pool_element_id: PoolElementId) -> Action {
        Action::Report { pool_handle: self.pool_handle.clone(), pool_element_id }
    }

    fn settle(&mut self, result: Settled, actions: &mut Vec<Action>) {
        if self.awaited {
            self.awaited = false;
            actions.push(Action::Settled(result));
        }
    }

    fn handle_timeout(&mut self, now: Time, actions: &mut Vec<Action>) {
        let State::Pausing(until, result) = self.state else { return };
        if now < until {
            return;
        }
        match result {
            Some(result) => self.conclude_failure(now, result, actions),
            None => self.next_candidate(now, actions),
        }
    }

    fn handle_up(&mut self, now: Time, attempt: Attempt, association: AssociationId, actions: &mut Vec<Action>) {
        if self.state != State::Connecting(attempt) {
            // Given up meanwhile: nobody wants this association.
            actions.push(Action::Abort { association });
            return;
        }
        self.state = State::Up(association);
        self.up_at = now;
        self.obstacle = None;
        self.errors_sent = 0;
        let echo = self.cookie.as_deref().and_then(|cookie| encode_cookie_echo(cookie).ok());
        let has_cookie = echo.is_some();
        if let Some(bytes) = echo {
            actions.push(Action::SendControl { association, bytes });
        }
        for message in std::mem::take(&mut self.unacknowledged) {
            actions.push(Action::Resend { association, message });
        }
        if !self.starting {
            actions.push(Action::Notify(Notification::FailoverComplete { session: self.session, has_cookie }));
        }
        self.starting = false;
        if self.config.watch {
            actions.push(Action::Watch);
        }
        self.settle(Settled::Connected, actions);
    }

    fn failover_necessary(&self) -> Notification {
        Notification::FailoverNecessary { session: self.session, has_cookie: self.has_cookie() }
    }

    fn handle_lost(&mut self, now: Time, reason: &LossReason, lost: Vec<Undelivered>, actions: &mut Vec<Action>) {
        let closed = *reason == LossReason::Closed;
        log::info!(
            "session {} with pool {}: element {} is gone ({reason}), failover {}",
            self.session.0,
            self.pool_handle,
            self.element.unwrap_or_default(),
            if self.config.automatic { "begins" } else { "is up to the application" }
        );
        self.count_short_lived(now);
        if let Some(element) = self.element {
            self.failed.add(element, now);
            // That we gave the association up ourselves says nothing about whether the element can be reached.
            self.reported = !closed && !matches!(reason, LossReason::ProtocolViolation(_));
            if closed {
                actions.push(Action::Notify(Notification::Shutdown { session: self.session }));
            }
            if self.reported {
                actions.push(self.report(element));
            }
        }
        if self.config.resend {
            // Cookie echoes are made anew.
            self.unacknowledged = lost.into_iter().filter(|message| message.ppid != PPID_ASAP).collect();
        }
        actions.push(Action::Notify(self.failover_necessary()));
        self.state = State::Failed;
        if self.config.automatic {
            self.search(now, actions);
        }
    }

    /// That an element is gone, a session that waits for something learns by a heartbeat, in half a second or more. Here it does
    /// not wait for that, but nor does it believe somebody else: only the path between the two may have failed.
    fn handle_element_suspected(&self, element: PoolElementId, actions: &mut Vec<Action>) {
        if let (State::Up(association), true) = (self.state, self.element == Some(element)) {
            actions.push(Action::Probe { association });
        }
    }

    /// The registrar has given the element up: it hangs, cannot be reached or has left. Our own association may take long to
    /// notice, or never notices, as an operating system acknowledges for a process that hangs.
    fn handle_element_removed(&mut self, now: Time, element: PoolElementId, actions: &mut Vec<Action>) {
        let State::Up(association) = self.state else { return };
        if self.element != Some(element) {
            return;
        }
        log::info!(
            "session {} with pool {}: the registrar has removed element {element}, failover {}",
            self.session.0,
            self.pool_handle,
            if self.config.automatic { "begins" } else { "is up to the application" }
        );
        self.count_short_lived(now);
        self.failed.add(element, now);
        self.reported = true;
        actions.push(Action::Abort { association });
        actions.push(Action::Notify(self.failover_necessary()));
        self.state = State::Failed;
        if self.config.automatic {
            self.search(now, actions);
        }
    }

    fn handle_control(&mut self, association: AssociationId, bytes: &[u8], actions: &mut Vec<Action>) {
        match parse_control(bytes) {
            ControlMessage::Cookie(cookie) => self.cookie = Some(cookie),
            ControlMessage::BusinessCard { pool_handle, pool_elements } => {
                // A card for another pool would send the session to a service that it never asked for.
                if pool_handle == self.pool_handle {
                    self.preferred = pool_elements;
                }
            }
            ControlMessage::CookieEcho(_) => log::debug!("a pool element sent a cookie echo, which is ignored"),
            ControlMessage::Error(error) => log::debug!("peer of {association:?} reports {:?}", error.first()),
            ControlMessage::Unusable { answer, what } => {
                log::debug!("control message on {association:?} ignored: {what}");
                if let Some(bytes) = answer.filter(|_| self.errors_sent < MAX_ERRORS_SENT) {
                    self.errors_sent += 1;
                    actions.push(Action::SendControl { association, bytes });
                }
            }
        }
    }

    fn handle_close(&mut self, actions: &mut Vec<Action>) {
        match self.state {
            State::Up(association) => actions.push(Action::Shutdown { association }),
            State::Connecting(attempt) => actions.push(Action::CancelConnect { attempt }),
            _ => {}
        }
        self.state = State::Closed;
        self.settle(Settled::Closed, actions);
    }
}

/// How to reach an element, if that is by SCTP.
pub(super) fn peer_address(element: &PoolElement) -> Option<PeerAddress> {
    match &element.user_transport {
        TransportParameter::Sctp { port, addresses, .. } if !addresses.is_empty() && *port != 0 => {
            Some(PeerAddress { addresses: addresses.clone(), port: *port })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

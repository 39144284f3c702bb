//! A session as its pool user sees it: resolve, select, connect, hand over the cookie, fail over.
//!
//! ```text
//!                Start, ForceFailover          a candidate is up
//!   Failed ------------------------> Searching ----------------> Up
//!     ^                                |    ^                    |
//!     |   the search came to nothing   |    |  the association   |
//!     +--------------------------------+    |  is lost, the      |
//!     |          (unless automatic)         |  element removed   |
//!     |                                     |  (automatic), or   |
//!     |                                     |  ForceFailover     |
//!     |                                     +--------------------+
//!     |      the association is lost, the element removed        |
//!     +----------------------------------------------------------+
//!
//!   Searching: Resolving -> connecting to a candidate, which has a head start -> Resolving, connecting to another one as well;
//!              the first candidate that is up wins. Pausing before another round, or before the search ends with a failure.
//!   Close leads from everywhere to Closed, which is left no more.
//! ```
//!
//! What holds in one state only stands in that state. `search.rs` has what happens in `Searching`, `element.rs` what happens in `Up`.

mod element;
mod failed;
mod interface;
mod resends;
mod search;

pub use interface::{Action, Attempt, Blame, Event, NoElement, PoolUserConfig, ResolveFailure};

use super::{Notification, encode_cookie_echo};
use crate::association::{PeerAddress, Undelivered};
use crate::step::Step;
use crate::wire::PoolElement;
use crate::{AssociationId, PoolElementId, PoolHandle, SessionId, Time};
use element::Up;
use failed::FailedElements;
use resends::Resends;
use search::{Purpose, Search};
use std::time::Duration;

/// The pool user's side of a session.
#[derive(Debug)]
pub struct PoolUserSession {
    config: PoolUserConfig,
    session: SessionId,
    pool_handle: PoolHandle,
    state: State,
    /// The element that the session is or was connected to.
    element: Option<PoolElementId>,
    /// That element, as long as its association lives: whether it can be reached, the application may know better.
    reportable: Option<PoolElementId>,
    /// The latest cookie: kept until a newer one comes (RFC 5352 section 3.8).
    cookie: Option<Vec<u8>>,
    /// From a business card, in the order to prefer (RFC 5352 section 3.9).
    preferred: Vec<PoolElement>,
    failed: FailedElements,
    /// What old elements never acknowledged, to send to the next one.
    resends: Resends,
    /// Whether somebody waits for [`Action::Settled`].
    waiter: Waiter,
    stale_cache: Duration,
    /// Associations in a row that ended as soon as they had come up.
    short_lived: u32,
    last_attempt: u64,
}

/// Whether somebody waits for the end of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiter {
    Nobody,
    Application,
}

#[derive(Debug)]
enum State {
    /// The application has to call for a failover.
    Failed {
        /// Why there is no element, where searching has shown that.
        obstacle: Option<NoElement>,
    },
    /// An element is looked for.
    Searching(Search),
    /// An element serves the session.
    Up(Up),
    /// The application has ended the session.
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
            state: State::Failed { obstacle: None },
            element: None,
            reportable: None,
            cookie: None,
            preferred: Vec::new(),
            failed: FailedElements::default(),
            resends: Resends::default(),
            waiter: Waiter::Nobody,
            short_lived: 0,
            last_attempt: 0,
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

    /// The association to send on; none while there is none, or while older messages have to be sent again on it first.
    pub fn association(&self) -> Option<AssociationId> {
        self.current_association().filter(|_| self.resends.are_done())
    }

    /// Somebody waits for what comes of a search.
    pub fn is_awaited(&self) -> bool {
        self.waiter == Waiter::Application && matches!(self.state, State::Searching(_))
    }

    /// The association with the element, whether messages can be sent on it now or not.
    pub fn current_association(&self) -> Option<AssociationId> {
        if let State::Up(up) = &self.state { Some(up.association) } else { None }
    }

    /// This is the association with the element.
    pub fn is_served_by(&self, association: AssociationId) -> bool {
        self.current_association() == Some(association)
    }

    /// The message to send again on this association next, for [`Action::Resend`].
    pub fn next_resend(&self, association: AssociationId) -> Option<&Undelivered> {
        self.resends.next().filter(|_| self.current_association() == Some(association))
    }

    /// The session waits for the application to call for a failover (or to close).
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed { .. } | State::Closed)
    }

    /// The application has ended the session: nothing will come any more.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The element at the other end; none while not connected.
    pub fn connected_element(&self) -> Option<PoolElementId> {
        self.current_association().and(self.element)
    }

    /// The element of the session, also when its association has just ended: what it sent may still wait to be read.
    pub fn element(&self) -> Option<PoolElementId> {
        self.element
    }

    /// Why the session has no element, where searching has shown that.
    pub fn obstacle(&self) -> Option<NoElement> {
        match &self.state {
            State::Failed { obstacle } => *obstacle,
            State::Searching(search) => search.obstacle,
            State::Up(_) | State::Closed => None,
        }
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
        if let State::Searching(search) = &self.state { search.next_deadline() } else { None }
    }

    /// Something happened; appends what is to be done.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        let step = &mut Step::new(now, actions);
        match event {
            Event::Start => self.on_start(step),
            Event::ForceFailover { blame, stale_cache } => self.on_force_failover(blame, stale_cache, step),
            Event::Resolved { attempt, pool_elements, .. } => self.on_resolved(attempt, &pool_elements, step),
            Event::ResolveFailed { attempt, why } => self.on_resolve_failed(attempt, why, step),
            Event::Up { attempt, association } => self.on_up(attempt, association, step),
            Event::ConnectFailed { attempt, reason } => self.on_connect_failed(attempt, &reason, step),
            Event::CannotConnect { attempt } => self.on_cannot_connect(attempt, step),
            Event::Lost { association, reason, undelivered } => self.on_lost(association, &reason, undelivered, step),
            Event::ElementRemoved(element) => self.on_element_removed(element, step),
            Event::ElementSuspected(element) => self.on_element_suspected(element, step),
            Event::Control { association, bytes } => self.on_control(association, bytes, step),
            Event::Resent => drop(self.resends.take_next()),
            Event::ResendRefused => self.on_resend_refused(step),
            Event::Writable { association } => self.on_writable(association, step),
            Event::Timeout => self.on_timeout(step),
            Event::Close => self.on_close(step),
        }
    }

    fn on_start(&mut self, step: &mut Step<'_, Action>) {
        self.waiter = Waiter::Application;
        match self.state {
            State::Failed { .. } => self.search(Purpose::FirstElement, step),
            // Another thread was faster: with a failover, or by ending the session.
            State::Up(_) => self.settle(Ok(()), step),
            State::Closed => self.settle(Err(NoElement::Closed), step),
            State::Searching(_) => {}
        }
    }

    fn on_force_failover(&mut self, blame: Blame, stale_cache: Duration, step: &mut Step<'_, Action>) {
        self.waiter = Waiter::Application;
        match &mut self.state {
            State::Closed => return self.settle(Err(NoElement::Closed), step),
            State::Searching(search) => {
                // Under way already: the caller waits for its result.
                search.until = step.now + self.config.connect_timeout;
                self.stale_cache = stale_cache;
                return;
            }
            State::Failed { .. } | State::Up(_) => {}
        }
        self.stale_cache = stale_cache;
        step.push(Action::ClearInbox);
        if let (State::Up(_), Some(element)) = (&self.state, self.element) {
            self.failed.add(element, step.now);
        }
        if let (Blame::Element, Some(element)) = (blame, self.reportable) {
            step.push(self.report(element));
        }
        self.give_up(step);
        self.search(Purpose::Failover, step);
    }

    fn on_close(&mut self, step: &mut Step<'_, Action>) {
        match &self.state {
            State::Up(up) => step.push(Action::Shutdown { association: up.association }),
            State::Searching(search) => search.cancel(step),
            State::Failed { .. } | State::Closed => {}
        }
        self.state = State::Closed;
        let lost = self.resends.drop_all();
        self.messages_lost(self.element.unwrap_or_default(), lost, step);
        self.settle(Err(NoElement::Closed), step);
    }

    fn report(&self, pool_element_id: PoolElementId) -> Action {
        Action::Report { pool_handle: self.pool_handle.clone(), pool_element_id }
    }

    fn failover_necessary(&self) -> Action {
        Action::Notify(Notification::FailoverNecessary { session: self.session, has_cookie: self.has_cookie() })
    }

    fn settle(&mut self, result: Result<(), NoElement>, step: &mut Step<'_, Action>) {
        if self.waiter == Waiter::Application {
            self.waiter = Waiter::Nobody;
            step.push(Action::Settled(result));
        }
    }

    fn new_attempt(&mut self) -> Attempt {
        self.last_attempt = self.last_attempt.wrapping_add(1);
        Attempt(self.last_attempt)
    }
}

/// How to reach an element, if that is by SCTP.
pub(super) fn peer_address(element: &PoolElement) -> Option<PeerAddress> {
    PeerAddress::of_sctp(&element.user_transport)
}

#[cfg(test)]
mod tests;

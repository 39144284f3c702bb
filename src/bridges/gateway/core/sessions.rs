//! What happens to clients: they are led to an element, wait for one, move, and end.

use super::{Action, Attempt, Blame, Carried, End, Gateway, SessionId, Step, Sticky, stickiness};
use crate::log_limit::log_limited;
use crate::{PoolElementId, Time};
use log::Level;
use smallvec::SmallVec;
use std::net::SocketAddr;
use std::time::Duration;

/// Between two rounds of tries while no element takes a client.
const ROUND: Duration = Duration::from_millis(100);
/// Elements that one session tries before it begins anew with the first.
const MAX_TRIED: usize = 16;
/// Connects in all for a client that waits.
const MAX_ATTEMPTS: u8 = 250;

/// A client, and how it stands with elements.
pub(super) struct Session {
    client: SocketAddr,
    /// When its patience is over.
    give_up: Time,
    /// The element that has it.
    element: Option<PoolElementId>,
    /// Connects under way.
    attempts: SmallVec<[(Attempt, PoolElementId); 2]>,
    /// Those tried in this round.
    tried: SmallVec<[PoolElementId; 4]>,
    /// Numbers are used again after 250 connects, when the one that had it before is long over.
    last_attempt: u8,
    /// Connects since it waits.
    attempted: u8,
    /// It had a connect that failed or was late, or an element that is gone.
    had_another: bool,
    timer: Option<Time>,
}

impl Gateway {
    pub(super) fn on_accepted(&mut self, id: SessionId, client: SocketAddr, step: &mut Step<'_>) {
        self.counters.accepted += 1;
        let of_client = self.clients.get(&client.ip()).copied().unwrap_or(0);
        let why = if self.sessions.len() >= self.config.max_sessions {
            Some(("there are", self.config.max_sessions))
        } else {
            (of_client >= self.config.max_per_client).then_some(("it has", self.config.max_per_client))
        };
        if let Some((who, most)) = why {
            self.counters.refused += 1;
            let pool = &self.config.pool;
            log_limited!(
                self.logs.refusals => client,
                step.now,
                Level::Warn,
                "gateway of pool {pool}: client {client} is refused: {who} {most} connections already, the most allowed"
            );
            return step.push(Action::Reset(id));
        }
        *self.clients.entry(client.ip()).or_default() += 1;
        let session = Session {
            client,
            give_up: step.now + self.config.patience,
            element: None,
            attempts: SmallVec::new(),
            tried: SmallVec::new(),
            last_attempt: 0,
            attempted: 0,
            had_another: false,
            timer: None,
        };
        self.sessions.insert(id, session);
        self.lead(id, step);
    }

    /// Tries one more element; where there is none, the client waits.
    fn lead(&mut self, id: SessionId, step: &mut Step<'_>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let key = match self.config.sticky {
            Sticky::Source => Some(stickiness::key_of(session.client.ip())),
            Sticky::No => None,
        };
        let may_try = session.attempted < MAX_ATTEMPTS;
        let chosen =
            self.elements.choose(step.now, key, &session.tried, self.config.max_per_element).filter(|_| may_try);
        if chosen.is_none() && session.attempts.is_empty() {
            // Nobody is left to try: from the beginning, a little later.
            session.tried.clear();
        }
        let wait = match chosen {
            Some((element, address)) => {
                session.last_attempt = session.last_attempt % MAX_ATTEMPTS + 1;
                session.attempted += 1;
                let attempt = Attempt(session.last_attempt);
                session.had_another |= session.attempted > 1;
                session.attempts.push((attempt, element));
                if session.tried.len() == MAX_TRIED {
                    session.tried.remove(0);
                }
                session.tried.push(element);
                if let Some(known) = self.elements.get_mut(element) {
                    known.sessions.insert(id);
                }
                step.push(Action::Connect(id, attempt, address));
                self.config.head_start
            }
            None if session.attempts.is_empty() => ROUND,
            // Only those under way are left.
            None => self.config.patience,
        };
        let at = session.give_up.min(step.now + wait);
        self.set_timer(id, Some(at));
    }

    /// Elements have come: whoever waits for one has it tried.
    pub(super) fn lead_waiting(&mut self, step: &mut Step<'_>) {
        if self.elements.usable() == 0 {
            return;
        }
        // Whoever has an element has no timer.
        let waits = |id: &SessionId| self.sessions.get(id).is_some_and(|session| session.attempts.is_empty());
        let waiting: Vec<SessionId> = self.session_timers.iter().map(|(_, id)| *id).filter(waits).collect();
        for id in waiting {
            self.lead(id, step);
        }
    }

    pub(super) fn on_session_timers(&mut self, step: &mut Step<'_>) {
        while let Some(&(at, id)) = self.session_timers.first().filter(|(at, _)| *at <= step.now) {
            let Some(session) = self.sessions.get(&id) else {
                self.session_timers.remove(&(at, id));
                continue;
            };
            if session.give_up <= step.now {
                self.give_up(id, step);
                continue;
            }
            // Whoever has not taken it by now gets company, and comes last for others.
            if let Some(&(_, late)) = session.attempts.last() {
                self.elements.suspect(late, step.now);
            }
            self.lead(id, step);
        }
    }

    fn give_up(&mut self, id: SessionId, step: &mut Step<'_>) {
        let Some(session) = self.forget(id) else { return };
        self.counters.given_up += 1;
        let (pool, patience, client) = (&self.config.pool, self.config.patience, session.client);
        let usable = self.elements.usable();
        log_limited!(
            self.logs.given_up => client,
            step.now,
            Level::Warn,
            "gateway of pool {pool}: client {client} is closed: none of {usable} elements has taken it within {patience:?}"
        );
        step.push(Action::Reset(id));
    }

    pub(super) fn on_connected(&mut self, id: SessionId, attempt: Attempt, step: &mut Step<'_>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(&(_, element)) = session.attempts.iter().find(|(number, _)| *number == attempt) else { return };
        let others = std::mem::take(&mut session.attempts);
        session.tried.clear();
        session.attempted = 0;
        session.element = Some(element);
        if session.had_another {
            self.counters.led_elsewhere += 1;
        }
        self.counters.led += 1;
        for (other, its_element) in others.into_iter().filter(|(number, _)| *number != attempt) {
            if let Some(known) = self.elements.get_mut(its_element) {
                known.sessions.remove(&id);
            }
            step.push(Action::Abandon(id, other));
        }
        self.elements.trust(element);
        self.set_timer(id, None);
        step.push(Action::Carry(id, attempt));
    }

    pub(super) fn on_failed(&mut self, id: SessionId, attempt: Attempt, blame: Blame, step: &mut Step<'_>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        // A flow's element may fail when it has had the flow for long.
        let position = session.attempts.iter().position(|(number, _)| *number == attempt);
        let element = match position {
            Some(position) => session.attempts.remove(position).1,
            None => match session.element.take() {
                Some(element) => element,
                None => return,
            },
        };
        if position.is_none() {
            session.give_up = step.now + self.config.patience;
            session.had_another = true;
            session.tried.push(element);
        }
        let still_busy = !session.attempts.is_empty();
        if let Some(known) = self.elements.get_mut(element) {
            known.sessions.remove(&id);
        }
        self.counters.connects_failed += 1;
        match blame {
            Blame::Element => self.blame(element, step),
            Blame::ThisHost => {
                let pool = &self.config.pool;
                log_limited!(
                    self.logs.connects,
                    step.now,
                    Level::Error,
                    "gateway of pool {pool}: this host has no descriptor or port left to connect with: clients wait"
                );
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.tried.clear();
                }
                let at = step.now + ROUND;
                self.set_timer(id, Some(at));
                return;
            }
        }
        if !still_busy {
            self.lead(id, step);
        }
        self.forget_if_left(element);
    }

    fn blame(&mut self, element: PoolElementId, step: &mut Step<'_>) {
        let report = self.elements.suspect(element, step.now);
        let Some(known) = self.elements.get(element) else { return };
        let (pool, address) = (&self.config.pool, known.element.address);
        log_limited!(
            self.logs.connects,
            step.now,
            Level::Warn,
            "gateway of pool {pool}: element {element} at {address} cannot be connected with: the next one is tried"
        );
        if report {
            step.push(Action::Report(element));
        }
    }

    /// The element of a session, or one that it was connecting with, is gone.
    pub(super) fn on_element_gone(&mut self, id: SessionId, element: PoolElementId, step: &mut Step<'_>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.element == Some(element) {
            if self.config.carried == Carried::Connections {
                self.forget(id);
                self.counters.reset += 1;
                return step.push(Action::Reset(id));
            }
            session.element = None;
            session.had_another = true;
            session.give_up = step.now + self.config.patience;
            self.counters.moved += 1;
            return self.lead(id, step);
        }
        let of_it: SmallVec<[Attempt; 2]> =
            session.attempts.iter().filter(|(_, its)| *its == element).map(|(attempt, _)| *attempt).collect();
        session.attempts.retain(|(_, its)| *its != element);
        for attempt in of_it {
            step.push(Action::Abandon(id, attempt));
        }
        if self.sessions.get(&id).is_some_and(|session| session.attempts.is_empty()) {
            self.lead(id, step);
        }
    }

    pub(super) fn on_ended(&mut self, id: SessionId, end: End) {
        let Some(session) = self.forget(id) else { return };
        self.counters.count(end);
        if let Some(element) = session.element {
            self.forget_if_left(element);
        }
    }

    /// Forgets a session everywhere.
    fn forget(&mut self, id: SessionId) -> Option<Session> {
        self.set_timer(id, None);
        let session = self.sessions.remove(&id)?;
        for element in session.attempts.iter().map(|(_, element)| *element).chain(session.element) {
            if let Some(known) = self.elements.get_mut(element) {
                known.sessions.remove(&id);
            }
        }
        let ip = session.client.ip();
        if let Some(count) = self.clients.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(&ip);
            }
        }
        Some(session)
    }

    fn set_timer(&mut self, id: SessionId, at: Option<Time>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if let Some(old) = std::mem::replace(&mut session.timer, at) {
            self.session_timers.remove(&(old, id));
        }
        if let Some(at) = at {
            self.session_timers.insert((at, id));
        }
    }
}

//! Which element a client is led to, when the next one is tried, and what is closed: a state machine without I/O, in the time that it is told.
//!
//! `pool.rs` is what happens to elements, `sessions.rs` what happens to clients.
//!
//! ```text
//!   Accepted --> Waiting --(an element)--> Connecting --(the first one that takes it)--> Carried --(Ended)--> gone
//!                   ^  |                     |   ^
//!                   |  +---(patience over)---+   +---(element removed: a flow moves; a connection is reset)
//!                   +-------(all have failed)
//! ```

mod counters;
mod elements;
mod interface;
mod pool;
mod sessions;
mod stickiness;

#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use interface::{
    Action, Answering, Attempt, Blame, Carried, Element, End, Event, GatewayConfig, SessionId, Sticky,
};

use crate::Time;
use crate::log_limit::LogLimit;
use elements::Elements;
use pool::Memory;
use sessions::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

type Step<'a> = crate::step::Step<'a, Action>;

/// The core of a gateway.
pub struct Gateway {
    config: GatewayConfig,
    elements: Elements,
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions that no element has taken, and elements that are to be removed, by their times.
    session_timers: BTreeSet<(Time, SessionId)>,
    clients: BTreeMap<IpAddr, usize>,
    memory: Memory,
    counters: Counters,
    logs: Logs,
}

/// What clients and elements can cause does not flood the log.
#[derive(Default)]
struct Logs {
    connects: LogLimit,
    refusals: LogLimit,
    given_up: LogLimit,
}

impl Gateway {
    /// One that knows no element yet.
    pub fn new(config: GatewayConfig, seed: u64) -> Gateway {
        Gateway {
            config,
            elements: Elements::new(seed),
            sessions: BTreeMap::new(),
            session_timers: BTreeSet::new(),
            clients: BTreeMap::new(),
            memory: Memory::default(),
            counters: Counters::default(),
            logs: Logs::default(),
        }
    }

    /// Handles what has happened, and appends what is to be done.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        let step = &mut Step::new(now, actions);
        match event {
            Event::Pool(policy, listed) => self.on_pool(policy, listed, step),
            Event::Leaving(leaving) => self.on_leaving(leaving, step),
            Event::Registrar(answering) => self.on_registrar(answering, step),
            Event::Accepted(session, client) => self.on_accepted(session, client, step),
            Event::Connected(session, attempt) => self.on_connected(session, attempt, step),
            Event::Failed(session, attempt, blame) => self.on_failed(session, attempt, blame, step),
            Event::Ended(session, end) => self.on_ended(session, end),
            Event::Timeout => {
                self.on_session_timers(step);
                self.on_element_timers(step);
            }
        }
    }

    /// When [`Event::Timeout`] is wanted.
    pub fn next_deadline(&self) -> Option<Time> {
        let sessions = self.session_timers.first().map(|(at, _)| *at);
        sessions.into_iter().chain(self.element_deadline()).min()
    }

    /// Sessions that there may be at a time. Who is accepted beyond that is refused, so the driver has them wait where they are.
    pub fn most_sessions(&self) -> usize {
        self.config.max_sessions
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Sessions just now, and elements that may get one.
    pub fn sizes(&self) -> (usize, usize) {
        (self.sessions.len(), self.elements.usable())
    }
}

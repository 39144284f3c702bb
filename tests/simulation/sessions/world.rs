//! Time, chance, the list of elements, and who gets what.

use super::Report;
use super::element::{Element, Temper};
use super::faults::Fault;
use super::user::{User, Wish};
use crate::support::memory::{Delays, MemoryNetwork};
use rserpool::random::Random;
use rserpool::session::{Attempt, Blame, Event, ResolveFailure};
use rserpool::wire::Policy;
use rserpool::{PoolElementId, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// A driver with a fault, which has to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    ForgetsUndelivered,
    ResendsTwice,
}

/// What is to happen.
pub enum What {
    Send(usize),
    Resolved(usize, Attempt),
    Removed(usize, PoolElementId),
    Registers(usize, u32),
    Starts(usize),
    Fault(Fault),
}

pub struct World {
    pub now: Time,
    pub random: Random,
    pub network: MemoryNetwork,
    pub elements: Vec<Element>,
    pub users: Vec<User>,
    /// Faults are over.
    pub calm: bool,
    planned: BTreeMap<(Time, u64), What>,
    count: u64,
    failure: Option<String>,
}

impl World {
    pub fn new(seed: u64, sabotage: Option<Sabotage>) -> World {
        let mut random = Random::new(seed);
        let network = MemoryNetwork::new(random.next_u64(), Delays::default());
        let (elements, users) = (2 + random.below(5) as usize, 1 + random.below(4) as usize);
        let mut world = World {
            now: Time::ZERO,
            elements: (0..elements).map(Element::new).collect(),
            users: (0..users).map(|number| User::new(number, &network, &mut random, sabotage)).collect(),
            random,
            network,
            calm: false,
            planned: BTreeMap::new(),
            count: 0,
            failure: None,
        };
        for element in 0..elements {
            world.start(element);
        }
        for user in 0..users {
            world.tell(user, Event::Start);
            world.plan(Duration::ZERO, What::Send(user));
        }
        world.plan_fault();
        world
    }

    pub fn plan(&mut self, after: Duration, what: What) {
        self.count += 1;
        self.planned.insert((self.now + after, self.count), what);
    }

    /// Starts the process of an element.
    pub fn start(&mut self, element: usize) {
        let temper = if self.calm { Temper::Serves { cookie: 4 } } else { Temper::any(&mut self.random) };
        self.elements[element].start(&self.network, temper);
    }

    /// Something happens to a session; what it wants of registrars is on its way then.
    pub fn tell(&mut self, user: usize, event: Event<'_>) {
        self.users[user].event(self.now, event);
        self.grant(user);
    }

    fn grant(&mut self, user: usize) {
        for wish in std::mem::take(&mut self.users[user].wishes) {
            let after = self.random.within(Duration::from_millis(20));
            match wish {
                Wish::Resolve(attempt) => self.plan(after, What::Resolved(user, attempt)),
                Wish::Report(id) => self.remove(id),
            }
        }
    }

    /// An element is taken out of the pool. One that is alive finds out, and registers again.
    pub fn remove(&mut self, id: PoolElementId) {
        let number = id.0 as usize - 1;
        self.elements[number].registered = false;
        for user in 0..self.users.len() {
            let after = self.random.within(Duration::from_millis(5));
            self.plan(after, What::Removed(user, id));
        }
        let again = Duration::from_millis(500) + self.random.within(Duration::from_secs(2));
        self.plan(again, What::Registers(number, self.elements[number].incarnation));
    }

    pub fn run_until(&mut self, end: Time) {
        while self.failure.is_none() {
            let planned = self.planned.first_key_value().map(|((at, _), _)| *at);
            let elements = self.elements.iter().filter_map(Element::next_deadline);
            let users = self.users.iter().filter_map(User::next_deadline);
            let Some(next) = elements.chain(users).chain(planned).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            if planned.is_some_and(|at| at <= self.now) {
                let (_, what) = self.planned.pop_first().expect("there is one");
                self.happen(what);
            }
            self.poll();
        }
        self.now = end;
    }

    fn poll(&mut self) {
        let mut deliveries = Vec::new();
        for element in &mut self.elements {
            element.poll(self.now, &mut deliveries);
        }
        for (user, number, place) in deliveries {
            if let Err(what) = self.users[user].books.deliver(number, place) {
                self.failure.get_or_insert(format!("at {}: user {user}: {what}", self.now));
            }
        }
        for user in 0..self.users.len() {
            let elements = &self.elements;
            let one_stream = |peer: &_| elements.iter().any(|e| e.is_at(peer) && e.temper == Temper::OneStream);
            self.users[user].poll(self.now, one_stream);
            self.grant(user);
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Send(user) => {
                if self.users[user].session.has_failed() {
                    self.tell(user, Event::ForceFailover { blame: Blame::Nobody, stale_cache: Duration::ZERO });
                }
                let pause = if self.calm { Duration::from_millis(100) } else { User::pause(&mut self.random) };
                if !self.calm {
                    self.users[user].send(self.now, &mut self.random);
                }
                self.plan(pause + Duration::from_micros(50), What::Send(user));
            }
            What::Resolved(user, attempt) => self.resolved(user, attempt),
            What::Removed(user, id) if self.users[user].wants_removals => self.tell(user, Event::ElementRemoved(id)),
            What::Removed(..) => {}
            What::Registers(element, incarnation) => {
                let element = &mut self.elements[element];
                element.registered |=
                    element.transport.is_some() && element.incarnation == incarnation && !element.hung;
            }
            What::Starts(element) if self.elements[element].transport.is_none() => self.start(element),
            What::Starts(_) => {}
            What::Fault(fault) if !self.calm => {
                self.on_fault(fault);
                self.plan_fault();
            }
            What::Fault(_) => {}
        }
    }

    fn resolved(&mut self, user: usize, attempt: Attempt) {
        let mut pool_elements: Vec<_> = self.elements.iter().filter(|e| e.registered).map(Element::entry).collect();
        if !pool_elements.is_empty() {
            let first = self.random.below(pool_elements.len() as u64) as usize;
            pool_elements.rotate_left(first);
        }
        let event = if !self.calm && self.random.below(50) == 0 {
            Event::ResolveFailed { attempt, why: ResolveFailure::NoRegistrar }
        } else if pool_elements.is_empty() {
            Event::ResolveFailed { attempt, why: ResolveFailure::UnknownPool }
        } else {
            Event::Resolved { attempt, policy: Policy::RoundRobin, pool_elements }
        };
        self.tell(user, event);
    }

    /// Faults are over: all elements are well, and nobody sends anything new.
    pub fn heal(&mut self) {
        self.calm = true;
        self.network.heal(self.now);
        self.planned.retain(|_, what| !matches!(what, What::Starts(_)));
        for element in 0..self.elements.len() {
            // Who was no use ends, and one that serves takes its place.
            if self.elements[element].hung || !matches!(self.elements[element].temper, Temper::Serves { .. }) {
                self.elements[element].transport = None;
            }
            if self.elements[element].transport.is_none() {
                self.start(element);
            }
            self.elements[element].registered = true;
        }
    }

    /// What all came to.
    pub fn judge(&mut self) -> Result<Report, String> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut report = Report::default();
        for (number, user) in self.users.iter().enumerate() {
            let (books, missing) = (&user.books, user.books.missing());
            if user.session.association().is_none() {
                return Err(format!("user {number} has no element: {:?}", user.session));
            }
            if missing > books.reported {
                return Err(format!(
                    "user {number}: {missing} messages of {} are missing and {} reported: the others are lost in silence",
                    books.accepted, books.reported
                ));
            }
            if user.config.resend && !user.lacked_streams && books.reported > 0 {
                return Err(format!("user {number}: {} reported, for no reason", books.reported));
            }
            report.accepted += books.accepted as usize;
            report.twice += books.twice();
            report.reported += books.reported;
            report.failovers += books.failovers;
        }
        Ok(report)
    }
}

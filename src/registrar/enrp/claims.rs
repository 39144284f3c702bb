//! Elements that wait for a connection to their ASAP transport, and the connects to these.
//!
//! Elements that share an ASAP transport share a connect. Connects are begun in bursts with pauses in between, and only so many
//! run at a time: a takeover of 100 000 elements neither fills the queues of the network nor keeps this registrar from anything
//! else, and elements that are as dead as their registrar, each of which keeps a connect busy until its timeout, do not
//! hold up the living ones.
//!
//! Where elements are, only their dead home has said, and it may have said so to have others connect there. Until somebody answers at a
//! host, it gets few connects at a time, and few in all (`strangers.rs`).

use super::strangers::{MayConnect, Strangers};
use crate::Time;
use crate::association::PeerAddress;
use crate::handlespace::{ElementIndex, SeededState, ShardedMap};
use crate::registrar::keep_alives::CLAIM_PATIENCE;
use std::collections::VecDeque;
use std::time::Duration;

/// Connects begun at once.
const BURST: usize = 256;
/// The pause between two bursts: with it, 25 600 connects a second at most.
const BURST_PAUSE: Duration = Duration::from_millis(10);
/// Before a connect that says nothing about whether the endpoint is there is begun again.
const LATER: Duration = Duration::from_millis(500);
/// Connects to an endpoint that does not answer, at least, before its elements are given up; short ones are tried more often.
const MIN_ATTEMPTS: u32 = 2;

/// All of them.
#[derive(Debug)]
pub(super) struct Claims {
    waiting: ShardedMap<PeerAddress, Waiting>,
    queue: VecDeque<PeerAddress>,
    /// Those that are to be tried again, and when; the earliest first.
    later: VecDeque<(Time, PeerAddress)>,
    connecting: usize,
    hosts: Strangers,
    /// Connects that may still be begun before the next burst.
    burst_left: usize,
    /// When the next burst may begin.
    next_burst: Time,
}

/// The elements behind one ASAP transport.
#[derive(Debug, Default)]
struct Waiting {
    elements: Vec<ElementIndex>,
    attempts: u32,
}

/// What is to become of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Connect(PeerAddress),
    /// So many connects to its host have failed that nobody is there.
    Vain(PeerAddress),
}

/// Why a connect has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It took longer than this: the next one may be answered.
    Timeout(Duration),
    /// It is there, and has no room, say.
    Refusal,
    /// This side lacks something, and will lack it for the next one as well. The endpoint has nothing to do with it.
    LackOfOurs,
    /// There is nobody.
    Final,
}

impl Claims {
    pub fn new(state: SeededState) -> Claims {
        let waiting = ShardedMap::new(state);
        Claims {
            waiting,
            queue: VecDeque::new(),
            later: VecDeque::new(),
            connecting: 0,
            hosts: Strangers::default(),
            burst_left: 0,
            next_burst: Time::ZERO,
        }
    }

    /// Endpoints that are waited for.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// An element waits for a connection.
    pub fn wait(&mut self, endpoint: PeerAddress, element: ElementIndex) {
        if let Some(waiting) = self.waiting.get_mut(&endpoint) {
            waiting.elements.push(element);
        } else {
            self.waiting.insert(endpoint.clone(), Waiting { elements: vec![element], attempts: 0 });
            self.queue.push_back(endpoint);
        }
    }

    /// The next endpoint to connect to, if one more connect may be begun now.
    pub fn next(&mut self, now: Time, most: usize) -> Option<Next> {
        if self.connecting >= most {
            return None;
        }
        if now >= self.next_burst {
            (self.burst_left, self.next_burst) = (BURST, now + BURST_PAUSE);
        }
        while self.later.front().is_some_and(|(at, _)| *at <= now) {
            self.queue.extend(self.later.pop_front().map(|(_, endpoint)| endpoint));
        }
        while self.burst_left > 0 {
            let endpoint = self.queue.pop_front()?;
            let next = match self.hosts.may_connect(&endpoint) {
                MayConnect::Now => Next::Connect(endpoint),
                MayConnect::Never => Next::Vain(endpoint),
                MayConnect::Later => {
                    self.hosts.park(endpoint);
                    continue;
                }
            };
            self.burst_left -= 1;
            return Some(next);
        }
        None
    }

    /// When to go on, if it is time that holds connects up.
    pub fn resumes_at(&self, most: usize) -> Option<Time> {
        let burst =
            (self.burst_left == 0 && self.connecting < most && !self.queue.is_empty()).then_some(self.next_burst);
        let later = self.later.front().map(|(at, _)| *at);
        burst.into_iter().chain(later).min()
    }

    /// The elements that wait for a connection with an endpoint.
    pub fn waiting_for(&self, endpoint: &PeerAddress) -> &[ElementIndex] {
        self.waiting.get(endpoint).map_or(&[], |waiting| &waiting.elements)
    }

    /// A connect to an endpoint that [`Claims::next`] gave begins.
    pub fn connect(&mut self, endpoint: &PeerAddress) {
        self.connecting += 1;
        self.hosts.begins(endpoint);
        if let Some(waiting) = self.waiting.get_mut(endpoint) {
            waiting.attempts += 1;
        }
    }

    /// A connect has succeeded: takes out the elements that have waited for it.
    pub fn connected(&mut self, endpoint: &PeerAddress) -> Vec<ElementIndex> {
        self.connecting = self.connecting.saturating_sub(1);
        self.queue.extend(self.hosts.answers(endpoint));
        self.take_waiting(endpoint)
    }

    /// Takes out the elements that have waited for an endpoint, also when there will be no connect to it. What was found out about hosts counts as long as there is more to find out.
    pub fn take_waiting(&mut self, endpoint: &PeerAddress) -> Vec<ElementIndex> {
        let elements = self.waiting.remove(endpoint).unwrap_or_default().elements;
        if self.waiting.len() == 0 {
            self.hosts = Strangers::default();
        }
        elements
    }

    /// A connect has failed: takes out the elements that are given up. There are none when it will be tried again.
    pub fn failed(&mut self, now: Time, endpoint: &PeerAddress, failure: Failure) -> Vec<ElementIndex> {
        self.connecting = self.connecting.saturating_sub(1);
        if failure == Failure::LackOfOurs {
            self.queue.extend(self.hosts.is_not_tried(endpoint));
            self.hold(now, endpoint);
            return Vec::new();
        }
        self.queue.extend(self.hosts.is_silent(endpoint));
        let attempts = self.waiting.get(endpoint).map_or(u32::MAX, |waiting| waiting.attempts);
        let within = |each: Duration| each.saturating_mul(attempts) < CLAIM_PATIENCE;
        match failure {
            Failure::Timeout(timeout) if within(timeout) || attempts < MIN_ATTEMPTS => {
                self.queue.push_back(endpoint.clone());
                Vec::new()
            }
            Failure::Refusal if within(LATER) => {
                self.later.push_back((now + LATER, endpoint.clone()));
                Vec::new()
            }
            _ => self.take_waiting(endpoint),
        }
    }

    /// No connect is begun for some time, and then this one again as if it had not been.
    fn hold(&mut self, now: Time, endpoint: &PeerAddress) {
        let Some(waiting) = self.waiting.get_mut(endpoint) else { return };
        waiting.attempts = waiting.attempts.saturating_sub(1);
        self.queue.push_back(endpoint.clone());
        (self.burst_left, self.next_burst) = (0, now + LATER);
    }
}

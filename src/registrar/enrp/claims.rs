//! Making elements ours: a keep-alive with the H bit over their ASAP transport (RFC 5353 section 3.5.2).
//!
//! Elements that share an ASAP transport share a connect. Connects are begun in bursts with pauses in between, and only so many
//! run at a time: a takeover of 100 000 elements neither fills the queues of the network nor keeps this registrar from anything
//! else, and elements that are as dead as their registrar, each of which keeps a connect busy until its timeout, do not
//! hold up the living ones. An element that cannot be reached is dead, if it was ours to claim; else it stays with its home.

use super::timers::Timer;
use super::{Connect, Registrar};
use crate::association::{LossReason, PeerAddress};
use crate::handlespace::{Claim, ElementIndex, SeededState, ShardedMap};
use crate::log_limit::log_limited;
use crate::registrar::keep_alive::CLAIM_PATIENCE;
use crate::registrar::{Action, Link, Step};
use crate::wire::TransportParameter;
use crate::{AssociationId, Time};
use log::Level;
use std::collections::VecDeque;
use std::time::Duration;

/// Connects begun at once.
const BURST: usize = 256;
/// The pause between two bursts: with it, 25 600 connects a second at most.
const BURST_PAUSE: Duration = Duration::from_millis(10);
/// Connects to an endpoint that does not answer, at least, before its elements are given up; short ones are tried more often.
const MIN_ATTEMPTS: u32 = 2;

/// Elements that wait for a connection to their ASAP transport.
#[derive(Debug)]
pub(super) struct Claims {
    waiting: ShardedMap<PeerAddress, Waiting>,
    queue: VecDeque<PeerAddress>,
    connecting: usize,
    /// Connects that may still be begun before the next burst.
    burst_left: usize,
    /// When the next burst may begin.
    next_burst: Time,
}

#[derive(Debug, Default)]
struct Waiting {
    elements: Vec<ElementIndex>,
    attempts: u32,
}

impl Claims {
    pub fn new(state: SeededState) -> Claims {
        let waiting = ShardedMap::new(state);
        Claims { waiting, queue: VecDeque::new(), connecting: 0, burst_left: 0, next_burst: Time::ZERO }
    }

    /// The next endpoint to connect to, if one more connect may be begun now.
    fn next(&mut self, now: Time, most: usize) -> Option<PeerAddress> {
        if self.connecting >= most {
            return None;
        }
        if now >= self.next_burst {
            (self.burst_left, self.next_burst) = (BURST, now + BURST_PAUSE);
        }
        let endpoint = if self.burst_left > 0 { self.queue.pop_front() } else { None }?;
        self.burst_left -= 1;
        Some(endpoint)
    }

    /// When the next burst may begin, if that is what holds connects up.
    fn resumes_at(&self, most: usize) -> Option<Time> {
        (self.burst_left == 0 && self.connecting < most && !self.queue.is_empty()).then_some(self.next_burst)
    }
}

impl Registrar {
    /// Asks an element to take this registrar as its home.
    pub(super) fn claim(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(endpoint) = element.asap_transport().as_ref().and_then(endpoint_of) else {
            return self.claim_failed(index, "nobody knows how to reach it", step);
        };
        let there = self.associations.find_asap(&endpoint).filter(|_| element.association().is_none());
        if let Some(association) = there {
            return self.ask_to_adopt(index, association, step);
        }
        if let Some(waiting) = self.enrp.claims.waiting.get_mut(&endpoint) {
            waiting.elements.push(index);
        } else {
            let waiting = Waiting { elements: vec![index], attempts: 0 };
            self.enrp.claims.waiting.insert(endpoint.clone(), waiting);
            self.enrp.claims.queue.push_back(endpoint);
        }
        self.connect_to_claimed(step);
    }

    /// Begins as many connects as may be begun now.
    fn connect_to_claimed(&mut self, step: &mut Step<'_>) {
        let most = self.config.max_takeover_connects;
        while let Some(endpoint) = self.enrp.claims.next(step.now, most) {
            if !self.is_wanted(&endpoint) {
                self.enrp.claims.waiting.remove(&endpoint);
                continue;
            }
            if let Some(waiting) = self.enrp.claims.waiting.get_mut(&endpoint) {
                waiting.attempts += 1;
            }
            self.enrp.claims.connecting += 1;
            let attempt = self.enrp.attempt(Connect::Claim(endpoint.clone()));
            let timeout = self.config.takeover_connect_timeout;
            step.push(Action::Connect { attempt, link: Link::Asap, peer: endpoint, timeout });
        }
        if let Some(at) = self.enrp.claims.resumes_at(most) {
            self.enrp.timers.set(Timer::Claims, at);
        }
    }

    /// Whether any element at this place still waits for being claimed.
    fn is_wanted(&self, endpoint: &PeerAddress) -> bool {
        let waiting = self.enrp.claims.waiting.get(endpoint);
        waiting.is_some_and(|waiting| waiting.elements.iter().any(|&index| self.is_claimable(index, endpoint)))
    }

    pub(super) fn on_claims_due(&mut self, step: &mut Step<'_>) {
        self.connect_to_claimed(step);
    }

    pub(super) fn on_claim_up(&mut self, endpoint: &PeerAddress, association: AssociationId, step: &mut Step<'_>) {
        self.enrp.claims.connecting = self.enrp.claims.connecting.saturating_sub(1);
        let waiting = self.enrp.claims.waiting.remove(endpoint).unwrap_or_default();
        for index in waiting.elements {
            if self.is_claimable(index, endpoint) {
                self.ask_to_adopt(index, association, step);
            }
        }
        if self.handlespace.count_of_association(association) == 0 {
            // Meanwhile they all found another home.
            self.abort(association, "not needed any more", step);
        }
        self.connect_to_claimed(step);
    }

    pub(super) fn on_claim_failed(&mut self, endpoint: &PeerAddress, reason: &LossReason, step: &mut Step<'_>) {
        self.enrp.claims.connecting = self.enrp.claims.connecting.saturating_sub(1);
        let attempts = self.enrp.claims.waiting.get(endpoint).map_or(u32::MAX, |waiting| waiting.attempts);
        let tried_long = self.config.takeover_connect_timeout.saturating_mul(attempts) >= CLAIM_PATIENCE;
        let again = *reason == LossReason::Timeout && !(tried_long && attempts >= MIN_ATTEMPTS);
        if again {
            self.enrp.claims.queue.push_back(endpoint.clone());
        } else {
            let waiting = self.enrp.claims.waiting.remove(endpoint).unwrap_or_default();
            for index in waiting.elements {
                if self.is_claimable(index, endpoint) {
                    self.claim_failed(index, &format!("its ASAP transport cannot be reached ({reason})"), step);
                }
            }
        }
        self.connect_to_claimed(step);
    }

    /// Whether the element at this place still waits for being claimed: it may have been removed, or have registered.
    fn is_claimable(&self, index: ElementIndex, endpoint: &PeerAddress) -> bool {
        self.handlespace.element(index).is_some_and(|element| {
            let same = element.asap_transport().as_ref().and_then(endpoint_of).as_ref() == Some(endpoint);
            let wanted = element.home_registrar() == self.id || element.liveness().claim == Claim::Asked;
            same && wanted && element.association().is_none()
        })
    }

    fn ask_to_adopt(&mut self, index: ElementIndex, association: AssociationId, step: &mut Step<'_>) {
        self.handlespace.set_association(index, Some(association));
        self.handlespace.update_liveness(index, |liveness| liveness.claim = Claim::Asked);
        self.send_keep_alive(index, step);
    }

    fn claim_failed(&mut self, index: ElementIndex, why: &str, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let id = element.id();
        if element.home_registrar() != self.id {
            return self.let_go(index);
        }
        if let Some(removed) = self.remove_element(index, step) {
            self.statistics.removed_by_loss += 1;
            log_limited!(
                self.enrp.logs.claims,
                step.now,
                Level::Warn,
                "registrar {}: {id:?} of pool {} has no home any more and is removed: {why}",
                self.id,
                removed.pool_handle
            );
        }
    }
}

/// Where an element's ASAP transport is.
fn endpoint_of(transport: &TransportParameter) -> Option<PeerAddress> {
    match transport {
        TransportParameter::Sctp { port, addresses, .. } if *port != 0 && !addresses.is_empty() => {
            Some(PeerAddress { addresses: addresses.clone(), port: *port })
        }
        _ => None,
    }
}

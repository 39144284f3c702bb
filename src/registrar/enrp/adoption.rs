//! Making elements ours: a keep-alive with the H bit over their ASAP transport (RFC 5353 section 3.5.2).
//!
//! An element that cannot be reached is dead, if it was ours to claim; else it stays with its home.

use super::Registrar;
use super::claims::{Failure, Next};
use super::senders::Connect;
use super::timers::Timer;
use crate::association::{LossReason, PeerAddress};
use crate::handlespace::{Claim, ElementIndex};
use crate::log_limit::log_limited;
use crate::registrar::removal::{Abort, Removal};
use crate::registrar::{Action, Link, Step};
use crate::{AssociationId, RegistrarId, Time};
use log::Level;

impl Registrar {
    /// Asks an element to take this registrar as its home.
    pub(super) fn claim(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(endpoint) = element.asap_transport().as_ref().and_then(PeerAddress::of_sctp) else {
            return self.claim_failed(index, "nobody knows how to reach it", step);
        };
        let there = self.associations.find_asap(&endpoint).filter(|_| element.association().is_none());
        if let Some(association) = there {
            return self.ask_to_adopt(index, association, step);
        }
        self.enrp.claims.wait(endpoint, index);
        self.connect_to_claimed(step);
    }

    /// Begins as many connects as may be begun now.
    fn connect_to_claimed(&mut self, step: &mut Step<'_>) {
        let most = self.config.max_takeover_connects;
        while let Some(next) = self.enrp.claims.next(step.now, most) {
            let endpoint = match next {
                Next::Connect(endpoint) => endpoint,
                Next::Vain(endpoint) => {
                    self.give_up_claims(&endpoint, step);
                    continue;
                }
            };
            if !self.is_wanted(step.now, &endpoint) {
                for index in self.enrp.claims.take_waiting(&endpoint) {
                    if self.is_claimable(index, &endpoint) {
                        self.let_go(index);
                        self.statistics.rate_limited += 1;
                    }
                }
                continue;
            }
            self.enrp.claims.connect(&endpoint);
            let attempt = self.enrp.connects.begin(Connect::Claim(endpoint.clone()));
            let timeout = self.config.takeover_connect_timeout;
            step.push(Action::Connect { attempt, link: Link::Asap, peer: endpoint, timeout });
        }
        if let Some(at) = self.enrp.claims.resumes_at(most) {
            self.enrp.timers.set(Timer::Claims, at);
        }
    }

    /// Nobody is where these elements are said to be.
    fn give_up_claims(&mut self, endpoint: &PeerAddress, step: &mut Step<'_>) {
        for index in self.enrp.claims.take_waiting(endpoint) {
            if self.is_claimable(index, endpoint) {
                self.statistics.rate_limited += 1;
                self.claim_failed(index, "nobody answers at its host", step);
            }
        }
    }

    /// Whether any element at this place still waits for being claimed, and has not been suggested by a peer whose suggestions are in
    /// vain.
    fn is_wanted(&mut self, now: Time, endpoint: &PeerAddress) -> bool {
        let home = self.home_of_wanted(endpoint);
        home.is_some_and(|home| home == self.id || self.enrp.peers.is_credible(now, home))
    }

    /// The home of the first element at this place that waits for being claimed.
    fn home_of_wanted(&self, endpoint: &PeerAddress) -> Option<RegistrarId> {
        let claimable = |&&index: &&ElementIndex| self.is_claimable(index, endpoint);
        let wanted = self.enrp.claims.waiting_for(endpoint).iter().find(claimable)?;
        Some(self.handlespace.element(*wanted)?.home_registrar())
    }

    pub(super) fn on_claims_due(&mut self, step: &mut Step<'_>) {
        self.connect_to_claimed(step);
    }

    pub(super) fn on_claim_up(&mut self, endpoint: &PeerAddress, association: AssociationId, step: &mut Step<'_>) {
        for index in self.enrp.claims.connected(endpoint) {
            if self.is_claimable(index, endpoint) {
                self.ask_to_adopt(index, association, step);
            }
        }
        if self.handlespace.count_of_association(association) == 0 {
            // Meanwhile they all found another home.
            self.abort(association, Abort::NotNeeded, step);
        }
        self.connect_to_claimed(step);
    }

    pub(super) fn on_claim_failed(&mut self, endpoint: &PeerAddress, reason: &LossReason, step: &mut Step<'_>) {
        let failure = match reason {
            LossReason::Timeout => Failure::Timeout(self.config.takeover_connect_timeout),
            _ if reason.is_lack_of_ours() => Failure::LackOfOurs,
            _ if !reason.says_unreachable() => Failure::Refusal,
            _ => Failure::Final,
        };
        if failure == Failure::LackOfOurs {
            self.log_own_lack(endpoint, reason, step);
        } else if let Some(home) = self.home_of_wanted(endpoint) {
            self.enrp.peers.has_misled(step.now, home);
        }
        for index in self.enrp.claims.failed(step.now, endpoint, failure) {
            if self.is_claimable(index, endpoint) {
                self.claim_failed(index, &format!("its ASAP transport cannot be reached ({reason})"), step);
            }
        }
        self.connect_to_claimed(step);
    }

    fn log_own_lack(&mut self, endpoint: &PeerAddress, reason: &LossReason, step: &Step<'_>) {
        log_limited!(
            self.enrp.logs.takeovers,
            step.now,
            Level::Warn,
            "registrar {}: the elements at {endpoint} cannot be asked whether they live ({reason}): they stay, and are asked later",
            self.id
        );
    }

    /// Whether the element at this place still waits for being claimed: it may have been removed, or have registered.
    fn is_claimable(&self, index: ElementIndex, endpoint: &PeerAddress) -> bool {
        self.handlespace.element(index).is_some_and(|element| {
            let same = element.asap_transport().as_ref().and_then(PeerAddress::of_sctp).as_ref() == Some(endpoint);
            let wanted = element.home_registrar() == self.id || element.liveness().claim() == Claim::Asked;
            same && wanted && element.association().is_none()
        })
    }

    fn ask_to_adopt(&mut self, index: ElementIndex, association: AssociationId, step: &mut Step<'_>) {
        self.handlespace.set_association(index, Some(association));
        self.handlespace.update_liveness(index, |liveness| liveness.set_claim(Claim::Asked));
        self.send_keep_alive(index, step);
    }

    fn claim_failed(&mut self, index: ElementIndex, why: &str, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        if element.home_registrar() != self.id {
            return self.let_go(index);
        }
        if self.remove_element(index, Removal::Unclaimed(why), step).is_some() {
            self.statistics.removed_by_loss += 1;
        }
    }
}

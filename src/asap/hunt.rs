//! The server hunt (RFC 5352 section 3.6, steps SH1 to SH6): finds a registrar among the candidates.
//!
//! Whether to hunt follows from the state alone (`hunt_wanted`); `update_hunt` starts, changes and ends the hunt to match.

use super::client::Phase;
use super::link::Link;
use super::registrars::CandidateId;
use super::timers::Timer;
use super::{Action, AsapClient, ConnectAttempt};
use crate::collections::SortedMap;
use crate::transport::{LossReason, TransportKind};
use std::collections::VecDeque;

/// More connects than this are never under way at a time, links included (RFC 5352 section 3.6, SH1).
const MAX_CONNECTIONS: usize = 3;

/// What a hunt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// There is no home registrar; only SCTP will do when there is something to register.
    NoHome { sctp_only: bool },
    /// The home registrar is connected over TCP, and there is something to register.
    SctpNeeded,
    /// The home registrar leaves requests unanswered (RFC 5352 section 3.7.2).
    Alternative { sctp_only: bool },
}

impl Purpose {
    fn sctp_only(self) -> bool {
        match self {
            Purpose::NoHome { sctp_only } | Purpose::Alternative { sctp_only } => sctp_only,
            Purpose::SctpNeeded => true,
        }
    }
}

/// A connect under way.
struct Attempt {
    candidate: CandidateId,
    /// Targets of the candidate that are left to try in this round.
    targets_left: usize,
}

/// A hunt under way: one round of connects, ended by success or T5.
pub(super) struct Hunt {
    purpose: Purpose,
    attempts: SortedMap<ConnectAttempt, Attempt>,
    /// Candidates whose turn comes when a connect fails.
    waiting: VecDeque<CandidateId>,
    /// All connects of this round have failed before its end.
    fruitless: bool,
}

impl AsapClient {
    fn hunt_wanted(&self) -> Option<Purpose> {
        if self.phase != Phase::Running {
            return None;
        }
        let sctp_only = !self.elements.is_empty() || !self.deregistrations.is_empty();
        match &self.home {
            None if sctp_only || !self.resolutions.is_empty() || !self.subscriptions.is_empty() => {
                Some(Purpose::NoHome { sctp_only })
            }
            Some(link) if sctp_only && link.kind == TransportKind::Tcp => Some(Purpose::SctpNeeded),
            Some(link) if link.doubtful => Some(Purpose::Alternative { sctp_only }),
            _ => None,
        }
    }

    /// Starts, changes or ends the hunt as the state wants it.
    pub(super) fn update_hunt(&mut self, actions: &mut Vec<Action>) {
        let wanted = self.hunt_wanted();
        if wanted == self.hunt.as_ref().map(|hunt| hunt.purpose) {
            return;
        }
        self.end_hunt(actions);
        if let Some(purpose) = wanted {
            self.start_round(purpose, actions);
        }
    }

    /// SH1 and SH2.
    fn start_round(&mut self, purpose: Purpose, actions: &mut Vec<Action>) {
        let without = match purpose {
            Purpose::Alternative { .. } => self.home.as_ref().and_then(|link| link.candidate),
            _ => None,
        };
        let order = self.registrars.hunt_order(self.now, self.hunt_start, without);
        self.hunt_start = self.hunt_start.wrapping_add(self.slots());
        self.hunt = Some(Hunt { purpose, attempts: SortedMap::new(), waiting: order.into(), fruitless: false });
        self.timers.set(Timer::Hunt, Some(self.now + self.t5));
        self.fill_slots(actions);
    }

    /// How many connects may be under way.
    fn slots(&self) -> usize {
        let most = self.config.max_parallel_connects.min(MAX_CONNECTIONS);
        most.saturating_sub(usize::from(self.home.is_some())).max(1)
    }

    fn fill_slots(&mut self, actions: &mut Vec<Action>) {
        let slots = self.slots();
        while let Some(hunt) = &mut self.hunt {
            if hunt.attempts.len() >= slots {
                return;
            }
            let Some(candidate) = hunt.waiting.pop_front() else { return };
            self.try_candidate(candidate, None, actions);
        }
    }

    /// Connects to the target of a candidate whose turn it is; `targets_left` none: all of them are to be tried.
    fn try_candidate(&mut self, candidate: CandidateId, targets_left: Option<usize>, actions: &mut Vec<Action>) {
        let Some(hunt) = &mut self.hunt else { return };
        let Some(((kind, peer), count)) = self.registrars.target(candidate, hunt.purpose.sctp_only()) else { return };
        let attempt = self.next_attempt;
        self.next_attempt.0 += 1;
        hunt.attempts.insert(attempt, Attempt { candidate, targets_left: targets_left.unwrap_or(count) - 1 });
        log::debug!("hunt: connecting to registrar {peer} over {kind}");
        actions.push(Action::Connect { attempt, kind, peer, timeout: self.config.connect_timeout });
    }

    /// A registrar just announced itself: try it, when trying is going on.
    pub(super) fn hunt_new_candidate(&mut self, actions: &mut Vec<Action>) {
        let newest = self.registrars.newest();
        if let (Some(hunt), Some(newest)) = (&mut self.hunt, newest) {
            hunt.waiting.push_front(newest);
            self.fill_slots(actions);
        }
    }

    /// SH4.
    pub(super) fn on_connect_failed(
        &mut self,
        attempt: ConnectAttempt,
        reason: &LossReason,
        actions: &mut Vec<Action>,
    ) {
        let Some(hunt) = &mut self.hunt else { return };
        let Some(Attempt { candidate, targets_left }) = hunt.attempts.remove(&attempt) else { return };
        if let Some(((kind, peer), _)) = self.registrars.target(candidate, hunt.purpose.sctp_only()) {
            log::debug!("hunt: registrar {peer} over {kind}: {reason}");
        }
        self.registrars.target_failed(candidate);
        if targets_left > 0 {
            self.try_candidate(candidate, Some(targets_left), actions);
        }
        self.fill_slots(actions);
        if self.hunt.as_ref().is_some_and(|hunt| hunt.attempts.is_empty()) {
            self.round_was_fruitless();
            let (count, pause) = (self.registrars.len(), self.t5);
            log::info!("hunt: none of {count} registrars can be reached, trying again within {} ms", pause.as_millis());
        }
    }

    /// Nobody was reached in this round: requests for which it was one too many fail.
    fn round_was_fruitless(&mut self) {
        let Some(hunt) = &mut self.hunt else { return };
        if std::mem::replace(&mut hunt.fruitless, true) {
            return; // a registrar that announced itself meanwhile does not answer either
        }
        self.fruitless_rounds += 1;
        if let (Some(trials), None) = (self.config.max_connect_trials, &self.home) {
            self.give_up_requests(trials.max(1));
        }
    }

    /// SH5.
    pub(super) fn on_t5_server_hunt_expired(&mut self, actions: &mut Vec<Action>) {
        let Some(hunt) = &self.hunt else { return };
        let purpose = hunt.purpose;
        // Too slow counts as failed: the next round tries another way, if the candidate has one.
        for candidate in hunt.attempts.values().map(|attempt| attempt.candidate).collect::<Vec<_>>() {
            self.registrars.target_failed(candidate);
        }
        self.round_was_fruitless();
        self.end_hunt(actions);
        self.t5 = self.t5.saturating_mul(2).min(self.config.t5_max);
        self.start_round(purpose, actions);
    }

    /// Gives up what is under way.
    pub(super) fn end_hunt(&mut self, actions: &mut Vec<Action>) {
        self.timers.set(Timer::Hunt, None);
        if let Some(hunt) = self.hunt.take() {
            actions.extend(hunt.attempts.keys().map(|&attempt| Action::CancelConnect { attempt }));
        }
    }

    /// SH3 and SH6: the first to answer becomes the home registrar.
    pub(super) fn on_connected(&mut self, mut link: Link, attempt: ConnectAttempt, actions: &mut Vec<Action>) {
        let won = self.hunt.as_mut().and_then(|hunt| hunt.attempts.remove(&attempt));
        let Some(Attempt { candidate, .. }) = won else {
            // Given up while the answer was on its way.
            return actions.push(Action::Shutdown { association: link.association });
        };
        link.candidate = Some(candidate);
        link.registrar_id = self.registrars.registrar_id(candidate);
        self.t5 = self.config.t5_server_hunt;
        self.adopt(link, actions);
    }
}

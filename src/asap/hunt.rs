//! The server hunt (RFC 5352 section 3.6, steps SH1 to SH6): finds a registrar among the candidates.
//!
//! Whether to hunt follows from the state alone (`hunt_wanted`); `update_hunt` starts, changes and ends the hunt to match.

use super::client::Phase;
use super::link::Link;
use super::registrars::CandidateId;
use super::timers::Timer;
use super::{Action, AsapClient, ConnectAttempt};
use crate::Time;
use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::collections::SortedMap;
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
    /// T5 may be shorter than a connect takes.
    began: Time,
    /// The candidate's next target is tried beside this one, which is slow.
    passed_on: bool,
}

type Attempts = SortedMap<ConnectAttempt, Attempt>;

/// A hunt under way: one round of connects, ended by success or T5.
pub(super) struct Hunt {
    purpose: Purpose,
    attempts: Attempts,
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
            self.start_round(purpose, Attempts::new(), actions);
        }
    }

    /// SH1 and SH2; `attempts` go on from the round before.
    fn start_round(&mut self, purpose: Purpose, attempts: Attempts, actions: &mut Vec<Action>) {
        let mut waiting = self.candidates_beside(purpose, &attempts);
        // Other ways to who is slow come after the others.
        waiting.extend(attempts.values().filter(|attempt| attempt.targets_left > 0).map(|attempt| attempt.candidate));
        self.hunt_start = self.hunt_start.wrapping_add(self.slots().saturating_sub(attempts.len()));
        self.hunt = Some(Hunt { purpose, attempts, waiting: waiting.into(), fruitless: false });
        self.timers.set(Timer::Hunt, Some(self.now + self.t5));
        self.fill_slots(actions);
    }

    /// Who can be tried and is not being tried.
    fn candidates_beside(&self, purpose: Purpose, attempts: &Attempts) -> Vec<CandidateId> {
        let without = match purpose {
            Purpose::Alternative { .. } => self.home.as_ref().and_then(|link| link.candidate),
            _ => None,
        };
        let mut order = self.registrars.hunt_order(self.now, self.hunt_start, without);
        order.retain(|id| attempts.values().all(|attempt| attempt.candidate != *id));
        order
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
        let mut targets_left = targets_left;
        if let Some(slow) = hunt.attempts.values_mut().find(|slow| slow.candidate == candidate && slow.targets_left > 0)
        {
            targets_left = Some(std::mem::take(&mut slow.targets_left));
            slow.passed_on = true;
            self.registrars.next_target(candidate);
        }
        let Some(((kind, peer), count)) = self.registrars.target(candidate, hunt.purpose.sctp_only()) else { return };
        let attempt = self.next_attempt;
        self.next_attempt.0 += 1;
        let targets_left = targets_left.unwrap_or(count).saturating_sub(1);
        hunt.attempts.insert(attempt, Attempt { candidate, targets_left, began: self.now, passed_on: false });
        // Two endpoints have one association (RFC 9260 section 1.3): a connect to a registrar that has connected to us would fail.
        if let Some(link) = self.take_inbound(kind, &peer) {
            log::debug!("hunt: registrar {peer} over {kind} is connected with us");
            return self.on_connected(link, attempt, actions);
        }
        log::debug!("hunt: connecting to registrar {peer} over {kind}");
        actions.push(Action::Connect { attempt, kind, peer, timeout: self.config.connect_timeout });
    }

    /// The association that this registrar has made with us, if it did and is not our home registrar over it.
    fn take_inbound(&mut self, kind: TransportKind, peer: &PeerAddress) -> Option<Link> {
        let is_it = |link: &Link| {
            let common = link.peer.addresses.iter().any(|address| peer.addresses.contains(address));
            kind != TransportKind::Tcp && link.is_sctp() && link.peer.port == peer.port && common
        };
        let index = self.inbound.iter().position(is_it)?;
        self.inbound.remove(index)
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
        let Some(Attempt { candidate, targets_left, passed_on, .. }) = hunt.attempts.remove(&attempt) else { return };
        // One that has passed its turn on has left the table's word on its candidate to the one after it.
        if !passed_on {
            if let Some(((kind, peer), _)) = self.registrars.target(candidate, hunt.purpose.sctp_only()) {
                log::debug!("hunt: registrar {peer} over {kind}: {reason}");
            }
            self.registrars.target_failed(candidate);
        }
        if targets_left > 0 {
            hunt.waiting.retain(|waiting| *waiting != candidate);
            self.try_candidate(candidate, Some(targets_left), actions);
        }
        self.fill_slots(actions);
        if self.hunt.as_ref().is_some_and(|hunt| hunt.attempts.is_empty()) {
            self.round_was_fruitless();
        }
    }

    /// Nobody was reached in this round: requests for which it was one too many fail.
    fn round_was_fruitless(&mut self) {
        let Some(hunt) = &mut self.hunt else { return };
        if std::mem::replace(&mut hunt.fruitless, true) {
            return; // a registrar that announced itself meanwhile does not answer either
        }
        self.fruitless_rounds += 1;
        // One warning an outage.
        let first = self.home.is_none() && !std::mem::replace(&mut self.outage_told, true);
        let level = if first { log::Level::Warn } else { log::Level::Info };
        match self.registrars.len() {
            0 => log::log!(
                level,
                "hunt: no registrar is configured, and none has announced itself: requests wait for one"
            ),
            count => {
                log::log!(level, "hunt: none of {count} registrars can be reached: requests wait, the search goes on")
            }
        }
        if let (Some(trials), None) = (self.config.max_connect_trials, &self.home) {
            self.give_up_requests(trials.max(1));
        }
    }

    /// SH5. Connects that have not had their time go on, but one makes room where there is somebody else, or another way, to try.
    pub(super) fn on_t5_server_hunt_expired(&mut self, actions: &mut Vec<Action>) {
        let Some(hunt) = &mut self.hunt else { return };
        let purpose = hunt.purpose;
        let mut carried = std::mem::take(&mut hunt.attempts);
        let under_way = carried.len();
        let (now, timeout) = (self.now, self.config.connect_timeout);
        let is_young = |attempt: &Attempt| now.saturating_since(attempt.began) < timeout;
        let others = !self.candidates_beside(purpose, &carried).is_empty()
            || carried.values().any(|attempt| attempt.targets_left > 0);
        let most = if others { self.slots().saturating_sub(1).max(1) } else { usize::MAX };
        let mut too_many = carried.values().filter(|attempt| is_young(attempt)).count().saturating_sub(most);
        carried.retain(|number, attempt| {
            let young = is_young(attempt);
            if young && too_many == 0 {
                return true;
            }
            // The oldest come first: they have had most of their time.
            too_many -= usize::from(young);
            actions.push(Action::CancelConnect { attempt: *number });
            if !attempt.passed_on {
                // Too slow counts as failed: the next round tries another way, if the candidate has one.
                self.registrars.target_failed(attempt.candidate);
            }
            false
        });
        if carried.is_empty() || carried.len() < under_way {
            self.round_was_fruitless();
        }
        self.t5 = self.t5.saturating_mul(2).min(self.config.t5_max);
        self.start_round(purpose, carried, actions);
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

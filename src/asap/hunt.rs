//! The server hunt (RFC 5352 section 3.6, steps SH1 to SH6): finds a registrar among the candidates.
//!
//! The client says what is wanted, which follows from its state alone; [`Hunt::update`] starts, changes and ends a hunt to match.

use super::associations::{Associations, HomeWorked, RegistrarAssociation};
use super::attempts::{Attempt, Attempts};
use super::config::AsapConfig;
use super::hunt_outcome::{Leaving, Progress, Purpose};
use super::hunt_settings::Settings;
use super::interface::{Action, ConnectAttempt, Step};
use super::outage::{Home, Outage};
use super::peer_log::PeerLog;
use super::registrars::{Announced, Belief, CandidateId, Registrars};
use super::requests::HuntTally;
use crate::association::{LossReason, PeerAddress};
use crate::message::asap::ServerAnnounce;
use crate::random::Random;
use crate::wire::ServerInformation;
use crate::{RegistrarId, Time};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// One round of connects, ended by success or T5.
struct Round {
    purpose: Purpose,
    attempts: Attempts,
    /// Candidates whose turn comes when a connect fails.
    waiting: VecDeque<CandidateId>,
    /// All connects of this round have failed before its end.
    fruitless: bool,
    /// One of them lacked a descriptor.
    lacks_descriptors: bool,
}

/// The hunt, and the registrars that it knows.
pub(super) struct Hunt {
    registrars: Registrars,
    /// None: nobody is looked for.
    round: Option<Round>,
    /// When T5-Serverhunt expires.
    t5_expires: Option<Time>,
    /// When T7-ENRPoutdate expires, the earliest of all announced registrars.
    t7_expires: Option<Time>,
    /// The present value of T5-Serverhunt.
    t5: Duration,
    /// Where the next round starts in the table of registrars.
    start: usize,
    tally: HuntTally,
    /// How far the names of registrars are.
    names: Names,
    outage: Outage,
    settings: Settings,
    log: PeerLog,
}

/// How far the names of registrars are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// There are none.
    None,
    /// They are looked up at the moment.
    BeingLookedUp,
    /// They have been looked up, or are to be for the next round.
    Known,
}

impl Hunt {
    /// Nobody is looked for; the first round starts anywhere.
    pub(super) fn new(config: &AsapConfig, random: &mut Random) -> Hunt {
        let (configured, named) = (&config.static_registrars, config.named_registrars);
        let registrars = Registrars::new(configured, named, &config.registrar_transports, config.max_registrars);
        Hunt {
            round: None,
            t5_expires: None,
            t7_expires: None,
            t5: config.t5_server_hunt,
            start: random.below(registrars.len() as u64) as usize,
            tally: HuntTally::default(),
            names: if config.named_registrars > 0 { Names::Known } else { Names::None },
            outage: Outage::default(),
            settings: Settings::of(config),
            log: PeerLog::default(),
            registrars,
        }
    }

    /// How much there has been.
    pub(super) fn tally(&self) -> HuntTally {
        self.tally
    }

    /// The earliest of its timers.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.t5_expires.into_iter().chain(self.t7_expires).min()
    }

    /// Takes T5, if it has expired.
    pub(super) fn take_t5(&mut self, now: Time) -> Option<Time> {
        self.t5_expires.take_if(|at| *at <= now)
    }

    /// Takes T7, if it has expired.
    pub(super) fn take_t7(&mut self, now: Time) -> Option<Time> {
        self.t7_expires.take_if(|at| *at <= now)
    }

    /// Stops all timers.
    pub(super) fn stop(&mut self) {
        (self.t5_expires, self.t7_expires) = (None, None);
    }

    /// Starts, changes or ends the hunt as it is wanted.
    pub(super) fn update(
        &mut self,
        wanted: Option<Purpose>,
        associations: &mut Associations,
        step: &mut Step<'_>,
    ) -> Progress {
        if wanted == self.round.as_ref().map(|round| round.purpose) {
            return Progress::default();
        }
        self.end(step);
        let found = wanted.and_then(|purpose| self.start_round(purpose, Attempts::default(), associations, step));
        Progress { found, given_up: None }
    }

    /// Gives up what is under way.
    pub(super) fn end(&mut self, step: &mut Step<'_>) {
        self.t5_expires = None;
        if let Some(round) = self.round.take() {
            round.attempts.names().for_each(|attempt| step.push(Action::CancelConnect { attempt }));
        }
    }

    /// SH1 and SH2; `attempts` go on from the round before.
    fn start_round(
        &mut self,
        purpose: Purpose,
        attempts: Attempts,
        associations: &mut Associations,
        step: &mut Step<'_>,
    ) -> Option<RegistrarAssociation> {
        let mut waiting = self.candidates_beside(purpose, &attempts, associations, step.now);
        // Other ways to who is slow come after the others.
        waiting.extend(attempts.with_other_ways());
        self.start = self.start.wrapping_add(self.slots(associations).saturating_sub(attempts.len()));
        self.round =
            Some(Round { purpose, attempts, waiting: waiting.into(), fruitless: false, lacks_descriptors: false });
        self.t5_expires = Some(step.now + self.t5);
        // They may lead elsewhere now. What is known of them is tried meanwhile.
        if self.names == Names::Known {
            self.names = Names::BeingLookedUp;
            step.push(Action::LookUp);
        }
        self.fill_slots(associations, step)
    }

    /// The names of registrars have been looked up: those that are elsewhere now are tried, when trying is going on.
    pub(super) fn looked_up(
        &mut self,
        found: Vec<Vec<PeerAddress>>,
        associations: &mut Associations,
        step: &mut Step<'_>,
    ) -> Progress {
        self.names = Names::Known;
        for (name, addresses) in found.into_iter().enumerate() {
            let moved = self.registrars.looked_up(name, addresses);
            if let (Some(round), Some(candidate)) = (&mut self.round, moved) {
                round.waiting.retain(|waiting| *waiting != candidate);
                round.waiting.push_front(candidate);
            }
        }
        Progress { found: self.fill_slots(associations, step), given_up: None }
    }

    /// Who can be tried and is not being tried.
    fn candidates_beside(
        &self,
        purpose: Purpose,
        attempts: &Attempts,
        associations: &Associations,
        now: Time,
    ) -> Vec<CandidateId> {
        let without = match purpose {
            Purpose::Alternative(_) => associations.home().and_then(RegistrarAssociation::candidate),
            _ => None,
        };
        let mut order = self.registrars.hunt_order(now, self.start, without);
        order.retain(|id| !attempts.includes(*id));
        order
    }

    /// How many connects may be under way.
    fn slots(&self, associations: &Associations) -> usize {
        self.settings.max_parallel_connects.saturating_sub(usize::from(associations.home().is_some())).max(1)
    }

    fn fill_slots(&mut self, associations: &mut Associations, step: &mut Step<'_>) -> Option<RegistrarAssociation> {
        let slots = self.slots(associations);
        while let Some(round) = &mut self.round {
            if round.attempts.len() >= slots {
                return None;
            }
            let candidate = round.waiting.pop_front()?;
            let found = self.try_candidate(candidate, None, associations, step);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Connects to the target of a candidate whose turn it is; `targets_left` none: all of them are to be tried. Returns the
    /// association, if there is one already.
    fn try_candidate(
        &mut self,
        candidate: CandidateId,
        targets_left: Option<usize>,
        associations: &mut Associations,
        step: &mut Step<'_>,
    ) -> Option<RegistrarAssociation> {
        let round = self.round.as_mut()?;
        let other_ways = round.attempts.pass_on(candidate);
        if other_ways.is_some() {
            self.registrars.next_target(candidate);
        }
        let ways = round.purpose.ways();
        let target = self.registrars.target(candidate, ways)?;
        let targets = other_ways.or(targets_left).unwrap_or_else(|| self.registrars.target_count(candidate, ways));
        let attempt = ConnectAttempt(self.tally.connects);
        self.tally.connects += 1;
        round.attempts.begin(attempt, candidate, targets.saturating_sub(1), step.now);
        let (kind, peer) = (target.kind, target.peer);
        // Two endpoints have one association (RFC 9260 section 1.3): a connect to a registrar that has connected to us would fail.
        if let Some(association) = associations.take_inbound(kind, &peer) {
            log::debug!("hunt: registrar {peer} over {kind} is connected with us");
            return self.connected(association, attempt, step);
        }
        log::debug!("hunt: connecting to registrar {peer} over {kind}");
        step.push(Action::Connect { attempt, kind, peer, timeout: self.settings.connect_timeout });
        None
    }

    /// SH3 and SH6: the first to answer becomes the home registrar, and is returned.
    pub(super) fn connected(
        &mut self,
        mut association: RegistrarAssociation,
        attempt: ConnectAttempt,
        step: &mut Step<'_>,
    ) -> Option<RegistrarAssociation> {
        let won = self.round.as_mut().and_then(|round| round.attempts.take(attempt));
        let Some(candidate) = won.as_ref().map(Attempt::candidate) else {
            // Given up while the answer was on its way.
            step.push(Action::Shutdown { association: association.id() });
            return None;
        };
        association.set_registrar(candidate, self.registrars.registrar_id(candidate));
        self.t5 = self.settings.t5_first;
        Some(association)
    }

    /// SH4.
    pub(super) fn connect_failed(
        &mut self,
        attempt: ConnectAttempt,
        reason: &LossReason,
        associations: &mut Associations,
        step: &mut Step<'_>,
    ) -> Progress {
        let Some(round) = &mut self.round else { return Progress::default() };
        let Some(failed) = round.attempts.take(attempt) else { return Progress::default() };
        let (candidate, targets_left) = (failed.candidate(), failed.targets_left());
        round.lacks_descriptors |= *reason == LossReason::NoDescriptor;
        if failed.counts() {
            if let Some(target) = self.registrars.target(candidate, round.purpose.ways()) {
                log::debug!("hunt: registrar {} over {}: {reason}", target.peer, target.kind);
            }
            self.registrars.target_failed(candidate);
        }
        let mut found = None;
        if targets_left == 0 {
            self.registrars.missed(candidate);
        } else {
            round.waiting.retain(|waiting| *waiting != candidate);
            found = self.try_candidate(candidate, Some(targets_left), associations, step);
        }
        let found = found.or_else(|| self.fill_slots(associations, step));
        let nobody_is_left = self.round.as_ref().is_some_and(|round| round.attempts.is_empty());
        let fruitless = found.is_none() && nobody_is_left && self.names != Names::BeingLookedUp;
        Progress { given_up: if fruitless { self.round_was_fruitless(associations) } else { None }, found }
    }

    /// Nobody was reached in this round. Returns the number of rounds before which requests have been made that fail now.
    fn round_was_fruitless(&mut self, associations: &Associations) -> Option<u64> {
        let round = self.round.as_mut()?;
        if std::mem::replace(&mut round.fruitless, true) {
            return None; // a registrar that announced itself meanwhile does not answer either
        }
        self.tally.fruitless_rounds += 1;
        self.tally.lacks_descriptors = round.lacks_descriptors;
        let nobody_is_left = round.attempts.is_empty() && round.waiting.is_empty();
        let home = if associations.home().is_some() { Home::There } else { Home::Wanted };
        // Somebody who is being tried, or will be, may be about to answer.
        if nobody_is_left || self.registrars.all_missed() {
            self.registrars.begin_anew();
            self.outage.goes_on(self.registrars.len(), self.tally.lacks_descriptors, home);
        }
        let trials = self.settings.max_connect_trials.filter(|_| home == Home::Wanted)?;
        self.tally.fruitless_rounds.checked_sub(u64::from(trials))
    }

    /// SH5. Connects that have not had their time go on, but one makes room where there is somebody else, or another way, to try.
    pub(super) fn on_t5_server_hunt_expired(
        &mut self,
        associations: &mut Associations,
        step: &mut Step<'_>,
    ) -> Progress {
        let Some(round) = &mut self.round else { return Progress::default() };
        let purpose = round.purpose;
        let mut carried = std::mem::take(&mut round.attempts);
        let under_way = carried.len();
        let (now, timeout) = (step.now, self.settings.connect_timeout);
        let others = !self.candidates_beside(purpose, &carried, associations, now).is_empty()
            || carried.with_other_ways().next().is_some();
        let most = if others { self.slots(associations).saturating_sub(1).max(1) } else { usize::MAX };
        for (name, attempt) in carried.take_old(now, timeout, most) {
            step.push(Action::CancelConnect { attempt: name });
            if attempt.counts() {
                // Too slow counts as failed: the next round tries another way, if the candidate has one.
                self.registrars.target_failed(attempt.candidate());
                self.registrars.missed(attempt.candidate());
            }
        }
        // Who is still looked up has not been tried.
        let fruitless = self.names != Names::BeingLookedUp && (carried.is_empty() || carried.len() < under_way);
        if let Some(round) = &mut self.round {
            round.attempts = carried;
        }
        let given_up = if fruitless { self.round_was_fruitless(associations) } else { None };
        self.t5 = self.t5.saturating_mul(2).min(self.settings.t5_max);
        let carried = self.round.take().map(|round| round.attempts).unwrap_or_default();
        Progress { given_up, found: self.start_round(purpose, carried, associations, step) }
    }

    /// What failed so far need not fail now: the next round begins at once, and the pauses are short again.
    pub(super) fn hurry(&mut self, now: Time) {
        self.t5 = self.settings.t5_first;
        if let Some(expires) = &mut self.t5_expires {
            *expires = now.min(*expires);
        }
    }

    /// A registrar announced itself: it is tried, when trying is going on.
    pub(super) fn announced(
        &mut self,
        from: SocketAddr,
        message: &ServerAnnounce,
        associations: &mut Associations,
        step: &mut Step<'_>,
    ) -> Progress {
        let id = message.registrar_id;
        let mut found = None;
        match self.registrars.announced(step.now + self.settings.t7, from, message) {
            Announced::New => {
                // Bounded by the list of registrars and their T7.
                log::info!("registrar {id} announced itself from {from}");
                if let (Some(round), Some(newest)) = (&mut self.round, self.registrars.newest()) {
                    round.waiting.push_front(newest);
                    found = self.fill_slots(associations, step);
                }
            }
            Announced::Known => {}
            Announced::Ignored(why) => {
                let line = format_args!("announcement of registrar {id} from {from} ignored: {why}");
                self.log.warn(step.now, line);
            }
        }
        self.t7_expires = self.registrars.next_outdate();
        Progress { found, given_up: None }
    }

    /// Forgets the registrars that have not announced themselves again.
    pub(super) fn on_t7_enrp_outdate_expired(&mut self, now: Time) {
        self.registrars.remove_outdated(now);
        self.t7_expires = self.registrars.next_outdate();
    }

    /// A registrar has become home.
    pub(super) fn home_found(&mut self, step: &mut Step<'_>) {
        self.end(step);
        self.outage = Outage::default();
        self.tally.lacks_descriptors = false;
        self.registrars.begin_anew();
    }

    /// The home registrar tells of others.
    pub(super) fn told_of(&mut self, registrars: &[ServerInformation]) {
        self.registrars.told_of(registrars);
    }

    /// Whether a registrar that connected from there may take us over.
    pub(super) fn belief_in(&self, peer: &PeerAddress, id: RegistrarId) -> Belief {
        self.registrars.belief_in(peer, id)
    }

    /// A registrar takes us over, from there: its number in the table.
    pub(super) fn took_over(&mut self, peer: &PeerAddress, id: RegistrarId) -> CandidateId {
        self.registrars.took_over(peer, id)
    }

    /// The home registrar does its work.
    pub(super) fn home_worked(&mut self, worked: &HomeWorked) {
        if worked.was_doubtful {
            self.t5 = self.settings.t5_first; // the search for an alternative is over
        }
        if let Some(candidate) = worked.candidate {
            self.registrars.useful(candidate);
        }
    }

    /// The home registrar is gone.
    pub(super) fn home_lost(&mut self, home: &RegistrarAssociation, leaving: Leaving, now: Time) {
        let Some(candidate) = home.candidate() else { return };
        let settings = &self.settings;
        if home.was_useless(now, settings.t5_max) {
            // Else a registrar that hangs up on us would have us connect in a tight loop.
            self.registrars.useless(candidate, |times| settings.hold_off_end(now, times));
        }
        if leaving == Leaving::AtWork {
            self.registrars.mark_failed(candidate);
        }
    }
}

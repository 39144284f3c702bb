//! When elements are asked whether they are alive, how long they have for the answer, and whose reports hurry them
//! (RFC 5352 sections 3.4 and 3.5).

use super::RegistrarConfig;
use super::lateness::Lateness;
use super::reports::{Reporter, Reports};
use super::witnesses::{Witness, Witnesses};
use crate::Time;
use crate::handlespace::{Claim, Due, ElementIndex, Liveness};
use crate::random::Random;
use std::time::Duration;

/// Keep-alives to one element are at least this far apart, however many reports come (RFC 5355 section 2.14).
const SHORTEST_GAP: Duration = Duration::from_millis(100);
/// An element that is being taken over has at least so long for its acknowledgement: many are taken over at once, the network may
/// be in trouble, and it may know no other registrar. The keep-alive itself is sent again by SCTP.
pub(super) const CLAIM_PATIENCE: Duration = Duration::from_secs(2);
/// When nobody has answered in his ordinary time since an element was asked, that may be the network's fault, and it has so long.
const COMMON_SILENCE: Duration = Duration::from_secs(1);
/// This part of the time for an answer is ordinary for everybody.
const ORDINARY_PART: u32 = 8;
/// Among so many elements, one that answers late is not taken for a sign of trouble: there is nobody else to go by.
const FEW: usize = 2;

/// After this part of the time for an answer others are asked about an element: later than an answer comes that SCTP had to send once
/// more, and early enough for theirs.
const EARLY_LOOK: (u32, u32) = (2, 3);

/// The rules, and who has reported which element.
#[derive(Debug)]
pub(super) struct KeepAlives {
    interval: Duration,
    timeout: Duration,
    hurried_timeout: Duration,
    max_per_second: u32,
    max_bad_pe_report: u32,
    reports: Reports,
    witnesses: Witnesses,
    /// When any of them last answered.
    last_answer: Time,
    /// The same, in its ordinary time.
    last_ordinary_answer: Time,
}

/// What comes of the timer of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// It runs again.
    GoesOn,
    /// The registration is over.
    RegistrationEnded,
    /// A keep-alive is to be sent.
    Ask,
    /// The element has not answered yet, and others are to be asked about it: its time is not over.
    AskOthers,
    /// The element has not answered.
    NoAnswer,
}

/// Whether an element is to be asked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Now,
    /// It has been asked already, or will be soon.
    NotNow,
}

/// What comes of a report about an element that another registrar is home of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForeignReport {
    /// The home is to be told.
    TellHome,
    /// There are not enough yet.
    Counted,
}

impl KeepAlives {
    pub fn new(config: &RegistrarConfig) -> KeepAlives {
        KeepAlives {
            interval: config.keep_alive_interval,
            timeout: config.keep_alive_timeout,
            hurried_timeout: config.keep_alive_timeout.min(config.hurried_keep_alive_timeout),
            max_per_second: config.max_keep_alives_per_second,
            max_bad_pe_report: config.max_bad_pe_report,
            reports: Reports::default(),
            witnesses: Witnesses::default(),
            last_answer: Time::ZERO,
            last_ordinary_answer: Time::ZERO,
        }
    }

    /// Goes by other settings from now on.
    pub fn adopt(&mut self, config: &RegistrarConfig) {
        let before = std::mem::replace(self, KeepAlives::new(config));
        (self.reports, self.witnesses) = (before.reports, before.witnesses);
        (self.last_answer, self.last_ordinary_answer) = (before.last_answer, before.last_ordinary_answer);
    }

    /// Time between two keep-alives to one of so many elements: as configured, or longer, where all of them together would
    /// otherwise get more than may be sent. What asks too many elements too often misses deadlines, and takes living ones for dead.
    pub fn interval(&self, elements: usize) -> Duration {
        let elements = u64::try_from(elements).unwrap_or(u64::MAX);
        let bearable = elements.saturating_mul(1_000_000_000) / u64::from(self.max_per_second);
        self.interval.max(Duration::from_nanos(bearable))
    }

    /// When an element that has just proved alive is asked again.
    pub fn next(&self, now: Time, elements: usize, random: &mut Random) -> Time {
        now + random.jitter_half(self.interval(elements))
    }

    /// The timer of an element has expired.
    ///
    /// If this registrar was stopped (a suspended machine, a stalled disk), answers may be waiting to be read, and all keep-alives
    /// are due at once. Nobody is blamed for that, and the keep-alives are spread again.
    pub fn on_expired(
        &self,
        now: Time,
        host: u64,
        liveness: &mut Liveness,
        elements: usize,
        random: &mut Random,
    ) -> Expiry {
        let (since, outcome) = match liveness.due(now) {
            Due::Nothing => return Expiry::GoesOn,
            Due::End => return Expiry::RegistrationEnded,
            Due::KeepAlive { since } => (since, Expiry::Ask),
            Due::Ack { since } => (since, Expiry::NoAnswer),
        };
        if Lateness::of(now, since) == Lateness::InTime {
            return if outcome == Expiry::NoAnswer { self.no_answer(now, host, liveness, elements) } else { outcome };
        }
        let pause = match outcome {
            Expiry::NoAnswer => self.timeout,
            _ => random.within(self.interval(elements)) + Duration::from_nanos(1),
        };
        liveness.set_keep_alive(now + pause);
        Expiry::GoesOn
    }

    /// A keep-alive is sent to an element of this host.
    pub fn asked(&self, now: Time, host: u64, liveness: &mut Liveness) {
        liveness.asked(now, now + self.patience(now, host, liveness));
    }

    /// The wait for an element that was just asked is looked at before it is over: what others can find out must come before that.
    /// Where answers come late anyway, they would only be asked the same over the same network.
    pub fn look_early(&self, now: Time, host: u64, liveness: &mut Liveness) {
        let ((part, whole), patience) = (EARLY_LOOK, self.patience(now, host, liveness));
        if patience <= self.least(liveness) {
            liveness.look_early(now + patience * part / whole);
        }
    }

    /// It is answered. The element is asked again at `next`.
    pub fn answered(&mut self, now: Time, who: Witness, liveness: &mut Liveness, next: Time) {
        let ordinary = liveness.round_trips().allow(self.timeout / ORDINARY_PART);
        let Some(took) = liveness.answered(now, next) else { return };
        self.witnesses.saw(now, who, liveness.round_trips().allow(Duration::ZERO));
        self.last_answer = now;
        if took <= ordinary {
            self.last_ordinary_answer = now;
        }
    }

    /// How long an element has that answers as fast as it should.
    fn least(&self, liveness: &Liveness) -> Duration {
        if self.is_suspect(liveness) { self.hurried_timeout } else { self.timeout }
    }

    /// How long an element has for an answer: as long as it has been seen to need, or others.
    fn patience(&self, now: Time, host: u64, liveness: &Liveness) -> Duration {
        let own = liveness.round_trips().allow(self.least(liveness));
        let patience = own.max(self.witnesses.allow(now, host));
        if liveness.claim() == Claim::Asked { patience.max(CLAIM_PATIENCE) } else { patience }
    }

    /// The time of an element is over, as it was thought when it was asked. It has more when others have been seen to answer late
    /// since then, or when none has answered at all.
    fn no_answer(&self, now: Time, host: u64, liveness: &mut Liveness, elements: usize) -> Expiry {
        let Some(asked) = liveness.asked_at() else { return Expiry::NoAnswer };
        let mut patience = self.patience(now, host, liveness);
        let unusual = patience <= self.least(liveness);
        let network_works = if elements > FEW { self.last_ordinary_answer } else { self.last_answer };
        if elements > 1 && !self.is_suspect(liveness) && network_works < asked {
            patience = patience.max(COMMON_SILENCE);
        }
        if asked + patience <= now {
            return Expiry::NoAnswer;
        }
        liveness.set_keep_alive(asked + patience);
        if liveness.take_early_look() && unusual { Expiry::AskOthers } else { Expiry::GoesOn }
    }

    /// A report makes it doubtful whether the element is alive: it is asked at once, or as soon as the last time is long enough ago.
    pub fn probe(&self, now: Time, liveness: &mut Liveness) -> Ask {
        if liveness.asked_at().is_some() {
            return Ask::NotNow; // it is being probed
        }
        let earliest = liveness.last_keep_alive().map_or(now, |last| last + SHORTEST_GAP);
        if earliest <= now {
            return Ask::Now;
        }
        liveness.hasten_keep_alive(earliest);
        Ask::NotNow
    }

    /// Another registrar wants an element that is registered here. It is asked, but not more often than it is asked anyway: two
    /// registrars must not keep each other busy with an element that answers both.
    pub fn contested(&self, now: Time, liveness: &mut Liveness, elements: usize) -> Ask {
        let interval = self.interval(elements);
        liveness.set_claim(Claim::Contested);
        liveness.start_keep_alives(now + interval);
        let asked_lately = liveness.last_keep_alive().is_some_and(|last| now.saturating_since(last) < interval / 2);
        if asked_lately || liveness.asked_at().is_some() { Ask::NotNow } else { Ask::Now }
    }
}

/// Reports.
impl KeepAlives {
    /// Somebody cannot reach an element of ours.
    pub fn reported(&mut self, element: ElementIndex, reporter: Reporter, liveness: &mut Liveness) {
        liveness.reported(self.reports.add(element, reporter));
    }

    /// Somebody cannot reach an element of another registrar. For its home, all who report it here are one.
    pub fn reported_foreign(
        &mut self,
        element: ElementIndex,
        reporter: Reporter,
        liveness: &mut Liveness,
    ) -> ForeignReport {
        let reports = self.reports.add(element, reporter);
        if reports > self.max_bad_pe_report {
            self.reports.clear(element);
            liveness.reported(0);
            ForeignReport::TellHome
        } else {
            liveness.reported(reports);
            ForeignReport::Counted
        }
    }

    /// Whether so many have reported an element that it has less time to prove alive.
    pub fn is_suspect(&self, liveness: &Liveness) -> bool {
        liveness.bad_reports() > self.max_bad_pe_report
    }

    /// Leaves a suspect that has been asked less time.
    pub fn hurry(&self, now: Time, host: u64, liveness: &mut Liveness) {
        let Some(asked) = liveness.asked_at() else { return };
        if self.is_suspect(liveness) && liveness.claim() != Claim::Asked {
            liveness.hasten_keep_alive((asked + self.patience(now, host, liveness)).max(now));
        }
    }

    /// Elements that have been reported since they last proved alive.
    pub fn reported_count(&self) -> usize {
        self.reports.len()
    }

    /// The element has proved alive, has another home, or is gone: its reports do not count any more.
    pub fn clear_reports(&mut self, element: ElementIndex) {
        self.reports.clear(element);
    }
}

#[cfg(test)]
mod tests;

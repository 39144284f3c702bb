//! Who was away doubts himself first. A registrar that was stopped for some seconds (SIGSTOP, a virtual machine that was paused, a
//! stalled disk) finds its associations broken, although nobody else has failed. For some time it believes nobody dead: it asks
//! all registrars that it knows once more, and gives them time to be connected with again.

use super::peers::PeerState;
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::log_limit::log_limited;
use crate::registrar::Step;
use crate::registrar::lateness::{LATE, Lateness};
use crate::{RegistrarId, Time};
use log::Level;
use std::time::Duration;

/// After a stop nobody is believed dead for so long at least: SCTP may have to send the first packets of a new association several
/// times, as the others are still busy with the end of the old one.
const SHORTEST_DOUBT: Duration = Duration::from_secs(2);
/// MAX-TIME-NO-RESPONSE, so many times, is how long nobody is believed dead: once for the connect, once for the answer.
const RESPONSE_TIMES: u32 = 2;
/// How often a registrar with peers has something to do, so that it notices that it did not.
const PULSE: Duration = LATE;

/// Whether this registrar has been away.
#[derive(Debug)]
pub(super) struct Doubts {
    /// When it last did anything.
    awake_at: Time,
    /// Until then it believes nobody dead.
    until: Time,
}

impl Doubts {
    pub fn new(now: Time) -> Doubts {
        Doubts { awake_at: now, until: now }
    }

    /// This registrar does something. How long ago it did before.
    fn wake(&mut self, now: Time) -> Duration {
        now.saturating_since(std::mem::replace(&mut self.awake_at, now))
    }
}

impl Registrar {
    /// Looks whether this registrar was away, before anything that comes of it is believed.
    pub(in crate::registrar) fn notice_absence(&mut self, step: &mut Step<'_>) {
        let away = self.enrp.doubts.wake(step.now);
        if away <= LATE || self.enrp.peers.is_empty() || self.enrp.phase == Phase::Leaving {
            return;
        }
        let missed = self.next_deadline().map(|due| Lateness::of(step.now, due));
        if missed == Some(Lateness::Late) {
            self.doubt_itself(away, step);
        }
    }

    /// Takes back what it thinks of the others, and asks them anew.
    fn doubt_itself(&mut self, away: Duration, step: &mut Step<'_>) {
        let doubt = (self.config.max_time_no_response * RESPONSE_TIMES).max(SHORTEST_DOUBT);
        self.enrp.doubts.until = step.now + doubt;
        log_limited!(
            self.enrp.logs.takeovers,
            step.now,
            Level::Warn,
            "registrar {}: was not running for {away:?}: asks the {} other registrars anew, and believes none dead for {doubt:?}",
            self.id,
            self.enrp.peers.len()
        );
        for target in self.enrp.arbitrations.targets() {
            self.stop_arbitration(step.now, target);
        }
        self.enrp.orphans.wait_anew();
        for id in self.enrp.peers.ids(|_| true) {
            self.suspect(id, step);
        }
    }

    /// Until when a registrar that is asked now may answer.
    pub(super) fn answer_due(&self, now: Time, id: RegistrarId) -> Time {
        let least = self.config.max_time_no_response;
        let patience = self.enrp.peers.get(id).map_or(least, |peer| peer.heartbeats().allow_answer(least));
        (now + patience).max(self.enrp.doubts.until)
    }

    pub(super) fn on_pulse_due(&mut self, step: &mut Step<'_>) {
        if !self.enrp.peers.is_empty() {
            self.enrp.timers.set(Timer::Pulse, step.now + PULSE);
        }
    }

    /// Whether this registrar has been away, and believes nobody dead yet.
    pub(super) fn doubts_itself(&self, now: Time) -> bool {
        self.enrp.doubts.until > now
    }

    /// Whether a peer that cannot be reached may be taken for dead: not as soon as this registrar is back.
    pub(super) fn may_be_dead(&self, now: Time, state: PeerState) -> bool {
        state == PeerState::Suspected && !self.doubts_itself(now)
    }
}

//! A stop of the registrar: it leaves the scope, closes its associations, and cuts off what is left when time is over.

use super::{SIGNAL_KEY, Worker};
use crate::Time;
use crate::driver::registrar::signals::StopSignals;
use crate::driver::registrar::state::RegistrarCore;
use crate::registrar::Action;
use std::sync::atomic::Ordering;

/// Why associations are aborted at the end.
const STOPS: &str = "the registrar stops";

/// How far a stop has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// The core leaves the scope.
    Leaving,
    /// The associations are being closed.
    Closing,
    Done,
}

impl<C: RegistrarCore> Worker<C> {
    pub(super) fn check_stop(&mut self, now: Time) {
        if self.shared.kill.load(Ordering::Acquire) {
            return self.abort_all(now);
        }
        let has_signal = self.ready.contains(&SIGNAL_KEY);
        let signal = self.signals.as_ref().filter(|_| has_signal).and_then(StopSignals::take);
        match (self.phase, signal) {
            (Phase::Running, Some(signal)) => {
                log::info!("signal {signal}: leaving the scope; a second signal stops at once");
                self.leave(now);
            }
            (Phase::Running, None) if self.shared.stop.load(Ordering::Acquire) => self.leave(now),
            (Phase::Leaving | Phase::Closing, Some(_)) => self.abort_all(now),
            _ => {}
        }
    }

    fn leave(&mut self, now: Time) {
        self.phase = Phase::Leaving;
        self.witness.leaving();
        self.phase_end = now + self.stop_timeout / 2;
        self.state.on_stop(now);
    }

    pub(super) fn close_associations(&mut self, now: Time) {
        if self.phase != Phase::Leaving {
            return;
        }
        self.phase = Phase::Closing;
        self.phase_end = now + self.stop_timeout / 2;
        self.closing = self.state.associations();
        for association in &self.closing {
            if let Some(transport) = self.endpoints.of(*association) {
                transport.shutdown(now, *association);
            }
        }
    }

    /// Peers that lost us connect again as long as the port is there: that must not keep this registrar alive.
    fn refuse_newcomers(&mut self, now: Time) {
        for association in self.state.associations() {
            if !self.closing.contains(&association) {
                self.perform_one(now, Action::Abort { association, reason: STOPS });
            }
        }
    }

    pub(super) fn advance_stop(&mut self, now: Time) {
        if self.phase == Phase::Leaving && now >= self.phase_end {
            log::warn!("the registrar did not leave the scope in time; closing its associations");
            self.close_associations(now);
        }
        if self.phase == Phase::Closing {
            self.refuse_newcomers(now);
        }
        if self.phase == Phase::Closing && (now >= self.phase_end || !self.state.has_associations()) {
            self.abort_all(now);
        }
    }

    fn abort_all(&mut self, now: Time) {
        for association in self.state.associations() {
            if let Some(transport) = self.endpoints.of(association) {
                transport.abort(now, association, STOPS);
            }
        }
        self.phase = Phase::Done;
    }
}

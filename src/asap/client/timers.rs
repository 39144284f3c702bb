//! Timers: which are due, and what follows.

use super::{AsapClient, Phase};
use crate::asap::interface::Step;
use crate::asap::requests::Waiter;
use crate::{PoolElementId, PoolHandle, Time};

/// What a timer belongs to. Timers that come at the same time run in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// T5-Serverhunt.
    Hunt,
    /// T7-ENRPoutdate.
    Outdate,
    /// The end of a shutdown.
    Shutdown,
    /// T1-ENRPrequest or the deadline of a resolution, whichever is earlier.
    Resolution(PoolHandle, u64),
    /// T1-ENRPrequest or the next request of a subscription.
    Subscription(PoolHandle),
    /// T2-registration, T4-reregistration or the deadline of a registration request.
    Registration(PoolHandle, PoolElementId),
    /// T3-deregistration or the deadline of a de-registration request.
    Deregistration(PoolHandle, PoolElementId),
}

impl AsapClient {
    pub(super) fn run_timers(&mut self, step: &mut Step<'_>) {
        for (_, timer) in self.take_due(step.now) {
            self.on_timer(timer, step);
        }
    }

    /// The timers that are due, the earliest first.
    fn take_due(&mut self, now: Time) -> Vec<(Time, Timer)> {
        let mut due = Vec::new();
        due.extend(self.hunt.take_t5(now).map(|at| (at, Timer::Hunt)));
        due.extend(self.hunt.take_t7(now).map(|at| (at, Timer::Outdate)));
        if let Phase::Closing { until } = &mut self.phase {
            due.extend(until.take_if(|at| *at <= now).map(|at| (at, Timer::Shutdown)));
        }
        let resolutions = self.resolutions.take_due(now).into_iter();
        due.extend(resolutions.map(|(at, handle, number)| (at, Timer::Resolution(handle, number))));
        due.extend(self.subscriptions.due(now).map(|(at, handle)| (at, Timer::Subscription(handle.clone()))));
        let registrations = self.registrations.take_due(now).into_iter();
        due.extend(registrations.map(|(at, handle, id)| (at, Timer::Registration(handle, id))));
        let deregistrations = self.deregistrations.take_due(now).into_iter();
        due.extend(deregistrations.map(|(at, handle, id)| (at, Timer::Deregistration(handle, id))));
        due.sort_unstable();
        due
    }

    fn on_timer(&mut self, timer: Timer, step: &mut Step<'_>) {
        let (home, sctp_home) = (self.associations.home_id(), self.associations.sctp_home());
        match timer {
            Timer::Hunt => {
                let progress = self.hunt.on_t5_server_hunt_expired(&mut self.associations, step);
                self.on_progress(progress, step);
            }
            Timer::Outdate => self.hunt.on_t7_enrp_outdate_expired(step.now),
            Timer::Shutdown => {
                let left = self.deregistrations.len();
                log::warn!("shutdown: {left} de-registrations unanswered, these elements expire at the registrar");
                self.deregistrations.clear();
            }
            Timer::Resolution(handle, number) => {
                let late = self.resolutions.take_late(&handle, number, step.now);
                self.time_out(&late, step);
                let expired = self.resolutions.on_timer(&handle, number, home, step);
                self.time_out(&expired.unanswered, step);
                self.on_verdict(expired.home, step);
            }
            Timer::Subscription(handle) => {
                let verdict = self.subscriptions.on_timer(&handle, home, step);
                self.on_verdict(verdict, step);
            }
            Timer::Registration(handle, id) => {
                let late = self.registrations.take_late(&handle, id, step.now);
                self.time_out(&late, step);
                let expired = self.registrations.on_timer(&handle, id, sctp_home, step);
                self.time_out(&expired.unanswered, step);
                self.on_verdict(expired.home, step);
            }
            Timer::Deregistration(handle, id) => {
                let late = self.deregistrations.take_late(&handle, id, step.now);
                self.time_out(&late, step);
                let verdict = self.deregistrations.on_timer(&handle, id, step.now);
                self.on_verdict(verdict, step);
            }
        }
    }

    fn time_out(&mut self, waiters: &[Waiter], step: &mut Step<'_>) {
        self.requests.time_out(waiters, self.hunt.tally(), step);
    }
}

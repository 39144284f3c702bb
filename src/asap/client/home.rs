//! The home registrar and the hunt for it: what they mean for the other parts.

use super::AsapClient;
use crate::AssociationId;
use crate::asap::associations::RegistrarAssociation;
use crate::asap::hunt_outcome::{Leaving, Progress, Purpose};
use crate::asap::interface::{Action, Step};
use crate::asap::registrars::Ways;
use crate::asap::verdict::Verdict;
use crate::association::{LossReason, TransportKind};

impl AsapClient {
    fn hunt_wanted(&self) -> Option<Purpose> {
        if !self.is_running() {
            return None;
        }
        let to_register = !self.registrations.is_empty() || !self.deregistrations.is_empty();
        let ways = if to_register { Ways::Sctp } else { Ways::All };
        match self.associations.home() {
            None if to_register || !self.resolutions.is_empty() || !self.subscriptions.is_empty() => {
                Some(Purpose::NoHome(ways))
            }
            Some(home) if to_register && home.kind() == TransportKind::Tcp => Some(Purpose::SctpNeeded),
            Some(home) if home.is_doubtful() => Some(Purpose::Alternative(ways)),
            _ => None,
        }
    }

    /// Starts, changes or ends the hunt as the state wants it.
    pub(super) fn update_hunt(&mut self, step: &mut Step<'_>) {
        let wanted = self.hunt_wanted();
        let progress = self.hunt.update(wanted, &mut self.associations, step);
        self.on_progress(progress, step);
    }

    pub(super) fn on_progress(&mut self, progress: Progress, step: &mut Step<'_>) {
        if let Some(rounds) = progress.given_up {
            self.resolutions.give_up(rounds, step.now);
            self.registrations.give_up(rounds, step.now);
            self.deregistrations.give_up(rounds, step.now);
        }
        if let Some(home) = progress.found {
            self.adopt(home, step);
        }
    }

    /// Makes an association the one with the home registrar; everything moves there.
    pub(super) fn adopt(&mut self, home: RegistrarAssociation, step: &mut Step<'_>) {
        self.hunt.home_found(step);
        self.associations.set_home(home, step);
        let (home, sctp_home) = (self.associations.home_id(), self.associations.sctp_home());
        self.registrations.restart(sctp_home, step);
        self.deregistrations.restart(self.associations.sctp_home_id(), step);
        self.resolutions.send_reports(home, step);
        self.resolutions.restart(home, step);
        self.subscriptions.restart(home, step);
    }

    pub(super) fn on_verdict(&mut self, verdict: Verdict, step: &mut Step<'_>) {
        match verdict {
            Verdict::Keep => {}
            Verdict::Doubt => self.associations.doubt_home(),
            Verdict::Leave(reason) => self.leave_home(reason, step),
            Verdict::LeaveIfDoubtful(reason) => {
                if self.associations.home().is_some_and(RegistrarAssociation::is_doubtful) {
                    self.leave_home(reason, step);
                }
            }
        }
    }

    /// Ends the association with the home registrar, which does not do its work. The next hunt follows.
    pub(super) fn leave_home(&mut self, reason: &'static str, step: &mut Step<'_>) {
        if let Some(home) = self.associations.take_home() {
            step.push(Action::Abort { association: home.id(), reason });
            self.home_is_gone(&home, Leaving::AtWork, format_args!("{reason}"), step);
        }
    }

    pub(super) fn on_association_lost(&mut self, association: AssociationId, reason: &LossReason, step: &mut Step<'_>) {
        if let Some(home) = self.associations.lost(association) {
            // A registrar closes connections that nobody has used for long. The next request finds one again.
            let idle = self.hunt_wanted().is_none() && !reason.says_unreachable();
            let leaving = if idle { Leaving::Idle } else { Leaving::AtWork };
            self.home_is_gone(&home, leaving, format_args!("{reason}"), step);
        }
    }

    fn home_is_gone(
        &mut self,
        home: &RegistrarAssociation,
        leaving: Leaving,
        reason: std::fmt::Arguments<'_>,
        step: &mut Step<'_>,
    ) {
        let peer = home.peer();
        match leaving {
            Leaving::AtWork => {
                log::warn!("connection with home registrar {peer} lost: {reason}; looking for another one");
            }
            Leaving::Idle => {
                log::info!("connection with home registrar {peer}, which nobody uses, has ended: {reason}")
            }
        }
        self.hunt.home_lost(home, leaving, step.now);
        self.registrations.home_lost(step);
        self.deregistrations.home_lost();
        self.resolutions.home_lost();
        self.subscriptions.home_lost();
    }

    /// The home registrar has shown that it reads the lives of registrations in seconds.
    pub(super) fn home_reads_seconds(&mut self, step: &mut Step<'_>) {
        self.associations.home_reads_seconds();
        self.registrations.home_reads_seconds(self.associations.sctp_home(), step);
    }

    /// The home registrar said something useful.
    pub(super) fn home_worked(&mut self) {
        if let Some(worked) = self.associations.home_worked() {
            self.hunt.home_worked(&worked);
        }
    }
}

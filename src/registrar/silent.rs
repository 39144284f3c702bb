//! Elements that do not answer: another registrar is asked about them, then they go, and come back when they were only late.

use super::departed::{Departed, Remembered};
use super::events::EventKind;
use super::lateness::LATE;
use super::removal::{Abort, Removal};
use super::{Registrar, Step};
use crate::handlespace::{ElementIndex, Liveness};
use crate::log_limit::log_limited;
use crate::message::asap::EndpointKeepAliveAck;
use crate::{AssociationId, Time};
use log::Level;
use std::time::Duration;

/// An answer that comes later than this says nothing about the network: the element was away.
const AWAY: Duration = LATE;

impl Registrar {
    /// Takes out an element of ours that has not answered, and the others of its process. Its association stays for some time: should
    /// it only be late, its answer brings it back.
    pub(super) fn remove_silent(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(removed) = self.remove_element(index, Removal::NotAnswering, step) else { return };
        self.statistics.removed_by_timeout += 1;
        let Some(association) = removed.element.association() else { return };
        let mut departed = vec![Departed::new(&removed)];
        while let Some(other) = self.handlespace.first_of_association(association) {
            let own = self.handlespace.element(other).is_some_and(|element| element.home_registrar() == self.id);
            if !own {
                self.let_go(other);
            } else if let Some(removed) = self.remove_element(other, Removal::OfSilentProcess, step) {
                self.statistics.removed_by_loss += 1;
                departed.push(Departed::new(&removed));
            }
        }
        if self.departed.add(step.now, association, departed) == Remembered::No {
            self.abort(association, Abort::NoKeepAliveAck, step);
        }
    }

    /// Removes an element that had less time than others, as many report it. Its association stays: should it be slow and not dead,
    /// its answer brings it back, or it hears of that and registers again.
    pub(super) fn remove_reported(&mut self, index: ElementIndex, reports: u32, step: &mut Step<'_>) {
        let Some(removed) = self.remove_element(index, Removal::Reported(reports), step) else { return };
        self.statistics.removed_by_reports += 1;
        self.send_removal(&removed, step);
        if let Some(association) = removed.element.association() {
            // Without room for it there is still its next registration.
            self.departed.add(step.now, association, vec![Departed::new(&removed)]);
        }
    }

    /// A keep-alive is acknowledged for an element that is not there: it may have been taken out for being late.
    pub(super) fn bring_back(&mut self, id: AssociationId, message: &EndpointKeepAliveAck, step: &mut Step<'_>) {
        let departed = self.departed.answered(id, &message.pool_handle, message.pool_element_id);
        let count = departed.len();
        for element in departed {
            self.register_again(id, element, step);
        }
        if count > 0 {
            log_limited!(
                self.logs.registrations => self.host_at(id),
                step.now,
                Level::Warn,
                "registrar {}: {id:?} answers late: its {count} elements, {:?} of pool {} among them, are back",
                self.id,
                message.pool_element_id,
                message.pool_handle
            );
        }
    }

    fn register_again(&mut self, association: AssociationId, departed: Departed, step: &mut Step<'_>) {
        let Departed { pool_handle, pool_element, mut liveness } = departed;
        let elsewhere = self.handlespace.find(&pool_handle, pool_element.id).is_some();
        if elsewhere || liveness.has_ended(step.now) {
            return;
        }
        let registered = self.handlespace.register(&pool_handle, &pool_element, Some(association));
        let Ok((index, registered)) = registered else { return }; // its pool is another one now
        let next = self.next_keep_alive(step.now);
        learn(step.now, &mut liveness, next);
        self.handlespace.update_liveness(index, |new| *new = liveness);
        self.statistics.elements_back += 1;
        self.element_registered(index, registered, step);
        self.note_registration(step.now, index, EventKind::Registered);
    }

    /// Aborts the associations of those that did not come back: should such a process come to life again, it notices and registers.
    pub(super) fn give_up_silent(&mut self, step: &mut Step<'_>) {
        while let Some(association) = self.departed.take_silent(step.now) {
            self.abort_if_unused(association, Abort::NoKeepAliveAck, step);
        }
    }

    /// Asks a peer to try an element that has not answered yet. A peer that reaches it becomes its home.
    pub(super) fn ask_peer_about(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let (Some(association), true) = (element.association(), element.home_registrar() == self.id) else { return };
        if self.is_leaving() {
            return;
        }
        let Some(peer) = self.next_best_home(index) else { return };
        if self.second_opinions.may_ask(step.now) {
            self.second_opinions.asked(step.now, association, peer);
            self.statistics.second_opinions += 1;
            self.send_suggestion(index, peer, step);
        }
    }
}

/// What a late answer shows about the time that an element needs.
fn learn(now: Time, liveness: &mut Liveness, next: Time) {
    let was_away = liveness.asked_at().is_none_or(|asked| now.saturating_since(asked) > AWAY);
    if was_away {
        liveness.registered(liveness.ends_at(), next);
    } else {
        liveness.answered(now, next);
    }
}

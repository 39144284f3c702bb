//! Leaving in order: elements are handed to the peers before the registrar stops, so nobody has to notice its death.
//!
//! Each element is suggested to one of the peers (T bit), which asks it to adopt it: some at a time, so that neither the
//! peers' associations nor their connects to the elements are flooded. The registrar stays until all have said that they did, or
//! `leave_timeout` is over since the last suggestion; what is left then is taken over as from a dead registrar.

use super::suggestion::{best_home, process_key};
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::handlespace::ElementIndex;
use crate::registrar::events::{About, EventKind};
use crate::registrar::{Action, Step};
use std::time::Duration;

/// Elements that are suggested to others at once.
const HANDED_OVER_AT_ONCE: usize = 256;
/// The pause before the next ones: with it, 25 600 elements a second at most.
const PAUSE: Duration = Duration::from_millis(10);

/// Elements that are still to be suggested to others.
#[derive(Debug, Default)]
pub(super) struct HandOver(Vec<ElementIndex>);

impl HandOver {
    /// Takes out the next ones.
    fn next(&mut self) -> Vec<ElementIndex> {
        self.0.split_off(self.0.len().saturating_sub(HANDED_OVER_AT_ONCE))
    }

    fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// When a registrar that leaves is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::registrar) enum Leave {
    /// As soon as it is home of no element.
    WithoutElements,
    AtOnce,
}

impl Registrar {
    pub(in crate::registrar) fn on_shutdown(&mut self, step: &mut Step<'_>) {
        if matches!(self.enrp.phase, Phase::Leaving | Phase::Left) {
            return;
        }
        self.end_inheritances(step);
        let peers = self.living_peers();
        self.enrp.phase = Phase::Leaving;
        self.events.note(step.now, EventKind::Leaving, About::NOTHING, || "".into());
        self.announcer.stop();
        for target in self.enrp.arbitrations.targets() {
            self.stop_arbitration(step.now, target);
        }
        if !peers.is_empty() {
            let own: Vec<_> = self.handlespace.elements_of_owner(self.id).collect();
            log::info!("registrar {}: hands {} elements to {} peers and leaves", self.id, own.len(), peers.len());
            self.enrp.hand_over = HandOver(own);
            self.on_hand_over_due(step);
        }
        self.leave_if_done(if peers.is_empty() { Leave::AtOnce } else { Leave::WithoutElements }, step);
    }

    pub(super) fn on_hand_over_due(&mut self, step: &mut Step<'_>) {
        let peers = self.living_peers();
        for index in self.enrp.hand_over.next() {
            let own = self.handlespace.element(index).filter(|element| element.home_registrar() == self.id);
            let process = own.and_then(|element| element.asap_transport()).map(|transport| process_key(&transport));
            if let Some(heir) = process.and_then(|process| best_home(peers.iter().copied(), process)) {
                self.send_suggestion(index, heir, step);
            }
        }
        if self.enrp.hand_over.is_done() {
            self.enrp.timers.set(Timer::Leave, step.now + self.config.leave_timeout);
        } else {
            self.enrp.timers.set(Timer::HandOver, step.now + PAUSE);
        }
    }

    pub(super) fn on_leave_timer_expired(&mut self, step: &mut Step<'_>) {
        self.leave_if_done(Leave::AtOnce, step);
    }

    /// Whether elements are being handed over, so that they leave us without being dead.
    pub(in crate::registrar) fn is_leaving(&self) -> bool {
        self.enrp.phase == Phase::Leaving
    }

    /// Leaves when no element is left, or at once.
    pub(in crate::registrar) fn leave_if_done(&mut self, when: Leave, step: &mut Step<'_>) {
        let left = self.handlespace.count_of_owner(self.id);
        if self.enrp.phase != Phase::Leaving || (left > 0 && when == Leave::WithoutElements) {
            return;
        }
        if left > 0 && !self.enrp.peers.is_empty() {
            log::warn!("registrar {}: leaves, although {left} elements have not found another home yet", self.id);
        }
        self.enrp.phase = Phase::Left;
        self.enrp.timers.stop_all();
        step.push(Action::ShutdownComplete);
    }
}

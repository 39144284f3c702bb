//! A registrar is dead, and another one becomes home of its elements: some of them at a time, as there may be 100 000.

use super::Registrar;
use super::timers::Timer;
use crate::RegistrarId;
use crate::registrar::Step;
use std::collections::BTreeMap;
use std::time::Duration;

/// Elements that change their home in one call: about a millisecond of work.
const MOVED_AT_ONCE: usize = 1024;
/// The pause before the next ones, in which everything else has its turn.
const PAUSE: Duration = Duration::from_millis(1);

/// Dead registrars whose elements are getting another home, and which.
#[derive(Debug, Default)]
pub(super) struct Inheritances(BTreeMap<RegistrarId, RegistrarId>);

impl Inheritances {
    /// `heir` gets the elements of `target`, and those that the target was still getting.
    fn begin(&mut self, target: RegistrarId, heir: RegistrarId) {
        self.0.values_mut().filter(|other| **other == target).for_each(|other| *other = heir);
        self.0.insert(target, heir);
        self.0.retain(|target, heir| target != heir);
    }

    fn end(&mut self, target: RegistrarId) {
        self.0.remove(&target);
    }

    fn heir_of(&self, target: RegistrarId) -> Option<RegistrarId> {
        self.0.get(&target).copied()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_under_way(&self, target: RegistrarId) -> bool {
        self.0.contains_key(&target)
    }

    fn first(&self) -> Option<RegistrarId> {
        self.0.keys().next().copied()
    }
}

impl Registrar {
    /// `heir`, which may be this registrar, becomes home of the elements of `target`.
    pub(super) fn begin_inheritance(&mut self, target: RegistrarId, heir: RegistrarId, step: &mut Step<'_>) {
        self.enrp.inheritances.begin(target, heir);
        self.on_inheritance_due(target, step);
    }

    pub(super) fn on_inheritance_due(&mut self, target: RegistrarId, step: &mut Step<'_>) {
        self.inherit(target, MOVED_AT_ONCE, step);
        if self.handlespace.count_of_owner(target) == 0 {
            self.enrp.inheritances.end(target);
        } else if self.enrp.inheritances.is_under_way(target) {
            self.enrp.timers.set(Timer::Inheritance(target), step.now + PAUSE);
        }
    }

    /// The dead registrar is there again: what is known of its elements must be settled before it is compared with them.
    pub(super) fn end_inheritance(&mut self, target: RegistrarId, step: &mut Step<'_>) {
        self.inherit(target, usize::MAX, step);
        self.enrp.inheritances.end(target);
        self.enrp.timers.stop(Timer::Inheritance(target));
    }

    /// The same for all of them: this registrar is about to leave.
    pub(super) fn end_inheritances(&mut self, step: &mut Step<'_>) {
        while let Some(target) = self.enrp.inheritances.first() {
            self.end_inheritance(target, step);
        }
    }

    fn inherit(&mut self, target: RegistrarId, most: usize, step: &mut Step<'_>) {
        let Some(heir) = self.enrp.inheritances.heir_of(target) else { return };
        let elements: Vec<_> = self.handlespace.elements_of_owner(target).take(most).collect();
        for &index in &elements {
            self.change_owner(step.now, index, heir);
        }
        if heir != self.id {
            return;
        }
        self.statistics.elements_taken_over += elements.len() as u64;
        for index in elements {
            if self.handlespace.element(index).is_some_and(|element| element.association().is_none()) {
                self.claim(index, step);
            }
        }
    }
}

//! Other settings for a registrar that runs.
//!
//! Most settings are asked for where they are needed, and hold from then on. What is copied elsewhere, or has set a timer, is adapted
//! here. A timer that would come too late by the new settings is set anew; one that comes too early looks at them when it expires. A lower
//! limit takes nothing away from anybody: it holds for what comes.

use super::events::{About, EventKind};
use super::{Registrar, Step, ValidatedConfig};
use crate::Time;
use crate::handlespace::{Element, ElementIndex};

impl Registrar {
    pub(super) fn on_reconfigured(&mut self, other: &ValidatedConfig, step: &mut Step<'_>) {
        let config = self.config.changed_to(other);
        let before = std::mem::replace(&mut self.config, config);
        self.events.adopt(&self.config);
        self.events.note(step.now, EventKind::Reconfigured, About::NOTHING, || "".into());
        if self.config.access != before.access {
            let rules = self.config.access.as_ref().map_or(0, |policy| policy.len());
            log::info!("registrar {}: who may do what is decided by other rules from now on: {rules}", self.id);
        }
        self.handlespace.set_limits(self.config.max_pools, self.config.max_pool_elements);
        self.sources.adopt(&self.config);
        self.registrations.adopt(&self.config);
        self.keep_alives.adopt(&self.config);
        self.associations.adopt(&before, &self.config, step.now);
        self.announcer.hasten(step.now + self.config.announce_interval);
        if self.config.keep_alive_interval < before.keep_alive_interval {
            self.hasten_keep_alives(step.now);
        }
        self.adopt_settings_of_registrars(&before, step);
    }

    /// Elements that would be asked later than by the new interval are asked within it, spread over it.
    fn hasten_keep_alives(&mut self, now: Time) {
        let interval = self.keep_alives.interval(self.handlespace.count_of_owner(self.id));
        let waiting = |own: &Element| {
            own.home_registrar() == self.id && own.association().is_some() && own.liveness().asked_at().is_none()
        };
        let all = self.handlespace.elements_from(ElementIndex::FIRST, usize::MAX);
        let waiting: Vec<_> = all.filter(|(_, element)| waiting(element)).map(|(index, _)| index).collect();
        for index in waiting {
            let at = now + self.random.within(interval);
            self.handlespace.update_liveness(index, |liveness| liveness.hasten_keep_alive(at));
        }
    }
}

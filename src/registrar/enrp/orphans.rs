//! Elements whose home nobody hears of: of a registrar that died before this one met it, or while the one that took it over
//! died as well. They get a new home like those of a dead peer.

use super::timers::Timer;
use super::{Phase, Registrar};
use crate::registrar::Step;
use crate::registrar::rsplib::Scope;
use crate::wire::PoolElement;
use crate::{PoolHandle, RegistrarId, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// Registrars that are home of elements and that nobody hears of, since when.
#[derive(Debug, Default)]
pub(super) struct Orphans(BTreeMap<RegistrarId, Time>);

impl Orphans {
    /// `unknown` are home of elements, and nobody hears of them now. Takes out those for which that has been so for `patience`.
    fn look(&mut self, now: Time, unknown: &[RegistrarId], patience: Duration) -> Vec<RegistrarId> {
        let before = std::mem::take(&mut self.0);
        let since = |id: &RegistrarId| before.get(id).copied().unwrap_or(now);
        let (given_up, waiting): (Vec<_>, Vec<_>) =
            unknown.iter().map(|id| (*id, since(id))).partition(|(_, since)| now.saturating_since(*since) >= patience);
        self.0 = waiting.into_iter().collect();
        given_up.into_iter().map(|(id, _)| id).collect()
    }

    /// This registrar was away, and could not hear of anybody.
    pub fn wait_anew(&mut self) {
        self.0.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Somebody has heard of it.
    pub fn found(&mut self, id: RegistrarId) {
        self.0.remove(&id);
    }
}

impl Registrar {
    /// Looks for homes that are no peers. One gets as long as a peer gets to show up.
    pub(super) fn on_orphans_due(&mut self, step: &mut Step<'_>) {
        self.enrp.timers.set(Timer::Orphans, step.now + self.config.max_time_last_heard);
        if self.enrp.phase != Phase::Ready {
            return;
        }
        let known = |id: RegistrarId| {
            id == self.id
                || self.enrp.peers.contains(id)
                || self.enrp.arbitrations.is_under_way(id)
                || self.enrp.inheritances.is_under_way(id)
        };
        let unknown: Vec<_> = self.handlespace.owners().map(|(id, _)| id).filter(|&id| !known(id)).collect();
        for id in self.enrp.orphans.look(step.now, &unknown, self.config.max_time_last_heard) {
            self.start_arbitration(id, "its elements are known, but nothing is heard of it", step);
        }
    }

    /// An element that others take for ours, although this registrar has only just started: it is claimed when the start is over.
    pub(super) fn take_own_element(&mut self, now: Time, pool_handle: &PoolHandle, mut pool_element: PoolElement) {
        if self.handlespace.find(pool_handle, pool_element.id).is_some() {
            return; // it has registered already
        }
        let life = Scope::of(&self.config).life_from_peer(pool_element.registration_life);
        pool_element.registration_life = life;
        if let Ok((index, _)) = self.handlespace.register(pool_handle, &pool_element, None) {
            self.handlespace.update_liveness(index, |liveness| {
                liveness.known_from(now);
                liveness.set_end(life.end(now));
            });
        }
    }
}

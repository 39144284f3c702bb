//! Elements whose home nobody hears of: of a registrar that died before this one met it, or while the one that took it over
//! died as well. They get a new home like those of a dead peer.

use super::timers::Timer;
use super::{Phase, Registrar};
use crate::registrar::Step;
use crate::wire::PoolElement;
use crate::{PoolHandle, RegistrarId, Time};
use std::collections::BTreeMap;

impl Registrar {
    /// Looks for homes that are no peers. One gets as long as a peer gets to show up.
    pub(super) fn on_orphans_due(&mut self, step: &mut Step<'_>) {
        self.enrp.timers.set(Timer::Orphans, step.now + self.config.max_time_last_heard);
        if self.enrp.phase != Phase::Ready {
            return;
        }
        let known = |id: RegistrarId| {
            id == self.id
                || self.enrp.peers.contains_key(&id)
                || self.enrp.arbitrations.contains_key(&id)
                || self.enrp.inheritances.contains_key(&id)
        };
        let unknown: Vec<_> = self.handlespace.owners().map(|(id, _)| id).filter(|&id| !known(id)).collect();
        let before = std::mem::take(&mut self.enrp.orphaned);
        let since = |id: &RegistrarId| before.get(id).copied().unwrap_or(step.now);
        self.enrp.orphaned = unknown.iter().map(|id| (*id, since(id))).collect::<BTreeMap<_, _>>();
        let patience = self.config.max_time_last_heard;
        for id in unknown {
            if self.enrp.orphaned.get(&id).is_some_and(|&since| step.now.saturating_since(since) >= patience) {
                self.enrp.orphaned.remove(&id);
                self.start_arbitration(id, "its elements are known, but nothing is heard of it", step);
            }
        }
    }

    /// An element that others take for ours, although this registrar has only just started: it is claimed when the start is over.
    pub(super) fn take_own_element(&mut self, now: Time, pool_handle: &PoolHandle, pool_element: PoolElement) {
        if self.handlespace.find(pool_handle, pool_element.id).is_some() {
            return; // it has registered already
        }
        let life = pool_element.registration_life;
        if let Ok((index, _)) = self.handlespace.register(pool_handle, &pool_element, None) {
            let expires_at = life.as_duration().map_or(Time::MAX, |life| now + life);
            self.handlespace.update_liveness(index, |liveness| liveness.expires_at = expires_at);
        }
    }
}

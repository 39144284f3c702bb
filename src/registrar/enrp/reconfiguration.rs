//! Other settings for a registrar that runs: which registrars there are, and how long they may be silent.

use super::Registrar;
use super::peers::Peer;
use super::timers::Timer;
use crate::registrar::removal::Abort;
use crate::registrar::{RegistrarConfig, Step};
use crate::{AssociationId, RegistrarId};

impl Registrar {
    pub(in crate::registrar) fn adopt_settings_of_registrars(&mut self, before: &RegistrarConfig, step: &mut Step<'_>) {
        self.hasten_timers_of_registrars(step);
        self.enrp.contacts.demote_settings_not_in(step.now, &self.config.peers);
        for address in &self.config.peers {
            if let Some(number) = self.enrp.contacts.add_configured(address, &self.config) {
                self.enrp.timers.set(Timer::Contact(number), step.now);
            }
        }
        self.strike_off_strangers(step);
        if self.config.peer_reconnect_max < before.peer_reconnect_max {
            self.knock_everywhere(step.now);
        }
    }

    /// What would come too late by the new settings comes in time. The timer of a peer finds out itself when it comes too early.
    fn hasten_timers_of_registrars(&mut self, step: &Step<'_>) {
        let config = &self.config;
        for peer in self.enrp.peers.ids(Peer::is_active) {
            let last_heard = self.enrp.peers.get(peer).map_or(step.now, Peer::last_heard);
            self.enrp.timers.hasten(Timer::Peer(peer), last_heard + config.max_time_last_heard);
        }
        for (timer, interval) in [
            (Timer::Heartbeat, config.peer_heartbeat_cycle),
            (Timer::Gossip, super::presence::gossip_interval(config)),
            (Timer::Orphans, config.max_time_last_heard),
        ] {
            self.enrp.timers.hasten(timer, step.now + interval);
        }
    }

    /// With `peers_only`, peers that the settings do not name (any more) are none from now on.
    fn strike_off_strangers(&mut self, step: &mut Step<'_>) {
        if !self.config.peers_only {
            return;
        }
        let named = |peer: &Peer| {
            peer.address().is_some_and(|address| self.enrp.contacts.is_configured(address))
                || peer.associations().iter().any(|association| self.is_configured(*association))
        };
        let strangers: Vec<(RegistrarId, Vec<AssociationId>)> = self
            .enrp
            .peers
            .iter()
            .filter(|(_, peer)| !named(peer))
            .map(|(id, peer)| (id, peer.associations().to_vec()))
            .collect();
        for (id, associations) in strangers {
            self.remove_peer(id, "the settings do not name it", step);
            for association in associations {
                self.abort(association, Abort::NotInSettings, step);
            }
        }
    }
}

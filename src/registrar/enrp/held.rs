//! How much is kept of and for other registrars, each with its bound.

use super::Registrar;
use super::contacts::CONTACTS_PER_PEER;
use super::senders::ASSOCIATIONS_PER_PEER;
use crate::registrar::held::{Held, WhenFull};

impl Registrar {
    pub(in crate::registrar) fn held_for_registrars(&self, held: &mut Vec<Held>) {
        use WhenFull::{MakesRoom, Nothing, Refused};
        let (config, enrp) = (&self.config, &self.enrp);
        let peers = config.max_peers;
        let contacts = peers.saturating_mul(CONTACTS_PER_PEER + 1);
        // Elements name their homes, and each can have died: nothing else does.
        let homes = self.handlespace.element_count().saturating_add(peers);
        let claims = config.max_pool_elements;
        let all = [
            ("other registrars", enrp.peers.len(), peers, Refused),
            ("associations with registrars", enrp.senders.len(), peers.saturating_mul(ASSOCIATIONS_PER_PEER), Nothing),
            ("addresses of registrars", enrp.contacts.len(), contacts, MakesRoom),
            ("connects under way", enrp.connects.len(), contacts.saturating_add(config.max_takeover_connects), Nothing),
            ("downloads", enrp.downloads.len(), config.max_handle_table_sessions, Refused),
            ("arbitrations", enrp.arbitrations.len(), homes, Nothing),
            ("disputes", enrp.disputes.len(), peers, Nothing),
            ("inheritances", enrp.inheritances.len(), homes, Nothing),
            ("elements that are claimed", enrp.claims.len(), claims, Nothing),
            ("homes that nobody hears of", enrp.orphans.len(), homes, Nothing),
        ];
        held.extend(all.map(|(what, count, most, when_full)| Held { what, count, most, when_full }));
    }
}

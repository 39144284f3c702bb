//! The peer list: the registrars that said who they are (RFC 5353 section 3.4).

use super::audit::Audit;
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::association::PeerAddress;
use crate::log_limit::log_limited;
use crate::message::enrp::Presence;
use crate::registrar::Step;
use crate::wire::{ServerInformation, TransportParameter};
use crate::{AssociationId, RegistrarId, Time};
use log::Level;

/// Associations with one peer: two when both connected at the same time; a third one may come before the loss of an old
/// one is noticed.
const MAX_ASSOCIATIONS: usize = 4;

/// What is thought of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// It lives.
    Active,
    /// It has been silent for MAX-TIME-LAST-HEARD, or its association broke: it is being asked.
    Suspected,
    /// It seems dead; this registrar wants to take it over.
    Dead,
    /// It seems dead to another registrar, which wants to take it over ("not active").
    NotActive,
}

/// A peer, for a look from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its identifier.
    pub id: RegistrarId,
    /// Where it is reached.
    pub address: Option<PeerAddress>,
    /// What is thought of it.
    pub state: PeerState,
    /// peer_last_heard.
    pub last_heard: Time,
    /// Whether there is an association with it.
    pub connected: bool,
}

/// Another registrar that said who it is.
#[derive(Debug)]
pub(super) struct Peer {
    pub address: Option<PeerAddress>,
    /// As it says it is reached.
    pub information: Option<ServerInformation>,
    /// Those with it. Everything to it goes over the first one, so that it stays in order.
    pub associations: Vec<AssociationId>,
    /// peer_last_heard.
    pub last_heard: Time,
    pub state: PeerState,
    pub audit: Audit,
}

impl Peer {
    /// The association that carries everything to it.
    pub fn association(&self) -> Option<AssociationId> {
        self.associations.first().copied()
    }

    pub fn is_active(&self) -> bool {
        matches!(self.state, PeerState::Active | PeerState::Suspected)
    }
}

impl Registrar {
    /// The registrar that sent a PRESENCE is a peer from now on. False: there are too many.
    pub(super) fn add_peer(&mut self, id: RegistrarId, association: AssociationId, step: &mut Step<'_>) -> bool {
        if self.enrp.peers.len() >= self.config.max_peers {
            log_limited!(
                self.enrp.logs.peers,
                step.now,
                Level::Warn,
                "registrar {}: {id:?} is not taken as a peer: there are {} already",
                self.id,
                self.config.max_peers
            );
            return false;
        }
        self.end_inheritance(id, step);
        let known_elements = self.handlespace.count_of_owner(id);
        let settled = step.now + self.settling_time();
        let audit = Audit::new(settled, self.enrp.phase == Phase::Ready && known_elements > 0);
        self.enrp.peers.insert(
            id,
            Peer {
                address: self.associations.get(association).map(|a| a.peer.address.clone()),
                information: None,
                associations: vec![association],
                last_heard: step.now,
                state: PeerState::Active,
                audit,
            },
        );
        self.enrp.timers.set(Timer::Peer(id), step.now + self.config.max_time_last_heard);
        self.enrp.orphaned.remove(&id);
        self.contact_done(id);
        self.statistics.peers_found += 1;
        log_limited!(
            self.enrp.logs.peers,
            step.now,
            Level::Info,
            "registrar {}: {id:?} is a peer; {} are known",
            self.id,
            self.enrp.peers.len()
        );
        true
    }

    /// An association is with this peer.
    pub(super) fn bind(&mut self, id: RegistrarId, association: AssociationId) {
        let Some(peer) = self.enrp.peers.get_mut(&id) else { return };
        if peer.associations.contains(&association) || peer.associations.len() >= MAX_ASSOCIATIONS {
            return;
        }
        if peer.associations.is_empty() {
            // What it sent while there was none is lost, and a checksum does not show everything.
            peer.audit.demand();
            if let Some(association) = self.associations.get(association) {
                peer.address = Some(association.peer.address.clone());
            }
        }
        peer.associations.push(association);
        if peer.associations.len() == 1 {
            self.contact_done(id);
        }
    }

    /// An association with this peer is gone.
    pub(super) fn unbind(&mut self, id: RegistrarId, association: AssociationId, step: &mut Step<'_>) {
        let Some(peer) = self.enrp.peers.get_mut(&id) else { return };
        peer.associations.retain(|&other| other != association);
        if !peer.associations.is_empty() {
            return;
        }
        self.abandon_audit(id);
        self.on_link_lost(id, step);
    }

    /// Takes up what a peer says about itself.
    pub(super) fn update_peer(&mut self, id: RegistrarId, presence: &Presence) {
        let Some(peer) = self.enrp.peers.get_mut(&id) else { return };
        let Some(information) = presence.server_information.as_ref().filter(|info| info.id == id) else { return };
        if peer.information.as_ref() != Some(information) {
            peer.information = Some(information.clone());
            // Only addresses that the association proves to be its own (else it could have us connect to anybody).
            if let (Some(known), Some(named)) = (&peer.address, address_of(information)) {
                let common = named.addresses.iter().any(|address| known.addresses.contains(address));
                if common {
                    peer.address = Some(named);
                }
            }
        }
    }

    /// Strikes a peer off the list. It may come back: its address is remembered.
    pub(super) fn remove_peer(&mut self, id: RegistrarId, why: &str, step: &mut Step<'_>) {
        let Some(peer) = self.enrp.peers.remove(&id) else { return };
        for timer in [Timer::Peer(id), Timer::Audit(id), Timer::Arbitration(id)] {
            self.enrp.timers.stop(timer);
        }
        self.enrp.arbitrations.remove(&id);
        for association in &peer.associations {
            if let Some(sender) = self.enrp.senders.get_mut(association) {
                sender.asked = false;
            }
        }
        self.statistics.peers_lost += 1;
        log_limited!(
            self.enrp.logs.peers,
            step.now,
            Level::Warn,
            "registrar {}: {id:?} is no peer any more: {why}; {} are known",
            self.id,
            self.enrp.peers.len()
        );
        if let Some(address) = peer.reachable_at() {
            self.remember_lost(step.now, id, address);
        }
        self.acknowledgement_not_expected(id, step);
    }

    /// The peers, for a look from outside.
    pub fn peers(&self) -> impl Iterator<Item = PeerInfo> {
        self.enrp.peers.iter().map(|(&id, peer)| PeerInfo {
            id,
            address: peer.address.clone(),
            state: peer.state,
            last_heard: peer.last_heard,
            connected: peer.association().is_some(),
        })
    }
}

/// Where a registrar says that it is.
pub(super) fn address_of(information: &ServerInformation) -> Option<PeerAddress> {
    match &information.transport {
        TransportParameter::Sctp { port, addresses, .. } if *port != 0 && !addresses.is_empty() => {
            Some(PeerAddress { addresses: addresses.clone(), port: *port })
        }
        _ => None,
    }
}

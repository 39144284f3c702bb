//! The peer list: the registrars that said who they are (RFC 5353 section 3.4), and what is thought of each.

use super::audit::{Audit, Checksums};
use super::heartbeats::Heartbeats;
use crate::association::PeerAddress;
use crate::token_bucket::TokenBucket;
use crate::wire::ServerInformation;
use crate::{AssociationId, RegistrarId, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Associations with one peer: two when both connected at the same time; a third one may come before the loss of an old
/// one is noticed.
const MAX_ASSOCIATIONS: usize = 4;
/// What anybody can have this registrar do by a datagram, or a peer by naming others: so many connects or messages at once, as a
/// scope may have as many registrars.
pub(super) const HINTS_AT_ONCE: u32 = 256;
/// Then one more after each such interval.
pub(super) const HINT_INTERVAL: Duration = Duration::from_millis(250);
/// Elements that a peer may suggest in vain, at once: it may have lost a host that it does not miss yet.
const MISSES_AT_ONCE: u32 = 256;
/// Then one more after each such interval.
const MISS_INTERVAL: Duration = Duration::from_millis(250);

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
    /// Identifier, unique in the operational scope.
    pub id: RegistrarId,
    /// Where it is reached.
    pub address: Option<PeerAddress>,
    /// What is thought of it.
    pub state: PeerState,
    /// peer_last_heard.
    pub last_heard: Time,
    /// Whether there is an association with it.
    pub connected: bool,
    /// Whether the checksum that it last sent of its elements is that of what this registrar knows of them (RFC 5353 section 3.6);
    /// none: it has sent none yet.
    pub agrees: Option<bool>,
}

/// Another registrar that said who it is.
#[derive(Debug)]
pub(super) struct Peer {
    address: Option<PeerAddress>,
    /// As it says it is reached.
    information: Option<ServerInformation>,
    /// When it became a peer.
    since: Time,
    /// Addresses of other registrars that it may name.
    names: TokenBucket,
    /// Connects to elements that it names and that are not there.
    misses: TokenBucket,
    /// Those with it. Everything to it goes over the first one, so that it stays in order.
    associations: Vec<AssociationId>,
    heartbeats: Heartbeats,
    state: PeerState,
    audit: Audit,
}

/// What an association is to a peer that has sent a message over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// The first one for some time: what the peer sent meanwhile is lost.
    First,
    /// Nothing changes.
    Other,
}

/// What is left to a peer that has lost an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unbound {
    /// It is no peer.
    Unknown,
    /// Other associations.
    Others,
    /// No association.
    Nothing,
}

impl Peer {
    /// The association that carries everything to it.
    pub fn association(&self) -> Option<AssociationId> {
        self.associations.first().copied()
    }

    pub fn is_connected(&self) -> bool {
        self.association().is_some()
    }

    pub fn is_active(&self) -> bool {
        matches!(self.state, PeerState::Active | PeerState::Suspected)
    }

    pub fn state(&self) -> PeerState {
        self.state
    }

    pub fn last_heard(&self) -> Time {
        self.heartbeats.last()
    }

    pub fn heartbeats(&self) -> &Heartbeats {
        &self.heartbeats
    }

    pub fn associations(&self) -> &[AssociationId] {
        &self.associations
    }

    /// As it says it is reached.
    pub fn information(&self) -> Option<&ServerInformation> {
        self.information.as_ref()
    }

    /// Where it can be reached, as far as an association has shown it.
    pub fn address(&self) -> Option<&PeerAddress> {
        self.address.as_ref()
    }

    /// Whether it was seen at this place, or has said that it is there, too.
    pub fn is_at(&self, place: &PeerAddress) -> bool {
        let named = self.information.as_ref().and_then(address_of);
        self.address.iter().chain(&named).any(|known| is_same_place(known, place))
    }

    /// When it became a peer.
    pub fn since(&self) -> Time {
        self.since
    }

    fn info(&self, id: RegistrarId) -> PeerInfo {
        PeerInfo {
            id,
            address: self.address.clone(),
            state: self.state,
            last_heard: self.last_heard(),
            connected: self.is_connected(),
            agrees: self.audit.last().map(|checksums| checksums == Checksums::Equal),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Peers {
    by_id: BTreeMap<RegistrarId, Peer>,
    /// Counts changes of what elements are told of them.
    version: u32,
}

/// Looking.
impl Peers {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn contains(&self, id: RegistrarId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub fn get(&self, id: RegistrarId) -> Option<&Peer> {
        self.by_id.get(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (RegistrarId, &Peer)> {
        self.by_id.iter().map(|(&id, peer)| (id, peer))
    }

    /// Changes when what elements are told of the peers does.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// For a look from outside.
    pub fn infos(&self) -> impl Iterator<Item = PeerInfo> {
        self.iter().map(|(id, peer)| peer.info(id))
    }

    /// The association that carries everything to a peer.
    pub fn association(&self, id: RegistrarId) -> Option<AssociationId> {
        self.get(id).and_then(Peer::association)
    }

    pub fn is_connected(&self, id: RegistrarId) -> bool {
        self.association(id).is_some()
    }

    /// The peers for which `wanted` holds, to be changed while they are walked through.
    pub fn ids(&self, wanted: impl Fn(&Peer) -> bool) -> BTreeSet<RegistrarId> {
        self.iter().filter(|(_, peer)| wanted(peer)).map(|(id, _)| id).collect()
    }
}

/// Coming and going.
impl Peers {
    /// A registrar that has sent a PRESENCE over an association.
    pub fn add(&mut self, now: Time, id: RegistrarId, association: AssociationId, audit: Audit) {
        let (address, information, since, state) = (None, None, now, PeerState::Active);
        let names = TokenBucket::new(HINTS_AT_ONCE, HINT_INTERVAL, now);
        let misses = TokenBucket::new(MISSES_AT_ONCE, MISS_INTERVAL, now);
        let peer = Peer {
            address,
            information,
            since,
            names,
            misses,
            associations: vec![association],
            heartbeats: Heartbeats::new(now),
            state,
            audit,
        };
        self.by_id.insert(id, peer);
        self.version = self.version.wrapping_add(1);
    }

    pub fn remove(&mut self, id: RegistrarId) -> Option<Peer> {
        let removed = self.by_id.remove(&id)?;
        self.version = self.version.wrapping_add(1);
        Some(removed)
    }

    /// An association is with this peer.
    pub fn bind(&mut self, id: RegistrarId, association: AssociationId) -> Bound {
        let Some(peer) = self.by_id.get_mut(&id) else { return Bound::Other };
        if peer.associations.contains(&association) || peer.associations.len() >= MAX_ASSOCIATIONS {
            return Bound::Other;
        }
        peer.associations.push(association);
        if peer.associations.len() == 1 { Bound::First } else { Bound::Other }
    }

    /// An association with this peer is gone.
    pub fn unbind(&mut self, id: RegistrarId, association: AssociationId) -> Unbound {
        let Some(peer) = self.by_id.get_mut(&id) else { return Unbound::Unknown };
        peer.associations.retain(|&other| other != association);
        if peer.associations.is_empty() { Unbound::Nothing } else { Unbound::Others }
    }

    /// A peer names the address of another registrar. Whether it may.
    pub fn may_name(&mut self, now: Time, id: RegistrarId) -> bool {
        self.by_id.get_mut(&id).is_some_and(|peer| peer.names.take(now))
    }

    /// An element that a peer named is not there.
    pub fn has_misled(&mut self, now: Time, id: RegistrarId) {
        if let Some(peer) = self.by_id.get_mut(&id) {
            peer.misses.take(now);
        }
    }

    /// Whether connects to the elements that a peer names are not in vain all the time.
    pub fn is_credible(&mut self, now: Time, id: RegistrarId) -> bool {
        self.by_id.get_mut(&id).is_some_and(|peer| peer.misses.has(now))
    }

    /// Where an association shows that a peer is.
    pub fn seen_at(&mut self, id: RegistrarId, address: PeerAddress) {
        if let Some(peer) = self.by_id.get_mut(&id).filter(|peer| peer.address.as_ref() != Some(&address)) {
            peer.address = Some(address);
            self.version = self.version.wrapping_add(1);
        }
    }

    /// Takes up what a peer says about itself. This registrar connects only where an association has shown that it is: else it
    /// could have us connect to anybody.
    pub fn describe(&mut self, id: RegistrarId, information: &ServerInformation) {
        if let Some(peer) = self.by_id.get_mut(&id).filter(|peer| peer.information.as_ref() != Some(information)) {
            peer.information = Some(information.clone());
            self.version = self.version.wrapping_add(1);
        }
    }
}

/// What a message or a PRESENCE of a peer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing: it was not doubted.
    Expected,
    /// It was doubted, and is not any more.
    Reassuring,
}

/// Living and dying.
impl Peers {
    /// Any message of a peer shows that it lives: it is not suspected any more. It was to send one each `cycle`.
    pub fn heard(&mut self, now: Time, id: RegistrarId, cycle: Duration) -> Sign {
        let Some(peer) = self.by_id.get_mut(&id) else { return Sign::Expected };
        peer.heartbeats.heard(now, cycle);
        if peer.state != PeerState::Suspected || !peer.is_connected() {
            return Sign::Expected;
        }
        peer.state = PeerState::Active;
        Sign::Reassuring
    }

    /// A peer says that it lives: nobody may take it over any more.
    pub fn revive(&mut self, id: RegistrarId) -> Sign {
        let Some(peer) = self.by_id.get_mut(&id).filter(|peer| !peer.is_active()) else { return Sign::Expected };
        peer.state = PeerState::Active;
        Sign::Reassuring
    }

    /// Thinks otherwise of a peer. None: it is no peer.
    pub fn judge(&mut self, id: RegistrarId, state: PeerState) -> Option<()> {
        self.by_id.get_mut(&id).map(|peer| peer.state = state)
    }

    /// The audit of its elements.
    pub fn audit(&mut self, id: RegistrarId) -> Option<&mut Audit> {
        self.by_id.get_mut(&id).map(|peer| &mut peer.audit)
    }
}

/// Whether two descriptions are of one place.
pub(super) fn is_same_place(a: &PeerAddress, b: &PeerAddress) -> bool {
    a.port == b.port && a.addresses.iter().any(|a| b.addresses.iter().any(|b| a.to_canonical() == b.to_canonical()))
}

/// Where a registrar says that it is.
pub(super) fn address_of(information: &ServerInformation) -> Option<PeerAddress> {
    PeerAddress::of_sctp(&information.transport)
}

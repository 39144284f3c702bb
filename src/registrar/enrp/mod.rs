//! The other registrars (RFC 5353): what is known about them, and what comes from them.
//!
//! Types that own what they change, and tell what comes of it: `peers.rs` (the registrars that said who they are),
//! `senders.rs` (who is at the other end of an association, what connects are for), `contacts.rs` (addresses at which a
//! registrar may be), `heartbeats.rs` (how long a registrar may be silent), `start.rs`, `arbitrations.rs`, `disputes.rs`, `claims.rs`, `audit.rs`.
//!
//! Files that add methods to [`Registrar`], which asks these types and routes:
//!
//! * `admission.rs`: who a message comes from, and what it may change. `knocking.rs`: connections to contacts. `peer_list.rs`:
//!   who becomes a peer. `presence.rs`: heartbeats and the detection of failures.
//! * `mentor.rs`: the start, with list and handle table of a mentor. `handle_table.rs`: being a mentor. `observers.rs`: the same for
//!   those who are no peers.
//! * `messages.rs`: which message is for which of these files, and how messages are sent.
//! * `namesakes.rs`: registrars with one identifier.
//! * `announcing.rs`: sending HANDLE_UPDATE. `updates.rs`: receiving it, and who an element belongs to when registrars
//!   disagree. `twin_pools.rs`: which pool stays when there are two. `suggestion.rs`: where an element belongs.
//! * `successors.rs`: whom elements are told of. `takeover.rs`: arbitration about a dead registrar. `inheritance.rs`: its elements get another home. `adoption.rs`: asking
//!   those that are to be ours. `orphans.rs`: elements whose home nobody knows. `leave.rs`: the opposite, handing elements over.
//! * `doubts.rs`: whoever was away himself believes nobody dead for some time.
//! * `reconfiguration.rs`: other settings. `held.rs`: how much all of this keeps.
//! * `auditing.rs`: comparing checksums, and downloading again what differs. `errors.rs`: ENRP_ERROR.

mod admission;
mod adoption;
mod announcing;
mod arbitrations;
mod audit;
mod auditing;
mod claims;
mod contacts;
mod disputes;
mod doubts;
mod download;
mod errors;
mod gossip;
mod handle_table;
mod heartbeats;
mod held;
mod inheritance;
mod knocking;
mod leave;
mod mentor;
mod messages;
mod namesakes;
mod observers;
mod orphans;
mod peer_list;
mod peers;
mod phase;
mod presence;
mod reconfiguration;
mod senders;
mod stamps;
mod start;
mod strangers;
mod successors;
mod suggestion;
mod takeover;
mod timers;
mod twin_pools;
mod updates;

pub(super) use announcing::Suggest;
pub(super) use leave::Leave;
pub use peers::{PeerInfo, PeerState};
pub(super) use phase::Phase;

use super::coming_and_going::ConnectedTo;
use super::removal::Abort;
use super::{ConnectAttempt, Registrar, RegistrarConfig, Step};
use crate::association::LossReason;
use crate::handlespace::SeededState;
use crate::log_limit::LogLimit;
use crate::token_bucket::TokenBucket;
use crate::{AssociationId, Time};
use arbitrations::Arbitrations;
use claims::Claims;
use contacts::Contacts;
use disputes::Disputes;
use doubts::Doubts;
use handle_table::Downloads;
use inheritance::Inheritances;
use leave::HandOver;
use observers::Observers;
use orphans::Orphans;
use peers::{HINT_INTERVAL, HINTS_AT_ONCE, Peers};
use senders::{ASSOCIATIONS_PER_PEER, Connect, Connects, Senders};
use stamps::Stamps;
use start::Start;
use timers::{Timer, Timers};

/// Everything about the other registrars.
#[derive(Debug)]
pub(super) struct Enrp {
    phase: Phase,
    start: Start,
    peers: Peers,
    doubts: Doubts,
    contacts: Contacts,
    senders: Senders,
    connects: Connects,
    timers: Timers,
    /// When the next PRESENCE to everybody is due, as [`Timer::Heartbeat`] is.
    heartbeat_at: Time,
    downloads: Downloads,
    observers: Observers,
    arbitrations: Arbitrations,
    disputes: Disputes,
    inheritances: Inheritances,
    claims: Claims,
    hand_over: HandOver,
    orphans: Orphans,
    /// What datagrams, which anybody can forge, may have this registrar do.
    datagrams: TokenBucket,
    stamps: Stamps,
    logs: Logs,
}

/// One limit for each kind of line.
#[derive(Debug, Default)]
struct Logs {
    peers: LogLimit,
    strangers: LogLimit,
    contacts: LogLimit,
    start: LogLimit,
    takeovers: LogLimit,
    updates: LogLimit,
    additions: LogLimit,
    audits: LogLimit,
    downloads: LogLimit,
}

impl Enrp {
    pub fn new(config: &RegistrarConfig, hash_seed: u64, now: Time) -> Enrp {
        let alone = config.peers.is_empty() && !config.enrp_multicast;
        let mut timers = Timers::default();
        let mut contacts = Contacts::default();
        timers.set(Timer::Heartbeat, now);
        if !alone {
            timers.set(Timer::Start, now + config.mentor_discovery_timeout);
        }
        for peer in &config.peers {
            if let Some(number) = contacts.add_configured(peer, config) {
                timers.set(Timer::Contact(number), now);
            }
        }
        Enrp {
            phase: if alone { Phase::Ready } else { Phase::Starting },
            start: Start::new(config, hash_seed, now),
            peers: Peers::default(),
            doubts: Doubts::new(now),
            contacts,
            senders: Senders::default(),
            connects: Connects::default(),
            timers,
            heartbeat_at: now,
            downloads: Downloads::default(),
            observers: Observers::default(),
            arbitrations: Arbitrations::default(),
            disputes: Disputes::default(),
            inheritances: Inheritances::default(),
            claims: Claims::new(SeededState::new(hash_seed)),
            hand_over: HandOver::default(),
            orphans: Orphans::default(),
            datagrams: TokenBucket::new(HINTS_AT_ONCE, HINT_INTERVAL, now),
            stamps: Stamps::default(),
            logs: Logs::default(),
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Changes when the list of registrars does that elements are told.
    pub fn told_version(&self) -> u32 {
        self.peers.version()
    }

    /// When the next timer expires.
    pub fn next_timer(&self) -> Option<Time> {
        self.timers.next()
    }
}

impl Registrar {
    /// How many other registrars are known to be alive.
    pub(super) fn peer_count(&self) -> usize {
        self.enrp.peers.iter().filter(|(_, peer)| peer.is_active()).count()
    }

    pub(super) fn run_enrp_timers(&mut self, step: &mut Step<'_>) {
        while let Some((at, timer)) = self.enrp.timers.take_expired(step.now) {
            match timer {
                Timer::Heartbeat => self.on_heartbeat_due(step),
                Timer::Start => self.on_start_timer_expired(at, step),
                Timer::Pulse => self.on_pulse_due(step),
                Timer::Gossip => self.on_gossip_due(step),
                Timer::Orphans => self.on_orphans_due(step),
                Timer::Claims => self.on_claims_due(step),
                Timer::Observers => self.on_observers_due(step),
                Timer::HandOver => self.on_hand_over_due(step),
                Timer::Leave => self.on_leave_timer_expired(step),
                Timer::Contact(number) => self.on_contact_due(number, step),
                Timer::Peer(id) => self.on_peer_timer_expired(at, id, step),
                Timer::Audit(id) => self.on_audit_timer_expired(id, step),
                Timer::Arbitration(target) => self.on_arbitration_expired(at, target, step),
                Timer::Inheritance(target) => self.on_inheritance_due(target, step),
                Timer::Download(association, extent) => self.end_download(association, extent),
            }
        }
    }
}

/// Associations and connects.
impl Registrar {
    /// Whether there is room for one more association with a registrar. The oldest one with somebody who is no peer makes room.
    pub(super) fn takes_enrp_association(&mut self, step: &mut Step<'_>) -> bool {
        if self.enrp.senders.len() < self.config.max_peers.saturating_mul(ASSOCIATIONS_PER_PEER) {
            return true;
        }
        let peers = &self.enrp.peers;
        let Some(oldest) = self.enrp.senders.first_unknown(|id| peers.contains(id)) else { return false };
        self.abort(oldest, Abort::Crowded, step);
        true
    }

    pub(super) fn on_enrp_association_up(
        &mut self,
        association: AssociationId,
        attempt: Option<ConnectAttempt>,
        step: &mut Step<'_>,
    ) {
        let connect = attempt.and_then(|attempt| self.enrp.connects.end(attempt));
        let contact = if let Some(Connect::Contact(number)) = connect { Some(number) } else { None };
        self.enrp.senders.add(association, contact);
        if let Some(number) = contact {
            self.on_contact_up(number, association, step);
        }
    }

    pub(super) fn on_enrp_association_lost(&mut self, association: AssociationId, step: &mut Step<'_>) {
        self.end_downloads(association);
        let Some(sender) = self.enrp.senders.remove(association) else { return };
        if let Some(number) = sender.contact() {
            self.on_contact_lost(step.now, number);
        }
        if let Some(id) = sender.id() {
            self.unbind(id, association, step);
        }
        if self.enrp.phase == Phase::Starting {
            self.look_for_mentor(step);
        }
    }

    pub(super) fn on_connect_failed(&mut self, attempt: ConnectAttempt, reason: &LossReason, step: &mut Step<'_>) {
        match self.enrp.connects.end(attempt) {
            Some(Connect::Contact(number)) => self.on_contact_failed(number, reason, step),
            Some(Connect::Claim(endpoint)) => self.on_claim_failed(&endpoint, reason, step),
            None => {}
        }
    }

    /// An ASAP association that this registrar made.
    pub(super) fn on_own_asap_association_up(
        &mut self,
        attempt: ConnectAttempt,
        connected: ConnectedTo,
        step: &mut Step<'_>,
    ) {
        if let Some(Connect::Claim(endpoint)) = self.enrp.connects.end(attempt) {
            match connected {
                ConnectedTo::Association(association) => self.on_claim_up(&endpoint, association, step),
                ConnectedTo::Nothing => self.on_claim_failed(&endpoint, &LossReason::Timeout, step),
            }
        }
    }
}

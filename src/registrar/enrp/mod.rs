//! The other registrars (RFC 5353): what is known about them, and what comes from them.
//!
//! One file an idea; each adds methods to [`Registrar`]:
//!
//! * `contacts.rs`: addresses at which a registrar may be, and connections to them. `peers.rs`: the registrars that said
//!   who they are. `presence.rs`: heartbeats and the detection of failures.
//! * `mentor.rs`: the start, with list and handle table of a mentor. `handle_table.rs`: being a mentor.
//! * `updates.rs`: HANDLE_UPDATE in both directions, and who an element belongs to when registrars disagree.
//! * `takeover.rs`: arbitration about a dead registrar. `inheritance.rs`: its elements get another home. `claims.rs`: asking
//!   those that are to be ours. `orphans.rs`: elements
//!   whose home nobody knows. `leave.rs`: the opposite, handing elements over.
//! * `audit.rs`: comparing checksums, and downloading again what differs. `errors.rs`: ENRP_ERROR.

mod audit;
mod claims;
mod contacts;
mod errors;
mod handle_table;
mod inheritance;
mod leave;
mod mentor;
mod orphans;
mod peers;
mod presence;
mod suggestion;
mod takeover;
mod timers;
mod updates;

pub use peers::{PeerInfo, PeerState};

use super::associations::ConnectedTo;
use super::{Action, ConnectAttempt, Registrar, RegistrarConfig};
use crate::association::{LossReason, PeerAddress};
use crate::handlespace::{ElementIndex, SeededState};
use crate::log_limit::{LogLimit, log_limited};
use crate::message::EnrpMessage;
use crate::wire::{Cause, Decoded, ErrorCause};
use crate::{AssociationId, RegistrarId, Time};
use claims::Claims;
use contacts::Contacts;
use handle_table::Session;
use log::Level;
use mentor::Start;
use peers::Peer;
use std::collections::{BTreeMap, BTreeSet};
use takeover::Arbitration;
use timers::{Timer, Timers};

/// Associations with registrars for each one that may be known: two, when both connect, and some that have not said yet
/// who they are.
const ASSOCIATIONS_PER_PEER: usize = 4;

/// How far this registrar's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It learns from a mentor what there is.
    Starting,
    Ready,
    /// It hands its elements over.
    Leaving,
    Left,
}

/// What a connect is for.
#[derive(Clone, Debug)]
enum Connect {
    /// An address at which a registrar may be.
    Contact(u32),
    /// The elements behind this ASAP transport.
    Claim(PeerAddress),
}

/// The other end of an ENRP association.
#[derive(Debug, Default)]
struct Sender {
    /// Which contact the association was made for.
    contact: Option<u32>,
    /// Who it says it is.
    id: Option<RegistrarId>,
    /// It has been asked for a PRESENCE.
    asked: bool,
}

/// Everything about the other registrars.
#[derive(Debug)]
pub(super) struct Enrp {
    phase: Phase,
    start: Start,
    peers: BTreeMap<RegistrarId, Peer>,
    contacts: Contacts,
    senders: BTreeMap<AssociationId, Sender>,
    connects: BTreeMap<ConnectAttempt, Connect>,
    next_attempt: u64,
    timers: Timers,
    sessions: BTreeMap<(AssociationId, bool), Session>,
    arbitrations: BTreeMap<RegistrarId, Arbitration>,
    /// Dead registrars whose elements are getting another home, and which.
    inheritances: BTreeMap<RegistrarId, RegistrarId>,
    claims: Claims,
    /// Elements that are still to be handed over before this registrar leaves.
    to_hand_over: Vec<ElementIndex>,
    /// Registrars that are home of elements and that nobody hears of, since when.
    orphaned: BTreeMap<RegistrarId, Time>,
    /// Counts what is heard of elements; see `audit.rs`.
    stamp: u64,
    logs: Logs,
}

/// One limit for each kind of line.
#[derive(Debug, Default)]
struct Logs {
    peers: LogLimit,
    contacts: LogLimit,
    start: LogLimit,
    takeovers: LogLimit,
    claims: LogLimit,
    updates: LogLimit,
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
            peers: BTreeMap::new(),
            contacts,
            senders: BTreeMap::new(),
            connects: BTreeMap::new(),
            next_attempt: 1,
            timers,
            sessions: BTreeMap::new(),
            arbitrations: BTreeMap::new(),
            inheritances: BTreeMap::new(),
            claims: Claims::new(SeededState::new(hash_seed)),
            to_hand_over: Vec::new(),
            orphaned: BTreeMap::new(),
            stamp: 0,
            logs: Logs::default(),
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// When the next timer expires.
    pub fn next_timer(&self) -> Option<Time> {
        self.timers.next()
    }

    fn attempt(&mut self, connect: Connect) -> ConnectAttempt {
        let attempt = ConnectAttempt(self.next_attempt);
        self.next_attempt += 1;
        self.connects.insert(attempt, connect);
        attempt
    }

    /// The next number of the count of what is heard of elements.
    fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }
}

impl Registrar {
    /// How many other registrars are known to be alive.
    pub(super) fn peer_count(&self) -> usize {
        self.enrp.peers.values().filter(|peer| peer.is_active()).count()
    }

    pub(super) fn run_enrp_timers(&mut self, now: Time, actions: &mut Vec<Action>) {
        while let Some((at, timer)) = self.enrp.timers.take_expired(now) {
            match timer {
                Timer::Heartbeat => self.on_heartbeat_due(now, actions),
                Timer::Start => self.on_start_timer_expired(now, at, actions),
                Timer::Gossip => self.on_gossip_due(now, actions),
                Timer::Orphans => self.on_orphans_due(now, actions),
                Timer::Claims => self.on_claims_due(now, actions),
                Timer::HandOver => self.on_hand_over_due(now, actions),
                Timer::Leave => self.on_leave_timer_expired(now, actions),
                Timer::Contact(number) => self.on_contact_due(now, number, actions),
                Timer::Peer(id) => self.on_peer_timer_expired(now, at, id, actions),
                Timer::Audit(id) => self.on_audit_timer_expired(now, id, actions),
                Timer::Arbitration(target) => self.on_arbitration_expired(now, at, target, actions),
                Timer::Inheritance(target) => self.on_inheritance_due(now, target, actions),
                Timer::Session(association, own) => self.end_session(association, own),
            }
        }
    }
}

/// Associations and connects.
impl Registrar {
    /// Whether there is room for one more association with a registrar.
    pub(super) fn takes_enrp_association(&self) -> bool {
        self.enrp.senders.len() < self.config.max_peers.saturating_mul(ASSOCIATIONS_PER_PEER)
    }

    pub(super) fn on_enrp_association_up(
        &mut self,
        now: Time,
        association: AssociationId,
        attempt: Option<ConnectAttempt>,
        actions: &mut Vec<Action>,
    ) {
        let connect = attempt.and_then(|attempt| self.enrp.connects.remove(&attempt));
        let contact = if let Some(Connect::Contact(number)) = connect { Some(number) } else { None };
        self.enrp.senders.insert(association, Sender { contact, ..Sender::default() });
        if let Some(number) = contact {
            self.on_contact_up(now, number, association, actions);
        }
    }

    pub(super) fn on_enrp_association_lost(
        &mut self,
        now: Time,
        association: AssociationId,
        actions: &mut Vec<Action>,
    ) {
        self.end_session(association, true);
        self.end_session(association, false);
        let Some(sender) = self.enrp.senders.remove(&association) else { return };
        if let Some(number) = sender.contact {
            self.on_contact_lost(now, number);
        }
        if let Some(id) = sender.id {
            self.unbind(now, id, association, actions);
        }
        if self.enrp.phase == Phase::Starting {
            self.look_for_mentor(now, actions);
        }
    }

    pub(super) fn on_connect_failed(
        &mut self,
        now: Time,
        attempt: ConnectAttempt,
        reason: &LossReason,
        actions: &mut Vec<Action>,
    ) {
        match self.enrp.connects.remove(&attempt) {
            Some(Connect::Contact(number)) => self.on_contact_failed(now, number, reason, actions),
            Some(Connect::Claim(endpoint)) => self.on_claim_failed(now, &endpoint, reason, actions),
            None => {}
        }
    }

    /// An ASAP association that this registrar made.
    pub(super) fn on_own_asap_association_up(
        &mut self,
        now: Time,
        attempt: ConnectAttempt,
        connected: ConnectedTo,
        actions: &mut Vec<Action>,
    ) {
        if let Some(Connect::Claim(endpoint)) = self.enrp.connects.remove(&attempt) {
            match connected {
                ConnectedTo::Association(association) => self.on_claim_up(now, &endpoint, association, actions),
                ConnectedTo::Nothing => self.on_claim_failed(now, &endpoint, &LossReason::Timeout, actions),
            }
        }
    }
}

/// Messages.
impl Registrar {
    /// A message of another registrar.
    pub(super) fn on_enrp_message(
        &mut self,
        now: Time,
        association: AssociationId,
        bytes: &[u8],
        actions: &mut Vec<Action>,
    ) {
        match EnrpMessage::decode(bytes) {
            Ok(Decoded { message, unrecognized }) => {
                let cause = Cause::UnrecognizedParameter;
                let causes: Vec<_> =
                    unrecognized.into_iter().map(|parameter| ErrorCause { cause, info: parameter.0 }).collect();
                if !causes.is_empty() {
                    self.log_fault(now, association, &format_args!("{} unknown parameters are skipped", causes.len()));
                    self.report_enrp_fault(now, association, bytes, causes, actions);
                }
                let (sender, receiver) = servers_of(bytes);
                if self.identify(now, association, sender, &message, actions) {
                    self.dispatch_enrp(now, association, receiver, message, actions);
                }
            }
            Err(undecodable) => {
                self.log_fault(now, association, &format_args!("an ENRP message is discarded: {}", undecodable.error));
                let causes = undecodable.report.into_iter().collect();
                self.report_enrp_fault(now, association, bytes, causes, actions);
            }
        }
    }

    /// Finds out who sent a message. False: it is not to be used.
    fn identify(
        &mut self,
        now: Time,
        association: AssociationId,
        id: RegistrarId,
        message: &EnrpMessage,
        actions: &mut Vec<Action>,
    ) -> bool {
        if id == RegistrarId(0) {
            self.log_fault(now, association, &format_args!("{} without the sender's identifier", message.name()));
            self.count_fault(now, association, actions);
            return false;
        }
        if id == self.id {
            self.met_own_identifier(now, association, actions);
            return false;
        }
        let Some(sender) = self.enrp.senders.get_mut(&association) else { return false };
        match sender.id {
            Some(known) if known != id => {
                let text = format_args!("{} says that it comes from {id:?}, not {known:?}: ignored", message.name());
                self.log_fault(now, association, &text);
                self.count_fault(now, association, actions);
                return false;
            }
            Some(_) => {}
            None => {
                sender.id = Some(id);
                if let Some(number) = sender.contact {
                    self.contact_identified(now, number, id, actions);
                }
            }
        }
        if self.enrp.peers.contains_key(&id) {
            self.bind(now, id, association);
            self.heard(now, id);
        } else if !matches!(message, EnrpMessage::Presence(_)) {
            self.ask_who_is_there(now, association, id, actions);
        }
        true
    }

    /// RFC 5353 section 3.4.1: whoever is not known yet is asked for its PRESENCE. It is a peer when it has answered: one
    /// that only asks, as `rserpool list` does, is answered and forgotten.
    fn ask_who_is_there(&mut self, now: Time, association: AssociationId, id: RegistrarId, actions: &mut Vec<Action>) {
        let Some(sender) = self.enrp.senders.get_mut(&association) else { return };
        if !std::mem::replace(&mut sender.asked, true) {
            self.send_presence(now, association, id, true, actions);
        }
    }

    fn dispatch_enrp(
        &mut self,
        now: Time,
        association: AssociationId,
        receiver: RegistrarId,
        message: EnrpMessage,
        actions: &mut Vec<Action>,
    ) {
        // A PRESENCE says something about its sender, whomever it is for.
        let for_us = receiver == RegistrarId(0) || receiver == self.id;
        if !for_us && !matches!(message, EnrpMessage::Presence(_)) {
            return log_limited!(
                self.logs.unexpected,
                now,
                Level::Warn,
                "registrar {}: {} of {association:?} is for {receiver:?}: ignored",
                self.id,
                message.name()
            );
        }
        match message {
            EnrpMessage::Presence(message) => self.on_presence(now, association, message, actions),
            EnrpMessage::HandleTableRequest(message) => {
                self.on_handle_table_request(now, association, &message, actions);
            }
            EnrpMessage::HandleTableResponse(message) => self.on_handle_table_response(now, message, actions),
            EnrpMessage::HandleUpdate(message) => self.on_handle_update(now, message, actions),
            EnrpMessage::ListRequest(message) => self.on_list_request(now, association, &message, actions),
            EnrpMessage::ListResponse(message) => self.on_list_response(now, message, actions),
            EnrpMessage::InitTakeover(message) => self.on_init_takeover(now, association, &message, actions),
            EnrpMessage::InitTakeoverAck(message) => self.on_init_takeover_ack(now, &message, actions),
            EnrpMessage::TakeoverServer(message) => self.on_takeover_server(now, &message, actions),
            EnrpMessage::Error(message) => self.on_enrp_error(now, association, &message),
        }
    }

    fn encode_enrp(&mut self, now: Time, message: &EnrpMessage) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(64);
        match message.encode(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) => {
                log_limited!(
                    self.logs.encoding,
                    now,
                    Level::Warn,
                    "registrar {}: cannot encode {}: {error}; it is not sent",
                    self.id,
                    message.name()
                );
                None
            }
        }
    }

    pub(super) fn send_enrp(
        &mut self,
        now: Time,
        association: AssociationId,
        message: &EnrpMessage,
        actions: &mut Vec<Action>,
    ) {
        if let Some(bytes) = self.encode_enrp(now, message) {
            actions.push(Action::Send { association, bytes });
        }
    }

    /// Sends a message to a peer over the one association that carries everything to it, in order.
    fn send_to_peer(&mut self, now: Time, id: RegistrarId, message: &EnrpMessage, actions: &mut Vec<Action>) {
        if let Some(association) = self.enrp.peers.get(&id).and_then(Peer::association) {
            self.send_enrp(now, association, message, actions);
        }
    }

    /// Answers a message: to a peer in order with everything else, to others where the message came from.
    fn answer_enrp(
        &mut self,
        now: Time,
        association: AssociationId,
        id: RegistrarId,
        message: &EnrpMessage,
        actions: &mut Vec<Action>,
    ) {
        let in_order = self.enrp.peers.get(&id).and_then(Peer::association);
        self.send_enrp(now, in_order.unwrap_or(association), message, actions);
    }

    /// "Group-casts" a message (RFC 5353 section 3.1): sends it to every peer.
    fn group_cast(&mut self, now: Time, message: &EnrpMessage, actions: &mut Vec<Action>) {
        let Some(bytes) = self.encode_enrp(now, message) else { return };
        for association in self.enrp.peers.values().filter_map(Peer::association) {
            actions.push(Action::Send { association, bytes: bytes.clone() });
        }
    }
}

/// Sender and receiver: the first words of every ENRP message.
fn servers_of(bytes: &[u8]) -> (RegistrarId, RegistrarId) {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
    (RegistrarId(word(4)), RegistrarId(word(8)))
}

/// The registrars for which `wanted` holds, to be changed while they are walked through.
fn ids_where(peers: &BTreeMap<RegistrarId, Peer>, wanted: impl Fn(&Peer) -> bool) -> BTreeSet<RegistrarId> {
    peers.iter().filter(|(_, peer)| wanted(peer)).map(|(&id, _)| id).collect()
}

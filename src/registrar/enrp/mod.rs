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
use super::{Action, ConnectAttempt, Registrar, RegistrarConfig, Step};
use crate::association::{LossReason, PeerAddress};
use crate::handlespace::{ElementIndex, SeededState};
use crate::log_limit::{LogLimit, log_limited};
use crate::message::EnrpMessage;
use crate::wire::{Cause, Decoded, ErrorCause};
use crate::{AssociationId, RegistrarId, Time};
use claims::Claims;
use contacts::Contacts;
use handle_table::Downloads;
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
    downloads: Downloads,
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
            downloads: Downloads::default(),
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

    pub(super) fn run_enrp_timers(&mut self, step: &mut Step<'_>) {
        while let Some((at, timer)) = self.enrp.timers.take_expired(step.now) {
            match timer {
                Timer::Heartbeat => self.on_heartbeat_due(step),
                Timer::Start => self.on_start_timer_expired(at, step),
                Timer::Gossip => self.on_gossip_due(step),
                Timer::Orphans => self.on_orphans_due(step),
                Timer::Claims => self.on_claims_due(step),
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
    /// Whether there is room for one more association with a registrar.
    pub(super) fn takes_enrp_association(&self) -> bool {
        self.enrp.senders.len() < self.config.max_peers.saturating_mul(ASSOCIATIONS_PER_PEER)
    }

    pub(super) fn on_enrp_association_up(
        &mut self,
        association: AssociationId,
        attempt: Option<ConnectAttempt>,
        step: &mut Step<'_>,
    ) {
        let connect = attempt.and_then(|attempt| self.enrp.connects.remove(&attempt));
        let contact = if let Some(Connect::Contact(number)) = connect { Some(number) } else { None };
        self.enrp.senders.insert(association, Sender { contact, ..Sender::default() });
        if let Some(number) = contact {
            self.on_contact_up(number, association, step);
        }
    }

    pub(super) fn on_enrp_association_lost(&mut self, association: AssociationId, step: &mut Step<'_>) {
        self.end_downloads(association);
        let Some(sender) = self.enrp.senders.remove(&association) else { return };
        if let Some(number) = sender.contact {
            self.on_contact_lost(step.now, number);
        }
        if let Some(id) = sender.id {
            self.unbind(id, association, step);
        }
        if self.enrp.phase == Phase::Starting {
            self.look_for_mentor(step);
        }
    }

    pub(super) fn on_connect_failed(&mut self, attempt: ConnectAttempt, reason: &LossReason, step: &mut Step<'_>) {
        match self.enrp.connects.remove(&attempt) {
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
        if let Some(Connect::Claim(endpoint)) = self.enrp.connects.remove(&attempt) {
            match connected {
                ConnectedTo::Association(association) => self.on_claim_up(&endpoint, association, step),
                ConnectedTo::Nothing => self.on_claim_failed(&endpoint, &LossReason::Timeout, step),
            }
        }
    }
}

/// Messages.
impl Registrar {
    /// A message of another registrar.
    pub(super) fn on_enrp_message(&mut self, association: AssociationId, bytes: &[u8], step: &mut Step<'_>) {
        match EnrpMessage::decode(bytes) {
            Ok(Decoded { message, unrecognized }) => {
                let cause = Cause::UnrecognizedParameter;
                let causes: Vec<_> =
                    unrecognized.into_iter().map(|parameter| ErrorCause { cause, info: parameter.0 }).collect();
                if !causes.is_empty() {
                    self.log_fault(
                        step.now,
                        association,
                        &format_args!("{} unknown parameters are skipped", causes.len()),
                    );
                    self.report_enrp_fault(association, bytes, causes, step);
                }
                let (sender, receiver) = servers_of(bytes);
                if self.identify(association, sender, &message, step) {
                    self.dispatch_enrp(association, receiver, message, step);
                }
            }
            Err(undecodable) => {
                self.log_fault(
                    step.now,
                    association,
                    &format_args!("an ENRP message is discarded: {}", undecodable.error),
                );
                let causes = undecodable.report.into_iter().collect();
                self.report_enrp_fault(association, bytes, causes, step);
            }
        }
    }

    /// Finds out who sent a message. False: it is not to be used.
    fn identify(
        &mut self,
        association: AssociationId,
        id: RegistrarId,
        message: &EnrpMessage,
        step: &mut Step<'_>,
    ) -> bool {
        if id == RegistrarId(0) {
            self.log_fault(step.now, association, &format_args!("{} without the sender's identifier", message.name()));
            self.count_fault(association, step);
            return false;
        }
        if id == self.id {
            self.met_own_identifier(association, step);
            return false;
        }
        let Some(sender) = self.enrp.senders.get_mut(&association) else { return false };
        match sender.id {
            Some(known) if known != id => {
                let text = format_args!("{} says that it comes from {id:?}, not {known:?}: ignored", message.name());
                self.log_fault(step.now, association, &text);
                self.count_fault(association, step);
                return false;
            }
            Some(_) => {}
            None => {
                sender.id = Some(id);
                if let Some(number) = sender.contact {
                    self.contact_identified(number, id, step);
                }
            }
        }
        if self.enrp.peers.contains_key(&id) {
            self.bind(id, association);
            self.heard(step.now, id);
        } else if !matches!(message, EnrpMessage::Presence(_)) {
            self.ask_who_is_there(association, id, step);
        }
        true
    }

    /// RFC 5353 section 3.4.1: whoever is not known yet is asked for its PRESENCE. It is a peer when it has answered: one
    /// that only asks, as `rserpool list` does, is answered and forgotten.
    fn ask_who_is_there(&mut self, association: AssociationId, id: RegistrarId, step: &mut Step<'_>) {
        let Some(sender) = self.enrp.senders.get_mut(&association) else { return };
        if !std::mem::replace(&mut sender.asked, true) {
            self.send_presence(association, id, true, step);
        }
    }

    fn dispatch_enrp(
        &mut self,
        association: AssociationId,
        receiver: RegistrarId,
        message: EnrpMessage,
        step: &mut Step<'_>,
    ) {
        // A PRESENCE says something about its sender, whomever it is for.
        let for_us = receiver == RegistrarId(0) || receiver == self.id;
        if !for_us && !matches!(message, EnrpMessage::Presence(_)) {
            return log_limited!(
                self.logs.unexpected,
                step.now,
                Level::Warn,
                "registrar {}: {} of {association:?} is for {receiver:?}: ignored",
                self.id,
                message.name()
            );
        }
        match message {
            EnrpMessage::Presence(message) => self.on_presence(association, message, step),
            EnrpMessage::HandleTableRequest(message) => {
                self.on_handle_table_request(association, &message, step);
            }
            EnrpMessage::HandleTableResponse(message) => self.on_handle_table_response(message, step),
            EnrpMessage::HandleUpdate(message) => self.on_handle_update(message, step),
            EnrpMessage::ListRequest(message) => self.on_list_request(association, &message, step),
            EnrpMessage::ListResponse(message) => self.on_list_response(message, step),
            EnrpMessage::InitTakeover(message) => self.on_init_takeover(association, &message, step),
            EnrpMessage::InitTakeoverAck(message) => self.on_init_takeover_ack(&message, step),
            EnrpMessage::TakeoverServer(message) => self.on_takeover_server(&message, step),
            EnrpMessage::Error(message) => self.on_enrp_error(step.now, association, &message),
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

    pub(super) fn send_enrp(&mut self, association: AssociationId, message: &EnrpMessage, step: &mut Step<'_>) {
        if let Some(bytes) = self.encode_enrp(step.now, message) {
            step.push(Action::Send { association, bytes });
        }
    }

    /// Sends a message to a peer over the one association that carries everything to it, in order.
    fn send_to_peer(&mut self, id: RegistrarId, message: &EnrpMessage, step: &mut Step<'_>) {
        if let Some(association) = self.enrp.peers.get(&id).and_then(Peer::association) {
            self.send_enrp(association, message, step);
        }
    }

    /// Answers a message: to a peer in order with everything else, to others where the message came from.
    fn answer_enrp(&mut self, association: AssociationId, id: RegistrarId, message: &EnrpMessage, step: &mut Step<'_>) {
        let in_order = self.enrp.peers.get(&id).and_then(Peer::association);
        self.send_enrp(in_order.unwrap_or(association), message, step);
    }

    /// "Group-casts" a message (RFC 5353 section 3.1): sends it to every peer.
    fn group_cast(&mut self, message: &EnrpMessage, step: &mut Step<'_>) {
        let Some(bytes) = self.encode_enrp(step.now, message) else { return };
        for association in self.enrp.peers.values().filter_map(Peer::association) {
            step.push(Action::Send { association, bytes: bytes.clone() });
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

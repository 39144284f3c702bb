//! ENRP_PRESENCE: heartbeats, discovery and the detection of failures (RFC 5353 sections 3.4.1 to 3.4.3).
//!
//! A peer is suspected when it has been silent for MAX-TIME-LAST-HEARD, or at once when the last association with it
//! breaks. It is dead when it does not answer within MAX-TIME-NO-RESPONSE, or when a new association with it is refused: a
//! crash is noticed as soon as the transport notices it, and then costs one refused connect. Both times are longer for a peer whose
//! heartbeats have been seen to come late.

use super::peers::{Peer, PeerState, Sign, address_of};
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::association::{LossReason, PeerAddress};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::Presence;
use crate::registrar::lateness::Lateness;
use crate::registrar::{Action, Link, RegistrarConfig, Step};
use crate::wire::{Decoded, ServerInformation, TransportParameter, TransportUse};
use crate::{AssociationId, RegistrarId, Time};
use log::Level;
use std::net::SocketAddr;
use std::time::Duration;

/// Lists of registrars are asked for at least this far apart.
const SHORTEST_GOSSIP_INTERVAL: Duration = Duration::from_secs(5);

/// Whether a PRESENCE is to be answered by one (R bit, RFC 5353 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    None,
    Required,
}

/// Sending.
impl Registrar {
    /// What this registrar says about itself.
    fn presence(&self, receiver: RegistrarId, reply: Reply) -> Presence {
        let transport = TransportParameter::Sctp {
            port: self.config.enrp_port,
            transport_use: TransportUse::DataOnly,
            addresses: self.own_addresses.enrp_addresses.clone(),
        };
        let has_addresses = !self.own_addresses.enrp_addresses.is_empty();
        let checksum = self.handlespace.checksum_of_owner(self.id);
        let checksum = if self.config.rsplib_compatibility { checksum.rsplib_value() } else { checksum.value() };
        Presence {
            sender: self.id,
            receiver,
            reply_required: reply == Reply::Required,
            checksum: Some(checksum),
            server_information: has_addresses.then_some(ServerInformation { id: self.id, transport }),
        }
    }

    /// Asks whoever is at the other end of an association for his PRESENCE, by sending this registrar's.
    pub(super) fn introduce(&mut self, association: AssociationId, receiver: RegistrarId, step: &mut Step<'_>) {
        let message = EnrpMessage::Presence(self.presence(receiver, Reply::Required));
        self.send_enrp(association, &message, step);
    }

    /// Asks a peer whether it is alive.
    pub(super) fn ask_for_presence(&mut self, id: RegistrarId, step: &mut Step<'_>) {
        let message = EnrpMessage::Presence(self.presence(id, Reply::Required));
        self.send_to_peer(id, &message, step);
    }

    /// Every PEER-HEARTBEAT-CYCLE, to everybody.
    pub(super) fn on_heartbeat_due(&mut self, step: &mut Step<'_>) {
        self.enrp.heartbeat_at = step.now + self.config.peer_heartbeat_cycle;
        self.enrp.timers.set(Timer::Heartbeat, self.enrp.heartbeat_at);
        self.announce_presence(step);
    }

    /// The heartbeat blames nobody, so it does not wait until all that has arrived is read, as other timers do: a registrar with more to
    /// read than it can lives all the same.
    pub(in crate::registrar) fn say_alive_if_due(&mut self, step: &mut Step<'_>) {
        if step.now >= self.enrp.heartbeat_at && self.enrp.phase != Phase::Left {
            self.on_heartbeat_due(step);
        }
    }

    pub(in crate::registrar) fn announce_presence(&mut self, step: &mut Step<'_>) {
        let message = EnrpMessage::Presence(self.presence(RegistrarId(0), Reply::None));
        self.group_cast(&message, step);
        if !self.config.enrp_multicast {
            return;
        }
        // A registrar that starts asks everybody to say who is there.
        let reply = if self.enrp.phase == Phase::Starting { Reply::Required } else { Reply::None };
        let message = EnrpMessage::Presence(self.presence(RegistrarId(0), reply));
        if let Some(bytes) = self.encode_enrp(step.now, &message) {
            step.push(Action::Multicast { link: Link::Enrp, bytes });
        }
    }

    /// Asks one of the peers whom it knows: so two groups of registrars that grew apart become one as soon as one of each
    /// meet, and nobody has to be told of a new registrar by all.
    pub(super) fn on_gossip_due(&mut self, step: &mut Step<'_>) {
        self.enrp.timers.set(Timer::Gossip, step.now + gossip_interval(&self.config));
        let ids: Vec<_> = self.enrp.peers.ids(Peer::is_active).into_iter().collect();
        let chosen = self.random.below(ids.len() as u64) as usize;
        if let Some(&receiver) = ids.get(chosen) {
            self.ask_for_list(receiver, step);
        }
    }
}

/// Receiving.
impl Registrar {
    pub(super) fn on_presence(&mut self, association: AssociationId, message: Presence, step: &mut Step<'_>) {
        let id = message.sender;
        if !self.enrp.peers.contains(id) && !self.add_peer(id, association, step) {
            return;
        }
        self.update_peer(id, &message);
        self.peer_lives(step.now, id);
        if message.reply_required {
            let answer = EnrpMessage::Presence(self.presence(id, Reply::None));
            self.answer_enrp(association, id, &answer, step);
        }
        self.look_for_mentor(step);
        if let Some(checksum) = message.checksum {
            self.compare_checksum(id, checksum, step);
        }
    }

    /// A datagram on the ENRP group. Its sender can be forged: it is a hint, by which a registrar is asked or sought, but nothing is
    /// known. So nobody can keep a dead registrar from being taken over.
    pub(in crate::registrar) fn on_datagram(&mut self, from: SocketAddr, bytes: &[u8], step: &mut Step<'_>) {
        match EnrpMessage::decode(bytes) {
            Ok(Decoded { message: EnrpMessage::Presence(message), .. }) => {
                self.on_multicast_presence(from, &message, step);
            }
            Ok(Decoded { message, .. }) => log_limited!(
                self.logs.unexpected => from,
                step.now,
                Level::Debug,
                "registrar {}: {} from {from} by multicast: ignored",
                self.id,
                message.name()
            ),
            Err(undecodable) => {
                self.statistics.faults += 1;
                log_limited!(
                    self.logs.faults => from,
                    step.now,
                    Level::Warn,
                    "registrar {}: a datagram from {from} is discarded: {}",
                    self.id,
                    undecodable.error
                );
            }
        }
    }

    fn on_multicast_presence(&mut self, from: SocketAddr, message: &Presence, step: &mut Step<'_>) {
        let id = message.sender;
        let is_namesake = self.namesake(message).is_some();
        if id == RegistrarId(0) || (id == self.id && !is_namesake) {
            return;
        }
        let known = self.enrp.peers.get(id).map(|peer| (peer.is_connected(), peer.state()));
        if known == Some((true, PeerState::Active)) && !message.reply_required {
            return; // nothing new
        }
        if !self.enrp.datagrams.take(step.now) {
            self.statistics.rate_limited += 1;
            return;
        }
        match known {
            Some((true, _)) => {
                let reply = if message.reply_required { Reply::None } else { Reply::Required };
                let message = EnrpMessage::Presence(self.presence(id, reply));
                self.send_to_peer(id, &message, step);
            }
            Some((false, _)) => self.knock_now(step.now, id),
            None => {
                if let Some(address) = multicast_address(from, message.server_information.as_ref()) {
                    let remember = self.remember_hearsay();
                    // Its place is free as long as nobody there has shown who it is.
                    let expected = Some(id).filter(|_| !is_namesake);
                    self.add_contact(step.now, address, expected, remember);
                }
            }
        }
    }

    /// Any message of a peer shows that it lives.
    pub(super) fn heard(&mut self, now: Time, id: RegistrarId) {
        if self.enrp.peers.heard(now, id, self.config.peer_heartbeat_cycle) == Sign::Reassuring {
            self.enrp.timers.set(Timer::Peer(id), now + self.config.max_time_last_heard);
            self.defended(now, id);
        }
    }

    /// A registrar that somebody else wants to take over has answered.
    fn defended(&mut self, now: Time, id: RegistrarId) {
        if self.enrp.disputes.end(id) {
            log_limited!(
                self.enrp.logs.takeovers,
                now,
                Level::Warn,
                "registrar {}: {id:?} lives: it is not taken over",
                self.id
            );
        }
    }

    /// A PRESENCE of a peer ends every attempt to take it over (RFC 5353 section 3.5.1).
    fn peer_lives(&mut self, now: Time, id: RegistrarId) {
        if self.enrp.peers.revive(id) == Sign::Reassuring {
            self.enrp.timers.set(Timer::Peer(id), now + self.config.max_time_last_heard);
            self.stop_arbitration(now, id);
        }
    }
}

/// Noticing failures.
impl Registrar {
    pub(super) fn on_peer_timer_expired(&mut self, at: Time, id: RegistrarId, step: &mut Step<'_>) {
        let Some(peer) = self.enrp.peers.get(id) else { return };
        match peer.state() {
            PeerState::Active => {
                let (cycle, least) = (self.config.peer_heartbeat_cycle, self.config.max_time_last_heard);
                let silent_at = peer.last_heard() + peer.heartbeats().allow_silence(cycle, least);
                if silent_at > step.now {
                    self.enrp.timers.set(Timer::Peer(id), silent_at);
                } else {
                    self.suspect(id, step);
                }
            }
            // The answer may be waiting to be read.
            PeerState::Suspected if Lateness::of(step.now, at) == Lateness::Late => self.suspect(id, step),
            PeerState::Suspected => self.peer_is_dead(id, "it does not answer", step),
            // Nobody took it over, and nobody heard of it: the registrar that wanted to has failed, too.
            PeerState::NotActive => self.suspect(id, step),
            PeerState::Dead => {}
        }
    }

    /// Gives a peer MAX-TIME-NO-RESPONSE to prove that it lives, or more when this registrar has just been away.
    pub(super) fn suspect(&mut self, id: RegistrarId, step: &mut Step<'_>) {
        if self.enrp.peers.judge(id, PeerState::Suspected).is_none() {
            return;
        }
        self.enrp.timers.set(Timer::Peer(id), self.answer_due(step.now, id));
        self.ask_for_presence(id, step);
    }

    /// The last association with a peer broke.
    pub(super) fn on_link_lost(&mut self, id: RegistrarId, step: &mut Step<'_>) {
        let Some(peer) = self.enrp.peers.get(id) else { return };
        let (state, address) = (peer.state(), peer.address().cloned());
        let remember = self.remember_peer(step.now, peer);
        // A peer that is suspected already has been asked. It keeps the time that is left, as silence is what breaks associations, too.
        if state == PeerState::Active && self.enrp.phase != Phase::Leaving {
            self.suspect(id, step);
        }
        if !self.doubts_itself(step.now) {
            self.concede(id, step);
        }
        self.reconnect(step.now, id, address, remember);
    }

    /// A peer cannot be reached, so "the send fails".
    pub(super) fn on_peer_unreachable(&mut self, id: RegistrarId, reason: &LossReason, step: &mut Step<'_>) {
        let Some(peer) = self.enrp.peers.get(id) else { return };
        // That this host lacks something, or that the other end has no room, says nothing about whether that one lives. And where packets
        // get lost, a connect may take longer than this one had: the peer has the rest of its time.
        let is_certain = reason.says_unreachable() && *reason != LossReason::Timeout;
        if is_certain && !peer.is_connected() && self.may_be_dead(step.now, peer.state()) {
            self.peer_is_dead(id, &format!("it cannot be reached ({reason})"), step);
        }
    }

    /// A peer is dead: its elements need another home, if it had any.
    pub(super) fn peer_is_dead(&mut self, id: RegistrarId, why: &str, step: &mut Step<'_>) {
        if self.concede(id, step) {
            return self.look_for_mentor(step);
        }
        if self.enrp.phase == Phase::Ready && self.handlespace.count_of_owner(id) > 0 {
            self.start_arbitration(id, why, step);
        } else {
            self.remove_peer(id, why, step);
            self.look_for_mentor(step);
        }
    }
}

/// Time between two LIST_REQUESTs.
pub(super) fn gossip_interval(config: &RegistrarConfig) -> Duration {
    config.peer_heartbeat_cycle.max(SHORTEST_GOSSIP_INTERVAL)
}

/// The address of a registrar that sent a datagram. Of what it says only the port is used: whoever names other addresses beside his own
/// would have this registrar connect to them. What more of them there are, an association with it shows.
fn multicast_address(from: SocketAddr, information: Option<&ServerInformation>) -> Option<PeerAddress> {
    let named = address_of(information?)?;
    Some(PeerAddress::new(from.ip().to_canonical(), named.port))
}

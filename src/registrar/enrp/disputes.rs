//! Other registrars' takeovers of a registrar that lives, as far as is known here.
//!
//! RFC 5353 section 3.5.1 has everybody but the target agree. Then one registrar that cannot reach another one, or says so, takes
//! its elements. Here the target is asked first: its answer ends the matter as its PRESENCE does at any time; should it not
//! answer, or its last association break, the takeover is agreed to, late by a round trip or MAX-TIME-NO-RESPONSE.

use super::Registrar;
use super::arbitrations::MAX_ATTEMPTS;
use super::peers::PeerState;
use super::timers::Timer;
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::InitTakeoverAck;
use crate::registrar::Step;
use crate::{RegistrarId, Time};
use log::Level;
use std::collections::{BTreeMap, BTreeSet};

/// Who wants, or has taken, a registrar over that is being asked.
#[derive(Debug, Default)]
struct Dispute {
    /// Wait for an acknowledgement. All of them are peers.
    waiting: BTreeSet<RegistrarId>,
    /// Says that it has done so.
    taker: Option<RegistrarId>,
}

/// All of them, by the registrar that is to be taken over, which is a peer.
#[derive(Debug, Default)]
pub(super) struct Disputes(BTreeMap<RegistrarId, Dispute>);

impl Disputes {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The target has answered, or is no peer any more. Whether there was a dispute.
    pub fn end(&mut self, target: RegistrarId) -> bool {
        self.0.remove(&target).is_some()
    }
}

impl Registrar {
    /// Whether a registrar lives as far as is known here: there is an association with it, and nobody has found it dead. Whoever was
    /// away knows less: nobody who is still to answer seems dead to it.
    fn seems_to_live(&self, now: Time, id: RegistrarId) -> bool {
        self.enrp.peers.get(id).is_some_and(|peer| match peer.state() {
            PeerState::Active => peer.is_connected() || self.doubts_itself(now),
            PeerState::Suspected => self.doubts_itself(now),
            PeerState::Dead | PeerState::NotActive => false,
        })
    }

    /// A peer wants to take over a registrar that seems to live. True: it will have its acknowledgement when that does not answer.
    pub(super) fn defends(&mut self, target: RegistrarId, against: RegistrarId, step: &mut Step<'_>) -> bool {
        if !self.seems_to_live(step.now, target) {
            return false;
        }
        self.enrp.disputes.0.entry(target).or_default().waiting.insert(against);
        self.ask_target(target, step);
        true
    }

    /// A peer says that it has taken over a registrar that seems to live. True: that counts when that does not answer.
    pub(super) fn doubts_takeover(&mut self, target: RegistrarId, by: RegistrarId, step: &mut Step<'_>) -> bool {
        if !self.seems_to_live(step.now, target) {
            return false;
        }
        log_limited!(
            self.enrp.logs.takeovers,
            step.now,
            Level::Warn,
            "registrar {}: {by:?} takes over {target:?}, which seems to live: asking it",
            self.id
        );
        self.enrp.disputes.0.entry(target).or_default().taker = Some(by);
        self.ask_target(target, step);
        true
    }

    fn ask_target(&mut self, target: RegistrarId, step: &mut Step<'_>) {
        if self.enrp.peers.get(target).is_some_and(|peer| peer.state() == PeerState::Active) {
            self.suspect(target, step);
        }
    }

    /// The target does not answer. True: somebody else takes it over, or has.
    pub(super) fn concede(&mut self, target: RegistrarId, step: &mut Step<'_>) -> bool {
        let Some(Dispute { waiting, taker }) = self.enrp.disputes.0.remove(&target) else { return false };
        if let Some(by) = taker.filter(|&by| self.enrp.peers.contains(by)) {
            self.accept_takeover(target, by, step);
            return true;
        }
        let waiting: Vec<_> = waiting.into_iter().filter(|&id| self.enrp.peers.is_connected(id)).collect();
        for &sender in &waiting {
            self.agree_to_takeover(target, sender, step);
        }
        !waiting.is_empty()
    }

    /// Agrees that a peer takes over another registrar, which is not watched any more.
    pub(super) fn agree_to_takeover(&mut self, target: RegistrarId, by: RegistrarId, step: &mut Step<'_>) {
        self.leave_to_others(step.now, target);
        self.enrp.orphans.found(target);
        let message = EnrpMessage::InitTakeoverAck(InitTakeoverAck { sender: self.id, receiver: by, target });
        self.send_to_peer(by, &message, step);
    }

    /// A registrar that seems dead is not watched for some time. Should the one that deals with it die as well, somebody must try again.
    pub(super) fn leave_to_others(&mut self, now: Time, target: RegistrarId) {
        if self.enrp.peers.judge(target, PeerState::NotActive).is_some() {
            self.enrp.timers.set(Timer::Peer(target), now + self.config.takeover_expiry * (MAX_ATTEMPTS + 1));
        }
    }
}

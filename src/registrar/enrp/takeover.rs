//! Taking over a dead registrar (RFC 5353 section 3.5): arbitration, then its elements.
//!
//! The higher identifier wins (the lower one with `rsplib_compatibility`). Two registrars with different rules may both stand
//! back, or both go on. A registrar that stood back suspects the dead one anew after two expiries. Elements that two registrars
//! claim decide by themselves (see `updates.rs`). An arbitration that does not get all acknowledgements asks once more and then
//! goes on without them: a registrar that has not answered by then is dead, or will hear of the result.

use super::arbitrations::Expiry;
use super::peers::{Peer, PeerState};
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::{InitTakeover, InitTakeoverAck, TakeoverServer};
use crate::registrar::Step;
use crate::registrar::events::{About, EventKind};
use crate::registrar::lateness::Lateness;
use crate::{RegistrarId, Time};
use log::Level;

/// The initiating server.
impl Registrar {
    /// Wants to take over a registrar that seems dead.
    pub(super) fn start_arbitration(&mut self, target: RegistrarId, why: &str, step: &mut Step<'_>) {
        log_limited!(
            self.enrp.logs.takeovers,
            step.now,
            Level::Warn,
            "registrar {}: {target:?} seems dead ({why}): wants to take over its {} elements",
            self.id,
            self.handlespace.count_of_owner(target)
        );
        if self.enrp.peers.judge(target, PeerState::Dead).is_some() {
            self.enrp.timers.stop(Timer::Peer(target));
        }
        self.statistics.takeovers_started += 1;
        self.events.note(step.now, EventKind::TakeoverWanted, About::registrar(target), || why.to_owned().into());
        self.acknowledgement_not_expected(target, step);
        // Also those that are being connected with again: they are asked when the expiry comes (RFC 5353 section 3.5.1).
        let mut missing = self.enrp.peers.ids(Peer::is_active);
        missing.remove(&target);
        // To everybody, the target included: it may object.
        let message = InitTakeover { sender: self.id, receiver: RegistrarId(0), target };
        self.group_cast(&EnrpMessage::InitTakeover(message), step);
        self.enrp.arbitrations.begin(target, missing);
        self.enrp.timers.set(Timer::Arbitration(target), self.agreement_due(step.now));
        self.complete_if_won(target, step);
    }

    /// Until when those that are asked now may agree: each has the time that it has been seen to need.
    fn agreement_due(&self, now: Time) -> Time {
        let least = self.config.takeover_expiry;
        now + self.enrp.peers.iter().map(|(_, peer)| peer.heartbeats().allow_answer(least)).max().unwrap_or(least)
    }

    pub(super) fn on_init_takeover_ack(&mut self, message: &InitTakeoverAck, step: &mut Step<'_>) {
        self.enrp.arbitrations.settle(message.target, message.sender);
        self.complete_if_won(message.target, step);
    }

    /// A registrar is not on the peer list any more: nobody waits for it.
    pub(super) fn acknowledgement_not_expected(&mut self, id: RegistrarId, step: &mut Step<'_>) {
        for target in self.enrp.arbitrations.targets() {
            if self.enrp.arbitrations.settle(target, id) {
                self.complete_if_won(target, step);
            }
        }
    }

    fn complete_if_won(&mut self, target: RegistrarId, step: &mut Step<'_>) {
        if self.enrp.arbitrations.is_won(target) {
            self.complete_takeover(target, step);
        }
    }

    pub(super) fn on_arbitration_expired(&mut self, at: Time, target: RegistrarId, step: &mut Step<'_>) {
        match self.enrp.arbitrations.expire(target, Lateness::of(step.now, at)) {
            Expiry::Unknown => {}
            Expiry::Won => self.complete_takeover(target, step),
            Expiry::Refused(by) => self.accept_refusal(target, by, step),
            Expiry::AskAgain(missing) => {
                for receiver in missing {
                    let message = InitTakeover { sender: self.id, receiver, target };
                    self.send_to_peer(receiver, &EnrpMessage::InitTakeover(message), step);
                    // RFC 5353 has no message against a takeover. Whoever still lists the target knows that it lives.
                    self.ask_for_list(receiver, step);
                }
                self.enrp.timers.set(Timer::Arbitration(target), self.agreement_due(step.now));
            }
        }
    }

    /// A peer reaches the registrar that seems dead from here. Its elements stay with it; later it is asked anew.
    fn accept_refusal(&mut self, target: RegistrarId, by: RegistrarId, step: &mut Step<'_>) {
        self.statistics.takeovers_refused += 1;
        log_limited!(
            self.enrp.logs.takeovers,
            step.now,
            Level::Warn,
            "registrar {}: cannot reach {target:?}, but {by:?} says that it lives: it is not taken over",
            self.id
        );
        self.stop_arbitration(step.now, target);
        self.leave_to_others(step.now, target);
    }

    /// Ends this registrar's attempt.
    pub(super) fn stop_arbitration(&mut self, now: Time, target: RegistrarId) {
        if self.enrp.arbitrations.end(target) {
            self.enrp.timers.stop(Timer::Arbitration(target));
            self.events.note(now, EventKind::TakeoverGivenUp, About::registrar(target), || "".into());
            log_limited!(
                self.enrp.logs.takeovers,
                now,
                Level::Warn,
                "registrar {}: gives up taking over {target:?}",
                self.id
            );
        }
    }

    /// The arbitration is won (RFC 5353 section 3.5.2).
    fn complete_takeover(&mut self, target: RegistrarId, step: &mut Step<'_>) {
        self.enrp.arbitrations.end(target);
        self.enrp.timers.stop(Timer::Arbitration(target));
        // The target gets it as well: should it only be asleep, it knows when it wakes up.
        let message = TakeoverServer { sender: self.id, receiver: RegistrarId(0), target };
        self.group_cast(&EnrpMessage::TakeoverServer(message), step);
        log_limited!(
            self.enrp.logs.takeovers,
            step.now,
            Level::Warn,
            "registrar {}: takes over {target:?} with {} elements",
            self.id,
            self.handlespace.count_of_owner(target)
        );
        self.statistics.takeovers_completed += 1;
        let cause = || "by this registrar, and nobody objects".into();
        self.events.note(step.now, EventKind::TakenOver, About::registrar(target), cause);
        self.remove_peer(target, "it is dead and taken over", step);
        self.begin_inheritance(target, self.id, step);
    }
}

/// The others.
impl Registrar {
    pub(super) fn on_init_takeover(&mut self, message: &InitTakeover, step: &mut Step<'_>) {
        let (sender, target) = (message.sender, message.target);
        if target == self.id {
            log_limited!(
                self.enrp.logs.takeovers,
                step.now,
                Level::Warn,
                "registrar {}: {sender:?} takes this registrar for dead: objects",
                self.id
            );
            return self.announce_presence(step);
        }
        if self.enrp.arbitrations.is_under_way(target) {
            if !self.gives_way_to(sender) {
                return;
            }
            self.stop_arbitration(step.now, target);
        } else if self.defends(target, sender, step) {
            return;
        }
        self.agree_to_takeover(target, sender, step);
    }

    fn gives_way_to(&self, other: RegistrarId) -> bool {
        if self.config.rsplib_compatibility { other < self.id } else { other > self.id }
    }

    pub(super) fn on_takeover_server(&mut self, message: &TakeoverServer, step: &mut Step<'_>) {
        let TakeoverServer { sender, target, .. } = *message;
        if target == sender || (target != self.id && self.doubts_takeover(target, sender, step)) {
            return;
        }
        self.accept_takeover(target, sender, step);
    }

    /// A peer has taken over another registrar, or this one.
    pub(super) fn accept_takeover(&mut self, target: RegistrarId, by: RegistrarId, step: &mut Step<'_>) {
        log_limited!(
            self.enrp.logs.takeovers,
            step.now,
            Level::Warn,
            "registrar {}: {by:?} takes over {target:?} with {} elements",
            self.id,
            self.handlespace.count_of_owner(target)
        );
        self.events.note(step.now, EventKind::TakenOver, About::registrar(target), || format!("by {by}").into());
        if target == self.id {
            return self.on_own_takeover(by, step);
        }
        self.stop_arbitration(step.now, target);
        self.remove_peer(target, "another registrar took it over", step);
        self.begin_inheritance(target, by, step);
    }

    /// This registrar has been taken for dead, but lives. Elements that are registered with it stay until they
    /// register with the other one; what it was only about to claim goes.
    fn on_own_takeover(&mut self, by: RegistrarId, step: &mut Step<'_>) {
        let elements: Vec<_> = self.handlespace.elements_of_owner(self.id).collect();
        for index in elements {
            let Some(element) = self.handlespace.element(index) else { continue };
            if !element.is_registered() {
                self.change_owner(step.now, index, by);
                self.let_go(index);
            }
        }
        if self.enrp.phase != Phase::Left {
            self.announce_presence(step);
        }
    }

    /// Peers that elements can be handed to.
    pub(super) fn living_peers(&self) -> Vec<RegistrarId> {
        let lives = |peer: &Peer| peer.state() == PeerState::Active && peer.is_connected();
        self.enrp.peers.ids(lives).into_iter().collect()
    }

    /// Whether a peer is not known to be dead.
    pub(in crate::registrar) fn is_active_peer(&self, id: RegistrarId) -> bool {
        self.enrp.peers.get(id).is_some_and(Peer::is_active)
    }
}

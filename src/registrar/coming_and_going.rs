//! Associations come up, are lost, and are aborted, with everything that hangs on them.

use super::associations::Association;
use super::events::{About, EventKind};
use super::removal::{Abort, Removal};
use super::sources::Overdone;
use super::{Action, ConnectAttempt, Link, Registrar, Step};
use crate::association::{LossReason, Peer, TransportKind};
use crate::log_limit::log_limited;
use crate::{AssociationId, RegistrarId, Time};
use log::Level;
use std::time::Duration;

/// Silence after which a TCP connection makes room for another association: its user has had time to ask.
const MIN_SILENCE: Duration = Duration::from_secs(1);
/// TCP connections that are looked at to find a silent one. Each look puts off the next at the same one, so it goes on next time.
const MAX_LOOKS: usize = 256;

/// What a connect of this registrar came to.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectedTo {
    Association(AssociationId),
    /// There was no room for it.
    Nothing,
}

impl Registrar {
    pub(super) fn on_association_up(
        &mut self,
        link: Link,
        id: AssociationId,
        attempt: Option<ConnectAttempt>,
        peer: Peer,
        step: &mut Step<'_>,
    ) {
        let tcp = peer.kind == TransportKind::Tcp;
        if let Err(reason) = self.admit(link, &peer, step) {
            log_limited!(
                self.logs.associations => peer.address,
                step.now,
                Level::Warn,
                "registrar {}: {} associations are there already: the one of {} is aborted: {reason}",
                self.id,
                self.associations.len(),
                peer.address
            );
            let cause = || format!("the association of {} is aborted: {reason}", peer.address).into();
            self.events.note(step.now, EventKind::AssociationRefused, About::NOTHING, cause);
            self.statistics.rate_limited += 1;
            step.push(Action::Abort { association: id, reason });
            match (link, attempt) {
                (Link::Asap, Some(attempt)) => {
                    self.on_own_asap_association_up(attempt, ConnectedTo::Nothing, step);
                }
                (Link::Enrp, Some(attempt)) => {
                    self.on_connect_failed(attempt, &LossReason::Timeout, step);
                }
                (_, None) => {}
            }
            return;
        }
        self.associations.insert(id, Association::new(link, peer, &self.config, step.now));
        if tcp {
            self.associations.look_again(step.now + self.config.tcp_idle_timeout, id);
        }
        match (link, attempt) {
            (Link::Enrp, _) => self.on_enrp_association_up(id, attempt, step),
            (Link::Asap, Some(attempt)) => {
                self.on_own_asap_association_up(attempt, ConnectedTo::Association(id), step);
            }
            (Link::Asap, None) => {}
        }
    }

    /// Whether an association is taken. If so, it counts for its source.
    fn admit(&mut self, link: Link, peer: &Peer, step: &mut Step<'_>) -> Result<(), &'static str> {
        self.sources.join(step.now, peer).map_err(Overdone::text)?;
        let is_room = match link {
            Link::Asap => self.makes_room_for(peer.kind, step),
            Link::Enrp => self.takes_enrp_association(step),
        };
        if is_room {
            return Ok(());
        }
        self.sources.leave(step.now, &peer.address);
        Err("too many associations")
    }

    /// Takes out an association that is gone.
    fn take_out(&mut self, now: Time, id: AssociationId) -> Option<Association> {
        let association = self.associations.remove(id)?;
        self.sources.leave(now, association.address());
        Some(association)
    }

    pub(super) fn on_association_lost(&mut self, id: AssociationId, reason: &LossReason, step: &mut Step<'_>) {
        let Some(association) = self.take_out(step.now, id) else { return };
        match association.link() {
            Link::Asap => self.forget_association(id, Removal::AssociationLost(association.address(), reason), step),
            Link::Enrp => self.on_enrp_association_lost(id, step),
        }
    }

    /// Aborts an association, with everything that hangs on it.
    pub(super) fn abort(&mut self, id: AssociationId, why: Abort, step: &mut Step<'_>) {
        let Some(association) = self.take_out(step.now, id) else { return };
        let reason = why.text();
        log_limited!(
            self.logs.associations => *association.address(),
            step.now,
            why.level(),
            "registrar {}: association with {} is aborted: {reason}",
            self.id,
            association.address()
        );
        step.push(Action::Abort { association: id, reason });
        match association.link() {
            Link::Asap => self.forget_association(id, Removal::AssociationAborted(association.address(), reason), step),
            Link::Enrp => self.on_enrp_association_lost(id, step),
        }
    }

    /// Removes the subscriptions of an association that is gone, and the elements that this registrar is home of. Those that
    /// have, or are to get, another home go on without.
    fn forget_association(&mut self, id: AssociationId, removal: Removal<'_>, step: &mut Step<'_>) {
        self.subscriptions.remove_association(id);
        self.departed.forget(id);
        let moves_to = self.moves_to(id, removal, step.now);
        while let Some(element) = self.handlespace.first_of_association(id) {
            let own = self.handlespace.element(element).is_some_and(|e| e.home_registrar() == self.id);
            if let Some(peer) = moves_to.filter(|_| own) {
                self.change_owner(step.now, element, peer);
                self.let_go(element);
            } else if own && !self.is_leaving() {
                self.statistics.removed_by_loss += 1;
                self.remove_element(element, removal, step);
            } else {
                self.let_go(element);
            }
        }
    }
}

/// Elements that a peer was asked to try.
impl Registrar {
    /// A process that closes its association in order, after a peer was asked to try it, has that peer as its home, which is about to
    /// say so. Should it not, the audit of the peer's elements finds out.
    fn moves_to(&self, id: AssociationId, removal: Removal<'_>, now: Time) -> Option<RegistrarId> {
        let in_order = matches!(removal, Removal::AssociationLost(_, LossReason::Closed));
        let peer = self.second_opinions.of(now, id).filter(|_| in_order)?;
        self.is_active_peer(peer).then_some(peer)
    }
}

/// TCP connections on which nothing comes; see `silence.rs`.
impl Registrar {
    /// Whether there is room for one more association with a pool element or user. Where there is none, the TCP connection that has
    /// been silent for longest makes room: who holds connections and says nothing keeps nobody out.
    fn makes_room_for(&mut self, kind: TransportKind, step: &mut Step<'_>) -> bool {
        if self.associations.has_room_for(kind, &self.config) {
            return true;
        }
        let Some(id) = self.longest_silent(step.now) else { return false };
        log_limited!(
            self.logs.room,
            step.now,
            Level::Warn,
            "registrar {}: {} associations are there already: TCP connections that are silent are ended for others",
            self.id,
            self.associations.len()
        );
        self.statistics.silent_ended += 1;
        self.abort(id, Abort::Crowded, step);
        self.associations.has_room_for(kind, &self.config)
    }

    /// The TCP connection that has been silent for longest, and for long enough to be called silent.
    fn longest_silent(&mut self, now: Time) -> Option<AssociationId> {
        for _ in 0..MAX_LOOKS {
            let at = self.associations.next_look()?;
            let id = self.associations.take_silent(at)?;
            let stays = self.stays_until(now, id)?;
            self.associations.look_again(stays, id);
            // Messages do not move the entry. Where it is right, it is the first.
            if stays <= at {
                return (stays + MIN_SILENCE <= now + self.config.tcp_idle_timeout).then_some(id);
            }
        }
        None
    }

    /// Aborts the TCP connections that have been silent for too long.
    pub(super) fn end_silence(&mut self, step: &mut Step<'_>) {
        while let Some(id) = self.associations.take_silent(step.now) {
            match self.stays_until(step.now, id) {
                Some(next) if next > step.now => self.associations.look_again(next, id),
                _ => {
                    self.statistics.silent_ended += 1;
                    self.abort(id, Abort::Silent, step);
                }
            }
        }
    }

    /// How long the connection may go on without a message.
    fn stays_until(&self, now: Time, id: AssociationId) -> Option<Time> {
        let timeout = self.config.tcp_idle_timeout;
        let since = if self.subscriptions.has_any(id) { now } else { self.associations.get(id)?.last_heard() };
        Some(since + timeout)
    }
}

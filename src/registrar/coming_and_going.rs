//! Associations come up, are lost, and are aborted, with everything that hangs on them.

use super::associations::Association;
use super::removal::{Abort, Removal};
use super::{Action, ConnectAttempt, Link, Registrar, Step};
use crate::association::{LossReason, Peer, TransportKind};
use crate::log_limit::log_limited;
use crate::{AssociationId, Time};
use log::Level;

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
        let is_room = match link {
            Link::Asap => self.associations.has_room_for(peer.kind, &self.config),
            Link::Enrp => self.takes_enrp_association(step),
        };
        if !is_room {
            log_limited!(
                self.logs.associations,
                step.now,
                Level::Warn,
                "registrar {}: {} associations are there already: the one of {} is aborted",
                self.id,
                self.associations.len(),
                peer.address
            );
            self.statistics.rate_limited += 1;
            step.push(Action::Abort { association: id, reason: "too many associations" });
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

    pub(super) fn on_association_lost(&mut self, id: AssociationId, reason: &LossReason, step: &mut Step<'_>) {
        let Some(association) = self.associations.remove(id) else { return };
        match association.link() {
            Link::Asap => self.forget_association(id, Removal::AssociationLost(association.address(), reason), step),
            Link::Enrp => self.on_enrp_association_lost(id, step),
        }
    }

    /// Aborts an association, with everything that hangs on it.
    pub(super) fn abort(&mut self, id: AssociationId, why: Abort, step: &mut Step<'_>) {
        let Some(association) = self.associations.remove(id) else { return };
        let reason = why.text();
        log_limited!(
            self.logs.associations,
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
        while let Some(element) = self.handlespace.first_of_association(id) {
            let own = self.handlespace.element(element).is_some_and(|e| e.home_registrar() == self.id);
            if own && !self.is_leaving() {
                self.statistics.removed_by_loss += 1;
                self.remove_element(element, removal, step);
            } else {
                self.let_go(element);
            }
        }
    }
}

/// TCP connections on which nothing comes; see `silence.rs`.
impl Registrar {
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

//! What the transport of an endpoint reports, taken to the sessions.

use super::endpoint_state::{EndpointState, EndpointUser, Route, SessionActions};
use super::lingering::Lingering;
use crate::association::{LossReason, Peer, Undelivered};
use crate::collections::{AssociationMap, Deadlines};
use crate::transport::{DetachedReceiver, TransportEvent};
use crate::wire::PPID_ASAP;
use crate::{AssociationId, Time};
use std::sync::Arc;

/// What an event of the transport leaves to do when the transport can be called again.
enum Deferred {
    Session { user: Arc<dyn EndpointUser>, actions: SessionActions },
    Abort { association: AssociationId, reason: &'static str },
    GiveUp { association: AssociationId, reason: &'static str },
}

impl EndpointState {
    /// Receives what arrived, or takes what `receiver` brought. Returns whether more is waiting.
    pub(super) fn receive(&mut self, now: Time, receiver: Option<Box<dyn DetachedReceiver>>) -> bool {
        let EndpointState { transport, routes, closing, listener, .. } = self;
        let mut dispatch = Dispatch { now, routes, closing, listener: listener.as_ref(), deferred: Vec::new() };
        let sink = &mut |event: TransportEvent<'_>| dispatch.event(event);
        let more = match (receiver, transport.detachable()) {
            (Some(receiver), Some(detachable)) => detachable.attach(now, receiver, sink),
            _ => transport.poll(now, sink),
        };
        for work in dispatch.deferred {
            match work {
                Deferred::Session { user, actions } => user.perform(self, now, actions),
                Deferred::Abort { association, reason } => self.abort(now, association, reason),
                Deferred::GiveUp { association, reason } => self.transport.give_up(now, association, reason),
            }
        }
        more
    }
}

/// Takes events of the transport to their sessions. Data goes straight into the inbox; what needs the transport again waits
/// in `deferred`.
struct Dispatch<'a> {
    now: Time,
    routes: &'a mut AssociationMap<Route>,
    closing: &'a mut Deadlines,
    listener: Option<&'a Arc<dyn EndpointUser>>,
    deferred: Vec<Deferred>,
}

impl Dispatch<'_> {
    fn event(&mut self, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Message { association, stream, ppid, payload } => {
                self.message(association, stream, ppid, payload);
            }
            TransportEvent::Up { association, peer } => self.up(association, &peer),
            TransportEvent::ConnectFailed { association, reason } => self.connect_failed(association, reason),
            TransportEvent::Writable { association } => {
                if let Some(Route::Session { user, .. }) = self.routes.get(&association) {
                    let actions = user.writable(self.now, association);
                    let user = Arc::clone(user);
                    self.defer(user, actions);
                }
            }
            TransportEvent::Lost { association, reason, undelivered } => self.lost(association, reason, undelivered),
        }
    }

    fn defer(&mut self, user: Arc<dyn EndpointUser>, actions: SessionActions) {
        if !actions.is_empty() || user.has_resends() {
            self.deferred.push(Deferred::Session { user, actions });
        }
    }

    fn message(&mut self, association: AssociationId, stream: u16, ppid: u32, payload: &[u8]) {
        let (user, session) = match self.routes.get(&association) {
            Some(Route::Session { user, session } | Route::Draining { user, session, .. }) => (user, session),
            _ => return,
        };
        match user.receive(self.now, *session, association, stream, ppid, payload) {
            Ok(actions) if actions.is_empty() => {}
            Ok(actions) => {
                let user = Arc::clone(user);
                self.defer(user, actions);
            }
            Err(reason) => {
                let (user, session) = (Arc::clone(user), *session);
                user.stop_waiting_for(association);
                if let Some(Route::Draining { lingering, .. }) =
                    self.routes.insert(association, Route::Unread { user, session, reason })
                {
                    self.closing.set(association.as_u64(), Some(lingering.until), None);
                }
                self.deferred.push(Deferred::GiveUp { association, reason });
            }
        }
    }

    fn up(&mut self, association: AssociationId, peer: &Peer) {
        match self.routes.remove(&association) {
            Some(Route::Connecting { user, attempt }) => {
                let (session, actions) = user.connected(self.now, attempt, association, &peer.address);
                // Who was too late may speak before it hears that it is not wanted: that is for nobody.
                if let Some(session) = session {
                    self.routes.insert(association, Route::Session { user: Arc::clone(&user), session });
                }
                self.defer(user, actions);
            }
            Some(other) => drop(self.routes.insert(association, other)),
            None => self.accept(association, peer),
        }
    }

    fn accept(&mut self, association: AssociationId, peer: &Peer) {
        let accepted = match self.listener {
            Some(listener) => Arc::clone(listener).accept(association, &peer.address),
            None => Err("nobody listens here"),
        };
        match accepted {
            Ok((user, session, actions)) => {
                self.routes.insert(association, Route::Session { user: Arc::clone(&user), session });
                self.defer(user, actions);
            }
            Err(reason) => {
                log::debug!("session of {} refused: {reason}", peer.address);
                self.deferred.push(Deferred::Abort { association, reason });
            }
        }
    }

    fn connect_failed(&mut self, association: AssociationId, reason: LossReason) {
        match self.routes.remove(&association) {
            Some(Route::Connecting { user, attempt }) => {
                log::info!("connect to a pool element failed ({reason}): the next one is tried");
                let actions = user.connect_failed(self.now, attempt, reason);
                self.defer(user, actions);
            }
            Some(other) => drop(self.routes.insert(association, other)),
            None => {}
        }
    }

    fn lost(&mut self, association: AssociationId, reason: LossReason, undelivered: Vec<Undelivered>) {
        match self.routes.remove(&association) {
            Some(Route::Session { user, session }) => {
                let actions = user.lost(self.now, session, association, reason, undelivered);
                self.defer(user, actions);
            }
            Some(Route::Unread { user, session, reason }) => {
                let reason = LossReason::ProtocolViolation(reason.into());
                let actions = user.lost(self.now, session, association, reason, undelivered);
                self.defer(user, actions);
            }
            Some(Route::Draining { user, session, lingering }) => {
                self.closing.set(association.as_u64(), Some(lingering.until), None);
                let actions = user.lost(self.now, session, association, reason, undelivered);
                self.defer(user, actions);
            }
            Some(Route::Closing(Lingering { until, .. })) => {
                self.closing.set(association.as_u64(), Some(until), None);
                log_cut_off(association, &reason, &undelivered);
            }
            _ => {}
        }
    }
}

/// A session that its program had closed has ended: nobody else hears of what was not delivered.
fn log_cut_off(association: AssociationId, reason: &LossReason, undelivered: &[Undelivered]) {
    let messages = undelivered.iter().filter(|message| message.ppid != PPID_ASAP).count();
    if messages > 0 {
        log::warn!(
            "{association}: the session was closed, and has ended ({reason}) before {messages} messages were delivered"
        );
    }
}

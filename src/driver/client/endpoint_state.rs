//! What the lock of an endpoint protects: its transport, and whose associations are on it.

use super::io_handle::IoHandle;
use super::lingering::Lingering;
use crate::association::{LossReason, PeerAddress, Undelivered};
use crate::collections::{AssociationMap, Deadlines, SortedMap};
use crate::session::Attempt;
use crate::transport::{
    DetachedReceiver, Detachment, OutboundMessage, Punctuality, SctpParameters, Transport, TransportError,
};
use crate::wire::PPID_ASAP;
use crate::{AssociationId, SessionId, Time};
use std::sync::Arc;
use std::time::Duration;

/// What a user wants done to its endpoint after an event.
pub type SessionActions = Vec<crate::session::Action>;

/// A user of an endpoint: an RSerPool socket with sessions on it. The endpoint calls it with its own lock held; what follows is done
/// by [`EndpointUser::perform`] when the transport can be called again.
pub(super) trait EndpointUser: Send + Sync {
    /// Unique in the process.
    fn id(&self) -> u64;
    /// All of its sessions are read by the same threads.
    fn reads_all_sessions(&self) -> bool;
    /// A peer made an association with this listening socket: the user and session that it belongs to from now on, and what is to
    /// be done for it; or why it is refused.
    fn accept(
        self: Arc<Self>,
        association: AssociationId,
        peer: &PeerAddress,
    ) -> Result<(Arc<dyn EndpointUser>, SessionId, SessionActions), &'static str>;
    /// A connect of its own succeeded: the session that it is from now on. None: it is not wanted any more, and to be ended.
    fn connected(
        &self,
        now: Time,
        attempt: Attempt,
        association: AssociationId,
        peer: &PeerAddress,
    ) -> (Option<SessionId>, SessionActions);
    /// A connect of its own failed.
    fn connect_failed(&self, now: Time, attempt: Attempt, reason: LossReason) -> SessionActions;
    /// A message came. `Err`: why the association must go.
    fn receive(
        &self,
        now: Time,
        session: SessionId,
        association: AssociationId,
        stream: u16,
        ppid: u32,
        payload: &[u8],
    ) -> Result<SessionActions, &'static str>;
    /// An association takes messages again.
    fn writable(&self, now: Time, association: AssociationId) -> SessionActions;

    /// Nobody is to wait for room in this association any more: it is left.
    fn stop_waiting_for(&self, association: AssociationId);
    /// An association is gone.
    fn lost(
        &self,
        now: Time,
        session: SessionId,
        association: AssociationId,
        reason: LossReason,
        undelivered: Vec<Undelivered>,
    ) -> SessionActions;
    /// Its timer has come.
    fn timeout(&self, now: Time) -> SessionActions;
    /// Messages wait that other elements are to take.
    fn has_resends(&self) -> bool;
    /// Does what a session wants done, and what follows from that.
    fn perform(self: Arc<Self>, endpoint: &mut EndpointState, now: Time, actions: SessionActions);
}

/// Whose endpoint it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// One socket's, and those that it accepts: it goes with them.
    OneSocket,
    /// That of all pool users that are not bound: it stays.
    AllPoolUsers,
}

/// What the lock of an endpoint protects.
pub struct EndpointState {
    io: Arc<IoHandle>,
    ownership: Ownership,
    pub(super) transport: Box<dyn Transport>,
    parameters: SctpParameters,
    pub(super) routes: AssociationMap<Route>,
    pub(super) listener: Option<Arc<dyn EndpointUser>>,
    /// The socket that it was made for is closed: it goes with its last association.
    retired: bool,
    /// Session timers, by the numbers of their users.
    timers: Deadlines,
    /// Users whose timers run.
    timed_users: SortedMap<u64, Arc<dyn EndpointUser>>,
    /// Associations being closed, by the time when they are aborted.
    pub(super) closing: Deadlines,
    punctuality: Punctuality,
}

/// Whose association it is.
pub(super) enum Route {
    Connecting {
        user: Arc<dyn EndpointUser>,
        attempt: Attempt,
    },
    Session {
        user: Arc<dyn EndpointUser>,
        session: SessionId,
    },
    /// It was one, and is given up as its messages are not read: what is left of it is to come back.
    Unread {
        user: Arc<dyn EndpointUser>,
        session: SessionId,
        reason: &'static str,
    },
    Closing(Lingering),
    /// It was one, and this side sends no more; what the peer still sends is read.
    Draining {
        user: Arc<dyn EndpointUser>,
        session: SessionId,
        lingering: Lingering,
    },
}

impl Route {
    /// The time that it has for closing.
    fn lingering(&mut self) -> Option<&mut Lingering> {
        match self {
            Route::Closing(lingering) | Route::Draining { lingering, .. } => Some(lingering),
            Route::Connecting { .. } | Route::Session { .. } | Route::Unread { .. } => None,
        }
    }
}

impl EndpointState {
    pub(super) fn new(
        transport: Box<dyn Transport>,
        parameters: SctpParameters,
        ownership: Ownership,
        io: Arc<IoHandle>,
    ) -> EndpointState {
        EndpointState {
            io,
            ownership,
            transport,
            parameters,
            routes: AssociationMap::default(),
            listener: None,
            retired: false,
            timers: Deadlines::default(),
            timed_users: SortedMap::new(),
            closing: Deadlines::default(),
            punctuality: Punctuality::default(),
        }
    }

    /// Where requests to registrars go.
    pub(super) fn io(&self) -> &IoHandle {
        &self.io
    }

    /// What receives, for a thread that took over to wait in.
    pub(super) fn detach_receiver(&mut self) -> Option<Box<dyn DetachedReceiver>> {
        self.transport.detachable()?.detach(Detachment::Brief)
    }

    /// The SCTP parameters of the endpoint.
    pub(super) fn parameters(&self) -> SctpParameters {
        self.parameters
    }

    /// Forgets its users and all associations, and returns what it knew them by, to be dropped without the lock.
    pub(super) fn take_users(&mut self) -> impl Sized + use<> {
        self.timers = Deadlines::default();
        (std::mem::take(&mut self.routes), std::mem::take(&mut self.timed_users), self.listener.take())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.listener.is_none() && self.routes.is_empty()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.retired && self.is_idle()
    }

    /// Whatever arrives is for one socket.
    pub(super) fn has_one_reader(&self) -> bool {
        match &self.listener {
            Some(listener) => listener.reads_all_sessions(),
            None => self.routes.len() <= 1,
        }
    }

    /// The socket that the endpoint was made for is closed.
    pub fn retire(&mut self) {
        self.retired = self.ownership == Ownership::OneSocket;
    }

    pub(super) fn next_deadline(&self) -> Time {
        if self.is_finished() {
            // The I/O thread takes it away.
            return Time::ZERO;
        }
        let timer = self.punctuality.next_deadline(self.next_timer());
        [self.transport.next_deadline(), timer].into_iter().flatten().min().unwrap_or(Time::MAX)
    }

    fn next_timer(&self) -> Option<Time> {
        [self.timers.first(), self.closing.first()].into_iter().flatten().min()
    }

    /// From now on `user` gets the associations that peers make.
    pub(super) fn listen(&mut self, user: Arc<dyn EndpointUser>) {
        self.listener = Some(user);
    }

    /// This user listens no longer.
    pub(super) fn stop_listening(&mut self, id: u64) {
        if self.listener.as_ref().is_some_and(|listener| listener.id() == id) {
            self.listener = None;
        }
    }

    /// Sends on an association.
    pub fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        self.transport.send(now, association, message)
    }

    /// Sends a control message in all sessions; those that have no room for it are left out.
    pub fn send_to_sessions(&mut self, now: Time, bytes: &[u8]) {
        for (association, route) in &self.routes {
            if !matches!(route, Route::Session { .. }) {
                continue;
            }
            if let Err(error) = self.transport.send(now, *association, OutboundMessage::control(PPID_ASAP, bytes)) {
                log::info!("control message on {association:?} not sent: {error}");
            }
        }
    }

    /// Sets the SCTP parameters of the endpoint.
    pub fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.parameters = *parameters;
        self.transport.set_parameters(parameters);
    }

    /// Starts a connect for a session.
    pub(super) fn connect(
        &mut self,
        now: Time,
        user: Arc<dyn EndpointUser>,
        attempt: Attempt,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<(), TransportError> {
        let association = self.transport.connect(now, peer, timeout)?;
        self.routes.insert(association, Route::Connecting { user, attempt });
        Ok(())
    }

    /// Gives a connect up.
    pub fn cancel_connect(&mut self, now: Time, id: u64, wanted: Attempt) {
        let found = self.routes.iter().find_map(|(association, route)| match route {
            Route::Connecting { user, attempt } if user.id() == id && *attempt == wanted => Some(*association),
            _ => None,
        });
        if let Some(association) = found {
            self.abort(now, association, "connect given up");
        }
    }

    /// Has an association look at once whether its peer is there.
    pub fn probe(&mut self, now: Time, association: AssociationId) {
        self.transport.probe(now, association);
    }

    /// The same for all associations of sessions: this host has lost addresses.
    pub(super) fn probe_all(&mut self, now: Time) {
        for association in self.routes.keys() {
            self.transport.probe(now, *association);
        }
    }

    /// Aborts an association.
    pub fn abort(&mut self, now: Time, association: AssociationId, reason: &str) {
        match self.routes.remove(&association) {
            Some(
                Route::Closing(Lingering { until, .. }) | Route::Draining { lingering: Lingering { until, .. }, .. },
            ) => {
                self.closing.set(association.as_u64(), Some(until), None);
            }
            // `Writable` and `Lost` never come for it now.
            Some(Route::Session { user, .. }) => user.stop_waiting_for(association),
            _ => {}
        }
        self.transport.abort(now, association, reason);
    }

    /// Aborts the association of a session, which gets back what its peer never acknowledged as part of its `Lost`. False: there is
    /// no such association any more.
    pub fn give_up(&mut self, now: Time, association: AssociationId, reason: &str) -> bool {
        let user = match self.routes.get(&association) {
            Some(Route::Session { user, .. }) => user,
            // It is given up already, as nobody reads: its `Lost` is under way, with what the peer never acknowledged.
            Some(Route::Unread { .. }) => return true,
            _ => return false,
        };
        // No `Writable` comes for it now.
        user.stop_waiting_for(association);
        self.transport.give_up(now, association, reason);
        true
    }

    /// Closes an association in order; what is queued is still delivered, for a bounded time. Nobody hears of it again.
    pub fn shutdown(&mut self, now: Time, association: AssociationId) {
        self.close(now, association, |_, _, lingering| Route::Closing(lingering));
    }

    /// The same, but what the peer sends until it has closed, too, is still for the session, and so is the news of its end.
    pub fn drain(&mut self, now: Time, association: AssociationId) {
        self.close(now, association, |user, session, lingering| Route::Draining { user, session, lingering });
    }

    fn close(
        &mut self,
        now: Time,
        association: AssociationId,
        route: impl FnOnce(Arc<dyn EndpointUser>, SessionId, Lingering) -> Route,
    ) {
        let Some(Route::Session { user, session }) = self.routes.get(&association) else { return };
        let (user, session) = (Arc::clone(user), *session);
        // Nobody sends on it any more, and its `Writable` would not be passed on.
        user.stop_waiting_for(association);
        let lingering = Lingering::begin(now);
        self.routes.insert(association, route(user, session, lingering));
        self.closing.set(association.as_u64(), None, Some(lingering.until));
        self.transport.shutdown(now, association);
    }

    /// Moves the timer of a user.
    pub(super) fn set_timer(&mut self, user: Arc<dyn EndpointUser>, old: Option<Time>, new: Option<Time>) {
        let id = user.id();
        self.timers.set(id, old, new);
        match new {
            Some(_) => self.timed_users.insert(id, user),
            None => self.timed_users.remove(&id),
        };
    }

    /// Runs the timers that are due, unless a round of receiving has left `more` that they may wait for.
    pub(super) fn run_timers_unless(&mut self, now: Time, more: bool) {
        let due = self.next_timer();
        if self.punctuality.lets_timers_run(now, due, more) {
            self.run_timers(now);
        }
    }

    /// Its time is over: it is cut off. What its peer never acknowledged comes with its `Lost`.
    fn stop_closing(&mut self, now: Time, association: AssociationId, lingering: Lingering) {
        self.closing.set(association.as_u64(), Some(lingering.until), None);
        self.transport.give_up(now, association, "closed");
    }

    fn run_timers(&mut self, now: Time) {
        while let Some(id) = self.timers.due(now) {
            self.timers.pop();
            let Some(user) = self.timed_users.remove(&id) else { continue };
            let actions = user.timeout(now);
            user.perform(self, now, actions);
        }
        while let Some(number) = self.closing.due(now) {
            let association = AssociationId::from_u64(number);
            let Some(lingering) = self.routes.get_mut(&association).and_then(Route::lingering) else {
                self.closing.pop();
                continue;
            };
            let old = *lingering;
            match old.renewed(now) {
                Some(new) => {
                    *lingering = new;
                    self.closing.set(number, Some(old.until), Some(new.until));
                }
                None => self.stop_closing(now, association, old),
            }
        }
    }
}

//! What happens to a socket from below, and what its sessions want done there.

use super::pool::next_session;
use super::{EndpointState, ONLY_SESSION, Role, SessionActions, Socket, SocketState};
use crate::association::{LossReason, PeerAddress, Undelivered};
use crate::driver::client::commands::{Reply, SocketName};
use crate::driver::client::endpoint_state::EndpointUser;
use crate::session::{
    Action, Attempt, DeliveryFailure, Event, Item, ItemKind, Notification, PoolSender, ResolveFailure, ServerEvent,
    ServerSession, SessionChange,
};
use crate::transport::{OutboundMessage, TransportError};
use crate::wire::PPID_ASAP;
use crate::{AssociationId, SessionId, Time};
use std::sync::Arc;

/// Why a message costs its sender the association.
const TOO_MUCH_UNREAD: &str = "receive queue full: the application does not read";

impl Socket {
    /// Hands an event to the pool user's session or to the sender to pools, whichever this socket has. The caller holds the
    /// endpoint's lock and does the actions with [`Socket::perform`].
    pub fn feed(&self, now: Time, event: Event<'_>) -> SessionActions {
        let mut state = self.state.lock();
        let actions = self.feed_locked(&mut state, now, event);
        state.update();
        actions
    }

    /// What concerns the socket itself is done here, the rest is returned.
    pub(super) fn feed_locked(&self, state: &mut SocketState, now: Time, event: Event<'_>) -> SessionActions {
        let mut actions = Vec::new();
        match (&mut state.role, &mut state.sender) {
            (Role::PoolUser(session), _) => session.handle(now, event, &mut actions),
            (Role::OneToMany { .. }, Some(sender)) => {
                state.refused = false;
                feed_sender(sender, now, event, &mut actions);
            }
            _ => return actions,
        }
        self.absorb(state, &mut actions);
        actions
    }

    /// Does the actions that concern the socket itself.
    pub(super) fn absorb(&self, state: &mut SocketState, actions: &mut SessionActions) {
        actions.retain(|action| match action {
            Action::Notify(notification) => {
                state.inbox.push_notification(*notification);
                false
            }
            Action::ClearInbox => {
                state.inbox.clear_session(ONLY_SESSION);
                false
            }
            Action::Settled(result) => {
                state.settled = (state.settled.0 + 1, Some(*result));
                false
            }
            _ => true,
        });
    }

    /// Does what a session wants done, and what follows from that.
    pub fn perform(self: &Arc<Self>, endpoint: &mut EndpointState, now: Time, actions: SessionActions) {
        let mut work = std::collections::VecDeque::from(actions);
        loop {
            while let Some(action) = work.pop_front() {
                work.extend(self.perform_one(endpoint, now, action));
            }
            work.extend(self.send_again(endpoint, now));
            if work.is_empty() {
                break;
            }
        }
        self.move_timer(endpoint);
    }

    fn move_timer(self: &Arc<Self>, endpoint: &mut EndpointState) {
        let mut state = self.state.lock();
        let wanted = match (&state.role, &state.sender) {
            (Role::PoolUser(session), _) => session.next_deadline(),
            (_, Some(sender)) => sender.next_deadline(),
            _ => None,
        };
        if wanted != state.timer {
            endpoint.set_timer(Arc::clone(self) as Arc<dyn EndpointUser>, state.timer, wanted);
            state.timer = wanted;
        }
    }

    fn perform_one(self: &Arc<Self>, endpoint: &mut EndpointState, now: Time, action: Action) -> SessionActions {
        match action {
            Action::Resolve { attempt, pool_handle, items, stale_cache } => {
                let request = crate::asap::Request::Resolve { pool_handle, items, stale_cache };
                // A socket that was closed meanwhile waits for no answer.
                if let Some(descriptor) = self.descriptor() {
                    let socket = SocketName { descriptor, id: self.id };
                    endpoint.io().submit(request, Reply::Session { socket, attempt });
                }
            }
            Action::Connect { attempt, peer, timeout } => {
                if let Err(error) = endpoint.connect(now, Arc::clone(self) as _, attempt, &peer, timeout) {
                    if self.adopt(attempt, &peer) {
                        return Vec::new();
                    }
                    log::warn!("connect to the pool element at {peer} failed ({error}): the next one is tried");
                    return self.feed(
                        now,
                        if is_our_own(&error) {
                            Event::CannotConnect { attempt }
                        } else {
                            Event::ConnectFailed { attempt, reason: LossReason::Unreachable }
                        },
                    );
                }
            }
            Action::CancelConnect { attempt } => endpoint.cancel_connect(now, self.id, attempt),
            Action::SendControl { association, bytes } => {
                if let Err(error) = endpoint.send(now, association, OutboundMessage::control(PPID_ASAP, &bytes)) {
                    log::warn!("control message on {association:?} not sent: {error}");
                }
            }
            Action::Resend { association } => return self.resend(endpoint, now, association),
            Action::Probe { association } => endpoint.probe(now, association),
            Action::GiveUp { association } => {
                if !endpoint.give_up(now, association, "failover") {
                    let (reason, undelivered) = (LossReason::GivenUp, Vec::new());
                    return self.feed(now, Event::Lost { association, reason, undelivered });
                }
            }
            Action::Abort { association } => endpoint.abort(now, association, "failover"),
            Action::Shutdown { association } => endpoint.shutdown(now, association),
            Action::EndSession { session, association } => {
                endpoint.drain(now, association);
                self.state.lock().stop_sending(session);
            }
            Action::Report { pool_handle, pool_element_id } => {
                let report = crate::asap::Request::ReportUnreachable { pool_handle, pool_element_id };
                endpoint.io().request_in_background(report);
            }
            Action::Watch => {
                if let Some(pool_handle) = self.pool_handle() {
                    endpoint.io().watch(pool_handle);
                }
            }
            // Done by `feed` already.
            Action::Notify(_) | Action::ClearInbox | Action::Settled(_) => {}
        }
        Vec::new()
    }

    /// The pool of a session.
    pub(in crate::driver::client) fn pool_handle(&self) -> Option<crate::PoolHandle> {
        match &self.state.lock().role {
            Role::PoolUser(session) => Some(session.pool_handle().clone()),
            _ => None,
        }
    }

    fn receive_control(
        &self,
        state: &mut SocketState,
        now: Time,
        session: SessionId,
        association: AssociationId,
        bytes: &[u8],
    ) -> Result<SessionActions, &'static str> {
        let server = match &mut state.role {
            Role::PoolUser(_) => return Ok(self.feed_locked(state, now, Event::Control { association, bytes })),
            Role::Accepted { session, .. } => Some(session),
            Role::OneToMany { sessions, .. } => sessions.get_mut(&session),
            _ => None,
        };
        match server.map_or(ServerEvent::Nothing, |server| server.handle_control(bytes)) {
            ServerEvent::Nothing => Ok(Vec::new()),
            ServerEvent::Answer(bytes) => Ok(vec![Action::SendControl { association, bytes }]),
            ServerEvent::CookieEcho(cookie) => state
                .inbox
                .push_received(Item { session, kind: ItemKind::CookieEcho(cookie) })
                .map(|()| Vec::new())
                .map_err(|_| TOO_MUCH_UNREAD),
        }
    }
}

impl EndpointUser for Socket {
    fn id(&self) -> u64 {
        self.id
    }

    fn reads_all_sessions(&self) -> bool {
        !self.one_to_one
    }

    fn accept(
        self: Arc<Self>,
        association: AssociationId,
        peer: &PeerAddress,
    ) -> Result<(Arc<dyn EndpointUser>, SessionId, SessionActions), &'static str> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let accepted = match &mut state.role {
            Role::Listening { pending, backlog } => {
                if pending.len() >= *backlog {
                    return Err("too many sessions wait to be accepted");
                }
                let role = Role::Accepted { session: ServerSession::new(association, None), ended: false };
                let socket = Socket::without_descriptor(true, role);
                if let Some(endpoint) = self.endpoint.get() {
                    let _ = socket.endpoint.set(Arc::clone(endpoint));
                }
                pending.push_back(Arc::clone(&socket));
                (socket, ONLY_SESSION)
            }
            Role::OneToMany { sessions, last } => {
                let session = next_session(last, |session| sessions.contains_key(&session));
                let added = Notification::SessionChange { change: SessionChange::Add, session };
                let item = Item { session, kind: ItemKind::Notification(added) };
                if state.inbox.push_received(item).is_err() {
                    return Err(TOO_MUCH_UNREAD);
                }
                sessions.insert(session, ServerSession::new(association, Some(peer.clone())));
                (Arc::clone(&self), session)
            }
            _ => return Err("nobody listens here"),
        };
        state.update();
        let (socket, session) = accepted;
        // A PE sends its card when communication begins (RFC 5352 section 3.9).
        let card = state.business_card.clone().map(|bytes| Action::SendControl { association, bytes });
        Ok((socket, session, card.into_iter().collect()))
    }

    fn connected(
        &self,
        now: Time,
        attempt: Attempt,
        association: AssociationId,
        peer: &PeerAddress,
    ) -> (SessionId, SessionActions) {
        let mut state = self.state.lock();
        if let Role::PoolUser(_) = state.role {
            let actions = self.feed_locked(&mut state, now, Event::Up { attempt, association });
            state.update();
            return (ONLY_SESSION, actions);
        }
        let session = state.begin_session(attempt, association, peer);
        state.update();
        match session {
            Some(session) => (session, Vec::new()),
            None => (ONLY_SESSION, vec![Action::Abort { association }]),
        }
    }

    fn connect_failed(&self, now: Time, attempt: Attempt, reason: LossReason) -> SessionActions {
        self.feed(now, Event::ConnectFailed { attempt, reason })
    }

    fn receive(
        &self,
        now: Time,
        session: SessionId,
        association: AssociationId,
        stream: u16,
        ppid: u32,
        payload: &[u8],
    ) -> Result<SessionActions, &'static str> {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return Ok(Vec::new());
        }
        let result = if ppid == PPID_ASAP {
            self.receive_control(&mut state, now, session, association, payload)
        } else {
            let kind = ItemKind::Data { ppid, stream, payload: payload.to_vec() };
            state.inbox.push_received(Item { session, kind }).map(|()| Vec::new()).map_err(|_| TOO_MUCH_UNREAD)
        };
        state.update();
        result
    }

    fn writable(&self, now: Time, association: AssociationId) -> SessionActions {
        self.stop_waiting_for(association);
        let mut state = self.state.lock();
        match &state.role {
            Role::PoolUser(_) => self.feed_locked(&mut state, now, Event::Writable { association }),
            _ => Vec::new(),
        }
    }

    fn stop_waiting_for(&self, association: AssociationId) {
        let mut state = self.state.lock();
        if state.blocked.remove(&association).is_some() {
            state.refused = false;
            state.update();
        }
    }

    fn lost(
        &self,
        now: Time,
        session: SessionId,
        association: AssociationId,
        reason: LossReason,
        undelivered: Vec<Undelivered>,
    ) -> SessionActions {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.blocked.remove(&association).is_some() {
            state.refused = false;
        }
        let actions = match &mut state.role {
            Role::PoolUser(_) => self.feed_locked(state, now, Event::Lost { association, reason, undelivered }),
            Role::Accepted { ended, .. } => {
                *ended = true;
                Vec::new()
            }
            Role::OneToMany { sessions, .. } => {
                if sessions.remove(&session).is_some() {
                    let change = SessionChange::Remove;
                    state.inbox.push_notification(Notification::SessionChange { change, session });
                }
                let mut actions = Vec::new();
                if let Some(sender) = &mut state.sender {
                    sender.lost(now, session, &reason, undelivered, &mut actions);
                    state.refused = false;
                }
                self.absorb(state, &mut actions);
                actions
            }
            _ => Vec::new(),
        };
        state.update();
        actions
    }

    fn timeout(&self, now: Time) -> SessionActions {
        self.state.lock().timer = None;
        self.feed(now, Event::Timeout)
    }

    fn has_resends(&self) -> bool {
        self.state.lock().sender.as_ref().is_some_and(|sender| sender.next_deadline().is_some())
    }

    fn perform(self: Arc<Self>, endpoint: &mut EndpointState, now: Time, actions: SessionActions) {
        Socket::perform(&self, endpoint, now, actions);
    }
}

/// A connect failed because this process or machine lacks something: the peer has nothing to do with it.
fn is_our_own(error: &TransportError) -> bool {
    let want = |errno| {
        matches!(errno, libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN | libc::EADDRINUSE)
    };
    match error {
        TransportError::TooManyAssociations | TransportError::Unsupported(_) => true,
        TransportError::Io(error) => error.raw_os_error().is_some_and(want),
        _ => false,
    }
}

fn feed_sender(sender: &mut PoolSender, now: Time, event: Event<'_>, actions: &mut SessionActions) {
    match event {
        Event::Resolved { attempt, policy, pool_elements } => {
            sender.resolved(now, attempt, Ok((policy, pool_elements)))
        }
        Event::ResolveFailed { attempt, why } => {
            let failure = match why {
                ResolveFailure::UnknownPool => DeliveryFailure::UnknownPool,
                ResolveFailure::NoRegistrar => DeliveryFailure::NoRegistrar,
                ResolveFailure::TooManyRequests => {
                    DeliveryFailure::Limit("too many requests to registrars are under way")
                }
            };
            sender.resolved(now, attempt, Err(failure));
        }
        Event::ConnectFailed { attempt, reason } => sender.connect_failed(now, attempt, &reason, actions),
        Event::CannotConnect { attempt } => sender.cannot_connect(now, attempt),
        // Of a pool user's session.
        _ => {}
    }
}

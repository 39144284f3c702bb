//! What happens to a socket from below.

use super::role::Begun;
use super::{EndpointState, NO_MEMORY, ONLY_SESSION, SessionActions, Socket, SocketState, Style, TOO_MUCH_UNREAD};
use crate::association::{LossReason, PeerAddress, Undelivered};
use crate::driver::client::endpoint_state::EndpointUser;
use crate::session::{Action, Attempt, Event, Item, ItemKind};
use crate::transport::copied;
use crate::wire::PPID_ASAP;
use crate::{AssociationId, SessionId, Time};
use std::sync::Arc;

impl EndpointUser for Socket {
    fn id(&self) -> u64 {
        self.id
    }

    fn reads_all_sessions(&self) -> bool {
        self.style == Style::OneToMany
    }

    fn accept(
        self: Arc<Self>,
        association: AssociationId,
        peer: &PeerAddress,
    ) -> Result<(Arc<dyn EndpointUser>, SessionId, SessionActions), &'static str> {
        let mut state = self.state.lock();
        let SocketState { role, inbox, settings, .. } = &mut *state;
        let begun = role.accept(association, peer, self.endpoint.get(), inbox)?;
        if let (Begun::In(socket), Some(cookies)) = (&begun, settings.cookies()) {
            socket.use_cookies(cookies);
        }
        state.update();
        // A PE sends its card when communication begins (RFC 5352 section 3.9).
        let card = state.settings.business_card();
        let card = card.map(|card| Action::SendControl { association, bytes: card.to_vec() });
        drop(state);
        let (user, session): (Arc<dyn EndpointUser>, _) = match begun {
            Begun::In(socket) => (socket, ONLY_SESSION),
            Begun::Here(session) => (self, session),
        };
        Ok((user, session, card.into_iter().collect()))
    }

    fn connected(
        &self,
        now: Time,
        attempt: Attempt,
        association: AssociationId,
        peer: &PeerAddress,
    ) -> (Option<SessionId>, SessionActions) {
        let mut state = self.state.lock();
        let mut actions = Vec::new();
        let session = state.role.connected(now, attempt, association, peer, &mut actions);
        state.follow_up(&mut actions);
        state.update();
        (session, actions)
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
            state.receive_control(now, session, association, payload)
        } else {
            let Ok(payload) = copied(payload) else { return Err(NO_MEMORY) };
            let kind = ItemKind::Data { ppid, stream, payload };
            state.inbox.push_received(Item { session, kind }).map(|()| Vec::new()).map_err(|_| TOO_MUCH_UNREAD)
        };
        state.update();
        result
    }

    fn writable(&self, now: Time, association: AssociationId) -> SessionActions {
        self.stop_waiting_for(association);
        let mut state = self.state.lock();
        let mut actions = Vec::new();
        state.role.writable(now, association, &mut actions);
        state.absorb(&mut actions);
        actions
    }

    fn stop_waiting_for(&self, association: AssociationId) {
        let mut state = self.state.lock();
        if state.room.stop_waiting_for(association) {
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
        state.room.stop_waiting_for(association);
        let mut actions = Vec::new();
        state.role.lost(now, session, association, reason, undelivered, &mut actions);
        state.follow_up(&mut actions);
        state.update();
        actions
    }

    fn timeout(&self, now: Time) -> SessionActions {
        self.state.lock().timer = None;
        self.feed(now, Event::Timeout)
    }

    fn has_resends(&self) -> bool {
        self.state.lock().role.sender().is_some_and(|sender| sender.has_resends())
    }

    fn perform(self: Arc<Self>, endpoint: &mut EndpointState, now: Time, actions: SessionActions) {
        Socket::perform(&self, endpoint, now, actions);
    }
}

impl SocketState {
    fn receive_control(
        &mut self,
        now: Time,
        session: SessionId,
        association: AssociationId,
        bytes: &[u8],
    ) -> Result<SessionActions, &'static str> {
        let mut actions = Vec::new();
        if let Some(echo) = self.role.control(now, session, association, bytes, &mut actions) {
            let cookie = match self.settings.cookies() {
                Some(cookies) => cookies.open(&echo, self.role.pool_user_at(session)),
                None => Some(echo),
            };
            if let Some(cookie) = cookie {
                let item = Item { session, kind: ItemKind::CookieEcho(cookie) };
                self.inbox.push_received(item).map_err(|_| TOO_MUCH_UNREAD)?;
            }
        }
        self.absorb(&mut actions);
        Ok(actions)
    }
}

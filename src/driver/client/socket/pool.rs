//! Sending to pools without a session of the application's: runs the core's `PoolSender` for a one-to-many socket.

use super::{EndpointState, Role, SessionActions, Socket, SocketState};
use crate::association::PeerAddress;
use crate::driver::client::call_error::SendError;
use crate::driver::clock;
use crate::session::{
    Attempt, Delivery, DeliveryFailure, Item, ItemKind, Next, Notification, PoolSender, ServerSession, SessionChange,
};
use crate::transport::{OutboundMessage, TransportError};
use crate::{AssociationId, SessionId, Time};
use std::sync::Arc;

/// The session of what a pool element sends to itself. No message can be sent in it.
pub const OWN_SESSION: SessionId = SessionId(0);

impl Socket {
    /// Sends a message to elements of a pool, waiting until `until` (`None`: one attempt) for sessions and for room in them.
    /// `delivery` tells afterwards whom it went to. [`SendError::WouldBlock`]: to nobody, for want of time.
    pub fn send_to_pool(
        self: &Arc<Self>,
        delivery: &mut Delivery,
        message: OutboundMessage<'_>,
        until: Option<Time>,
    ) -> Result<(), SendError> {
        let result = match self.attempt(delivery, message) {
            Err(SendError::WouldBlock) => self.wait_until_done(until, || self.attempt(delivery, message)),
            result => result,
        };
        if !matches!(result, Err(SendError::WouldBlock)) {
            return result;
        }
        if until.is_some() {
            // Time is over: the elements that have a session by now get the message.
            delivery.last_call();
            return match self.attempt(delivery, message) {
                Ok(()) if delivery.sent_to().next().is_none() => Err(SendError::WouldBlock),
                result => result,
            };
        }
        // A call that does not wait and has reached some elements is done: its program need not come back for the others.
        if delivery.sent_to().next().is_some() {
            return Ok(());
        }
        if let Some(sender) = &mut self.state.lock().sender {
            sender.put_off(delivery);
        }
        Err(SendError::WouldBlock)
    }

    fn attempt(self: &Arc<Self>, delivery: &mut Delivery, message: OutboundMessage<'_>) -> Result<(), SendError> {
        let Some(endpoint) = self.endpoint.get() else { return Err(SendError::NoSession) };
        endpoint.with(|endpoint| {
            let now = clock::now();
            let mut actions = Vec::new();
            let done = self.state.lock().send_to_pool(endpoint, now, delivery, message, &mut actions)?;
            self.perform(endpoint, now, actions);
            if done { Ok(()) } else { Err(SendError::WouldBlock) }
        })
    }

    /// The peer is connected with us already, by a connect of its own: that session serves as well. False: it does not.
    pub(super) fn adopt(&self, attempt: Attempt, peer: &PeerAddress) -> bool {
        let mut state = self.state.lock();
        let state = &mut *state;
        let (Role::OneToMany { sessions, .. }, Some(sender)) = (&state.role, &mut state.sender) else { return false };
        let found = sessions.iter().find(|(id, session)| {
            session.is_with(peer) && !session.is_read_only() && sender.element_of(**id).is_none()
        });
        let Some((session, association)) = found.map(|(id, session)| (*id, session.association())) else {
            return false;
        };
        sender.connected(attempt, association, session);
        state.refused = false;
        state.update();
        true
    }

    /// Sends what waits for other elements to take, as far as that is possible now.
    pub(super) fn send_again(&self, endpoint: &mut EndpointState, now: Time) -> SessionActions {
        let mut state = self.state.lock();
        let Some(sender) = &mut state.sender else { return Vec::new() };
        let mut actions = Vec::new();
        let mut changed = false;
        for mut resend in sender.take_resends() {
            let message = resend.message.clone();
            let outbound = OutboundMessage {
                stream: message.stream,
                ppid: message.ppid,
                unordered: false,
                lifetime: None,
                payload: &message.payload,
            };
            let done = state.send_to_pool(endpoint, now, &mut resend.delivery, outbound, &mut actions).unwrap_or(true);
            changed |= done;
            if let Some(sender) = &mut state.sender {
                sender.keep_resend(now, resend, done, &mut actions);
            }
        }
        changed |= !actions.is_empty();
        self.absorb(&mut state, &mut actions);
        // A thread whose own attempt to send led here waits for a change: without one it must not be woken.
        if changed {
            state.update();
        }
        actions
    }
}

impl SocketState {
    /// Sends where that is possible now. True: nothing is left to do.
    fn send_to_pool(
        &mut self,
        endpoint: &mut EndpointState,
        now: Time,
        delivery: &mut Delivery,
        message: OutboundMessage<'_>,
        actions: &mut SessionActions,
    ) -> Result<bool, SendError> {
        if let Some(errno) = self.closed {
            return Err(SendError::Closed(errno));
        }
        let Some(sender) = &mut self.sender else { return Err(SendError::NoSession) };
        let OutboundMessage { stream, ppid, payload, .. } = message;
        delivery.look_again();
        let done = loop {
            match sender.next(now, delivery, actions) {
                Next::Send { element, association, .. } => match endpoint.send(now, association, message) {
                    Ok(()) => sender.sent(delivery, element, stream, ppid, payload),
                    Err(TransportError::WouldBlock) => {
                        self.blocked.insert(association, ());
                        delivery.full(element);
                    }
                    // Its loss is about to be reported.
                    Err(TransportError::UnknownAssociation | TransportError::Closing) => delivery.full(element),
                    Err(error) => delivery.failed(element, failure(&error)),
                },
                Next::Loopback(element) => {
                    let kind = ItemKind::Data { ppid, stream, payload: payload.to_vec() };
                    match self.inbox.push_received(Item { session: OWN_SESSION, kind }) {
                        Ok(()) => sender.sent(delivery, element, stream, ppid, payload),
                        Err(_) => {
                            delivery
                                .failed(element, DeliveryFailure::Limit("the sender does not read its own messages"));
                        }
                    }
                }
                Next::Wait => break false,
                Next::Done => break true,
            }
        };
        self.refused = !done;
        // Its own refusal must not wake a thread that waits for the end of refusals.
        if done {
            self.update()
        } else {
            self.show()
        }
        Ok(done)
    }

    /// A session with an element that the sender has connected to.
    pub(super) fn begin_session(
        &mut self,
        attempt: Attempt,
        association: AssociationId,
        peer: &PeerAddress,
    ) -> Option<SessionId> {
        let sender = self.sender.as_mut().filter(|sender| sender.is_wanted(attempt))?;
        let Role::OneToMany { sessions, last } = &mut self.role else { return None };
        let session = next_session(last, |session| sessions.contains_key(&session));
        sessions.insert(session, ServerSession::new(association, Some(peer.clone())));
        sender.connected(attempt, association, session);
        self.inbox.push_notification(Notification::SessionChange { change: SessionChange::Add, session });
        self.refused = false;
        Some(session)
    }

    /// Makes the socket one from which messages go to pools. False: it has another use.
    pub(super) fn become_sender(&mut self, seed: u64) -> bool {
        if let Role::Fresh = self.role {
            self.role = Role::OneToMany { sessions: Default::default(), last: 0 };
        }
        if !matches!(self.role, Role::OneToMany { .. }) {
            return false;
        }
        self.sender.get_or_insert_with(|| Box::new(PoolSender::new(seed, self.config.connect_timeout)));
        true
    }

    /// The session of this socket with an element that messages went to.
    pub(super) fn session_with(&self, delivery: &Delivery) -> Option<SessionId> {
        let element = delivery.sent_to().last()?;
        self.sender.as_ref()?.session_of(delivery.pool_handle(), element)
    }
}

/// Another session identifier: any but zero that is free.
pub(super) fn next_session(last: &mut u32, taken: impl Fn(SessionId) -> bool) -> SessionId {
    loop {
        *last = last.wrapping_add(1).max(1);
        if !taken(SessionId(*last)) {
            return SessionId(*last);
        }
    }
}

fn failure(error: &TransportError) -> DeliveryFailure {
    match error {
        TransportError::MessageTooLarge { .. } => DeliveryFailure::TooLong(error.to_string()),
        error => DeliveryFailure::Refused(error.to_string()),
    }
}

//! Sending to pools without a session of the application's: runs the core's `PoolSender` for a one-to-many socket.

use super::{EndpointState, OWN_SESSION, SessionActions, Socket, SocketState, TakenUp};
use crate::driver::client::call_error::{Closed, SendError};
use crate::driver::clock;
use crate::session::{Delivery, DeliveryFailure, Item, ItemKind, Next};
use crate::transport::{OutboundMessage, TransportError, copied};
use crate::{SessionId, Time};
use std::sync::Arc;

impl Socket {
    /// Makes the socket one from which messages go to pools.
    pub fn become_sender(&self, seed: u64) -> Result<TakenUp, Closed> {
        self.change(|state| match state.role.become_one_to_many() {
            Some(sessions) => sessions.begin_sending(seed, state.settings.config()),
            None => TakenUp::InUse,
        })
    }

    /// It has, or may get, sessions of which it is the pool element.
    pub fn is_server(&self) -> Result<bool, Closed> {
        self.read(|state| state.role.is_server())
    }

    /// The session with an element that messages went to.
    pub fn session_with(&self, delivery: &Delivery) -> Result<Option<SessionId>, Closed> {
        self.read(|state| state.role.one_to_many().and_then(|sessions| sessions.session_with(delivery)))
    }

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
        if let Some(sender) = self.state.lock().role.sender_mut() {
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

    /// Sends what waits for other elements to take, as far as that is possible now.
    pub(super) fn send_again(&self, endpoint: &mut EndpointState, now: Time) -> SessionActions {
        let mut state = self.state.lock();
        let Some(sender) = state.role.sender_mut() else { return Vec::new() };
        let mut actions = Vec::new();
        let mut changed = false;
        for mut resend in sender.take_resends() {
            let message = resend.message.clone();
            let outbound = OutboundMessage::from(&message);
            let done = state.send_to_pool(endpoint, now, &mut resend.delivery, outbound, &mut actions).unwrap_or(true);
            changed |= done;
            if let Some(sender) = state.role.sender_mut() {
                sender.keep_resend(now, resend, done, &mut actions);
            }
        }
        changed |= !actions.is_empty();
        state.absorb(&mut actions);
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
        let Some(sender) = self.role.sender_mut() else { return Err(SendError::NoSession) };
        let OutboundMessage { stream, ppid, payload, .. } = message;
        delivery.look_again();
        let done = loop {
            match sender.next(now, delivery, actions) {
                Next::Send { element, association, .. } => match endpoint.send(now, association, message) {
                    Ok(()) => sender.sent(delivery, element, stream, ppid, payload),
                    Err(TransportError::WouldBlock) => {
                        self.room.note_full(association);
                        delivery.full(element);
                    }
                    // Its loss is about to be reported.
                    Err(TransportError::UnknownAssociation | TransportError::Closing) => delivery.full(element),
                    Err(error) => delivery.failed(element, failure(&error)),
                },
                Next::Loopback(element) => {
                    let copy = match copied(payload) {
                        Ok(copy) => copy,
                        Err(error) => {
                            delivery.failed(element, failure(&error));
                            continue;
                        }
                    };
                    let kind = ItemKind::Data { ppid, stream, payload: copy };
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
        if done {
            self.room.allow();
            self.update();
        } else {
            // Its own refusal must not wake a thread that waits for the end of refusals.
            self.room.refuse();
            self.show();
        }
        Ok(done)
    }
}

fn failure(error: &TransportError) -> DeliveryFailure {
    match error {
        TransportError::MessageTooLarge { .. } => DeliveryFailure::TooLong(error.to_string()),
        error => DeliveryFailure::Refused(error.to_string()),
    }
}

//! The role of a one-to-many socket: the pool element's side of any number of sessions, and the sender to pools.

use super::{TOO_MUCH_UNREAD, TakenUp};
use crate::association::{LossReason, NO_DESCRIPTOR, PeerAddress, Undelivered};
use crate::collections::SortedMap;
use crate::driver::client::call_error::SendError;
use crate::driver::client::endpoint_state::SessionActions;
use crate::session::{
    Action, Attempt, Delivery, DeliveryFailure, Event, Inbox, Item, ItemKind, Notification, PoolSender, PoolUserConfig,
    ResolveFailure, ServerSession, SessionChange,
};
use crate::{AssociationId, PoolElementId, SessionId, Time};

/// The sessions of a one-to-many socket.
#[derive(Default)]
pub(super) struct OneToMany {
    sessions: SortedMap<SessionId, ServerSession>,
    /// The last identifier given.
    last: u32,
    /// Sends to pools, where the socket has been told to: those of its sessions that it has made are in `sessions`, too.
    sender: Option<Box<PoolSender>>,
}

impl OneToMany {
    /// Messages go to pools from now on.
    pub fn begin_sending(&mut self, seed: u64, config: &PoolUserConfig) -> TakenUp {
        let PoolUserConfig { connect_timeout, head_start, .. } = *config;
        self.sender.get_or_insert_with(|| Box::new(PoolSender::new(seed, connect_timeout, head_start)));
        TakenUp::Yes
    }

    /// What sends to pools, if anything does.
    pub fn sender(&self) -> Option<&PoolSender> {
        self.sender.as_deref()
    }

    /// The same, to send.
    pub fn sender_mut(&mut self) -> Option<&mut PoolSender> {
        self.sender.as_deref_mut()
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The associations of all sessions.
    pub fn associations(&self) -> Vec<AssociationId> {
        self.sessions.values().map(ServerSession::association).collect()
    }

    /// There is this session.
    pub fn has(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Where the peer of a session is, as far as known.
    pub fn peer(&self, session: SessionId) -> Option<&PeerAddress> {
        self.sessions.get(&session)?.peer()
    }

    /// This session.
    pub fn session_mut(&mut self, session: SessionId) -> Option<&mut ServerSession> {
        self.sessions.get_mut(&session)
    }

    /// Where the messages of a session go.
    pub fn target(&self, session: SessionId) -> Result<AssociationId, SendError> {
        let open = self.sessions.get(&session).filter(|session| !session.is_read_only());
        open.map(ServerSession::association).ok_or(SendError::NoSession)
    }

    /// The element at the other end of a session, where that is one that messages to a pool went to.
    pub fn element_of(&self, session: SessionId) -> Option<PoolElementId> {
        self.sender()?.element_of(session)
    }

    /// The session with the element that messages went to last.
    pub fn session_with(&self, delivery: &Delivery) -> Option<SessionId> {
        let element = delivery.sent_to().last()?;
        self.sender()?.session_of(delivery.pool_handle(), element)
    }

    /// A peer has begun a session; or why it is refused.
    pub fn accept(
        &mut self,
        association: AssociationId,
        peer: &PeerAddress,
        inbox: &mut Inbox,
    ) -> Result<SessionId, &'static str> {
        let session = self.next_session();
        let kind = ItemKind::Notification(Notification::SessionChange { change: SessionChange::Add, session });
        inbox.push_received(Item { session, kind }).map_err(|_| TOO_MUCH_UNREAD)?;
        self.sessions.insert(session, ServerSession::new(association, Some(peer.clone())));
        Ok(session)
    }

    /// A connect of the sender's has succeeded: its session, where it is still wanted.
    pub fn connected(
        &mut self,
        attempt: Attempt,
        association: AssociationId,
        peer: &PeerAddress,
        actions: &mut SessionActions,
    ) -> Option<SessionId> {
        self.sender().filter(|sender| sender.is_wanted(attempt))?;
        let session = self.next_session();
        self.sessions.insert(session, ServerSession::new(association, Some(peer.clone())));
        self.sender_mut()?.connected(attempt, association, session);
        actions.push(changed(SessionChange::Add, session));
        Some(session)
    }

    /// The peer is connected with us already, by a connect of its own: that session serves the sender as well. False: it does not.
    pub fn adopt(&mut self, attempt: Attempt, peer: &PeerAddress) -> bool {
        let Some(sender) = &mut self.sender else { return false };
        let found = self.sessions.iter().find(|(id, session)| {
            session.is_with(peer) && !session.is_read_only() && sender.element_of(**id).is_none()
        });
        let Some((session, association)) = found.map(|(id, session)| (*id, session.association())) else {
            return false;
        };
        sender.connected(attempt, association, session);
        true
    }

    /// The association of a session is gone.
    pub fn lost(
        &mut self,
        now: Time,
        session: SessionId,
        reason: &LossReason,
        undelivered: Vec<Undelivered>,
        actions: &mut SessionActions,
    ) {
        if self.sessions.remove(&session).is_some() {
            actions.push(changed(SessionChange::Remove, session));
        }
        if let Some(sender) = &mut self.sender {
            sender.lost(now, session, reason, undelivered, actions);
        }
    }

    /// The program sends no more in a session: what the peer still sends is read, and then comes its end.
    pub fn stop_sending(&mut self, session: SessionId) {
        if let Some(ending) = self.sessions.get_mut(&session) {
            ending.make_read_only();
        }
        if let Some(sender) = &mut self.sender {
            sender.ended(session);
        }
    }

    /// The program has ended a session at once.
    pub fn end(&mut self, session: SessionId) -> Option<Notification> {
        let removed = self.sessions.remove(&session);
        if let Some(sender) = &mut self.sender {
            sender.discarded(session);
        }
        removed.map(|_| Notification::SessionChange { change: SessionChange::Remove, session })
    }

    /// Hands an event to the sender.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut SessionActions) {
        let Some(sender) = &mut self.sender else { return };
        match event {
            Event::Resolved { attempt, policy, pool_elements } => {
                sender.resolved(now, attempt, Ok((policy, pool_elements)))
            }
            Event::ResolveFailed { attempt, why } => {
                let failure = match why {
                    ResolveFailure::UnknownPool => DeliveryFailure::UnknownPool,
                    ResolveFailure::NoRegistrar => DeliveryFailure::NoRegistrar,
                    ResolveFailure::NoDescriptor => DeliveryFailure::Limit(NO_DESCRIPTOR),
                    ResolveFailure::TooManyRequests => {
                        DeliveryFailure::Limit("too many requests to registrars are under way")
                    }
                };
                sender.resolved(now, attempt, Err(failure));
            }
            Event::ConnectFailed { attempt, reason } => sender.connect_failed(now, attempt, &reason, actions),
            Event::CannotConnect { attempt } => sender.cannot_connect(now, attempt),
            Event::Timeout => sender.timeout(now),
            // Of a pool user's session.
            _ => {}
        }
    }

    /// Another session identifier: any but zero that is free.
    fn next_session(&mut self) -> SessionId {
        loop {
            self.last = self.last.wrapping_add(1).max(1);
            if !self.has(SessionId(self.last)) {
                return SessionId(self.last);
            }
        }
    }
}

fn changed(change: SessionChange, session: SessionId) -> Action {
    Action::Notify(Notification::SessionChange { change, session })
}

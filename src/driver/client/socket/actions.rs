//! What the sessions of a socket want done below.

use super::{EndpointState, ONLY_SESSION, SessionActions, Socket, SocketState};
use crate::association::{LossReason, PeerAddress};
use crate::driver::client::commands::{Reply, SocketName};
use crate::driver::client::endpoint_state::EndpointUser;
use crate::session::{Action, Attempt, Event};
use crate::transport::{OutboundMessage, TransportError};
use crate::wire::PPID_ASAP;
use crate::{AssociationId, Time};
use std::sync::Arc;

impl Socket {
    /// Hands an event to the pool user's session or to the sender to pools, whichever this socket has. The caller holds the
    /// endpoint's lock and does the actions with [`Socket::perform`].
    pub fn feed(&self, now: Time, event: Event<'_>) -> SessionActions {
        let mut state = self.state.lock();
        let mut actions = Vec::new();
        state.role.handle(now, event, &mut actions);
        state.follow_up(&mut actions);
        state.update();
        actions
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
        let wanted = state.role.next_deadline();
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
                let _ = self.state.lock().stop_sending(session);
            }
            Action::Report { pool_handle, pool_element_id } => {
                let report = crate::asap::Request::ReportUnreachable { pool_handle, pool_element_id };
                endpoint.io().request_in_background(report);
            }
            Action::WantRemovals => {
                if let Some(pool_handle) = self.pool_handle() {
                    endpoint.io().want_removals(pool_handle);
                }
            }
            // Done by `SocketState::absorb` already.
            Action::Notify(_) | Action::ClearInbox | Action::Settled(_) => {}
        }
        Vec::new()
    }

    /// The peer is connected with us already, by a connect of its own: that session serves as well. False: it does not.
    fn adopt(&self, attempt: Attempt, peer: &PeerAddress) -> bool {
        let mut state = self.state.lock();
        let adopted = state.role.one_to_many_mut().is_some_and(|sessions| sessions.adopt(attempt, peer));
        if adopted {
            state.room.allow();
            state.update();
        }
        adopted
    }

    /// Sends what waits for a new element, as far as there is room for it.
    fn resend(&self, endpoint: &mut EndpointState, now: Time, association: AssociationId) -> SessionActions {
        let mut state = self.state.lock();
        let SocketState { role, room, .. } = &mut *state;
        let mut actions = Vec::new();
        let Some(user) = role.pool_user_mut() else { return actions };
        user.resend(endpoint, now, association, room, &mut actions);
        state.absorb(&mut actions);
        state.update();
        actions
    }
}

impl SocketState {
    /// The role has dealt with something that happened: what it wants done to the socket itself is done, the rest is left.
    pub(super) fn follow_up(&mut self, actions: &mut SessionActions) {
        if self.role.sender().is_some() {
            // Whatever it was, there may be an element now that takes the message.
            self.room.allow();
        }
        self.absorb(actions);
    }

    /// Does the actions that concern the socket itself.
    pub(super) fn absorb(&mut self, actions: &mut SessionActions) {
        actions.retain(|action| match action {
            Action::Notify(notification) => {
                self.inbox.push_notification(*notification);
                false
            }
            Action::ClearInbox => {
                self.inbox.clear_session(ONLY_SESSION);
                false
            }
            Action::Settled(result) => {
                if let Some(user) = self.role.pool_user_mut() {
                    user.settle(*result);
                }
                false
            }
            _ => true,
        });
    }
}

/// A connect failed because this process or machine lacks something, or is connected with the peer still, by an association that is
/// being closed, or as two pools name one address: that says nothing about the peer.
fn is_our_own(error: &TransportError) -> bool {
    let want = |errno| matches!(errno, libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN | libc::EADDRINUSE);
    match error {
        TransportError::TooManyAssociations | TransportError::Unsupported(_) => true,
        _ if error.is_lack_of_descriptors() || error.is_connected_already() => true,
        TransportError::Io(error) => error.raw_os_error().is_some_and(want),
        _ => false,
    }
}

//! What a socket is used for. What only one role has and does stands in the file of that role, with private fields; here stand
//! the questions that a socket has for whatever role it is in. No other file asks which one that is.

use super::accepted::Accepted;
use super::listening::Listening;
use super::one_to_many::OneToMany;
use super::pool_user::PoolUser;
use super::{Endpoint, ONLY_SESSION, SessionActions, Socket, Style};
use crate::association::{LossReason, PeerAddress, Undelivered};
use crate::driver::client::call_error::{ListenError, SendError};
use crate::session::{Action, Attempt, Event, Inbox, Notification, PoolSender, ServerEvent};
use crate::{AssociationId, PoolElementId, SessionId, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a socket is used for.
pub(super) enum Role {
    /// Nothing yet.
    Fresh,
    /// One-to-one server: sessions that wait to be accepted.
    Listening(Listening),
    /// A session that a listening socket accepted.
    Accepted(Accepted),
    /// One-to-many server, or sender to pools, or both.
    OneToMany(OneToMany),
    /// A session with a pool.
    PoolUser(PoolUser),
}

/// Whether a socket has taken up a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenUp {
    /// It has.
    Yes,
    /// It has another use already.
    InUse,
}

/// Where a session is that a peer has begun.
pub(super) enum Begun {
    /// In the socket that listens.
    Here(SessionId),
    /// In a socket of its own.
    In(Arc<Socket>),
}

/// How the association of a session ends that this side ends in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderlyEnd {
    /// Both sides are done.
    Shutdown,
    /// What the peer still sends is read.
    Drain,
}

/// Changes of the role.
impl Role {
    /// The socket listens. `backlog`: sessions that may wait to be accepted; none: as it is.
    pub fn listen(&mut self, style: Style, backlog: Option<usize>) -> Result<(), ListenError> {
        match self {
            Role::Fresh => {
                *self = match style {
                    Style::OneToOne => Role::Listening(Listening::new(backlog)),
                    Style::OneToMany => Role::OneToMany(OneToMany::default()),
                }
            }
            Role::Listening(listening) => listening.set_backlog(backlog),
            Role::OneToMany(_) => {}
            Role::PoolUser(_) | Role::Accepted(_) => return Err(ListenError::Connected),
        }
        Ok(())
    }

    /// The socket's sessions, if it may have several. One without a use has them from now on.
    pub fn become_one_to_many(&mut self) -> Option<&mut OneToMany> {
        if let Role::Fresh = self {
            *self = Role::OneToMany(OneToMany::default());
        }
        if let Role::OneToMany(sessions) = self { Some(sessions) } else { None }
    }

    /// The sessions that wait to be accepted, where the socket is closed.
    pub fn into_pending(self) -> VecDeque<Arc<Socket>> {
        if let Role::Listening(listening) = self { listening.into_pending() } else { VecDeque::new() }
    }
}

/// What it is.
impl Role {
    /// The session with a pool.
    pub fn pool_user(&self) -> Option<&PoolUser> {
        if let Role::PoolUser(user) = self { Some(user) } else { None }
    }

    /// The same, to change it.
    pub fn pool_user_mut(&mut self) -> Option<&mut PoolUser> {
        if let Role::PoolUser(user) = self { Some(user) } else { None }
    }

    /// The sessions of a one-to-many socket.
    pub fn one_to_many(&self) -> Option<&OneToMany> {
        if let Role::OneToMany(sessions) = self { Some(sessions) } else { None }
    }

    /// The same, to change them.
    pub fn one_to_many_mut(&mut self) -> Option<&mut OneToMany> {
        if let Role::OneToMany(sessions) = self { Some(sessions) } else { None }
    }

    /// What sends to pools, if anything does.
    pub fn sender(&self) -> Option<&PoolSender> {
        self.one_to_many()?.sender()
    }

    /// The same, to send.
    pub fn sender_mut(&mut self) -> Option<&mut PoolSender> {
        self.one_to_many_mut()?.sender_mut()
    }

    /// The socket has, or may get, sessions of which it is the pool element.
    pub fn is_server(&self) -> bool {
        matches!(self, Role::Accepted(_) | Role::OneToMany(_))
    }

    /// The socket's endpoint is another one's, too.
    pub fn lives_on_anothers_endpoint(&self) -> bool {
        matches!(self, Role::Accepted(_))
    }
}

/// What programs see of its sessions.
impl Role {
    /// Nothing more will come.
    pub fn has_ended(&self) -> bool {
        match self {
            Role::Accepted(accepted) => accepted.has_ended(),
            Role::PoolUser(user) => user.session().has_ended(),
            Role::Fresh | Role::Listening(_) | Role::OneToMany(_) => false,
        }
    }

    /// Something may come.
    pub fn can_receive(&self) -> bool {
        !matches!(self, Role::Fresh | Role::Listening(_))
    }

    /// `accept` would return at once.
    pub fn has_pending(&self) -> bool {
        if let Role::Listening(listening) = self { listening.has_pending() } else { false }
    }

    /// A send would not wait for an element.
    pub fn can_tell(&self) -> bool {
        self.pool_user().is_none_or(PoolUser::can_tell)
    }

    /// The socket has this session.
    pub fn has_session(&self, session: SessionId) -> bool {
        match self {
            Role::PoolUser(_) => true,
            Role::Accepted(accepted) => !accepted.has_ended(),
            Role::OneToMany(sessions) => sessions.has(session),
            Role::Fresh | Role::Listening(_) => false,
        }
    }

    /// How many sessions it has.
    pub fn sessions(&self) -> usize {
        match self {
            Role::PoolUser(_) => 1,
            Role::Accepted(accepted) => usize::from(!accepted.has_ended()),
            Role::OneToMany(sessions) => sessions.len(),
            Role::Fresh | Role::Listening(_) => 0,
        }
    }

    /// The element at the other end of a session.
    pub fn element_of(&self, session: SessionId) -> Option<PoolElementId> {
        match self {
            Role::PoolUser(user) => user.session().element(),
            Role::OneToMany(sessions) => sessions.element_of(session),
            Role::Fresh | Role::Listening(_) | Role::Accepted(_) => None,
        }
    }

    /// Where the pool user of a session is, at its pool element.
    pub fn pool_user_at(&self, session: SessionId) -> Option<&PeerAddress> {
        match self {
            Role::Accepted(accepted) => accepted.peer(),
            Role::OneToMany(sessions) => sessions.peer(session),
            Role::Fresh | Role::Listening(_) | Role::PoolUser(_) => None,
        }
    }

    /// The association to send on; none while the session has none, but will.
    pub fn target(&self, session: SessionId) -> Result<Option<AssociationId>, SendError> {
        match self {
            Role::PoolUser(user) => user.target(),
            Role::Accepted(accepted) => accepted.target().map(Some),
            Role::OneToMany(sessions) => sessions.target(session).map(Some),
            Role::Fresh | Role::Listening(_) => Err(SendError::NoSession),
        }
    }

    /// The program sends no more in a session.
    pub fn stop_sending(&mut self, session: SessionId) -> OrderlyEnd {
        match self {
            Role::Accepted(accepted) => accepted.session_mut().make_read_only(),
            Role::OneToMany(sessions) => sessions.stop_sending(session),
            Role::PoolUser(_) => return OrderlyEnd::Shutdown,
            Role::Fresh | Role::Listening(_) => {}
        }
        OrderlyEnd::Drain
    }

    /// The program has ended a session at once: the peer's side of the end is not reported any more.
    pub fn end(&mut self, session: SessionId) -> Option<Notification> {
        match self {
            Role::Accepted(accepted) => accepted.end(),
            Role::OneToMany(sessions) => return sessions.end(session),
            // It is told by the event of its end.
            Role::PoolUser(_) | Role::Fresh | Role::Listening(_) => {}
        }
        None
    }
}

/// What happens to it.
impl Role {
    /// Hands an event to the pool user's session or to the sender to pools, whichever there is.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut SessionActions) {
        match self {
            Role::PoolUser(user) => user.handle(now, event, actions),
            Role::OneToMany(sessions) => sessions.handle(now, event, actions),
            Role::Fresh | Role::Listening(_) | Role::Accepted(_) => {}
        }
    }

    /// When [`Event::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Time> {
        match self {
            Role::PoolUser(user) => user.session().next_deadline(),
            _ => self.sender()?.next_deadline(),
        }
    }

    /// A peer has begun a session; or why it is refused.
    pub fn accept(
        &mut self,
        association: AssociationId,
        peer: &PeerAddress,
        endpoint: Option<&Arc<Endpoint>>,
        inbox: &mut Inbox,
    ) -> Result<Begun, &'static str> {
        match self {
            Role::Listening(listening) => {
                listening.add(association, peer, endpoint, inbox.unread_limit()).map(Begun::In)
            }
            Role::OneToMany(sessions) => sessions.accept(association, peer, inbox).map(Begun::Here),
            Role::Fresh | Role::Accepted(_) | Role::PoolUser(_) => Err("nobody listens here"),
        }
    }

    /// A connect has succeeded: the session that it is from now on. None: it is not wanted any more, and is to be ended.
    pub fn connected(
        &mut self,
        now: Time,
        attempt: Attempt,
        association: AssociationId,
        peer: &PeerAddress,
        actions: &mut SessionActions,
    ) -> Option<SessionId> {
        let session = match self {
            Role::PoolUser(user) => {
                // What is to become of one that is not wanted, the session says itself.
                user.handle(now, Event::Up { attempt, association }, actions);
                return user.session().is_served_by(association).then_some(ONLY_SESSION);
            }
            Role::OneToMany(sessions) => sessions.connected(attempt, association, peer, actions),
            Role::Fresh | Role::Listening(_) | Role::Accepted(_) => None,
        };
        if session.is_none() {
            actions.push(Action::Abort { association });
        }
        session
    }

    /// A message came on the control channel of a session. Returns the cookie that the program is to have.
    pub fn control(
        &mut self,
        now: Time,
        session: SessionId,
        association: AssociationId,
        bytes: &[u8],
        actions: &mut SessionActions,
    ) -> Option<Vec<u8>> {
        let server = match self {
            Role::PoolUser(user) => {
                user.handle(now, Event::Control { association, bytes }, actions);
                None
            }
            Role::Accepted(accepted) => Some(accepted.session_mut()),
            Role::OneToMany(sessions) => sessions.session_mut(session),
            Role::Fresh | Role::Listening(_) => None,
        };
        match server?.handle_control(bytes) {
            ServerEvent::Nothing => None,
            ServerEvent::Answer(bytes) => {
                actions.push(Action::SendControl { association, bytes });
                None
            }
            ServerEvent::CookieEcho(cookie) => Some(cookie),
        }
    }

    /// An association takes messages again.
    pub fn writable(&mut self, now: Time, association: AssociationId, actions: &mut SessionActions) {
        if let Role::PoolUser(user) = self {
            user.handle(now, Event::Writable { association }, actions);
        }
    }

    /// The association of a session is gone.
    pub fn lost(
        &mut self,
        now: Time,
        session: SessionId,
        association: AssociationId,
        reason: LossReason,
        undelivered: Vec<Undelivered>,
        actions: &mut SessionActions,
    ) {
        match self {
            Role::PoolUser(user) => user.handle(now, Event::Lost { association, reason, undelivered }, actions),
            Role::Accepted(accepted) => accepted.end(),
            Role::OneToMany(sessions) => sessions.lost(now, session, &reason, undelivered, actions),
            Role::Fresh | Role::Listening(_) => {}
        }
    }

    /// The associations that the socket's end closes, apart from that of a pool user, which is told by an event.
    pub fn associations(&self) -> Vec<AssociationId> {
        match self {
            Role::Accepted(accepted) => vec![accepted.association()],
            Role::OneToMany(sessions) => sessions.associations(),
            Role::Fresh | Role::Listening(_) | Role::PoolUser(_) => Vec::new(),
        }
    }
}

//! What a socket is used for, as the functions of the API ask for it.

use super::{ONLY_SESSION, Role, Socket};
use crate::driver::client::call_error::Closed;
use crate::session::{Delivery, PoolUserConfig, PoolUserSession};
use crate::{PoolElementId, PoolHandle, SessionId};

/// Whether a socket has taken up a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenUp {
    /// It has.
    Yes,
    /// It has another use already.
    InUse,
}

impl Socket {
    /// Makes the socket a user of this pool, whose search has not begun yet.
    pub fn become_pool_user(&self, pool_handle: PoolHandle, config: PoolUserConfig) -> Result<TakenUp, Closed> {
        self.change(|state| {
            if !matches!(state.role, Role::Fresh) {
                return TakenUp::InUse;
            }
            state.config = config.clone();
            state.role = Role::PoolUser(Box::new(PoolUserSession::new(config, ONLY_SESSION, pool_handle)));
            TakenUp::Yes
        })
    }

    /// Makes the socket one from which messages go to pools.
    pub fn become_sender(&self, seed: u64) -> Result<TakenUp, Closed> {
        self.change(|state| if state.become_sender(seed) { TakenUp::Yes } else { TakenUp::InUse })
    }

    /// It has a session with a pool.
    pub fn is_pool_user(&self) -> Result<bool, Closed> {
        self.read(|state| matches!(state.role, Role::PoolUser(_)))
    }

    /// It has, or may get, sessions of which it is the pool element.
    pub fn is_server(&self) -> Result<bool, Closed> {
        self.read(|state| matches!(state.role, Role::Accepted { .. } | Role::OneToMany { .. }))
    }

    /// The pool of its session with one, and the element that this has; none: it has no such session.
    pub fn peer_name(&self) -> Result<Option<(PoolHandle, Option<PoolElementId>)>, Closed> {
        self.read(|state| match &state.role {
            Role::PoolUser(session) => Some((session.pool_handle().clone(), session.connected_element())),
            _ => None,
        })
    }

    /// The element of its session with a pool has given a cookie.
    pub fn has_cookie(&self) -> Result<bool, Closed> {
        self.read(|state| matches!(&state.role, Role::PoolUser(session) if session.has_cookie()))
    }

    /// The session with an element that messages went to.
    pub fn session_with(&self, delivery: &Delivery) -> Result<Option<SessionId>, Closed> {
        self.read(|state| state.session_with(delivery))
    }

    /// Keeps what the program says that it does with a session, for status reports. None: the socket has no such session.
    pub fn set_status_text(&self, session: SessionId, text: &str) -> Result<Option<()>, Closed> {
        self.change(|state| {
            match &state.role {
                Role::PoolUser(_) | Role::Accepted { ended: false, .. } => {}
                Role::OneToMany { sessions, .. } if sessions.contains_key(&session) => {}
                _ => return None,
            }
            state.status_text = Some(text.to_owned());
            Some(())
        })
    }
}

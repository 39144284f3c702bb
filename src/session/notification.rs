//! What an application is told about its sessions.

use crate::{PoolElementId, SessionId};
use std::fmt;

/// `sizeof(union rserpool_notification)`.
pub const NOTIFICATION_SIZE: usize = 20;

/// Something that happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// RSERPOOL_SESSION_CHANGE.
    SessionChange {
        /// Whether the session began or ended.
        change: SessionChange,
        /// The session that it is about, unique on its socket.
        session: SessionId,
    },
    /// RSERPOOL_FAILOVER with RSERPOOL_FAILOVER_NECESSARY: the element is gone. Call `force_failover`, unless the socket
    /// fails over by itself.
    FailoverNecessary {
        /// The session that it is about, unique on its socket.
        session: SessionId,
        /// There is a cookie to restore the session from.
        has_cookie: bool,
    },
    /// RSERPOOL_FAILOVER with RSERPOOL_FAILOVER_COMPLETE: another element serves the session.
    FailoverComplete {
        /// The session that it is about, unique on its socket.
        session: SessionId,
        /// The new element was sent the cookie.
        has_cookie: bool,
    },
    /// RSERPOOL_SHUTDOWN_EVENT: the peer ends the session.
    Shutdown {
        /// The session that it is about, unique on its socket.
        session: SessionId,
    },
    /// RSERPOOL_SEND_FAILED: an element never acknowledged some messages, and no other one will get them (the Error.Report of
    /// RFC 5352 section 6.7).
    SendFailed {
        /// The session that it is about, unique on its socket.
        session: SessionId,
        /// Identifier of the element that they were sent to.
        element: PoolElementId,
        /// Number of messages, at least one.
        messages: u32,
    },
    /// RSERPOOL_REGISTRATION_CHANGE: how the registration of a pool element stands now (the indication of RFC 5352 section 3.1). For
    /// sockets that want it.
    RegistrationChange {
        /// Identifier of the element.
        element: PoolElementId,
        /// An errno, as the option RSERPOOL_REGISTRATION_ERROR has it; 0: a registrar has taken it.
        error: i32,
    },
}

/// Which way a session changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// RSERPOOL_SESSION_ADD.
    Add,
    /// RSERPOOL_SESSION_REMOVE.
    Remove,
}

impl Notification {
    /// The session that it is about.
    pub fn session(self) -> SessionId {
        match self {
            Notification::SessionChange { session, .. }
            | Notification::FailoverNecessary { session, .. }
            | Notification::FailoverComplete { session, .. }
            | Notification::SendFailed { session, .. }
            | Notification::Shutdown { session } => session,
            Notification::RegistrationChange { .. } => SessionId(0),
        }
    }

    /// What this one and an older one of the same kind come to, where there is room for one only; none: both have to be told.
    pub(super) fn in_place_of(self, old: Notification) -> Option<Notification> {
        use Notification::{FailoverComplete, FailoverNecessary, SendFailed, Shutdown};
        if self.session() != old.session() {
            return None;
        }
        match (self, old) {
            (FailoverNecessary { .. }, FailoverNecessary { .. })
            | (FailoverComplete { .. }, FailoverComplete { .. })
            | (Shutdown { .. }, Shutdown { .. }) => Some(self),
            (SendFailed { session, element, messages }, SendFailed { messages: before, .. }) => {
                Some(SendFailed { session, element, messages: messages.saturating_add(before) })
            }
            _ => None,
        }
    }

    /// The bytes of `union rserpool_notification` as C programs read them.
    pub fn to_bytes(self) -> [u8; NOTIFICATION_SIZE] {
        let (kind, state, session, has_cookie) = match self {
            Notification::RegistrationChange { element, error } => (5, error as u32, SessionId(element.0), false),
            Notification::SendFailed { session, messages, .. } => (4, messages, session, false),
            Notification::SessionChange { change: SessionChange::Add, session } => (1u16, 1u32, session, false),
            Notification::SessionChange { change: SessionChange::Remove, session } => (1, 2, session, false),
            Notification::FailoverNecessary { session, has_cookie } => (2, 1, session, has_cookie),
            Notification::FailoverComplete { session, has_cookie } => (2, 2, session, has_cookie),
            // This one has its session where the others have their state.
            Notification::Shutdown { session } => (3, session.0, SessionId(0), false),
        };
        let mut bytes = [0; NOTIFICATION_SIZE];
        bytes[0..2].copy_from_slice(&kind.to_ne_bytes());
        bytes[4..8].copy_from_slice(&(NOTIFICATION_SIZE as u32).to_ne_bytes());
        bytes[8..12].copy_from_slice(&state.to_ne_bytes());
        bytes[12..16].copy_from_slice(&session.0.to_ne_bytes());
        bytes[16] = u8::from(has_cookie);
        if let Notification::SendFailed { element, .. } = self {
            bytes[16..20].copy_from_slice(&element.0.to_ne_bytes());
        }
        bytes
    }

    /// Reads what [`Notification::to_bytes`] wrote; `None` when a program made something else of it.
    pub fn from_bytes(bytes: &[u8; NOTIFICATION_SIZE]) -> Option<Notification> {
        let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (session, has_cookie) = (SessionId(word(12)), bytes[16] != 0);
        match (u16::from_ne_bytes([bytes[0], bytes[1]]), word(8)) {
            (1, 1) => Some(Notification::SessionChange { change: SessionChange::Add, session }),
            (1, 2) => Some(Notification::SessionChange { change: SessionChange::Remove, session }),
            (2, 1) => Some(Notification::FailoverNecessary { session, has_cookie }),
            (2, 2) => Some(Notification::FailoverComplete { session, has_cookie }),
            (4, messages) => Some(Notification::SendFailed { session, element: PoolElementId(word(16)), messages }),
            (5, error) => {
                Some(Notification::RegistrationChange { element: PoolElementId(word(12)), error: error as i32 })
            }
            (3, session) => Some(Notification::Shutdown { session: SessionId(session) }),
            _ => None,
        }
    }
}

impl fmt::Display for Notification {
    /// The text of `rsp_print_notification`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookie = |has: &bool| if *has { "with cookie" } else { "without cookie" };
        match self {
            Notification::SessionChange { change: SessionChange::Add, session } => {
                write!(f, "session {} added", session.0)
            }
            Notification::SessionChange { change: SessionChange::Remove, session } => {
                write!(f, "session {} removed", session.0)
            }
            Notification::FailoverNecessary { session, has_cookie } => {
                write!(f, "failover necessary for session {} ({})", session.0, cookie(has_cookie))
            }
            Notification::FailoverComplete { session, has_cookie } => {
                write!(f, "failover complete for session {} ({})", session.0, cookie(has_cookie))
            }
            Notification::Shutdown { session } => write!(f, "session {} shut down", session.0),
            Notification::RegistrationChange { element, error } => {
                write!(f, "registration of {element}: error {error}")
            }
            Notification::SendFailed { session, element, messages } => {
                write!(f, "{messages} messages not delivered to element {element} in session {}", session.0)
            }
        }
    }
}

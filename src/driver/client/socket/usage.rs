//! What status reports tell of a socket, and what a program says of itself for them.

use super::Socket;
use super::settings::Registered;
use crate::driver::client::call_error::Closed;
use crate::{PoolElementId, SessionId};
use std::net::SocketAddr;

/// What is kept for status reports alone.
#[derive(Default)]
pub(super) struct ForReports {
    /// What the program says that it does with the session.
    text: Option<String>,
    /// The payload protocol identifier of the last message sent.
    last_ppid: u32,
}

impl ForReports {
    /// A message of this kind is sent.
    pub fn note_ppid(&mut self, ppid: u32) {
        self.last_ppid = ppid;
    }
}

/// What a socket is used for at a moment.
pub struct Usage {
    /// How many sessions it has.
    pub sessions: usize,
    /// The element that its session with a pool has.
    pub element: Option<PoolElementId>,
    /// Its session with a pool has no element.
    pub searches: bool,
    /// The payload protocol identifier of the last message sent.
    pub last_ppid: u32,
    /// What the program says that it does.
    pub text: Option<String>,
    /// What it is registered as.
    pub registration: Option<Registered>,
    /// The first of the addresses that it was bound to.
    pub bound: Option<SocketAddr>,
}

impl Socket {
    /// What the socket is used for now.
    pub(in crate::driver::client) fn usage(&self) -> Result<Usage, Closed> {
        self.read(|state| {
            let user = state.role.pool_user().map(|user| user.session());
            let element = user.and_then(|session| session.connected_element());
            Usage {
                sessions: state.role.sessions(),
                element,
                searches: user.is_some() && element.is_none(),
                last_ppid: state.for_reports.last_ppid,
                text: state.for_reports.text.clone(),
                registration: state.settings.registration().cloned(),
                bound: state.settings.bind_addresses().first().copied(),
            }
        })
    }

    /// Keeps what the program says that it does with a session, for status reports. None: the socket has no such session.
    pub fn set_status_text(&self, session: SessionId, text: &str) -> Result<Option<()>, Closed> {
        self.change(|state| state.role.has_session(session).then(|| state.for_reports.text = Some(text.to_owned())))
    }
}

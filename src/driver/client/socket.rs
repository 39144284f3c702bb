//! An RSerPool socket: its sessions, its inbox, and what its descriptor shows.

mod accepted;
mod actions;
mod descriptor;
mod events;
mod listening;
mod one_to_many;
mod pool_sending;
mod pool_user;
mod receive;
mod registered;
mod role;
mod room;
mod send;
mod settings;
mod usage;

use super::bell::Bell;
use super::endpoint::Endpoint;
use super::endpoint_state::{EndpointState, SessionActions};
use super::readiness::{Readiness, Shown};
use crate::session::Inbox;
use crate::{SessionId, Time};
use descriptor::Descriptor;
use parking_lot::Mutex;
use role::{OrderlyEnd, Role};
use room::Room;
use settings::Settings;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use usage::ForReports;

pub use pool_user::SessionStatus;
pub use registered::errno_of;
pub use role::TakenUp;
pub use settings::Registered;
pub use usage::Usage;

/// Sessions that wait for `accept` on one socket, whatever `listen` was told.
pub const MAX_BACKLOG: usize = 4096;
/// The session of a connected or accepted socket.
pub const ONLY_SESSION: SessionId = SessionId(1);
/// The session of what a pool element sends to itself. No message can be sent in it.
const OWN_SESSION: SessionId = SessionId(0);
/// Why a message costs its sender the association.
const TOO_MUCH_UNREAD: &str = "receive queue full: the application does not read";
/// The same for one of which there is no room in memory: it must not be missing in a session that goes on.
const NO_MEMORY: &str = "no memory for a message";

/// The style of a socket (RFC 6458).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// SOCK_STREAM: a server has a descriptor for each session.
    OneToOne,
    /// SOCK_SEQPACKET: a server has all sessions on one.
    OneToMany,
}

/// An RSerPool socket.
pub struct Socket {
    /// Unique in the process.
    pub id: u64,
    /// Which of SCTP's two styles it has.
    pub style: Style,
    /// Where its associations live; set once, by bind, listen, register or connect.
    pub endpoint: OnceLock<Arc<Endpoint>>,
    state: Mutex<SocketState>,
    /// Rings whenever the state changes in a way that a blocked call may wait for.
    changed: Arc<Bell>,
}

/// What the lock of a socket protects.
struct SocketState {
    descriptor: Descriptor,
    wants_registration_news: bool,
    /// Shows news of the registration, where the program wants them and sessions are accepted.
    news: Descriptor,
    changed: Arc<Bell>,
    /// The errno of calls from now on.
    closed: Option<libc::c_int>,
    inbox: Inbox,
    role: Role,
    room: Room,
    settings: Settings,
    for_reports: ForReports,
    /// The timer that the endpoint has for it.
    timer: Option<Time>,
}

impl Socket {
    /// A socket with a descriptor of its own.
    pub fn new(style: Style) -> std::io::Result<Arc<Socket>> {
        let descriptor = Readiness::new()?;
        let socket = Socket::without_descriptor(style, Role::Fresh);
        socket.state.lock().descriptor.replace(descriptor);
        Ok(socket)
    }

    fn without_descriptor(style: Style, role: Role) -> Arc<Socket> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let bell = Arc::new(Bell::default());
        Arc::new(Socket {
            id: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            style,
            endpoint: OnceLock::new(),
            state: Mutex::new(SocketState {
                descriptor: Descriptor::none(),
                wants_registration_news: false,
                news: Descriptor::none(),
                changed: Arc::clone(&bell),
                closed: None,
                inbox: Inbox::new(),
                role,
                room: Room::default(),
                settings: Settings::default(),
                for_reports: ForReports::default(),
                timer: None,
            }),
            changed: bell,
        })
    }

    /// The descriptor's number; none before `accept` and after `close`.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.state.lock().descriptor.raw()
    }

    /// Gives an accepted socket its descriptor.
    pub fn make_descriptor(&self) -> std::io::Result<()> {
        self.replace_descriptor().map(drop)
    }

    /// An accepted socket without its descriptor again.
    fn drop_descriptor(&self) {
        self.state.lock().descriptor.remove();
    }

    /// Takes another number, as something else stands in the table under this one. Keep the result until the search is over.
    pub fn replace_descriptor(&self) -> std::io::Result<Option<Arc<Readiness>>> {
        let descriptor = Readiness::new()?;
        let mut state = self.state.lock();
        let old = state.descriptor.replace(descriptor);
        state.update();
        Ok(old)
    }

    /// Closes the socket: every call on it fails with `errno` from now on, blocked ones included; its sessions are closed
    /// in order, in the background. Returns what it was registered as.
    pub fn close(self: &Arc<Self>, errno: libc::c_int) -> Option<Registered> {
        let Some(endpoint) = self.endpoint.get().cloned() else {
            let (_, registration) = self.mark_closed(errno);
            if let Some(endpoint) = self.endpoint.get() {
                // Another thread has bound the socket just now.
                endpoint.with(EndpointState::retire);
            }
            return registration;
        };
        let (pending, registration) = endpoint.with(|endpoint| {
            let now = crate::driver::clock::now();
            endpoint.stop_listening(self.id);
            // First of all: nobody who receives here may take the end of the session for that of the peer.
            self.fail(errno);
            // An accepted socket lives on the endpoint of the one that listens.
            if !self.state.lock().role.lives_on_anothers_endpoint() {
                endpoint.retire();
            }
            self.close_sessions(endpoint, now);
            let (role, registration) = self.mark_closed(errno);
            (role.into_pending(), registration)
        });
        for socket in pending {
            socket.close(errno);
        }
        registration
    }

    fn close_sessions(self: &Arc<Self>, endpoint: &mut EndpointState, now: Time) {
        let associations = self.state.lock().role.associations();
        for association in associations {
            endpoint.shutdown(now, association);
        }
        let actions = self.feed(now, crate::session::Event::Close);
        self.perform(endpoint, now, actions);
    }

    /// Makes every call fail with `errno` from now on, blocked ones included, without closing anything.
    pub fn fail(&self, errno: libc::c_int) {
        let mut state = self.state.lock();
        state.closed.get_or_insert(errno);
        state.update();
    }

    fn mark_closed(&self, errno: libc::c_int) -> (Role, Option<Registered>) {
        let mut state = self.state.lock();
        state.closed.get_or_insert(errno);
        state.inbox = Inbox::new();
        // Wakes the threads that wait in poll(2); the number stays taken until the last of them has gone.
        state.update();
        state.descriptor.remove();
        state.news.remove();
        (std::mem::replace(&mut state.role, Role::Fresh), state.settings.take_registration())
    }
}

impl SocketState {
    /// Something has changed that somebody may wait for.
    fn update(&mut self) {
        self.changed.ring();
        self.show();
    }

    /// Brings what the descriptor shows in line with what holds. Wakes nobody: enough where a call was refused, whose thread
    /// would otherwise wake itself again and again.
    fn show(&mut self) {
        if self.descriptor.is_quiet() && self.closed.is_none() {
            return;
        }
        let wanted = Shown { readable: self.is_readable(), writable: self.is_writable() };
        self.descriptor.show(wanted);
        self.show_news();
    }

    fn is_readable(&self) -> bool {
        let to_receive = self.role.can_receive() && !self.inbox.is_empty();
        self.closed.is_some() || to_receive || self.role.has_ended() || self.role.has_pending()
    }

    /// A send would not block: it would succeed, or fail at once. With several sessions: to one of them at least. Were the
    /// descriptor writable as long as any session has room, a program that waits for another one would spin; were it
    /// writable only when all have, one peer that does not read would stop the others. So it is not writable from a refusal
    /// until any session that refused has room, or is gone, or any other takes a message.
    fn is_writable(&self) -> bool {
        self.closed.is_some() || (self.role.can_tell() && !self.room.is_refused())
    }
}

#[cfg(test)]
mod tests;

//! An RSerPool socket: its sessions, its inbox, and what its descriptor shows.

mod events;
mod listen;
mod pool;
mod receive;
mod role;
mod send;
mod settings;
mod settle;

use super::bell::Bell;
use super::endpoint::Endpoint;
use super::endpoint_state::{EndpointState, SessionActions};
use super::readiness::{Readiness, Shown};
use crate::collections::SortedMap;
use crate::session::{Inbox, NoElement, PoolSender, PoolUserConfig, PoolUserSession, ServerSession};
use crate::transport::SctpParameters;
use crate::{AssociationId, PoolElementId, PoolHandle, SessionId, Time};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub use pool::OWN_SESSION;
pub use role::TakenUp;
pub use settle::SessionStatus;

/// Sessions that wait for `accept` on one socket, whatever `listen` was told.
pub const MAX_BACKLOG: usize = 4096;
/// The session of a connected or accepted socket.
pub const ONLY_SESSION: SessionId = SessionId(1);

/// An RSerPool socket.
pub struct Socket {
    /// Unique in the process.
    pub id: u64,
    /// SOCK_STREAM: a descriptor for each session; otherwise SOCK_SEQPACKET.
    pub one_to_one: bool,
    /// Where its associations live; set once, by bind, listen, register or connect.
    pub endpoint: OnceLock<Arc<Endpoint>>,
    pub(super) state: Mutex<SocketState>,
    /// Rings whenever the state changes in a way that a blocked call may wait for.
    pub(super) changed: Arc<Bell>,
}

/// What the lock of a socket protects.
pub(super) struct SocketState {
    pub(super) readiness: Option<Arc<Readiness>>,
    pub(super) shown: Shown,
    /// The thread that is bringing messages reads the next one itself: what the descriptor shows can wait until then.
    pub(super) quiet: bool,
    changed: Arc<Bell>,
    /// The errno of calls from now on.
    pub(super) closed: Option<libc::c_int>,
    pub(super) inbox: Inbox,
    /// What the socket is used for.
    pub(super) role: Role,
    /// Sends to pools, where the socket did that before.
    pub(super) sender: Option<Box<PoolSender>>,
    /// What the socket is registered as.
    pub(super) registration: Option<Registered>,
    /// The ASAP_BUSINESS_CARD that every new session gets, where the program has given one.
    pub(super) business_card: Option<Vec<u8>>,
    /// What the program says that it does with the session, for status reports.
    pub(super) status_text: Option<String>,
    /// The payload protocol identifier of the last message sent.
    pub(super) last_ppid: u32,
    /// Addresses given to bind.
    pub(super) bind: Vec<SocketAddr>,
    /// SCTP parameters that were chosen for its endpoint.
    pub(super) parameters: Option<SctpParameters>,
    /// Settings of a session with a pool.
    pub(super) config: PoolUserConfig,
    /// Associations whose send queue is full.
    pub(super) blocked: SortedMap<AssociationId, ()>,
    /// The last attempt to send came to a full queue, and nothing has changed for the better since.
    pub(super) refused: bool,
    /// The results that `Action::Settled` brought, counted so that each waiter finds its own.
    pub(super) settled: (u64, Option<Result<(), NoElement>>),
    timer: Option<Time>,
}

/// A registration of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// Identifier of the element, unique in its pool.
    pub pool_element_id: PoolElementId,
    /// Its load, under a policy that has one: `u32::MAX` is 100 %.
    pub load: Option<u32>,
}

/// What a socket is used for.
pub(super) enum Role {
    /// Nothing yet.
    Fresh,
    /// One-to-one server: sessions that wait to be accepted.
    Listening {
        /// Oldest first.
        pending: VecDeque<Arc<Socket>>,
        /// How many may wait.
        backlog: usize,
    },
    /// A session that a listening socket accepted.
    Accepted {
        /// The session with its association.
        session: ServerSession,
        /// Its association is gone.
        ended: bool,
    },
    /// One-to-many server.
    OneToMany {
        /// All sessions.
        sessions: SortedMap<SessionId, ServerSession>,
        /// The last identifier given.
        last: u32,
    },
    /// A session with a pool.
    PoolUser(Box<PoolUserSession>),
}

impl Socket {
    /// A socket with a descriptor of its own.
    pub fn new(one_to_one: bool) -> std::io::Result<Arc<Socket>> {
        let (readiness, shown) = Readiness::new()?;
        let socket = Socket::without_descriptor(one_to_one, Role::Fresh);
        {
            let mut state = socket.state.lock();
            state.readiness = Some(Arc::new(readiness));
            state.shown = shown;
        }
        Ok(socket)
    }

    pub(super) fn without_descriptor(one_to_one: bool, role: Role) -> Arc<Socket> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let bell = Arc::new(Bell::default());
        Arc::new(Socket {
            id: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            one_to_one,
            endpoint: OnceLock::new(),
            state: Mutex::new(SocketState {
                readiness: None,
                shown: Shown { readable: false, writable: true },
                quiet: false,
                changed: Arc::clone(&bell),
                closed: None,
                inbox: Inbox::new(),
                role,
                sender: None,
                registration: None,
                business_card: None,
                status_text: None,
                last_ppid: 0,
                bind: Vec::new(),
                parameters: None,
                config: PoolUserConfig::default(),
                blocked: SortedMap::new(),
                refused: false,
                settled: (0, None),
                timer: None,
            }),
            changed: bell,
        })
    }

    /// The descriptor's number; none before `accept` and after `close`.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.state.lock().readiness.as_ref().map(|readiness| readiness.raw())
    }

    /// Gives an accepted socket its descriptor.
    pub fn make_descriptor(&self) -> std::io::Result<()> {
        let (readiness, shown) = Readiness::new()?;
        let mut state = self.state.lock();
        state.readiness = Some(Arc::new(readiness));
        state.shown = shown;
        state.update();
        Ok(())
    }

    /// An accepted socket without its descriptor again.
    pub(super) fn drop_descriptor(&self) {
        let mut state = self.state.lock();
        state.readiness = None;
    }

    /// Takes another number, as something else stands in the table under this one. Keep the result until the search is over.
    pub fn replace_descriptor(&self) -> std::io::Result<Option<Arc<Readiness>>> {
        let (readiness, shown) = Readiness::new()?;
        let mut state = self.state.lock();
        let old = state.readiness.replace(Arc::new(readiness));
        state.shown = shown;
        state.update();
        Ok(old)
    }

    /// Why its session with this pool has no element, where searching has shown that.
    pub fn obstacle(&self) -> Option<(PoolHandle, NoElement)> {
        match &self.state.lock().role {
            Role::PoolUser(session) => session.obstacle().map(|why| (session.pool_handle().clone(), why)),
            _ => None,
        }
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
            if !matches!(self.state.lock().role, Role::Accepted { .. }) {
                endpoint.retire();
            }
            self.close_sessions(endpoint, now);
            let (role, registration) = self.mark_closed(errno);
            let pending = if let Role::Listening { pending, .. } = role { pending } else { VecDeque::new() };
            (pending, registration)
        });
        for socket in pending {
            socket.close(errno);
        }
        registration
    }

    fn close_sessions(self: &Arc<Self>, endpoint: &mut EndpointState, now: Time) {
        let associations: Vec<AssociationId> = match &self.state.lock().role {
            Role::Accepted { session, .. } => vec![session.association()],
            Role::OneToMany { sessions, .. } => sessions.values().map(ServerSession::association).collect(),
            _ => Vec::new(),
        };
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
        state.readiness = None;
        state.sender = None;
        (std::mem::replace(&mut state.role, Role::Fresh), state.registration.take())
    }
}

impl SocketState {
    /// Something has changed that somebody may wait for.
    pub(super) fn update(&mut self) {
        self.changed.ring();
        self.show();
    }

    /// Brings what the descriptor shows in line with what holds. Wakes nobody: enough where a call was refused, whose thread
    /// would otherwise wake itself again and again.
    pub(super) fn show(&mut self) {
        let Some(readiness) = &self.readiness else { return };
        if self.quiet && self.closed.is_none() {
            return;
        }
        let wanted = Shown { readable: self.is_readable(), writable: self.is_writable() };
        if wanted != self.shown {
            readiness.set(&mut self.shown, wanted);
        }
    }

    fn is_readable(&self) -> bool {
        let more = match &self.role {
            Role::Listening { pending, .. } => !pending.is_empty(),
            Role::Accepted { ended, .. } => *ended,
            Role::PoolUser(session) => session.has_ended(),
            _ => false,
        };
        more || self.closed.is_some() || !self.inbox.is_empty()
    }

    /// A send would not block: it would succeed, or fail at once. With several sessions: to one of them at least. Were the
    /// descriptor writable as long as any session has room, a program that waits for another one would spin; were it
    /// writable only when all have, one peer that does not read would stop the others. So it is not writable from a refusal
    /// until any session that refused has room, or is gone, or any other takes a message.
    fn is_writable(&self) -> bool {
        let connected = match &self.role {
            Role::PoolUser(session) => session.association().is_some() || session.has_failed(),
            _ => true,
        };
        self.closed.is_some() || (connected && !self.refused)
    }
}

//! What other threads ask of the I/O thread.

use super::bell::Promise;
use super::subscription::Subscription;
use crate::asap::{Outcome, RegistrationState, Request, RequestError, RequestId};
use crate::association::PeerAddress;
use crate::session::Attempt;
use crate::{PoolElementId, PoolHandle};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// What the I/O thread is asked for.
pub(super) enum Command {
    Request {
        id: RequestId,
        request: Request,
        reply: Reply,
    },
    Register {
        id: RequestId,
        registration: Registration,
        reply: Reply,
    },
    /// How far is the registration of an element?
    AskRegistration {
        pool_handle: PoolHandle,
        pool_element_id: PoolElementId,
        reply: Promise<Option<RegistrationState>>,
    },
    Cancel(RequestId),
    /// The registrars known by name have been looked up.
    LookedUp(Vec<LookUp>),
    /// A session wants to know which elements are taken out of its pool.
    WantRemovals(PoolHandle),
    Subscribe {
        id: RequestId,
        subscription: Arc<Subscription>,
        reply: Reply,
    },
    Unsubscribe(Arc<Subscription>),
    Stop,
}

/// What became of the name of a registrar.
pub(super) type LookUp = std::io::Result<Vec<PeerAddress>>;

/// A registration whose addresses depend on how the registrar is reached.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// The element, its transport still without addresses where the socket is bound to the wildcard address.
    pub pool_element: crate::wire::PoolElement,
    /// T4-reregistration.
    pub reregistration_interval: Duration,
    /// The socket that is registered, and may want to be told how that goes.
    pub socket: Option<SocketName>,
}

impl Registration {
    /// What names it.
    pub(super) fn key(&self) -> (PoolHandle, PoolElementId) {
        (self.pool_handle.clone(), self.pool_element.id)
    }
}

/// Names a socket that may be closed by the time when it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketName {
    /// Where it stands in the table of descriptors.
    pub descriptor: RawFd,
    /// What nobody else has who comes to stand there later.
    pub id: u64,
}

/// What waits for the answer of a request.
pub(super) enum Reply {
    /// A session that resolves: which resolution.
    Session { socket: SocketName, attempt: Attempt },
    /// A thread.
    Waiter(Promise<Result<Outcome, RequestError>>),
    /// Nobody.
    Nobody,
}

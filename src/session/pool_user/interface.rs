//! What goes into a pool user's session and what comes out.

use crate::association::{LossReason, PeerAddress, Undelivered};
use crate::session::Notification;
use crate::wire::{Policy, PoolElement};
use crate::{AssociationId, PoolElementId, PoolHandle, SessionId};
use std::time::Duration;

/// Settings of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolUserConfig {
    /// Fail over without waiting for the application.
    pub automatic: bool,
    /// After a failover send again what the old element never acknowledged.
    pub resend: bool,
    /// How long a search that somebody waits for may take with all its connects, and one connect where nobody does.
    pub connect_timeout: Duration,
    /// How long one element is waited for before the next one is tried as well.
    pub head_start: Duration,
    /// First pause before a pool that is empty, or all of whose elements failed, is tried again.
    pub retry_delay: Duration,
    /// stale.cache.value of the first resolution.
    pub stale_cache: Duration,
    /// Let the registrar tell when the element is taken out of its pool, and fail over then.
    pub wants_removals: bool,
}

impl PoolUserConfig {
    /// The `fast` profile, for call control.
    pub fn fast() -> PoolUserConfig {
        PoolUserConfig {
            connect_timeout: Duration::from_millis(300),
            head_start: Duration::from_millis(50),
            retry_delay: Duration::from_millis(50),
            wants_removals: true,
            ..PoolUserConfig::default()
        }
    }
}

impl Default for PoolUserConfig {
    fn default() -> PoolUserConfig {
        PoolUserConfig {
            automatic: false,
            resend: false,
            connect_timeout: Duration::from_millis(5000),
            head_start: Duration::from_millis(250),
            retry_delay: Duration::from_millis(250),
            stale_cache: Duration::ZERO,
            wants_removals: false,
        }
    }
}

/// Names a resolution or a connect from its action to its result; results of older ones are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u64);

/// What an application that wants another element says of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// It cannot be reached: the registrar is to know.
    Element,
    /// Nothing.
    Nobody,
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The application wants the session.
    Start,
    /// The application wants another element.
    ForceFailover {
        /// Whether that is the old one's fault.
        blame: Blame,
        /// stale.cache.value.
        stale_cache: Duration,
    },
    /// A resolution succeeded.
    Resolved {
        /// The connect, as the core's `Connect` named it.
        attempt: Attempt,
        /// Policy of the pool with its values.
        policy: Policy,
        /// Best first.
        pool_elements: Vec<PoolElement>,
    },
    /// A resolution failed.
    ResolveFailed {
        /// The connect, as the core's `Connect` named it.
        attempt: Attempt,
        /// What was in the way.
        why: ResolveFailure,
    },
    /// A connect succeeded.
    Up {
        /// The connect, as the core's `Connect` named it.
        attempt: Attempt,
        /// Its number from now on; no later association ever gets it.
        association: AssociationId,
    },
    /// A connect failed.
    ConnectFailed {
        /// The connect, as the core's `Connect` named it.
        attempt: Attempt,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
    },
    /// A connect was not even tried, for want of descriptors, ports or memory of our own, or as this side is connected with the element
    /// still: that says nothing about the element.
    CannotConnect {
        /// The connect, as the core's `Connect` named it.
        attempt: Attempt,
    },
    /// The association is gone.
    Lost {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
        /// What the element never acknowledged, oldest first.
        undelivered: Vec<Undelivered>,
    },
    /// The registrar took an element out of the pool.
    ElementRemoved(PoolElementId),
    /// Somebody else in this process found the element unreachable.
    ElementSuspected(PoolElementId),
    /// A message with ASAP's payload protocol identifier.
    Control {
        /// The association that it goes over; it is up.
        association: AssociationId,
        /// The message as it came, not yet decoded.
        bytes: &'a [u8],
    },
    /// The transport took what [`PoolUserSession::next_resend`](super::PoolUserSession::next_resend) gave.
    Resent,
    /// The transport will never take it: it is too long for it, or on a stream that the association lacks.
    ResendRefused,
    /// An association that refused a message for want of room takes messages again.
    Writable {
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// `next_deadline` has come.
    Timeout,
    /// The application closes the session.
    Close,
}

/// What a session wants done, in this order and before anything that the application sends after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Resolve a pool handle.
    Resolve {
        /// Names it.
        attempt: Attempt,
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// Elements wanted; none: as many as the registrar gives.
        items: Option<u32>,
        /// stale.cache.value.
        stale_cache: Duration,
    },
    /// Connect to an element.
    Connect {
        /// Names it.
        attempt: Attempt,
        /// Where to connect: address, port and kind of transport.
        peer: PeerAddress,
        /// For how long to try.
        timeout: Duration,
    },
    /// Give a connect up.
    CancelConnect {
        /// The connect, as the core's `Connect` named it.
        attempt: Attempt,
    },
    /// Send a message with ASAP's payload protocol identifier.
    SendControl {
        /// The association that it goes over; it is up.
        association: AssociationId,
        /// One message, encoded, with its header.
        bytes: Vec<u8>,
    },
    /// Send what [`PoolUserSession::next_resend`](super::PoolUserSession::next_resend) gives, message after message, as long as
    /// there is one and the association takes it.
    Resend {
        /// The association that it goes over; it is up.
        association: AssociationId,
    },
    /// See at once whether the other end of an association is still there.
    Probe {
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// Abort an association and hand back what its element never acknowledged: [`Event::Lost`] always follows.
    GiveUp {
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// Abort an association on which nothing was sent.
    Abort {
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// Close an association in order.
    Shutdown {
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// End a session, its association in order, and tell the application.
    EndSession {
        /// The session that it is about, unique on its socket.
        session: SessionId,
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// Report an element to the registrar as unreachable.
    Report {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// Identifier of the element, unique in its pool.
        pool_element_id: PoolElementId,
    },
    /// Have the registrar tell which elements are taken out of the session's pool: [`Event::ElementRemoved`].
    WantRemovals,
    /// Tell the application.
    Notify(Notification),
    /// Drop what the application has not read of this session.
    ClearInbox,
    /// What the application waits for has come to this.
    Settled(Result<(), NoElement>),
}

/// Why a pool handle was not resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveFailure {
    /// The registrar knows no such pool.
    UnknownPool,
    /// No registrar answered.
    NoRegistrar,
    /// Nobody could be asked: this process or host has no descriptor left.
    NoDescriptor,
    /// Nobody was asked: this process has as many requests under way as it may.
    TooManyRequests,
}

/// Why a connect or failover that the application waited for came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoElement {
    /// No element could be reached.
    Unreachable,
    /// There is no such pool, or it is empty.
    UnknownPool,
    /// No registrar answered.
    NoRegistrar,
    /// No registrar could be asked: this process or host has no descriptor left.
    NoDescriptor,
    /// No registrar was asked: this process has as many requests under way as it may.
    TooManyRequests,
    /// The session was closed meanwhile.
    Closed,
}

//! What goes into the ASAP client core and what comes out.

use crate::association::{LossReason, NO_DESCRIPTOR, PeerAddress, TransportKind};
use crate::wire::{Cause, OperationalError, Policy, PoolElement};
use crate::{AssociationId, PoolElementId, PoolHandle};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// One step of this core.
pub(super) type Step<'a> = crate::step::Step<'a, Action>;

/// An element of our own: the pool it is in, and its identifier there.
pub(super) type ElementKey = (PoolHandle, PoolElementId);

/// Names a request from its start to its [`Action::Complete`]; chosen by the caller, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a connect from its [`Action::Connect`] to its result; chosen by the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectAttempt(pub u64);

/// What an application wants of ASAP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Register an element, or change its registration, and keep it registered every `reregistration_interval` until it is
    /// de-registered. Completes when the first registration is answered or given up; the core goes on trying after that.
    Register {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// The element; its registration life is sent as it is.
        pool_element: PoolElement,
        /// T4-reregistration.
        reregistration_interval: Duration,
    },
    /// De-register an element.
    Deregister {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// Identifier of the element, unique in its pool.
        pool_element_id: PoolElementId,
    },
    /// Resolve a pool handle into elements, in the order in which to use them: the registrar's order, or from the cache the
    /// policy applied again as far as a client can (Round Robin and Random; the registrar's order for all others).
    Resolve {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// Elements wanted at most; none: as many as the registrar gives.
        items: Option<u32>,
        /// stale.cache.value: an answer from the cache will do when it is younger than this.
        stale_cache: Duration,
    },
    /// Be told of every change of a pool, and of the pool as it is now, until [`Request::Unsubscribe`]: by the registrar
    /// itself, or by asking it often. Completes at once; without a registrar nothing is told until there is one.
    Subscribe {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
    },
    /// Not be told any more.
    Unsubscribe {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
    },
    /// Tell the registrar that an element does not answer, and stop offering it from the cache. Completes at once. Only for
    /// elements to which the application has sent something (RFC 5352 section 3.5), and once for each such event.
    ReportUnreachable {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// Identifier of the element, unique in its pool.
        pool_element_id: PoolElementId,
    },
}

/// A pool as a registrar tells it to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolState {
    /// These are its elements.
    Known {
        /// The pool's policy.
        policy: Policy,
        /// In no order that means anything.
        pool_elements: Vec<PoolElement>,
    },
    /// There is no such pool, or it is empty.
    Unknown,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Registered.
    Registered,
    /// De-registered.
    Deregistered,
    /// Resolved into at least one element.
    Resolved {
        /// The pool's policy.
        policy: Policy,
        /// The elements, best first.
        pool_elements: Vec<PoolElement>,
    },
    /// Subscribed: [`Action::PoolChanged`] follows with the pool as it is, and with every change.
    Subscribed,
    /// No [`Action::PoolChanged`] follows any more.
    Unsubscribed,
    /// The report is on its way, or there is nobody to report to.
    Reported,
}

/// How an element of our own and the home registrar stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// It is to be registered, and there is no answer yet.
    Waiting,
    /// It is registered.
    Registered,
    /// The registrar refused it, and is asked again by itself.
    RefusedForNow(Cause),
    /// The registrar refused it. The application has to register it anew, corrected; another home registrar is asked once.
    Refused(Cause),
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The registrar refused it.
    Rejected(OperationalError),
    /// There is no such pool, or it is empty.
    UnknownPoolHandle,
    /// No registrar could be reached.
    NoRegistrar {
        /// Connects tried.
        attempts: u32,
        /// For how long.
        waited: Duration,
    },
    /// No registrar could be asked: this process or host has no descriptor left.
    NoDescriptor {
        /// For how long.
        waited: Duration,
    },
    /// A registrar was there but did not answer.
    NoResponse {
        /// Requests sent.
        attempts: u32,
        /// For how long.
        waited: Duration,
    },
    /// `max_requests` are under way.
    TooManyRequests,
    /// `max_pool_elements` are registered, or to be registered.
    TooManyPoolElements,
    /// This host has no address by which users could reach the element: it is registered as soon as there is one.
    NoAddress,
    /// Withdrawn by [`Event::Cancel`] or [`Event::Shutdown`].
    Cancelled,
    /// The request makes no sense to ASAP, e.g. a handle too long to encode.
    Invalid(&'static str),
}

/// In a number whose text the library has anyway; that of 128 bits would be there for this alone.
fn millis(duration: &Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Rejected(error) => match error.first() {
                Some(cause) => write!(f, "the registrar refused: {cause}"),
                None => f.write_str("the registrar refused without a reason"),
            },
            RequestError::UnknownPoolHandle => f.write_str("the pool does not exist or is empty"),
            RequestError::NoRegistrar { attempts, waited } => {
                write!(f, "no registrar reachable within {} ms ({attempts} attempts)", millis(waited))
            }
            RequestError::NoDescriptor { waited } => {
                write!(f, "no registrar could be asked within {} ms: {NO_DESCRIPTOR}", millis(waited))
            }
            RequestError::NoResponse { attempts, waited } => {
                write!(f, "no registrar answered within {} ms ({attempts} attempts)", millis(waited))
            }
            RequestError::TooManyRequests => f.write_str("too many requests under way"),
            RequestError::TooManyPoolElements => f.write_str("too many pool elements are registered"),
            RequestError::NoAddress => f.write_str(
                "this host has no address but loopback and link-local ones, so no user could reach it: it is registered as soon as there is one",
            ),
            RequestError::Cancelled => f.write_str("cancelled"),
            RequestError::Invalid(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for RequestError {}

/// What happens to the core.
#[derive(Debug)]
pub enum Event<'a> {
    /// A request of the application.
    Request(RequestId, Request),
    /// The application no longer wants an answer. What it asked for may happen all the same: an element stays to be
    /// registered until it is de-registered.
    Cancel(RequestId),
    /// A connect succeeded (`attempt`), or a registrar connected to us (none).
    AssociationUp {
        /// The new association.
        association: AssociationId,
        /// Which connect it belongs to.
        attempt: Option<ConnectAttempt>,
        /// The registrar's address.
        peer: PeerAddress,
        /// How it is connected.
        kind: TransportKind,
    },
    /// A connect failed.
    ConnectFailed {
        /// The connect, as the core's `Connect` named it.
        attempt: ConnectAttempt,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
    },
    /// An established association is gone.
    AssociationLost {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Why; [`LossReason::says_unreachable`] tells whether it says that the peer cannot be reached.
        reason: LossReason,
    },
    /// A message on an association.
    Message {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Payload protocol identifier, in host order.
        ppid: u32,
        /// One whole message.
        bytes: &'a [u8],
    },
    /// A datagram on the announcement group.
    Announcement {
        /// Where it came from.
        from: SocketAddr,
        /// The message as it came, not yet decoded.
        bytes: &'a [u8],
    },
    /// An element of our own has other values, addresses for instance: it is registered with them. Nobody waits for an answer, and it
    /// takes no room among the requests.
    ElementChanged {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// The element, as in [`Request::Register`]; ignored when it is not to be registered.
        pool_element: PoolElement,
        /// T4-reregistration.
        reregistration_interval: Duration,
    },
    /// The registrars known by name have been looked up, as [`Action::LookUp`] wanted it: the addresses of each, in the order of the
    /// names; none where the last ones are to be kept.
    LookedUp(Vec<Vec<PeerAddress>>),
    /// This host has other addresses: registrars that could not be reached a moment ago may be reached now.
    AddressesChanged,
    /// Somebody wants to know who is taken out of a pool: [`Action::Removed`] tells, if the registrar does.
    RemovalsWanted(PoolHandle),
    /// Nobody wants to know any more.
    RemovalsUnwanted(PoolHandle),
    /// `next_deadline` has come.
    Timeout,
    /// De-register everything that is registered, for `shutdown_timeout` at most and with the present home registrar only,
    /// then close. Requests under way are cancelled.
    Shutdown,
}

/// What the core wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to a registrar; answer with `AssociationUp` or `ConnectFailed`.
    Connect {
        /// Names the connect.
        attempt: ConnectAttempt,
        /// Over which transport.
        kind: TransportKind,
        /// Where to connect: address, port and kind of transport.
        peer: PeerAddress,
        /// For how long to try.
        timeout: Duration,
    },
    /// Look up the registrars that are known by name; answer with `LookedUp`.
    LookUp,
    /// Give up a connect; no answer is wanted any more.
    CancelConnect {
        /// The connect, as the core's `Connect` named it.
        attempt: ConnectAttempt,
    },
    /// Send an ASAP message.
    Send {
        /// The association that it goes over; it is up.
        association: AssociationId,
        /// One message, encoded, with its header.
        bytes: Vec<u8>,
    },
    /// Close an association in order.
    Shutdown {
        /// Its number, by which it came up.
        association: AssociationId,
    },
    /// Abort an association.
    Abort {
        /// Its number, by which it came up.
        association: AssociationId,
        /// Told to the peer.
        reason: &'static str,
    },
    /// A request is done.
    Complete {
        /// The number that the asker gave to the request.
        request: RequestId,
        /// How it ended.
        result: Result<Outcome, RequestError>,
    },
    /// The registrar took elements out of a pool whose removals are wanted: they have failed or left.
    Removed {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// Identifiers of the elements, each unique in the pool.
        pool_element_ids: Vec<PoolElementId>,
    },
    /// An element of our own and the home registrar stand otherwise than before. That it waits for an answer at first is not told.
    RegistrationChanged {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// Its identifier, unique in the pool.
        pool_element_id: PoolElementId,
        /// How they stand.
        state: RegistrationState,
    },
    /// A pool that is subscribed to, as the registrar tells it now; often the same as before.
    PoolChanged {
        /// Handle of the pool, 1 to 32 bytes by default.
        pool_handle: PoolHandle,
        /// How it is.
        state: PoolState,
    },
    /// The shutdown is complete: nothing more follows.
    ShutdownComplete,
}

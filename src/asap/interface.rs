//! What goes into the ASAP client core and what comes out.

use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::policy::Policies;
use crate::wire::{OperationalError, Policy, PoolElement};
use crate::{AssociationId, PoolElementId, PoolHandle};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// Settings of the core. Timer names as in RFC 5352 section 5.
#[derive(Clone, Debug)]
pub struct AsapConfig {
    /// Registrars known beforehand, tried together with those that announce themselves.
    pub static_registrars: Vec<PeerAddress>,
    /// The policies by which elements are selected from the cache.
    pub policies: Policies,
    /// How registrars may be reached when only resolutions are wanted, in order of preference. A registrar connection that
    /// carries registrations is always SCTP: the first SCTP kind in this list.
    pub registrar_transports: Vec<TransportKind>,
    /// Connections tried at a time while hunting for a registrar (RFC 5352 section 3.6: not more than three).
    pub max_parallel_connects: usize,
    /// How long one connect may take.
    pub connect_timeout: Duration,
    /// Rounds of the hunt without success after which a request fails that waits for a registrar; none: only time limits that.
    /// Elements to be registered are registered all the same when one is found later.
    pub max_connect_trials: Option<u32>,
    /// T1-ENRPrequest: time for a response to a resolution.
    pub t1_enrp_request: Duration,
    /// T2-registration: time for a response to a registration.
    pub t2_registration: Duration,
    /// T3-deregistration: time for a response to a de-registration.
    pub t3_deregistration: Duration,
    /// T5-Serverhunt: first pause between hunts; doubles up to `t5_max`.
    pub t5_server_hunt: Duration,
    /// Longest pause between hunts.
    pub t5_max: Duration,
    /// T7-ENRPoutdate: how long an announced registrar is remembered without a new announcement.
    pub t7_enrp_outdate: Duration,
    /// MAX-REG-ATTEMPT: registrations sent before the request fails.
    pub max_reg_attempt: u32,
    /// MAX-REQUEST-RETRANSMIT: resolutions sent again before the request fails.
    pub max_request_retransmit: u32,
    /// The longest that a request may take, hunting included: then it fails, whatever the other settings say.
    pub max_request_time: Duration,
    /// The longest that de-registrations may hold up a shutdown.
    pub shutdown_timeout: Duration,
    /// Requests waiting or under way at a time; more fail with [`RequestError::TooManyRequests`].
    pub max_requests: usize,
    /// Elements of our own, registered or being registered; more fail with [`RequestError::TooManyRequests`].
    pub max_pool_elements: usize,
    /// Pools kept in the cache.
    pub max_cached_pools: usize,
    /// Elements of one pool kept in the cache.
    pub max_cached_elements_per_pool: usize,
    /// Announced registrars remembered.
    pub max_registrars: usize,
    /// Associations that registrars, or who claims to be one, may have made to us; a new one pushes out the oldest.
    pub max_inbound_associations: usize,
}

impl Default for AsapConfig {
    /// Thresholds are those of RFC 5352 section 7. Its timers (T1 15 s, T2 and T3 30 s, T5 10 s, RETRAN.max 60 s) are too
    /// slow for call control, so these are chosen such that a request fails within five seconds at the latest, and a
    /// registrar that does not answer is left after one.
    fn default() -> AsapConfig {
        AsapConfig {
            static_registrars: Vec::new(),
            policies: Policies::standard(),
            registrar_transports: vec![TransportKind::KernelSctp, TransportKind::Tcp, TransportKind::SctpUdp],
            max_parallel_connects: 3,
            connect_timeout: Duration::from_millis(1500),
            max_connect_trials: None,
            t1_enrp_request: Duration::from_secs(1),
            t2_registration: Duration::from_secs(2),
            t3_deregistration: Duration::from_secs(2),
            t5_server_hunt: Duration::from_millis(500),
            t5_max: Duration::from_secs(8),
            t7_enrp_outdate: Duration::from_secs(5),
            max_reg_attempt: 2,
            max_request_retransmit: 2,
            max_request_time: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(1),
            max_requests: 4096,
            max_pool_elements: 1024,
            max_cached_pools: 256,
            max_cached_elements_per_pool: 128,
            max_registrars: 64,
            max_inbound_associations: 8,
        }
    }
}

impl AsapConfig {
    /// The `fast` profile, for call control: a registrar that does not answer is left after a fifth of a second.
    pub fn fast() -> AsapConfig {
        AsapConfig {
            connect_timeout: Duration::from_millis(300),
            t1_enrp_request: Duration::from_millis(200),
            t2_registration: Duration::from_millis(400),
            t3_deregistration: Duration::from_millis(400),
            t5_server_hunt: Duration::from_millis(100),
            t5_max: Duration::from_secs(1),
            max_request_time: Duration::from_secs(3),
            ..AsapConfig::default()
        }
    }

    /// The same settings with durations that make progress: zero would have timers expire again and again.
    pub(super) fn sane(mut self) -> AsapConfig {
        const SHORTEST: Duration = Duration::from_millis(1);
        for duration in [
            &mut self.connect_timeout,
            &mut self.t1_enrp_request,
            &mut self.t2_registration,
            &mut self.t3_deregistration,
            &mut self.t5_server_hunt,
            &mut self.t5_max,
            &mut self.t7_enrp_outdate,
            &mut self.max_request_time,
            &mut self.shutdown_timeout,
        ] {
            *duration = SHORTEST.max(*duration);
        }
        self.t5_max = self.t5_max.max(self.t5_server_hunt);
        self
    }
}

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
        /// The pool.
        pool_handle: PoolHandle,
        /// The element; its registration life is sent as it is.
        pool_element: PoolElement,
        /// T4-reregistration.
        reregistration_interval: Duration,
    },
    /// De-register an element.
    Deregister {
        /// The pool.
        pool_handle: PoolHandle,
        /// The element.
        pool_element_id: PoolElementId,
    },
    /// Resolve a pool handle into elements, in the order in which to use them: the registrar's order, or from the cache the
    /// policy applied again as far as a client can (Round Robin and Random; the registrar's order for all others).
    Resolve {
        /// The pool.
        pool_handle: PoolHandle,
        /// Elements wanted at most; none: as many as the registrar gives.
        items: Option<u32>,
        /// stale.cache.value: an answer from the cache will do when it is younger than this.
        stale_cache: Duration,
    },
    /// Be told of every change of a pool, and of the pool as it is now, until [`Request::Unsubscribe`]: by the registrar
    /// itself, or by asking it often. Completes at once; without a registrar nothing is told until there is one.
    Subscribe {
        /// The pool.
        pool_handle: PoolHandle,
    },
    /// Not be told any more.
    Unsubscribe {
        /// The pool.
        pool_handle: PoolHandle,
    },
    /// Tell the registrar that an element does not answer, and stop offering it from the cache. Completes at once. Only for
    /// elements to which the application has sent something (RFC 5352 section 3.5), and once for each such event.
    ReportUnreachable {
        /// The pool.
        pool_handle: PoolHandle,
        /// The element.
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
    /// A registrar was there but did not answer.
    NoResponse {
        /// Requests sent.
        attempts: u32,
        /// For how long.
        waited: Duration,
    },
    /// `max_requests` are under way.
    TooManyRequests,
    /// Withdrawn by [`Event::Cancel`] or [`Event::Shutdown`].
    Cancelled,
    /// The request makes no sense to ASAP, e.g. a handle too long to encode.
    Invalid(&'static str),
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
                write!(f, "no registrar reachable within {} ms ({attempts} attempts)", waited.as_millis())
            }
            RequestError::NoResponse { attempts, waited } => {
                write!(f, "no registrar answered within {} ms ({attempts} attempts)", waited.as_millis())
            }
            RequestError::TooManyRequests => f.write_str("too many requests under way"),
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
        /// Which one.
        attempt: ConnectAttempt,
        /// Why.
        reason: LossReason,
    },
    /// An established association is gone.
    AssociationLost {
        /// Which one.
        association: AssociationId,
        /// Why.
        reason: LossReason,
    },
    /// A message on an association.
    Message {
        /// Which one.
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
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// Somebody wants to know who is taken out of a pool: [`Action::Removed`] tells, if the registrar does.
    Watch(PoolHandle),
    /// Nobody wants to know any more.
    Unwatch(PoolHandle),
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
        /// Whereto.
        peer: PeerAddress,
        /// For how long to try.
        timeout: Duration,
    },
    /// Give up a connect; no answer is wanted any more.
    CancelConnect {
        /// Which one.
        attempt: ConnectAttempt,
    },
    /// Send an ASAP message.
    Send {
        /// On which association.
        association: AssociationId,
        /// Encoded.
        bytes: Vec<u8>,
    },
    /// Close an association in order.
    Shutdown {
        /// Which one.
        association: AssociationId,
    },
    /// Abort an association.
    Abort {
        /// Which one.
        association: AssociationId,
        /// Told to the peer.
        reason: &'static str,
    },
    /// A request is done.
    Complete {
        /// Which one.
        request: RequestId,
        /// How it ended.
        result: Result<Outcome, RequestError>,
    },
    /// The registrar took elements out of a watched pool: they have failed or left.
    Removed {
        /// The pool.
        pool_handle: PoolHandle,
        /// Who.
        pool_element_ids: Vec<PoolElementId>,
    },
    /// A pool that is subscribed to, as the registrar tells it now; often the same as before.
    PoolChanged {
        /// Which pool.
        pool_handle: PoolHandle,
        /// How it is.
        state: PoolState,
    },
    /// The shutdown is complete: nothing more follows.
    ShutdownComplete,
}

//! One message on its way to a pool: which elements it goes to, and how far it has come.

use crate::{PoolElementId, PoolHandle, Time};
use std::fmt;
use std::time::Duration;

/// Whom a message is for (RFC 5352 sections 6.5.1, 6.5.3 and 6.5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One element, chosen by the pool's policy.
    Any,
    /// The element that the last message to this pool went to; the first time one is chosen.
    Last,
    /// This element.
    Element(PoolElementId),
    /// Every element.
    All,
}

/// Why an element did not get a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// There is no such pool, or it is empty.
    UnknownPool,
    /// The pool has no such element, or none that SCTP reaches.
    UnknownElement,
    /// No registrar answered.
    NoRegistrar,
    /// The element cannot be reached.
    Unreachable(String),
    /// A limit is reached; which.
    Limit(&'static str),
    /// The transport refuses the message: its words.
    Refused(String),
    /// The message is longer than can be sent.
    TooLong(String),
    /// Time was over before a session was there, or had room.
    TimedOut,
}

impl fmt::Display for DeliveryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeliveryFailure::UnknownPool => f.write_str("the pool does not exist or is empty"),
            DeliveryFailure::UnknownElement => f.write_str("the pool has no such element that SCTP reaches"),
            DeliveryFailure::NoRegistrar => f.write_str("no registrar answered"),
            DeliveryFailure::Unreachable(why) => write!(f, "cannot be reached ({why})"),
            DeliveryFailure::Limit(which) => write!(f, "{which}"),
            DeliveryFailure::Refused(why) | DeliveryFailure::TooLong(why) => f.write_str(why),
            DeliveryFailure::TimedOut => f.write_str("no session with room for it in time"),
        }
    }
}

/// How one element and the message stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// Not sent yet.
    Waiting,
    /// Not sent yet: the session's queue was full at the last look.
    Full,
    /// Sent.
    Sent,
    /// Never.
    Failed(DeliveryFailure),
}

/// A message on its way, without its bytes.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(super) pool_handle: PoolHandle,
    pub(super) target: Target,
    /// ASAP_SEND_FAILOVER: another element will do when the chosen one is not reachable.
    pub(super) failover: bool,
    /// ASAP_SEND_TO_SELF.
    pub(super) to_self: bool,
    /// The sender's own identifier in this pool.
    pub(super) own: Option<PoolElementId>,
    pub(super) stale_cache: Duration,
    pub(super) started: Time,
    /// Whom it goes to; none: not known yet.
    pub(super) legs: Option<Vec<(PoolElementId, Leg)>>,
    /// Elements that are not to be chosen again.
    pub(super) tried: Vec<PoolElementId>,
    /// Why nobody can be chosen.
    pub(super) failure: Option<DeliveryFailure>,
    /// Sessions that are not there by now are not waited for.
    pub(super) last_call: bool,
}

impl Delivery {
    /// A message for `target` of a pool.
    pub fn new(pool_handle: PoolHandle, target: Target, started: Time) -> Delivery {
        Delivery {
            pool_handle,
            target,
            failover: false,
            to_self: false,
            own: None,
            stale_cache: Duration::ZERO,
            started,
            legs: None,
            tried: Vec::new(),
            failure: None,
            last_call: false,
        }
    }

    /// ASAP_SEND_FAILOVER: take another element when the chosen one is not reachable, and send again what it never
    /// acknowledged. For [`Target::All`] it means nothing: everybody is chosen already.
    pub fn with_failover(mut self, failover: bool) -> Delivery {
        self.failover = failover && self.target != Target::All;
        self
    }

    /// The sender is an element of this pool: [`Target::All`] leaves it out unless `to_self`.
    pub fn from_element(mut self, own: Option<PoolElementId>, to_self: bool) -> Delivery {
        (self.own, self.to_self) = (own, to_self);
        self
    }

    /// stale.cache.value: how old the knowledge of the pool may be.
    pub fn with_stale_cache(mut self, stale_cache: Duration) -> Delivery {
        self.stale_cache = stale_cache;
        self
    }

    /// The pool.
    pub fn pool_handle(&self) -> &PoolHandle {
        &self.pool_handle
    }

    /// Elements that the message was sent to.
    pub fn sent_to(&self) -> impl Iterator<Item = PoolElementId> {
        self.legs.iter().flatten().filter(|(_, leg)| *leg == Leg::Sent).map(|(id, _)| *id)
    }

    /// Elements that it was not sent to, and why. An element that is waited for counts as timed out.
    pub fn failures(&self) -> Vec<(Option<PoolElementId>, DeliveryFailure)> {
        let mut failures: Vec<_> = self.failure.iter().map(|failure| (None, failure.clone())).collect();
        failures.extend(self.legs.iter().flatten().filter_map(|(id, leg)| match leg {
            Leg::Sent => None,
            Leg::Failed(failure) => Some((Some(*id), failure.clone())),
            Leg::Waiting | Leg::Full => Some((Some(*id), DeliveryFailure::TimedOut)),
        }));
        if failures.is_empty() && self.legs.is_none() {
            failures.push((None, DeliveryFailure::TimedOut));
        }
        failures
    }

    /// Elements that it was to go to.
    pub fn wanted(&self) -> usize {
        self.legs.as_ref().map_or(0, Vec::len)
    }

    /// Full queues are tried again.
    pub fn look_again(&mut self) {
        for (_, leg) in self.legs.iter_mut().flatten().filter(|(_, leg)| *leg == Leg::Full) {
            *leg = Leg::Waiting;
        }
    }

    /// Time is over: what can be sent now is sent, nothing else is waited for.
    pub fn last_call(&mut self) {
        self.last_call = true;
    }

    /// Whether this element is being connected for it.
    pub(super) fn is_racing(&self, element: PoolElementId) -> bool {
        self.legs.iter().flatten().any(|(id, _)| *id == element)
    }

    /// This element is not to be chosen again; when it was the last one in the race, another one is.
    pub(super) fn drop_out(&mut self, element: PoolElementId) {
        self.tried.push(element);
        if let Some(legs) = &mut self.legs {
            legs.retain(|(id, _)| *id != element);
        }
        self.legs.take_if(|legs| legs.is_empty());
    }

    /// It was sent: where one element was wanted, the others need not have it.
    pub(super) fn end_race(&mut self) {
        if self.failover {
            self.legs.iter_mut().for_each(|legs| legs.retain(|(_, leg)| *leg == Leg::Sent));
        }
    }

    pub(super) fn set(&mut self, element: PoolElementId, state: Leg) {
        if let Some((_, leg)) = self.legs.iter_mut().flatten().find(|(id, _)| *id == element) {
            *leg = state;
        }
    }

    /// The queue of this element's session is full.
    pub fn full(&mut self, element: PoolElementId) {
        self.set(element, Leg::Full);
    }

    /// This element does not get it.
    pub fn failed(&mut self, element: PoolElementId, failure: DeliveryFailure) {
        self.set(element, Leg::Failed(failure));
    }
}

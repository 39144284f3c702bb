//! Sending single messages to pools and their elements (RFC 5352 section 6.5).

use super::error::{forget_last_error, remember};
use super::registration::checked_handle;
use super::sessions::send_error;
use super::sockets::{lookup, own_endpoint, until};
use super::{Descriptor, Error, Result, Timeout};
use crate::driver::client::{SendError, Socket, Style, TakenUp};
use crate::driver::clock;
use crate::session::{Delivery, DeliveryFailure};
use crate::transport::OutboundMessage;
use crate::wire::PPID_ASAP;
use crate::{PoolElementId, SessionId};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

pub use crate::session::Target;

/// Failures that an error text names one by one.
const MAX_NAMED_FAILURES: usize = 3;

/// How to send a message to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSendOptions {
    /// Whom it is for.
    pub target: Target,
    /// ASAP_SEND_FAILOVER: another element will do when the chosen one is not reachable, and what an element never
    /// acknowledged is sent again to another one.
    pub failover: bool,
    /// ASAP_SEND_TO_SELF: with [`Target::All`] from an element of the pool, to this one, too.
    pub to_self: bool,
    /// Payload protocol identifier in host order.
    pub ppid: u32,
    /// SCTP stream, 0 to the negotiated number less one.
    pub stream: u16,
    /// ASAP_SCTP_UNORDER.
    pub unordered: bool,
    /// Give up delivery after this time; none: never.
    pub time_to_live: Option<Duration>,
    /// stale.cache.value: how old the knowledge of the pool may be.
    pub stale_cache: Duration,
}

impl Default for PoolSendOptions {
    /// To one element, without failover.
    fn default() -> PoolSendOptions {
        PoolSendOptions {
            target: Target::Any,
            failover: false,
            to_self: false,
            ppid: 0,
            stream: 0,
            unordered: false,
            time_to_live: None,
            stale_cache: Duration::ZERO,
        }
    }
}

/// What became of a message to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSent {
    /// Elements that it was sent to: one at least.
    pub elements: usize,
    /// The last one of them.
    pub pool_element_id: PoolElementId,
    /// The session with that one, to answer in.
    pub session: SessionId,
}

/// Sends a message to one or all elements of a pool, on sessions that are made when first needed and used again. For
/// SOCK_SEQPACKET sockets that are not connected: fresh ones, and pool elements.
///
/// Waits until `timeout` for the registrar's answer, for sessions and for room in them; then the elements that have a session get
/// the message, and no others will. `EAGAIN`: none had one. Without waiting, a message for several elements goes to none
/// (`EAGAIN`) until each has a session or has failed: the same call succeeds later, the descriptor is writable then.
/// An error is returned when nobody got the message; [`super::last_error`] says also who else did not.
pub fn sendto_pool(
    sd: Descriptor,
    data: &[u8],
    pool_handle: &[u8],
    options: &PoolSendOptions,
    timeout: Timeout,
) -> Result<PoolSent> {
    forget_last_error();
    let (instance, socket) = lookup(sd)?;
    let pool_handle = checked_handle(pool_handle)?;
    if options.ppid == PPID_ASAP {
        return Err(Error::new(libc::EINVAL, "ASAP's payload protocol identifier is not for data"));
    }
    if data.is_empty() {
        return Err(Error::new(libc::EINVAL, "SCTP cannot carry an empty message"));
    }
    if socket.style == Style::OneToOne {
        let text = format!("socket {sd} is a SOCK_STREAM socket: messages to pools need SOCK_SEQPACKET");
        return Err(Error::with(libc::EOPNOTSUPP, text));
    }
    // The endpoint first: what is said to be a sender must be able to send.
    if socket.is_pool_user()? {
        return Err(connected(sd));
    }
    own_endpoint(&instance, &socket)?;
    let seed = RandomState::new().hash_one(socket.id);
    if socket.become_sender(seed)? == TakenUp::InUse {
        return Err(connected(sd));
    }
    let registered = socket.registration()?.filter(|registered| registered.pool_handle == pool_handle);
    let own = registered.map(|registered| registered.pool_element_id);
    let mut delivery = Delivery::new(pool_handle, options.target, clock::now())
        .with_failover(options.failover)
        .from_element(own, options.to_self)
        .with_stale_cache(options.stale_cache);
    let message = OutboundMessage {
        stream: options.stream,
        ppid: options.ppid,
        unordered: options.unordered,
        lifetime: options.time_to_live,
        payload: data,
    };
    match socket.send_to_pool(&mut delivery, message, until(timeout)) {
        Ok(()) => result(&socket, &delivery),
        Err(SendError::WouldBlock) => Err(nobody(libc::EAGAIN, &delivery)),
        Err(error) => Err(send_error(error)),
    }
}

fn connected(sd: Descriptor) -> Error {
    Error::with(libc::EISCONN, format!("socket {sd} is connected to a pool: use another one to send to pools"))
}

fn result(socket: &Socket, delivery: &Delivery) -> Result<PoolSent> {
    let failures = delivery.failures();
    let Some(last) = delivery.sent_to().last() else {
        let errno = failures.first().map_or(libc::EIO, |(_, failure)| errno_of(failure));
        return Err(nobody(errno, delivery));
    };
    let elements = delivery.sent_to().count();
    if elements < delivery.wanted() {
        let (pool, wanted) = (delivery.pool_handle(), delivery.wanted());
        let text = format!("sent to {elements} of {wanted} elements of pool {pool}: {}", named(&failures));
        remember(Error::with(failures.first().map_or(libc::EIO, |(_, failure)| errno_of(failure)), text));
    }
    let session = socket.session_with(delivery)?.unwrap_or_default();
    Ok(PoolSent { elements, pool_element_id: last, session })
}

fn nobody(errno: libc::c_int, delivery: &Delivery) -> Error {
    let text =
        format!("no element of pool {} got the message: {}", delivery.pool_handle(), named(&delivery.failures()));
    Error::with(errno, text)
}

fn named(failures: &[(Option<PoolElementId>, DeliveryFailure)]) -> String {
    let mut parts: Vec<String> = failures
        .iter()
        .take(MAX_NAMED_FAILURES)
        .map(|(element, failure)| match element {
            Some(id) => format!("element {id}: {failure}"),
            None => failure.to_string(),
        })
        .collect();
    if failures.len() > MAX_NAMED_FAILURES {
        parts.push(format!("and {} more", failures.len() - MAX_NAMED_FAILURES));
    }
    parts.join("; ")
}

fn errno_of(failure: &DeliveryFailure) -> libc::c_int {
    match failure {
        DeliveryFailure::UnknownPool | DeliveryFailure::UnknownElement => libc::ENOENT,
        DeliveryFailure::NoRegistrar => libc::EHOSTUNREACH,
        DeliveryFailure::Limit(_) => libc::ENOBUFS,
        DeliveryFailure::TooLong(_) => libc::EMSGSIZE,
        DeliveryFailure::TimedOut => libc::EAGAIN,
        DeliveryFailure::Unreachable(_) | DeliveryFailure::Refused(_) => libc::EIO,
    }
}

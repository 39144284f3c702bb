//! What is in a pool: asked once, or told whenever it changes.

use super::lifecycle::instance;
use super::registration::{address_info, checked_handle, load_of, not_done};
use super::sockets::{enter, not_ours, receive_error, until};
use super::{AddressInfo, Descriptor, Error, LoadInfo, Result, Timeout};
use crate::asap::{Outcome, Request, SUBSCRIBED_ITEMS};
use crate::driver::client::{Entry, Instance, Subscription};
use crate::session::ElementChange;
use crate::wire::{Policy, PolicyType, PoolElement, TransportParameter, TransportUse};
use crate::{PoolElementId, PoolHandle, RegistrarId};
use std::sync::Arc;
use std::time::Duration;

pub use crate::session::ElementChange as PoolElementChange;

/// Elements that one call lists at most.
pub const MAX_LISTED: u32 = SUBSCRIBED_ITEMS;

/// A pool as a registrar knows it: `struct rsp_poolinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolInfo {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// Its selection policy; none: there is no such pool, or it is empty.
    pub policy: Option<PolicyType>,
    /// Its elements: from [`getpoolinfo`] in the order of the policy, from [`poolchange`] by identifier.
    pub elements: Vec<PoolElementInfo>,
    /// As many elements as fit are listed: there may be more.
    pub partial: bool,
}

/// An element of a pool: `struct rsp_poolelement`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolElementInfo {
    /// Identifier, unique in the pool.
    pub pool_element_id: PoolElementId,
    /// The registrar that looks after it.
    pub home_registrar: RegistrarId,
    /// For how long it is registered without another registration; none: for ever.
    pub registration_life: Option<Duration>,
    /// Its policy values.
    pub load: LoadInfo,
    /// How it is reached; none: in a way that IP does not know.
    pub address: Option<AddressInfo>,
    /// It talks ASAP with its users: cookies and business cards.
    pub control_channel: bool,
    /// What happened to it since the last look.
    pub change: ElementChange,
}

/// Asks for a pool, its elements in the order in which to use them. `ENOENT`: no such pool, or empty. The registrar is not
/// asked when its last answer is younger than `stale_cache`.
pub fn getpoolinfo(pool_handle: &[u8], items: Option<u32>, stale_cache: Duration) -> Result<PoolInfo> {
    let instance = instance()?;
    let pool_handle = checked_handle(pool_handle)?;
    let what = format!("pool {pool_handle} cannot be resolved");
    let items = items.unwrap_or(MAX_LISTED).clamp(1, MAX_LISTED);
    let (policy, pool_elements) = resolve(&instance, &pool_handle, items, stale_cache, &what)?;
    let elements = pool_elements.into_iter().map(|element| (element, ElementChange::Same)).collect();
    Ok(pool_info(pool_handle, Some(&policy), elements, items as usize))
}

/// A pool's policy and elements; `what` cannot be done without them.
pub(super) fn resolve(
    instance: &Instance,
    pool_handle: &PoolHandle,
    items: u32,
    stale_cache: Duration,
    what: &str,
) -> Result<(Policy, Vec<PoolElement>)> {
    let request = Request::Resolve { pool_handle: pool_handle.clone(), items: Some(items), stale_cache };
    match instance.io.request(request).map_err(|error| not_done(&error, what))? {
        Outcome::Resolved { policy, pool_elements } => Ok((policy, pool_elements)),
        _ => Err(Error::with(libc::EPROTO, what)),
    }
}

fn pool_info(
    pool_handle: PoolHandle,
    policy: Option<&Policy>,
    elements: Vec<(PoolElement, ElementChange)>,
    asked: usize,
) -> PoolInfo {
    let there = elements.iter().filter(|(_, change)| *change != ElementChange::Removed).count();
    PoolInfo {
        pool_handle,
        policy: policy.map(Policy::policy_type),
        elements: elements.into_iter().map(|(element, change)| element_info(element, change)).collect(),
        partial: there >= asked,
    }
}

fn element_info(element: PoolElement, change: ElementChange) -> PoolElementInfo {
    let transport_use = match &element.user_transport {
        TransportParameter::Sctp { transport_use, .. } | TransportParameter::Tcp { transport_use, .. } => {
            Some(*transport_use)
        }
        _ => None,
    };
    PoolElementInfo {
        pool_element_id: element.id,
        home_registrar: element.home_registrar,
        registration_life: element.registration_life.as_duration(),
        load: load_of(&element.policy),
        control_channel: transport_use == Some(TransportUse::DataPlusControl),
        address: address_info(element),
        change,
    }
}

/// Subscribes to a pool, whether it exists or not. The descriptor is readable while there is something that [`poolchange`]
/// has not told: at first the pool as it is, as soon as a registrar has told that. [`super::close`] ends it.
pub fn subscribe_pool(pool_handle: &[u8]) -> Result<Descriptor> {
    let instance = instance()?;
    let pool_handle = checked_handle(pool_handle)?;
    let what = format!("pool {pool_handle} cannot be subscribed to");
    let subscription = Subscription::new(pool_handle).map_err(|error| Error::system(&error, &what))?;
    let subscribed = instance.io.subscribe(&subscription).map_err(|error| not_done(&error, &what));
    match subscribed.and_then(|()| enter(&instance, Entry::Subscription(Arc::clone(&subscription)))) {
        Ok(sd) => Ok(sd),
        Err(error) => {
            instance.io.unsubscribe(&subscription);
            subscription.close(libc::EBADF);
            Err(error)
        }
    }
}

/// What is new in the pool since the last look: all elements, those that went included. `EAGAIN`: nothing is, in time.
pub fn poolchange(sd: Descriptor, timeout: Timeout) -> Result<PoolInfo> {
    let subscription = match instance()?.descriptors.get(sd) {
        Some(Entry::Subscription(subscription)) => subscription,
        Some(_) => {
            let text = format!("descriptor {sd} is no subscription to a pool");
            return Err(Error::with(libc::EOPNOTSUPP, text));
        }
        None => return Err(not_ours(sd)),
    };
    let (policy, elements) = subscription.look(until(timeout)).map_err(receive_error)?;
    Ok(pool_info(subscription.pool_handle.clone(), policy.as_ref(), elements, MAX_LISTED as usize))
}

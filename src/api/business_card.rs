//! Where the sessions of a pool element are to go when it fails.

use super::pool_info::resolve;
use super::sockets::lookup;
use super::{Descriptor, Error, Result};
use crate::driver::client::Instance;
use crate::driver::clock;
use crate::session::{MAX_PREFERRED_ELEMENTS, encode_business_card};
use crate::wire::PoolElement;
use crate::{PoolElementId, PoolHandle};
use std::time::Duration;

/// Sends the clients of a registered socket a business card (RFC 5352 section 3.9), now and whenever a session begins: when the
/// element fails, they try the elements in this order before they ask a registrar. Those that are not in the pool are left out;
/// `ENOENT`: none is in it. An empty order: no card for new sessions any more. Returns how many elements the card lists.
pub fn send_business_card(sd: Descriptor, order: &[PoolElementId]) -> Result<usize> {
    let (instance, socket) = lookup(sd)?;
    if order.len() > MAX_PREFERRED_ELEMENTS {
        let text = format!("a business card lists at most {MAX_PREFERRED_ELEMENTS} elements, not {}", order.len());
        return Err(Error::with(libc::EINVAL, text));
    }
    let registered = socket.registration()?;
    let registered = registered.ok_or_else(|| Error::with(libc::EBADF, format!("socket {sd} is not registered")))?;
    let endpoint =
        socket.endpoint.get().ok_or_else(|| Error::with(libc::EBADF, format!("socket {sd} is not bound")))?;
    if order.is_empty() {
        socket.set_business_card(None)?;
        return Ok(0);
    }
    let listed = elements(&instance, &registered.pool_handle, order)?;
    let count = listed.len();
    let card = encode_business_card(registered.pool_handle, listed)
        .map_err(|error| Error::with(libc::EINVAL, format!("no business card can be made: {error}")))?;
    // Under the endpoint's lock, so that a session that begins meanwhile gets the card once at least.
    endpoint.with(|endpoint| {
        socket.set_business_card(Some(card.clone()))?;
        endpoint.send_to_sessions(clock::now(), &card);
        Ok(count)
    })
}

/// These elements as a registrar knows them now.
fn elements(instance: &Instance, pool_handle: &PoolHandle, order: &[PoolElementId]) -> Result<Vec<PoolElement>> {
    let what = format!("no business card can be made for pool {pool_handle}");
    let (_, pool) = resolve(instance, pool_handle, super::MAX_LISTED, Duration::ZERO, &what)?;
    let listed: Vec<PoolElement> =
        order.iter().filter_map(|id| pool.iter().find(|element| element.id == *id).cloned()).collect();
    if listed.is_empty() {
        return Err(Error::with(libc::ENOENT, format!("{what}: none of the elements is in it")));
    }
    Ok(listed)
}

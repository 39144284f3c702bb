//! For clients and servers that know nothing of RSerPool (RFC 3237 section 2.6): `gateway` stands for their pool users.
//!
//! It has `core` (decisions, without I/O), `wire` (formats) and `driver` (sockets, threads), and uses the library as any program does:
//! by subscriptions to pools.

pub mod gateway;

use crate::PoolHandle;

/// What follows a pool's handle in the handle of the pool of those that leave it.
const LEAVING: &[u8] = b"~leaving";

/// The pool in which an element is while it leaves this pool in order. A registrar does not say why an element is no longer listed; an
/// element that is listed there wants to keep the clients that it has. None: the handle is too long for that.
pub fn leaving_pool(pool_handle: &[u8]) -> Option<Vec<u8>> {
    let handle = [pool_handle, LEAVING].concat();
    (handle.len() <= PoolHandle::DEFAULT_MAX_LEN).then_some(handle)
}

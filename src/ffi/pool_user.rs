//! Pool users: sessions with a pool.

use super::constants::FFF_UNREACHABLE;
use super::convert;
use super::errors;
use super::guard::guard;
use crate::api::{self, ConnectOptions, FailoverFlags, Result};
use std::ffi::{c_int, c_uint};
use std::time::Duration;

/// Starts a session with the pool: an element is chosen by the pool's policy and connected. The registrar is not asked when
/// its last answer is younger than `staleCacheValue` milliseconds.
///
/// # Returns
/// 0, also when no element can be reached now: then the session begins with RSERPOOL_FAILOVER_NECESSARY. -1 on failure.
///
/// # Errors
/// EBADF: not an open RSerPool socket. EISCONN: it has or had a session, or is a server's. EFAULT: the handle is NULL. EINVAL: the
/// handle is empty. ENAMETOOLONG: the handle is longer than 32 bytes. EMFILE, ENFILE, ENOBUFS, ENOMEM: out of descriptors or
/// memory. EADDRINUSE, EIO: the system gives no port. ETIMEDOUT: still searching after a minute. ECANCELED: rsp_cleanup() was
/// called. EOPNOTSUPP: a mapped descriptor. EINTR: a signal handler ran while an element was searched or connected,
/// SA_RESTART or not; that goes on, as with connect(): the descriptor becomes writable when it has ended, and brings
/// RSERPOOL_FAILOVER_NECESSARY when no element was found.
///
/// # Standards
/// RFC 5352 sections 3.3 (handle resolution), 3.5 (unreachable endpoints), 6.3 (cache) and 6.5.2 (selection).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_connect(
    sd: c_int,
    poolHandle: *const u8,
    poolHandleSize: usize,
    staleCacheValue: c_uint,
) -> c_int {
    guard(&errors::rsp_connect, format_args!("rsp_connect({sd}, {staleCacheValue} ms)"), || {
        let options = ConnectOptions { stale_cache: stale_cache(staleCacheValue), ..ConnectOptions::default() };
        // SAFETY: by the contract of this module.
        unsafe { connect(sd, (poolHandle, poolHandleSize), options) }
    })
}

/// Tells whether the session's pool element has given a cookie, so that the next one can go on with the session.
///
/// # Returns
/// 1: yes. 0: no, or not connected. -1 on failure.
///
/// # Errors
/// EBADF: not an open RSerPool socket. EOPNOTSUPP: a mapped descriptor.
///
/// # Standards
/// RFC 5352 sections 2.2.11, 2.2.12 and 3.8.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_has_cookie(sd: c_int) -> c_int {
    guard(&errors::rsp_has_cookie, format_args!("rsp_has_cookie({sd})"), || api::has_cookie(sd).map(c_int::from))
}

/// Moves the session to another pool element, and waits until that is done. The cookie, if any, is the first thing that the
/// new element gets; RSERPOOL_FAILOVER_COMPLETE is the first thing to receive here afterwards. Not needed with the socket
/// option RSERPOOL_AUTO_FAILOVER. `flags`: FFF_UNREACHABLE tells the registrar that the old element does not answer.
///
/// # Returns
/// 0, also when the pool is empty: then RSERPOOL_FAILOVER_NECESSARY comes again, to try again. -1 on failure.
///
/// # Errors
/// EIO: the new element could not be connected either, or no registrar answers; try again. EBADF: not an open RSerPool
/// socket, or not connected, or the program has ended the session. ETIMEDOUT: still searching after a minute. ECANCELED:
/// rsp_cleanup() was called. EOPNOTSUPP: a mapped descriptor. EINTR: a signal handler ran meanwhile, SA_RESTART or not; the
/// search goes on, and its result comes as a notification. Called again, it waits for that search.
///
/// # Standards
/// RFC 5352 sections 3.5 (unreachable endpoints), 3.8 (cookies) and 6.5.5 (failover).
#[unsafe(no_mangle)]
pub extern "C" fn rsp_forcefailover(sd: c_int, flags: c_uint, staleCacheValue: c_uint) -> c_int {
    guard(&errors::rsp_forcefailover, format_args!("rsp_forcefailover({sd}, {flags}, {staleCacheValue} ms)"), || {
        force_failover(sd, flags, staleCacheValue)
    })
}

/// # Safety
/// The handle is NULL or as long as said.
pub unsafe fn connect(sd: c_int, (handle, len): (*const u8, usize), options: ConnectOptions) -> Result<c_int> {
    // SAFETY: the caller's promise.
    let handle = unsafe { convert::pool_handle(handle, len) }?;
    api::connect(sd, handle, options).map(|()| 0)
}

pub fn force_failover(sd: c_int, flags: c_uint, stale_cache_ms: c_uint) -> Result<c_int> {
    let flags = FailoverFlags { unreachable: flags & FFF_UNREACHABLE != 0 };
    api::force_failover(sd, flags, stale_cache(stale_cache_ms)).map(|()| 0)
}

pub fn stale_cache(ms: c_uint) -> Duration {
    Duration::from_millis(u64::from(ms))
}

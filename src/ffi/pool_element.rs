//! Pool elements: offering a service on an RSerPool socket. Only with the feature `pool-element`.

use super::constants::{DEREGF_DONTWAIT, REGF_DAEMONMODE, REGF_DONTWAIT};
use super::convert;
use super::errors;
use super::guard::guard;
use super::io::{length, session_id};
use super::types::{rserpool_session_t, rsp_loadinfo};
use crate::PoolElementId;
use crate::api::{self, Error, LoadInfo, RegisterOptions, Result, Timeout, Wait};
use crate::session::MAX_PREFERRED_ELEMENTS;
use crate::wire::PolicyType;
use libc::ssize_t;
use std::ffi::{c_int, c_uint};
use std::time::Duration;

/// Registers the socket as an element of the pool; binds it and listens first where that was not done. Again for the same
/// pool: changes the registration, e.g. its load, without waiting. The library re-registers by itself every
/// `reregistrationInterval` milliseconds, and with another registrar when the one in use is lost. `loadinfo` NULL: round
/// robin. `flags`: REGF_DONTWAIT, REGF_DAEMONMODE.
///
/// # Returns
/// 0, also when no registrar is there yet (the library goes on trying); -1 on failure.
///
/// # Errors
/// EBADF: not an open RSerPool socket, or registered in another pool. EFAULT: the handle is NULL. EINVAL: the handle is
/// empty, or the policy unknown. ENAMETOOLONG: the handle is longer than 32 bytes. EADDRNOTAVAIL: there is no usable local
/// address, and not REGF_DAEMONMODE. EISCONN: the socket is connected. EOPNOTSUPP: a mapped descriptor. As rsp_bind(), where
/// the socket is bound only now. EINTR: a signal handler ran while the registrar's answer was waited for, SA_RESTART or not;
/// the registration goes on.
///
/// # Standards
/// RFC 5352 sections 3.1 and 6.1 (registration), 3.4 (keep-alive) and 7.1 (T2, T3, T4); RFC 5356 (policies).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_register(
    sd: c_int,
    poolHandle: *const u8,
    poolHandleSize: usize,
    loadinfo: *const rsp_loadinfo,
    reregistrationInterval: c_uint,
    flags: c_int,
) -> c_int {
    guard(&errors::rsp_register, format_args!("rsp_register({sd}, {reregistrationInterval} ms, {flags})"), || {
        let handle = (poolHandle, poolHandleSize);
        // SAFETY: by the contract of this module.
        unsafe { register(sd, handle, loadinfo, reregistrationInterval, flags, None) }
    })
}

/// Takes the element out of its pool: no new sessions come. Those that are there stay. Waits for the registrar's answer, some
/// seconds at most, unless `flags` are DEREGF_DONTWAIT.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket, or not registered. EOPNOTSUPP: a mapped descriptor. EINTR: a signal handler ran while
/// the registrar's answer was waited for, SA_RESTART or not; the de-registration goes on.
///
/// # Standards
/// RFC 5352 sections 3.2 and 6.2 (de-registration).
#[unsafe(no_mangle)]
pub extern "C" fn rsp_deregister(sd: c_int, flags: c_int) -> c_int {
    guard(&errors::rsp_deregister, format_args!("rsp_deregister({sd}, {flags})"), || deregister(sd, flags))
}

/// Accepts sessions from now on. Binds the socket first where that was not done.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket. EISCONN: the socket is connected. EOPNOTSUPP: a mapped descriptor. As rsp_bind(),
/// where the socket is bound only now.
///
/// # Standards
/// RFC 6458 sections 3.1.3 and 4.1.3 (listen).
#[unsafe(no_mangle)]
pub extern "C" fn rsp_listen(sd: c_int, backlog: c_int) -> c_int {
    guard(&errors::rsp_listen, format_args!("rsp_listen({sd}, {backlog})"), || api::listen(sd, backlog).map(|()| 0))
}

/// Takes a new session from a listening SOCK_STREAM socket. `timeout` in milliseconds; negative: no limit.
///
/// # Returns
/// The session's own descriptor, or -1.
///
/// # Errors
/// EAGAIN: no session came in time. EINTR: a signal came. EBADF: not an open RSerPool socket, or closed by another thread.
/// ENOTCONN: not a listening SOCK_STREAM socket. EMFILE, ENFILE, ENOMEM: no descriptors or memory left; the session goes on
/// waiting, as with accept(2). ECANCELED: rsp_cleanup() was called. EOPNOTSUPP: a mapped descriptor.
///
/// # Standards
/// RFC 6458 section 4.1.4 (accept).
#[unsafe(no_mangle)]
pub extern "C" fn rsp_accept(sd: c_int, timeout: c_int) -> c_int {
    guard(&errors::rsp_accept, format_args!("rsp_accept({sd}, {timeout})"), || {
        api::accept(sd, Timeout::from_ms(timeout))
    })
}

/// Gives the client of a session the session's state. The client's library keeps the last cookie, and hands it to the next
/// pool element after a failover, where it arrives with MSG_RSERPOOL_COOKIE_ECHO. Cookies and data of a session keep their
/// order. `timeout` as in rsp_sendmsg().
///
/// # Returns
/// The length of the cookie, or -1.
///
/// # Errors
/// As rsp_sendmsg(). EMSGSIZE: the cookie is empty or longer than 65524 bytes. EBADF, also: the socket is a pool user's.
/// EOPNOTSUPP: a mapped descriptor.
///
/// # Standards
/// RFC 5352 sections 2.2.11, 2.2.12 and 3.8; RFC 5355 for why to sign them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_send_cookie(
    sd: c_int,
    cookie: *const u8,
    cookieSize: usize,
    sessionID: rserpool_session_t,
    timeout: c_int,
) -> ssize_t {
    guard(
        &errors::rsp_send_cookie,
        format_args!("rsp_send_cookie({sd}, {cookieSize} bytes, session {sessionID}, timeout {timeout})"),
        || {
            // SAFETY: by the contract of this module.
            let cookie = unsafe { convert::bytes(cookie, cookieSize) }?;
            api::send_cookie(sd, cookie, session_id(sessionID), Timeout::from_ms_or_now(timeout)).map(length)
        },
    )
}

/// Tells the clients of a registered socket where to go when this element fails: they try the `count` elements with these
/// identifiers, in this order, before they ask a registrar (a business card, RFC 5352 section 3.9). All sessions are told,
/// those that are there and those that come. Call it again for another order; with `count` 0 new sessions get none. At most
/// 32 elements; the call asks a registrar for their addresses, and leaves out who is not in the pool. Not for pools with
/// clients that use rsplib, which cannot read business cards.
///
/// # Returns
/// The number of elements listed, or -1.
///
/// # Errors
/// EBADF: not a registered RSerPool socket, or closed by another thread. EFAULT: `identifiers` is NULL. EINVAL: more than 32
/// elements. ENOENT: none of them is in the pool. EHOSTUNREACH, EMFILE, ETIMEDOUT, EPERM, EBUSY, EINTR: as
/// rsp_getaddrinfo().
/// ECANCELED: rsp_cleanup() was called. EOPNOTSUPP: a mapped descriptor.
///
/// # Standards
/// RFC 5352 sections 2.2.13 and 3.9.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_send_businesscard(sd: c_int, identifiers: *const u32, count: usize) -> c_int {
    guard(&errors::rsp_send_businesscard, format_args!("rsp_send_businesscard({sd}, {count} elements)"), || {
        // SAFETY: by the contract of this module.
        let order = unsafe { element_ids(identifiers, count) }?;
        api::send_business_card(sd, &order).map(|listed| c_int::try_from(listed).unwrap_or(c_int::MAX))
    })
}

/// # Safety
/// `identifiers` is NULL or points to `count` numbers, at any alignment.
unsafe fn element_ids(identifiers: *const u32, count: usize) -> Result<Vec<PoolElementId>> {
    if count > MAX_PREFERRED_ELEMENTS {
        return Err(Error::new(libc::EINVAL, "a business card lists at most 32 elements"));
    }
    if count > 0 && identifiers.is_null() {
        return Err(Error::new(libc::EFAULT, "the pointer to the identifiers is NULL"));
    }
    // SAFETY: not NULL unless there is nothing to read, and the caller's promise.
    Ok((0..count).map(|at| PoolElementId(unsafe { identifiers.add(at).read_unaligned() })).collect())
}

/// # Safety
/// As for rsp_register().
pub unsafe fn register(
    sd: c_int,
    (handle, handle_len): (*const u8, usize),
    loadinfo: *const rsp_loadinfo,
    interval_ms: c_uint,
    flags: c_int,
    pool_element_id: Option<PoolElementId>,
) -> Result<c_int> {
    // SAFETY: the caller's promise.
    let (handle, load) = unsafe { (convert::pool_handle(handle, handle_len)?, load_info(loadinfo)) };
    let options = RegisterOptions {
        dont_wait: flags & REGF_DONTWAIT != 0,
        daemon_mode: flags & REGF_DAEMONMODE != 0,
        pool_element_id,
    };
    let interval = Duration::from_millis(u64::from(interval_ms));
    api::register(sd, handle, &load, interval, options).map(|()| 0)
}

pub fn deregister(sd: c_int, flags: c_int) -> Result<c_int> {
    api::deregister(sd, wait_of(flags)).map(|()| 0)
}

/// What the flags of a de-registration say.
pub fn wait_of(flags: c_int) -> Wait {
    if flags & DEREGF_DONTWAIT != 0 { Wait::No } else { Wait::ForAnswer }
}

/// NULL: the default, round robin.
///
/// # Safety
/// `loadinfo` is NULL or points to a struct rsp_loadinfo.
pub unsafe fn load_info(loadinfo: *const rsp_loadinfo) -> LoadInfo {
    // SAFETY: the caller's promise.
    unsafe { convert::optional(loadinfo) }.map_or_else(LoadInfo::default, |c| LoadInfo {
        policy: PolicyType(c.rli_policy),
        weight: c.rli_weight,
        weight_dpf: c.rli_weight_dpf,
        load: c.rli_load,
        load_degradation: c.rli_load_degradation,
        load_dpf: c.rli_load_dpf,
    })
}

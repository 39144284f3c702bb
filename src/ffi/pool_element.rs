//! Pool elements: offering a service on an RSerPool socket.

use super::constants::{DEREGF_DONTWAIT, REGF_DAEMONMODE, REGF_DONTWAIT};
use super::convert;
use super::guard::guard;
use super::types::rsp_loadinfo;
use crate::PoolElementId;
use crate::api::{self, LoadInfo, RegisterOptions, Result};
use crate::wire::PolicyType;
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
/// address, and not REGF_DAEMONMODE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_register(
    sd: c_int,
    poolHandle: *const u8,
    poolHandleSize: usize,
    loadinfo: *const rsp_loadinfo,
    reregistrationInterval: c_uint,
    flags: c_int,
) -> c_int {
    guard(format_args!("rsp_register({sd}, {reregistrationInterval} ms, {flags})"), || {
        let handle = (poolHandle, poolHandleSize);
        // SAFETY: by the contract of this module.
        unsafe { register(sd, handle, loadinfo, reregistrationInterval, flags, None) }
    })
}

/// Takes the element out of its pool: no new sessions come. Those that are there stay. `flags`: DEREGF_DONTWAIT.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket, or not registered.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_deregister(sd: c_int, flags: c_int) -> c_int {
    guard(format_args!("rsp_deregister({sd}, {flags})"), || deregister(sd, flags))
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
    api::deregister(sd, flags & DEREGF_DONTWAIT != 0).map(|()| 0)
}

/// NULL: the default, round robin.
///
/// # Safety
/// `loadinfo` is NULL or points to a struct rsp_loadinfo.
pub unsafe fn load_info(loadinfo: *const rsp_loadinfo) -> LoadInfo {
    // SAFETY: the caller's promise.
    unsafe { loadinfo.as_ref() }.map_or_else(LoadInfo::default, |c| LoadInfo {
        policy: PolicyType(c.rli_policy),
        weight: c.rli_weight,
        weight_dpf: c.rli_weight_dpf,
        load: c.rli_load,
        load_degradation: c.rli_load_degradation,
        load_dpf: c.rli_load_dpf,
    })
}

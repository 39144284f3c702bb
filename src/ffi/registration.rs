//! Basic mode: registering elements that are not RSerPool sockets. Only with the feature `pool-element`.

use super::basic::ResultCode;
use super::constants::{REGF_CONTROLCHANNEL, REGF_DONTWAIT};
use super::convert;
use super::errors;
use super::guard::guard;
use super::pool_element::{load_info, wait_of};
use super::types::{rsp_addrinfo, rsp_loadinfo};
use crate::PoolElementId;
use crate::api::{self, AddressInfo, PeRegistrationOptions, Result};
use libc::{c_int, c_uint};
use std::time::Duration;

/// Registers an element that is not an RSerPool socket, for `registrationLife` milliseconds, of which a third is also the
/// interval at which the library registers it again, until rsp_pe_deregistration() or rsp_cleanup(). `rspAddrInfo` tells how
/// users reach it; `ai_pe_id` 0: an identifier is chosen and written there. `rspLoadInfo` NULL: round robin. `flags`:
/// REGF_DONTWAIT, after which 0 does not say that a registrar has taken it; REGF_CONTROLCHANNEL.
///
/// # Returns
/// 0; 0x1000: rsp_initialize() was not called; 0x1007: no registrar can be reached; 0x1008: no registrar answers; else
/// another code: the registrar refused, or an argument is bad. errno tells it, too.
///
/// # Errors
/// As rsp_getaddrinfo(); after EINTR the registration goes on. EINVAL, also: no address, addresses with different ports, or an unknown policy. EAFNOSUPPORT: an
/// address is neither IPv4 nor IPv6. EPROTONOSUPPORT: `ai_protocol` is none that can be registered.
///
/// # Standards
/// RFC 5352 sections 3.1 and 6.1 (registration); RFC 5354 section 3.12 (error causes).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_pe_registration(
    poolHandle: *const u8,
    poolHandleSize: usize,
    rspAddrInfo: *mut rsp_addrinfo,
    rspLoadInfo: *const rsp_loadinfo,
    registrationLife: c_uint,
    flags: c_int,
) -> c_uint {
    guard(&errors::rsp_pe_registration, format_args!("rsp_pe_registration({registrationLife} ms, {flags})"), || {
        // SAFETY: by the contract of this module.
        unsafe { pe_registration((poolHandle, poolHandleSize), rspAddrInfo, rspLoadInfo, registrationLife, flags) }
    })
    .0
}

/// # Safety
/// As for rsp_pe_registration().
pub unsafe fn pe_registration(
    (handle, len): (*const u8, usize),
    info: *mut rsp_addrinfo,
    load: *const rsp_loadinfo,
    life_ms: c_uint,
    flags: c_int,
) -> Result<ResultCode> {
    // SAFETY: the caller's promise, here and below.
    let (handle, element) = unsafe { (convert::pool_handle(handle, len)?, convert::required(info)?) };
    // SAFETY: see above.
    let (addresses, load) = unsafe { (convert::addresses(element.ai_addr, element.ai_addrs)?, load_info(load)) };
    convert::peer(&addresses)?;
    let wanted = AddressInfo {
        socket_type: element.ai_socktype,
        protocol: element.ai_protocol,
        addresses,
        pool_element_id: PoolElementId(element.ai_pe_id),
        // What counts for a registration is `load`.
        policy: crate::wire::Policy::RoundRobin,
    };
    let options = PeRegistrationOptions {
        life: Duration::from_millis(u64::from(life_ms)),
        dont_wait: flags & REGF_DONTWAIT != 0,
        control_channel: flags & REGF_CONTROLCHANNEL != 0,
    };
    let id = api::pe_registration(handle, &wanted, &load, options)?;
    // SAFETY: see above.
    unsafe { convert::store(info, rsp_addrinfo { ai_pe_id: id.0, ..element }) };
    Ok(ResultCode(0))
}

/// De-registers an element of rsp_pe_registration(). `flags`: DEREGF_DONTWAIT.
///
/// # Returns
/// 0, or a code as for rsp_pe_registration().
///
/// # Errors
/// As rsp_getaddrinfo(); after EINTR the de-registration goes on. EINVAL, also: the identifier is 0.
///
/// # Standards
/// RFC 5352 sections 3.2 and 6.2 (de-registration).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_pe_deregistration(
    poolHandle: *const u8,
    poolHandleSize: usize,
    identifier: u32,
    flags: c_int,
) -> c_uint {
    guard(&errors::rsp_pe_deregistration, format_args!("rsp_pe_deregistration(0x{identifier:08x}, {flags})"), || {
        // SAFETY: by the contract of this module.
        unsafe { pe_deregistration((poolHandle, poolHandleSize), identifier, flags) }
    })
    .0
}

/// # Safety
/// The handle is NULL or as long as said.
pub unsafe fn pe_deregistration(
    (handle, len): (*const u8, usize),
    identifier: u32,
    flags: c_int,
) -> Result<ResultCode> {
    // SAFETY: the caller's promise.
    let handle = unsafe { convert::pool_handle(handle, len) }?;
    api::pe_deregistration(handle, PoolElementId(identifier), wait_of(flags)).map(|()| ResultCode(0))
}

//! `rserpool-internals.h`: the pool element's functions with a list of options. Only with the feature `pool-element`.

use super::errors;
use super::guard::guard;
use super::tag_item::TagItem;
use super::tag_numbers::TAG_PoolElement_Identifier;
use super::tags::find;
use super::types::{rsp_addrinfo, rsp_loadinfo};
use super::{pool_element, registration};
use crate::PoolElementId;
use crate::api::{self, Timeout};
use std::ffi::{c_int, c_uint};

/// As rsp_pe_registration(). No tags are known.
#[unsafe(no_mangle)]
#[expect(unused_variables)]
pub unsafe extern "C" fn rsp_pe_registration_tags(
    poolHandle: *const u8,
    poolHandleSize: usize,
    rspAddrInfo: *mut rsp_addrinfo,
    rspLoadInfo: *const rsp_loadinfo,
    registrationLife: c_uint,
    flags: c_int,
    tags: *mut TagItem,
) -> c_uint {
    guard(
        &errors::rsp_pe_registration_tags,
        format_args!("rsp_pe_registration_tags({registrationLife} ms, {flags})"),
        || {
            // SAFETY: by the contract of this module.
            unsafe {
                registration::pe_registration(
                    (poolHandle, poolHandleSize),
                    rspAddrInfo,
                    rspLoadInfo,
                    registrationLife,
                    flags,
                )
            }
        },
    )
    .0
}

/// As rsp_pe_deregistration(). No tags are known.
#[unsafe(no_mangle)]
#[expect(unused_variables)]
pub unsafe extern "C" fn rsp_pe_deregistration_tags(
    poolHandle: *const u8,
    poolHandleSize: usize,
    identifier: u32,
    flags: c_int,
    tags: *mut TagItem,
) -> c_uint {
    guard(
        &errors::rsp_pe_deregistration_tags,
        format_args!("rsp_pe_deregistration_tags(0x{identifier:08x}, {flags})"),
        || {
            // SAFETY: by the contract of this module.
            unsafe { registration::pe_deregistration((poolHandle, poolHandleSize), identifier, flags) }
        },
    )
    .0
}

/// As rsp_register(), with TAG_PoolElement_Identifier. EINVAL, also: the tag list does not end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_register_tags(
    sd: c_int,
    poolHandle: *const u8,
    poolHandleSize: usize,
    loadinfo: *const rsp_loadinfo,
    reregistrationInterval: c_uint,
    flags: c_int,
    tags: *mut TagItem,
) -> c_int {
    guard(
        &errors::rsp_register_tags,
        format_args!("rsp_register_tags({sd}, {reregistrationInterval} ms, {flags})"),
        || {
            // SAFETY: by the contract of this module.
            let id = unsafe { find(tags, TAG_PoolElement_Identifier) }?;
            let id = id.and_then(|id| u32::try_from(id).ok()).filter(|id| *id != 0).map(PoolElementId);
            let handle = (poolHandle, poolHandleSize);
            // SAFETY: by the contract of this module.
            unsafe { pool_element::register(sd, handle, loadinfo, reregistrationInterval, flags, id) }
        },
    )
}

/// As rsp_deregister(). No tags are known.
#[unsafe(no_mangle)]
#[expect(unused_variables)]
pub unsafe extern "C" fn rsp_deregister_tags(sd: c_int, flags: c_int, tags: *mut TagItem) -> c_int {
    guard(&errors::rsp_deregister_tags, format_args!("rsp_deregister_tags({sd}, {flags})"), || {
        pool_element::deregister(sd, flags)
    })
}

/// As rsp_accept(). No tags are known.
#[unsafe(no_mangle)]
#[expect(unused_variables)]
pub unsafe extern "C" fn rsp_accept_tags(sd: c_int, timeout: c_int, tags: *mut TagItem) -> c_int {
    guard(&errors::rsp_accept_tags, format_args!("rsp_accept_tags({sd}, {timeout})"), || {
        api::accept(sd, Timeout::from_ms(timeout))
    })
}

//! `rserpool-internals.h`: the functions that take a list of options.

use super::errors;
use super::guard::guard;
use super::tag_item::{TAG_DONE, TAG_IGNORE, TAG_MORE, TAG_SKIP, TagItem, tag_t, tagdata_t};
use super::tag_numbers::*;
use super::types::rsp_addrinfo;
use super::{basic, convert, pool_user};
use crate::api::{self, ConnectOptions, Error, Result};
use std::ffi::{c_int, c_uint};
use std::time::Duration;

/// The most items looked at in a list: a list with a loop ends there.
const MAX_ITEMS: usize = 1024;

/// The value of `tag` in the list, if it is there.
///
/// # Safety
/// `next` is NULL or a list of tag items that ends with TAG_DONE.
pub unsafe fn find(mut next: *const TagItem, tag: tag_t) -> Result<Option<tagdata_t>> {
    for _ in 0..MAX_ITEMS {
        // SAFETY: the caller's promise.
        let Some(item) = (unsafe { convert::optional(next) }) else { return Ok(None) };
        let step = match item.Tag {
            TAG_DONE => return Ok(None),
            TAG_MORE => {
                next = std::ptr::with_exposed_provenance(item.Data as usize);
                continue;
            }
            TAG_SKIP => usize::try_from(item.Data).ok().filter(|n| *n < MAX_ITEMS).ok_or(ENDLESS)? + 1,
            TAG_IGNORE => 1,
            found if found == tag => return Ok(Some(item.Data)),
            _ => 1,
        };
        // SAFETY: still within the caller's list, which says so itself.
        next = unsafe { next.add(step) };
    }
    Err(ENDLESS)
}

const ENDLESS: Error = Error::new(libc::EINVAL, "a tag list has more than 1024 items, or a loop");

/// # Safety
/// As for [`find`].
unsafe fn microseconds(tags: *const TagItem, tag: tag_t) -> Result<Option<Duration>> {
    // SAFETY: the caller's promise.
    let value = unsafe { find(tags, tag) }?.filter(|value| *value != 0);
    Ok(value.map(|value| Duration::from_micros(value).max(SHORTEST)))
}

/// No pause and no timeout is shorter: a session whose pool is empty would ask for it without a break.
const SHORTEST: Duration = Duration::from_millis(1);

/// As rsp_pe_failure(). No tags are known.
#[unsafe(no_mangle)]
#[expect(unused_variables)]
pub unsafe extern "C" fn rsp_pe_failure_tags(
    poolHandle: *const u8,
    poolHandleSize: usize,
    identifier: u32,
    tags: *mut TagItem,
) -> c_uint {
    guard(&errors::rsp_pe_failure_tags, format_args!("rsp_pe_failure_tags(0x{identifier:08x})"), || {
        // SAFETY: by the contract of this module.
        unsafe { basic::pe_failure((poolHandle, poolHandleSize), identifier) }
    })
    .0
}

/// As rsp_getaddrinfo(). No tags are known.
#[unsafe(no_mangle)]
#[expect(unused_variables)]
pub unsafe extern "C" fn rsp_getaddrinfo_tags(
    poolHandle: *const u8,
    poolHandleSize: usize,
    rserpoolAddrInfo: *mut *mut rsp_addrinfo,
    items: usize,
    staleCacheValue: c_uint,
    tags: *mut TagItem,
) -> c_int {
    guard(
        &errors::rsp_getaddrinfo_tags,
        format_args!("rsp_getaddrinfo_tags({items} items, {staleCacheValue} ms)"),
        || {
            // SAFETY: by the contract of this module.
            unsafe { basic::getaddrinfo((poolHandle, poolHandleSize), rserpoolAddrInfo, items, staleCacheValue) }
        },
    )
    .0
}

/// As rsp_connect(), with TAG_RspSession_ConnectTimeout and TAG_RspSession_HandleResolutionRetryDelay. EINVAL, also: the tag
/// list does not end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_connect_tags(
    sd: c_int,
    poolHandle: *const u8,
    poolHandleSize: usize,
    staleCacheValue: c_uint,
    tags: *mut TagItem,
) -> c_int {
    guard(&errors::rsp_connect_tags, format_args!("rsp_connect_tags({sd}, {staleCacheValue} ms)"), || {
        // SAFETY: by the contract of this module.
        let options = unsafe {
            ConnectOptions {
                stale_cache: pool_user::stale_cache(staleCacheValue),
                connect_timeout: microseconds(tags, TAG_RspSession_ConnectTimeout)?,
                resolution_retry_delay: microseconds(tags, TAG_RspSession_HandleResolutionRetryDelay)?,
            }
        };
        // SAFETY: by the contract of this module.
        unsafe { pool_user::connect(sd, (poolHandle, poolHandleSize), options) }
    })
}

/// As rsp_forcefailover(). No tags are known.
#[unsafe(no_mangle)]
#[expect(unused_variables)]
pub unsafe extern "C" fn rsp_forcefailover_tags(
    sd: c_int,
    flags: c_uint,
    staleCacheValue: c_uint,
    tags: *mut TagItem,
) -> c_int {
    guard(
        &errors::rsp_forcefailover_tags,
        format_args!("rsp_forcefailover_tags({sd}, {flags}, {staleCacheValue} ms)"),
        || pool_user::force_failover(sd, flags, staleCacheValue),
    )
}

/// As rsp_socket(), for programs that name this internal function of rsplib's library. `customFD` < 0: a descriptor of the
/// library's choice. rsplib takes a system's SCTP socket there and makes it the RSerPool socket; here RSerPool sockets have
/// their associations elsewhere, so none can be taken.
///
/// # Returns
/// The descriptor, or -1.
///
/// # Errors
/// As rsp_socket(). EOPNOTSUPP: `customFD` >= 0.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_socket_internal(domain: c_int, r#type: c_int, protocol: c_int, customFD: c_int) -> c_int {
    let socket_type = r#type;
    guard(
        &errors::rsp_socket_internal,
        format_args!("rsp_socket_internal({domain}, {socket_type}, {protocol}, {customFD})"),
        || {
            if customFD >= 0 {
                let text = format!(
                    "descriptor {customFD} cannot become an RSerPool socket: use rsp_socket(), or rsp_mapsocket()"
                );
                return Err(Error::with(libc::EOPNOTSUPP, text));
            }
            api::socket(domain, socket_type, protocol)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(tag: tag_t, data: tagdata_t) -> TagItem {
        TagItem { Tag: tag, Data: data }
    }

    fn lookup(list: &[TagItem]) -> Result<Option<tagdata_t>> {
        // SAFETY: each test's list ends with TAG_DONE, or is refused before its end.
        unsafe { find(list.as_ptr(), TAG_PoolElement_Identifier) }
    }

    #[test]
    fn a_tag_is_found_behind_ignored_skipped_and_continued_items() {
        let rest = [item(TAG_PoolElement_Identifier, 42), item(TAG_DONE, 0)];
        let list = [
            item(TAG_IGNORE, 1),
            item(TAG_SKIP, 1),
            item(TAG_PoolElement_Identifier, 41),
            item(TAG_RspLib_CacheElementTimeout, 5),
            item(TAG_MORE, rest.as_ptr().expose_provenance() as tagdata_t),
        ];
        assert_eq!(lookup(&list), Ok(Some(42)));
    }

    #[test]
    fn an_absent_tag_is_none() {
        assert_eq!(lookup(&[item(TAG_DONE, 0), item(TAG_PoolElement_Identifier, 1)]), Ok(None));
        // SAFETY: NULL is an empty list.
        assert_eq!(unsafe { find(std::ptr::null(), TAG_PoolElement_Identifier) }, Ok(None));
    }

    #[test]
    fn times_are_microseconds_of_which_zero_is_none_and_a_millisecond_the_least() {
        for (data, expected) in [(0, None), (1, Some(1)), (2_500_000, Some(2500))] {
            let list = [item(TAG_RspSession_ConnectTimeout, data), item(TAG_DONE, 0)];
            // SAFETY: the list has an end.
            let found = unsafe { microseconds(list.as_ptr(), TAG_RspSession_ConnectTimeout) }.unwrap();
            assert_eq!(found, expected.map(Duration::from_millis));
        }
    }

    #[test]
    fn a_list_without_an_end_is_refused() {
        let mut list = [item(TAG_MORE, 0)];
        list[0].Data = list.as_ptr().expose_provenance() as tagdata_t;
        assert_eq!(lookup(&list).unwrap_err().errno, libc::EINVAL);
        assert_eq!(lookup(&[item(TAG_SKIP, tagdata_t::MAX)]).unwrap_err().errno, libc::EINVAL);
    }
}

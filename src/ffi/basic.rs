//! Basic mode: the registrar as a name service, without RSerPool sockets.

use super::constants::{REAI_MEMORY, REAI_NONAME, REAI_SYSTEM};
use super::convert;
use super::errors;
use super::guard::{CReturn, guard, guard_always};
use super::types::rsp_addrinfo;
use crate::PoolElementId;
use crate::api::{self, AddressInfo, Error, Result};
use libc::{c_int, c_uint};
use std::net::SocketAddr;
use std::time::Duration;

/// The most elements asked for at a time.
const MAX_ITEMS: usize = 128;
/// `ai_addrlen`: room for an address of any family.
const ADDRESS_ROOM: usize = size_of::<libc::sockaddr_in6>();

/// What rsp_getaddrinfo() returns: a count, or a REAI_ code.
#[repr(transparent)]
pub struct Count(pub c_int);

impl CReturn for Count {
    fn failed(error: &Error) -> Count {
        Count(match error.errno {
            libc::ENOENT => REAI_NONAME,
            libc::ENOMEM => REAI_MEMORY,
            _ => REAI_SYSTEM,
        })
    }
}

/// What the rsp_pe_ functions return: 0, or one of rsplib's codes.
#[repr(transparent)]
pub struct ResultCode(pub c_uint);

impl CReturn for ResultCode {
    fn failed(error: &Error) -> ResultCode {
        ResultCode(error.result_code())
    }
}

/// Resolves a pool handle into elements, best first. `items`: how many at most; RSPGETADDRS_DEFAULT: as many as the
/// registrar gives. The registrar is not asked when its last answer is younger than `staleCacheValue` milliseconds.
/// Free the list with rsp_freeaddrinfo().
///
/// # Returns
/// The number of elements, 1 at least; REAI_NONAME: no such pool, or it is empty; REAI_MEMORY: out of memory; REAI_SYSTEM:
/// any other error, which is in errno. In all these cases `*rserpoolAddrInfo` is NULL.
///
/// # Errors
/// With REAI_SYSTEM: EACCES: rsp_initialize() was not called. EFAULT: NULL. EINVAL: the handle is empty. ENAMETOOLONG: the
/// handle is longer than 32 bytes. EHOSTUNREACH: no registrar can be reached. EMFILE: no descriptors left to reach one by.
/// ETIMEDOUT: no registrar answers. EPERM: the registrar refuses. EBUSY: too many requests are under way. EINTR: a signal handler ran while the answer was waited for,
/// SA_RESTART or not. ECANCELED: rsp_cleanup() was called.
///
/// # Standards
/// RFC 5352 sections 3.3 (handle resolution), 6.3 (cache) and 6.9.1 (Translation.Request).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getaddrinfo(
    poolHandle: *const u8,
    poolHandleSize: usize,
    rserpoolAddrInfo: *mut *mut rsp_addrinfo,
    items: usize,
    staleCacheValue: c_uint,
) -> c_int {
    guard(&errors::rsp_getaddrinfo, format_args!("rsp_getaddrinfo({items} items, {staleCacheValue} ms)"), || {
        // SAFETY: by the contract of this module.
        unsafe { getaddrinfo((poolHandle, poolHandleSize), rserpoolAddrInfo, items, staleCacheValue) }
    })
    .0
}

/// # Safety
/// As for rsp_getaddrinfo().
pub unsafe fn getaddrinfo(
    (handle, len): (*const u8, usize),
    list: *mut *mut rsp_addrinfo,
    items: usize,
    stale_cache_ms: c_uint,
) -> Result<Count> {
    if list.is_null() {
        return Err(Error::new(libc::EFAULT, "the pointer to the list is NULL"));
    }
    // SAFETY: the caller's promise.
    unsafe { convert::store(list, std::ptr::null_mut()) };
    // SAFETY: the caller's promise.
    let handle = unsafe { convert::pool_handle(handle, len) }?;
    // At most 128, so it fits.
    let wanted = (items != 0).then(|| items.min(MAX_ITEMS) as u32);
    let elements = api::getaddrinfo(handle, wanted, Duration::from_millis(u64::from(stale_cache_ms)))?;
    // SAFETY: the caller's promise.
    unsafe { convert::store(list, to_list(&elements)?) };
    Ok(Count(c_int::try_from(elements.len()).unwrap_or(c_int::MAX)))
}

/// Frees a list of rsp_getaddrinfo(). NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_freeaddrinfo(rserpoolAddrInfo: *mut rsp_addrinfo) {
    guard_always(&errors::rsp_freeaddrinfo, format_args!("rsp_freeaddrinfo()"), || {
        // SAFETY: a list of rsp_getaddrinfo(), by the contract of this module.
        unsafe { free_list(rserpoolAddrInfo) };
        Ok(())
    })
}

/// Builds the list from its end, in memory of malloc.
fn to_list(elements: &[AddressInfo]) -> Result<*mut rsp_addrinfo> {
    let mut next = std::ptr::null_mut();
    for element in elements.iter().rev() {
        let addresses = convert::malloc_copy(&convert::packed(&element.addresses));
        // SAFETY: no pointers are involved.
        let node = unsafe { libc::malloc(size_of::<rsp_addrinfo>()) }.cast::<rsp_addrinfo>();
        if addresses.is_null() || node.is_null() {
            // SAFETY: each is NULL, or was just allocated, or is the list made so far.
            unsafe { (libc::free(addresses.cast()), libc::free(node.cast()), free_list(next)) };
            return Err(Error::new(libc::ENOMEM, "no memory for the list of pool elements"));
        }
        let v6 = element.addresses.iter().any(SocketAddr::is_ipv6);
        let info = rsp_addrinfo {
            ai_family: if v6 { libc::AF_INET6 } else { libc::AF_INET },
            ai_socktype: element.socket_type,
            ai_protocol: element.protocol,
            ai_addrlen: ADDRESS_ROOM,
            ai_addrs: element.addresses.len(),
            ai_addr: addresses.cast(),
            ai_next: next,
            ai_pe_id: element.pool_element_id.0,
        };
        // SAFETY: malloc gave room for it, aligned for anything.
        unsafe { node.write(info) };
        next = node;
    }
    Ok(next)
}

/// # Safety
/// `next` is NULL or a list of [`to_list`].
unsafe fn free_list(mut next: *mut rsp_addrinfo) {
    while !next.is_null() {
        // SAFETY: a node of the list, read before it is freed.
        let info = unsafe { next.read_unaligned() };
        // SAFETY: both are from malloc, and nothing points to them any more.
        unsafe { (libc::free(info.ai_addr.cast()), libc::free(next.cast())) };
        next = info.ai_next;
    }
}

/// Tells the registrar that an element does not answer. Does not wait for the registrar.
///
/// # Returns
/// 0; 0x1000: rsp_initialize() was not called; another code: an argument is bad. errno tells it, too.
///
/// # Errors
/// EFAULT: NULL. EINVAL: the handle is empty, or the identifier 0. ENAMETOOLONG: the handle is longer than 32 bytes.
/// ECANCELED: rsp_cleanup() was called.
///
/// # Standards
/// RFC 5352 sections 3.5 (unreachable endpoints) and 6.9.2 (Transport.Failure).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_pe_failure(poolHandle: *const u8, poolHandleSize: usize, identifier: u32) -> c_uint {
    guard(&errors::rsp_pe_failure, format_args!("rsp_pe_failure(0x{identifier:08x})"), || {
        // SAFETY: by the contract of this module.
        unsafe { pe_failure((poolHandle, poolHandleSize), identifier) }
    })
    .0
}

/// # Safety
/// The handle is NULL or as long as said.
pub unsafe fn pe_failure((handle, len): (*const u8, usize), identifier: u32) -> Result<ResultCode> {
    // SAFETY: the caller's promise.
    let handle = unsafe { convert::pool_handle(handle, len) }?;
    api::pe_failure(handle, PoolElementId(identifier)).map(|()| ResultCode(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_every_element_with_its_packed_addresses() {
        let element = |id, addresses: &[&str]| AddressInfo {
            socket_type: libc::SOCK_STREAM,
            protocol: libc::IPPROTO_SCTP,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            pool_element_id: PoolElementId(id),
            policy: crate::wire::Policy::RoundRobin,
        };
        let elements = [element(7, &["10.0.0.1:5"]), element(8, &["10.0.0.1:6", "[::1]:6"])];
        let list = to_list(&elements).unwrap();
        // SAFETY: the list that was just made has two nodes.
        let (first, second) = unsafe { (&*list, &*(*list).ai_next) };
        assert_eq!((first.ai_pe_id, first.ai_family, first.ai_addrs), (7, libc::AF_INET, 1));
        assert_eq!((second.ai_pe_id, second.ai_family, second.ai_addrs), (8, libc::AF_INET6, 2));
        assert_eq!((second.ai_addrlen, second.ai_next), (28, std::ptr::null_mut()));
        // SAFETY: two packed addresses.
        let addresses = unsafe { convert::addresses(second.ai_addr, 2) }.unwrap();
        assert_eq!(addresses, elements[1].addresses);
        // SAFETY: the whole list, once.
        unsafe { rsp_freeaddrinfo(list) };
    }
}

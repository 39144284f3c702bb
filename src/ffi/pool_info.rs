//! What is in a pool.

use super::convert;
use super::errors;
use super::guard::guard;
use super::guard::guard_always;
use super::types::{rsp_loadinfo, rsp_poolelement, rsp_poolinfo};
use crate::api::{self, Error, LoadInfo, PoolElementChange, PoolElementInfo, PoolInfo, Result, Timeout};
use libc::sockaddr;
use std::ffi::{c_int, c_uint};
use std::net::SocketAddr;
use std::time::Duration;

/// rpi_flags: as many elements are listed as a call lists, or was asked for: the pool may have more.
pub const RSP_POOL_PARTIAL: c_uint = 1;

/// rpe_change: nothing has happened to the element since the last look, or it was the first one.
pub const RSP_ELEMENT_SAME: c_uint = 0;
/// rpe_change: the element came.
pub const RSP_ELEMENT_ADDED: c_uint = 1;
/// rpe_change: the element has other addresses, policy values or another home registrar.
pub const RSP_ELEMENT_CHANGED: c_uint = 2;
/// rpe_change: the element went. The rest of the structure tells how it was.
pub const RSP_ELEMENT_REMOVED: c_uint = 3;

/// Asks a registrar what is in a pool: unlike rsp_getaddrinfo() with policy, load, lifetime and home registrar of each
/// element. `items`: how many elements at most; 0: as many as possible, which is 512. The registrar is not asked when its
/// last answer is younger than `staleCacheValue` milliseconds. Free the result with rsp_freepoolinfo().
///
/// # Returns
/// The number of elements, at least 1, in the order in which to use them by the pool's policy; -1 on failure, then `*info`
/// is NULL.
///
/// # Errors
/// EACCES: rsp_initialize() was not called. EFAULT: NULL. EINVAL: the handle is empty. ENAMETOOLONG: the handle is longer
/// than 32 bytes. ENOENT: no such pool, or it is empty. EHOSTUNREACH: no registrar can be reached. EMFILE: no descriptors left
/// to reach one by. ETIMEDOUT: no registrar answers. EPERM: the registrar refuses. EBUSY: too many requests are under way. EINTR: a signal handler ran while the
/// answer was waited for. ENOMEM: out of memory. ECANCELED: rsp_cleanup() was called.
///
/// # Standards
/// RFC 5352 section 6.9.1 (Translation.Request).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getpoolinfo(
    poolHandle: *const u8,
    poolHandleSize: usize,
    info: *mut *mut rsp_poolinfo,
    items: usize,
    staleCacheValue: c_uint,
) -> c_int {
    guard(&errors::rsp_getpoolinfo, format_args!("rsp_getpoolinfo({items} items, {staleCacheValue} ms)"), || {
        // SAFETY: by the contract of this module.
        unsafe { begin(info) }?;
        // SAFETY: by the contract of this module.
        let handle = unsafe { convert::pool_handle(poolHandle, poolHandleSize) }?;
        let wanted = (items != 0).then(|| u32::try_from(items).unwrap_or(u32::MAX));
        let pool = api::getpoolinfo(handle, wanted, Duration::from_millis(u64::from(staleCacheValue)))?;
        // SAFETY: by the contract of this module.
        unsafe { convert::store(info, to_c(&pool)?) };
        count(&pool)
    })
}

/// Frees what rsp_getpoolinfo() or rsp_getpoolchange() returned. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_freepoolinfo(info: *mut rsp_poolinfo) {
    guard_always(&errors::rsp_freepoolinfo, format_args!("rsp_freepoolinfo()"), || {
        // SAFETY: NULL, or one block of malloc, made by `to_c`.
        unsafe { libc::free(info.cast()) };
        Ok(())
    })
}

/// Subscribes to a pool, whether it exists yet or not (RFC 5352 section 2.2.5). The descriptor is one of the kernel, which
/// becomes readable when the pool changes, and for the first time when a registrar has told how it is; it works with
/// poll(), select(), epoll and every event loop. rsp_getpoolchange() reads the news, rsp_close() ends the subscription. A
/// registrar that tells no changes by itself, such as rsplib's, is asked every second. The subscription outlives the loss
/// of a registrar. A process may subscribe to 64 pools, to each as often as it likes.
///
/// # Returns
/// The descriptor, or -1.
///
/// # Errors
/// EACCES: rsp_initialize() was not called. EFAULT: the handle is NULL. EINVAL: the handle is empty. ENAMETOOLONG: the
/// handle is longer than 32 bytes. EBUSY: 64 pools are subscribed to. EMFILE, ENFILE, ENOMEM: no descriptors or memory
/// left. EINTR: a signal handler ran meanwhile. ECANCELED: rsp_cleanup() was called.
///
/// # Standards
/// RFC 5352 sections 2.2.5 and 2.2.6 (S and A bit).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_subscribe_pool(poolHandle: *const u8, poolHandleSize: usize) -> c_int {
    guard(&errors::rsp_subscribe_pool, format_args!("rsp_subscribe_pool()"), || {
        // SAFETY: by the contract of this module.
        api::subscribe_pool(unsafe { convert::pool_handle(poolHandle, poolHandleSize) }?)
    })
}

/// Tells what is new in the pool of a subscription: `*info` lists all its elements by identifier, with rpe_change saying
/// what happened to each since the last call, and those that went. However much has happened, one call tells all of it; an
/// element that came and went between two calls is not mentioned. rpi_policy is 0 when there is no such pool, or it is
/// empty. Free the result with rsp_freepoolinfo(). `timeout` in milliseconds: how long to wait for news; 0: not at all;
/// negative: no limit.
///
/// # Returns
/// The number of elements listed, those that went included; it may be 0. -1 on failure, then `*info` is NULL.
///
/// # Errors
/// EAGAIN: nothing new in time. EINTR: a signal handler ran while the call waited. EBADF: not an open RSerPool descriptor,
/// or closed by another thread. EOPNOTSUPP: not of rsp_subscribe_pool(). EFAULT: `info` is NULL. ENOMEM: out of memory; the
/// news is lost. ECANCELED: rsp_cleanup() was called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getpoolchange(sd: c_int, info: *mut *mut rsp_poolinfo, timeout: c_int) -> c_int {
    guard(&errors::rsp_getpoolchange, format_args!("rsp_getpoolchange({sd}, timeout {timeout})"), || {
        // SAFETY: by the contract of this module.
        unsafe { begin(info) }?;
        let pool = api::poolchange(sd, Timeout::from_ms(timeout))?;
        // SAFETY: by the contract of this module.
        unsafe { convert::store(info, to_c(&pool)?) };
        count(&pool)
    })
}

/// Nothing is told yet.
///
/// # Safety
/// `info` is NULL or points to room for a pointer.
unsafe fn begin(info: *mut *mut rsp_poolinfo) -> Result<()> {
    if info.is_null() {
        return Err(Error::new(libc::EFAULT, "the pointer to the pool information is NULL"));
    }
    // SAFETY: the caller's promise.
    unsafe { convert::store(info, std::ptr::null_mut()) };
    Ok(())
}

fn count(pool: &PoolInfo) -> Result<c_int> {
    Ok(c_int::try_from(pool.elements.len()).unwrap_or(c_int::MAX))
}

/// One block of malloc: the pool, its elements, their addresses, the handle. All but the handle are aligned for pointers.
fn to_c(pool: &PoolInfo) -> Result<*mut rsp_poolinfo> {
    let addresses: Vec<Vec<u8>> = pool.elements.iter().map(|element| padded(packed(element))).collect();
    let handle = pool.pool_handle.as_bytes();
    let elements_at = size_of::<rsp_poolinfo>();
    let addresses_at = elements_at + pool.elements.len() * size_of::<rsp_poolelement>();
    let handle_at = addresses_at + addresses.iter().map(Vec::len).sum::<usize>();
    // SAFETY: no pointers are involved.
    let block = unsafe { libc::malloc(handle_at + handle.len()) }.cast::<u8>();
    if block.is_null() {
        return Err(Error::new(libc::ENOMEM, "no memory for the list of pool elements"));
    }
    // SAFETY: all offsets are within the block, which is new and aligned for anything; the sizes of both structures are
    // multiples of a pointer's, and so are the lengths of the padded addresses.
    unsafe {
        let mut address_at = addresses_at;
        for (index, (element, bytes)) in pool.elements.iter().zip(&addresses).enumerate() {
            let target = block.add(address_at);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
            let at = block.add(elements_at).cast::<rsp_poolelement>().add(index);
            at.write(element_to_c(element, target.cast()));
            address_at += bytes.len();
        }
        std::ptr::copy_nonoverlapping(handle.as_ptr(), block.add(handle_at), handle.len());
        block.cast::<rsp_poolinfo>().write(rsp_poolinfo {
            rpi_handle: block.add(handle_at),
            rpi_handle_size: handle.len(),
            rpi_policy: pool.policy.map_or(0, |policy| policy.0),
            rpi_flags: if pool.partial { RSP_POOL_PARTIAL } else { 0 },
            rpi_elements: pool.elements.len(),
            rpi_element: block.add(elements_at).cast(),
        });
    }
    Ok(block.cast())
}

fn packed(element: &PoolElementInfo) -> Vec<u8> {
    let addresses: &[SocketAddr] = element.address.as_ref().map_or(&[], |address| &address.addresses);
    convert::packed(addresses)
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(align_of::<rsp_poolinfo>()), 0);
    bytes
}

fn element_to_c(element: &PoolElementInfo, addresses: *mut sockaddr) -> rsp_poolelement {
    let address = element.address.as_ref();
    let count = address.map_or(0, |address| address.addresses.len());
    rsp_poolelement {
        rpe_identifier: element.pool_element_id.0,
        rpe_home_registrar: element.home_registrar.0,
        rpe_change: match element.change {
            PoolElementChange::Same => RSP_ELEMENT_SAME,
            PoolElementChange::Added => RSP_ELEMENT_ADDED,
            PoolElementChange::Changed => RSP_ELEMENT_CHANGED,
            PoolElementChange::Removed => RSP_ELEMENT_REMOVED,
        },
        rpe_life: element.registration_life.map_or(u32::MAX, |life| u32::try_from(life.as_secs()).unwrap_or(u32::MAX)),
        rpe_load: load_to_c(&element.load),
        rpe_socktype: address.map_or(0, |address| address.socket_type),
        rpe_protocol: address.map_or(0, |address| address.protocol),
        rpe_control_channel: c_int::from(element.control_channel),
        rpe_addrs: count,
        rpe_addr: if count == 0 { std::ptr::null_mut() } else { addresses },
    }
}

fn load_to_c(load: &LoadInfo) -> rsp_loadinfo {
    rsp_loadinfo {
        rli_policy: load.policy.0,
        rli_weight: load.weight,
        rli_weight_dpf: load.weight_dpf,
        rli_load: load.load,
        rli_load_degradation: load.load_degradation,
        rli_load_dpf: load.load_dpf,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::AddressInfo;
    use crate::wire::{Policy, PolicyType};
    use crate::{PoolElementId, PoolHandle, RegistrarId};

    fn element(id: u32, addresses: &[&str]) -> PoolElementInfo {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let address = AddressInfo {
            socket_type: libc::SOCK_STREAM,
            protocol: libc::IPPROTO_SCTP,
            addresses,
            pool_element_id: PoolElementId(id),
            policy: Policy::RoundRobin,
        };
        PoolElementInfo {
            pool_element_id: PoolElementId(id),
            home_registrar: RegistrarId(9),
            registration_life: Some(Duration::from_secs(90)),
            load: LoadInfo { policy: PolicyType::LEAST_USED, load: 77, ..LoadInfo::default() },
            address: (!address.addresses.is_empty()).then_some(address),
            control_channel: true,
            change: PoolElementChange::Added,
        }
    }

    #[test]
    fn one_block_holds_everything_in_its_place() {
        let elements = vec![element(1, &["127.0.0.1:5"]), element(2, &[]), element(3, &["[::1]:6", "10.0.0.1:6"])];
        let pool = PoolInfo {
            pool_handle: PoolHandle::from("a pool"),
            policy: Some(PolicyType::LEAST_USED),
            elements,
            partial: true,
        };
        let info = to_c(&pool).unwrap();
        // SAFETY: what `to_c` made, until it is freed.
        unsafe {
            let found = &*info;
            assert_eq!(std::slice::from_raw_parts(found.rpi_handle, found.rpi_handle_size), b"a pool");
            assert_eq!((found.rpi_policy, found.rpi_flags), (PolicyType::LEAST_USED.0, RSP_POOL_PARTIAL));
            let list = std::slice::from_raw_parts(found.rpi_element, found.rpi_elements);
            assert_eq!(list.iter().map(|element| element.rpe_identifier).collect::<Vec<_>>(), [1, 2, 3]);
            for (c, rust) in list.iter().zip(&pool.elements) {
                let addresses = convert::addresses(c.rpe_addr, c.rpe_addrs).unwrap();
                assert_eq!(addresses, rust.address.as_ref().map(|a| a.addresses.clone()).unwrap_or_default());
                assert_eq!((c.rpe_home_registrar, c.rpe_life, c.rpe_load.rli_load), (9, 90, 77));
                assert_eq!((c.rpe_change, c.rpe_control_channel), (RSP_ELEMENT_ADDED, 1));
            }
            rsp_freepoolinfo(info);
            rsp_freepoolinfo(std::ptr::null_mut());
        }
    }
}

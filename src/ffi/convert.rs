//! Between C's pointers and Rust's types.

use crate::PoolHandle;
use crate::api::{Error, Result};
use crate::association::PeerAddress;
use crate::transport::zones;
use libc::{sockaddr, sockaddr_in, sockaddr_in6};
use std::ffi::{c_int, c_uint};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// The most addresses taken in one array.
pub const MAX_ADDRESSES: usize = 64;

const NULL_POINTER: Error = Error::new(libc::EFAULT, "a pointer is NULL");

/// The pool handle of a call. Checked here and not only below: a length beyond all bounds must not become a slice.
///
/// # Safety
/// `handle` is NULL or points to `len` bytes that stay as they are during `'a`.
pub unsafe fn pool_handle<'a>(handle: *const u8, len: usize) -> Result<&'a [u8]> {
    if handle.is_null() {
        return Err(NULL_POINTER);
    }
    if len == 0 {
        return Err(Error::new(libc::EINVAL, "a pool handle has at least one byte"));
    }
    if len > PoolHandle::DEFAULT_MAX_LEN {
        return Err(Error::new(libc::ENAMETOOLONG, "a pool handle has at most 32 bytes"));
    }
    // SAFETY: not NULL, a sane length, and the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(handle, len) })
}

/// Bytes to read; NULL will do for none.
///
/// # Safety
/// `data` is NULL or points to `len` bytes that stay as they are during `'a`.
pub unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8]> {
    match (data.is_null(), isize::try_from(len)) {
        (_, Err(_)) => Err(Error::new(libc::EMSGSIZE, "the length is beyond all bounds")),
        (_, Ok(0)) => Ok(&[]),
        (true, _) => Err(NULL_POINTER),
        // SAFETY: not NULL, a possible length, and the caller's promise.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// A buffer to write to; NULL will do for an empty one.
///
/// # Safety
/// `data` is NULL or points to `len` bytes that nobody else uses during `'a`.
pub unsafe fn buffer<'a>(data: *mut u8, len: usize) -> Result<&'a mut [u8]> {
    match (data.is_null(), isize::try_from(len)) {
        (_, Err(_)) => Err(Error::new(libc::EINVAL, "the length is beyond all bounds")),
        (_, Ok(0)) => Ok(&mut []),
        (true, _) => Err(NULL_POINTER),
        // SAFETY: not NULL, a possible length, and the caller's promise.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts_mut(data, len) }),
    }
}

// Structures come and go by copies: C programs have them in packed buffers, too, where a reference would be misaligned.

/// What a pointer points to; None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to a T, at any alignment.
pub unsafe fn optional<T: Copy>(pointer: *const T) -> Option<T> {
    // SAFETY: not NULL, and the caller's promise.
    (!pointer.is_null()).then(|| unsafe { pointer.read_unaligned() })
}

/// What a pointer points to, which must be there.
///
/// # Safety
/// As for [`optional`].
pub unsafe fn required<T: Copy>(pointer: *const T) -> Result<T> {
    // SAFETY: the caller's promise.
    unsafe { optional(pointer) }.ok_or(NULL_POINTER)
}

/// Writes to where a pointer points; nothing for NULL.
///
/// # Safety
/// `pointer` is NULL or points to room for a T, at any alignment.
pub unsafe fn store<T: Copy>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: not NULL, and the caller's promise.
        unsafe { pointer.write_unaligned(value) };
    }
}

/// A time in milliseconds of which 0 means "the default".
pub fn milliseconds(ms: c_uint) -> Option<Duration> {
    (ms != 0).then(|| Duration::from_millis(u64::from(ms)))
}

/// The addresses of a packed array: one directly behind the other, each as long as its family says.
///
/// # Safety
/// `addresses` is NULL or points to `count` such addresses.
pub unsafe fn addresses(addresses: *const sockaddr, count: usize) -> Result<Vec<SocketAddr>> {
    if count > MAX_ADDRESSES {
        return Err(Error::new(libc::EINVAL, "more than 64 addresses"));
    }
    if count > 0 && addresses.is_null() {
        return Err(NULL_POINTER);
    }
    let mut at = addresses.cast::<u8>();
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        // SAFETY: the caller promised another address at `at`; `address` told how long the last one was.
        let (address, len) = unsafe { address(at) }?;
        found.push(address);
        // SAFETY: still within, or directly behind, the caller's array.
        at = unsafe { at.add(len) };
    }
    Ok(found)
}

/// One address, at any alignment (packed arrays have no padding), and its length.
///
/// # Safety
/// `at` points to a sockaddr of the length that its family says.
unsafe fn address(at: *const u8) -> Result<(SocketAddr, usize)> {
    // SAFETY: every sockaddr begins with its family.
    let family = unsafe { at.cast::<libc::sa_family_t>().read_unaligned() };
    match c_int::from(family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a sockaddr_in.
            let a = unsafe { at.cast::<sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(a.sin_addr.s_addr));
            Ok((SocketAddr::new(IpAddr::V4(ip), u16::from_be(a.sin_port)), size_of::<sockaddr_in>()))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that it is a sockaddr_in6.
            let a = unsafe { at.cast::<sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(a.sin6_addr.s6_addr);
            let address = SocketAddrV6::new(ip, u16::from_be(a.sin6_port), a.sin6_flowinfo, a.sin6_scope_id);
            zones::note(address.into());
            Ok((SocketAddr::V6(address), size_of::<sockaddr_in6>()))
        }
        _ => Err(Error::new(libc::EAFNOSUPPORT, "an address is neither IPv4 nor IPv6")),
    }
}

/// One peer with all its addresses, whose ports must be the same.
pub fn peer(addresses: &[SocketAddr]) -> Result<PeerAddress> {
    let first = addresses.first().ok_or(Error::new(libc::EINVAL, "there is no address"))?;
    if addresses.iter().any(|a| a.port() != first.port()) {
        return Err(Error::new(libc::EINVAL, "addresses that belong together have different ports"));
    }
    Ok(PeerAddress { addresses: addresses.iter().map(SocketAddr::ip).collect(), port: first.port() })
}

/// The bytes of a packed array of these addresses.
pub fn packed(addresses: &[SocketAddr]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(addresses.len() * size_of::<sockaddr_in6>());
    for address in addresses {
        let sockaddr = socket2::SockAddr::from(*address);
        // SAFETY: a SockAddr of this length, made from an IPv4 or IPv6 address, is initialised as far as that.
        bytes.extend_from_slice(unsafe {
            std::slice::from_raw_parts(sockaddr.as_ptr().cast::<u8>(), sockaddr.len() as usize)
        });
    }
    bytes
}

/// A copy of `bytes` in memory of malloc(3), which C programs may free; NULL when there is none.
pub fn malloc_copy(bytes: &[u8]) -> *mut u8 {
    // SAFETY: no pointers are involved. One byte at least: malloc(0) may be NULL.
    let copy = unsafe { libc::malloc(bytes.len().max(1)) }.cast::<u8>();
    if !copy.is_null() {
        // SAFETY: `copy` has room for them, and new memory overlaps nothing.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_addresses_come_back_as_they_were() {
        let list: Vec<SocketAddr> =
            ["127.0.0.1:1", "[fe80::1%3]:65535", "10.0.0.1:7"].iter().map(|a| a.parse().unwrap()).collect();
        let bytes = packed(&list);
        assert_eq!(bytes.len(), 16 + 28 + 16);
        // SAFETY: `bytes` are three packed addresses.
        assert_eq!(unsafe { addresses(bytes.as_ptr().cast(), 3) }.unwrap(), list);
    }

    #[test]
    fn bad_address_arrays_are_refused() {
        let unix = [libc::AF_UNIX as u8, 0, 0, 0];
        // SAFETY: NULL and bad counts are allowed; the family is all that is read of `unix`.
        let errno = |p: *const u8, n| unsafe { addresses(p.cast(), n) }.unwrap_err().errno;
        assert_eq!(errno(std::ptr::null(), 1), libc::EFAULT);
        assert_eq!(errno(unix.as_ptr(), 65), libc::EINVAL);
        assert_eq!(errno(unix.as_ptr(), 1), libc::EAFNOSUPPORT);
    }

    #[test]
    fn handles_are_between_1_and_32_bytes() {
        let long = [b'x'; 33];
        // SAFETY: the array has 33 bytes; longer lengths are refused before they are used.
        let check = |n| unsafe { pool_handle(long.as_ptr(), n) }.map_err(|e| e.errno).map(<[u8]>::len);
        assert_eq!(check(0), Err(libc::EINVAL));
        assert_eq!(check(32), Ok(32));
        assert_eq!(check(33), Err(libc::ENAMETOOLONG));
        assert_eq!(check(usize::MAX), Err(libc::ENAMETOOLONG));
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { pool_handle(std::ptr::null(), 4) }.unwrap_err().errno, libc::EFAULT);
    }
}

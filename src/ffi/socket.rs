//! Sockets: their life, names and options.

use super::convert;
use super::errors;
use super::guard::guard;
use super::types::rserpool_session_parameters;
use crate::api::{self, Error, PeName};
use crate::transport::SctpParameters;
use libc::{sockaddr, socklen_t};
use std::ffi::{c_int, c_uint, c_void};
use std::time::Duration;

/// Makes an RSerPool socket. The descriptor is a real one of the kernel: it works with poll(), select(), epoll and every
/// event loop (readable while rsp_recvmsg() or rsp_accept() would succeed, writable while rsp_sendmsg() would not block),
/// and stays the same across failovers. Only rsp_ functions may read, write and close it. With several sessions on it,
/// writable means that one of them at least may take a message: from EAGAIN for one session on, the descriptor is not
/// writable until a session that gave EAGAIN has room again or is gone, or a message to another one is taken.
///
/// `domain`: 0, AF_INET, or AF_INET6: it makes no difference, the addresses given to rsp_bind() do.
/// `type`: SOCK_SEQPACKET for pool users, and for servers with all sessions on one descriptor; SOCK_STREAM for servers with a
/// descriptor for each session, by rsp_accept().
/// `protocol`: IPPROTO_SCTP, or 0.
///
/// # Returns
/// The descriptor, or -1.
///
/// # Errors
/// EACCES: rsp_initialize() was not called. EPROTONOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT: not SCTP, another type,
/// another domain. EMFILE, ENFILE, ENOMEM: no descriptors or memory left. EOWNERDEAD: in a child of fork().
///
/// # Standards
/// RFC 5352; RFC 6458 sections 3 and 4 for the two types of sockets, with SCTP instead of RSerPool.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_socket(domain: c_int, r#type: c_int, protocol: c_int) -> c_int {
    let socket_type = r#type;
    guard(&errors::rsp_socket, format_args!("rsp_socket({domain}, {socket_type}, {protocol})"), || {
        api::socket(domain, socket_type, protocol)
    })
}

/// Sets SCTP parameters of the socket's associations. Values of 0 stay as they are, unless another one contradicts them. All
/// values that hold now are written back. Sockets that are connected without having been bound share them.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EFAULT: `params` is NULL. EINVAL: values that contradict each other, as RTO.Min above RTO.Max. EBADF: not an open RSerPool
/// socket. EOPNOTSUPP: a mapped descriptor.
///
/// # Standards
/// RFC 9260 section 16; RFC 6458 sections 8.1.1, 8.1.2 and 8.1.12.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_update_session_parameters(sd: c_int, params: *mut rserpool_session_parameters) -> c_int {
    guard(&errors::rsp_update_session_parameters, format_args!("rsp_update_session_parameters({sd})"), || {
        // SAFETY: by the contract of this module.
        let c = unsafe { convert::required(params) }?;
        let duration = |ms: c_uint| Duration::from_millis(u64::from(ms));
        let now = api::update_session_parameters(
            sd,
            &SctpParameters {
                rto_initial: duration(c.sp_rto_initial),
                rto_min: duration(c.sp_rto_min),
                rto_max: duration(c.sp_rto_max),
                association_max_retransmissions: c.sp_assoc_max_rxt,
                path_max_retransmissions: c.sp_path_max_rxt,
                potentially_failed_threshold: 0, // not part of the structure, and left as it is
                heartbeat_interval: duration(c.sp_hbinterval),
            },
        )?;
        let ms = |duration: Duration| c_uint::try_from(duration.as_millis()).unwrap_or(c_uint::MAX);
        let now = rserpool_session_parameters {
            sp_rto_initial: ms(now.rto_initial),
            sp_rto_min: ms(now.rto_min),
            sp_rto_max: ms(now.rto_max),
            sp_assoc_max_rxt: now.association_max_retransmissions,
            sp_path_max_rxt: now.path_max_retransmissions,
            sp_hbinterval: ms(now.heartbeat_interval),
        };
        // SAFETY: by the contract of this module.
        unsafe { convert::store(params, now) };
        Ok(0)
    })
}

/// Binds the socket. `addrs` are `addrcnt` addresses, one directly behind the other, each as long as its family says, all
/// with the same port. `addrcnt` < 1: any address, any free port.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EFAULT: `addrs` is NULL. EINVAL: more than 64 addresses, different ports, or bound already. EAFNOSUPPORT: neither IPv4
/// nor IPv6. EADDRINUSE, EADDRNOTAVAIL, EACCES, EIO: the system refuses the address. EMFILE, ENFILE, ENOBUFS, ENOMEM: no
/// descriptors or memory left. EBADF: not an open RSerPool socket. EOPNOTSUPP: a mapped descriptor.
///
/// # Standards
/// RFC 6458 section 9.1 (sctp_bindx); RFC 6951 section 5.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_bind(sd: c_int, addrs: *const sockaddr, addrcnt: c_int) -> c_int {
    guard(&errors::rsp_bind, format_args!("rsp_bind({sd}, {addrcnt} addresses)"), || {
        let count = usize::try_from(addrcnt).unwrap_or(0);
        // SAFETY: by the contract of this module.
        let addresses = unsafe { convert::addresses(addrs, count) }?;
        api::bind(sd, &addresses).map(|()| 0)
    })
}

/// Closes the socket with its sessions and, on a pool element, its registration. Closing a server's sessions makes its
/// clients fail over. Calls on the socket that are blocked in other threads return. On mapped descriptors it is close().
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket, nor mapped.
///
/// # Standards
/// RFC 5352 section 3.2 (de-registration).
#[unsafe(no_mangle)]
pub extern "C" fn rsp_close(sd: c_int) -> c_int {
    guard(&errors::rsp_close, format_args!("rsp_close({sd})"), || api::close(sd).map(|()| 0))
}

/// Tells which pool the socket is registered in, and as what. On entry `*poolHandleSize` is the size of the buffer, on
/// return the size of the handle. `identifier` may be NULL.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket, or not registered. EFAULT: NULL. ENOBUFS: the buffer is too small.
///
/// # Standards
/// RFC 5352 section 1.1 (pool handle, pool element handle).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getsockname(
    sd: c_int,
    poolHandle: *mut u8,
    poolHandleSize: *mut usize,
    identifier: *mut u32,
) -> c_int {
    guard(&errors::rsp_getsockname, format_args!("rsp_getsockname({sd})"), || {
        // SAFETY: by the contract of this module.
        unsafe { write_name(&api::getsockname(sd)?, poolHandle, poolHandleSize, identifier) }
    })
}

/// Tells which pool the socket is connected to, and which of its elements serves the session now. On entry
/// `*poolHandleSize` is the size of the buffer, on return the size of the handle. `identifier` may be NULL.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket. ENOTCONN: not connected to a pool. EFAULT: NULL. ENOBUFS: the buffer is too small.
///
/// # Standards
/// RFC 5352 section 1.1 (pool handle, pool element handle).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getpeername(
    sd: c_int,
    poolHandle: *mut u8,
    poolHandleSize: *mut usize,
    identifier: *mut u32,
) -> c_int {
    guard(&errors::rsp_getpeername, format_args!("rsp_getpeername({sd})"), || {
        // SAFETY: by the contract of this module.
        unsafe { write_name(&api::getpeername(sd)?, poolHandle, poolHandleSize, identifier) }
    })
}

/// # Safety
/// As for rsp_getsockname().
unsafe fn write_name(name: &PeName, handle: *mut u8, size: *mut usize, identifier: *mut u32) -> api::Result<c_int> {
    let bytes = name.pool_handle.as_bytes();
    // SAFETY: the caller's promise.
    let room = unsafe { convert::required(size) }?;
    // SAFETY: the caller's promise.
    let buffer = unsafe { convert::buffer(handle, room) }?;
    let target =
        buffer.get_mut(..bytes.len()).ok_or(Error::new(libc::ENOBUFS, "the buffer is smaller than the pool handle"))?;
    target.copy_from_slice(bytes);
    // SAFETY: the caller's promise.
    unsafe {
        convert::store(size, bytes.len());
        convert::store(identifier, name.pool_element_id.0);
    }
    Ok(0)
}

/// Reads a socket option. RSerPool sockets have those of level SOL_RSERPOOL, each an int, and of level IPPROTO_SCTP those of
/// timers and thresholds with the structures of netinet/sctp.h: SCTP_RTOINFO, SCTP_ASSOCINFO (sasoc_asocmaxrxt),
/// SCTP_PEER_ADDR_PARAMS (spp_hbinterval, spp_pathmaxrxt) and SCTP_PEER_ADDR_THLDS. These are for all associations and
/// addresses of the socket, over kernel SCTP and, except for the thresholds of paths, over SCTP in UDP, where they count for
/// associations to be made. Fields that are not named here are 0. On mapped descriptors it is getsockopt(). On entry `*optlen` is the size of the buffer, on return the length of the value.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket. EFAULT: NULL. ENOPROTOOPT: no such option. EINVAL: the buffer is too small.
///
/// # Standards
/// RFC 5352 section 6.5.5 (message delivery options: retransmission and failover); RFC 6458 sections 8.1.1, 8.1.2 and
/// 8.1.12; RFC 7829.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getsockopt(
    sd: c_int,
    level: c_int,
    optname: c_int,
    optval: *mut c_void,
    optlen: *mut socklen_t,
) -> c_int {
    guard(&errors::rsp_getsockopt, format_args!("rsp_getsockopt({sd}, {level}, {optname})"), || {
        // SAFETY: by the contract of this module.
        let room = unsafe { convert::required(optlen) }?;
        // SAFETY: by the contract of this module.
        let value = unsafe { convert::buffer(optval.cast(), room as usize) }?;
        let written = api::getsockopt(sd, level, optname, value)?;
        // SAFETY: by the contract of this module.
        unsafe { convert::store(optlen, socklen_t::try_from(written).unwrap_or(socklen_t::MAX)) };
        Ok(0)
    })
}

/// Sets a socket option: see rsp_getsockopt().
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket. EFAULT: NULL. ENOPROTOOPT: no such option. EINVAL: a bad value or
/// length, values that contradict each other, or an SCTP option for one association or address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_setsockopt(
    sd: c_int,
    level: c_int,
    optname: c_int,
    optval: *const c_void,
    optlen: socklen_t,
) -> c_int {
    guard(&errors::rsp_setsockopt, format_args!("rsp_setsockopt({sd}, {level}, {optname})"), || {
        // SAFETY: by the contract of this module.
        let value = unsafe { convert::bytes(optval.cast(), optlen as usize) }?;
        api::setsockopt(sd, level, optname, value).map(|()| 0)
    })
}

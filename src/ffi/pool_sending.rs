//! Sending single messages to pools.

use super::constants::*;
use super::convert;
use super::errors;
use super::guard::guard;
use super::types::{rserpool_session_t, rsp_sndrcvinfo};
use crate::PoolElementId;
use crate::api::{self, Error, PoolSendOptions, Target, Timeout};
use std::ffi::{c_int, c_uint, c_void};
use std::time::Duration;

/// Flags that a call may have.
const KNOWN_FLAGS: c_uint = RSP_SEND_FAILOVER
    | RSP_SEND_NO_FAILOVER
    | RSP_SEND_TO_LAST
    | RSP_SEND_TO_ALL
    | RSP_SEND_TO_SELF
    | RSP_SEND_UNORDERED
    | libc::MSG_DONTWAIT as c_uint
    | libc::MSG_NOSIGNAL as c_uint;

/// Sends one message to a pool, or to one of its elements, without rsp_connect() (RFC 5352 section 6.5). For SOCK_SEQPACKET
/// sockets that are not connected: new ones, and those of pool elements, which talk to their peers that way.
///
/// Whom it goes to: `identifier` 0: one element, chosen by the pool's policy for each message; else the element with that
/// identifier ("pool element handle": pool handle and identifier). `flags`, combined by `|`: RSP_SEND_TO_LAST: the element
/// that the socket's last message to this pool went to; RSP_SEND_TO_ALL: every element, 512 at most, but not the socket
/// itself where it is one of them, unless RSP_SEND_TO_SELF says so; RSP_SEND_FAILOVER: when the element cannot be reached,
/// another one gets the message, also later when SCTP loses the association before the element has acknowledged it (then
/// for 10 seconds); the message may arrive twice when the first element was only cut off. RSP_SEND_NO_FAILOVER: nobody
/// else gets it (default). RSP_SEND_UNORDERED: without regard to the order of messages. MSG_DONTWAIT: as `timeout` 0.
/// RSP_SEND_FAILOVER means nothing together with RSP_SEND_TO_ALL.
///
/// `info` may be NULL: then stream 0 and PPID 0. On entry rinfo_ppid (network byte order, not 11), rinfo_stream and
/// rinfo_timetolive (milliseconds, 0: no limit) belong to the message. On success rinfo_pe_id and rinfo_session say which
/// element got it, with RSP_SEND_TO_ALL the last one; rsp_sendmsg() may go on in that session.
///
/// The first message to an element makes a session with it, which the following ones use: RSERPOOL_SESSION_ADD tells its
/// number, RSERPOOL_SESSION_REMOVE its end. Answers come by rsp_recvmsg() with rinfo_session and rinfo_pe_id. A socket has
/// 1024 such sessions at most, with elements of 64 pools; the one that was not used for the longest time makes room. To
/// itself a message goes without an association, in session 0. Messages that an element never acknowledged, and that
/// nobody else takes, are reported by RSERPOOL_SEND_FAILED.
///
/// `staleCacheValue` in milliseconds: how old the socket's knowledge of the pool may be; with 0 each message asks the
/// registrar. `timeout` in milliseconds; negative: no limit. The call waits for the registrar, for sessions, and for room
/// in their queues; when time is over, whoever has a session with room gets the message, and nobody else will. 0: the call
/// does not wait. Then a message goes to nobody, with EAGAIN, until every element that is to get it has a session or
/// cannot be reached; the library sees to that, the descriptor becomes writable when there is progress, and the same call
/// succeeds in the end.
///
/// # Returns
/// The number of elements that the message was handed to SCTP for, at least 1: with RSP_SEND_TO_ALL perhaps not all, and
/// rsp_last_error() names the others. -1 when it was none.
///
/// # Errors
/// EAGAIN: no session, or no room in it, in time. EINTR: a signal handler ran while the call waited; nothing was sent, or
/// with RSP_SEND_TO_ALL to some. ENOENT: no such pool, it is empty, or it has no such element. EHOSTUNREACH: no registrar
/// answers. EIO: the element cannot be reached. EMSGSIZE: the message is too long. ENOBUFS: a limit is reached, or the
/// sender does not read its own messages. EINVAL: no data, PPID 11, an empty handle, unknown flags, or flags or identifier
/// that contradict each other. ENAMETOOLONG: the handle is longer than 32 bytes. EFAULT: the handle or `data` is NULL.
/// EISCONN: the socket is connected. EOPNOTSUPP: a SOCK_STREAM socket, or no socket. EBADF: not an open RSerPool
/// descriptor. EADDRINUSE, EMFILE, ENFILE, ENOMEM: the first call makes an endpoint, as rsp_bind(). ECANCELED:
/// rsp_cleanup() was called.
///
/// # Standards
/// RFC 5352 sections 6.5 (DataSendRequest), 6.5.1 (pool handle), 6.5.3 (pool element handle) and 6.5.5 (options).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_sendto_pool(
    sd: c_int,
    data: *const c_void,
    dataLength: usize,
    poolHandle: *const u8,
    poolHandleSize: usize,
    identifier: u32,
    flags: c_uint,
    info: *mut rsp_sndrcvinfo,
    staleCacheValue: c_uint,
    timeout: c_int,
) -> c_int {
    let call = format_args!(
        "rsp_sendto_pool({sd}, {dataLength} bytes, 0x{identifier:08x}, flags 0x{flags:x}, {staleCacheValue} ms, timeout {timeout})"
    );
    guard(&errors::rsp_sendto_pool, call, || {
        // SAFETY: by the contract of this module, here and below.
        let handle = unsafe { convert::pool_handle(poolHandle, poolHandleSize) }?;
        // SAFETY: see above.
        let data = unsafe { convert::bytes(data.cast(), dataLength) }?;
        // SAFETY: see above.
        let of_message = unsafe { convert::optional(info) }.unwrap_or_default();
        let options = PoolSendOptions {
            target: target(identifier, flags)?,
            failover: flags & RSP_SEND_FAILOVER != 0,
            to_self: flags & RSP_SEND_TO_SELF != 0,
            ppid: u32::from_be(of_message.rinfo_ppid),
            stream: of_message.rinfo_stream,
            unordered: flags & RSP_SEND_UNORDERED != 0,
            time_to_live: convert::milliseconds(of_message.rinfo_timetolive),
            stale_cache: Duration::from_millis(u64::from(staleCacheValue)),
        };
        let dont_wait = flags & libc::MSG_DONTWAIT as c_uint != 0;
        let timeout = if dont_wait { Timeout::Now } else { Timeout::from_ms(timeout) };
        let sent = api::sendto_pool(sd, data, handle, &options, timeout)?;
        let told = rsp_sndrcvinfo {
            rinfo_pe_id: sent.pool_element_id.0,
            rinfo_session: sent.session.0 as rserpool_session_t,
            ..of_message
        };
        // SAFETY: see above.
        unsafe { convert::store(info, told) };
        Ok(c_int::try_from(sent.elements).unwrap_or(c_int::MAX))
    })
}

fn target(identifier: u32, flags: c_uint) -> api::Result<Target> {
    let bad = |text| Err(Error::new(libc::EINVAL, text));
    if flags & !KNOWN_FLAGS != 0 {
        return bad("unknown flags: see RSP_SEND_...");
    }
    let has = |flag| flags & flag != 0;
    if has(RSP_SEND_FAILOVER) && has(RSP_SEND_NO_FAILOVER) {
        return bad("RSP_SEND_FAILOVER and RSP_SEND_NO_FAILOVER contradict each other");
    }
    match (identifier, has(RSP_SEND_TO_LAST), has(RSP_SEND_TO_ALL)) {
        (0, false, false) => Ok(Target::Any),
        (0, true, false) => Ok(Target::Last),
        (0, false, true) => Ok(Target::All),
        (id, false, false) => Ok(Target::Element(PoolElementId(id))),
        _ => bad("an identifier, RSP_SEND_TO_LAST and RSP_SEND_TO_ALL exclude each other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_identifier_say_whom_a_message_is_for() {
        assert_eq!(target(0, RSP_SEND_FAILOVER).unwrap(), Target::Any);
        assert_eq!(target(7, RSP_SEND_NO_FAILOVER).unwrap(), Target::Element(PoolElementId(7)));
        assert_eq!(target(0, RSP_SEND_TO_ALL | RSP_SEND_TO_SELF).unwrap(), Target::All);
        assert_eq!(target(0, RSP_SEND_TO_LAST).unwrap(), Target::Last);
    }

    #[test]
    fn contradictions_are_refused() {
        let both = RSP_SEND_FAILOVER | RSP_SEND_NO_FAILOVER;
        let bad = [
            (0, both),
            (7, RSP_SEND_TO_ALL),
            (7, RSP_SEND_TO_LAST),
            (0, RSP_SEND_TO_LAST | RSP_SEND_TO_ALL),
            (0, 0x20),
        ];
        for (identifier, flags) in bad {
            assert_eq!(target(identifier, flags).unwrap_err().errno, libc::EINVAL, "{identifier} {flags:#x}");
        }
    }
}

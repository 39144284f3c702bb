//! Sending and receiving.

use super::constants::{MSG_RSERPOOL_COOKIE_ECHO, MSG_RSERPOOL_NOTIFICATION};
use super::convert;
use super::errors;
use super::guard::guard;
use super::types::{rserpool_session_t, rsp_sndrcvinfo};
use crate::SessionId;
use crate::api::{self, EndSession, MessageKind, Received, Result, SendOptions, Timeout};
use libc::ssize_t;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::time::Duration;

// Linux's values of the flags in `sinfo_flags` (RFC 6458 section 5.3.2), for `sctpFlags`.
const SCTP_UNORDERED: u16 = 1 << 0;
const SCTP_ABORT: u16 = 1 << 2;
const SCTP_EOF: u16 = libc::MSG_FIN as u16;

pub fn session_id(session: rserpool_session_t) -> SessionId {
    SessionId(session as u32)
}

/// A length as ssize_t: no slice is longer than that.
pub fn length(len: usize) -> isize {
    isize::try_from(len).unwrap_or(isize::MAX)
}

/// Sends a message. `sessionID` names the session on a one-to-many server; connected sockets ignore it. `sctpPPID` is in
/// network byte order; not 11, which is ASAP's. `sctpTimeToLive` in milliseconds, 0: no limit. `sctpFlags`:
/// SCTP_UNORDERED, SCTP_EOF, SCTP_ABORT (the last two end the session, and need no data). `msg_flags`: MSG_DONTWAIT.
/// `timeout` in milliseconds: how long to wait while the send queue is full; 0 and negative: not at all.
///
/// # Returns
/// The length of the data, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket. ENOTCONN: it has no such session. EIO: the session lost its pool element, and needs a failover; or
/// it has ended. EAGAIN: the send queue is full, or the library is just failing over. EMSGSIZE: the message is too long. ENOMEM: there
/// is no memory for it.
/// EINVAL: no data, PPID 11, or no such stream. EFAULT: `data` is NULL. EINTR: a signal came. ECANCELED: rsp_cleanup() was
/// called.
///
/// # Standards
/// RFC 5352 section 6.5 (DataSendRequest); RFC 6458 section 5.3.2 (flags); RFC 3758 (time to live).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_sendmsg(
    sd: c_int,
    data: *const c_void,
    dataLength: usize,
    msg_flags: c_uint,
    sessionID: rserpool_session_t,
    sctpPPID: u32,
    sctpStreamID: u16,
    sctpTimeToLive: u32,
    sctpFlags: u16,
    timeout: c_int,
) -> ssize_t {
    guard(
        &errors::rsp_sendmsg,
        format_args!("rsp_sendmsg({sd}, {dataLength} bytes, session {sessionID}, timeout {timeout})"),
        || {
            let end = match sctpFlags {
                flags if flags & SCTP_ABORT != 0 => Some(EndSession::Abort),
                flags if flags & SCTP_EOF != 0 => Some(EndSession::Shutdown),
                _ => None,
            };
            let options = SendOptions {
                session: session_id(sessionID),
                ppid: u32::from_be(sctpPPID),
                stream: sctpStreamID,
                unordered: sctpFlags & SCTP_UNORDERED != 0,
                time_to_live: (sctpTimeToLive != 0).then(|| Duration::from_millis(u64::from(sctpTimeToLive))),
                end,
                dont_wait: msg_flags & libc::MSG_DONTWAIT as c_uint != 0,
            };
            // SAFETY: by the contract of this module.
            let data = unsafe { convert::bytes(data.cast(), dataLength) }?;
            api::sendmsg(sd, data, &options, Timeout::from_ms_or_now(timeout)).map(length)
        },
    )
}

/// Receives data, a notification (MSG_RSERPOOL_NOTIFICATION in `*msg_flags`) or a cookie that came from a client after a
/// failover (MSG_RSERPOOL_COOKIE_ECHO). MSG_EOR in `*msg_flags` marks the end of a message; the rest of a longer one
/// follows with the next call. `*msg_flags` is only written. `rinfo` and `msg_flags` may be NULL, then the difference between
/// data and the rest is lost. `timeout` in milliseconds; 0 and negative: does not wait. On mapped descriptors it is read(),
/// as soon as there is something to read.
///
/// # Returns
/// The number of bytes; 0 when the session has ended; -1 on failure.
///
/// # Errors
/// EAGAIN: nothing came in time. EINTR: a signal came. EBADF: not an open RSerPool socket, or closed by another thread.
/// EFAULT: `buffer` is NULL. EINVAL: the buffer is empty, or shorter than a union rserpool_notification and a notification
/// waits (it stays). ENOTCONN: neither connected nor a server. ECANCELED: rsp_cleanup() was called.
///
/// # Standards
/// RFC 5352 sections 3.8 (cookies), 6.6 (Data.Received) and 6.7 (Error.Report); RFC 6458 section 3.1.4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_recvmsg(
    sd: c_int,
    buffer: *mut c_void,
    bufferLength: usize,
    rinfo: *mut rsp_sndrcvinfo,
    msg_flags: *mut c_int,
    timeout: c_int,
) -> ssize_t {
    guard(&errors::rsp_recvmsg, format_args!("rsp_recvmsg({sd}, {bufferLength} bytes, timeout {timeout})"), || {
        // SAFETY: by the contract of this module.
        unsafe { receive(sd, (buffer, bufferLength), rinfo, msg_flags, Timeout::from_ms_or_now(timeout), api::recvmsg) }
    })
}

/// As rsp_recvmsg(), but waits for the end of the message, or of the buffer. `timeout` in milliseconds; negative: no limit.
///
/// # Returns
/// The number of bytes; 0 when the session has ended; -1 on failure.
///
/// # Errors
/// As rsp_recvmsg().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_recvfullmsg(
    sd: c_int,
    buffer: *mut c_void,
    bufferLength: usize,
    rinfo: *mut rsp_sndrcvinfo,
    msg_flags: *mut c_int,
    timeout: c_int,
) -> ssize_t {
    guard(
        &errors::rsp_recvfullmsg,
        format_args!("rsp_recvfullmsg({sd}, {bufferLength} bytes, timeout {timeout})"),
        || {
            // SAFETY: by the contract of this module.
            unsafe {
                receive(sd, (buffer, bufferLength), rinfo, msg_flags, Timeout::from_ms(timeout), api::recvfullmsg)
            }
        },
    )
}

/// # Safety
/// As for rsp_recvmsg().
unsafe fn receive(
    sd: c_int,
    (buffer, len): (*mut c_void, usize),
    rinfo: *mut rsp_sndrcvinfo,
    msg_flags: *mut c_int,
    timeout: Timeout,
    from: impl Fn(c_int, &mut [u8], Timeout) -> Result<Received>,
) -> Result<isize> {
    // SAFETY: the caller's promise, here and below.
    let buffer = unsafe { convert::buffer(buffer.cast(), len) }?;
    let received = from(sd, buffer, timeout)?;
    // SAFETY: see above. Only written: programs do not always set it before.
    unsafe {
        convert::store(msg_flags, flags(&received));
        convert::store(rinfo, info(&received));
    }
    Ok(length(received.len))
}

fn flags(received: &Received) -> c_int {
    let kind = match received.kind {
        MessageKind::Data => 0,
        MessageKind::Notification(_) => MSG_RSERPOOL_NOTIFICATION,
        MessageKind::CookieEcho => MSG_RSERPOOL_COOKIE_ECHO,
    };
    if received.end_of_record { kind | libc::MSG_EOR } else { kind }
}

fn info(received: &Received) -> rsp_sndrcvinfo {
    rsp_sndrcvinfo {
        rinfo_session: received.session.0 as rserpool_session_t,
        // A peculiarity of rsplib that programs know: with a cookie echo, ASAP's PPID is in host order.
        rinfo_ppid: match received.kind {
            MessageKind::CookieEcho => received.ppid,
            _ => received.ppid.to_be(),
        },
        rinfo_pe_id: received.pool_element_id.0,
        rinfo_timetolive: 0,
        rinfo_stream: received.stream,
    }
}

/// Receives without waiting, as rsp_recvmsg() with timeout 0; on mapped descriptors it is read(), which may wait.
/// Notifications and cookies cannot be told from data: for sockets whose program does not need to know.
///
/// # Returns
/// The number of bytes; 0 when the session has ended; -1 on failure.
///
/// # Errors
/// As rsp_recvmsg().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_read(fd: c_int, buffer: *mut c_void, bufferLength: usize) -> ssize_t {
    guard(&errors::rsp_read, format_args!("rsp_read({fd}, {bufferLength} bytes)"), || {
        // SAFETY: by the contract of this module.
        let buffer = unsafe { convert::buffer(buffer.cast(), bufferLength) }?;
        api::read(fd, buffer).map(length)
    })
}

/// As rsp_read(). `flags` are ignored.
///
/// # Returns
/// The number of bytes; 0 when the session has ended; -1 on failure.
///
/// # Errors
/// As rsp_recvmsg().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_recv(sd: c_int, buffer: *mut c_void, bufferLength: usize, flags: c_int) -> ssize_t {
    guard(&errors::rsp_recv, format_args!("rsp_recv({sd}, {bufferLength} bytes, {flags})"), || {
        // SAFETY: by the contract of this module.
        let buffer = unsafe { convert::buffer(buffer.cast(), bufferLength) }?;
        api::read(sd, buffer).map(length)
    })
}

/// Sends a message on a connected socket without waiting, with PPID 0 on stream 0. On mapped descriptors it is write().
///
/// # Returns
/// The length of the data, or -1.
///
/// # Errors
/// As rsp_sendmsg().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_write(fd: c_int, data: *const c_char, dataLength: usize) -> ssize_t {
    guard(&errors::rsp_write, format_args!("rsp_write({fd}, {dataLength} bytes)"), || {
        // SAFETY: by the contract of this module.
        let data = unsafe { convert::bytes(data.cast(), dataLength) }?;
        api::sendmsg(fd, data, &SendOptions::default(), Timeout::Now).map(length)
    })
}

/// As rsp_write(). `flags` are ignored.
///
/// # Returns
/// The length of the data, or -1.
///
/// # Errors
/// As rsp_sendmsg().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_send(sd: c_int, data: *const c_void, dataLength: usize, flags: c_int) -> ssize_t {
    guard(&errors::rsp_send, format_args!("rsp_send({sd}, {dataLength} bytes, {flags})"), || {
        // SAFETY: by the contract of this module.
        let data = unsafe { convert::bytes(data.cast(), dataLength) }?;
        api::sendmsg(sd, data, &SendOptions::default(), Timeout::Now).map(length)
    })
}

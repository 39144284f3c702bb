//! Waiting for descriptors.

use super::convert;
use super::errors;
use super::guard::guard;
use crate::api::{self, Error, Result, Timeout};
use libc::{fd_set, pollfd, timeval};
use std::ffi::{c_int, c_uint};
use std::time::Duration;

/// The most descriptors in one rsp_poll().
const MAX_POLLED: c_uint = 1 << 20;

/// As poll(), for RSerPool sockets, mapped and all other descriptors. `timeout` in milliseconds; negative: no limit.
/// (RSerPool descriptors work with poll() itself, too.)
///
/// # Returns
/// The number of descriptors with events; 0 when there were none in time; -1 on failure.
///
/// # Errors
/// EINTR: a signal came. EFAULT: `ufds` is NULL. EINVAL: too many descriptors. ENOMEM: no memory left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_poll(ufds: *mut pollfd, nfds: c_uint, timeout: c_int) -> c_int {
    guard(&errors::rsp_poll, format_args!("rsp_poll({nfds} descriptors, timeout {timeout})"), || {
        if nfds > MAX_POLLED {
            return Err(Error::new(libc::EINVAL, "too many descriptors to poll"));
        }
        if nfds > 0 && ufds.is_null() {
            return Err(Error::new(libc::EFAULT, "the pointer to the descriptors is NULL"));
        }
        // SAFETY: `nfds` of them, by the contract of this module.
        let entry = |at: usize| unsafe { ufds.add(at) };
        let mut fds: Vec<pollfd> = Vec::new();
        fds.try_reserve_exact(nfds as usize)
            .map_err(|_| Error::new(libc::ENOMEM, "no memory for so many descriptors to poll"))?;
        // SAFETY: as above.
        fds.extend((0..nfds as usize).map(|at| unsafe { entry(at).read_unaligned() }));
        let ready = count(api::poll(&mut fds, Timeout::from_ms(timeout)))?;
        for (at, fd) in fds.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { convert::store(entry(at), fd) };
        }
        Ok(ready)
    })
}

/// As select(), for RSerPool sockets, mapped and all other descriptors below FD_SETSIZE. Each set may be NULL;
/// `timeout` NULL: no limit. (RSerPool descriptors work with select() itself, too.)
///
/// # Returns
/// The number of descriptors left in the sets; 0 when nothing happened in time; -1 on failure.
///
/// # Errors
/// EINTR: a signal came. EBADF: a descriptor in a set is not open. EINVAL: `n` or `timeout` is out of range.
/// ENOMEM: no memory left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_select(
    n: c_int,
    readfds: *mut fd_set,
    writefds: *mut fd_set,
    exceptfds: *mut fd_set,
    timeout: *mut timeval,
) -> c_int {
    guard(&errors::rsp_select, format_args!("rsp_select({n})"), || {
        // SAFETY: by the contract of this module.
        let timeout = time(unsafe { convert::optional(timeout) })?;
        // Copies: a program may pass one set twice, but two references to it must not be.
        // SAFETY: by the contract of this module.
        let [mut read, mut write, mut except] =
            [readfds, writefds, exceptfds].map(|set| unsafe { convert::optional(set) });
        let result = api::select(n, read.as_mut(), write.as_mut(), except.as_mut(), timeout)?;
        for (set, pointer) in [(read, readfds), (write, writefds), (except, exceptfds)] {
            if let Some(set) = set {
                // SAFETY: not NULL, as `set` was read from there.
                unsafe { convert::store(pointer, set) };
            }
        }
        count(Ok(result))
    })
}

fn count(result: Result<usize>) -> Result<c_int> {
    result.map(|count| c_int::try_from(count).unwrap_or(c_int::MAX))
}

fn time(timeout: Option<timeval>) -> Result<Timeout> {
    const BAD: Error = Error::new(libc::EINVAL, "the timeout of a select is negative or has too many microseconds");
    let Some(timeout) = timeout else { return Ok(Timeout::Never) };
    let seconds = u64::try_from(timeout.tv_sec).map_err(|_| BAD)?;
    let micros = u32::try_from(timeout.tv_usec).ok().filter(|micros| *micros < 1_000_000).ok_or(BAD)?;
    let duration = Duration::new(seconds, micros * 1000);
    Ok(if duration.is_zero() { Timeout::Now } else { Timeout::After(duration) })
}

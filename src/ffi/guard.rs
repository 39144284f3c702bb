//! Every function of the C ABI runs in [`guard`]: errors become errno, panics never reach C.

use super::errors::Function;
use crate::api::{self, Error};
use std::ffi::{c_char, c_int};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// A type that C functions return, and what it is when they fail.
pub trait CReturn {
    /// The value that says "failed".
    fn failed(error: &Error) -> Self;
}

impl CReturn for c_int {
    fn failed(_: &Error) -> c_int {
        -1
    }
}

impl CReturn for isize {
    fn failed(_: &Error) -> isize {
        -1
    }
}

impl CReturn for *const c_char {
    fn failed(_: &Error) -> *const c_char {
        std::ptr::null()
    }
}

impl CReturn for () {
    fn failed(_: &Error) {}
}

/// Set by a panic: what the library knows may be half changed, so nothing is done on top of it.
static FAILED: AtomicBool = AtomicBool::new(false);

const FAILED_EARLIER: Error =
    Error::new(libc::ENOTRECOVERABLE, "the library failed by an internal error earlier: call rsp_cleanup()");

/// Runs `f`, whose errors `function` knows. `call` is the call with its arguments, for the log: never payload, never cookies.
pub fn guard<T: CReturn>(function: &Function, call: fmt::Arguments<'_>, f: impl FnOnce() -> api::Result<T>) -> T {
    if FAILED.load(Ordering::Relaxed) {
        return fail(function, call, FAILED_EARLIER);
    }
    guard_always(function, call, f)
}

/// As [`guard`], also after a panic: for functions that touch no state.
pub fn guard_always<T: CReturn>(
    function: &Function,
    call: fmt::Arguments<'_>,
    f: impl FnOnce() -> api::Result<T>,
) -> T {
    let _whole = NotCancelled::begin();
    log::trace!("{call}");
    // What a panic leaves half done is not looked at again: that is what FAILED is for.
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => fail(function, call, error),
        Err(panic) => {
            FAILED.store(true, Ordering::Relaxed);
            let text = panic_text(&*panic);
            // The payload's own destructor may panic, too: let it be.
            std::mem::forget(panic);
            fail(function, call, Error::with(libc::ENOTRECOVERABLE, text))
        }
    }
}

/// Keeps pthread_cancel(3) away: the C library would unwind a thread that waits through our frames, and that ends the process.
/// What was cancelled meanwhile ends at the program's next cancellation point.
struct NotCancelled {
    before: c_int,
}

/// The number of the C library's pthread.h, which the crate libc lacks, as the function.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

impl NotCancelled {
    fn begin() -> NotCancelled {
        let mut before = PTHREAD_CANCEL_DISABLE;
        // SAFETY: a state that there is, and room for the old one.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before) };
        NotCancelled { before }
    }
}

impl Drop for NotCancelled {
    fn drop(&mut self) {
        // SAFETY: a state that there was; the old one is of no interest.
        unsafe { pthread_setcancelstate(self.before, std::ptr::null_mut()) };
    }
}

/// Trusts the library again: everything of it has been taken down.
pub fn clear_failure() {
    FAILED.store(false, Ordering::Relaxed);
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let what = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let text = format!("internal error: {what}; every call fails until rsp_cleanup()");
    log::error!("{text}");
    text
}

fn fail<T: CReturn>(function: &Function, call: fmt::Arguments<'_>, error: Error) -> T {
    // An empty queue is the ordinary end of a receive loop, not worth a line.
    if error.errno != libc::EAGAIN {
        log::debug!("{call}: {error}");
    }
    let (errno, failed) = (function.errno(&error), T::failed(&error));
    api::remember(error);
    // SAFETY: __errno_location gives the address of the calling thread's errno.
    unsafe { *libc::__errno_location() = errno };
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::errors;

    fn errno() -> c_int {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() }
    }

    #[test]
    fn an_error_becomes_minus_one_and_errno() {
        let result: c_int = guard_always(&errors::rsp_close, format_args!("test()"), || {
            Err(Error::new(libc::EBADF, "no such descriptor"))
        });
        assert_eq!((result, errno()), (-1, libc::EBADF));
    }

    #[test]
    fn a_panic_becomes_enotrecoverable_until_cleanup() {
        let result: isize = guard(&errors::rsp_close, format_args!("test()"), || panic!("on purpose"));
        assert_eq!((result, errno()), (-1, libc::ENOTRECOVERABLE));
        let next: c_int = guard(&errors::rsp_close, format_args!("test()"), || Ok(7));
        assert_eq!(next, -1, "a failed library takes no calls");
        clear_failure();
        let after: c_int = guard(&errors::rsp_close, format_args!("test()"), || Ok(7));
        assert_eq!(after, 7);
    }
}

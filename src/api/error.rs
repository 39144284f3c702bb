//! What a failed call tells its caller.

use crate::wire::Cause;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// A failed call: the errno that C programs see, and a sentence naming object, cause and consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The value for `errno`.
    pub errno: libc::c_int,
    /// For logs.
    pub text: Cow<'static, str>,
    /// Why a registrar refused, where one did.
    pub cause: Option<Cause>,
    /// The errno is what a system call said of a mapped descriptor.
    pub of_mapped: bool,
}

impl Error {
    /// An error with a fixed text.
    pub const fn new(errno: libc::c_int, text: &'static str) -> Error {
        Error { errno, text: Cow::Borrowed(text), cause: None, of_mapped: false }
    }

    /// An error with a text made for the occasion.
    pub fn with(errno: libc::c_int, text: impl Into<String>) -> Error {
        Error { errno, text: Cow::Owned(text.into()), cause: None, of_mapped: false }
    }

    /// An error from a system call, and what failed by it.
    pub fn system(error: &std::io::Error, what: &str) -> Error {
        Error::with(error.raw_os_error().unwrap_or(libc::EIO), format!("{what}: {error}"))
    }

    /// An error from a system call on a mapped descriptor, of whatever kind that is.
    pub fn mapped(error: &std::io::Error, what: &str) -> Error {
        Error { of_mapped: true, ..Error::system(error, what) }
    }

    /// What `rsp_pe_registration` and its sisters return: rsplib's internal codes.
    pub fn result_code(&self) -> u32 {
        match (self.cause, self.errno) {
            (Some(cause), _) => u32::from(cause.code()),
            (None, libc::EACCES) => 0x1000,
            (None, libc::EHOSTUNREACH) => 0x1007,
            (None, libc::ETIMEDOUT) => 0x1008,
            (None, libc::ENOENT) => 0x0009,
            (None, libc::EINVAL) => 0x0003,
            (None, libc::ENOMEM | libc::EMFILE | libc::ENFILE | libc::EBUSY) => 0x0006,
            (None, libc::ENAMETOOLONG) => 0xf004,
            (None, _) => 0x1006,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, std::io::Error::from_raw_os_error(self.errno))
    }
}

impl std::error::Error for Error {}

thread_local! {
    static LAST: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// Keeps what went wrong for [`last_error`]. For what a call does not fail by, but did not do as its caller wants.
pub fn remember(error: Error) {
    // A thread that is ending has nobody to ask for it.
    let _ = LAST.try_with(|last| last.replace(Some(error)));
}

/// What went wrong last in this thread, as far as [`remember`] was told.
pub fn last_error() -> Option<Error> {
    LAST.try_with(|last| last.borrow().clone()).ok().flatten()
}

/// A call begins whose success is to be told from partial success.
pub(super) fn forget_last_error() {
    let _ = LAST.try_with(|last| last.replace(None));
}

//! Variables of the environment that name secrets.

use std::ffi::OsString;

/// A variable's value; none in a program that runs with more rights than who started it (set-user-ID and the like): there the
/// environment is somebody else's word. The same as secure_getenv(3).
pub fn secure(name: &str) -> Option<OsString> {
    // SAFETY: the call takes a number and reads what the kernel gave this process at its start.
    let more_rights = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    if more_rights { None } else { std::env::var_os(name) }
}

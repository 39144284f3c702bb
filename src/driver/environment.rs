//! Variables of the environment that name secrets or files.

use std::ffi::OsString;

/// Whose words the environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// That of who may do what this program does.
    Own,
    /// That of somebody with less rights: the program is set-user-ID, or has capabilities of its own.
    OfOthers,
}

impl Environment {
    /// As secure_getenv(3) has it.
    pub fn of_this_process() -> Environment {
        // SAFETY: the call takes a number and reads what the kernel gave this process at its start.
        let secure = unsafe { libc::getauxval(libc::AT_SECURE) };
        if secure == 0 { Environment::Own } else { Environment::OfOthers }
    }
}

/// A variable's value; none where the environment is somebody else's word. The same as secure_getenv(3).
pub fn secure(name: &str) -> Option<OsString> {
    match Environment::of_this_process() {
        Environment::Own => std::env::var_os(name),
        Environment::OfOthers => None,
    }
}

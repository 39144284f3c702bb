//! The log stream of rsplib's own programs, which they expect the library to open.
//!
//! rsplib's servers and some of its clients print through the variable `gStdLog` of a helper library of rsplib's,
//! libtdloglevel. It is NULL until somebody calls that library's `beginLogging`, and programs leave that to
//! `rsp_initialize`: without it they crash at their first line. Where the process has that library, we do it; elsewhere
//! nothing here does anything.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the log stream is open by our doing.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// What we call of that library. It has no header for programs; these are the symbols of libtdloglevel.so.3.
struct Helper {
    init: unsafe extern "C" fn(*const c_char) -> bool,
    begin: unsafe extern "C" fn(),
    finish: unsafe extern "C" fn(),
}

impl Helper {
    /// The helper library, if the process has it: all names that make it what it is must be there, and its functions come
    /// from one object, so that no function of a program that happens to be called `beginLogging` is taken for it. The
    /// variable may be elsewhere: the linker copies variables into programs that use them.
    fn find() -> Option<Helper> {
        symbol(c"gStdLog")?;
        let [init, begin, finish] =
            [c"initLogging", c"beginLogging", c"finishLogging"].map(|name| symbol(name).zip(home(name)));
        let ((init, of), (begin, of_begin), (finish, of_finish)) = (init?, begin?, finish?);
        if [of_begin, of_finish].iter().any(|other| *other != of) {
            return None;
        }
        // SAFETY: functions of that library, whose signatures these are.
        Some(unsafe {
            Helper {
                init: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const c_char) -> bool>(init),
                begin: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(begin),
                finish: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(finish),
            }
        })
    }
}

/// The address of a symbol in this process.
fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a string; the default handle searches what is loaded and loads nothing.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// The start of the object (program or library) that defines a symbol.
fn home(name: &CStr) -> Option<usize> {
    let address = symbol(name)?;
    // SAFETY: a struct of pointers may be zero.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: `info` lives across the call, which only looks the address up.
    let found: c_int = unsafe { libc::dladdr(address, &raw mut info) };
    (found != 0).then(|| info.dli_fbase.addr())
}

/// Hands on a "-log..." argument. True: the helper library took it.
pub fn argument(text: &CStr) -> bool {
    let Some(helper) = Helper::find() else { return false };
    // SAFETY: a string that lives across the call.
    unsafe { (helper.init)(text.as_ptr()) }
}

/// Opens the log stream, unless it is open.
pub fn begin() {
    let Some(helper) = Helper::find() else { return };
    if !BEGUN.swap(true, Ordering::Relaxed) {
        // SAFETY: takes nothing; may be called at any time while it is not open.
        unsafe { (helper.begin)() };
    }
}

/// Closes the log stream, if we opened it.
pub fn finish() {
    let Some(helper) = Helper::find() else { return };
    if BEGUN.swap(false, Ordering::Relaxed) {
        // SAFETY: takes nothing; it is open.
        unsafe { (helper.finish)() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_the_helper_library_is_left_alone() {
        assert!(Helper::find().is_none());
        assert!(!argument(c"-loglevel=9"));
        begin();
        finish();
        assert!(!BEGUN.load(Ordering::Relaxed));
    }

    #[test]
    fn symbols_of_the_process_are_found_with_their_object() {
        assert!(home(c"malloc").is_some());
        assert_eq!(home(c"no_such_symbol_anywhere"), None);
    }
}

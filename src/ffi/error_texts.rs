//! Texts for errors.

use super::errors;
use super::guard::guard_always;
use crate::api;
use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};

/// Says what an errno means that an rsp_ function gave: cause, consequence, and what to do, in one English line. Unlike
/// strerror(), which names the number only. Thread-safe; `errno` stays as it is.
///
/// # Returns
/// A text that is never freed or changed; never NULL, whatever the number.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_strerror(errnum: c_int) -> *const c_char {
    api::error_text(errnum).as_ptr()
}

thread_local! {
    static TEXT: RefCell<CString> = RefCell::default();
}

/// Tells in one English line what exactly went wrong in the calling thread's last rsp_ call that failed: which socket,
/// pool or pool element, why, and what follows. Like this: element 0x0000beef is not registered in pool "echo" yet: no
/// registrar answered within 1500 ms (3 attempts).
///
/// rsp_register(), rsp_deregister(), rsp_connect() and rsp_forcefailover() return 0 in cases in which they did not reach
/// what they are for, as programs know it from rsplib, and rsp_sendto_pool() returns how many elements it reached: these
/// set the text in such cases, too, and empty it otherwise. All other functions leave it as it is when they succeed.
///
/// # Returns
/// The text, never NULL; empty when nothing went wrong so far. It stays valid, however often it is asked for, until another
/// call of the same thread fails or sets it, or the thread ends. Each thread has its own.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_last_error() -> *const c_char {
    guard_always(&errors::rsp_last_error, format_args!("rsp_last_error()"), || {
        let text = api::last_error().map(|error| error.text.replace('\0', "?")).unwrap_or_default();
        let text = CString::new(text).unwrap_or_default();
        // A thread that is ending has lost its place for the text.
        let kept = TEXT.try_with(|kept| {
            // The same text stays in its place, as the program may still read what the last call returned.
            if *kept.borrow() != text {
                kept.replace(text);
            }
            kept.borrow().as_ptr()
        });
        Ok(kept.unwrap_or(c"".as_ptr()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Error;
    use std::ffi::CStr;

    fn last() -> String {
        // SAFETY: a text that is valid until the next call.
        unsafe { CStr::from_ptr(rsp_last_error()) }.to_string_lossy().into_owned()
    }

    #[test]
    fn each_thread_has_the_text_of_its_own_last_failure() {
        assert_eq!(last(), "");
        let failed = |text: &'static str| -> c_int {
            guard_always(&errors::rsp_close, format_args!("test()"), || Err(Error::with(libc::EBADF, text)))
        };
        failed("pool \"a\" is empty");
        assert_eq!(last(), "pool \"a\" is empty");
        std::thread::spawn(|| assert_eq!(last(), "")).join().unwrap();
        failed("with a \0 inside");
        assert_eq!(last(), "with a ? inside");
        let succeeded: c_int = guard_always(&errors::rsp_close, format_args!("test()"), || Ok(0));
        assert_eq!((succeeded, last().as_str()), (0, "with a ? inside"));
    }
}

//! How the associations of a process end that dies.
//!
//! The kernel would close them in order. Until that is done, which takes a round trip at least, it acknowledges for the dead process what
//! peers send: they believe it delivered, and it is lost without a word. So sockets have a linger time of zero (SO_LINGER, RFC 6458
//! section 8.1.4), with which the kernel aborts: peers get back what was not acknowledged. A process that ends by exit(3) still ends in
//! order, with all that was sent delivered, and so does a socket that is closed while the process lives.

use crate::transport::not_inherited;
use std::io;
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::time::Duration;

/// What sockets linger as long as nobody has said how they end.
pub(super) const OF_A_PROCESS: Option<Duration> = Some(Duration::ZERO);
/// What a socket lingers that is closed on purpose: the kernel does the rest in the background.
pub(super) const IN_ORDER: Option<Duration> = None;

/// Sees to it that exit(3) is no death. Once a process.
pub(super) fn expect() -> io::Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    // SAFETY: the function stays where it is until it is called: the C library calls it as well before it unloads this one.
    let registered = REGISTERED.get_or_init(|| unsafe { libc::atexit(exiting) } == 0);
    if *registered { Ok(()) } else { Err(io::ErrorKind::OutOfMemory.into()) }
}

extern "C" fn exiting() {
    not_inherited::each(end_in_order);
}

/// Other sockets do not linger anyway.
fn end_in_order(socket: RawFd) {
    let none = libc::linger { l_onoff: 0, l_linger: 0 };
    let (value, length) = ((&raw const none).cast(), size_of::<libc::linger>() as libc::socklen_t);
    // SAFETY: `value` has `length` bytes. An error means that the socket was closed meanwhile.
    unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_LINGER, value, length) };
}

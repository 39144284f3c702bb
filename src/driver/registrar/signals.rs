//! SIGTERM, SIGINT and SIGHUP as a descriptor, so that a registrar stops in order.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// SIGTERM, SIGINT and SIGHUP, blocked and readable from a descriptor instead.
pub struct StopSignals {
    fd: OwnedFd,
}

impl StopSignals {
    /// Blocks them in the calling thread and every thread that it starts from now on: call it first in `main`.
    /// SIGHUP, which a terminal sends that goes, only where nobody has it ignored, as nohup(1) does: a blocked signal would come
    /// in spite of that.
    pub fn block() -> io::Result<StopSignals> {
        // SAFETY: `set` is initialised by sigemptyset before it is read; all pointers are to live locals or null where
        // the system call allows null.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::sigaddset(&mut set, libc::SIGINT);
            if !is_ignored(libc::SIGHUP) {
                libc::sigaddset(&mut set, libc::SIGHUP);
            }
            let error = libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            if error != 0 {
                return Err(io::Error::from_raw_os_error(error));
            }
            let fd = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(StopSignals { fd: OwnedFd::from_raw_fd(fd) })
        }
    }

    /// Takes one signal that has come, if any.
    pub fn take(&self) -> Option<i32> {
        let mut info = std::mem::MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: `info` has room for `size` bytes; it is read only when the kernel has filled it completely.
        unsafe {
            let count = libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size);
            (usize::try_from(count) == Ok(size)).then(|| info.assume_init().ssi_signo as i32)
        }
    }
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: a struct of integers and pointers may be zero; without a new action, sigaction only writes the old one.
    let action = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action);
        action
    };
    action.sa_sigaction == libc::SIG_IGN
}

impl AsRawFd for StopSignals {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

//! Signals as descriptors: SIGTERM, SIGINT and SIGHUP stop a registrar in order, or SIGHUP has it look at its settings again.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Signals that stop a registrar, blocked and readable from a descriptor instead.
pub struct StopSignals(BlockedSignals);

impl StopSignals {
    /// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread and every thread that it starts from now on: call it first in `main`.
    /// SIGHUP, which a terminal sends that goes, only where nobody has it ignored, as nohup(1) does: a blocked signal would come
    /// in spite of that.
    pub fn block() -> io::Result<StopSignals> {
        let hangup = if is_ignored(libc::SIGHUP) { None } else { Some(libc::SIGHUP) };
        BlockedSignals::new([libc::SIGTERM, libc::SIGINT].into_iter().chain(hangup), libc::SFD_NONBLOCK)
            .map(StopSignals)
    }

    /// The same without SIGHUP, which is a [`HangupSignal`] then.
    pub fn block_without_hangup() -> io::Result<StopSignals> {
        BlockedSignals::new([libc::SIGTERM, libc::SIGINT], libc::SFD_NONBLOCK).map(StopSignals)
    }

    /// Takes one signal that has come, if any.
    pub fn take(&self) -> Option<i32> {
        self.0.read().ok()
    }
}

impl AsRawFd for StopSignals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.fd.as_raw_fd()
    }
}

/// SIGHUP, blocked and to be waited for.
pub struct HangupSignal(BlockedSignals);

impl HangupSignal {
    /// Blocks it in the calling thread and every thread that it starts from now on.
    pub fn block() -> io::Result<HangupSignal> {
        BlockedSignals::new([libc::SIGHUP], 0).map(HangupSignal)
    }

    /// Waits until it comes. Several that come meanwhile are one.
    pub fn wait(&self) -> io::Result<()> {
        loop {
            match self.0.read() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(drop),
            }
        }
    }
}

struct BlockedSignals {
    fd: OwnedFd,
}

impl BlockedSignals {
    fn new(signals: impl IntoIterator<Item = i32>, flags: i32) -> io::Result<BlockedSignals> {
        // SAFETY: `set` is initialised by sigemptyset before it is read; all pointers are to live locals or null where
        // the system call allows null.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            for signal in signals {
                libc::sigaddset(&mut set, signal);
            }
            let error = libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            if error != 0 {
                return Err(io::Error::from_raw_os_error(error));
            }
            let fd = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | flags);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(BlockedSignals { fd: OwnedFd::from_raw_fd(fd) })
        }
    }

    fn read(&self) -> io::Result<i32> {
        let mut info = std::mem::MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: `info` has room for `size` bytes; it is read only when the kernel has filled it completely.
        unsafe {
            let count = libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size);
            match usize::try_from(count) {
                Ok(count) if count == size => Ok(info.assume_init().ssi_signo as i32),
                Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(_) => Err(io::Error::last_os_error()),
            }
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

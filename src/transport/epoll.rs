//! An epoll descriptor: inside a transport, whose own sockets are behind one descriptor that the driver waits for, and inside the
//! driver's poller.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Descriptors taken from the kernel in one go.
pub(crate) const EVENTS_PER_WAIT: usize = 64;

/// What a descriptor is waited for, beside errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Only errors.
    Nothing,
    /// Something to read, or a connection to accept.
    Read,
    /// Room to write, or an outcome of a connect.
    Write,
    /// Both.
    ReadWrite,
    /// Each change of both, once: whoever is told remembers it until a call finds otherwise.
    #[cfg(feature = "bridges")]
    Changes,
    /// A connection to accept, which one of the threads that wait is told.
    #[cfg(feature = "bridges")]
    AcceptAmongOthers,
}

/// A descriptor that is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub key: u64,
    /// Reading finds data, the end of the stream, or an error.
    pub readable: bool,
    /// Writing makes progress or finds an error.
    pub writable: bool,
    /// The other end has ended its stream, or the connection is broken.
    #[cfg(feature = "bridges")]
    pub ended: bool,
}

/// A level-triggered set of descriptors, each with a key.
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call that made `fd` just succeeded, and nobody else owns it.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn add(&self, fd: RawFd, key: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, key, interest)
    }

    pub fn modify(&self, fd: RawFd, key: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, key, interest)
    }

    /// Forgets `fd`. Closing it does the same only where it has no duplicate, as in a child of fork().
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: a null event is allowed for EPOLL_CTL_DEL since Linux 2.6.9.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut()) })
    }

    fn control(&self, operation: libc::c_int, fd: RawFd, key: u64, interest: Interest) -> io::Result<()> {
        let events = match interest {
            Interest::Nothing => 0,
            Interest::Read => libc::EPOLLIN,
            Interest::Write => libc::EPOLLOUT,
            Interest::ReadWrite => libc::EPOLLIN | libc::EPOLLOUT,
            #[cfg(feature = "bridges")]
            Interest::Changes => libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET,
            #[cfg(feature = "bridges")]
            Interest::AcceptAmongOthers => libc::EPOLLIN | libc::EPOLLEXCLUSIVE,
        };
        let mut event = libc::epoll_event { events: events as u32, u64: key };
        // SAFETY: `event` lives across the call.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) })
    }

    /// Fills `ready` with what is ready now, without waiting.
    pub fn ready(&self, ready: &mut Vec<Ready>) {
        ready.clear();
        // The only failure left for a valid descriptor is a signal: the next call finds the same.
        let _ = self.wait(0, |found| ready.push(found));
    }

    /// Waits until something is ready, for so many milliseconds (negative: as long as it takes), and tells `each` of it.
    pub fn wait(&self, timeout_ms: libc::c_int, mut each: impl FnMut(Ready)) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_PER_WAIT];
        // SAFETY: `events` has room for EVENTS_PER_WAIT entries.
        let count = unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), EVENTS_PER_WAIT as libc::c_int, timeout_ms)
        };
        let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
        for event in &events[..count] {
            let (flags, key) = (event.events, event.u64);
            let failed = flags & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0;
            each(Ready {
                key,
                readable: failed || flags & libc::EPOLLIN as u32 != 0,
                writable: failed || flags & libc::EPOLLOUT as u32 != 0,
                #[cfg(feature = "bridges")]
                ended: failed || flags & libc::EPOLLRDHUP as u32 != 0,
            });
        }
        Ok(())
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

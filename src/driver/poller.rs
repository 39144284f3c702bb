//! Waits for any of many descriptors, a deadline, or a wake-up from another thread (epoll and eventfd).

use crate::Time;
use crate::transport::epoll::{Epoll, Interest, Ready};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// The key of the poller's own eventfd.
const WAKE_KEY: u64 = u64::MAX;

/// A set of descriptors to wait for, level-triggered, each with a key.
pub struct Poller {
    epoll: Epoll,
    wake: Arc<OwnedFd>,
}

/// Wakes the thread that waits in a [`Poller`], from any thread.
#[derive(Clone)]
pub struct Waker(Arc<OwnedFd>);

fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call that made `fd` just succeeded, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl Poller {
    /// An empty set.
    pub fn new() -> io::Result<Poller> {
        let poller = Poller { epoll: Epoll::new()?, wake: Arc::new(eventfd()?) };
        poller.add(poller.wake.as_raw_fd(), WAKE_KEY)?;
        Ok(poller)
    }

    /// Waits for `fd` to become readable from now on. `key` must not be `u64::MAX`.
    pub fn add(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.epoll.add(fd, key, Interest::Read)
    }

    /// Tells each change of `fd` once from now on, by [`Poller::wait_for_changes`].
    #[cfg(feature = "bridges")]
    pub(crate) fn add_changes(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.epoll.add(fd, key, Interest::Changes)
    }

    /// Waits for connections at a listening socket that other threads wait at as well.
    #[cfg(feature = "bridges")]
    pub(crate) fn add_listener(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.epoll.add(fd, key, Interest::AcceptAmongOthers)
    }

    /// Waits for `fd` no longer until [`Poller::resume`], as somebody else does; it stays in the set.
    pub fn pause(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.epoll.modify(fd, key, Interest::Nothing)
    }

    /// Waits for `fd` again.
    pub fn resume(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.epoll.modify(fd, key, Interest::Read)
    }

    /// Stops waiting for `fd`.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.epoll.remove(fd)
    }

    /// A handle with which other threads end a wait.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Waits until something is readable, `deadline` has come, or a wake-up; appends the keys of what is readable.
    /// A signal ends the wait early, which is no error.
    pub fn wait(&self, now: Time, deadline: Option<Time>, ready: &mut Vec<u64>) -> io::Result<()> {
        self.wait_for(now, deadline, |found| ready.push(found.key))
    }

    /// The same, with what each is ready for.
    #[cfg(feature = "bridges")]
    pub(crate) fn wait_for_changes(&self, now: Time, deadline: Option<Time>, ready: &mut Vec<Ready>) -> io::Result<()> {
        self.wait_for(now, deadline, |found| ready.push(found))
    }

    fn wait_for(&self, now: Time, deadline: Option<Time>, mut each: impl FnMut(Ready)) -> io::Result<()> {
        let timeout_ms = match deadline {
            None => -1,
            // Rounded up: waking a little early would make the caller spin until the deadline.
            Some(at) => i32::try_from(at.saturating_since(now).as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
        };
        let waited = self.epoll.wait(timeout_ms, |found| match found.key {
            WAKE_KEY => self.clear_wake(),
            _ => each(found),
        });
        match waited {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    fn clear_wake(&self) {
        let mut count = 0u64;
        // SAFETY: `count` is the eight bytes that an eventfd writes. EAGAIN means that it was clear already.
        unsafe { libc::read(self.wake.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

impl AsRawFd for Poller {
    /// Readable while something in the set is, so that sets can be nested.
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

impl Waker {
    /// Ends the current or the next wait.
    pub fn wake(&self) {
        let one = 1u64;
        // SAFETY: `one` is the eight bytes that an eventfd takes. EAGAIN means that a wake-up is pending already.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }
}

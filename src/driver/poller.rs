//! Waits for any of many descriptors, a deadline, or a wake-up from another thread (epoll and eventfd).

use crate::Time;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Events taken from the kernel in one go.
const EVENTS_PER_WAIT: usize = 64;
/// The key of the poller's own eventfd.
const WAKE_KEY: u64 = u64::MAX;

/// A set of descriptors to wait for, level-triggered, each with a key.
pub struct Poller {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
}

/// Wakes the thread that waits in a [`Poller`], from any thread.
#[derive(Clone)]
pub struct Waker(Arc<OwnedFd>);

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system call that made `fd` just succeeded, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

impl Poller {
    /// An empty set.
    pub fn new() -> io::Result<Poller> {
        // SAFETY: no pointers are involved.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: no pointers are involved.
        let wake = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let poller = Poller { epoll, wake: Arc::new(wake) };
        poller.add(poller.wake.as_raw_fd(), WAKE_KEY)?;
        Ok(poller)
    }

    /// Waits for `fd` to become readable from now on. `key` must not be `u64::MAX`.
    pub fn add(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, key, libc::EPOLLIN)
    }

    /// Waits for `fd` no longer until [`Poller::resume`], as somebody else does; it stays in the set.
    pub fn pause(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, key, 0)
    }

    /// Waits for `fd` again.
    pub fn resume(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, key, libc::EPOLLIN)
    }

    fn control(&self, operation: libc::c_int, fd: RawFd, key: u64, events: libc::c_int) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: key };
        // SAFETY: `event` lives across the call.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &mut event) })?;
        Ok(())
    }

    /// Stops waiting for `fd`.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: a null event is allowed for EPOLL_CTL_DEL since Linux 2.6.9.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut()) })?;
        Ok(())
    }

    /// A handle with which other threads end a wait.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Waits until something is readable, `deadline` has come, or a wake-up; appends the keys of what is readable.
    /// A signal ends the wait early, which is no error.
    pub fn wait(&self, now: Time, deadline: Option<Time>, ready: &mut Vec<u64>) -> io::Result<()> {
        let timeout_ms = match deadline {
            None => -1,
            // Rounded up: waking a little early would make the caller spin until the deadline.
            Some(at) => i32::try_from(at.saturating_since(now).as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
        };
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_PER_WAIT];
        // SAFETY: `events` has room for EVENTS_PER_WAIT entries.
        let result = check(unsafe {
            libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), EVENTS_PER_WAIT as i32, timeout_ms)
        });
        let count = match result {
            Ok(count) => count as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        for event in &events[..count] {
            let key = event.u64;
            if key == WAKE_KEY { self.clear_wake() } else { ready.push(key) }
        }
        Ok(())
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

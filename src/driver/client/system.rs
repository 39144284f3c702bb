//! System calls on descriptors, without anything of RSerPool.

use std::io;
use std::os::fd::RawFd;
use std::thread::JoinHandle;
use std::time::Duration;

/// A negative result as the error that `errno` holds.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// poll(2); `None`: no timeout.
pub fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let limit = timeout.map(timespec);
    let limit = limit.as_ref().map_or(std::ptr::null(), |limit| &raw const *limit);
    // SAFETY: `fds` is as long as we say, the time lives across the call, and no signal mask is given.
    let ready = check(unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, limit, std::ptr::null()) })?;
    Ok(ready as usize)
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos() as _,
    }
}

/// Rounded up: a wait must not end too early.
fn timeval(duration: Duration) -> libc::timeval {
    let duration = duration.saturating_add(Duration::from_nanos(999));
    libc::timeval {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_usec: duration.subsec_micros() as _,
    }
}

/// Whether a write would not block.
pub fn is_writable(fd: RawFd) -> bool {
    let mut entry = [libc::pollfd { fd, events: libc::POLLOUT, revents: 0 }];
    poll(&mut entry, Some(Duration::ZERO)).is_ok() && entry[0].revents & libc::POLLOUT != 0
}

/// select(2); `None`: no timeout. Numbers of FD_SETSIZE and above are refused, as the sets have no place for them.
pub fn select(
    count: libc::c_int,
    read: Option<&mut libc::fd_set>,
    write: Option<&mut libc::fd_set>,
    except: Option<&mut libc::fd_set>,
    timeout: Option<Duration>,
) -> io::Result<usize> {
    if count < 0 || count as usize > libc::FD_SETSIZE {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let pointer = |set: Option<&mut libc::fd_set>| set.map_or(std::ptr::null_mut(), |set| &raw mut *set);
    let mut limit = timeout.map(timeval);
    let limit = limit.as_mut().map_or(std::ptr::null_mut(), |limit| &raw mut *limit);
    // SAFETY: the sets are null or valid, `count` is within them, and the time lives across the call.
    let ready = check(unsafe { libc::select(count, pointer(read), pointer(write), pointer(except), limit) })?;
    Ok(ready as usize)
}

/// A set of descriptors for `select`.
#[derive(Clone, Copy)]
pub struct FdSet(pub libc::fd_set);

impl FdSet {
    /// The empty set.
    #[allow(clippy::new_without_default)] // nobody asks for a default set
    pub fn new() -> FdSet {
        // SAFETY: all zeroes is the empty set.
        FdSet(unsafe { std::mem::zeroed() })
    }

    /// Adds a descriptor; one that is out of range is left out.
    pub fn insert(&mut self, fd: RawFd) {
        if in_range(fd) {
            // SAFETY: `fd` is within the set.
            unsafe { libc::FD_SET(fd, &mut self.0) }
        }
    }

    /// Whether a descriptor is in it.
    pub fn contains(&self, fd: RawFd) -> bool {
        // SAFETY: `fd` is within the set.
        in_range(fd) && unsafe { libc::FD_ISSET(fd, &self.0) }
    }
}

fn in_range(fd: RawFd) -> bool {
    usize::try_from(fd).is_ok_and(|fd| fd < libc::FD_SETSIZE)
}

/// Whether the application made the descriptor non-blocking.
pub fn is_nonblocking(fd: RawFd) -> bool {
    // SAFETY: F_GETFL takes no argument.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_NONBLOCK != 0
}

/// Whether the number names an open descriptor.
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD takes no argument.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// Which file or socket a number stands for: device and inode; `None`: it is not open.
pub fn identity(fd: RawFd) -> Option<(u64, u64)> {
    // SAFETY: a struct of integers may be zero.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `status` has room for what fstat writes.
    check(unsafe { libc::fstat(fd, &raw mut status) }).ok()?;
    Some((status.st_dev, status.st_ino))
}

/// getsockopt(2); returns the length of the value.
pub fn getsockopt(fd: RawFd, level: libc::c_int, name: libc::c_int, value: &mut [u8]) -> io::Result<usize> {
    let mut len = libc::socklen_t::try_from(value.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: `value` has room for `len` bytes.
    check(unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &mut len) })?;
    Ok(len as usize)
}

/// setsockopt(2).
pub fn setsockopt(fd: RawFd, level: libc::c_int, name: libc::c_int, value: &[u8]) -> io::Result<()> {
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: `value` is `len` bytes long.
    check(unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), len) })?;
    Ok(())
}

/// read(2).
pub fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `buffer` has room for its length.
    let len = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// write(2).
pub fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is valid for its length.
    let len = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// [`write`], also to a pipe or socket whose reader has gone, and to a file that has reached the limit of its size (RLIMIT_FSIZE):
/// SIGPIPE or SIGXFSZ would end the application for something that it did not write.
pub fn write_without_signal(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: a sigset_t may be zero; sigaddset sets one signal in it, pthread_sigmask reads one set and writes the other,
    // sigpending writes one.
    let (old, pending_before) = unsafe {
        let (mut raised, mut old, mut pending): (libc::sigset_t, libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
        libc::sigaddset(&raw mut raised, libc::SIGPIPE);
        libc::sigaddset(&raw mut raised, libc::SIGXFSZ);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const raised, &raw mut old);
        libc::sigpending(&raw mut pending);
        (old, pending)
    };
    let written = write(fd, bytes);
    if let Some(signal) = written.as_ref().err().and_then(signal_of_failed_write) {
        take_signal(signal, &pending_before);
    }
    // SAFETY: the set is the one that pthread_sigmask wrote.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const old, std::ptr::null_mut()) };
    written
}

/// The signal that write(2) sends together with an error.
fn signal_of_failed_write(error: &io::Error) -> Option<libc::c_int> {
    match error.raw_os_error()? {
        libc::EPIPE => Some(libc::SIGPIPE),
        libc::EFBIG => Some(libc::SIGXFSZ),
        _ => None,
    }
}

/// Takes a blocked signal back that this thread was sent. One that was pending before is the application's: signals of one number do
/// not add up, so it stays.
fn take_signal(signal: libc::c_int, pending_before: &libc::sigset_t) {
    let at_once = timespec(Duration::ZERO);
    // SAFETY: a sigset_t may be zero; the structures live across the calls, and sigtimedwait waits for nothing.
    unsafe {
        if libc::sigismember(pending_before, signal) == 1 {
            return;
        }
        let mut only: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut only, signal);
        libc::sigtimedwait(&raw const only, std::ptr::null_mut(), &raw const at_once);
    }
}

/// close(2) of a descriptor that the application handed over.
pub fn close(fd: RawFd) -> io::Result<()> {
    // SAFETY: no pointers are involved; the caller gives the number up.
    check(unsafe { libc::close(fd) })?;
    Ok(())
}

/// Starts a thread that takes no signals: they are the application's, and have to interrupt its own blocking calls. In a box, so that what
/// starts a thread is compiled once.
pub fn spawn(name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    // SAFETY: a sigset_t may be zero; sigfillset fills it, pthread_sigmask reads one set and writes the other.
    let old = unsafe {
        let (mut all, mut old): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        old
    };
    let result = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    // SAFETY: `old` was filled in above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const old, std::ptr::null_mut()) };
    result
}

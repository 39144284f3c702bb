//! The kernel's view of an RSerPool descriptor: readable and writable exactly when we say so.
//!
//! One AF_UNIX datagram socket that is connected to itself. Readable: a one-byte datagram waits in it. Not writable: its
//! small send buffer is filled with datagrams that wait in a second socket, which is only made when that happens first.
//! poll, select and epoll, level- and edge-triggered, then work by themselves. Where the system does not let a socket
//! connect to itself, a socket pair does the same with two descriptors.

use super::exposed::Exposed;
use super::system;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Datagrams of this length fill the send buffer.
const FILL: [u8; 1024] = [0; 1024];
/// More than this never go into a send buffer of the smallest size.
const MAX_FILL: usize = 64;

/// A descriptor whose readiness is set by [`Readiness::set`].
#[derive(Debug)]
pub struct Readiness {
    fd: Exposed,
    shape: Shape,
    /// It has been said that something could not be shown.
    told: AtomicBool,
}

#[derive(Debug)]
enum Shape {
    /// `fd` is connected to itself.
    OneSocket { sink: std::sync::OnceLock<(Exposed, Address)> },
    /// `fd` and this one are a pair.
    Pair { other: Exposed },
}

/// An AF_UNIX address as the kernel chose it.
#[derive(Clone, Copy, Debug)]
struct Address {
    storage: libc::sockaddr_un,
    len: libc::socklen_t,
}

/// What the descriptor shows. Kept beside it, under the lock of the socket that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// poll(2) says POLLIN.
    pub readable: bool,
    /// poll(2) says POLLOUT.
    pub writable: bool,
}

impl Readiness {
    /// A descriptor that is writable and not readable.
    pub fn new() -> io::Result<(Readiness, Shown)> {
        let readiness = Readiness::one_socket().or_else(|_| Readiness::pair())?;
        Ok((readiness, Shown { readable: false, writable: true }))
    }

    fn one_socket() -> io::Result<Readiness> {
        let fd = unix_socket()?;
        let address = bind_anywhere(&fd)?;
        // SAFETY: the address is the one that the kernel returned, with its length.
        system::check(unsafe { libc::connect(fd.as_raw_fd(), (&raw const address.storage).cast(), address.len) })?;
        shrink_send_buffer(&fd)?;
        Ok(Readiness { fd, shape: Shape::OneSocket { sink: std::sync::OnceLock::new() }, told: AtomicBool::new(false) })
    }

    fn pair() -> io::Result<Readiness> {
        let mut fds = [-1; 2];
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        // SAFETY: `fds` has room for two descriptors.
        system::check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) })?;
        let [fd, other] = fds.map(Exposed::new);
        shrink_send_buffer(&fd)?;
        Ok(Readiness { fd, shape: Shape::Pair { other }, told: AtomicBool::new(false) })
    }

    /// The number that applications know.
    pub fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Makes the descriptor show `wanted`; no system call where it does already. What cannot be shown, for want of a descriptor or of
    /// memory, is not taken for shown, so that the next call tries again.
    pub fn set(&self, shown: &mut Shown, wanted: Shown) {
        if shown.readable != wanted.readable {
            let done = if wanted.readable { self.make_readable() } else { self.make_unreadable() };
            if self.has_done(done) {
                shown.readable = wanted.readable;
            }
        }
        if shown.writable != wanted.writable {
            let done = if wanted.writable { self.make_writable() } else { self.make_unwritable() };
            if self.has_done(done) {
                shown.writable = wanted.writable;
            }
        }
    }

    /// Says what failed, once: it may fail as often as the application tries to send.
    fn has_done(&self, result: io::Result<()>) -> bool {
        if let Err(error) = &result {
            if !self.told.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "descriptor {} cannot show what it is ready for ({error}): until it can, its application may wait too long or try \
                     in vain",
                    self.raw()
                );
            }
        }
        result.is_ok()
    }

    fn make_unreadable(&self) -> io::Result<()> {
        drain(&self.fd);
        Ok(())
    }

    fn make_readable(&self) -> io::Result<()> {
        match &self.shape {
            Shape::OneSocket { .. } => send(&self.fd, &[1], None),
            Shape::Pair { other } => send(other, &[1], None),
        }
    }

    fn make_unwritable(&self) -> io::Result<()> {
        match &self.shape {
            Shape::OneSocket { sink } => {
                if sink.get().is_none() {
                    let _ = sink.set(make_sink()?);
                }
                self.fill(sink.get().map(|(_, address)| address))
            }
            Shape::Pair { .. } => self.fill(None),
        }
    }

    fn make_writable(&self) -> io::Result<()> {
        let takes_fill = match &self.shape {
            Shape::OneSocket { sink } => sink.get().map(|(sink, _)| sink),
            Shape::Pair { other } => Some(other),
        };
        if let Some(sink) = takes_fill {
            drain(sink);
        }
        Ok(())
    }

    /// Fills the send buffer.
    fn fill(&self, address: Option<&Address>) -> io::Result<()> {
        for _ in 0..MAX_FILL {
            if !system::is_writable(self.raw()) {
                break;
            }
            send(&self.fd, &FILL, address)?;
        }
        Ok(())
    }
}

fn make_sink() -> io::Result<(Exposed, Address)> {
    let fd = unix_socket()?;
    let address = bind_anywhere(&fd)?;
    Ok((fd, address))
}

fn unix_socket() -> io::Result<Exposed> {
    // SAFETY: no pointers are involved.
    let fd = system::check(unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    Ok(Exposed::new(fd))
}

/// Has the kernel choose an address ("autobind"), and returns it.
fn bind_anywhere(fd: &Exposed) -> io::Result<Address> {
    // SAFETY: all zeroes is a valid sockaddr_un.
    let mut storage: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    storage.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let family_only = size_of::<libc::sa_family_t>() as libc::socklen_t;
    // SAFETY: an address of the family alone asks for autobind (unix(7)).
    system::check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const storage).cast(), family_only) })?;
    let mut len = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: `storage` has room for `len` bytes.
    system::check(unsafe { libc::getsockname(fd.as_raw_fd(), (&raw mut storage).cast(), &mut len) })?;
    Ok(Address { storage, len })
}

fn shrink_send_buffer(fd: &Exposed) -> io::Result<()> {
    let smallest: libc::c_int = 1;
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `smallest` is a c_int of `len` bytes; the kernel raises it to its own minimum.
    system::check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, (&raw const smallest).cast(), len)
    })?;
    Ok(())
}

fn send(fd: &Exposed, bytes: &[u8], to: Option<&Address>) -> io::Result<()> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (address, len) = to.map_or((std::ptr::null(), 0), |to| ((&raw const to.storage).cast(), to.len));
    // SAFETY: `bytes` and, where given, the address live across the call.
    let sent = unsafe { libc::sendto(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags, address, len) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn drain(fd: &Exposed) {
    let mut byte = 0u8;
    // SAFETY: one byte fits; the rest of a longer datagram is discarded.
    while unsafe { libc::recv(fd.as_raw_fd(), (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) } >= 0 {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{FromRawFd, OwnedFd};

    const OFF: Shown = Shown { readable: false, writable: false };

    fn polled(fd: RawFd) -> Shown {
        let mut entry = [libc::pollfd { fd, events: libc::POLLIN | libc::POLLOUT, revents: 0 }];
        system::poll(&mut entry, Some(std::time::Duration::ZERO)).unwrap();
        Shown { readable: entry[0].revents & libc::POLLIN != 0, writable: entry[0].revents & libc::POLLOUT != 0 }
    }

    fn both_shapes() -> [Readiness; 2] {
        [Readiness::one_socket().unwrap(), Readiness::pair().unwrap()]
    }

    #[test]
    fn a_new_descriptor_is_writable_and_not_readable() {
        for readiness in both_shapes() {
            assert_eq!(polled(readiness.raw()), Shown { readable: false, writable: true });
        }
    }

    #[test]
    fn poll_shows_every_combination_in_any_order() {
        for readiness in both_shapes() {
            let mut shown = Shown { readable: false, writable: true };
            for step in 0..64u32 {
                let wanted = Shown { readable: step.count_ones() % 2 == 1, writable: step % 3 != 0 };
                readiness.set(&mut shown, wanted);
                assert_eq!(polled(readiness.raw()), wanted, "step {step} of {readiness:?}");
            }
        }
    }

    #[test]
    fn select_agrees_with_poll() {
        for readiness in both_shapes() {
            let mut shown = Shown { readable: false, writable: true };
            for wanted in [Shown { readable: true, writable: false }, OFF, Shown { readable: true, writable: true }] {
                readiness.set(&mut shown, wanted);
                let (mut read, mut write) = (system::FdSet::new(), system::FdSet::new());
                read.insert(readiness.raw());
                write.insert(readiness.raw());
                let (r, w) = (Some(&mut read.0), Some(&mut write.0));
                system::select(readiness.raw() + 1, r, w, None, Some(std::time::Duration::ZERO)).unwrap();
                let got = Shown { readable: read.contains(readiness.raw()), writable: write.contains(readiness.raw()) };
                assert_eq!(got, wanted);
            }
        }
    }

    fn epoll_wait(epoll: RawFd) -> Option<u32> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: there is room for one event.
        let count = unsafe { libc::epoll_wait(epoll, &mut event, 1, 0) };
        (count == 1).then_some(event.events)
    }

    fn epoll(fd: RawFd, events: libc::c_int) -> OwnedFd {
        let mut event = libc::epoll_event { events: events as u32, u64: 0 };
        // SAFETY: epoll_create1 returns a descriptor of our own; `event` lives across the call.
        unsafe {
            let epoll = OwnedFd::from_raw_fd(system::check(libc::epoll_create1(0)).unwrap());
            system::check(libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event)).unwrap();
            epoll
        }
    }

    #[test]
    fn level_triggered_epoll_reports_as_long_as_it_holds() {
        for readiness in both_shapes() {
            let mut shown = Shown { readable: false, writable: true };
            let epoll = epoll(readiness.raw(), libc::EPOLLIN);
            assert_eq!(epoll_wait(epoll.as_raw_fd()), None);
            readiness.set(&mut shown, Shown { readable: true, writable: true });
            assert_eq!(epoll_wait(epoll.as_raw_fd()), Some(libc::EPOLLIN as u32));
            assert_eq!(epoll_wait(epoll.as_raw_fd()), Some(libc::EPOLLIN as u32));
            readiness.set(&mut shown, Shown { readable: false, writable: true });
            assert_eq!(epoll_wait(epoll.as_raw_fd()), None);
        }
    }

    #[test]
    fn edge_triggered_epoll_reports_each_edge_once() {
        for readiness in both_shapes() {
            let mut shown = Shown { readable: false, writable: true };
            let inputs = epoll(readiness.raw(), libc::EPOLLIN | libc::EPOLLET);
            let outputs = epoll(readiness.raw(), libc::EPOLLOUT | libc::EPOLLET);
            assert_eq!(epoll_wait(outputs.as_raw_fd()), Some(libc::EPOLLOUT as u32));
            for _ in 0..3 {
                readiness.set(&mut shown, Shown { readable: true, writable: false });
                assert_eq!(epoll_wait(inputs.as_raw_fd()), Some(libc::EPOLLIN as u32));
                assert_eq!(epoll_wait(inputs.as_raw_fd()), None);
                readiness.set(&mut shown, OFF);
                // Taking out the fill may have woken the waiter early; it saw "not writable".
                let _ = epoll_wait(outputs.as_raw_fd());
                readiness.set(&mut shown, Shown { readable: false, writable: true });
                assert_eq!(epoll_wait(outputs.as_raw_fd()), Some(libc::EPOLLOUT as u32));
                assert_eq!(epoll_wait(outputs.as_raw_fd()), None);
            }
        }
    }
}

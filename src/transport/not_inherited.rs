//! Sockets that a child of fork(2) does not keep.
//!
//! A port stays taken, and peers are not told that a process has died, as long as anybody has its sockets. exec(3) closes them by
//! FD_CLOEXEC; a child that goes on without it closes them in [`close_in_child`], which fork(3) calls in it before everything
//! else: no lock, no memory, only the numbers, kept as bits. [`each`] finds them for whoever has to do something with all of them
//! where no lock may be waited for.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Numbers from here on are inherited after all. No process has so many descriptors.
const MAX_NUMBER: usize = 1 << 20;
const BITS: usize = u64::BITS as usize;

/// A bit for each number that is one of ours.
static OURS: [AtomicU64; MAX_NUMBER / BITS] = [const { AtomicU64::new(0) }; MAX_NUMBER / BITS];
/// Words of [`OURS`] in which a bit was set ever.
static WORDS: AtomicUsize = AtomicUsize::new(0);
/// How often this process has come out of a fork.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A socket that a child of this process does not keep.
#[derive(Debug)]
pub(crate) struct NotInherited<T: AsRawFd> {
    socket: ManuallyDrop<T>,
    forks: u32,
}

impl<T: AsRawFd> NotInherited<T> {
    /// Takes over a socket that was just made.
    pub fn new(socket: T) -> NotInherited<T> {
        handle_forks();
        if let Some((word, bit)) = place(socket.as_raw_fd()) {
            WORDS.fetch_max(word + 1, Ordering::SeqCst);
            OURS[word].fetch_or(bit, Ordering::SeqCst);
        }
        NotInherited { socket: ManuallyDrop::new(socket), forks: FORKS.load(Ordering::SeqCst) }
    }

    /// False in a child of the process that made it: it is closed there, and its number may be another one's.
    pub fn is_here(&self) -> bool {
        self.forks == FORKS.load(Ordering::SeqCst)
    }
}

impl<T: AsRawFd> Deref for NotInherited<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.socket
    }
}

impl<T: AsRawFd> Drop for NotInherited<T> {
    fn drop(&mut self) {
        if !self.is_here() {
            return;
        }
        // First: once it is closed, somebody else may have the number.
        if let Some((word, bit)) = place(self.socket.as_raw_fd()) {
            OURS[word].fetch_and(!bit, Ordering::SeqCst);
        }
        // SAFETY: it is dropped here only, and not used any more.
        unsafe { ManuallyDrop::drop(&mut self.socket) }
    }
}

fn place(number: RawFd) -> Option<(usize, u64)> {
    let number = usize::try_from(number).ok().filter(|number| *number < MAX_NUMBER)?;
    Some((number / BITS, 1 << (number % BITS)))
}

/// Has forks noticed from now on, whoever has sockets: the library or a registrar that a program embeds.
fn handle_forks() {
    static HANDLED: Once = Once::new();
    HANDLED.call_once(|| {
        // SAFETY: the handler only uses atomics and close(2).
        if unsafe { libc::pthread_atfork(None, None, Some(close_in_child)) } != 0 {
            log::warn!("forks cannot be noticed: a child process keeps the ports of this one");
        }
    });
}

/// Closes the parent's sockets. For the child of a fork: async-signal-safe.
extern "C" fn close_in_child() {
    FORKS.fetch_add(1, Ordering::SeqCst);
    for_numbers(
        |word| word.swap(0, Ordering::SeqCst),
        |number| {
            // SAFETY: the number is that of a socket of the parent's, which nobody uses in this process any more.
            unsafe { libc::close(number) };
        },
    );
}

/// Calls `f` with the number of every socket of ours that is open. Async-signal-safe, if `f` is.
pub(crate) fn each(f: impl FnMut(RawFd)) {
    for_numbers(|word| word.load(Ordering::SeqCst), f);
}

/// Calls `f` with the numbers whose bits `read` finds in the words. Async-signal-safe, if both are.
fn for_numbers(read: impl Fn(&AtomicU64) -> u64, mut f: impl FnMut(RawFd)) {
    for (index, word) in OURS.iter().enumerate().take(WORDS.load(Ordering::SeqCst)) {
        let mut bits = read(word);
        while bits != 0 {
            f((index * BITS + bits.trailing_zeros() as usize) as RawFd);
            bits &= bits - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn is_ours(number: RawFd) -> bool {
        let (word, bit) = place(number).unwrap();
        OURS[word].load(Ordering::SeqCst) & bit != 0
    }

    #[test]
    fn a_socket_is_known_by_its_number_as_long_as_it_is_open() {
        let socket = NotInherited::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let (number, port) = (socket.as_raw_fd(), socket.local_addr().unwrap().port());
        assert!(is_ours(number));
        let mut found = false;
        each(|one| found |= one == number);
        assert!(found);
        drop(socket);
        UdpSocket::bind(("127.0.0.1", port)).expect("the socket was closed");
        assert_eq!(place(MAX_NUMBER as RawFd), None);
        assert_eq!(place(-1), None);
    }

    #[test]
    fn a_child_does_not_keep_a_socket_even_if_the_library_was_never_started() {
        let socket = NotInherited::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        // SAFETY: the child calls two functions that may be called after a fork, and ends.
        let status = unsafe {
            let child = libc::fork();
            if child == 0 {
                let closed = libc::fcntl(socket.as_raw_fd(), libc::F_GETFD) == -1;
                libc::_exit(i32::from(!closed));
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            status
        };
        assert_eq!(status, 0, "the child has the socket");
    }
}

//! Descriptors whose numbers applications know, and may close by close(2), which they must not.
//!
//! Then the number is closed, or already belongs to something else. The system calls on it fail or do nothing of use, but closing
//! it once more would hit whatever has the number now. (An `OwnedFd` aborts the process over it, in debug builds.)

use super::system;
use std::os::fd::{AsRawFd, RawFd};

/// A socket that is closed when this is dropped, if the number is still its.
#[derive(Debug)]
pub struct Exposed {
    number: RawFd,
    identity: Option<(u64, u64)>,
}

impl Exposed {
    /// Takes over a socket that was just made.
    pub fn new(number: RawFd) -> Exposed {
        Exposed { number, identity: system::identity(number) }
    }
}

impl AsRawFd for Exposed {
    fn as_raw_fd(&self) -> RawFd {
        self.number
    }
}

impl Drop for Exposed {
    fn drop(&mut self) {
        if system::identity(self.number) != self.identity {
            return log::error!("descriptor {} was closed by close(2): only rsp_close() may do that", self.number);
        }
        // It is ours, so this cannot fail in a way that matters.
        let _ = system::close(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

    fn made() -> (Exposed, RawFd) {
        let number = UdpSocket::bind("127.0.0.1:0").unwrap().into_raw_fd();
        (Exposed::new(number), number)
    }

    #[test]
    fn it_is_closed_with_its_owner() {
        let (exposed, number) = made();
        let before = system::identity(number);
        drop(exposed);
        // Another test may have got the number meanwhile.
        assert_ne!(system::identity(number), before);
    }

    #[test]
    fn what_has_the_number_now_is_left_alone() {
        let (exposed, number) = made();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        // SAFETY: both numbers are open; dup2 closes the first, as an application might.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), number) }, number);
        drop(exposed);
        assert!(system::is_open(number));
        // SAFETY: nobody else owns the copy.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
}

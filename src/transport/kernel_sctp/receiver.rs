//! Receiving by a thread of its own: it waits for messages in the call that receives them, so that a request takes two
//! system calls, and not one more to find out that there is something to receive.

use super::batch::{SLOTS, Slots};
use super::socket::SctpSocket;
use super::*;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;

/// After this time without a message the thread waits for the socket and for being stopped, as long as it takes.
const LINGER: Duration = Duration::from_millis(100);

/// Longer than any wait, for the kernel to subtract from what it waited.
const AN_HOUR: libc::timespec = libc::timespec { tv_sec: 3600, tv_nsec: 0 };

/// Receives for an endpoint, see [`Transport::receiver`].
pub struct Receiver {
    socket: Arc<SctpSocket>,
    slots: Slots,
    /// Slots that are filled.
    count: usize,
    /// How long the last wait took; none: the kernel did not say.
    waited: Option<Duration>,
    stop: Arc<OwnedFd>,
}

/// Stops a [`Receiver`] from another thread.
pub struct Stopper(Arc<OwnedFd>);

impl Stopper {
    /// Ends the current or the next wait.
    pub fn stop(&self) {
        let one = 1u64;
        // SAFETY: `one` is the eight bytes that an eventfd takes. EAGAIN means that it was stopped before.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }
}

impl Receiver {
    pub(super) fn new(socket: Arc<SctpSocket>) -> io::Result<Receiver> {
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call that made `fd` just succeeded, and nobody else owns it.
        let stop = Arc::new(unsafe { OwnedFd::from_raw_fd(fd) });
        socket.set_receive_timeout(LINGER)?;
        socket.set_blocking(true)?;
        Ok(Receiver { socket, slots: Slots::default(), count: 0, waited: None, stop })
    }

    /// What ends the waiting.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.stop))
    }

    /// Whether the last wait brought as much as one can: more may be waiting.
    pub fn is_full(&self) -> bool {
        self.count == SLOTS
    }

    /// How long the last wait took, when the call that received knows it: the time without asking the clock.
    pub fn waited(&self) -> Option<Duration> {
        self.waited
    }

    /// Waits for messages, which then wait for [`Transport::deliver`]; false when stopped.
    pub fn wait(&mut self) -> io::Result<bool> {
        // After full slots nothing may be left, which the endpoint wants to know before anybody waits.
        let drain = self.count == SLOTS;
        self.count = 0;
        let mut one_call = true;
        loop {
            let mut left = AN_HOUR;
            let flags = if drain { libc::MSG_DONTWAIT } else { libc::MSG_WAITFORONE };
            match self.socket.receive_many(&mut self.slots, flags, Some(&mut left)) {
                Ok(count) => {
                    self.count = count;
                    self.waited = one_call.then(|| waited(left));
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waited = None;
                    if drain {
                        return Ok(true);
                    }
                    if !self.await_readable()? {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            one_call = false;
        }
    }

    /// Waits for something to receive; false when stopped.
    fn await_readable(&self) -> io::Result<bool> {
        let waits_for = |fd: &dyn AsRawFd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut fds = [waits_for(&*self.socket), waits_for(&*self.stop)];
        // SAFETY: `fds` has two entries.
        let result = unsafe { libc::poll(fds.as_mut_ptr(), 2, -1) };
        let error = io::Error::last_os_error();
        if result < 0 && error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        Ok(fds[1].revents == 0)
    }
}

/// What is missing of an hour.
fn waited(left: libc::timespec) -> Duration {
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    let left = Duration::new(part(left.tv_sec), 0) + Duration::from_nanos(part(left.tv_nsec));
    Duration::from_secs(part(AN_HOUR.tv_sec)).saturating_sub(left)
}

impl KernelSctp {
    /// Lets another thread receive from now on.
    pub(super) fn split_receiver(&mut self) -> io::Result<Receiver> {
        let receiver = Receiver::new(Arc::clone(&self.socket))?;
        self.split = true;
        self.slots = None;
        self.update_interest();
        Ok(receiver)
    }

    /// Takes what a receiver brought.
    pub(super) fn deliver_received(&mut self, now: Time, receiver: &mut Receiver, sink: Sink<'_>) {
        for number in 0..receiver.count {
            self.take_slot(now, &mut receiver.slots, number, sink);
        }
        if receiver.count < SLOTS {
            self.report_ended(sink);
        }
    }
}

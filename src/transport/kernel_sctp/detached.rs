//! Receiving by a thread that waits for messages anyway, in the call that receives them: no call more to find out that there
//! is something to receive, and no lock held meanwhile.
//!
//! Whoever has the slots receives, so messages cannot overtake each other: while they are away, the endpoint does everything else.

use super::batch::{SLOTS, Slots};
use super::socket::SctpSocket;
use super::*;
use crate::transport::{Arrival, DetachedReceiver};
use std::any::Any;

/// Longer than any wait, for the kernel to subtract from what it waited.
const AN_HOUR: libc::timespec = libc::timespec { tv_sec: 3600, tv_nsec: 0 };

/// What an endpoint receives with.
pub(super) struct Receiver {
    socket: Arc<SctpSocket>,
    pub(super) slots: Slots,
    /// Slots that are filled.
    count: usize,
    detachment: Detachment,
}

impl Receiver {
    pub(super) fn new(socket: Arc<SctpSocket>) -> Receiver {
        Receiver { socket, slots: Slots::default(), count: 0, detachment: Detachment::Brief }
    }
}

impl DetachedReceiver for Receiver {
    fn wait(&mut self) -> io::Result<Option<Arrival>> {
        // After full slots nothing may be left, which the endpoint wants to know before anybody waits.
        let drain = self.count == SLOTS;
        self.count = 0;
        let mut left = AN_HOUR;
        let measured = (self.detachment == Detachment::Lasting).then_some(&mut left);
        let measures = measured.is_some();
        let flags = if drain { libc::MSG_DONTWAIT } else { libc::MSG_WAITFORONE };
        match self.socket.receive_many(&mut self.slots, flags, measured) {
            Ok(count) => {
                self.count = count;
                Ok(Some(Arrival { full: count == SLOTS, waited: measures.then(|| waited(left)) }))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Ok(drain.then_some(Arrival { full: false, waited: None }))
            }
            Err(error) => Err(error),
        }
    }

    fn poll_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// What is missing of an hour.
fn waited(left: libc::timespec) -> Duration {
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    let left = Duration::new(part(left.tv_sec), 0) + Duration::from_nanos(part(left.tv_nsec));
    Duration::from_secs(part(AN_HOUR.tv_sec)).saturating_sub(left)
}

impl Detachable for KernelSctp {
    fn detach(&mut self, detachment: Detachment) -> Option<Box<dyn DetachedReceiver>> {
        if !self.blocked.is_empty() || !self.ending.is_empty() || !self.failed_connects.is_empty() {
            return None;
        }
        if self.receiver.is_some() && self.prepared != Some(detachment) {
            if let Err(error) = self.prepare(detachment) {
                log::warn!("SCTP port {}: receiving takes a call more a message: {error}", self.local_port);
                return None;
            }
        }
        let mut receiver = self.receiver.take()?;
        receiver.detachment = detachment;
        if detachment == Detachment::Lasting {
            self.detached_for_good = true;
            self.update_interest();
        }
        Some(receiver)
    }

    fn deliver(&mut self, now: Time, receiver: &mut dyn DetachedReceiver, sink: Sink<'_>) {
        match receiver.as_any().downcast_mut() {
            Some(receiver) => self.take_slots(now, receiver, sink),
            None => log::error!("SCTP port {}: a receiver of another transport brings nothing", self.local_port),
        }
    }

    fn attach(&mut self, now: Time, receiver: Box<dyn DetachedReceiver>, sink: Sink<'_>) -> bool {
        let Ok(mut receiver) = receiver.into_any().downcast::<Receiver>() else {
            log::error!("SCTP port {}: a receiver of another transport is not attached", self.local_port);
            return false;
        };
        self.take_slots(now, &mut receiver, sink);
        let full = std::mem::take(&mut receiver.count) == SLOTS;
        self.receiver = Some(receiver);
        if std::mem::take(&mut self.detached_for_good) {
            self.update_interest();
        }
        full && self.receive(now, sink)
    }
}

impl KernelSctp {
    /// Lets calls that receive wait, but not for ever. The socket has the time limit, by which any handler of a signal ends the wait,
    /// SA_RESTART or not, but so does SIGCONT (signal(7)).
    fn prepare(&mut self, detachment: Detachment) -> io::Result<()> {
        self.socket.set_receive_timeout(detachment.longest_wait())?;
        self.socket.set_blocking(true)?;
        self.prepared = Some(detachment);
        Ok(())
    }

    fn take_slots(&mut self, now: Time, receiver: &mut Receiver, sink: Sink<'_>) {
        for number in 0..receiver.count {
            self.take_slot(now, &mut receiver.slots, number, sink);
        }
        if receiver.count < SLOTS {
            self.report_ended(sink);
        }
    }
}

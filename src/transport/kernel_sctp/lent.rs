//! Receiving by a thread that waits for a message anyway, in the call that receives: no call more to find out that there is
//! something to receive, and no lock held meanwhile.
//!
//! Whoever has the slots receives, so messages cannot overtake each other: while they are lent, the endpoint does everything else.

use super::batch::{SLOTS, Slots};
use super::socket::SctpSocket;
use super::*;

/// No wait is longer: nothing but a message, a notification of the kernel or a signal ends it. The socket has this time limit,
/// by which any handler ends the wait, SA_RESTART or not, but so does SIGCONT (signal(7)).
const LONGEST_WAIT: Duration = Duration::from_millis(10);

/// What an endpoint receives with, see [`Transport::lend`].
pub struct Lent {
    transport_number: u16,
    socket: Arc<SctpSocket>,
    slots: Box<Slots>,
    /// Slots that are filled.
    count: usize,
}

impl Lent {
    /// No [`Lent::wait`] is longer.
    pub const LONGEST_WAIT: Duration = LONGEST_WAIT;

    /// The number of the transport that it belongs to.
    pub fn transport_number(&self) -> u16 {
        self.transport_number
    }

    /// Waits for messages, which then wait for [`Transport::take_back`]; false when none came for a moment.
    pub fn wait(&mut self) -> io::Result<bool> {
        match self.socket.receive_many(&mut self.slots, libc::MSG_WAITFORONE, None) {
            Ok(count) => {
                self.count = count;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            // Whatever else it is, the endpoint is told the same.
            Err(_) => Ok(false),
        }
    }
}

impl KernelSctp {
    /// Lends the slots, unless there is something else to wait for than messages, or to be done first.
    pub(super) fn lend_slots(&mut self) -> Option<Lent> {
        if !self.blocked.is_empty() || !self.ending.is_empty() || !self.failed_connects.is_empty() {
            return None;
        }
        if !self.lends {
            self.lends = self.prepare_to_lend();
        }
        let slots = self.slots.take_if(|_| self.lends)?;
        let transport_number = self.config.transport_number;
        Some(Lent { transport_number, socket: Arc::clone(&self.socket), slots, count: 0 })
    }

    fn prepare_to_lend(&self) -> bool {
        self.socket.set_receive_timeout(LONGEST_WAIT).is_ok() && self.socket.set_blocking(true).is_ok()
    }

    /// Takes the slots back, with what they were filled with; true when more may be waiting.
    pub(super) fn take_slots_back(&mut self, now: Time, mut lent: Lent, sink: Sink<'_>) -> bool {
        for number in 0..lent.count {
            self.take_slot(now, &mut lent.slots, number, sink);
        }
        self.slots = Some(lent.slots);
        if lent.count == SLOTS {
            return self.receive(now, sink);
        }
        self.report_ended(sink);
        false
    }
}

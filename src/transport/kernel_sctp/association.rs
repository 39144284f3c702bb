//! What the endpoint knows of one association beside the kernel.

use super::abi::KernelId;
use super::confirming::Early;
use crate::Time;
use crate::association::{LossReason, PeerAddress, Undelivered};
use crate::transport::types::copied;
use crate::transport::{OutboundMessage, TransportError};
use std::collections::VecDeque;

/// Messages up to this length travel in one chunk and come back whole in a notification when they fail. Of longer ones
/// a copy is kept until they are acknowledged. (1 280 bytes is the least MTU of IPv6.)
pub(super) const ALWAYS_WHOLE: usize = 1_000;

/// Where an association stands.
#[derive(Debug)]
pub(super) enum State {
    Connecting(Connecting),
    Up,
    /// `shutdown` was called; the kernel is told when the queue is empty.
    Closing {
        told: bool,
    },
    /// The peer closes: nothing can be sent any more.
    PeerClosing,
    /// `give_up` was called: nothing but its end is of interest.
    GivenUp,
    /// The kernel has ended it; notifications of undelivered messages may follow before it is reported.
    Ending(LossReason),
}

/// A connect in progress.
#[derive(Debug)]
pub(super) struct Connecting {
    /// UDP encapsulation may be tried after this attempt.
    pub encapsulation_left: bool,
    /// Why native SCTP failed, before UDP encapsulation was tried.
    pub native_failure: Option<LossReason>,
    /// When the whole connect fails.
    pub give_up: Time,
    /// `shutdown` was called meanwhile.
    pub then_close: bool,
}

/// A message that the kernel has not taken yet.
#[derive(Debug)]
pub(super) struct Queued {
    pub stream: u16,
    pub ppid: u32,
    pub unordered: bool,
    /// When it is not worth sending any more.
    pub expires: Option<Time>,
    pub payload: Vec<u8>,
}

impl Queued {
    pub fn new(now: Time, message: &OutboundMessage<'_>) -> Result<Queued, TransportError> {
        Ok(Queued {
            stream: message.stream,
            ppid: message.ppid,
            unordered: message.unordered,
            expires: message.lifetime.map(|lifetime| now + lifetime),
            payload: copied(message.payload)?,
        })
    }

    /// What is kept of it once the kernel has it.
    pub fn into_kept(self) -> Kept {
        let len = self.payload.len();
        let whole = is_kept(len, self.expires.is_some()).then(|| self.into());
        Kept { len, whole }
    }

    /// As it was handed over, with what is left of its lifetime.
    pub fn as_outbound(&self, now: Time) -> OutboundMessage<'_> {
        OutboundMessage {
            stream: self.stream,
            ppid: self.ppid,
            unordered: self.unordered,
            lifetime: self.expires.map(|expires| expires.saturating_since(now)),
            payload: &self.payload,
        }
    }
}

impl From<Queued> for Undelivered {
    fn from(Queued { stream, ppid, unordered, payload, .. }: Queued) -> Undelivered {
        Undelivered { stream, ppid, unordered, payload }
    }
}

/// What is kept of a message that the kernel has.
#[derive(Debug)]
pub(super) struct Kept {
    len: usize,
    /// The message, if it is so long that the kernel may give it back in pieces.
    whole: Option<Undelivered>,
}

impl Kept {
    /// Before the kernel gets a message: afterwards it is too late to find that there is no memory.
    pub fn of(message: &OutboundMessage<'_>) -> Result<Kept, TransportError> {
        let len = message.payload.len();
        let kept = is_kept(len, message.lifetime.is_some());
        Ok(Kept { len, whole: if kept { Some(message.try_into()?) } else { None } })
    }
}

/// Who sets a lifetime does not want the message any more when it could not be delivered in time.
fn is_kept(len: usize, has_lifetime: bool) -> bool {
    len > ALWAYS_WHOLE && !has_lifetime
}

/// The messages of one association on their way out.
///
/// All associations of a socket share its send buffer, so each may have only so much in the kernel. When that is used
/// up, the kernel is asked to notify as soon as everything is acknowledged ("sender dry"), and sending goes on then.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub queue: VecDeque<Queued>,
    pub queued_bytes: usize,
    /// Bytes handed to the kernel before the notification was asked for, and not known to be acknowledged.
    before_mark: usize,
    /// The same since then.
    after_mark: usize,
    /// How many messages these bytes are.
    #[cfg(feature = "tls")]
    messages_before_mark: usize,
    #[cfg(feature = "tls")]
    messages_after_mark: usize,
    /// The number of the first message after the notification was asked for; none: it was not.
    mark: Option<u32>,
    next_context: u32,
    /// Long messages in the kernel, with their numbers, oldest first.
    copies: VecDeque<(u32, Undelivered)>,
    /// Messages that the kernel gave back, with their numbers.
    failed: Vec<(u32, Undelivered)>,
}

impl Outbox {
    /// Bytes in the kernel that are not known to be acknowledged.
    pub fn in_kernel(&self) -> usize {
        self.before_mark + self.after_mark
    }

    /// Messages that are not known to be acknowledged.
    #[cfg(feature = "tls")]
    pub fn unacknowledged(&self) -> usize {
        self.queue.len() + self.messages_before_mark + self.messages_after_mark
    }

    /// The number that the next message takes; the kernel repeats it when the message fails.
    pub fn context(&self) -> u32 {
        self.next_context
    }

    /// The kernel took a message. True when the sender-dry notification is needed to forget its copy.
    pub fn handed_over(&mut self, Kept { len, whole }: Kept) -> bool {
        let context = self.next_context;
        self.next_context = self.next_context.wrapping_add(1);
        self.after_mark += len;
        #[cfg(feature = "tls")]
        {
            self.messages_after_mark += 1;
        }
        let Some(message) = whole else { return false };
        self.copies.push_back((context, message));
        self.mark.is_none()
    }

    /// The sender-dry notification was asked for now.
    pub fn set_mark(&mut self) {
        self.mark = Some(self.next_context);
        self.before_mark += std::mem::take(&mut self.after_mark);
        #[cfg(feature = "tls")]
        {
            self.messages_before_mark += std::mem::take(&mut self.messages_after_mark);
        }
    }

    /// Whether the notification was asked for and has not come.
    pub fn awaits_dry(&self) -> bool {
        self.mark.is_some()
    }

    /// Everything sent before the notification was asked for is acknowledged. (What was sent later may not be: the
    /// notification may be older.) True when copies are left, so that it must be asked for again.
    pub fn dry(&mut self) -> bool {
        let Some(mark) = self.mark.take() else { return false };
        self.before_mark = 0;
        #[cfg(feature = "tls")]
        {
            self.messages_before_mark = 0;
        }
        while self.copies.front().is_some_and(|(context, _)| is_before(*context, mark)) {
            self.copies.pop_front();
        }
        !self.copies.is_empty()
    }

    /// The kernel gave back a message or a fragment of one.
    pub fn take_back(&mut self, context: u32, whole: bool, message: Undelivered) {
        if let Ok(index) = self.copies.binary_search_by(|(copy, _)| order(*copy, context)) {
            self.failed.extend(self.copies.remove(index));
        } else if whole {
            self.failed.push((context, message));
        }
    }

    /// Everything that was not delivered, oldest first.
    pub fn into_undelivered(mut self) -> Vec<Undelivered> {
        self.failed.sort_by(|(a, _), (b, _)| order(*a, *b));
        let failed = self.failed.into_iter().map(|(_, message)| message);
        failed.chain(self.queue.into_iter().map(Undelivered::from)).collect()
    }
}

/// Order of message numbers that wrap around.
fn order(a: u32, b: u32) -> std::cmp::Ordering {
    (a.wrapping_sub(b) as i32).cmp(&0)
}

fn is_before(a: u32, b: u32) -> bool {
    order(a, b).is_lt()
}

/// In the place of the kernel's number: there is none yet. (The kernel never gives this number.)
pub(super) const NO_KERNEL_ID: KernelId = 0;

#[derive(Debug)]
pub(super) struct Association {
    /// The kernel's number, or [`NO_KERNEL_ID`].
    pub kernel_id: KernelId,
    /// As connected to, later as the kernel knows it.
    pub peer: PeerAddress,
    pub state: State,
    pub inbound: bool,
    /// It has been reported as up.
    pub established: bool,
    pub outbound_streams: u16,
    pub outbox: Outbox,
    /// It has come up, and is told to be when its paths are confirmed.
    pub early: Option<Early>,
    /// The beginning of a message of which more follows.
    pub partial: Vec<u8>,
    /// Messages are kept back until [`crate::transport::Transport::release`].
    pub held: bool,
    /// A send was refused: report when there is room again.
    pub wants_room: bool,
    /// The kernel reported that a path does not answer.
    pub path_unreachable: bool,
    /// Its entry among the timers.
    pub deadline: Option<Time>,
}

impl Association {
    pub fn new(kernel_id: KernelId, peer: PeerAddress, state: State, inbound: bool) -> Association {
        Association {
            kernel_id,
            peer,
            state,
            inbound,
            established: false,
            outbound_streams: 0,
            outbox: Outbox::default(),
            early: None,
            partial: Vec::new(),
            held: false,
            wants_room: false,
            path_unreachable: false,
            deadline: None,
        }
    }

    /// The kernel has said that it is up, whether that was told or not.
    pub fn has_come_up(&self) -> bool {
        self.established || self.early.is_some()
    }

    /// Ways to the peer, as far as they are known.
    pub fn paths(&self) -> usize {
        if self.has_come_up() { self.peer.addresses.len() } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(payload: &[u8]) -> Kept {
        Kept::of(&OutboundMessage::control(11, payload)).unwrap()
    }

    fn undelivered(payload: Vec<u8>) -> Undelivered {
        Undelivered { stream: 0, ppid: 11, unordered: false, payload }
    }

    #[test]
    fn a_long_message_that_failed_comes_back_whole_and_once() {
        let long = vec![7; 5_000];
        let mut outbox = Outbox { next_context: u32::MAX, ..Outbox::default() };
        assert!(outbox.handed_over(kept(&long)));
        assert!(!outbox.handed_over(kept(b"short")));
        outbox.take_back(0, true, undelivered(b"short".to_vec()));
        for fragment in long.chunks(1_400) {
            outbox.take_back(u32::MAX, false, undelivered(fragment.to_vec()));
        }
        assert_eq!(outbox.into_undelivered(), [undelivered(long), undelivered(b"short".to_vec())]);
    }

    #[test]
    fn a_dry_notification_says_nothing_of_what_was_sent_after_it_was_asked_for() {
        let long = vec![7; 5_000];
        let mut outbox = Outbox::default();
        outbox.handed_over(kept(&long));
        outbox.set_mark();
        outbox.handed_over(kept(&[8; 3_000]));
        assert_eq!(outbox.in_kernel(), 8_000);
        assert!(outbox.dry());
        assert_eq!(outbox.in_kernel(), 3_000);
        assert!(!outbox.awaits_dry());
        outbox.set_mark();
        assert!(!outbox.dry());
        assert_eq!(outbox.in_kernel(), 0);
        assert!(outbox.copies.is_empty());
    }

    #[test]
    fn a_message_with_a_lifetime_is_not_kept() {
        let mut outbox = Outbox::default();
        let mut message = OutboundMessage::control(11, &[0; 5_000]);
        message.lifetime = Some(std::time::Duration::from_secs(1));
        assert!(!outbox.handed_over(Kept::of(&message).unwrap()));
        outbox.take_back(0, false, undelivered(vec![0; 1_000]));
        assert!(outbox.into_undelivered().is_empty());
    }
}

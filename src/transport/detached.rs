//! Receiving apart from the transport: a thread waits in the call that receives, without the transport's lock.
//!
//! A message then costs no call to find out that there is something to receive. Not every transport can do it
//! ([`Transport::detachable`](super::Transport::detachable)).

use super::TransportEvent;
use crate::Time;
use std::any::Any;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// For how long a receiver is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detachment {
    /// For a wait or two, by somebody who sees to it that nobody waits for the transport's descriptor meanwhile: that goes on
    /// to tell of messages.
    Brief,
    /// For good. The transport's descriptor does not tell of messages any more.
    Lasting,
}

impl Detachment {
    /// No [`DetachedReceiver::wait`] is longer. Nothing but a message, news of the transport or a signal ends it earlier.
    pub const fn longest_wait(self) -> Duration {
        match self {
            Detachment::Brief => Duration::from_millis(10),
            Detachment::Lasting => Duration::from_millis(100),
        }
    }
}

/// A transport whose receiver can be taken away.
pub trait Detachable {
    /// Takes the receiver away. Until it is attached again, [`Transport::poll`](super::Transport::poll) does everything but to
    /// receive. None: the transport has other things to do first, or the receiver is away already.
    ///
    /// A receiver that is dropped takes receiving with it.
    fn detach(&mut self, detachment: Detachment) -> Option<Box<dyn DetachedReceiver>>;

    /// Hands to `sink` what the receiver brought, which stays detached.
    fn deliver(&mut self, now: Time, receiver: &mut dyn DetachedReceiver, sink: &mut dyn FnMut(TransportEvent<'_>));

    /// Takes the receiver back, hands to `sink` what it brought, and returns what
    /// [`Transport::poll`](super::Transport::poll) would.
    fn attach(
        &mut self,
        now: Time,
        receiver: Box<dyn DetachedReceiver>,
        sink: &mut dyn FnMut(TransportEvent<'_>),
    ) -> bool;
}

/// Receives for a transport. Whoever has it receives, so no message overtakes another.
pub trait DetachedReceiver: Send {
    /// Waits for messages, which then wait to be handed out by the transport. None: nothing came in time, see
    /// [`Detachment::longest_wait`]. A signal ends the wait with [`io::ErrorKind::Interrupted`].
    fn wait(&mut self) -> io::Result<Option<Arrival>>;

    /// The descriptor that becomes readable when there is something to receive, for longer waits.
    fn poll_fd(&self) -> RawFd;

    /// Itself, for the transport that it belongs to.
    fn as_any(&mut self) -> &mut dyn Any;

    /// Itself, for the transport that it belongs to.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// What a wait has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// As much as one wait can bring: more may be there. The next wait then does not wait.
    pub full: bool,
    /// How long the wait took, where the call that received tells: the time without asking the clock.
    pub waited: Option<Duration>,
}

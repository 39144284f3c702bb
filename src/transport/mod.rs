//! One trait over every way to move messages: kernel SCTP, SCTP in UDP, TCP; tests have one in memory (`tests/support/memory/`).
//!
//! A transport is an endpoint: one local port with any number of associations (as a one-to-many SCTP socket), whose
//! calls never block. Its owner waits for [`Transport::poll_fd`] and [`Transport::next_deadline`] and calls
//! [`Transport::poll`]; any thread that holds the owner's lock may send in between.
//!
//! TLS is a transport that wraps another one (`tls/`).

mod detached;
pub(crate) mod epoll;
pub(crate) mod interface_changes;
pub(crate) mod interfaces;
pub mod kernel_sctp;
pub mod multicast;
pub(crate) mod not_inherited;
mod parameters;
mod pending;
mod punctuality;
mod queued_event;
#[cfg(feature = "sctp-udp")]
pub mod sctp_udp;
mod select;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
mod types;
pub(crate) mod zones;

pub use detached::{Arrival, Detachable, DetachedReceiver, Detachment};
pub use kernel_sctp::KernelSctp;
pub use parameters::SctpParameters;
pub use pending::Pending;
pub(crate) use punctuality::{LONGEST_WAIT, Punctuality};
pub use queued_event::QueuedEvent;
pub use select::{detect, open, resolve};
pub use tcp::Tcp;
pub(crate) use types::copied;
pub use types::{
    Capabilities, EndpointConfig, OutboundMessage, PeerAddresses, TransportChoice, TransportError, TransportEvent,
};

use crate::association::PeerAddress;
use crate::{AssociationId, Time};
use std::io;
use std::net::UdpSocket;
use std::os::fd::RawFd;
use std::time::Duration;

/// An endpoint with its associations. No call blocks.
///
/// No method has a default: what wraps another transport decides about each.
///
/// No transport can stop receiving from one association so that SCTP's window slows its peer down, and go on with the others. A
/// socket of the kernel has one queue for all its associations, and whoever does not take the first message takes none; only an
/// association with a socket of its own (SCTP_PEELOFF) could. dcsctp 0.1.16 discards data beyond its buffer without
/// acknowledging, and its sender pays no heed to a closed window when nothing is in flight: such an association was lost after
/// 1.5 s, with 47 of 2 000 messages acknowledged. So whoever takes messages has to have a bound for what nobody reads.
pub trait Transport: Send {
    /// Which kind of transport this is, and what it can do.
    fn capabilities(&self) -> Capabilities;

    /// The local port number: the SCTP or TCP port that peers connect to.
    fn local_port(&self) -> u16;

    /// The addresses that the endpoint is bound to; empty when bound to the wildcard address.
    fn local_addresses(&self) -> crate::wire::AddressList;

    /// Starts an association. [`TransportEvent::Up`] or [`TransportEvent::ConnectFailed`] follows from a later
    /// [`Transport::poll`], the latter at the latest `connect_timeout` after `now`.
    fn connect(
        &mut self,
        now: Time,
        peer: &PeerAddress,
        connect_timeout: Duration,
    ) -> Result<AssociationId, TransportError>;

    /// Sends a message now, or queues it where the association's window is closed.
    ///
    /// [`TransportError::WouldBlock`] when the association's send queue is full: [`TransportEvent::Writable`] follows
    /// as soon as there is room again.
    fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError>;

    /// From now on, messages may be kept back until [`Transport::release`], so that several for one association go out
    /// together. Whoever holds releases soon, and before it waits for anything.
    fn hold(&mut self);

    /// Sends what was kept back since [`Transport::hold`].
    fn release(&mut self, now: Time);

    /// Closes an association after everything queued was delivered. [`TransportEvent::Lost`] with
    /// [`LossReason::Closed`](crate::association::LossReason::Closed) ends it. Unknown associations are ignored.
    fn shutdown(&mut self, now: Time, association: AssociationId);

    /// Ends an association at once, with an ABORT to the peer. No event follows. Unknown associations are ignored.
    fn abort(&mut self, now: Time, association: AssociationId, reason: &str);

    /// Ends an association at once, as [`Transport::abort`] does, but tells what the peer never acknowledged: where the
    /// association had come up, [`TransportEvent::Lost`] follows as its only further event, with
    /// [`LossReason::GivenUp`](crate::association::LossReason::GivenUp) unless it had ended already.
    fn give_up(&mut self, now: Time, association: AssociationId, reason: &str);

    /// Somebody has reason to believe that the peer of an association is gone: looks at once, where that tells sooner than to wait.
    /// [`TransportEvent::Lost`] follows if it does not answer. Unknown associations are ignored.
    fn probe(&mut self, now: Time, association: AssociationId);

    /// Sets the parameters of associations to be made from now on and, where the transport can, of existing ones.
    fn set_parameters(&mut self, parameters: &SctpParameters);

    /// Changes how many bytes each association may queue for sending. One that has more queued keeps that, and takes no more.
    fn limit_send_queues(&mut self, bytes: usize);

    /// The parameters in force for an association, as far as the transport can tell.
    fn parameters_of(&self, association: AssociationId) -> Option<SctpParameters>;

    /// Smoothed round-trip time of an association, when measured.
    fn round_trip_time(&self, association: AssociationId) -> Option<Duration>;

    /// Receives what has arrived and runs the timers that are due, handing each event to `sink`.
    ///
    /// Does a bounded amount of work; returns true when more is waiting, so that one busy endpoint cannot starve others.
    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool;

    /// The ability to receive apart from the transport; none where it cannot.
    fn detachable(&mut self) -> Option<&mut dyn Detachable>;

    /// When [`Transport::poll`] wants to be called even if nothing arrives; [`Time::ZERO`] when events are waiting already
    /// (a send, connect or abort may produce some).
    fn next_deadline(&self) -> Option<Time>;

    /// UDP sockets with the endpoint's port, one for each address that it is bound to, for [`multicast::AnnouncementSender`]: who hears
    /// an announcement takes the place that it comes from for the registrar's. Nobody may receive from them.
    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>>;

    /// The descriptor that becomes readable when [`Transport::poll`] has something to do; none in virtual time.
    fn poll_fd(&self) -> Option<RawFd>;
}

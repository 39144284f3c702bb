//! A transport endpoint with the sessions that live on it.
//!
//! Whatever makes a session and its association change together is done with the locks of both held, endpoint first, so no
//! event can fall between.

use super::endpoint_state::{EndpointState, Ownership};
use super::io_handle::IoHandle;
use super::turn::{Follower, KEPT, Taken, Turn};
use crate::Time;
use crate::association::TransportKind;
use crate::transport::{DetachedReceiver, SctpParameters, Transport};
use crate::wire::AddressList;
use parking_lot::Mutex;
use std::io;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// An endpoint. Application threads send through it inline; the I/O thread receives, or an application thread that waits for
/// a message anyway ([`Endpoint::take_over`]).
pub struct Endpoint {
    /// The upper part of its association identifiers, and its key in the poller.
    pub number: u16,
    /// Its kind of transport.
    pub kind: TransportKind,
    /// Port of this side, in host byte order.
    pub local_port: u16,
    /// Its addresses; empty: wildcard.
    pub local_addresses: AddressList,
    io: Arc<IoHandle>,
    poll_fd: Option<RawFd>,
    /// When it wants to run, in nanoseconds: read by the I/O thread without the lock.
    deadline: AtomicU64,
    /// Who receives.
    turn: Turn,
    /// Whatever arrives is for one socket.
    one_reader: AtomicBool,
    state: Mutex<EndpointState>,
}

impl Endpoint {
    /// An endpoint around a transport that was opened with this number and these parameters.
    pub(super) fn new(
        number: u16,
        transport: Box<dyn Transport>,
        parameters: SctpParameters,
        ownership: Ownership,
        io: Arc<IoHandle>,
    ) -> Endpoint {
        Endpoint {
            number,
            kind: transport.capabilities().kind,
            local_port: transport.local_port(),
            local_addresses: transport.local_addresses(),
            poll_fd: transport.poll_fd(),
            deadline: AtomicU64::new(0),
            turn: Turn::default(),
            one_reader: AtomicBool::new(true),
            state: Mutex::new(EndpointState::new(transport, parameters, ownership, Arc::clone(&io))),
            io,
        }
    }

    /// The descriptor to wait for.
    pub fn poll_fd(&self) -> Option<RawFd> {
        self.poll_fd
    }

    /// When it wants to run.
    pub fn deadline(&self) -> Time {
        Time::from_nanos(self.deadline.load(Ordering::SeqCst))
    }

    /// Does something with the endpoint locked, then sees to it that the I/O thread wakes up in time.
    pub fn with<R>(&self, f: impl FnOnce(&mut EndpointState) -> R) -> R {
        let mut state = self.state.lock();
        let result = f(&mut state);
        let deadline = state.next_deadline();
        self.deadline.store(deadline.as_nanos(), Ordering::SeqCst);
        let one_reader = state.has_one_reader();
        let has_more_readers_now = self.one_reader.swap(one_reader, Ordering::Relaxed) && !one_reader;
        drop(state);
        if has_more_readers_now {
            self.end_turn();
        }
        self.io.wake_before(deadline);
        result
    }

    /// Receives what arrived and runs timers, unless what they wait for may still have to be received. Returns whether more is
    /// waiting.
    pub fn run(&self, now: Time) -> bool {
        self.run_with(now, None)
    }

    fn run_with(&self, now: Time, receiver: Option<Box<dyn DetachedReceiver>>) -> bool {
        self.with(|state| {
            let more = state.receive(now, receiver);
            state.run_timers_unless(now, more);
            more
        })
    }

    /// Lets the calling thread wait for the descriptor in place of the I/O thread, which goes on to run the timers, until
    /// [`Endpoint::give_back`]. A message then reaches its reader without a change of threads. None: somebody else does.
    pub fn take_over(&self) -> Option<Taken> {
        let fd = self.poll_fd?;
        self.turn.take(|| self.io.poller().pause(fd, u64::from(self.number)).is_ok())
    }

    /// The I/O thread receives again.
    pub fn give_back(&self) {
        self.turn.give_back(|| self.resume());
    }

    /// The same, but not before the thread that took over for `reader` has had the time to come back for its next message.
    pub fn give_back_later(&self, now: Time) {
        if !self.one_reader.load(Ordering::Relaxed) {
            return self.give_back();
        }
        let until = now + KEPT;
        self.turn.keep(until, || self.resume());
        self.io.wake_before(until);
    }

    /// Sees to it that the I/O thread, or a thread that took over, receives as long as the calling thread waits.
    pub fn follow(&self) -> Follower<'_> {
        self.turn.follow(|| self.resume())
    }

    /// The I/O thread receives again, unless a thread is receiving.
    pub fn end_turn(&self) {
        self.turn.end(|| self.resume());
    }

    /// The same, if nobody has come back in time.
    pub fn end_turn_if_over(&self, now: Time) {
        self.turn.end_if_over(now, || self.resume());
    }

    /// When to look whether a turn is over.
    pub fn turn_ends_at(&self) -> Time {
        self.turn.ends_at()
    }

    fn resume(&self) {
        match self.poll_fd.map(|fd| self.io.poller().resume(fd, u64::from(self.number))) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                log::error!("endpoint {} is not received on any more: {error}", self.number);
            }
            // Not found: it was retired meanwhile.
            _ => {}
        }
    }

    /// What receives, for a thread that took over to wait in; [`Endpoint::run_taken_over`] takes it back.
    pub fn detach_receiver(&self) -> Option<Box<dyn DetachedReceiver>> {
        self.state.lock().detach_receiver()
    }

    /// Receives what arrived, or takes what `receiver` brought, for a thread that took over; what is more than one round does is
    /// left to the I/O thread.
    pub fn run_taken_over(&self, now: Time, receiver: Option<Box<dyn DetachedReceiver>>) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run_with(now, receiver)));
        // A panic here is no better than one of the I/O thread.
        let more = outcome.unwrap_or_else(|_| {
            self.io.note_panic();
            false
        });
        if more {
            self.deadline.store(0, Ordering::SeqCst);
            self.io.wake_before(Time::ZERO);
        }
    }

    /// Its SCTP parameters.
    pub fn parameters(&self) -> SctpParameters {
        self.state.lock().parameters()
    }

    /// Nobody listens and no association is left.
    pub fn is_idle(&self) -> bool {
        self.state.lock().is_idle()
    }

    /// Nobody will use it any more: it can go.
    pub fn is_finished(&self) -> bool {
        self.state.lock().is_finished()
    }

    /// Breaks the circles of references between sockets and endpoint, and drops all associations without a word.
    pub fn clear(&self) {
        let users = self.state.lock().take_users();
        drop(users);
    }
}

#[cfg(test)]
mod tests {
    use super::super::socket::{Socket, Style};
    use super::*;
    use crate::association::PeerAddress;
    use crate::session::Attempt;
    use crate::transport::{self, EndpointConfig, TransportChoice};
    use std::time::Duration;

    #[test]
    fn a_turn_that_is_held_ends_when_somebody_else_begins_to_use_the_endpoint() {
        let any = vec!["127.0.0.1:0".parse().unwrap()];
        let config = EndpointConfig { bind: any, ..EndpointConfig::default() };
        let transport = transport::open(TransportChoice::Auto, &config).unwrap();
        let io = IoHandle::new(Duration::from_secs(5)).unwrap();
        let endpoint = Endpoint::new(16, transport, config.parameters, Ownership::AllPoolUsers, Arc::clone(&io));
        io.poller().add(endpoint.poll_fd().unwrap(), 16).unwrap();
        let peer = |port| PeerAddress::new("127.0.0.1".parse().unwrap(), port);
        let connect = |port| {
            let user = Socket::new(Style::OneToMany).unwrap();
            let (attempt, timeout) = (Attempt(1), Duration::from_secs(9));
            endpoint.with(|state| state.connect(Time::ZERO, user, attempt, &peer(port), timeout)).unwrap();
        };
        connect(9);
        assert_eq!(endpoint.take_over(), Some(Taken::Anew));
        endpoint.give_back_later(Time::ZERO);
        assert_eq!(endpoint.take_over(), Some(Taken::Again), "the turn was kept");
        endpoint.give_back_later(Time::ZERO);
        connect(10);
        assert_eq!(endpoint.take_over(), Some(Taken::Anew), "the turn has ended");
        endpoint.give_back();
        endpoint.clear();
    }
}

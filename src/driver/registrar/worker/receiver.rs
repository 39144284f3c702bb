//! The thread that receives for an endpoint, apart from its transport: a request costs no more calls than its receipt and its answer.

use super::{Key, Phase, Worker};
use crate::Time;
use crate::driver::clock;
use crate::driver::poller::{Poller, Waker};
use crate::driver::registrar::state::RegistrarCore;
use crate::transport::{Arrival, DetachedReceiver};
use parking_lot::{Mutex, MutexGuard};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a thread that receives needs.
pub(super) struct Receiving {
    /// The number of the endpoint.
    number: usize,
    receiver: Box<dyn DetachedReceiver>,
    /// For long waits, which can be ended.
    poller: Poller,
}

impl Receiving {
    pub(super) fn new(number: usize, receiver: Box<dyn DetachedReceiver>) -> io::Result<Receiving> {
        let poller = Poller::new()?;
        poller.add(receiver.poll_fd(), Key::Transport(number).as_u64())?;
        Ok(Receiving { number, receiver, poller })
    }

    /// Ends a long wait.
    pub(super) fn waker(&self) -> Waker {
        self.poller.waker()
    }
}

/// Receives for an endpoint until it is stopped: a request costs no more calls than its receipt and its answer.
pub(super) fn receive<C: RegistrarCore>(worker: &Mutex<Worker<C>>, receiving: Receiving, stopped: &AtomicBool) {
    let _guard = Ending(worker);
    if let Err(error) = receive_until_stopped(worker, receiving, stopped) {
        worker.lock().broken = Some(error);
    }
}

fn receive_until_stopped<C: RegistrarCore>(
    worker: &Mutex<Worker<C>>,
    receiving: Receiving,
    stopped: &AtomicBool,
) -> io::Result<()> {
    let Receiving { number, mut receiver, poller } = receiving;
    let mut reckoning = Reckoning::new();
    let mut ready = Vec::new();
    // Looked at each time: users that connect again and again must not keep a registrar from ending.
    while !stopped.load(Ordering::Acquire) {
        match receiver.wait() {
            Ok(Some(arrival)) => {
                let now = reckoning.after(arrival.waited);
                let mut worker = worker.lock();
                let received = worker.state.messages_received();
                worker.take_received(now, number, &mut *receiver, arrival);
                if reckoning.is_exact() {
                    worker.note_done(now, received);
                }
                // The other thread's turn, where it waits: this one would have the lock again and again while it is flooded, and
                // whoever came by TCP would wait.
                MutexGuard::unlock_fair(worker);
            }
            // Nothing for a moment: waits as long as it takes.
            Ok(None) => {
                reckoning.forget();
                poller.wait(Time::ZERO, None, &mut ready)?;
                ready.clear();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => reckoning.forget(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The time without a look at the clock for each message, which is a system call where the clock is not the processor's.
///
/// The kernel tells how long it waited; what is not counted, the time between two waits, is made good every few messages.
struct Reckoning {
    now: Time,
    /// Waits since the last look.
    waits: u32,
}

impl Reckoning {
    /// Waits until the next look at the clock.
    const WAITS: u32 = 16;

    fn new() -> Reckoning {
        Reckoning { now: clock::now(), waits: 0 }
    }

    /// The last time is that of the clock, by which others may be measured.
    fn is_exact(&self) -> bool {
        self.waits == 0
    }

    /// The last wait was not measured.
    fn forget(&mut self) {
        self.waits = Reckoning::WAITS;
    }

    /// The time after a wait.
    fn after(&mut self, waited: Option<Duration>) -> Time {
        match waited {
            Some(waited) if self.waits < Reckoning::WAITS => {
                self.now += waited;
                self.waits += 1;
            }
            _ => *self = Reckoning::new(),
        }
        self.now
    }
}

/// Ends the other thread when this one ends, even if by a panic: half a registrar would be worse than none.
struct Ending<'a, C: RegistrarCore>(&'a Mutex<Worker<C>>);

impl<C: RegistrarCore> Drop for Ending<'_, C> {
    fn drop(&mut self) {
        let mut worker = self.0.lock();
        if worker.phase != Phase::Done && worker.broken.is_none() {
            worker.broken = Some(io::Error::other("the thread that receives ended"));
        }
        worker.waker.wake();
    }
}

impl<C: RegistrarCore> Worker<C> {
    /// Takes what the receiver of an endpoint brought, and does what the core makes of it.
    fn take_received(&mut self, now: Time, number: usize, receiver: &mut dyn DetachedReceiver, arrival: Arrival) {
        let now = self.latest.max(now);
        self.latest = now;
        let Some(endpoint) = self.endpoints.transports.get_mut(number) else { return };
        let (link, state) = (endpoint.link, &mut self.state);
        self.receiver_is_behind = arrival.full;
        if let Some(detachable) = endpoint.transport.detachable() {
            detachable.deliver(now, receiver, &mut |event| state.on_transport_event(now, link, event));
        }
        self.perform(now);
        self.tell_if_ready();
        self.tell_events();
        self.publish_metrics();
        // The other thread sleeps: what concerns it now must not wait until it wakes.
        let earlier = self.next_deadline().is_some_and(|at| self.sleeps_until.is_none_or(|until| at < until));
        if earlier || self.phase != Phase::Running {
            self.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;

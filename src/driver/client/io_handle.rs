//! How other threads reach the I/O thread: what it waits for, how it is woken, and the queue of what it is asked for.

use super::commands::{Command, Reply};
use crate::asap::{Request, RequestId};
use crate::driver::clock;
use crate::driver::poller::{Poller, Waker};
use crate::{PoolHandle, Time};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// While messages flow, the I/O thread looks at its timers this often, so that the retransmission timer that each send starts
/// need not wake it.
const BUSY_PERIOD: Duration = Duration::from_millis(50);

/// The I/O thread as others see it. Endpoints keep one, so code that has an endpoint needs no instance.
pub struct IoHandle {
    poller: Poller,
    waker: Waker,
    /// Until when the I/O thread sleeps, in nanoseconds; zero while it runs.
    sleeps_until: AtomicU64,
    /// Counts messages, roughly: shows the I/O thread whether anything flows.
    activity: AtomicU64,
    commands: Mutex<Commands>,
    last_request: AtomicU64,
    panicked: AtomicBool,
    max_request_time: Duration,
}

/// What waits for the I/O thread. Bounded by who asks: a waiting thread and a session each have one request at a time.
#[derive(Default)]
struct Commands {
    queue: VecDeque<Command>,
    /// The I/O thread has ended.
    closed: bool,
}

impl IoHandle {
    /// Of a thread that does not run yet, whose core answers every request within `max_request_time`.
    pub(super) fn new(max_request_time: Duration) -> io::Result<Arc<IoHandle>> {
        let poller = Poller::new()?;
        Ok(Arc::new(IoHandle {
            waker: poller.waker(),
            poller,
            sleeps_until: AtomicU64::new(0),
            activity: AtomicU64::new(0),
            commands: Mutex::default(),
            last_request: AtomicU64::new(0),
            panicked: AtomicBool::new(false),
            max_request_time,
        }))
    }

    /// The time within which the core answers every request.
    pub(super) fn max_request_time(&self) -> Duration {
        self.max_request_time
    }

    /// The poller of the I/O thread.
    pub(super) fn poller(&self) -> &Poller {
        &self.poller
    }

    /// Sees to it that the I/O thread does not sleep beyond `deadline`.
    pub(super) fn wake_before(&self, deadline: Time) {
        self.activity.fetch_add(1, Ordering::Relaxed);
        // The thread publishes its sleep, then looks for work once more; we publish work, then look at its sleep: one of us
        // sees the other.
        if deadline.as_nanos() < self.sleeps_until.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    pub(super) fn command(&self, command: Command) {
        let mut commands = self.commands.lock();
        if commands.closed {
            return;
        }
        commands.queue.push_back(command);
        drop(commands);
        self.wake_before(Time::ZERO);
    }

    /// What the I/O thread is asked for since the last time.
    pub(super) fn take_commands(&self) -> VecDeque<Command> {
        std::mem::take(&mut self.commands.lock().queue)
    }

    /// The I/O thread has ended: with the commands go the channels on which their senders wait.
    pub(super) fn close_commands(&self) {
        let mut commands = self.commands.lock();
        commands.closed = true;
        commands.queue.clear();
    }

    pub(super) fn next_request(&self) -> RequestId {
        RequestId(self.last_request.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Gives the client core a request.
    pub(super) fn submit(&self, request: Request, reply: Reply) -> RequestId {
        let id = self.next_request();
        self.command(Command::Request { id, request, reply });
        id
    }

    /// Gives the client core a request whose answer nobody waits for.
    pub fn request_in_background(&self, request: Request) {
        self.submit(request, Reply::Nobody);
    }

    /// Tells sessions which elements are taken out of a pool.
    pub(super) fn want_removals(&self, pool_handle: PoolHandle) {
        self.command(Command::WantRemovals(pool_handle));
    }

    /// A thread that received panicked: nothing works any more.
    pub(super) fn note_panic(&self) {
        log::error!("receiving panicked: every call fails until the library is cleaned up and initialised again");
        self.panicked.store(true, Ordering::SeqCst);
        self.wake_before(Time::ZERO);
    }

    /// A thread that received panicked.
    pub(super) fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::SeqCst)
    }

    /// Lets the I/O thread sleep until something is ready, `deadline` or what `due` says has come, or there is a command.
    pub(super) fn sleep(&self, deadline: Time, due: impl Fn() -> Time, ready: &mut Vec<u64>) {
        let now = clock::now();
        let busy = self.activity.swap(0, Ordering::Relaxed) > 0;
        let limit = if busy { now + BUSY_PERIOD } else { Time::MAX };
        let until = deadline.min(limit).min(due());
        self.sleeps_until.store(until.as_nanos(), Ordering::SeqCst);
        let work_came = !self.commands.lock().queue.is_empty() || due() < until;
        if until > now && !work_came {
            let wait_until = (until != Time::MAX).then_some(until);
            if let Err(error) = self.poller.wait(now, wait_until, ready) {
                log::error!("waiting for descriptors failed: {error}");
            }
        } else if let Err(error) = self.poller.wait(now, Some(now), ready) {
            log::error!("looking at descriptors failed: {error}");
        }
        self.sleeps_until.store(0, Ordering::SeqCst);
    }
}

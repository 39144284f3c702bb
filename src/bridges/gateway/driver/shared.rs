//! The core, which all threads share, and where they leave each other work.

use crate::Time;
use crate::bridges::gateway::core::{Action, Event, Gateway, SessionId};
use crate::driver::poller::Waker;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Which worker a session is at: the highest byte of its number.
const WORKER_SHIFT: u32 = 56;
/// Reports that wait; what is beyond is told by the next client that fails.
const MAX_REPORTS: usize = 64;
/// Threads that carry bytes, at most.
pub(super) const MAX_WORKERS: usize = 32;
/// The watcher, where workers are bits.
const WATCHER: u64 = 1 << 63;

/// The number of a session, from its worker's own key of 56 bits.
pub(super) fn session_of(worker: usize, key: u64) -> SessionId {
    SessionId((worker as u64) << WORKER_SHIFT | key)
}

/// The worker of a session, and its key there.
pub(super) fn place_of(session: SessionId) -> (usize, u64) {
    ((session.0 >> WORKER_SHIFT) as usize, session.0 & ((1 << WORKER_SHIFT) - 1))
}

/// Work that other threads leave to one.
pub(super) struct Mailbox {
    actions: Mutex<Vec<Action>>,
    waker: Waker,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Mailbox {
        Mailbox { actions: Mutex::new(Vec::new()), waker }
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Bounded by what the sessions there can have.
    fn put(&self, action: Action) {
        self.actions.lock().push(action);
    }

    /// Takes all out.
    pub(super) fn take(&self, into: &mut Vec<Action>) {
        into.append(&mut self.actions.lock());
    }
}

/// What all threads of a gateway share.
pub(super) struct Shared {
    core: Mutex<Gateway>,
    pub(super) workers: Vec<Mailbox>,
    pub(super) watcher: Mailbox,
    /// Clients that may be accepted just now: those that workers are accepting at the same time have theirs.
    places: AtomicUsize,
    /// When the core wants to be told the time: in nanoseconds.
    deadline: AtomicU64,
    leaving: AtomicBool,
    stopping: AtomicBool,
    /// Bytes from clients, and to them.
    pub(super) bytes: [AtomicU64; 2],
}

impl Shared {
    pub(super) fn new(core: Gateway, workers: Vec<Mailbox>, watcher: Mailbox) -> Shared {
        Shared {
            places: AtomicUsize::new(core.most_sessions()),
            core: Mutex::new(core),
            workers,
            watcher,
            deadline: AtomicU64::new(u64::MAX),
            leaving: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            bytes: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Has the core handle an event. What the caller has to do is appended to `own`, in the order in which the core has decided,
    /// whoever told it; others find theirs in their mailboxes.
    pub(super) fn handle(&self, now: Time, event: Event<'_>, caller: Caller, own: &mut Vec<Action>) {
        let mut to_wake = 0_u64;
        {
            let mut core = self.core.lock();
            if let Caller::Worker(worker) = caller {
                self.workers[worker].take(own);
            }
            let first = own.len();
            core.handle(now, event, own);
            self.deadline.store(core.next_deadline().map_or(u64::MAX, Time::as_nanos), Ordering::Release);
            let mut kept = first;
            for at in first..own.len() {
                let receiver = receiver(&own[at]);
                if receiver == caller {
                    own.swap(kept, at);
                    kept += 1;
                } else {
                    to_wake |= self.pass_on(receiver, own[at].clone());
                }
            }
            own.truncate(kept);
        }
        if caller == Caller::Watcher {
            to_wake |= 1; // a worker keeps the time
        }
        for worker in self.workers.iter().enumerate().filter(|(number, _)| to_wake & (1 << number) != 0) {
            worker.1.wake();
        }
        if to_wake & WATCHER != 0 {
            self.watcher.wake();
        }
    }

    /// Leaves work to somebody, who is to be woken.
    fn pass_on(&self, receiver: Caller, action: Action) -> u64 {
        match receiver {
            Caller::Worker(worker) => {
                let Some(mailbox) = self.workers.get(worker) else { return 0 };
                mailbox.put(action);
                1 << worker
            }
            Caller::Watcher => {
                if self.watcher.actions.lock().len() < MAX_REPORTS {
                    self.watcher.put(action);
                }
                WATCHER
            }
        }
    }

    /// When the core wants to be told the time: by any worker.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.deadline.load(Ordering::Acquire) {
            u64::MAX => None,
            nanos => Some(Time::from_nanos(nanos)),
        }
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Gateway) -> T) -> T {
        look(&self.core.lock())
    }

    /// Takes the place of a client. False: there is none.
    pub(super) fn take_place(&self) -> bool {
        self.places.fetch_update(Ordering::AcqRel, Ordering::Acquire, |places| places.checked_sub(1)).is_ok()
    }

    /// The client that had it is gone, or has not come.
    pub(super) fn give_place(&self) {
        self.places.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn has_place(&self) -> bool {
        self.places.load(Ordering::Acquire) > 0
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Has nobody accepted any more.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.workers.iter().for_each(Mailbox::wake);
    }

    /// Ends all threads.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.workers.iter().chain([&self.watcher]).for_each(Mailbox::wake);
    }

    /// One line of counters.
    pub(super) fn line(&self) -> String {
        let (counters, (sessions, elements)) = self.look(|core| (core.counters(), core.sizes()));
        let [up, down] = [0, 1].map(|side| self.bytes[side].load(Ordering::Relaxed));
        format!("elements={elements} connected={sessions} {counters} bytes_up={up} bytes_down={down}")
    }
}

/// A thread of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Worker(usize),
    Watcher,
}

fn receiver(action: &Action) -> Caller {
    match action {
        Action::Connect(session, ..)
        | Action::Abandon(session, _)
        | Action::Carry(session, _)
        | Action::Reset(session) => Caller::Worker(place_of(*session).0),
        Action::AskWhoLeaves | Action::Report(_) => Caller::Watcher,
    }
}

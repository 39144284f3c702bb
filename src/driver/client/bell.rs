//! Waiting for another thread in a way that a signal ends.
//!
//! Condition variables go on waiting when a signal handler has run; C programs want their blocking calls back then, as from
//! poll(2). A futex with a time limit comes back for every handler, SA_RESTART or not (signal(7)).

use crate::Time;
use crate::driver::clock;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// No call to the kernel is longer; a thread that waits longer calls again. A futex without a limit would go on after a handler with
/// SA_RESTART.
const LONGEST_CALL: Duration = Duration::from_secs(24 * 3600);

/// Tells waiting threads that something has changed.
#[derive(Debug, Default)]
pub struct Bell {
    rings: AtomicU32,
    listeners: AtomicU32,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The bell rang, or the kernel was generous: look whether what you wait for holds.
    Rung,
    /// Time is over.
    TimedOut,
    /// A signal handler has run.
    Interrupted,
}

impl Bell {
    /// Wakes the threads that listen. The caller holds the lock of what has changed, or has published the change before.
    pub fn ring(&self) {
        if self.listeners.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.rings.fetch_add(1, Ordering::SeqCst);
        let (wake, everybody) = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, libc::c_int::MAX);
        // SAFETY: the address of an integer that lives across the call.
        unsafe { libc::syscall(libc::SYS_futex, self.rings.as_ptr(), wake, everybody) };
    }

    /// Begins to listen. Listen first, then look whether what you wait for holds, then wait.
    pub fn listen(&self) -> Listener<'_> {
        self.listeners.fetch_add(1, Ordering::SeqCst);
        Listener { bell: self, seen: self.rings.load(Ordering::SeqCst) }
    }
}

/// Hears every ring since it was made.
pub struct Listener<'a> {
    bell: &'a Bell,
    seen: u32,
}

impl Listener<'_> {
    /// Waits for a ring that was not heard yet.
    pub fn wait(&mut self, until: Time) -> Wake {
        self.wait_in_calls_of(LONGEST_CALL, until)
    }

    fn wait_in_calls_of(&mut self, longest: Duration, until: Time) -> Wake {
        loop {
            let now = clock::now();
            if now >= until {
                return Wake::TimedOut;
            }
            match self.call(until.saturating_since(now).min(longest)) {
                libc::EINTR => return Wake::Interrupted,
                // The call's time is over, which need not be the caller's.
                libc::ETIMEDOUT => {}
                _ => return Wake::Rung,
            }
        }
    }

    /// Waits in the kernel; returns the errno.
    fn call(&mut self, timeout: Duration) -> libc::c_int {
        let limit = libc::timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos() as _ };
        let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the integer and the time live across the call.
        let result =
            unsafe { libc::syscall(libc::SYS_futex, self.bell.rings.as_ptr(), wait, self.seen, &raw const limit) };
        let errno = if result == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(0) };
        if errno != libc::ETIMEDOUT {
            self.seen = self.bell.rings.load(Ordering::SeqCst);
        }
        errno
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.bell.listeners.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A result that one thread will give another.
pub fn promise<T>() -> (Promise<T>, Promised<T>) {
    let shared = Arc::new(Shared { slot: Mutex::new(Slot::Empty), bell: Bell::default() });
    (Promise(Arc::clone(&shared)), Promised(shared))
}

struct Shared<T> {
    slot: Mutex<Slot<T>>,
    bell: Bell,
}

enum Slot<T> {
    Empty,
    Kept(T),
    Broken,
}

/// The side that gives the result. Dropped without one, it tells the other side not to wait any longer.
pub struct Promise<T>(Arc<Shared<T>>);

impl<T> Promise<T> {
    /// Gives the result.
    pub fn keep(self, value: T) {
        *self.0.slot.lock() = Slot::Kept(value);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let mut slot = self.0.slot.lock();
        if matches!(*slot, Slot::Empty) {
            *slot = Slot::Broken;
        }
        drop(slot);
        self.0.bell.ring();
    }
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// Nobody will give it any more.
    Broken,
    /// Not in time.
    TimedOut,
    /// A signal handler has run.
    Interrupted,
}

/// The side that waits for the result.
pub struct Promised<T>(Arc<Shared<T>>);

impl<T> Promised<T> {
    /// Waits for the result.
    pub fn wait(&self, until: Time) -> Result<T, NoResult> {
        let mut listener = self.0.bell.listen();
        let mut ended = None;
        loop {
            match std::mem::replace(&mut *self.0.slot.lock(), Slot::Empty) {
                Slot::Kept(value) => return Ok(value),
                Slot::Broken => return Err(NoResult::Broken),
                Slot::Empty => {}
            }
            if let Some(ended) = ended {
                return Err(ended);
            }
            // One more look after the end: what came with the signal counts.
            ended = match listener.wait(until) {
                Wake::Rung => None,
                Wake::TimedOut => Some(NoResult::TimedOut),
                Wake::Interrupted => Some(NoResult::Interrupted),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_kept_broken_or_late() {
        let (promise, promised) = super::promise();
        let giver = std::thread::spawn(move || promise.keep(7));
        assert_eq!(promised.wait(Time::MAX), Ok(7));
        giver.join().unwrap();
        let (promise, promised) = super::promise::<u8>();
        assert_eq!(promised.wait(clock::now() + Duration::from_millis(1)), Err(NoResult::TimedOut));
        drop(promise);
        assert_eq!(promised.wait(Time::MAX), Err(NoResult::Broken));
    }

    #[test]
    fn a_wait_without_limit_outlasts_the_longest_call_to_the_kernel() {
        let bell = Bell::default();
        let ms = Duration::from_millis;
        let mut listener = bell.listen();
        assert_eq!(listener.wait_in_calls_of(ms(1), clock::now() + ms(20)), Wake::TimedOut);
        std::thread::scope(|scope| {
            let until = clock::now() + ms(20);
            scope.spawn(|| {
                // Longer than many calls.
                assert_eq!(Bell::default().listen().wait(clock::now() + ms(20)), Wake::TimedOut);
                bell.ring();
            });
            assert_eq!(listener.wait_in_calls_of(ms(1), Time::MAX), Wake::Rung);
            assert!(clock::now() >= until);
        });
    }

    #[test]
    fn no_ring_is_lost_between_looking_and_waiting() {
        let (bell, count) = (Bell::default(), Mutex::new(0u32));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    *count.lock() += 1;
                    bell.ring();
                }
            });
            let mut listener = bell.listen();
            while *count.lock() < 20_000 {
                assert_eq!(listener.wait(clock::now() + Duration::from_secs(60)), Wake::Rung);
            }
        });
    }
}

//! Decides which thread receives for an endpoint. That is the I/O thread, or a thread of the application that waits for a message
//! anyway: then the message reaches its reader without a change of threads.
//!
//! The kernel has to be told which thread waits. That costs a system call each time, and a message that comes in between wakes the
//! I/O thread. So a thread that has got its message keeps its turn for a moment ([`KEPT`]), because most threads come back for the
//! next message. If the thread does not come back, the I/O thread takes the turn. If another thread waits for something on this
//! endpoint, the I/O thread takes the turn at once. The moment does not begin anew while a thread reads what has already arrived,
//! because it receives nothing during that time.

use crate::Time;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How long a thread that does not wait keeps its turn. What arrives in that time for others is received that much later.
pub const KEPT: Duration = Duration::from_millis(10);

/// The I/O thread receives.
const FREE: u8 = 0;
/// A thread of the application receives.
const TAKEN: u8 = 1;
/// Nobody receives: the thread that had the turn still has it.
const HELD: u8 = 2;
/// Nobody receives; the I/O thread is about to.
const ENDING: u8 = 3;
/// A time that does not come.
const NEVER: u64 = Time::MAX.as_nanos();

/// How a thread got its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// From the I/O thread.
    Anew,
    /// It was kept since the last message: most likely the next one is near.
    Again,
}

/// The turn of an endpoint.
#[derive(Debug, Default)]
pub struct Turn {
    state: AtomicU8,
    /// When a turn that is held ends, in nanoseconds. It stays while the thread waits for its next message: the I/O thread looks
    /// once then, and need not be woken for each message to look 10 ms later.
    until: AtomicU64,
    /// Threads that wait for what somebody else receives.
    followers: AtomicUsize,
}

impl Turn {
    /// Takes the turn for a thread that waits; `pause` has the I/O thread wait no longer, if it can. None: somebody else has it.
    pub fn take(&self, pause: impl FnOnce() -> bool) -> Option<Taken> {
        if self.change(HELD, TAKEN) {
            return Some(Taken::Again);
        }
        if !self.change(FREE, TAKEN) {
            return None;
        }
        if !pause() {
            self.state.store(FREE, Ordering::SeqCst);
            return None;
        }
        Some(Taken::Anew)
    }

    /// Ends the turn of the thread that took it; `resume` has the I/O thread wait again.
    pub fn give_back(&self, resume: impl FnOnce()) {
        resume();
        self.state.store(FREE, Ordering::SeqCst);
    }

    /// Keeps the turn of the thread that took it until then, unless somebody waits for what it would receive.
    pub fn keep(&self, until: Time, resume: impl FnOnce()) {
        self.until.store(until.as_nanos(), Ordering::SeqCst);
        self.state.store(HELD, Ordering::SeqCst);
        // Who follows is counted first and then looks at the state, the other way round than here: one sees the other.
        if self.followers.load(Ordering::SeqCst) > 0 {
            self.end(resume);
        }
    }

    /// Ends a turn that is held; there may be none.
    pub fn end(&self, resume: impl FnOnce()) {
        if self.change(HELD, ENDING) {
            self.give_back(resume);
        }
    }

    /// Ends a turn whose time is over.
    pub fn end_if_over(&self, now: Time, resume: impl FnOnce()) {
        let until = self.until.load(Ordering::SeqCst);
        if self.ends_at() > now {
            return;
        }
        if self.state.load(Ordering::SeqCst) == TAKEN {
            // Unless it has been kept anew since: the thread that keeps it next wakes the I/O thread.
            let _ = self.until.compare_exchange(until, NEVER, Ordering::SeqCst, Ordering::SeqCst);
        } else {
            self.end(resume);
        }
    }

    /// When the I/O thread has to look whether a turn is over, and says so with [`Turn::end_if_over`].
    pub fn ends_at(&self) -> Time {
        match self.state.load(Ordering::SeqCst) {
            HELD | TAKEN => Time::from_nanos(self.until.load(Ordering::SeqCst)),
            _ => Time::MAX,
        }
    }

    /// From now on until the result is dropped, no turn is held.
    pub fn follow(&self, resume: impl FnOnce()) -> Follower<'_> {
        self.followers.fetch_add(1, Ordering::SeqCst);
        self.end(resume);
        Follower(self)
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// A thread that waits for what somebody else receives.
#[derive(Debug)]
pub struct Follower<'a>(&'a Turn);

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.0.followers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// What the kernel was told last: the I/O thread waits.
    struct Poller(Cell<bool>, Cell<u32>);

    impl Poller {
        fn new() -> Poller {
            Poller(Cell::new(true), Cell::new(0))
        }

        fn set(&self, waits: bool) {
            assert_ne!(self.0.replace(waits), waits);
            self.1.set(self.1.get() + 1);
        }

        fn take(&self, turn: &Turn) -> Option<Taken> {
            turn.take(|| {
                self.set(false);
                true
            })
        }
    }

    #[test]
    fn a_turn_that_is_kept_is_taken_again_without_telling_the_kernel() {
        let (turn, poller) = (Turn::default(), Poller::new());
        assert_eq!(poller.take(&turn), Some(Taken::Anew));
        assert_eq!(poller.take(&turn), None, "one at a time");
        for number in 1..10 {
            turn.keep(Time::from_millis(number), || poller.set(true));
            assert_eq!(turn.ends_at(), Time::from_millis(number));
            assert_eq!(poller.take(&turn), Some(Taken::Again));
            assert_eq!(turn.ends_at(), Time::from_millis(number), "the I/O thread sleeps on");
        }
        turn.end_if_over(Time::from_millis(10), || panic!("it is in use"));
        assert_eq!(turn.ends_at(), Time::MAX, "the one who waits may take its time");
        assert_eq!(poller.1.get(), 1);
        turn.give_back(|| poller.set(true));
        assert_eq!((poller.0.get(), poller.1.get()), (true, 2));
    }

    #[test]
    fn a_turn_that_nobody_uses_goes_back_to_the_io_thread_when_its_time_is_over() {
        let (turn, poller) = (Turn::default(), Poller::new());
        assert_eq!(poller.take(&turn), Some(Taken::Anew));
        turn.keep(Time::from_millis(10), || poller.set(true));
        turn.end_if_over(Time::from_millis(9), || poller.set(true));
        assert!(!poller.0.get());
        turn.end_if_over(Time::from_millis(10), || poller.set(true));
        assert!(poller.0.get());
        assert_eq!(turn.ends_at(), Time::MAX);
        assert_eq!(poller.take(&turn), Some(Taken::Anew), "and can be taken anew");
    }

    #[test]
    fn nothing_is_kept_from_a_thread_that_waits_for_what_another_one_receives() {
        let (turn, poller) = (Turn::default(), Poller::new());
        assert_eq!(poller.take(&turn), Some(Taken::Anew));
        turn.keep(Time::MAX, || poller.set(true));
        let follower = turn.follow(|| poller.set(true));
        assert!(poller.0.get(), "a turn that is held ends");
        assert_eq!(poller.take(&turn), Some(Taken::Anew));
        turn.keep(Time::MAX, || poller.set(true));
        assert!(poller.0.get(), "and no other one is");
        drop(follower);
        assert_eq!(poller.take(&turn), Some(Taken::Anew));
        turn.keep(Time::MAX, || panic!("nobody waits any more"));
    }

    #[test]
    fn a_turn_that_cannot_be_taken_stays_with_the_io_thread() {
        let turn = Turn::default();
        assert_eq!(turn.take(|| false), None);
        assert_eq!(turn.take(|| true), Some(Taken::Anew));
    }
}

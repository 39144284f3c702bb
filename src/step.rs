//! One step of a protocol core.

use crate::Time;

/// A core handles one event: the time at which it does, and the actions that it wants done, in their order.
///
/// Every function on the way of an event takes this one argument, in place of a clock and an output of its own.
pub(crate) struct Step<'a, A> {
    /// When the event is handled.
    pub(crate) now: Time,
    /// What is to be done; what a caller has put there before stays in front.
    pub(crate) actions: &'a mut Vec<A>,
}

impl<'a, A> Step<'a, A> {
    /// A step at `now` that appends to `actions`.
    pub(crate) fn new(now: Time, actions: &'a mut Vec<A>) -> Step<'a, A> {
        Step { now, actions }
    }

    /// Wants one more action done, after all others.
    pub(crate) fn push(&mut self, action: A) {
        self.actions.push(action);
    }
}

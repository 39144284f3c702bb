//! The loop around a core: events go in, and what the core wants done comes out one action at a time, strictly in order.
//!
//! A driver hands in an event, then does each action that [`CoreLoop::next_action`] gives. Whatever an action makes happen, such as
//! a connect that fails as soon as it is asked for, waits until the next round: so no event comes between two actions of a batch,
//! and a core that tries again at once cannot keep its driver from everything else.

use crate::association::LossReason;
use crate::collections::AssociationMap;
use crate::transport::Punctuality;
use crate::{AssociationId, Time};
use std::collections::VecDeque;

/// Actions of one batch whose memory is kept for the next ones; a burst of more gives it back.
const MAX_KEPT_ACTIONS: usize = 8_192;

/// A core that connects: what the loop has to know of it.
pub(super) trait Core {
    /// What happens to it.
    type Event<'a>;
    /// What it wants done.
    type Action;
    /// Names a connect.
    type Attempt: Copy + PartialEq;

    /// Takes an event and appends what is to be done.
    fn handle(&mut self, now: Time, event: Self::Event<'_>, actions: &mut Vec<Self::Action>);
    /// When to hand in [`Core::timeout`].
    fn next_deadline(&self) -> Option<Time>;
    /// The event: its deadline has come.
    fn timeout() -> Self::Event<'static>;
    /// The event: a connect failed.
    fn connect_failed(attempt: Self::Attempt, reason: LossReason) -> Self::Event<'static>;
    /// The event: an association is gone.
    fn association_lost(association: AssociationId, reason: LossReason) -> Self::Event<'static>;
}

/// Makes a [`Core`] of a type with `handle` and `next_deadline` of its own. The cores call alike what every one of them has to be told.
macro_rules! impl_core {
    ($core:ty: $event:ident, $action:ty, $attempt:ty) => {
        impl crate::driver::core_loop::Core for $core {
            type Event<'a> = $event<'a>;
            type Action = $action;
            type Attempt = $attempt;

            fn handle(&mut self, now: crate::Time, event: $event<'_>, actions: &mut Vec<$action>) {
                <$core>::handle(self, now, event, actions);
            }

            fn next_deadline(&self) -> Option<crate::Time> {
                <$core>::next_deadline(self)
            }

            fn timeout() -> $event<'static> {
                $event::Timeout
            }

            fn connect_failed(attempt: $attempt, reason: crate::association::LossReason) -> $event<'static> {
                $event::ConnectFailed { attempt, reason }
            }

            fn association_lost(
                association: crate::AssociationId,
                reason: crate::association::LossReason,
            ) -> $event<'static> {
                $event::AssociationLost { association, reason }
            }
        }
    };
}
pub(super) use impl_core;

/// A core, what it wants done, and the connects that it waits for.
pub(super) struct CoreLoop<C: Core> {
    core: C,
    /// What is being done, in this order.
    doing: VecDeque<C::Action>,
    /// What is to be done after that.
    wanted: Vec<C::Action>,
    attempts: AssociationMap<C::Attempt>,
    /// What actions made happen; the core hears of it in the next round. No longer than the actions of a round.
    news: Vec<News<C::Attempt>>,
    punctuality: Punctuality,
}

enum News<A> {
    ConnectFailed(A, LossReason),
    Lost(AssociationId, LossReason),
}

impl<C: Core> CoreLoop<C> {
    pub(super) fn new(core: C) -> CoreLoop<C> {
        CoreLoop {
            core,
            doing: VecDeque::new(),
            wanted: Vec::new(),
            attempts: AssociationMap::default(),
            news: Vec::new(),
            punctuality: Punctuality::default(),
        }
    }

    pub(super) fn core(&self) -> &C {
        &self.core
    }

    #[cfg_attr(not(feature = "registrar"), allow(dead_code))] // the client's core is asked only
    pub(super) fn core_mut(&mut self) -> &mut C {
        &mut self.core
    }

    /// Hands in an event; what comes of it is done after everything that waits already.
    pub(super) fn handle(&mut self, now: Time, event: C::Event<'_>) {
        self.core.handle(now, event, &mut self.wanted);
    }

    /// What is to be done next; none: everything is done.
    pub(super) fn next_action(&mut self) -> Option<C::Action> {
        if let Some(action) = self.doing.pop_front() {
            return Some(action);
        }
        let mut done = Vec::from(std::mem::take(&mut self.doing));
        if done.capacity() > MAX_KEPT_ACTIONS {
            done = Vec::new();
        }
        self.doing = std::mem::replace(&mut self.wanted, done).into();
        self.doing.pop_front()
    }

    /// Connects under way.
    #[cfg(test)]
    pub(super) fn connecting(&self) -> usize {
        self.attempts.len()
    }

    /// Nothing is to be done.
    #[cfg_attr(not(feature = "registrar"), allow(dead_code))] // the client asks for the next action anyway
    pub(super) fn has_nothing_to_do(&self) -> bool {
        self.doing.is_empty() && self.wanted.is_empty()
    }

    /// A connect that the core wants was started, or failed at once.
    pub(super) fn connect_started(&mut self, attempt: C::Attempt, result: Result<AssociationId, LossReason>) {
        match result {
            Ok(association) => drop(self.attempts.insert(association, attempt)),
            Err(reason) => self.news.push(News::ConnectFailed(attempt, reason)),
        }
    }

    /// The attempt that an association belongs to, whose connect has ended.
    pub(super) fn connect_ended(&mut self, association: AssociationId) -> Option<C::Attempt> {
        self.attempts.remove(&association)
    }

    /// The transport says that a connect failed. Nothing happens where nobody waits for it any more.
    pub(super) fn connect_failed(&mut self, now: Time, association: AssociationId, reason: LossReason) {
        if let Some(attempt) = self.connect_ended(association) {
            self.handle(now, C::connect_failed(attempt, reason));
        }
    }

    /// The core wants no answer to a connect any more: the association to abort, if it was started.
    pub(super) fn cancel_connect(&mut self, attempt: C::Attempt) -> Option<AssociationId> {
        self.news.retain(|news| !matches!(news, News::ConnectFailed(failed, _) if *failed == attempt));
        let found = self.attempts.iter().find(|(_, of)| **of == attempt).map(|(association, _)| *association)?;
        self.attempts.remove(&found);
        Some(found)
    }

    /// An action made an association go.
    pub(super) fn lost_by_action(&mut self, association: AssociationId, reason: LossReason) {
        self.news.push(News::Lost(association, reason));
    }

    /// The core aborts an association, and hears nothing of it any more.
    pub(super) fn forget(&mut self, association: AssociationId) {
        self.attempts.remove(&association);
        self.news.retain(|news| !matches!(news, News::Lost(lost, _) if *lost == association));
    }

    /// A round begins: the core hears what its actions of the last one made happen.
    pub(super) fn report_news(&mut self, now: Time) {
        for news in std::mem::take(&mut self.news) {
            let event = match news {
                News::ConnectFailed(attempt, reason) => C::connect_failed(attempt, reason),
                News::Lost(association, reason) => C::association_lost(association, reason),
            };
            self.core.handle(now, event, &mut self.wanted);
        }
    }

    /// The core waits for news: the next round comes at once.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Runs the core's timers if they are due, unless a round of receiving has left `more` that they may wait for.
    pub(super) fn run_timers(&mut self, now: Time, more: bool) {
        if self.punctuality.lets_timers_run(now, self.core.next_deadline(), more) {
            self.handle(now, C::timeout());
        }
    }

    /// When the core's timers want to run.
    pub(super) fn next_timer(&self) -> Option<Time> {
        self.punctuality.next_deadline(self.core.next_deadline())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wants a number done; each number stands for itself, and `100 + n` for the failure of attempt `n`.
    #[derive(Default)]
    struct Script {
        heard: Vec<u32>,
    }

    impl Core for Script {
        type Event<'a> = u32;
        type Action = u32;
        type Attempt = u32;

        fn handle(&mut self, _: Time, event: u32, actions: &mut Vec<u32>) {
            self.heard.push(event);
            actions.extend([event * 10, event * 10 + 1]);
        }

        fn next_deadline(&self) -> Option<Time> {
            None
        }

        fn timeout() -> u32 {
            0
        }

        fn connect_failed(attempt: u32, _: LossReason) -> u32 {
            100 + attempt
        }

        fn association_lost(association: AssociationId, _: LossReason) -> u32 {
            200 + association.as_u64() as u32
        }
    }

    fn drain(core: &mut CoreLoop<Script>) -> Vec<u32> {
        std::iter::from_fn(|| core.next_action()).collect()
    }

    #[test]
    fn what_an_event_brings_in_the_middle_of_a_batch_is_done_after_it() {
        let mut core = CoreLoop::new(Script::default());
        core.handle(Time::ZERO, 1);
        assert_eq!(core.next_action(), Some(10));
        core.handle(Time::ZERO, 2);
        assert_eq!(drain(&mut core), [11, 20, 21]);
        assert!(core.has_nothing_to_do());
    }

    #[test]
    fn the_core_hears_of_failures_in_the_next_round_and_in_their_order() {
        let mut core = CoreLoop::new(Script::default());
        core.handle(Time::ZERO, 1);
        core.connect_started(7, Err(LossReason::Unreachable));
        core.lost_by_action(AssociationId::new(0, 3), LossReason::Unreachable);
        assert_eq!(drain(&mut core), [10, 11]);
        assert!(core.has_news());
        assert_eq!(core.core().heard, [1], "nothing before the batch is done");
        core.report_news(Time::ZERO);
        assert_eq!(core.core().heard, [1, 107, 203]);
        assert!(!core.has_news());
    }

    #[test]
    fn nobody_hears_of_what_was_given_up_before() {
        let mut core = CoreLoop::new(Script::default());
        let (up, lost) = (AssociationId::new(0, 3), AssociationId::new(0, 4));
        core.connect_started(7, Err(LossReason::Unreachable));
        core.connect_started(8, Ok(up));
        core.lost_by_action(lost, LossReason::Unreachable);
        assert_eq!(core.cancel_connect(7), None);
        assert_eq!(core.cancel_connect(8), Some(up));
        core.forget(lost);
        core.connect_failed(Time::ZERO, up, LossReason::Unreachable);
        assert!(!core.has_news());
        assert!(core.core().heard.is_empty());
    }

    #[test]
    fn the_memory_of_a_burst_is_given_back() {
        let mut core = CoreLoop::new(Script::default());
        for number in 0..MAX_KEPT_ACTIONS as u32 {
            core.handle(Time::ZERO, number);
        }
        drain(&mut core);
        assert!(core.doing.capacity() + core.wanted.capacity() <= MAX_KEPT_ACTIONS);
    }
}

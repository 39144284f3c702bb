//! The handle table for whoever is no peer, as `rserpool list`: page by page after everything else, with pauses, and only so many pages
//! for each source (`sources.rs`). Whoever waits for a page does not keep elements, users or registrars waiting.

use super::download::Extent;
use super::handle_table::Answer;
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::message::enrp::HandleTableRequest;
use crate::registrar::Step;
use crate::registrar::sources::Costly;
use crate::security::access::Act;
use crate::{AssociationId, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// Between two pages: what a page takes is a part of it.
const PAUSE: Duration = Duration::from_micros(600);
/// The same while more than so many wait, so that it is a small part then.
const PAUSE_IN_A_CROWD: Duration = Duration::from_micros(2500);
const CROWD: usize = 2;
/// Before a look whether anybody has a page left in his budget.
const BUDGET_PAUSE: Duration = Duration::from_millis(50);

/// Who waits for a page.
#[derive(Debug, Default)]
pub(super) struct Observers {
    waiting: VecDeque<(AssociationId, HandleTableRequest)>,
    /// When the next page may be sent.
    next: Time,
}

impl Observers {
    /// Lets a request wait, where there is room: one for each download.
    fn wait(&mut self, association: AssociationId, request: &HandleTableRequest, most: usize) -> bool {
        let extent = Extent::of(request);
        let again = self.waiting.iter().any(|(known, of)| *known == association && Extent::of(of) == extent);
        let is_room = !again && self.waiting.len() < most;
        if is_room {
            self.waiting.push_back((association, request.clone()));
        }
        is_room
    }

    /// An association is gone.
    pub fn forget(&mut self, association: AssociationId) {
        self.waiting.retain(|(known, _)| *known != association);
    }

    /// How long to wait after a page.
    fn pause(&self) -> Duration {
        if self.waiting.len() < CROWD { PAUSE } else { PAUSE_IN_A_CROWD }
    }

    /// The first that may have a page.
    fn take(&mut self, may: impl FnMut(AssociationId) -> bool) -> Option<(AssociationId, HandleTableRequest)> {
        let index = self.waiting.iter().map(|(association, _)| *association).position(may)?;
        self.waiting.remove(index)
    }
}

impl Registrar {
    /// Somebody who is no peer asks for a page.
    pub(super) fn on_observers_request(
        &mut self,
        association: AssociationId,
        message: &HandleTableRequest,
        step: &mut Step<'_>,
    ) {
        if !self.may(association, Act::List, None, step) {
            return self.answer_table_request(association, message, Answer::Refusal, step);
        }
        let most = self.config.max_handle_table_sessions;
        if self.enrp.phase == Phase::Starting || !self.enrp.observers.wait(association, message, most) {
            return self.answer_table_request(association, message, Answer::Refusal, step);
        }
        self.enrp.timers.stop(Timer::Download(association, Extent::of(message)));
        let at = self.enrp.observers.next.max(step.now);
        self.enrp.timers.set(Timer::Observers, at);
    }

    pub(super) fn on_observers_due(&mut self, step: &mut Step<'_>) {
        let (associations, sources) = (&self.associations, &mut self.sources);
        let may = |association| {
            let place = associations.get(association).map(|there| there.address());
            place.is_some_and(|place| sources.allow(step.now, place, Costly::Page))
        };
        let taken = self.enrp.observers.take(may);
        let pause = if taken.is_some() { self.enrp.observers.pause() } else { BUDGET_PAUSE };
        self.enrp.observers.next = step.now + pause;
        if let Some((association, message)) = taken {
            self.answer_table_request(association, &message, Answer::PageIfRoom, step);
        }
        let next = (!self.enrp.observers.waiting.is_empty()).then_some(self.enrp.observers.next);
        self.enrp.timers.set(Timer::Observers, next);
    }
}

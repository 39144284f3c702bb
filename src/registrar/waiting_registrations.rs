//! New registrations that wait while there is more to do than this registrar can: resolutions and renewals of registrations, each of
//! which costs less, go before them. A pool that is known somewhat later harms nobody; users who get no answer, and elements whose
//! registrations end, look for another registrar and make it worse for all.

use crate::message::asap::Registration;
use crate::token_bucket::TokenBucket;
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// Registrations that are done at once, and in a millisecond: some hundred microseconds of work.
const AT_ONCE: u32 = 64;
/// The time in which as many more may be done.
const PAUSE: Duration = Duration::from_millis(1);
/// The most that are done without a look at what else has come: some milliseconds of work.
const MOST_AT_ONCE: usize = 1024;
/// Registrations that wait. With more of them the oldest is done for each that comes: none is lost, and memory stays bounded.
pub(super) const MAX_WAITING: usize = 8192;

/// Whether a registration is done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    Later,
}

/// Those that wait, in the order in which they came.
#[derive(Debug)]
pub(super) struct WaitingRegistrations {
    queue: VecDeque<(AssociationId, Registration)>,
    /// When the next ones are done.
    next: Time,
    budget: TokenBucket,
}

impl WaitingRegistrations {
    pub fn new(now: Time) -> WaitingRegistrations {
        let interval = PAUSE / AT_ONCE;
        WaitingRegistrations { queue: VecDeque::new(), next: now, budget: TokenBucket::new(AT_ONCE, interval, now) }
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// When it is a new registration's turn that comes now. None overtakes another one.
    pub fn turn(&mut self, now: Time) -> Turn {
        if self.queue.is_empty() && self.budget.take(now) { Turn::Now } else { Turn::Later }
    }

    /// One has to wait. The one that is to be done in its place, if too many do.
    pub fn push(
        &mut self,
        now: Time,
        association: AssociationId,
        registration: Registration,
    ) -> Option<(AssociationId, Registration)> {
        if self.queue.is_empty() {
            self.next = now + PAUSE;
        }
        self.queue.push_back((association, registration));
        if self.queue.len() > MAX_WAITING { self.queue.pop_front() } else { None }
    }

    /// When to do the next ones; none: nobody waits.
    pub fn next(&self) -> Option<Time> {
        (!self.queue.is_empty()).then_some(self.next)
    }

    /// How many to do now. Where this comes late, as more was to be read, they are as many as would have been done meanwhile.
    pub fn due(&mut self, now: Time) -> usize {
        if self.queue.is_empty() || self.next > now {
            return 0;
        }
        let pauses = 1 + now.saturating_since(self.next).as_millis() / PAUSE.as_millis();
        self.next = now + PAUSE;
        usize::try_from(pauses).unwrap_or(usize::MAX).saturating_mul(AT_ONCE as usize).min(MOST_AT_ONCE)
    }

    pub fn pop(&mut self) -> Option<(AssociationId, Registration)> {
        self.queue.pop_front()
    }

    /// Takes out what an element of this association waits for: it has more to say.
    pub fn take(&mut self, by: AssociationId, handle: &PoolHandle, id: PoolElementId) -> Option<Registration> {
        let is_it = |(association, waiting): &(AssociationId, Registration)| {
            *association == by && waiting.pool_element.id == id && waiting.pool_handle == *handle
        };
        let at = self.queue.iter().position(is_it)?;
        self.queue.remove(at).map(|(_, registration)| registration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};

    fn registration(id: u32) -> Registration {
        let pool_element = PoolElement {
            id: PoolElementId(id),
            home_registrar: crate::RegistrarId(0),
            registration_life: RegistrationLife::INFINITE,
            user_transport: TransportParameter::Sctp {
                port: 1,
                transport_use: TransportUse::DataOnly,
                addresses: Default::default(),
            },
            policy: Policy::RoundRobin,
            asap_transport: None,
        };
        Registration { pool_handle: PoolHandle::from("pool"), pool_element, life_in_seconds: None }
    }

    const PE: AssociationId = AssociationId::new(0, 1);
    const NOW: Time = Time::from_secs(1);

    #[test]
    fn a_few_are_done_at_once_and_the_others_in_their_order() {
        let mut waiting = WaitingRegistrations::new(NOW);
        let at_once = (0..100).filter(|_| waiting.turn(NOW) == Turn::Now).count();
        assert_eq!(at_once, AT_ONCE as usize);
        for id in 1..=200 {
            assert_eq!(waiting.push(NOW, PE, registration(id)), None);
        }
        assert_eq!((waiting.due(NOW), waiting.next()), (0, Some(NOW + PAUSE)));
        assert_eq!(waiting.due(NOW + PAUSE), AT_ONCE as usize);
        assert_eq!(waiting.pop().map(|(_, first)| first.pool_element.id), Some(PoolElementId(1)));
        assert_eq!(waiting.turn(NOW + PAUSE), Turn::Later, "none overtakes another one");
        assert_eq!(waiting.due(NOW + PAUSE * 12), 11 * AT_ONCE as usize, "as many as would have been done meanwhile");
        assert_eq!(waiting.due(NOW + Duration::from_secs(1)), MOST_AT_ONCE);
    }

    #[test]
    fn none_is_lost_where_there_are_too_many() {
        let mut waiting = WaitingRegistrations::new(NOW);
        for id in 1..=MAX_WAITING as u32 {
            assert_eq!(waiting.push(NOW, PE, registration(id)), None);
        }
        let first = waiting.push(NOW, PE, registration(0));
        assert_eq!((first, waiting.len()), (Some((PE, registration(1))), MAX_WAITING));
        assert_eq!(waiting.take(PE, &PoolHandle::from("pool"), PoolElementId(3)), Some(registration(3)));
        assert_eq!(waiting.take(PE, &PoolHandle::from("pool"), PoolElementId(3)), None);
    }
}

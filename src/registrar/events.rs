//! What has happened lately, for whoever asks why something is as it is: the last so many events, each with what it was about, its cause,
//! and what came of it.
//!
//! The log says the same, but leaves lines out when there are many. Here only what others can make happen without end (refusals) is
//! left out, so that they do not push the rest out.

use super::RegistrarConfig;
use crate::token_bucket::TokenBucket;
use crate::{PoolElementId, PoolHandle, RegistrarId, Time};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

/// Refusals that are kept at once; then one more each interval.
const REFUSALS_AT_ONCE: u32 = 100;
const REFUSAL_INTERVAL: Duration = Duration::from_millis(100);

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// This registrar answers pool users from now on.
    Ready,
    /// It leaves its scope.
    Leaving,
    /// It was given other settings.
    Reconfigured,
    /// An element is there.
    Registered,
    /// It was there, and says something else of itself.
    Changed,
    /// It is not there any more.
    Removed,
    /// It was not taken.
    Refused,
    /// Another registrar is its home now.
    HomeChanged,
    /// A registrar is a peer.
    PeerFound,
    /// It is none any more.
    PeerLost,
    /// This registrar wants to take it over.
    TakeoverWanted,
    /// It does not want to any more.
    TakeoverGivenUp,
    /// A registrar is taken over.
    TakenOver,
    /// An association was not taken.
    AssociationRefused,
}

impl EventKind {
    /// In a word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Ready => "ready",
            EventKind::Leaving => "leaving",
            EventKind::Reconfigured => "reconfigured",
            EventKind::Registered => "registered",
            EventKind::Changed => "changed",
            EventKind::Removed => "removed",
            EventKind::Refused => "refused",
            EventKind::HomeChanged => "home_changed",
            EventKind::PeerFound => "peer_found",
            EventKind::PeerLost => "peer_lost",
            EventKind::TakeoverWanted => "takeover_wanted",
            EventKind::TakeoverGivenUp => "takeover_given_up",
            EventKind::TakenOver => "taken_over",
            EventKind::AssociationRefused => "association_refused",
        }
    }

    /// Whether others can make it happen as often as they like, and nothing else changes.
    fn is_refusal(self) -> bool {
        matches!(self, EventKind::Refused | EventKind::AssociationRefused)
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrarEvent {
    /// They are numbered from one on, without a gap.
    pub number: u64,
    /// When.
    pub at: Time,
    /// What came of it.
    pub kind: EventKind,
    /// The pool, where it is about an element.
    pub pool: Option<PoolHandle>,
    /// The element.
    pub element: Option<PoolElementId>,
    /// The other registrar, or the home of the element.
    pub registrar: Option<RegistrarId>,
    /// Why; empty where the kind says everything.
    pub cause: Cow<'static, str>,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    element: Option<(&'a PoolHandle, PoolElementId)>,
    registrar: Option<RegistrarId>,
}

impl<'a> About<'a> {
    /// This registrar itself, or somebody at an association.
    pub const NOTHING: About<'static> = About { element: None, registrar: None };

    pub fn registrar(id: RegistrarId) -> About<'a> {
        About { element: None, registrar: Some(id) }
    }

    pub fn element(pool: &'a PoolHandle, id: PoolElementId, home: RegistrarId) -> About<'a> {
        About { element: Some((pool, id)), registrar: Some(home) }
    }
}

/// The last ones.
#[derive(Debug)]
pub(super) struct Events {
    kept: VecDeque<RegistrarEvent>,
    most: usize,
    last: u64,
    refusals: TokenBucket,
}

impl Events {
    pub fn new(config: &RegistrarConfig, now: Time) -> Events {
        let refusals = TokenBucket::new(REFUSALS_AT_ONCE, REFUSAL_INTERVAL, now);
        Events { kept: VecDeque::new(), most: config.max_events, last: 0, refusals }
    }

    /// Goes by other settings from now on.
    pub fn adopt(&mut self, config: &RegistrarConfig) {
        self.most = config.max_events;
        self.kept.drain(..self.kept.len().saturating_sub(self.most));
        self.kept.shrink_to(self.most);
    }

    /// Something has happened.
    pub fn note(&mut self, now: Time, kind: EventKind, about: About<'_>, cause: impl FnOnce() -> Cow<'static, str>) {
        if self.most == 0 || (kind.is_refusal() && !self.refusals.take(now)) {
            return;
        }
        if self.kept.len() >= self.most {
            self.kept.pop_front();
        }
        self.last += 1;
        self.kept.push_back(RegistrarEvent {
            number: self.last,
            at: now,
            kind,
            pool: about.element.map(|(pool, _)| pool.clone()),
            element: about.element.map(|(_, id)| id),
            registrar: about.registrar,
            cause: cause(),
        });
    }

    /// Those behind the one of this number.
    pub fn after(&self, number: u64) -> impl DoubleEndedIterator<Item = &RegistrarEvent> {
        let first = self.last - self.kept.len() as u64;
        self.kept.iter().skip(usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX))
    }

    /// The number of the last one; zero: there was none.
    pub fn last(&self) -> u64 {
        self.last
    }

    pub fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(max_events: usize) -> Events {
        Events::new(&RegistrarConfig { max_events, ..RegistrarConfig::default() }, Time::ZERO)
    }

    fn numbers(events: &Events, after: u64) -> Vec<u64> {
        events.after(after).map(|event| event.number).collect()
    }

    #[test]
    fn the_last_ones_are_kept_and_found_by_their_numbers() {
        let mut events = events(3);
        for second in 1..=5 {
            let id = RegistrarId(second);
            events.note(Time::from_secs(second.into()), EventKind::PeerFound, About::registrar(id), || "".into());
        }
        assert_eq!(numbers(&events, 0), [3, 4, 5]);
        assert_eq!([numbers(&events, 4), numbers(&events, 5), numbers(&events, u64::MAX)], [vec![5], vec![], vec![]]);
        assert_eq!(events.after(4).next().map(|event| event.registrar), Some(Some(RegistrarId(5))));
        events.adopt(&RegistrarConfig { max_events: 1, ..RegistrarConfig::default() });
        assert_eq!(numbers(&events, 0), [5]);
    }

    #[test]
    fn refusals_without_end_do_not_push_out_what_has_happened() {
        let mut events = events(1000);
        events.note(Time::ZERO, EventKind::Ready, About::NOTHING, || "".into());
        for _ in 0..100_000 {
            events.note(Time::ZERO, EventKind::Refused, About::NOTHING, || "".into());
        }
        assert_eq!(events.len(), 1 + REFUSALS_AT_ONCE as usize);
        assert_eq!(events.after(0).next().map(|event| event.kind), Some(EventKind::Ready));
    }

    #[test]
    fn where_none_are_wanted_no_cause_is_put_into_words() {
        events(0).note(Time::ZERO, EventKind::Ready, About::NOTHING, || panic!("nobody wants to know"));
    }
}

//! The connects of a hunt that are under way.

use super::interface::ConnectAttempt;
use super::registrars::CandidateId;
use crate::Time;
use crate::collections::SortedMap;
use std::time::Duration;

/// A connect under way.
pub(super) struct Attempt {
    candidate: CandidateId,
    /// Targets of the candidate that are left to try in this round.
    targets_left: usize,
    /// T5 may be shorter than a connect takes.
    began: Time,
    turn: Turn,
}

/// Whether the candidate waits for this connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It does.
    Own,
    /// The connect is slow, and the candidate's next target is tried beside it.
    PassedOn,
}

impl Attempt {
    pub(super) fn candidate(&self) -> CandidateId {
        self.candidate
    }

    /// Targets of the candidate that are left to try in this round.
    pub(super) fn targets_left(&self) -> usize {
        self.targets_left
    }

    /// Its end says something about the candidate. One that has passed its turn on has left that to the one after it.
    pub(super) fn counts(&self) -> bool {
        self.turn == Turn::Own
    }
}

/// All connects of a hunt under way, the oldest first.
#[derive(Default)]
pub(super) struct Attempts(SortedMap<ConnectAttempt, Attempt>);

impl Attempts {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = ConnectAttempt> {
        self.0.keys().copied()
    }

    /// One more begins.
    pub(super) fn begin(&mut self, name: ConnectAttempt, candidate: CandidateId, targets_left: usize, now: Time) {
        self.0.insert(name, Attempt { candidate, targets_left, began: now, turn: Turn::Own });
    }

    /// One has ended.
    pub(super) fn take(&mut self, name: ConnectAttempt) -> Option<Attempt> {
        self.0.remove(&name)
    }

    /// A candidate is being tried.
    pub(super) fn includes(&self, candidate: CandidateId) -> bool {
        self.0.values().any(|attempt| attempt.candidate == candidate)
    }

    /// Candidates that have other ways than the one that is being tried.
    pub(super) fn with_other_ways(&self) -> impl Iterator<Item = CandidateId> {
        self.0.values().filter(|attempt| attempt.targets_left > 0).map(|attempt| attempt.candidate)
    }

    /// A candidate that has other ways is tried over the next one, too; returns how many it has.
    pub(super) fn pass_on(&mut self, candidate: CandidateId) -> Option<usize> {
        let is_slow = |attempt: &&mut Attempt| attempt.candidate == candidate && attempt.targets_left > 0;
        let slow = self.0.values_mut().find(is_slow)?;
        slow.turn = Turn::PassedOn;
        Some(std::mem::take(&mut slow.targets_left))
    }

    /// Takes out those that have had their `timeout`, and the oldest of the others, such that `most` are left.
    pub(super) fn take_old(&mut self, now: Time, timeout: Duration, most: usize) -> Vec<(ConnectAttempt, Attempt)> {
        let is_young = |attempt: &Attempt| now.saturating_since(attempt.began) < timeout;
        let mut too_many = self.0.values().filter(|attempt| is_young(attempt)).count().saturating_sub(most);
        let (mut old, mut left) = (Vec::new(), SortedMap::new());
        for (name, attempt) in std::mem::take(&mut self.0) {
            let young = is_young(&attempt);
            if young && too_many == 0 {
                left.insert(name, attempt);
            } else {
                // The oldest come first: they have had most of their time.
                too_many -= usize::from(young);
                old.push((name, attempt));
            }
        }
        self.0 = left;
        old
    }
}

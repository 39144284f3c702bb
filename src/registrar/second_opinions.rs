//! Whom this registrar has asked to try an element that does not answer it: a registrar to which another path leads from the element.
//!
//! By the T bit of a HANDLE_UPDATE it suggests to a peer to become the element's home. If that reaches the element, it stays in all
//! tables with another home, which costs it and its users less than a removal. If not, nothing has changed.

use crate::token_bucket::TokenBucket;
use crate::{AssociationId, RegistrarId, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// Elements for which a peer is asked: so many at once, then so many a second. More that are silent together are a matter of this
/// registrar's own network, or really gone.
pub(super) const MAX_ASKED_PER_SECOND: u32 = 32;
/// An element that leaves in order so long after a peer was asked has gone to that peer: where packets get lost, a connect and an
/// answer take some time.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// A peer was asked to try the element of a process.
#[derive(Clone, Copy, Debug)]
struct Asked {
    until: Time,
    association: AssociationId,
    peer: RegistrarId,
}

/// Those who were asked lately.
#[derive(Debug)]
pub(super) struct SecondOpinions {
    budget: TokenBucket,
    /// The oldest first. No more than the budget allows in [`ON_ITS_WAY`].
    asked: VecDeque<Asked>,
}

impl SecondOpinions {
    pub fn new(now: Time) -> SecondOpinions {
        SecondOpinions { budget: TokenBucket::per_second(MAX_ASKED_PER_SECOND, now), asked: VecDeque::new() }
    }

    /// Whether one more peer may be asked now.
    pub fn may_ask(&mut self, now: Time) -> bool {
        self.budget.take(now)
    }

    /// A peer is asked to try an element of this process.
    pub fn asked(&mut self, now: Time, association: AssociationId, peer: RegistrarId) {
        while self.asked.front().is_some_and(|asked| asked.until <= now) {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked { until: now + ON_ITS_WAY, association, peer });
    }

    /// Who was asked last about this process, if that is not long ago.
    pub fn of(&self, now: Time, association: AssociationId) -> Option<RegistrarId> {
        let recent = self.asked.iter().rev().take_while(|asked| asked.until > now);
        recent.filter(|asked| asked.association == association).map(|asked| asked.peer).next()
    }
}

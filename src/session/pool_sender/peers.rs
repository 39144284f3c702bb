//! What a sender knows of one pool: the registrar's last answer, and its sessions with the elements.

use super::Attempt;
use super::delivery::DeliveryFailure;
use crate::asap::CachedPool;
use crate::collections::SortedMap;
use crate::random::Random;
use crate::session::{MAX_FAILED_ELEMENTS, MAX_MARKED_MESSAGES};
use crate::wire::PoolElement;
use crate::{AssociationId, PoolElementId, SessionId, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// An answer that nobody has used yet serves once for this long, whatever is asked for: a call that does not wait comes back
/// for what it has started.
const UNUSED_ANSWER_LIFE: Duration = Duration::from_secs(1);
/// An element that failed is not tried again for this long when it is named, for the same reason.
const FAILURE_LIFE: Duration = Duration::from_secs(1);
/// An element that failed is not chosen for this long while there are others.
const FAILURE_MEMORY: Duration = Duration::from_secs(30);

/// A pool that messages are sent to.
#[derive(Default)]
pub(super) struct Pool {
    answer: Option<Answer>,
    pub(super) resolving: Option<Attempt>,
    pub(super) peers: SortedMap<PoolElementId, Peer>,
    /// The element that the last message went to.
    pub(super) last: Option<PoolElementId>,
    /// Chosen for a message whose sender did not wait, and will come again.
    pub(super) put_off: Option<PoolElementId>,
    /// When it was used, in the sender's own count.
    pub(super) last_use: u64,
}

/// What the registrar said.
struct Answer {
    pool: Result<CachedPool, DeliveryFailure>,
    at: Time,
    used: bool,
    /// An element of it has failed since: the registrar is to be asked again.
    doubtful: bool,
}

/// How an element and the sender stand.
pub(super) enum Peer {
    /// A connect is under way.
    Connecting(Progress),
    /// There is a session.
    Up(Session),
    /// It failed then.
    Failed(Time, DeliveryFailure),
}

/// How far a connect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nobody else is tried until then.
    HeadStart(Time),
    /// It has had its head start.
    Late,
}

/// A session with an element.
pub(super) struct Session {
    pub(super) session: SessionId,
    pub(super) association: AssociationId,
    /// When it was used, in the sender's own count.
    pub(super) used: u64,
    /// Digests of messages that are to be sent to another element when this one never acknowledges them; the oldest first.
    pub(super) marked: VecDeque<u64>,
}

impl Session {
    pub(super) fn mark(&mut self, digest: u64) {
        if self.marked.len() >= MAX_MARKED_MESSAGES {
            self.marked.pop_front();
        }
        self.marked.push_back(digest);
    }

    /// Whether this message was marked; each mark counts once.
    pub(super) fn take_mark(&mut self, digest: u64) -> bool {
        let found = self.marked.iter().position(|marked| *marked == digest);
        found.and_then(|at| self.marked.remove(at)).is_some()
    }
}

impl Pool {
    /// The registrar's answer came.
    pub(super) fn answered(&mut self, now: Time, pool: Result<CachedPool, DeliveryFailure>) {
        self.resolving = None;
        match (&mut self.answer, pool) {
            // Without a registrar, what was known before is better than nothing.
            (Some(answer), Err(DeliveryFailure::NoRegistrar | DeliveryFailure::Limit(_))) if answer.pool.is_ok() => {
                (answer.at, answer.used, answer.doubtful) = (now, false, true);
            }
            (answer, pool) => *answer = Some(Answer { pool, at: now, used: false, doubtful: false }),
        }
    }

    /// What the registrar's last answer says, if it will do for a message that has been under way since `started`.
    pub(super) fn fresh(&self, now: Time, started: Time, stale_cache: Duration) -> Option<Result<(), DeliveryFailure>> {
        let answer = self.answer.as_ref()?;
        let age = now.saturating_since(answer.at);
        // That there is no such pool is never kept: it may come any time.
        let cached = answer.pool.is_ok() && !answer.doubtful && age < stale_cache;
        if !cached && answer.at < started && (answer.used || age >= UNUSED_ANSWER_LIFE) {
            return None;
        }
        Some(answer.pool.as_ref().map(|_| ()).map_err(Clone::clone))
    }

    /// A message went to this element.
    pub(super) fn used(&mut self, element: PoolElementId) {
        self.last = Some(element);
        self.put_off = self.put_off.filter(|chosen| *chosen != element);
        if let Some(answer) = &mut self.answer {
            answer.used = true;
        }
    }

    /// The elements of the registrar's last answer.
    pub(super) fn cached(&self) -> Option<&CachedPool> {
        self.answer.as_ref().and_then(|answer| answer.pool.as_ref().ok())
    }

    /// Some of them, best first; the next time others, as the policy wants it.
    pub(super) fn select(&mut self, items: Option<u32>, random: &mut Random) -> Option<Vec<PoolElement>> {
        let answer = self.answer.as_mut()?;
        answer.pool.as_mut().ok().map(|cached| cached.select(items, random).1)
    }

    /// The element's failure, if it is so young that a message under way since `started` need not try again.
    pub(super) fn recent_failure(&self, now: Time, started: Time, element: PoolElementId) -> Option<DeliveryFailure> {
        match self.peers.get(&element) {
            Some(Peer::Failed(at, failure)) if *at >= started || now.saturating_since(*at) < FAILURE_LIFE => {
                Some(failure.clone())
            }
            _ => None,
        }
    }

    /// Whether the element failed lately, so that others are better.
    pub(super) fn is_doubtful(&self, now: Time, element: PoolElementId) -> bool {
        matches!(self.peers.get(&element), Some(Peer::Failed(at, _)) if now.saturating_since(*at) < FAILURE_MEMORY)
    }

    /// The element failed: the registrar may know better by now.
    pub(super) fn element_failed(&mut self, now: Time, element: PoolElementId, failure: DeliveryFailure) {
        if let Some(answer) = &mut self.answer {
            answer.doubtful = true;
        }
        self.peers.insert(element, Peer::Failed(now, failure));
        let failed = |peer: &Peer| matches!(peer, Peer::Failed(..));
        while self.peers.values().filter(|peer| failed(peer)).count() > MAX_FAILED_ELEMENTS {
            let oldest = self.peers.iter().filter_map(|(id, peer)| match peer {
                Peer::Failed(at, _) => Some((*at, *id)),
                _ => None,
            });
            let Some((_, id)) = oldest.min() else { return };
            self.peers.remove(&id);
        }
    }

    /// When the head start of the connect to this element is over, if it is to come.
    pub(super) fn head_start(&self, element: PoolElementId) -> Option<Time> {
        match self.peers.get(&element)? {
            Peer::Connecting(Progress::HeadStart(until)) => Some(*until),
            _ => None,
        }
    }

    pub(super) fn end_head_starts(&mut self, now: Time) {
        for peer in self.peers.values_mut() {
            if matches!(peer, Peer::Connecting(Progress::HeadStart(until)) if *until <= now) {
                *peer = Peer::Connecting(Progress::Late);
            }
        }
    }

    /// Sessions there are or will be.
    pub(super) fn session_count(&self) -> usize {
        self.peers.values().filter(|peer| !matches!(peer, Peer::Failed(..))).count()
    }

    /// All sessions.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.peers.values().filter_map(|peer| if let Peer::Up(up) = peer { Some(up) } else { None })
    }
}

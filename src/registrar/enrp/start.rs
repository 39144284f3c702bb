//! How far the start of a registrar has come: whom it waits for, who was of no use, and what was removed meanwhile.

use super::download::{Page, Pages};
use crate::handlespace::{SeededMap, SeededState};
use crate::registrar::RegistrarConfig;
use crate::{PoolElementId, PoolHandle, RegistrarId, Time};
use log::Level;
use std::collections::BTreeSet;
use std::fmt;

/// Times that all mentors may reject or break off before the start ends without them.
const MAX_ROUNDS: u32 = 8;
/// Removals remembered during the download.
const MAX_TOMBSTONES: usize = 65_536;

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitsFor {
    /// Some registrar.
    Mentor,
    /// LIST_RESPONSE of this mentor.
    List(RegistrarId),
    /// HANDLE_TABLE_RESPONSE of this mentor.
    Table(RegistrarId),
    /// The end of a pause.
    Pause,
}

/// Why a registrar is of no use as mentor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Useless {
    Gone,
    Silent,
    Starting,
    Rejects,
}

impl Useless {
    /// Registrars that start together, or while another one stops, are nothing to warn of.
    pub fn level(self) -> Level {
        if self == Useless::Silent { Level::Warn } else { Level::Info }
    }
}

impl fmt::Display for Useless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Useless::Gone => "its association is gone",
            Useless::Silent => "it does not answer",
            Useless::Starting => "it is starting itself",
            Useless::Rejects => "it rejects the download",
        })
    }
}

/// Whether registrars may still show up that nobody has met yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contacts {
    /// Some address has not answered yet.
    Pending,
    AllTried,
}

/// What the start does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It asks this mentor for the list of registrars.
    Ask(RegistrarId),
    /// It waits until then for somebody to show up.
    Wait(Time),
    /// It pauses, and asks all of them again.
    Pause,
    /// It is over, for this reason.
    End(&'static str),
}

/// How far the start has come.
#[derive(Debug)]
pub(super) struct Start {
    waits_for: WaitsFor,
    /// When to stop looking for a first mentor.
    discovery_ends: Time,
    /// Mentors that rejected the list, which means that they are starting, too.
    starting: BTreeSet<RegistrarId>,
    /// Mentors that are of no use in this round.
    useless: BTreeSet<RegistrarId>,
    rounds: u32,
    /// The stamp at the begin of the download.
    since: u64,
    pages: Pages,
    /// Elements that were removed, and by whom, while the table of somebody who may not know that yet is being downloaded.
    tombstones: SeededMap<(PoolHandle, PoolElementId), RegistrarId>,
}

impl Start {
    pub fn new(config: &RegistrarConfig, hash_seed: u64, now: Time) -> Start {
        Start {
            waits_for: WaitsFor::Mentor,
            discovery_ends: now + config.mentor_discovery_timeout,
            starting: BTreeSet::new(),
            useless: BTreeSet::new(),
            rounds: 0,
            since: 0,
            pages: Pages::default(),
            tombstones: SeededMap::with_hasher(SeededState::new(hash_seed)),
        }
    }

    pub fn waits_for(&self) -> WaitsFor {
        self.waits_for
    }

    /// Decides whom to ask next; `own` is this registrar, `peers` are those that it is connected with.
    pub fn next(&mut self, now: Time, own: RegistrarId, peers: &BTreeSet<RegistrarId>, contacts: Contacts) -> Next {
        let mut useful = peers.iter().filter(|id| !self.useless.contains(id));
        if let Some(&mentor) = useful.clone().find(|id| !self.starting.contains(id)).or_else(|| useful.next()) {
            self.waits_for = WaitsFor::List(mentor);
            return Next::Ask(mentor);
        }
        if !peers.is_empty() {
            return self.end_round(now, own, peers, contacts);
        }
        if self.discovery_ends <= now {
            return Next::End("no other registrar can be reached");
        }
        self.waits_for = WaitsFor::Mentor;
        Next::Wait(self.discovery_ends)
    }

    /// None of the peers was of use.
    fn end_round(&mut self, now: Time, own: RegistrarId, peers: &BTreeSet<RegistrarId>, contacts: Contacts) -> Next {
        self.rounds += 1;
        let all_start = peers.iter().all(|id| self.starting.contains(id));
        let first = peers.last().is_none_or(|&highest| highest < own);
        let all_tried = contacts == Contacts::AllTried || self.discovery_ends <= now;
        if all_start && first && all_tried {
            return Next::End("all others are starting, too, and this one goes first");
        }
        if self.rounds >= MAX_ROUNDS {
            return Next::End("nobody could help; the audits will");
        }
        self.waits_for = WaitsFor::Pause;
        self.useless.clear();
        self.starting.clear();
        Next::Pause
    }

    /// A mentor is of no use in this round.
    pub fn give_up(&mut self, mentor: RegistrarId, why: Useless) {
        if why == Useless::Starting {
            self.starting.insert(mentor);
        }
        self.useless.insert(mentor);
    }

    /// The mentor's table is downloaded; what is stamped later than `since` is newer than the table.
    pub fn begin_download(&mut self, mentor: RegistrarId, since: u64) {
        self.waits_for = WaitsFor::Table(mentor);
        (self.since, self.pages) = (since, Pages::default());
    }

    /// The stamp at the begin of the download.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// A page has been taken. Whether more are to be asked for.
    pub fn page_taken(&mut self, page: Page) -> Page {
        self.pages.count(page)
    }
}

/// Removals during the download.
impl Start {
    /// Remembers that `by` removed an element: the mentor may not know yet.
    pub fn remember_removal(&mut self, by: RegistrarId, pool_handle: &PoolHandle, id: PoolElementId) {
        if self.tombstones.len() < MAX_TOMBSTONES {
            self.tombstones.insert((pool_handle.clone(), id), by);
        }
    }

    /// An element that was removed has been registered again.
    pub fn forget_removal(&mut self, pool_handle: &PoolHandle, id: PoolElementId) {
        if !self.tombstones.is_empty() {
            self.tombstones.remove(&(pool_handle.clone(), id));
        }
    }

    /// Who has removed an element.
    pub fn removed_by(&self, pool_handle: &PoolHandle, id: PoolElementId) -> Option<RegistrarId> {
        if self.tombstones.is_empty() {
            return None;
        }
        self.tombstones.get(&(pool_handle.clone(), id)).copied()
    }

    /// The start is over: nobody asks for removals any more.
    pub fn forget_removals(&mut self) {
        self.tombstones = SeededMap::with_hasher(SeededState::new(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: RegistrarId = RegistrarId(5);

    fn start() -> Start {
        Start::new(&RegistrarConfig::default(), 1, Time::ZERO)
    }

    fn peers(ids: &[u32]) -> BTreeSet<RegistrarId> {
        ids.iter().copied().map(RegistrarId).collect()
    }

    #[test]
    fn mentors_that_are_of_use_are_asked_in_turn() {
        let (mut start, peers) = (start(), peers(&[1, 2]));
        let next = |start: &mut Start| start.next(Time::ZERO, OWN, &peers, Contacts::Pending);
        assert_eq!(next(&mut start), Next::Ask(RegistrarId(1)));
        assert_eq!(start.waits_for(), WaitsFor::List(RegistrarId(1)));
        start.give_up(RegistrarId(1), Useless::Silent);
        assert_eq!(next(&mut start), Next::Ask(RegistrarId(2)));
        start.give_up(RegistrarId(2), Useless::Rejects);
        assert_eq!(next(&mut start), Next::Pause);
        assert_eq!(next(&mut start), Next::Ask(RegistrarId(1)), "after the pause they may be of use");
    }

    #[test]
    fn of_registrars_that_start_together_the_highest_goes_first() {
        let give_up_all = |peers: &BTreeSet<RegistrarId>, contacts| {
            let mut start = start();
            peers.iter().for_each(|&peer| start.give_up(peer, Useless::Starting));
            start.next(Time::ZERO, OWN, peers, contacts)
        };
        assert!(matches!(give_up_all(&peers(&[1, 2]), Contacts::AllTried), Next::End(_)));
        assert_eq!(give_up_all(&peers(&[1, 2]), Contacts::Pending), Next::Pause, "somebody else may be there");
        assert_eq!(give_up_all(&peers(&[1, 9]), Contacts::AllTried), Next::Pause);
    }

    #[test]
    fn the_start_ends_whatever_goes_wrong() {
        let (mut start, peers) = (start(), peers(&[9]));
        let mut rounds = 0;
        loop {
            match start.next(Time::ZERO, OWN, &peers, Contacts::Pending) {
                Next::Ask(mentor) => start.give_up(mentor, Useless::Rejects),
                Next::Pause => rounds += 1,
                Next::Wait(_) => panic!("somebody is there"),
                Next::End(_) => break,
            }
        }
        assert_eq!(rounds, MAX_ROUNDS - 1);
    }
}

//! The audit of a peer's elements: when it is due, and how far it has come.

use super::download::{Page, Pages};
use crate::Time;

/// How far the audit of a peer's elements has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// The checksum differed while elements changed homes: the peer will be asked again.
    Recheck,
    /// The peer's table is being downloaded.
    Running {
        since: u64,
        pages: Pages,
    },
    /// The last audit failed, or did not help.
    Pause,
}

/// The audit of a peer's elements.
#[derive(Debug)]
pub(super) struct Audit {
    state: State,
    demand: Demand,
    /// Until then, elements of this peer are changing homes.
    unsettled_until: Time,
    /// Audits since the checksums were equal.
    fruitless: u32,
    /// How the last checksum of the peer compared with ours.
    last: Option<Checksums>,
}

/// What a checksum of the peer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another audit is running, or was not long ago.
    Wait,
    /// All is well.
    Equal,
    /// The peer is to be asked again then.
    Recheck(Time),
    /// The peer's table is to be downloaded.
    Audit,
}

/// Whether a peer's elements are to be downloaded whatever its checksum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    None,
    /// Something may be wrong that a checksum does not show.
    Audit,
}

/// How the checksum of a peer compares with ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksums {
    Equal,
    Different,
}

/// What to do when the timer of an audit has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    Nothing,
    /// The peer does not send its table.
    Silent,
    /// The peer is asked for its checksum again.
    Ask,
}

impl Audit {
    pub fn new(unsettled_until: Time, demand: Demand) -> Audit {
        Audit { state: State::Idle, demand, unsettled_until, fruitless: 0, last: None }
    }

    /// The next PRESENCE starts an audit.
    pub fn demand(&mut self) {
        self.demand = Demand::Audit;
    }

    pub fn is_demanded(&self) -> bool {
        self.demand == Demand::Audit
    }

    /// Until then, elements come to the peer or leave it.
    pub fn unsettle(&mut self, until: Time) {
        self.unsettled_until = until;
    }

    /// How the last checksum of the peer compared with ours; none: it has sent none yet.
    pub fn last(&self) -> Option<Checksums> {
        self.last
    }

    /// The peer has sent its checksum.
    pub fn compare(&mut self, now: Time, checksums: Checksums) -> Verdict {
        self.last = Some(checksums);
        if matches!(self.state, State::Running { .. } | State::Pause) {
            return Verdict::Wait;
        }
        if checksums == Checksums::Equal {
            self.fruitless = 0;
        }
        if self.is_demanded() {
            Verdict::Audit
        } else if checksums == Checksums::Equal {
            self.state = State::Idle;
            Verdict::Equal
        } else if now >= self.unsettled_until {
            Verdict::Audit
        } else if self.state == State::Recheck {
            Verdict::Wait
        } else {
            self.state = State::Recheck;
            Verdict::Recheck(self.unsettled_until)
        }
    }

    /// The first page is asked for now.
    pub fn begin(&mut self, since: u64) {
        self.state = State::Running { since, pages: Pages::default() };
        self.demand = Demand::None;
        self.fruitless = self.fruitless.saturating_add(1);
    }

    /// A page has come: where it stands, and the stamp at the begin of the audit. None: nobody asked for it.
    pub fn take_page(&mut self, page: Page) -> Option<(Page, u64)> {
        let State::Running { since, ref mut pages } = self.state else { return None };
        Some((pages.count(page), since))
    }

    /// The last page has come. Some: that has not helped so many times that there is to be a pause.
    pub fn finish(&mut self) -> Option<u32> {
        if self.fruitless > 1 {
            self.state = State::Pause;
            return Some(self.fruitless);
        }
        self.state = State::Idle;
        None
    }

    /// No answer, or a rejection: once more after a pause.
    pub fn fail(&mut self) {
        self.demand = Demand::Audit;
        self.state = State::Pause;
    }

    /// The timer has expired.
    pub fn expire(&mut self) -> Expiry {
        match self.state {
            State::Idle => Expiry::Nothing,
            State::Running { .. } => Expiry::Silent,
            State::Recheck | State::Pause => {
                self.state = State::Idle;
                Expiry::Ask
            }
        }
    }

    /// What is under way will not come to an end.
    pub fn abandon(&mut self) {
        self.state = State::Idle;
        self.demand = Demand::Audit;
    }
}

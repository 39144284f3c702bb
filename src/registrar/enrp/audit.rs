//! The audit of a peer's elements: when it is due, and how far it has come.

use crate::Time;

/// Pages of one audit: a peer that never ends its table must not keep us.
const MAX_PAGES: u32 = 65_536;

/// How far the audit of a peer's elements has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// The checksum differed while elements changed homes: the peer will be asked again.
    Recheck,
    /// The peer's table is being downloaded.
    Running {
        since: u64,
        pages: u32,
    },
    /// The last audit failed, or did not help.
    Pause,
}

/// The audit of a peer's elements.
#[derive(Debug)]
pub(super) struct Audit {
    state: State,
    /// Audit whatever the checksum is.
    demanded: bool,
    /// Until then, elements of this peer are changing homes.
    unsettled_until: Time,
    /// Audits since the checksums were equal.
    fruitless: u32,
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

/// A page has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The stamp at the begin of the audit.
    pub since: u64,
    pub last: bool,
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
    pub fn new(unsettled_until: Time, demanded: bool) -> Audit {
        Audit { state: State::Idle, demanded, unsettled_until, fruitless: 0 }
    }

    /// The next PRESENCE starts an audit.
    pub fn demand(&mut self) {
        self.demanded = true;
    }

    pub fn is_demanded(&self) -> bool {
        self.demanded
    }

    /// Until then, elements come to the peer or leave it.
    pub fn unsettle(&mut self, until: Time) {
        self.unsettled_until = until;
    }

    /// The peer has sent its checksum, which equals ours or does not.
    pub fn compare(&mut self, now: Time, equal: bool) -> Verdict {
        if matches!(self.state, State::Running { .. } | State::Pause) {
            return Verdict::Wait;
        }
        if equal {
            self.fruitless = 0;
        }
        if self.demanded {
            Verdict::Audit
        } else if equal {
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
        self.state = State::Running { since, pages: 0 };
        self.demanded = false;
        self.fruitless = self.fruitless.saturating_add(1);
    }

    /// A page has come, with more to come or not. None: nobody asked for it.
    pub fn take_page(&mut self, more: bool) -> Option<Page> {
        let State::Running { since, ref mut pages } = self.state else { return None };
        *pages += 1;
        Some(Page { since, last: !more || *pages >= MAX_PAGES })
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
        self.demanded = true;
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
        self.demanded = true;
    }
}

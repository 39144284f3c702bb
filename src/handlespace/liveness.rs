//! What is known about an element's being alive, and when to look at it again.

use crate::Time;
use crate::round_trips::RoundTrips;
use std::time::Duration;

/// How an element and the registrar stand, when the registrar has an association with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// It registered over the association.
    #[default]
    Registered,
    /// It registered over the association, but another registrar says that it is its home: it is being asked.
    Contested,
    /// It is being asked to take this registrar as its home.
    Asked,
    /// It acknowledged that, but has not registered yet.
    Adopted,
}

/// What the timer of an element has expired for. Keep-alives say since when they are due, so that who comes late can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: it has been set to another time.
    Nothing,
    /// Its registration ends.
    End,
    /// The next keep-alive is to be sent.
    KeepAlive {
        /// When it became due.
        since: Time,
    },
    /// A keep-alive has not been answered.
    Ack {
        /// When the time for the answer was over.
        since: Time,
    },
}

/// What is known about an element's being alive. Each change is something that happened to the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// `Time::MAX`: never.
    expires_at: Time,
    /// When to send the next keep-alive, or, while an answer is awaited, when to give up; `Time::MAX`: never.
    keep_alive_at: Time,
    /// A keep-alive is out and not answered.
    awaiting_ack: bool,
    /// The timer runs once before the time for the answer is over.
    early_look: bool,
    /// When the last one was sent; `Time::MAX`: none was.
    last_keep_alive: Time,
    /// Since when the element is known here; `Time::MAX`: nobody has said so yet.
    known_since: Time,
    bad_reports: u32,
    claim: Claim,
    /// How long it takes to answer.
    round_trips: RoundTrips,
}

impl Liveness {
    /// Without any timer.
    pub const UNWATCHED: Liveness = Liveness {
        expires_at: Time::MAX,
        keep_alive_at: Time::MAX,
        awaiting_ack: false,
        early_look: false,
        last_keep_alive: Time::MAX,
        known_since: Time::MAX,
        bad_reports: 0,
        claim: Claim::Registered,
        round_trips: RoundTrips::NONE,
    };

    /// What is due now.
    pub fn due(&self, now: Time) -> Due {
        let since = self.keep_alive_at;
        if self.has_ended(now) {
            Due::End
        } else if since > now {
            Due::Nothing
        } else if self.awaiting_ack {
            Due::Ack { since }
        } else {
            Due::KeepAlive { since }
        }
    }

    /// Whether its registration is over.
    pub fn has_ended(&self, now: Time) -> bool {
        self.expires_at <= now
    }

    /// The earlier of the timers; `Time::MAX`: neither runs.
    pub fn next_timer(&self) -> Time {
        self.expires_at.min(self.keep_alive_at)
    }

    /// What its association with this registrar is worth.
    pub fn claim(&self) -> Claim {
        self.claim
    }

    /// Unreachable reports that count.
    pub fn bad_reports(&self) -> u32 {
        self.bad_reports
    }

    /// When the last keep-alive was sent, if one was.
    pub fn last_keep_alive(&self) -> Option<Time> {
        (self.last_keep_alive != Time::MAX).then_some(self.last_keep_alive)
    }

    /// Since when this registrar knows the element, whoever is its home.
    pub fn known_since(&self) -> Option<Time> {
        (self.known_since != Time::MAX).then_some(self.known_since)
    }

    /// How long it takes to answer.
    pub(crate) fn round_trips(&self) -> &RoundTrips {
        &self.round_trips
    }

    /// When the keep-alive was sent that has not been answered yet.
    pub fn asked_at(&self) -> Option<Time> {
        self.last_keep_alive().filter(|_| self.awaiting_ack)
    }
}

/// What happens to an element.
impl Liveness {
    /// It has registered (again), which proves it alive. A keep-alive that is due anyway stays where it is.
    pub fn registered(&mut self, expires_at: Time, first_keep_alive: Time) {
        let runs = !self.awaiting_ack && self.keep_alive_at != Time::MAX;
        *self = Liveness {
            expires_at,
            keep_alive_at: if runs { self.keep_alive_at } else { first_keep_alive },
            last_keep_alive: self.last_keep_alive,
            known_since: self.known_since,
            round_trips: self.round_trips,
            ..Liveness::UNWATCHED
        };
    }

    /// It is there: since now, unless it was before.
    pub fn known_from(&mut self, now: Time) {
        self.known_since = self.known_since.min(now);
    }

    /// Its registration ends then; `Time::MAX`: never.
    pub fn set_end(&mut self, expires_at: Time) {
        self.expires_at = expires_at;
    }

    /// Another registrar watches it: only the end of its registration is left.
    pub fn unwatch(&mut self) {
        *self = Liveness { expires_at: self.expires_at, known_since: self.known_since, ..Liveness::UNWATCHED };
    }

    /// It is claimed so from now on.
    pub fn set_claim(&mut self, claim: Claim) {
        self.claim = claim;
    }

    /// A keep-alive has been sent; an answer is awaited until `deadline`.
    pub fn asked(&mut self, now: Time, deadline: Time) {
        self.awaiting_ack = true;
        self.early_look = false;
        self.keep_alive_at = deadline;
        self.last_keep_alive = now;
    }

    /// The wait for its answer is looked at once before it is over.
    pub fn look_early(&mut self, at: Time) {
        self.early_look = self.awaiting_ack && at < self.keep_alive_at;
        self.keep_alive_at = self.keep_alive_at.min(at);
    }

    /// Whether this is the look before the time is over: there is one only.
    pub fn take_early_look(&mut self) -> bool {
        std::mem::take(&mut self.early_look)
    }

    /// When its registration ends; `Time::MAX`: never.
    pub fn ends_at(&self) -> Time {
        self.expires_at
    }

    /// It has answered, which clears the reports. If it was asked, it is asked again at `next`; how long the answer took then.
    pub fn answered(&mut self, now: Time, next: Time) -> Option<Duration> {
        self.bad_reports = 0;
        let took = now.saturating_since(self.asked_at()?);
        self.round_trips.saw(took);
        self.awaiting_ack = false;
        self.keep_alive_at = next;
        Some(took)
    }

    /// So many report it unreachable.
    pub fn reported(&mut self, bad_reports: u32) {
        self.bad_reports = bad_reports;
    }

    /// Moves what is next, a keep-alive or the end of the wait for an answer; `Time::MAX`: there is none.
    pub fn set_keep_alive(&mut self, at: Time) {
        self.keep_alive_at = at;
    }

    /// The same, unless it comes before `at` anyway.
    pub fn hasten_keep_alive(&mut self, at: Time) {
        self.keep_alive_at = self.keep_alive_at.min(at);
    }

    /// Starts keep-alives where none are sent; the first one is due at `first`.
    pub fn start_keep_alives(&mut self, first: Time) {
        if self.keep_alive_at == Time::MAX {
            self.keep_alive_at = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Time = Time::MAX;

    #[test]
    fn a_timer_says_what_it_has_expired_for() {
        let second = Time::from_secs;
        let mut liveness = Liveness::UNWATCHED;
        assert_eq!(liveness.due(second(1000)), Due::Nothing);
        liveness.registered(second(30), second(5));
        assert_eq!((liveness.due(second(4)), liveness.next_timer()), (Due::Nothing, second(5)));
        assert_eq!(liveness.due(second(6)), Due::KeepAlive { since: second(5) });
        liveness.asked(second(6), second(8));
        assert_eq!(liveness.due(second(9)), Due::Ack { since: second(8) });
        liveness.answered(second(11), second(12));
        assert_eq!((liveness.due(second(9)), liveness.next_timer()), (Due::Nothing, second(12)));
        assert_eq!(liveness.due(second(30)), Due::End, "the end comes before a keep-alive that is due as well");
    }

    #[test]
    fn a_registration_proves_alive_and_leaves_a_running_timer() {
        let second = Time::from_secs;
        let mut liveness = Liveness::UNWATCHED;
        liveness.registered(NEVER, second(5));
        liveness.reported(3);
        liveness.registered(NEVER, second(9));
        assert_eq!((liveness.next_timer(), liveness.bad_reports()), (second(5), 0));
        liveness.asked(second(5), second(7));
        liveness.registered(NEVER, second(11));
        assert_eq!((liveness.next_timer(), liveness.asked_at()), (second(11), None), "no answer is awaited any more");
        assert_eq!(liveness.last_keep_alive(), Some(second(5)));
    }

    #[test]
    fn an_element_is_as_old_as_its_first_registration_whoever_watches_it() {
        let second = Time::from_secs;
        let mut liveness = Liveness::UNWATCHED;
        assert_eq!((liveness.known_since(), liveness.last_keep_alive()), (None, None));
        for now in [second(3), second(10)] {
            liveness.known_from(now);
            liveness.registered(NEVER, second(20));
        }
        liveness.asked(second(20), second(21));
        liveness.unwatch();
        assert_eq!((liveness.known_since(), liveness.last_keep_alive()), (Some(second(3)), None));
    }

    #[test]
    fn an_answer_that_nobody_waits_for_moves_no_timer() {
        let second = Time::from_secs;
        let mut liveness = Liveness::UNWATCHED;
        liveness.registered(NEVER, second(5));
        liveness.reported(2);
        liveness.answered(second(6), second(60));
        assert_eq!((liveness.next_timer(), liveness.bad_reports()), (second(5), 0));
    }
}

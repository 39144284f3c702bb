//! An element of our own, and how it and the home registrar stand.

use super::associations::{LifeUnit, SctpHome};
use super::interface::{Action, RegistrationState, Step};
use super::pool_table::HasDeadline;
use super::requests::Waiter;
use crate::wire::Cause;
use crate::{PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// The longest pause after a rejection for lack of resources, unless the re-registration interval is longer.
const LONGEST_PAUSE_AFTER_REJECTION: Duration = Duration::from_secs(300);

/// The first pause while another element has the identifier. The most likely one is the same element before its host was rebooted:
/// the registrar has it until a keep-alive stays unanswered.
const FIRST_PAUSE_WHILE_TAKEN: Duration = Duration::from_millis(500);
/// The longest such pause. The other element may be alive, and go on for years.
const LONGEST_PAUSE_WHILE_TAKEN: Duration = Duration::from_secs(30);

/// The first pause while the pool is another one than the element is for, by its policy or transport. So it is while the elements
/// of an earlier version of the program leave.
const FIRST_PAUSE_WHILE_ODD: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE_WHILE_ODD: Duration = Duration::from_secs(30);

/// How the home registrar and an element stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing sent to the present home registrar.
    Idle,
    /// Registration sent; T2-registration runs.
    Registering { sent: Time, t2: Time, before: Before },
    /// Accepted; T4-reregistration runs.
    Registered { t4: Time },
    /// Refused: it is tried again at this time, which may be never.
    Refused { again_at: Time },
    /// The registrar removed it: it is registered again at this time.
    Removed { again_at: Time },
}

/// How an element stood with the registrar that it is being registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It was not registered there.
    Unknown,
    /// It was, and is as long as nothing else is heard.
    Registered,
}

/// Who has heard of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownTo {
    /// None has heard of it.
    Nobody,
    /// One may have.
    Registrars,
}

/// The ASAP_REGISTRATION of an element.
#[derive(Default)]
pub(super) struct Encoded {
    /// As RFC 5354 wants it.
    pub(super) in_seconds: Vec<u8>,
    /// For a registrar that may read milliseconds: the life in them, and in seconds in a parameter of our own.
    pub(super) in_both_units: Vec<u8>,
}

/// An element of our own.
pub(super) struct Element {
    pub(super) encoded: Encoded,
    /// The last registration had the life in both units, and the registrar has not said that it took the one in seconds.
    pub(super) life_in_doubt: bool,
    pub(super) interval: Duration,
    pub(super) state: State,
    /// It has new values that the message under way does not have.
    pub(super) changed: bool,
    pub(super) known_to: KnownTo,
    /// Registrations sent since the last success.
    pub(super) attempts: u32,
    /// Refusals since the last success after which the registrar is asked again.
    pub(super) refusals: u32,
    /// What the last one was for, until a registration is accepted.
    pub(super) refused_for: Option<Cause>,
    pub(super) waiters: Vec<Waiter>,
    /// How it and the home registrar stand, as it was last told.
    told: RegistrationState,
}

impl HasDeadline for Element {
    fn deadline(&self) -> Option<Time> {
        let timer = match self.state {
            State::Idle => None,
            State::Registering { t2, .. } => Some(t2),
            State::Registered { t4: at } | State::Refused { again_at: at } | State::Removed { again_at: at } => {
                Some(at).filter(|at| *at != Time::MAX)
            }
        };
        self.waiters.iter().map(Waiter::deadline).chain(timer).min()
    }
}

impl Element {
    /// One that is not registered yet.
    pub(super) fn new(known_to: KnownTo) -> Element {
        Element {
            encoded: Encoded::default(),
            life_in_doubt: false,
            interval: Duration::ZERO,
            state: State::Idle,
            changed: false,
            known_to,
            attempts: 0,
            refusals: 0,
            refused_for: None,
            waiters: Vec::new(),
            told: RegistrationState::Waiting,
        }
    }

    /// R2 to R4, if there is a home registrar to which registrations can go.
    pub(super) fn send(&mut self, home: Option<SctpHome>, t2: Duration, step: &mut Step<'_>) {
        let before = match std::mem::replace(&mut self.state, State::Idle) {
            State::Registered { .. } => Before::Registered,
            State::Registering { before, .. } => before,
            State::Idle | State::Refused { .. } | State::Removed { .. } => Before::Unknown,
        };
        let Some(SctpHome { association, life_unit, .. }) = home else { return };
        self.state = State::Registering { sent: step.now, t2: step.now + t2, before };
        self.changed = false;
        self.known_to = KnownTo::Registrars;
        self.attempts = self.attempts.saturating_add(1);
        self.waiters.iter_mut().for_each(Waiter::note_sent);
        self.life_in_doubt = life_unit == LifeUnit::Unknown;
        let bytes = if self.life_in_doubt { &self.encoded.in_both_units } else { &self.encoded.in_seconds };
        step.push(Action::Send { association, bytes: bytes.clone() });
    }

    /// It has these values now.
    pub(super) fn change(
        &mut self,
        encoded: Encoded,
        interval: Duration,
        home: Option<SctpHome>,
        t2: Duration,
        step: &mut Step<'_>,
    ) {
        (self.encoded, self.interval) = (encoded, interval);
        if matches!(self.state, State::Registering { .. }) {
            // Sent when the message under way is answered, so that answers need no numbers to be matched.
            self.changed = true;
        } else {
            self.send(home, t2, step);
        }
    }

    /// The registrar has rejected it: when to ask again, if at all.
    pub(super) fn rejected(&mut self, now: Time, cause: Cause) -> Time {
        self.refused_for = Some(cause);
        let (first, longest) = match cause {
            Cause::LackOfResources => (self.interval, LONGEST_PAUSE_AFTER_REJECTION.max(self.interval)),
            Cause::NonUniquePoolElementId => (FIRST_PAUSE_WHILE_TAKEN, LONGEST_PAUSE_WHILE_TAKEN),
            Cause::InconsistentPoolingPolicy | Cause::InconsistentTransportType | Cause::InconsistentDataControl => {
                (FIRST_PAUSE_WHILE_ODD, LONGEST_PAUSE_WHILE_ODD)
            }
            _ => return Time::MAX,
        };
        let pause = first.saturating_mul(1 << self.refusals.min(16)).min(longest);
        self.refusals = self.refusals.saturating_add(1);
        now + pause
    }

    /// How it and the home registrar stand, for who asks.
    pub(super) fn registration_state(&self) -> RegistrationState {
        match (self.state, self.refused_for) {
            (State::Refused { again_at: Time::MAX }, Some(cause)) => RegistrationState::Refused(cause),
            (_, Some(cause)) => RegistrationState::RefusedForNow(cause),
            (State::Registered { .. } | State::Registering { before: Before::Registered, .. }, None) => {
                RegistrationState::Registered
            }
            (_, None) => RegistrationState::Waiting,
        }
    }

    /// Tells how they stand, if that has changed.
    pub(super) fn tell(&mut self, pool_handle: &PoolHandle, pool_element_id: PoolElementId, step: &mut Step<'_>) {
        let state = self.registration_state();
        if std::mem::replace(&mut self.told, state) != state {
            let pool_handle = pool_handle.clone();
            step.push(Action::RegistrationChanged { pool_handle, pool_element_id, state });
        }
    }
}

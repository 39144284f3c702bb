//! Who is told how a registrar fares.

use crate::registrar::RegistrarEvent;
use std::time::Duration;

/// Is told how a registrar fares, by the registrar's own thread: no call may wait for anybody.
pub trait Witness: Send {
    /// It begins to answer pool users: at once where it knows of no other registrar, else when it has learned from one or has found none.
    /// Never, if it is stopped before.
    fn ready(&mut self) {}

    /// It begins to leave its scope.
    fn leaving(&mut self) {}

    /// How often [`Witness::alive`] is to be called, if at all.
    fn sign_of_life_interval(&self) -> Option<Duration> {
        None
    }

    /// Its thread goes round: every [`Witness::sign_of_life_interval`], as long as it does.
    fn alive(&mut self) {}

    /// Whether [`Witness::happened`] is to be called now; what happens meanwhile is not told later.
    fn wants_events(&self) -> bool {
        false
    }

    /// Something has happened that is kept for a look, see [`Registrar::events_after`](crate::registrar::Registrar::events_after).
    fn happened(&mut self, _event: &RegistrarEvent) {}
}

/// For who wants to know nothing.
impl Witness for () {}

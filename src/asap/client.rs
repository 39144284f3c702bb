//! The state of the client core and the entry for every event.

use super::{Action, AsapConfig, Event};
use crate::Time;

/// The client side of ASAP: what pool elements and pool users need of registrars.
///
/// Feed it every event and do its actions in their order; call it with [`Event::Timeout`] when [`AsapClient::next_deadline`]
/// has come.
pub struct AsapClient {
    config: AsapConfig,
    now: Time,
}

impl AsapClient {
    /// A core without any registrar connection. Equal seeds and events give equal actions.
    pub fn new(config: AsapConfig, _seed: u64, now: Time) -> AsapClient {
        AsapClient { config, now }
    }

    /// Takes one event; what is to be done is appended to `actions`.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        let _ = (event, actions, &self.config);
    }

    /// When the core wants [`Event::Timeout`], if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        None
    }
}

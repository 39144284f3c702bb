//! TCP connections on which nothing comes.
//!
//! Pool elements are asked whether they are alive, and SCTP itself watches its associations. A TCP connection costs whoever holds
//! it nothing, and here a place that somebody else may need: so all of them have only a share of the places, and each goes when
//! its user has been silent for long. Who has subscribed to a pool has reason to be silent and stays.

use super::Registrar;
use super::Step;
use crate::{AssociationId, Time};
use std::collections::BTreeSet;

/// When to look at each TCP connection. A message does not move its entry: whether one came is seen when the time has come.
#[derive(Debug, Default)]
pub(super) struct Silence {
    looks: BTreeSet<(Time, AssociationId)>,
}

impl Silence {
    /// TCP connections.
    pub fn len(&self) -> usize {
        self.looks.len()
    }

    pub fn next(&self) -> Option<Time> {
        self.looks.first().map(|&(at, _)| at)
    }

    pub fn watch(&mut self, at: Time, association: AssociationId) {
        self.looks.insert((at, association));
    }

    pub fn forget(&mut self, at: Time, association: AssociationId) {
        self.looks.remove(&(at, association));
    }
}

impl Registrar {
    /// Aborts the TCP connections that have been silent for too long.
    pub(super) fn end_silence(&mut self, step: &mut Step<'_>) {
        while let Some(&(at, id)) = self.associations.silence.looks.first().filter(|&&(at, _)| at <= step.now) {
            self.associations.silence.forget(at, id);
            match self.stays_until(step.now, id) {
                Some(next) if next > step.now => self.associations.look_again(next, id),
                _ => {
                    self.statistics.silent_ended += 1;
                    self.abort(id, "nothing came for too long", step);
                }
            }
        }
    }

    /// How long the connection may go on without a message.
    fn stays_until(&self, now: Time, id: AssociationId) -> Option<Time> {
        let timeout = self.config.tcp_idle_timeout;
        let since = if self.subscriptions.has_any(id) { now } else { self.associations.get(id)?.last_heard };
        Some(since + timeout)
    }
}

//! TCP connections on which nothing comes.
//!
//! Pool elements are asked whether they are alive, and SCTP itself watches its associations. A TCP connection costs whoever holds
//! it nothing, and here a place that somebody else may need: so all of them have only a share of the places, and each goes when
//! its user has been silent for long. Who has subscribed to a pool has reason to be silent and stays.

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

    pub fn first(&self) -> Option<(Time, AssociationId)> {
        self.looks.first().copied()
    }

    pub fn watch(&mut self, at: Time, association: AssociationId) {
        self.looks.insert((at, association));
    }

    pub fn forget(&mut self, at: Time, association: AssociationId) {
        self.looks.remove(&(at, association));
    }
}

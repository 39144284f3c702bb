//! TCP connections on which nothing comes.
//!
//! Pool elements are asked whether they are alive, and SCTP itself watches its associations. A TCP connection costs its user nothing,
//! but it takes a place here that another user may need. So TCP connections have only a share of all places, and each is closed when
//! its user has been silent for long. A user that has subscribed to a pool has a reason to be silent: its connection stays.

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

//! Elements that were taken out because they did not answer, and may only have been late. For some time they are remembered with
//! their association, which stays: an answer over it brings them back as they were, without a new registration.

use crate::handlespace::{Liveness, Removed};
use crate::round_trips::LONGEST;
use crate::wire::PoolElement;
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long an answer may still come. After that the process hangs, and its association is aborted.
const REMEMBERED: Duration = LONGEST;
/// Elements that are remembered. Those of a process for which there is no room are not, and it has to register again.
pub(super) const MAX_DEPARTED: usize = 16_384;

/// One of them.
#[derive(Debug)]
pub(super) struct Departed {
    pub pool_handle: PoolHandle,
    pub pool_element: PoolElement,
    pub liveness: Liveness,
}

impl Departed {
    pub fn new(removed: &Removed) -> Departed {
        Departed {
            pool_handle: removed.pool_handle.clone(),
            pool_element: removed.element.pool_element(),
            liveness: *removed.element.liveness(),
        }
    }

    fn is(&self, pool_handle: &PoolHandle, id: PoolElementId) -> bool {
        self.pool_element.id == id && self.pool_handle == *pool_handle
    }
}

/// Whether there was room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    Yes,
    No,
}

/// Those of one process.
#[derive(Debug)]
struct Process {
    elements: Vec<Departed>,
    forgotten_at: Time,
}

/// All of them, by the association that they registered on.
#[derive(Debug, Default)]
pub(super) struct DepartedElements {
    processes: BTreeMap<AssociationId, Process>,
    count: usize,
    /// When to look whether a process is to be forgotten: the earliest first. It may be forgotten already, or not yet.
    looks: VecDeque<(Time, AssociationId)>,
}

impl DepartedElements {
    pub fn len(&self) -> usize {
        self.count
    }

    /// Elements of a process were taken out.
    pub fn add(&mut self, now: Time, association: AssociationId, elements: Vec<Departed>) -> Remembered {
        if self.count + elements.len() > MAX_DEPARTED || self.looks.len() >= MAX_DEPARTED {
            return Remembered::No;
        }
        let forgotten_at = now + REMEMBERED;
        self.count += elements.len();
        let new = || Process { elements: Vec::new(), forgotten_at };
        let process = self.processes.entry(association).or_insert_with(new);
        process.elements.extend(elements);
        process.forgotten_at = forgotten_at;
        self.looks.push_back((forgotten_at, association));
        Remembered::Yes
    }

    /// The process has answered for one of its elements: all that it had, if that was one of them.
    pub fn answered(&mut self, association: AssociationId, handle: &PoolHandle, id: PoolElementId) -> Vec<Departed> {
        let process = self.processes.get(&association);
        if process.is_some_and(|process| process.elements.iter().any(|departed| departed.is(handle, id))) {
            return self.forget(association);
        }
        Vec::new()
    }

    /// The element has registered, or does not want to be registered any more.
    pub fn forget_element(&mut self, association: AssociationId, handle: &PoolHandle, id: PoolElementId) {
        let Some(process) = self.processes.get_mut(&association) else { return };
        let before = process.elements.len();
        process.elements.retain(|departed| !departed.is(handle, id));
        self.count -= before - process.elements.len();
    }

    /// The association is gone, or its elements are back.
    pub fn forget(&mut self, association: AssociationId) -> Vec<Departed> {
        let elements = self.processes.remove(&association).map(|process| process.elements).unwrap_or_default();
        self.count -= elements.len();
        elements
    }

    /// When to look at the next one.
    pub fn next_look(&self) -> Option<Time> {
        self.looks.front().map(|(at, _)| *at)
    }

    /// A process that has not answered in time, and is forgotten now.
    pub fn take_silent(&mut self, now: Time) -> Option<AssociationId> {
        while let Some(&(_, association)) = self.looks.front().filter(|(at, _)| *at <= now) {
            self.looks.pop_front();
            if self.processes.get(&association).is_some_and(|process| process.forgotten_at <= now) {
                self.forget(association);
                return Some(association);
            }
        }
        None
    }
}

//! A pool: what its elements have in common, and the selector that orders them.

use super::lists::NIL;
use super::{ElementIndex, HandlespaceChecksum};
use crate::PoolHandle;
use crate::policy::{Member, Selector};
use crate::wire::{Policy, PoolElement, TransportParameter};
use smallvec::SmallVec;

/// A pool. It exists as long as it has elements.
#[derive(Debug)]
pub struct Pool {
    pub(super) handle: PoolHandle,
    /// What the handle adds to the checksum of each of its elements' owners.
    pub(super) checksum: HandlespaceChecksum,
    pub(super) policy: Policy,
    pub(super) user_transport: TransportParameter,
    pub(super) selector: Box<dyn Selector>,
    /// Elements by member; `NIL`: nobody has this number.
    members: SmallVec<[u32; 4]>,
    free_members: Vec<Member>,
}

impl Pool {
    /// An empty pool that will be like its first element.
    pub(super) fn new(handle: PoolHandle, first: &PoolElement, selector: Box<dyn Selector>) -> Pool {
        Pool {
            checksum: HandlespaceChecksum::of_handle(handle.as_bytes()),
            handle,
            policy: first.policy.clone(),
            user_transport: first.user_transport.clone(),
            selector,
            members: SmallVec::new(),
            free_members: Vec::new(),
        }
    }

    /// Its handle.
    pub fn handle(&self) -> &PoolHandle {
        &self.handle
    }

    /// Its policy, with the values of the element that created it.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The transport of the element that created it: only type and use say something about the pool.
    pub fn user_transport(&self) -> &TransportParameter {
        &self.user_transport
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.members.len() - self.free_members.len()
    }

    /// Never true: a pool without elements is removed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its elements, in the order of their places; places are used again.
    pub fn elements(&self) -> impl Iterator<Item = ElementIndex> {
        self.members.iter().filter(|&&element| element != NIL).map(|&element| ElementIndex(element))
    }

    /// Appends the elements of these members. Numbers that nobody has, as a policy of one's own might select, are left out.
    pub(super) fn elements_of(&self, members: &[Member], out: &mut Vec<ElementIndex>) {
        let (first, elements) = (out.len(), self.members.as_slice());
        let element = |&member: &Member| ElementIndex(elements.get(member as usize).copied().unwrap_or(NIL));
        // Without a branch for each, as long as nobody is missing: long lists are mostly this.
        out.extend(members.iter().map(element));
        if out[first..].contains(&ElementIndex(NIL)) {
            out.retain(|&element| element != ElementIndex(NIL));
        }
    }

    pub(super) fn add(&mut self, element: ElementIndex) -> Member {
        if let Some(member) = self.free_members.pop() {
            self.members[member as usize] = element.0;
            return member;
        }
        self.members.push(element.0);
        (self.members.len() - 1) as Member
    }

    pub(super) fn take_out(&mut self, member: Member) {
        self.selector.remove(member);
        self.members[member as usize] = NIL;
        self.free_members.push(member);
    }
}

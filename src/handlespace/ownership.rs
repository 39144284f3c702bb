//! Whose the elements are: the registrar that is home of each, with its PE checksum (RFC 5353 section 3.6.1), and the association
//! that it registered on. Both keep lists of their elements, so that what is theirs is found without a scan.

use super::lists::{LinksOf, List, NIL};
use super::{ElementIndex, Handlespace, HandlespaceChecksum};
use crate::{AssociationId, RegistrarId};

/// The elements of one registrar.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owner {
    elements: List,
    checksum: HandlespaceChecksum,
}

impl Handlespace {
    /// Makes another registrar the home of an element, without any change to its values.
    pub fn set_owner(&mut self, index: ElementIndex, owner: RegistrarId) {
        if let Some(element) = self.elements.get_mut(index.0) {
            element.record.set_home_registrar(owner);
            self.change_owner(index, owner);
        }
    }

    pub(super) fn change_owner(&mut self, index: ElementIndex, owner: RegistrarId) {
        self.leave_owner(index);
        if let Some(element) = self.elements.get_mut(index.0) {
            element.home_registrar = owner;
            self.enter_owner(index, owner);
        }
    }

    /// The element registered on this association, or on none.
    pub fn set_association(&mut self, index: ElementIndex, association: Option<AssociationId>) {
        if self.elements.get(index.0).is_some_and(|element| element.association != association) {
            self.set_association_list(index, association);
            if let Some(element) = self.elements.get_mut(index.0) {
                element.association = association;
            }
        }
    }

    /// Moves the element between the lists; its `association` field says which one it is in.
    pub(super) fn set_association_list(&mut self, index: ElementIndex, to: Option<AssociationId>) {
        let from = self.elements.get(index.0).and_then(|element| element.association);
        if let Some(from) = from {
            if let Some(list) = self.by_association.get_mut(&from) {
                list.remove(&mut self.elements, index.0, |element| &mut element.by_association);
                if list.len == 0 {
                    self.by_association.remove(&from);
                }
            }
        }
        if let Some(to) = to {
            let links: LinksOf = |element| &mut element.by_association;
            if let Some(list) = self.by_association.get_mut(&to) {
                list.push(&mut self.elements, index.0, links);
            } else {
                let mut list = List::default();
                list.push(&mut self.elements, index.0, links);
                self.by_association.insert(to, list);
            }
        }
    }

    /// One of the elements that registered on this association.
    pub fn first_of_association(&self, association: AssociationId) -> Option<ElementIndex> {
        self.by_association.get(&association).map(|list| ElementIndex(list.first))
    }

    /// How many elements registered on this association.
    pub fn count_of_association(&self, association: AssociationId) -> usize {
        self.by_association.get(&association).map_or(0, |list| list.len)
    }

    pub(super) fn enter_owner(&mut self, index: ElementIndex, id: RegistrarId) {
        let owner = self.owners.entry(id).or_default();
        owner.elements.push(&mut self.elements, index.0, |element| &mut element.by_owner);
        if let Some(element) = self.elements.get(index.0) {
            if let Some(pool) = self.pools.get(element.pool.0) {
                owner.checksum.add(pool.checksum, element.id);
            }
        }
    }

    pub(super) fn leave_owner(&mut self, index: ElementIndex) {
        let Some(element) = self.elements.get(index.0) else { return };
        let (pool, id, home) = (element.pool, element.id, element.home_registrar);
        let Some(owner) = self.owners.get_mut(&home) else { return };
        if let Some(pool) = self.pools.get(pool.0) {
            owner.checksum.subtract(pool.checksum, id);
        }
        owner.elements.remove(&mut self.elements, index.0, |element| &mut element.by_owner);
        if owner.elements.len == 0 {
            self.owners.remove(&home);
        }
    }

    /// The elements that a registrar is home of, in no particular order.
    pub fn elements_of_owner(&self, owner: RegistrarId) -> impl Iterator<Item = ElementIndex> {
        let mut next = self.owners.get(&owner).map_or(NIL, |owner| owner.elements.first);
        std::iter::from_fn(move || {
            let current = next;
            next = self.elements.get(current)?.by_owner.next;
            Some(ElementIndex(current))
        })
    }

    /// All registrars that are home of elements, and of how many.
    pub fn owners(&self) -> impl Iterator<Item = (RegistrarId, usize)> {
        self.owners.iter().map(|(&id, owner)| (id, owner.elements.len))
    }

    /// Notes when an element was last heard of.
    pub fn set_mark(&mut self, index: ElementIndex, mark: u64) {
        if let Some(element) = self.elements.get_mut(index.0) {
            element.mark = mark;
        }
    }

    /// How many elements a registrar is home of.
    pub fn count_of_owner(&self, owner: RegistrarId) -> usize {
        self.owners.get(&owner).map_or(0, |owner| owner.elements.len)
    }

    /// The checksum over the elements of a registrar.
    pub fn checksum_of_owner(&self, owner: RegistrarId) -> HandlespaceChecksum {
        self.owners.get(&owner).map_or(HandlespaceChecksum::default(), |owner| owner.checksum)
    }
}

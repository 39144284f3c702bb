//! The associations of an endpoint, found by identifier, by verification tag, and by the peer's address and port.

use super::association::Association;
use crate::AssociationId;
use std::collections::HashMap;
use std::net::IpAddr;

/// Bits of an identifier that name the slot; the others count its generations.
const SLOT_BITS: u32 = 20;
/// Associations that an endpoint can have at all.
pub(super) const MAX_SLOTS: usize = 1 << SLOT_BITS;

#[derive(Default)]
struct Slot {
    generation: u64,
    association: Option<Box<Association>>,
}

/// All associations. The hash tables are only looked up, never iterated, so their order influences nothing.
pub(super) struct Table {
    transport: u16,
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_tag: HashMap<u32, u32>,
    by_peer: HashMap<(IpAddr, u16), u32>,
    len: usize,
}

impl Table {
    pub fn new(transport: u16) -> Table {
        Table {
            transport,
            slots: Vec::new(),
            free: Vec::new(),
            by_tag: HashMap::new(),
            by_peer: HashMap::new(),
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Takes a slot and names the association to be.
    pub fn reserve(&mut self) -> (AssociationId, u32) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        self.len += 1;
        let generation = &mut self.slots[slot as usize].generation;
        *generation += 1;
        (AssociationId::new(self.transport, *generation << SLOT_BITS | u64::from(slot)), slot)
    }

    /// Whether the peer has an association already, or one of its addresses does.
    pub fn find_peer(&self, address: IpAddr, port: u16) -> Option<u32> {
        self.by_peer.get(&(address, port)).copied()
    }

    pub fn find_tag(&self, tag: u32) -> Option<u32> {
        self.by_tag.get(&tag).copied()
    }

    pub fn slot_of(&self, id: AssociationId) -> Option<u32> {
        let slot = (id.as_u64() & (MAX_SLOTS as u64 - 1)) as u32;
        let association = self.slots.get(slot as usize)?.association.as_ref()?;
        (association.id == id).then_some(slot)
    }

    pub fn get(&self, slot: u32) -> Option<&Association> {
        self.slots.get(slot as usize)?.association.as_deref()
    }

    /// Takes an association out to work on it; [`Table::put`] or [`Table::forget`] must follow.
    pub fn take(&mut self, slot: u32) -> Option<Box<Association>> {
        self.slots.get_mut(slot as usize)?.association.take()
    }

    /// Puts an association back.
    pub fn put(&mut self, association: Box<Association>) {
        let slot = association.slot as usize;
        self.slots[slot].association = Some(association);
    }

    /// Makes an association known by tag and by the peer's addresses.
    pub fn index(&mut self, association: &Association) {
        self.by_tag.insert(association.local_tag, association.slot);
        for address in association.keys() {
            self.by_peer.entry((address, association.remote_port)).or_insert(association.slot);
        }
    }

    /// Undoes [`Table::index`].
    pub fn unindex(&mut self, association: &Association) {
        if self.by_tag.get(&association.local_tag) == Some(&association.slot) {
            self.by_tag.remove(&association.local_tag);
        }
        for address in association.keys() {
            let key = (address, association.remote_port);
            if self.by_peer.get(&key) == Some(&association.slot) {
                self.by_peer.remove(&key);
            }
        }
    }

    /// Gives the slot of an association back.
    pub fn forget(&mut self, association: &Association) {
        self.unindex(association);
        self.free.push(association.slot);
        self.len -= 1;
    }
}

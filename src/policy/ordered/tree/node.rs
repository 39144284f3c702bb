//! A node of the tree.

use super::super::{Entry, rank};

/// Entries of a node.
pub(super) const FANOUT: usize = 16;
/// The number of no node, and of no member.
pub(super) const NONE: u32 = u32::MAX;

/// A leaf, or a node above: its entries are nodes with keys not below the one that stands beside them, and no key before is
/// above it. The key of its first entry says nothing: whatever leads to the node may be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub len: u32,
    pub parent: u32,
    /// Neighbours of a leaf.
    pub previous: u32,
    pub next: u32,
    pub entries: [Entry; FANOUT],
}

impl Node {
    pub const EMPTY: Node = Node {
        len: 0,
        parent: NONE,
        previous: NONE,
        next: NONE,
        entries: [Entry { key: 0, member: NONE, note: 0 }; FANOUT],
    };

    pub fn entries(&self) -> &[Entry] {
        &self.entries[..self.len as usize]
    }

    pub fn is_full(&self) -> bool {
        self.len as usize == FANOUT
    }

    pub fn insert(&mut self, at: usize, entry: Entry) {
        self.entries.copy_within(at..self.len as usize, at + 1);
        self.entries[at] = entry;
        self.len += 1;
    }

    pub fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entries[at];
        self.entries.copy_within(at + 1..self.len as usize, at);
        self.len -= 1;
        entry
    }

    /// The entry of the child in which a key belongs.
    pub fn route(&self, key: u64) -> usize {
        rank(self.entries(), key).saturating_sub(1)
    }
}

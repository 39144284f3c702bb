//! A B+ tree that also knows in which leaf each member stands, and of each node the one above.
//!
//! So a member leaves without a search, the first ones are read off the first leaves, and a change touches few places of memory.
//! Nodes are not merged when they run low, only given back when they are empty: what leaves mostly comes back somewhere else.

mod node;
mod shape;

use super::{Entry, Member, Place, position, rank, with_key};
use node::{FANOUT, NONE, Node};

#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    /// Levels of nodes above the leaves.
    height: usize,
    first_leaf: u32,
    /// The leaf of each member.
    leaves: Vec<u32>,
    len: usize,
}

impl Default for Tree {
    /// Empty: one leaf.
    fn default() -> Tree {
        let (nodes, free, leaves) = (vec![Node::EMPTY], Vec::new(), Vec::new());
        Tree { nodes, free, root: 0, height: 0, first_leaf: 0, leaves, len: 0 }
    }
}

impl Tree {
    pub fn len(&self) -> usize {
        self.len
    }

    fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    fn node_mut(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }

    fn leaves_in_order(&self) -> impl Iterator<Item = &Node> {
        let mut leaf = self.first_leaf;
        std::iter::from_fn(move || {
            let node = self.nodes.get(leaf as usize)?;
            leaf = node.next;
            Some(node)
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        self.leaves_in_order().flat_map(|leaf| leaf.entries().iter().copied())
    }

    /// Hands over the first so many entries, those of a leaf at a time.
    pub fn firsts(&self, count: usize, mut take: impl FnMut(&[Entry])) {
        let mut left = count;
        for leaf in self.leaves_in_order() {
            let entries = &leaf.entries()[..left.min(leaf.len as usize)];
            take(entries);
            left -= entries.len();
            if left == 0 {
                break;
            }
        }
    }

    pub fn find(&self, count: usize, mut is_it: impl FnMut(&Entry) -> bool) -> Option<(Place, Entry)> {
        let (mut left, mut leaf) = (count, self.first_leaf);
        while let Some(node) = self.nodes.get(leaf as usize).filter(|_| left > 0) {
            let entries = &node.entries()[..left.min(node.len as usize)];
            if let Some(at) = entries.iter().position(&mut is_it) {
                return Some((Place { leaf, at }, entries[at]));
            }
            left -= entries.len();
            leaf = node.next;
        }
        None
    }

    pub fn first(&self) -> Option<Entry> {
        self.node(self.first_leaf).entries().first().copied()
    }

    pub fn get(&self, member: Member) -> Option<Entry> {
        let Place { leaf, at } = self.place_of(member)?;
        self.node(leaf).entries().get(at).copied()
    }

    /// A separator is never above the key that it was made of, so where such a key belongs, it is.
    pub fn with_key(&self, key: u64) -> Option<Entry> {
        let (leaf, _) = self.descend(key);
        with_key(self.node(leaf).entries(), key)
    }

    pub fn place_of(&self, member: Member) -> Option<Place> {
        let &leaf = self.leaves.get(member as usize)?;
        let at = position(self.nodes.get(leaf as usize)?.entries(), member)?;
        Some(Place { leaf, at })
    }

    pub fn insert(&mut self, entry: Entry) {
        let (leaf, _) = self.descend(entry.key);
        self.insert_into(leaf, entry);
    }

    /// Puts in entries whose keys ascend: all that belong in one leaf at once.
    pub fn insert_sorted(&mut self, mut entries: &[Entry]) {
        while let Some(first) = entries.first() {
            let (leaf, below) = self.descend(first.key);
            let fitting = entries.iter().take(FANOUT).take_while(|entry| entry.key < below).count().max(1);
            let (these, others) = entries.split_at(fitting);
            self.merge_into(leaf, these);
            entries = others;
        }
    }

    /// Puts up to [`FANOUT`] entries with ascending keys into the leaf in which they belong.
    fn merge_into(&mut self, leaf: u32, new: &[Entry]) {
        let mut merged = [Entry::default(); 2 * FANOUT];
        let (mut len, mut old) = (0, self.node(leaf).entries());
        for &entry in new {
            let before = rank(old, entry.key);
            merged[len..len + before].copy_from_slice(&old[..before]);
            merged[len + before] = entry;
            len += before + 1;
            old = &old[before..];
        }
        merged[len..len + old.len()].copy_from_slice(old);
        len += old.len();
        self.len += new.len();
        if len <= FANOUT {
            return self.fill(leaf, &merged[..len]);
        }
        let (lower, upper) = merged[..len].split_at(len / 2);
        let right = self.new_node();
        self.fill(leaf, lower);
        self.fill(right, upper);
        self.link_leaf(leaf, right);
        self.add_to_parent(leaf, Entry { key: upper[0].key, member: right, note: 0 });
    }

    /// Makes these the entries of a leaf.
    fn fill(&mut self, leaf: u32, entries: &[Entry]) {
        let node = &mut self.nodes[leaf as usize];
        node.entries[..entries.len()].copy_from_slice(entries);
        node.len = entries.len() as u32;
        for entry in entries {
            let index = entry.member as usize;
            if index >= self.leaves.len() {
                self.leaves.resize(index + 1, NONE);
            }
            self.leaves[index] = leaf;
        }
    }

    pub fn remove(&mut self, member: Member) -> Option<Entry> {
        let Place { leaf, at } = self.place_of(member)?;
        Some(self.remove_at(leaf, at))
    }

    fn remove_at(&mut self, leaf: u32, at: usize) -> Entry {
        let entry = self.node_mut(leaf).remove(at);
        self.leaves[entry.member as usize] = NONE;
        self.len -= 1;
        if self.node(leaf).len == 0 {
            self.remove_leaf(leaf);
        }
        entry
    }

    pub fn change(&mut self, entry: Entry) {
        let Some(place @ Place { leaf, at }) = self.place_of(entry.member) else { return };
        self.node_mut(leaf).entries[at].note = entry.note;
        if self.node(leaf).entries[at].key != entry.key {
            self.move_to(place, entry.key);
        }
    }

    pub fn defer_first(&mut self, key: u64) {
        if self.len == 0 {
            return;
        }
        let node = self.node_mut(self.first_leaf);
        match node.entries[..node.len as usize].get(1) {
            Some(second) if second.key > key => node.entries[0].key = key,
            _ => self.move_to(Place { leaf: self.first_leaf, at: 0 }, key),
        }
    }

    pub fn move_to(&mut self, Place { leaf, at }: Place, key: u64) {
        let entries = self.node(leaf).entries();
        // Between the first and the last one of the leaf there is no other leaf.
        if entries.first().is_some_and(|first| first.key <= key) && entries.last().is_some_and(|last| key < last.key) {
            let node = self.node_mut(leaf);
            super::reorder(&mut node.entries[..node.len as usize], at, key);
        } else {
            let entry = self.remove_at(leaf, at);
            self.insert(Entry { key, ..entry });
        }
    }

    /// Moves the first entries to `out`, up to `count` of them, with keys up to `latest`.
    pub fn take_first(&mut self, count: usize, latest: u64, out: &mut Vec<Entry>) {
        let mut left = count.min(self.len);
        while left > 0 {
            let leaf = self.first_leaf;
            let taken = left.min(rank(self.node(leaf).entries(), latest));
            if taken == 0 {
                break;
            }
            let node = &mut self.nodes[leaf as usize];
            for entry in &node.entries[..taken] {
                self.leaves[entry.member as usize] = NONE;
                out.push(*entry);
            }
            node.entries.copy_within(taken..node.len as usize, 0);
            node.len -= taken as u32;
            if node.len == 0 {
                self.remove_leaf(leaf);
            }
            self.len -= taken;
            left -= taken;
        }
    }

    pub fn subtract(&mut self, number: u64) {
        let entries = self.nodes.iter_mut().flat_map(|node| &mut node.entries);
        entries.for_each(|entry| entry.key = entry.key.saturating_sub(number));
    }

    /// The leaf in which a key belongs, and the key from which on it would be the next one.
    fn descend(&self, key: u64) -> (u32, u64) {
        let (mut at, mut below) = (self.root, u64::MAX);
        for _ in 0..self.height {
            let node = self.node(at);
            let place = node.route(key);
            below = node.entries().get(place + 1).map_or(below, |next| next.key);
            at = node.entries[place].member;
        }
        (at, below)
    }

    fn insert_into(&mut self, mut leaf: u32, entry: Entry) {
        if self.node(leaf).is_full() {
            let node = self.node(leaf);
            // Behind everybody: as numbers that only grow come here, full leaves are left behind.
            let keep = if node.next == NONE && node.entries[FANOUT - 1].key <= entry.key { FANOUT } else { FANOUT / 2 };
            let right = self.split(leaf, keep);
            self.link_leaf(leaf, right);
            let key = self.node(right).entries().first().map_or(entry.key, |first| first.key);
            self.add_to_parent(leaf, Entry { key, member: right, note: 0 });
            if key <= entry.key {
                leaf = right;
            }
        }
        let node = self.node_mut(leaf);
        node.insert(rank(node.entries(), entry.key), entry);
        let index = entry.member as usize;
        if index >= self.leaves.len() {
            self.leaves.resize(index + 1, NONE);
        }
        self.leaves[index] = leaf;
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u32) -> Entry {
        Entry { key: number.into(), member: number, note: 0 }
    }

    #[test]
    fn nodes_of_few_entries_are_as_good_as_full_ones() {
        let mut tree = Tree::default();
        (0..5000).for_each(|number| tree.insert(entry(number)));
        (0..5000).filter(|number| number % 40 != 0).for_each(|number| assert!(tree.remove(number).is_some()));
        assert!(tree.iter().map(|entry| entry.member).eq((0..5000).step_by(40)));
        (0..5000).rev().filter(|number| number % 40 != 0).for_each(|number| tree.insert(entry(number)));
        assert!(tree.iter().map(|entry| entry.member).eq(0..5000));
    }

    #[test]
    fn every_node_is_given_back() {
        let mut tree = Tree::default();
        for round in 0..3u32 {
            (0..3000u32).for_each(|number| tree.insert(entry(number.reverse_bits() >> 20)));
            (0..3000u32).for_each(|number| assert!(tree.remove(number.reverse_bits() >> 20).is_some()));
            assert_eq!((tree.first(), tree.len(), tree.height), (None, 0, 0), "round {round}");
            assert_eq!(tree.free.len() + 1, tree.nodes.len(), "one leaf is left");
        }
    }
}

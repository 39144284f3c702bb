//! How the tree grows and shrinks: nodes that are split, and nodes that are given back.

use super::node::{FANOUT, NONE, Node};
use super::{Entry, Tree, position};

impl Tree {
    pub(super) fn new_node(&mut self) -> u32 {
        if let Some(free) = self.free.pop() {
            *self.node_mut(free) = Node::EMPTY;
            return free;
        }
        self.nodes.push(Node::EMPTY);
        (self.nodes.len() - 1) as u32
    }

    /// Moves the entries of a full node from `keep` on to a new one, which is returned.
    pub(super) fn split(&mut self, left: u32, keep: usize) -> u32 {
        let right = self.new_node();
        let mut upper = Node::EMPTY;
        let node = self.node_mut(left);
        upper.entries[..FANOUT - keep].copy_from_slice(&node.entries[keep..]);
        upper.len = (FANOUT - keep) as u32;
        upper.parent = node.parent;
        node.len = keep as u32;
        *self.node_mut(right) = upper;
        right
    }

    /// Makes a new leaf the right neighbour of one, and notes that the members in it are there.
    pub(super) fn link_leaf(&mut self, left: u32, right: u32) {
        let next = std::mem::replace(&mut self.node_mut(left).next, right);
        if let Some(next) = self.nodes.get_mut(next as usize) {
            next.previous = right;
        }
        let node = &mut self.nodes[right as usize];
        (node.previous, node.next) = (left, next);
        for entry in &node.entries[..node.len as usize] {
            self.leaves[entry.member as usize] = right;
        }
    }

    /// Puts the entry of a new node behind that of its left neighbour, in the node above, which may have to be split as well.
    pub(super) fn add_to_parent(&mut self, mut left: u32, mut entry: Entry) {
        loop {
            let mut parent = self.node(left).parent;
            if parent == NONE {
                return self.add_root(left, entry);
            }
            let mut place = position(self.node(parent).entries(), left).map_or(0, |at| at + 1);
            let full = self.node(parent).is_full();
            let mut above = None;
            if full {
                let right = self.split(parent, FANOUT / 2);
                self.adopt(right);
                above = Some((parent, Entry { key: self.node(right).entries[0].key, member: right, note: 0 }));
                if place > FANOUT / 2 {
                    (parent, place) = (right, place - FANOUT / 2);
                }
            }
            self.node_mut(parent).insert(place, entry);
            self.node_mut(entry.member).parent = parent;
            let Some(next) = above else { return };
            (left, entry) = next;
        }
    }

    /// Tells the children of a new node that it is above them.
    pub(super) fn adopt(&mut self, parent: u32) {
        for at in 0..self.node(parent).len as usize {
            let child = self.node(parent).entries[at].member;
            self.node_mut(child).parent = parent;
        }
    }

    pub(super) fn add_root(&mut self, left: u32, right: Entry) {
        let root = self.new_node();
        let node = self.node_mut(root);
        node.insert(0, Entry { key: 0, member: left, note: 0 });
        node.insert(1, right);
        self.adopt(root);
        self.root = root;
        self.height += 1;
    }

    /// Gives back a leaf without entries, and the nodes above that are empty without it. The last leaf stays.
    pub(super) fn remove_leaf(&mut self, leaf: u32) {
        if self.height == 0 {
            return;
        }
        let Node { previous, next, .. } = *self.node(leaf);
        match self.nodes.get_mut(previous as usize) {
            Some(node) => node.next = next,
            None => self.first_leaf = next,
        }
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = previous;
        }
        let mut empty = leaf;
        loop {
            let parent = self.node(empty).parent;
            self.free.push(empty);
            let Some(at) = self.nodes.get(parent as usize).and_then(|node| position(node.entries(), empty)) else {
                break;
            };
            self.node_mut(parent).remove(at);
            if self.node(parent).len > 0 {
                break;
            }
            empty = parent;
        }
        while self.height > 0 && self.node(self.root).len == 1 {
            let only = self.node(self.root).entries[0].member;
            self.free.push(self.root);
            self.node_mut(only).parent = NONE;
            self.root = only;
            self.height -= 1;
        }
    }
}

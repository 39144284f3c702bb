//! Members in the order of a key: a B+ tree that also knows in which leaf each member stands.
//!
//! So a member leaves without a search, the best are read off the first leaf, and a change touches few places of memory. Nodes
//! are not merged when they run low, only given back when they are empty: what leaves mostly comes back somewhere else.

use super::Member;

/// Entries of a node.
const FANOUT: usize = 16;
const NONE: u32 = u32::MAX;

/// The ordered members. Keys are different from each other.
#[derive(Debug)]
pub(super) struct Ordered<K> {
    nodes: Vec<Node<K>>,
    free: Vec<u32>,
    root: u32,
    /// Levels of nodes above the leaves.
    height: usize,
    first_leaf: u32,
    /// The leaf of each member.
    leaves: Vec<u32>,
}

/// A leaf, whose children are members, or a node above, whose children are nodes with keys not below the one beside them. In
/// front of the first one of a level, all keys are allowed.
#[derive(Clone, Debug)]
struct Node<K> {
    len: usize,
    keys: [K; FANOUT],
    children: [u32; FANOUT],
    /// Neighbours of a leaf.
    previous: u32,
    next: u32,
}

impl<K: Copy + Ord + Default> Node<K> {
    fn new() -> Node<K> {
        Node { len: 0, keys: [K::default(); FANOUT], children: [NONE; FANOUT], previous: NONE, next: NONE }
    }

    fn insert(&mut self, at: usize, key: K, child: u32) {
        self.keys.copy_within(at..self.len, at + 1);
        self.children.copy_within(at..self.len, at + 1);
        self.keys[at] = key;
        self.children[at] = child;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        self.keys.copy_within(at + 1..self.len, at);
        self.children.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    /// How many keys are not above this one.
    fn rank(&self, key: &K) -> usize {
        self.keys[..self.len].partition_point(|other| other <= key)
    }

    /// The child in which a key belongs.
    fn route(&self, key: &K) -> usize {
        self.rank(key).saturating_sub(1)
    }

    fn position(&self, child: u32) -> Option<usize> {
        self.children[..self.len].iter().position(|&other| other == child)
    }
}

/// The nodes from the root to a leaf, each with the place of the next one in it.
type Path = smallvec::SmallVec<[(u32, usize); 8]>;

impl<K: Copy + Ord + Default> Default for Ordered<K> {
    fn default() -> Ordered<K> {
        Ordered { nodes: Vec::new(), free: Vec::new(), root: NONE, height: 0, first_leaf: NONE, leaves: Vec::new() }
    }
}

impl<K: Copy + Ord + Default> Ordered<K> {
    /// All members with their keys, the lowest key first.
    pub fn iter(&self) -> impl Iterator<Item = (K, Member)> {
        let (mut leaf, mut at) = (self.first_leaf, 0);
        std::iter::from_fn(move || {
            let mut node = self.nodes.get(leaf as usize)?;
            if at == node.len {
                (leaf, at) = (node.next, 0);
                node = self.nodes.get(leaf as usize)?;
            }
            at += 1;
            Some((node.keys[at - 1], node.children[at - 1]))
        })
    }

    /// The lowest key and its member.
    pub fn first(&self) -> Option<(K, Member)> {
        let node = self.nodes.get(self.first_leaf as usize)?;
        Some((node.keys[0], node.children[0]))
    }

    /// Puts in a member that is not there.
    pub fn insert(&mut self, key: K, member: Member) {
        if member as usize >= self.leaves.len() {
            self.leaves.resize(member as usize + 1, NONE);
        }
        if self.root == NONE {
            self.root = self.new_node();
            self.first_leaf = self.root;
        }
        let (path, mut leaf) = self.descend(&key);
        if self.nodes[leaf as usize].len == FANOUT {
            let right = self.split_leaf(leaf);
            self.add_to_parent(path, self.nodes[right as usize].keys[0], right);
            if self.nodes[right as usize].keys[0] <= key {
                leaf = right;
            }
        }
        let node = &mut self.nodes[leaf as usize];
        node.insert(node.rank(&key), key, member);
        self.leaves[member as usize] = leaf;
    }

    /// Takes out a member that is there under this key.
    pub fn remove(&mut self, key: K, member: Member) {
        let leaf = std::mem::replace(&mut self.leaves[member as usize], NONE);
        let Some(node) = self.nodes.get_mut(leaf as usize) else { return };
        let Some(at) = node.position(member) else { return };
        node.remove(at);
        if node.len == 0 {
            self.remove_leaf(leaf, &key);
        }
    }

    fn new_node(&mut self) -> u32 {
        if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = Node::new();
            return free;
        }
        self.nodes.push(Node::new());
        (self.nodes.len() - 1) as u32
    }

    fn descend(&self, key: &K) -> (Path, u32) {
        let (mut path, mut at) = (Path::new(), self.root);
        for _ in 0..self.height {
            let node = &self.nodes[at as usize];
            let place = node.route(key);
            path.push((at, place));
            at = node.children[place];
        }
        (path, at)
    }

    /// Moves the upper half of a full node to a new one, which is returned.
    fn split(&mut self, left: u32) -> u32 {
        let right = self.new_node();
        let mut upper = Node::new();
        let node = &mut self.nodes[left as usize];
        upper.len = FANOUT / 2;
        upper.keys[..FANOUT / 2].copy_from_slice(&node.keys[FANOUT / 2..]);
        upper.children[..FANOUT / 2].copy_from_slice(&node.children[FANOUT / 2..]);
        node.len = FANOUT / 2;
        self.nodes[right as usize] = upper;
        right
    }

    fn split_leaf(&mut self, left: u32) -> u32 {
        let right = self.split(left);
        let next = std::mem::replace(&mut self.nodes[left as usize].next, right);
        if let Some(next) = self.nodes.get_mut(next as usize) {
            next.previous = right;
        }
        let node = &mut self.nodes[right as usize];
        (node.previous, node.next) = (left, next);
        for &member in &node.children[..node.len] {
            self.leaves[member as usize] = right;
        }
        right
    }

    /// Puts a node behind the one that `path` leads to, in the node above, which may have to be split as well.
    fn add_to_parent(&mut self, mut path: Path, mut key: K, mut child: u32) {
        while let Some((parent, place)) = path.pop() {
            if self.nodes[parent as usize].len < FANOUT {
                return self.nodes[parent as usize].insert(place + 1, key, child);
            }
            let right = self.split(parent);
            let right_key = self.nodes[right as usize].keys[0];
            if place < FANOUT / 2 {
                self.nodes[parent as usize].insert(place + 1, key, child);
            } else {
                self.nodes[right as usize].insert(place + 1 - FANOUT / 2, key, child);
            }
            (key, child) = (right_key, right);
        }
        let old = std::mem::replace(&mut self.root, NONE);
        self.root = self.new_node();
        self.height += 1;
        let root = &mut self.nodes[self.root as usize];
        root.insert(0, K::default(), old);
        root.insert(1, key, child);
    }

    /// Gives back a leaf in which `key` was the last one, and the nodes above that are empty without it.
    fn remove_leaf(&mut self, leaf: u32, key: &K) {
        let Node { previous, next, .. } = self.nodes[leaf as usize];
        match self.nodes.get_mut(previous as usize) {
            Some(node) => node.next = next,
            None => self.first_leaf = next,
        }
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = previous;
        }
        let (mut path, mut empty) = self.descend(key);
        loop {
            self.free.push(empty);
            let Some((parent, place)) = path.pop() else {
                self.root = NONE;
                self.height = 0;
                return;
            };
            self.nodes[parent as usize].remove(place);
            if self.nodes[parent as usize].len > 0 {
                break;
            }
            empty = parent;
        }
        while self.height > 0 && self.nodes[self.root as usize].len == 1 {
            self.free.push(self.root);
            self.root = self.nodes[self.root as usize].children[0];
            self.height -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeSet;

    /// The order of a naive model after random insertions and removals, with phases of growing and shrinking, so that nodes
    /// of all levels come and go.
    #[test]
    fn it_orders_as_a_naive_model_does() {
        let (mut ordered, mut model, mut random) = (Ordered::default(), BTreeSet::new(), Random::new(6));
        let mut keys = vec![None; 3000];
        for step in 0..60_000u64 {
            let growing = (step / 6000) % 2 == 0;
            let member = random.below(keys.len() as u64) as u32;
            let slot = &mut keys[member as usize];
            match *slot {
                Some(key) if !growing || random.below(4) == 0 => {
                    ordered.remove(key, member);
                    model.remove(&(key, member));
                    *slot = None;
                }
                None if growing || random.below(8) == 0 => {
                    let key = (random.below(50), step);
                    ordered.insert(key, member);
                    model.insert((key, member));
                    *slot = Some(key);
                }
                _ => {}
            }
            assert_eq!(ordered.first(), model.first().copied());
            if step % 500 == 0 {
                assert!(ordered.iter().eq(model.iter().copied()), "step {step}");
            }
        }
        for (key, member) in model {
            assert_eq!(ordered.first(), Some((key, member)));
            ordered.remove(key, member);
        }
        assert_eq!((ordered.first(), ordered.height), (None, 0));
        assert_eq!(ordered.free.len(), ordered.nodes.len(), "every node is given back");
    }

    #[test]
    fn nodes_of_few_entries_are_as_good_as_full_ones() {
        let mut ordered = Ordered::default();
        (0..5000u32).for_each(|member| ordered.insert(member, member));
        (0..5000u32).filter(|member| member % 40 != 0).for_each(|member| ordered.remove(member, member));
        assert!(ordered.iter().map(|(_, member)| member).eq((0..5000).step_by(40)));
        (0..5000u32).filter(|member| member % 40 != 0).for_each(|member| ordered.insert(member, member));
        assert!(ordered.iter().map(|(_, member)| member).eq(0..5000));
    }
}

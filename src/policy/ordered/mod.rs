//! Members in the order of a number, the lowest first; among equals, in the order in which they came.
//!
//! Few members are a sorted list, which lies in the selector itself when they are one or two: most operations move a few
//! neighbours. Many are a tree, see `tree.rs`.

mod tree;

use super::Member;
use smallvec::SmallVec;
use tree::Tree;

/// A member and what orders it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: u64,
    pub member: Member,
    /// Whatever the policy wants to find here without another place of memory to look at.
    pub note: u32,
}

/// The ordered members. A list has at most `LISTED` of them; a tree that shrinks to half of that becomes a list again.
#[derive(Debug, Default)]
pub(super) struct Ordered<const LISTED: usize = 32> {
    /// Empty while there is a tree.
    list: SmallVec<[Entry; 2]>,
    tree: Option<Box<Tree>>,
}

/// Where an entry is, until something changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// In a tree.
    leaf: u32,
    at: usize,
}

/// How many of the sorted entries have a key that is not above this one.
fn rank(entries: &[Entry], key: u64) -> usize {
    entries.partition_point(|entry| entry.key <= key)
}

/// Looks at all of them: where it is cannot be predicted, and they are few.
fn position(entries: &[Entry], member: Member) -> Option<usize> {
    let mut found = entries.len();
    for (at, entry) in entries.iter().enumerate() {
        found = if entry.member == member { at } else { found };
    }
    (found < entries.len()).then_some(found)
}

/// The entry with this key, where no two have the same.
fn with_key(entries: &[Entry], key: u64) -> Option<Entry> {
    let last_not_above = entries.get(rank(entries, key).checked_sub(1)?)?;
    (last_not_above.key == key).then_some(*last_not_above)
}

/// Gives the entry at `from` another key and moves it to where it then belongs, behind its equals.
fn reorder(entries: &mut [Entry], from: usize, key: u64) {
    let entry = Entry { key, ..entries[from] };
    let to = if key < entries[from].key {
        let to = rank(&entries[..from], key);
        entries.copy_within(to..from, to + 1);
        to
    } else {
        let behind = from + 1 + rank(&entries[from + 1..], key);
        entries.copy_within(from + 1..behind, from);
        behind - 1
    };
    entries[to] = entry;
}

impl<const LISTED: usize> Ordered<LISTED> {
    /// All entries, the lowest key first.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        // One of the two is empty.
        let tree = self.tree.as_deref().map(Tree::iter).into_iter().flatten();
        self.list.iter().copied().chain(tree)
    }

    /// Appends the members of the lowest keys.
    pub fn list(&self, items: usize, out: &mut Vec<Member>) {
        self.firsts(items, |entries| out.extend(entries.iter().map(|entry| entry.member)));
    }

    /// Appends the entries of the lowest keys.
    pub fn first_entries(&self, count: usize, out: &mut Vec<Entry>) {
        self.firsts(count, |entries| out.extend_from_slice(entries));
    }

    /// Hands over the first so many entries, some at a time.
    fn firsts(&self, count: usize, mut take: impl FnMut(&[Entry])) {
        match &self.tree {
            Some(tree) => tree.firsts(count, take),
            None => take(&self.list[..count.min(self.list.len())]),
        }
    }

    /// The first one of the first `count` entries for which `is_it` holds, and its place.
    pub fn find(&self, count: usize, mut is_it: impl FnMut(&Entry) -> bool) -> Option<(Place, Entry)> {
        match &self.tree {
            Some(tree) => tree.find(count, is_it),
            None => {
                let at = self.list.iter().take(count).position(&mut is_it)?;
                Some((Place { leaf: 0, at }, self.list[at]))
            }
        }
    }

    /// The entry of a member, if it is there.
    pub fn get(&self, member: Member) -> Option<Entry> {
        match &self.tree {
            Some(tree) => tree.get(member),
            None => position(&self.list, member).map(|at| self.list[at]),
        }
    }

    /// The entry with this key, if it is there; for sets in which no two have the same.
    pub fn with_key(&self, key: u64) -> Option<Entry> {
        match &self.tree {
            Some(tree) => tree.with_key(key),
            None => with_key(&self.list, key),
        }
    }

    /// Where a member is, if it is there.
    pub fn place_of(&self, member: Member) -> Option<Place> {
        match &self.tree {
            Some(tree) => tree.place_of(member),
            None => position(&self.list, member).map(|at| Place { leaf: 0, at }),
        }
    }

    /// Gives the entry at this place another key, and moves it to where it then belongs, behind its equals.
    pub fn change_at(&mut self, place: Place, key: u64) {
        match &mut self.tree {
            Some(tree) => tree.move_to(place, key),
            None => reorder(&mut self.list, place.at, key),
        }
    }

    pub fn first(&self) -> Option<Entry> {
        match &self.tree {
            Some(tree) => tree.first(),
            None => self.list.first().copied(),
        }
    }

    /// Puts in a member that is not there.
    pub fn insert(&mut self, entry: Entry) {
        match &mut self.tree {
            Some(tree) => tree.insert(entry),
            None if self.list.len() < LISTED => self.list.insert(rank(&self.list, entry.key), entry),
            None => {
                let mut tree = Box::<Tree>::default();
                self.list.drain(..).for_each(|entry| tree.insert(entry));
                tree.insert(entry);
                self.tree = Some(tree);
            }
        }
    }

    /// Takes a member out, if it is there.
    pub fn remove(&mut self, member: Member) -> Option<Entry> {
        let Some(tree) = &mut self.tree else {
            return Some(self.list.remove(position(&self.list, member)?));
        };
        let removed = tree.remove(member);
        self.shrink();
        removed
    }

    /// Changes the entry of a member that is there. With the key that it has, it keeps its place.
    pub fn change(&mut self, entry: Entry) {
        match &mut self.tree {
            Some(tree) => tree.change(entry),
            None => {
                let Some(at) = position(&self.list, entry.member) else { return };
                self.list[at].note = entry.note;
                if self.list[at].key != entry.key {
                    reorder(&mut self.list, at, entry.key);
                }
            }
        }
    }

    /// Gives the first one a key that is not below the one that it has, and moves it behind its equals.
    pub fn defer_first(&mut self, key: u64) {
        match &mut self.tree {
            Some(tree) => tree.defer_first(key),
            None => match self.list.as_mut_slice() {
                [] => {}
                [only] => only.key = key,
                [first, second, ..] if second.key > key => first.key = key,
                list => reorder(list, 0, key),
            },
        }
    }

    /// Moves the first entries to `out`, up to `count` of them, with keys up to `latest`. A tree stays one: entries mostly come
    /// back, and [`Ordered::shrink`] is to be called then.
    pub fn take_first(&mut self, count: usize, latest: u64, out: &mut Vec<Entry>) {
        let Some(tree) = &mut self.tree else {
            let count = count.min(rank(&self.list, latest));
            out.extend(self.list.drain(..count));
            return;
        };
        tree.take_first(count, latest, out);
    }

    /// Puts in members that are not there, with ascending keys.
    pub fn insert_sorted(&mut self, entries: &[Entry]) {
        match &mut self.tree {
            Some(tree) => tree.insert_sorted(entries),
            None => entries.iter().for_each(|&entry| self.insert(entry)),
        }
    }

    /// Makes a list of a tree that has become small.
    pub fn shrink(&mut self) {
        if let Some(tree) = self.tree.take_if(|tree| tree.len() <= LISTED / 2) {
            self.list.extend(tree.iter());
        }
    }

    /// Subtracts from all keys, of which none is below that number.
    pub fn subtract(&mut self, number: u64) {
        self.list.iter_mut().for_each(|entry| entry.key = entry.key.saturating_sub(number));
        if let Some(tree) = &mut self.tree {
            tree.subtract(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The slow and obvious way: a sorted list, in which equals stand in the order in which they came.
    #[derive(Default)]
    struct Model(Vec<Entry>);

    impl Model {
        fn insert(&mut self, entry: Entry) {
            let at = self.0.iter().filter(|other| other.key <= entry.key).count();
            self.0.insert(at, entry);
        }

        fn remove(&mut self, member: Member) -> Option<Entry> {
            let at = self.0.iter().position(|entry| entry.member == member)?;
            Some(self.0.remove(at))
        }
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Trend {
        Growing,
        Shrinking,
    }

    fn step(ordered: &mut Ordered, model: &mut Model, random: &mut Random, trend: Trend) {
        let member = random.below(700) as Member;
        let known = model.0.iter().find(|entry| entry.member == member).copied();
        assert_eq!(ordered.get(member), known);
        // Few keys: many are equal.
        let entry = Entry { key: random.below(60), member, note: random.below(9) as u32 };
        match known {
            None if trend == Trend::Growing || random.below(8) == 0 => {
                ordered.insert(entry);
                model.insert(entry);
            }
            Some(_) if trend == Trend::Shrinking => assert_eq!(ordered.remove(member), model.remove(member)),
            Some(known) => {
                ordered.change(entry);
                if known.key == entry.key {
                    let same = model.0.iter_mut().find(|other| other.member == member).expect("known");
                    same.note = entry.note;
                } else {
                    model.remove(member);
                    model.insert(entry);
                }
            }
            None => assert_eq!(ordered.remove(member), None),
        }
        let key = |entry: &Entry, more: u64| entry.key + more * u64::from(entry.note % 3);
        if random.below(4) == 0 && !model.0.is_empty() {
            let first = model.0.remove(0);
            ordered.defer_first(key(&first, 1));
            model.insert(Entry { key: key(&first, 1), ..first });
        }
        if let Some((place, found)) = ordered.find(20, |entry| entry.note == 4) {
            assert_eq!(model.0.iter().take(20).find(|entry| entry.note == 4), Some(&found));
            let changed = Entry { key: random.below(60), ..found };
            ordered.change_at(place, changed.key);
            model.remove(found.member);
            model.insert(changed);
        }
        if random.below(16) == 0 {
            let count = [0, 1, 3, 50, 3000][random.below(5) as usize];
            let latest = random.below(60);
            let taken = model.0.iter().take(count).take_while(|entry| entry.key <= latest).count();
            let mut firsts = Vec::new();
            ordered.take_first(count, latest, &mut firsts);
            assert!(firsts.iter().copied().eq(model.0.drain(..taken)));
            firsts.iter_mut().for_each(|entry| entry.key = key(entry, 2));
            firsts.sort_by_key(|entry| entry.key);
            ordered.insert_sorted(&firsts);
            ordered.shrink();
            firsts.into_iter().for_each(|entry| model.insert(entry));
        }
        if random.below(64) == 0 {
            let least = model.0.first().map_or(0, |entry| entry.key);
            ordered.subtract(least);
            model.0.iter_mut().for_each(|entry| entry.key -= least);
        }
    }

    #[test]
    fn it_finds_by_keys_that_are_all_different() {
        let (mut ordered, mut model, mut random) = (Ordered::<32>::default(), Model::default(), Random::new(7));
        for phase in 0..8 {
            for _ in 0..1000 {
                let number = random.below(500);
                let known = ordered.with_key(number);
                assert_eq!(known, model.0.iter().find(|entry| entry.key == number).copied());
                let entry = Entry { key: number, member: number as Member, note: phase };
                match known {
                    Some(_) if phase % 2 == 1 => assert_eq!(ordered.remove(entry.member), model.remove(entry.member)),
                    None if phase % 2 == 0 || random.below(8) == 0 => {
                        ordered.insert(entry);
                        model.insert(entry);
                    }
                    _ => {}
                }
            }
        }
    }

    /// With phases of growing and shrinking, so that lists become trees and trees lists, and nodes of all levels come and go.
    #[test]
    fn it_orders_as_a_naive_model_does() {
        let (mut ordered, mut model, mut random) = (Ordered::<32>::default(), Model::default(), Random::new(6));
        for phase in 0..12 {
            let trend = if phase % 2 == 0 { Trend::Growing } else { Trend::Shrinking };
            for _ in 0..1000 {
                step(&mut ordered, &mut model, &mut random, trend);
                assert_eq!(ordered.first(), model.0.first().copied());
            }
            assert!(ordered.iter().eq(model.0.iter().copied()), "phase {phase}");
            let mut listed = Vec::new();
            ordered.list(100, &mut listed);
            assert!(listed.iter().copied().eq(model.0.iter().take(100).map(|entry| entry.member)));
        }
        while let Some(first) = model.0.first().copied() {
            assert_eq!(ordered.remove(first.member), model.remove(first.member));
            assert_eq!(ordered.first(), model.0.first().copied());
        }
        assert!(ordered.tree.is_none());
    }
}

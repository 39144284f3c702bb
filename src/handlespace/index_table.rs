//! A hash table of numbers of entries that lie elsewhere: eight bytes an entry, and one place of memory a look-up.

const EMPTY: u32 = u32::MAX;
const LEAST_SLOTS: usize = 16;
/// At most so many of each [`SLOTS`] are used: half a line of a cache to look at on average.
const USED: usize = 13;
const SLOTS: usize = 16;

/// Open addressing with linear probing; what follows a removed entry moves up, so there are no tombstones.
#[derive(Debug, Default)]
pub(super) struct IndexTable {
    slots: Vec<Slot>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Kept, so that an entry is looked at only when it is the right one, almost always, and never when the table grows.
    hash: u32,
    index: u32,
}

impl IndexTable {
    /// With room for so many entries.
    pub fn with_capacity(entries: usize) -> IndexTable {
        let mut table = IndexTable::default();
        table.grow((entries * SLOTS).div_ceil(USED).next_power_of_two().max(LEAST_SLOTS));
        table
    }

    /// The entry of this hash for which `is_it` holds.
    #[inline]
    pub fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.index == EMPTY {
                return None;
            }
            if slot.hash == hash && is_it(slot.index) {
                return Some(slot.index);
            }
            at = (at + 1) & mask;
        }
    }

    /// Puts in an entry that is not there.
    pub fn insert(&mut self, hash: u32, index: u32) {
        if (self.len + 1) * SLOTS > self.slots.len() * USED {
            self.grow((self.slots.len() * 2).max(LEAST_SLOTS));
        }
        self.place(Slot { hash, index });
        self.len += 1;
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = slot.hash as usize & mask;
        while self.slots[at].index != EMPTY {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self, size: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Slot { hash: 0, index: EMPTY }; size]);
        old.into_iter().filter(|slot| slot.index != EMPTY).for_each(|slot| self.place(slot));
    }

    /// Takes the entry out, if it is there.
    pub fn remove(&mut self, hash: u32, index: u32) {
        let Some(mask) = self.slots.len().checked_sub(1) else { return };
        let mut hole = hash as usize & mask;
        while self.slots[hole].index != index {
            if self.slots[hole].index == EMPTY {
                return;
            }
            hole = (hole + 1) & mask;
        }
        self.len -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.index == EMPTY {
                break;
            }
            // It may move up unless its own place lies behind the hole.
            let from_home = at.wrapping_sub(slot.hash as usize) & mask;
            if from_home >= (at.wrapping_sub(hole) & mask) {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole].index = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    /// Few hashes, so that runs of occupied slots form, wrap around and are torn apart.
    #[test]
    fn it_holds_what_a_naive_model_holds() {
        let (mut table, mut model, mut random) = (IndexTable::default(), BTreeMap::new(), Random::new(8));
        for _ in 0..30_000 {
            let index = random.below(90) as u32;
            match model.get(&index) {
                Some(&hash) if random.below(3) == 0 => {
                    table.remove(hash, index);
                    model.remove(&index);
                }
                Some(_) => table.remove(random.below(1000) as u32 + 1000, 1_000_000),
                None => {
                    let hash = [random.below(20) as u32, u32::MAX - random.below(9) as u32][random.below(2) as usize];
                    table.insert(hash, index);
                    model.insert(index, hash);
                }
            }
            assert_eq!(table.len, model.len());
            let (hash, index) = (random.below(20) as u32, random.below(90) as u32);
            let found = table.find(hash, |found| found == index);
            assert_eq!(found.is_some(), model.get(&index) == Some(&hash));
        }
        for (&index, &hash) in &model {
            assert_eq!(table.find(hash, |found| found == index), Some(index));
        }
    }
}

//! What the client keeps of pools: at most one thing for each pool and key in it, each with at most one deadline.

use crate::collections::{Deadlines, SortedMap};
use crate::{PoolHandle, Time};

/// Something that wants to run at a time.
pub(super) trait HasDeadline {
    /// When; none: it waits for something else.
    fn deadline(&self) -> Option<Time>;
}

/// The table. Whatever changes an entry sets its deadline anew, so nobody can forget to.
pub(super) struct PoolTable<K, V> {
    /// Entries by their numbers, which grow with time.
    entries: SortedMap<u64, Box<Entry<K, V>>>,
    /// The numbers of entries.
    numbers: SortedMap<PoolHandle, SortedMap<K, u64>>,
    deadlines: Deadlines,
    next_number: u64,
}

struct Entry<K, V> {
    pool_handle: PoolHandle,
    key: K,
    /// As it stands in `deadlines`.
    deadline: Option<Time>,
    value: V,
}

impl<K, V: HasDeadline> Entry<K, V> {
    /// The value has changed.
    fn set_deadline(&mut self, number: u64, deadlines: &mut Deadlines) {
        let deadline = self.value.deadline();
        deadlines.set(number, self.deadline, deadline);
        self.deadline = deadline;
    }
}

impl<K: Copy + Ord, V: HasDeadline> PoolTable<K, V> {
    pub(super) fn new() -> PoolTable<K, V> {
        PoolTable {
            entries: SortedMap::new(),
            numbers: SortedMap::new(),
            deadlines: Deadlines::default(),
            next_number: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn number(&self, handle: &PoolHandle, key: K) -> Option<u64> {
        self.numbers.get(handle)?.get(&key).copied()
    }

    pub(super) fn get(&self, handle: &PoolHandle, key: K) -> Option<&V> {
        let number = self.number(handle, key)?;
        self.entries.get(&number).map(|entry| &entry.value)
    }

    pub(super) fn contains(&self, handle: &PoolHandle, key: K) -> bool {
        self.number(handle, key).is_some()
    }

    /// Puts something there; what was there is gone.
    pub(super) fn insert(&mut self, handle: PoolHandle, key: K, value: V) {
        self.remove(&handle, key);
        let number = self.next_number;
        self.next_number += 1;
        let deadline = value.deadline();
        self.deadlines.set(number, None, deadline);
        self.numbers.get_or_insert_with(handle.clone(), SortedMap::new).insert(key, number);
        self.entries.insert(number, Box::new(Entry { pool_handle: handle, key, deadline, value }));
    }

    /// Changes something; none: it is not there.
    pub(super) fn edit<R>(&mut self, handle: &PoolHandle, key: K, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let number = self.number(handle, key)?;
        let entry = self.entries.get_mut(&number)?;
        let result = change(&mut entry.value);
        entry.set_deadline(number, &mut self.deadlines);
        Some(result)
    }

    /// Changes everything, in the order of pools and keys. Rare, so it is compiled once a table, not once a change.
    pub(super) fn edit_all(&mut self, change: &mut dyn FnMut(&PoolHandle, K, &mut V)) {
        for number in self.numbers.values().flat_map(SortedMap::values) {
            let Some(entry) = self.entries.get_mut(number) else { continue };
            change(&entry.pool_handle, entry.key, &mut entry.value);
            entry.set_deadline(*number, &mut self.deadlines);
        }
    }

    pub(super) fn remove(&mut self, handle: &PoolHandle, key: K) -> Option<V> {
        let keys = self.numbers.get_mut(handle)?;
        let number = keys.remove(&key)?;
        if keys.is_empty() {
            self.numbers.remove(handle);
        }
        let entry = self.entries.remove(&number)?;
        self.deadlines.set(number, entry.deadline, None);
        Some(entry.value)
    }

    /// What there is of a pool, in the order of the keys.
    pub(super) fn of_pool(&self, handle: &PoolHandle) -> impl Iterator<Item = (K, &V)> {
        let keys = self.numbers.get(handle).map(SortedMap::iter);
        keys.into_iter().flatten().filter_map(|(key, number)| Some((*key, &self.entries.get(number)?.value)))
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first()
    }

    /// Takes out the deadlines that have come. Whatever changes such an entry next sets its deadline again.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<(Time, PoolHandle, K)> {
        let mut due = Vec::new();
        while let Some(number) = self.deadlines.due(now) {
            self.deadlines.pop();
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            let Some(at) = entry.deadline.take() else { continue };
            due.push((at, entry.pool_handle.clone(), entry.key));
        }
        due
    }

    /// Takes out all deadlines.
    pub(super) fn stop(&mut self) {
        for (number, entry) in self.entries.iter_mut() {
            self.deadlines.set(*number, entry.deadline.take(), None);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = PoolTable { next_number: self.next_number, ..PoolTable::new() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(Option<Time>);

    impl HasDeadline for At {
        fn deadline(&self) -> Option<Time> {
            self.0
        }
    }

    #[test]
    fn every_change_moves_the_deadline_and_each_comes_due_once() {
        let [a, b] = ["a", "b"].map(PoolHandle::from);
        let second = |second| At(Some(Time::from_secs(second)));
        let mut table = PoolTable::new();
        table.insert(b.clone(), 1, second(3));
        table.insert(a.clone(), 7, second(1));
        table.insert(a.clone(), 5, second(2));
        table.edit(&b, 1, |at| *at = second(2));
        table.edit(&a, 5, |at| *at = At(None));
        assert_eq!(table.next_deadline(), Some(Time::from_secs(1)));
        assert!(table.take_due(Time::from_millis(999)).is_empty());
        let due = table.take_due(Time::from_secs(2));
        assert_eq!(due, [(Time::from_secs(1), a.clone(), 7), (Time::from_secs(2), b.clone(), 1)]);
        assert_eq!(table.next_deadline(), None);
        table.edit_all(&mut |_, _, at| *at = second(9));
        assert_eq!(table.next_deadline(), Some(Time::from_secs(9)));
        table.remove(&a, 7);
        assert_eq!(table.of_pool(&a).map(|(key, _)| key).collect::<Vec<_>>(), [5]);
        table.stop();
        assert_eq!((table.next_deadline(), table.len()), (None, 2));
    }
}

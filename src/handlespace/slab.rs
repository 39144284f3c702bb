//! Values under small numbers that stay the same while the value is there.

/// A vector with holes; holes are filled before it grows.
#[derive(Debug)]
pub(super) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub fn with_capacity(values: usize) -> Slab<T> {
        Slab { entries: Vec::with_capacity(values), free: Vec::with_capacity(values) }
    }

    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.entries[index as usize] = Some(value);
            return index;
        }
        self.entries.push(Some(value));
        (self.entries.len() - 1) as u32
    }

    pub fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.entries.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some(value)
    }

    pub fn get(&self, index: u32) -> Option<&T> {
        self.entries.get(index as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.entries.get_mut(index as usize)?.as_mut()
    }

    /// The values at `count` numbers from `from` on, in the order of their numbers.
    pub fn iter_range(&self, from: u32, count: usize) -> impl Iterator<Item = (u32, &T)> {
        let entries = self.entries.get(from as usize..).unwrap_or(&[]);
        entries.iter().zip(from..).take(count).filter_map(|(entry, index)| Some((index, entry.as_ref()?)))
    }

    /// All numbers are smaller.
    pub fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    /// The values from number `from` on, in the order of their numbers.
    pub fn iter_from(&self, from: u32) -> impl Iterator<Item = (u32, &T)> {
        let entries = self.entries.get(from as usize..).unwrap_or(&[]);
        entries.iter().zip(from..).filter_map(|(entry, index)| Some((index, entry.as_ref()?)))
    }
}

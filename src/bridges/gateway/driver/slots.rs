//! Things by numbers that are never used again: a place, and how often it has been taken.

/// Bits of a key that name the place; above them are 24 that count.
const PLACE_BITS: u32 = 32;
const COUNT_MASK: u32 = (1 << 24) - 1;

pub(super) struct Slots<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(super) fn new() -> Slots<T> {
        Slots { places: Vec::new(), free: Vec::new() }
    }

    /// Takes a place; returns its key of 56 bits. None: there are four thousand million already.
    pub(super) fn insert(&mut self, thing: T) -> Option<u64> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.places.len()).ok()?;
                self.places.push((0, None));
                place
            }
        };
        let (count, content) = self.places.get_mut(place as usize)?;
        *count = (*count + 1) & COUNT_MASK;
        *content = Some(thing);
        Some(u64::from(*count) << PLACE_BITS | u64::from(place))
    }

    pub(super) fn get(&self, key: u64) -> Option<&T> {
        let (count, content) = self.places.get(key as u32 as usize)?;
        content.as_ref().filter(|_| u64::from(*count) == key >> PLACE_BITS)
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let (count, content) = self.places.get_mut(key as u32 as usize)?;
        content.as_mut().filter(|_| u64::from(*count) == key >> PLACE_BITS)
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<T> {
        self.get(key)?;
        let place = key as u32;
        self.free.push(place);
        self.places[place as usize].1.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_one_that_is_gone_finds_nobody_else() {
        let mut slots = Slots::new();
        let first = slots.insert("first").unwrap();
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second").unwrap();
        assert_ne!(first, second);
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&"second"));
    }
}

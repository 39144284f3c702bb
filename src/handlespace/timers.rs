//! One timer an element, in a binary heap that knows where each element stands: setting a timer again moves it, so the
//! heap never holds more entries than there are elements.

use crate::Time;

const NOWHERE: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<(Time, u32)>,
    /// Where in `heap` an element stands, by element.
    positions: Vec<u32>,
}

impl Timers {
    /// The earliest timer.
    pub fn first(&self) -> Option<(Time, u32)> {
        self.heap.first().copied()
    }

    /// Sets or moves the timer of an element; `Time::MAX` clears it.
    pub fn set(&mut self, element: u32, at: Time) {
        if at == Time::MAX {
            return self.clear(element);
        }
        let index = element as usize;
        if index >= self.positions.len() {
            self.positions.resize(index + 1, NOWHERE);
        }
        let position = self.positions[index];
        if position == NOWHERE {
            self.heap.push((at, element));
            self.positions[index] = (self.heap.len() - 1) as u32;
            self.up(self.heap.len() - 1);
        } else {
            self.heap[position as usize].0 = at;
            self.up(position as usize);
            self.down(self.positions[index] as usize);
        }
    }

    /// Clears the timer of an element, if it has one.
    pub fn clear(&mut self, element: u32) {
        let Some(position) = self.positions.get_mut(element as usize) else { return };
        let at = std::mem::replace(position, NOWHERE);
        if at == NOWHERE {
            return;
        }
        self.heap.swap_remove(at as usize);
        if let Some(&(_, moved)) = self.heap.get(at as usize) {
            self.positions[moved as usize] = at;
            self.up(at as usize);
            self.down(self.positions[moved as usize] as usize);
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.positions[self.heap[a].1 as usize] = a as u32;
        self.positions[self.heap[b].1 as usize] = b as u32;
    }

    fn up(&mut self, mut at: usize) {
        while at > 0 && self.heap[at] < self.heap[(at - 1) / 2] {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn down(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.heap[child] < self.heap[least] {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.swap(at, least);
            at = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    #[test]
    fn the_first_timer_is_always_the_earliest_of_a_naive_model() {
        let (mut timers, mut model, mut random) = (Timers::default(), BTreeMap::new(), Random::new(4));
        for _ in 0..20_000 {
            let element = random.below(60) as u32;
            if random.below(3) == 0 {
                timers.clear(element);
                model.remove(&element);
            } else {
                let at = Time::from_nanos(random.below(1000));
                timers.set(element, at);
                model.insert(element, at);
            }
            assert_eq!(timers.first(), model.iter().map(|(&e, &t)| (t, e)).min());
            assert_eq!(timers.heap.len(), model.len());
        }
    }
}

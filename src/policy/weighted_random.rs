//! Weighted Random and Randomized Least Used with its variants (RFC 5356 sections 4.4 and 5.4).
//!
//! Members stand in boxes: each in a box that is the least power of two that holds its weight. A draw is a point in all boxes
//! together; it counts when it falls into the part of the box that the weight fills, which is more than half of it, else
//! it is repeated. So a draw takes less than two tries on average, however many members there are, and each member has exactly
//! the probability that its weight gives it.

use super::load::{Degrading, weight_at_distance};
use super::{Member, Selector, slot_of};
use crate::random::Random;
use crate::wire::Policy;

/// The members by the size of their boxes.
#[derive(Debug, Default)]
pub(super) struct WeightedRandom {
    /// The largest boxes first: most draws fall there.
    shelves: Vec<Shelf>,
    entries: Vec<Option<Entry>>,
}

/// The members whose boxes have the same size.
#[derive(Debug)]
struct Shelf {
    /// The size is two to this power.
    exponent: u32,
    cells: Vec<Cell>,
    /// The first so many cells can be drawn; those behind have been, in the selection under way.
    open: usize,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    weight: u32,
    member: Member,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    selections: u32,
    /// Zero: not on any shelf.
    weight: u32,
    /// Where on its shelf.
    position: u32,
}

/// How an element's policy values make its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The weight that it registered; zero: never selected.
    Weight(u32),
    /// What its load leaves unused, but at least one: even the fully loaded are better than nobody.
    Unload(Degrading),
}

impl Rule {
    fn of(policy: &Policy) -> Rule {
        match *policy {
            Policy::WeightedRandom { weight } => Rule::Weight(weight),
            Policy::WeightedRandomDpf { weight, weight_dpf, distance } => {
                Rule::Weight(weight_at_distance(weight, weight_dpf, distance))
            }
            ref other => Rule::Unload(Degrading::load_of(other)),
        }
    }

    fn weight(self, selections: u32) -> u32 {
        match self {
            Rule::Weight(weight) => weight,
            Rule::Unload(load) => {
                let load = u32::try_from(load.value(selections)).unwrap_or(u32::MAX);
                (u32::MAX - load).max(1)
            }
        }
    }

    fn counts(self) -> bool {
        matches!(self, Rule::Unload(load) if load.counts())
    }
}

/// The box of a weight that is not zero.
fn exponent_of(weight: u32) -> u32 {
    u32::BITS - (weight - 1).leading_zeros()
}

impl Shelf {
    fn room(&self) -> u64 {
        (self.open as u64) << self.exponent
    }
}

impl WeightedRandom {
    fn set_weight(&mut self, member: Member, weight: u32) {
        let Some(entry) = slot_of(&mut self.entries, member) else { return };
        let old = std::mem::replace(&mut entry.weight, weight);
        let position = entry.position;
        if old != 0 && weight != 0 && exponent_of(old) == exponent_of(weight) {
            if let Ok(shelf) = self.shelf(exponent_of(weight)) {
                self.shelves[shelf].cells[position as usize].weight = weight;
            }
            return;
        }
        if old != 0 {
            self.take_off(exponent_of(old), position as usize);
        }
        if weight != 0 {
            self.put_on(Cell { weight, member });
        }
    }

    /// Where the shelf of this exponent is, or should be.
    fn shelf(&self, exponent: u32) -> Result<usize, usize> {
        let larger = self.shelves.iter().take_while(|shelf| shelf.exponent > exponent).count();
        match self.shelves.get(larger) {
            Some(shelf) if shelf.exponent == exponent => Ok(larger),
            _ => Err(larger),
        }
    }

    fn put_on(&mut self, cell: Cell) {
        let exponent = exponent_of(cell.weight);
        let at = self.shelf(exponent).unwrap_or_else(|at| {
            self.shelves.insert(at, Shelf { exponent, cells: Vec::new(), open: 0 });
            at
        });
        let shelf = &mut self.shelves[at];
        shelf.cells.push(cell);
        shelf.open = shelf.cells.len();
        let position = shelf.open - 1;
        self.note_position(at, position);
    }

    fn take_off(&mut self, exponent: u32, position: usize) {
        let Ok(at) = self.shelf(exponent) else { return };
        let shelf = &mut self.shelves[at];
        shelf.cells.swap_remove(position);
        shelf.open = shelf.cells.len();
        if shelf.cells.is_empty() {
            self.shelves.remove(at);
        } else if position < self.shelves[at].cells.len() {
            self.note_position(at, position);
        }
    }

    fn note_position(&mut self, shelf: usize, position: usize) {
        let member = self.shelves[shelf].cells[position].member;
        if let Some(entry) = slot_of(&mut self.entries, member) {
            entry.position = position as u32;
        }
    }

    /// A member of those that can be drawn; it cannot be drawn again until the shelves are opened. `room`: of all of them.
    fn draw(&mut self, random: &mut Random, room: &mut u64) -> Option<Member> {
        while *room > 0 {
            let mut point = random.below(*room);
            let mut at = 0;
            while point >= self.shelves.get(at)?.room() {
                point -= self.shelves[at].room();
                at += 1;
            }
            let shelf = &mut self.shelves[at];
            let position = (point >> shelf.exponent) as usize;
            let cell = shelf.cells[position];
            let inside = point & ((1 << shelf.exponent) - 1);
            if inside < u64::from(cell.weight) {
                *room -= 1 << shelf.exponent;
                shelf.open -= 1;
                let last = shelf.open;
                shelf.cells.swap(position, last);
                self.note_position(at, position);
                self.note_position(at, last);
                return Some(cell.member);
            }
        }
        None
    }
}

impl Selector for WeightedRandom {
    fn insert(&mut self, member: Member, policy: &Policy) {
        *slot_of(&mut self.entries, member) =
            Some(Entry { rule: Rule::of(policy), selections: 0, weight: 0, position: 0 });
        self.set_weight(member, Rule::of(policy).weight(0));
    }

    fn update(&mut self, member: Member, policy: &Policy) {
        let rule = Rule::of(policy);
        if let Some(entry) = slot_of(&mut self.entries, member) {
            (entry.rule, entry.selections) = (rule, 0);
            if entry.weight != rule.weight(0) {
                self.set_weight(member, rule.weight(0));
            }
        }
    }

    fn remove(&mut self, member: Member) {
        self.set_weight(member, 0);
        *slot_of(&mut self.entries, member) = None;
    }

    fn select(&mut self, items: usize, random: &mut Random, out: &mut Vec<Member>) {
        let first = out.len();
        let mut room = self.shelves.iter().map(Shelf::room).sum();
        while out.len() - first < items {
            let Some(member) = self.draw(random, &mut room) else { break };
            out.push(member);
        }
        self.shelves.iter_mut().for_each(|shelf| shelf.open = shelf.cells.len());
        let counting = |entry: &Entry| entry.rule.counts();
        if !out.get(first).is_some_and(|&member| slot_of(&mut self.entries, member).as_ref().is_some_and(counting)) {
            return;
        }
        for &member in &out[first..] {
            let Some(entry) = slot_of(&mut self.entries, member) else { continue };
            entry.selections = entry.selections.saturating_add(1);
            let weight = entry.rule.weight(entry.selections);
            self.set_weight(member, weight);
        }
    }
}

//! Weighted Random and Randomized Least Used with its variants (RFC 5356 sections 4.4 and 5.4).
//!
//! Members stand in boxes: each in a box that is the least power of two that holds its weight. A draw is a point in all boxes
//! together; it counts when it falls into the part of the box that the weight fills, which is more than half of it, else
//! it is repeated. So a draw takes less than two tries on average, however many members there are, and each member has exactly
//! the probability that its weight gives it.

use super::load::{Degrading, weight_at_distance};
use super::{Member, Selector, Table, slot_of};
use crate::random::Random;
use crate::wire::Policy;
use smallvec::SmallVec;

/// So many members at most are drawn from a copy of all of them when most of them are wanted.
const FEW: usize = 16;
/// Tries for each item at most, before drawing goes on without those that have been drawn. One in two hits.
const MAX_TRIES: usize = 8;

/// The members by the size of their boxes.
#[derive(Debug, Default)]
pub(super) struct WeightedRandom {
    /// The largest boxes first: most draws fall there.
    shelves: SmallVec<[Shelf; 1]>,
    /// All boxes together.
    room: u64,
    /// How many members have one.
    boxes: usize,
    entries: Table<Entry>,
    /// Whether the policy of the pool counts selections.
    counts: bool,
    /// The number of this selection, never zero.
    selection: u32,
}

/// The members whose boxes have the same size.
#[derive(Debug)]
struct Shelf {
    /// The size is two to this power.
    exponent: u32,
    cells: SmallVec<[Cell; 2]>,
    /// The first so many cells can be drawn; those behind have been, in the selection under way.
    open: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    weight: u32,
    member: Member,
    /// The last selection in which it was drawn by [`WeightedRandom::draw_marking`].
    drawn_in: u32,
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
            self.put_on(Cell { weight, member, drawn_in: 0 });
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
            self.shelves.insert(at, Shelf { exponent, cells: SmallVec::new(), open: 0 });
            at
        });
        let shelf = &mut self.shelves[at];
        shelf.cells.push(cell);
        (self.room, self.boxes) = (self.room + (1 << exponent), self.boxes + 1);
        shelf.open = shelf.cells.len();
        let position = shelf.open - 1;
        self.note_position(at, position);
    }

    fn take_off(&mut self, exponent: u32, position: usize) {
        let Ok(at) = self.shelf(exponent) else { return };
        let shelf = &mut self.shelves[at];
        shelf.cells.swap_remove(position);
        (self.room, self.boxes) = (self.room - (1 << exponent), self.boxes - 1);
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

    /// The shelf and the place of a cell into which a random point of that much room falls; none when it falls beside.
    fn hit(&self, random: &mut Random, room: u64) -> Option<(usize, usize)> {
        let mut point = random.below(room);
        let mut at = 0;
        while point >= self.shelves.get(at)?.room() {
            point -= self.shelves[at].room();
            at += 1;
        }
        let shelf = &self.shelves[at];
        let position = (point >> shelf.exponent) as usize;
        let inside = point & ((1 << shelf.exponent) - 1);
        (inside < u64::from(shelf.cells[position].weight)).then_some((at, position))
    }

    /// Draws up to `items` different members, by marking them. Who is drawn again is left out, and another draw made: among the
    /// others, each has the probability that its weight gives it. When few members have most of the weight, that takes too
    /// many tries: then fewer are drawn, and the rest is to be drawn otherwise.
    ///
    /// No branch depends on what is drawn: each would be mispredicted often.
    fn draw_marking(&mut self, items: usize, random: &mut Random, out: &mut Vec<Member>) {
        self.begin_to_mark();
        let first = out.len();
        out.resize(first + items, 0);
        let drawn = &mut out[first..];
        let (mut count, mut tries) = (0, MAX_TRIES * items);
        while count < items && tries > 0 {
            tries -= 1;
            let point = random.below(self.room);
            let (mut at, mut below, mut end) = (0, 0, 0);
            for shelf in &self.shelves {
                end += shelf.room();
                let beyond = point >= end;
                at += usize::from(beyond);
                below = if beyond { end } else { below };
            }
            let shelf = &mut self.shelves[at];
            let place = point - below;
            let inside = place & ((1 << shelf.exponent) - 1);
            let cell = &mut shelf.cells[(place >> shelf.exponent) as usize];
            let counts = (inside < u64::from(cell.weight)) & (cell.drawn_in != self.selection);
            cell.drawn_in = if counts { self.selection } else { cell.drawn_in };
            drawn[count] = cell.member;
            count += usize::from(counts);
        }
        out.truncate(first + count);
    }

    fn begin_to_mark(&mut self) {
        self.selection = self.selection.wrapping_add(1);
        if self.selection == 0 {
            self.selection = 1;
            self.shelves.iter_mut().flat_map(|shelf| &mut shelf.cells).for_each(|cell| cell.drawn_in = 0);
        }
    }

    /// Draws from few members, of which most are wanted.
    fn draw_from_copy(&self, items: usize, random: &mut Random, out: &mut Vec<Member>) {
        let cells = self.shelves.iter().flat_map(|shelf| &shelf.cells);
        let mut cells: SmallVec<[Cell; FEW]> = cells.copied().collect();
        let mut total: u64 = cells.iter().map(|cell| u64::from(cell.weight)).sum();
        for _ in 0..items.min(cells.len()) {
            let point = random.below(total);
            let mut end = 0;
            let at: usize = cells
                .iter()
                .map(|cell| {
                    end += u64::from(cell.weight);
                    usize::from(point >= end)
                })
                .sum();
            let cell = cells.swap_remove(at);
            total -= u64::from(cell.weight);
            out.push(cell.member);
        }
    }

    /// Draws members until there are `items` behind `first`, or nobody is left. What is drawn goes behind those that can be.
    fn draw_closing(&mut self, first: usize, items: usize, random: &mut Random, out: &mut Vec<Member>) {
        let mut room = self.room;
        for &member in &out[first..] {
            let Some(&Entry { weight, position, .. }) = slot_of(&mut self.entries, member).as_ref() else { continue };
            if let Ok(at) = self.shelf(exponent_of(weight)) {
                room -= self.close(at, position as usize);
            }
        }
        while out.len() - first < items && room > 0 {
            let Some((at, position)) = self.hit(random, room) else { continue };
            out.push(self.shelves[at].cells[position].member);
            room -= self.close(at, position);
        }
        self.shelves.iter_mut().for_each(|shelf| shelf.open = shelf.cells.len());
    }

    /// Takes a cell out of those that can be drawn; how much room that takes away.
    fn close(&mut self, at: usize, position: usize) -> u64 {
        let shelf = &mut self.shelves[at];
        shelf.open -= 1;
        let (last, room) = (shelf.open, 1 << shelf.exponent);
        shelf.cells.swap(position, last);
        self.note_position(at, position);
        self.note_position(at, last);
        room
    }
}

impl Selector for WeightedRandom {
    fn insert(&mut self, member: Member, policy: &Policy) {
        let rule = Rule::of(policy);
        self.counts = rule.counts();
        *slot_of(&mut self.entries, member) = Some(Entry { rule, selections: 0, weight: 0, position: 0 });
        self.set_weight(member, rule.weight(0));
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
        if items == 0 || self.boxes == 0 {
            return;
        }
        if items == 1 {
            while out.len() == first {
                let hit = self.hit(random, self.room);
                out.extend(hit.map(|(at, position)| self.shelves[at].cells[position].member));
            }
        } else if 2 * items < self.boxes {
            self.draw_marking(items, random, out);
        } else if self.boxes <= FEW {
            self.draw_from_copy(items, random, out);
        }
        let wanted = items.min(self.boxes);
        if out.len() - first < wanted {
            self.draw_closing(first, wanted, random, out);
        }
        if !self.counts {
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

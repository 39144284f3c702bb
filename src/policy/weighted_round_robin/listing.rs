//! Who else stands in an answer, behind the member that is selected: the circular list of the RFC, read on from its head.
//!
//! Members are listed by the ends of the stretches in which they have their next turns, and nobody twice. The classes stand in
//! that order. What has to be put in order are only further members of a class, and only while they can come before the first
//! one of a class that fits the list.

use super::{ClassIndex, Entry, Member, WeightedRoundRobin};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Memory of a listing for the next one.
#[derive(Debug, Default)]
pub(super) struct Turns {
    firsts: Vec<Entry>,
    again: BinaryHeap<Reverse<Turn>>,
}

/// A turn of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    end: u64,
    class: ClassIndex,
    member: Member,
    /// Members of the class that are not listed before.
    left: u32,
}

impl WeightedRoundRobin {
    /// Lists up to `items` members, beginning with the head of this class.
    pub(super) fn list(&mut self, head: ClassIndex, items: usize, out: &mut Vec<Member>) {
        let Turns { mut firsts, mut again } = std::mem::take(&mut self.turns);
        firsts.clear();
        again.clear();
        self.order.first_entries(items, &mut firsts);
        // With so many classes, nothing behind the last of them comes into the list.
        let latest = firsts.last().filter(|_| firsts.len() == items).map_or(u64::MAX, |entry| entry.key);
        let mut first = firsts.iter().filter(|entry| entry.member != head).copied();
        let (mut next_first, mut next) = (first.next(), self.first_turn(head));
        for _ in 0..items {
            let Some(turn) = next else { break };
            out.push(turn.member);
            if turn.left > 1 {
                let end = turn.end.saturating_add(self.classes[turn.class as usize].stretch);
                if end <= latest {
                    let member = self.links.next(turn.member);
                    again.push(Reverse(Turn { end, member, left: turn.left - 1, ..turn }));
                }
            }
            next = match (next_first, again.peek()) {
                (Some(entry), turn) if turn.is_none_or(|turn| entry.key <= turn.0.end) => {
                    next_first = first.next();
                    self.first_turn(entry.member)
                }
                _ => again.pop().map(|turn| turn.0),
            };
        }
        self.turns = Turns { firsts, again };
    }

    fn first_turn(&self, index: ClassIndex) -> Option<Turn> {
        let class = &self.classes[index as usize];
        Some(Turn { end: class.end(), class: index, member: class.ring.head()?, left: class.ring.len() })
    }
}

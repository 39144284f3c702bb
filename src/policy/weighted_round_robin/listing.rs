//! The further members of an answer, behind the one that is selected.
//!
//! Of the circular list of the RFC, a list of so many members is the part that begins with its head. What is listed are the
//! members who have their turns in that part: of each class as many as it has turns, the class whose turn it is first, then by
//! the ends of their stretches. Members of a class are listed together: to find out how the classes are mixed would cost more than a
//! user gains by it. No member is listed twice. If that leaves the list short, further members of the classes fill it up in
//! the same order.

use super::{ClassIndex, Member, WeightedRoundRobin};

impl WeightedRoundRobin {
    /// Lists up to `items` members, beginning with the head of this class.
    pub(super) fn list(&mut self, head: ClassIndex, items: usize, out: &mut Vec<Member>) {
        let end = self.step.saturating_mul(items as u64).saturating_add(self.virtual_time);
        let mut classes = std::mem::take(&mut self.listed);
        classes.clear();
        self.order.first_entries(items, &mut classes);
        let others = classes.iter().map(|entry| entry.member).filter(|&class| class != head);
        let mut left = items;
        for index in std::iter::once(head).chain(others.clone()) {
            if left == 0 {
                break;
            }
            let turns = self.turns_until(index, end).min(left);
            self.list_class(index, 0, turns, out);
            left -= turns;
        }
        for index in std::iter::once(head).chain(others) {
            if left == 0 {
                break;
            }
            let listed = self.turns_until(index, end);
            let more = (self.classes[index as usize].ring.len() as usize - listed).min(left);
            self.list_class(index, listed, more, out);
            left -= more;
        }
        self.listed = classes;
    }

    /// How many members of a class have turns until then: at least the one whose turn is the next.
    fn turns_until(&self, index: ClassIndex, until: u64) -> usize {
        let class = &self.classes[index as usize];
        // Most classes have one turn; to divide takes longer than to find that out.
        if class.ring.len() == 1 || until < class.end().saturating_add(class.stretch) {
            return 1;
        }
        let turns = 1 + until.saturating_sub(class.end()) / class.stretch;
        turns.min(class.ring.len().into()) as usize
    }

    /// Lists so many members of a class, without the first ones.
    fn list_class(&self, index: ClassIndex, without: usize, count: usize, out: &mut Vec<Member>) {
        let Some(mut member) = self.classes[index as usize].ring.head().filter(|_| count > 0) else { return };
        for _ in 0..without {
            member = self.links.next(member);
        }
        for _ in 0..count {
            out.push(member);
            member = self.links.next(member);
        }
    }
}

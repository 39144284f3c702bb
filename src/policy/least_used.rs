//! Least Used and Priority, with what does not count selections (RFC 5356 sections 4.5, 5.1 and 5.3): always the best first.

use super::load::Degrading;
use super::ordered::{Entry, Ordered};
use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

/// The members ordered by their rank; among equals, the one that waits longest comes first.
#[derive(Debug, Default)]
pub(super) struct LeastUsed {
    order: Ordered,
}

/// What decides, the lowest first.
fn entry_of(member: Member, policy: &Policy) -> Entry {
    let key = match *policy {
        Policy::Priority { priority } => u64::from(u32::MAX - priority),
        ref other => Degrading::load_of(other).value(0),
    };
    Entry { key, member, note: 0 }
}

impl Selector for LeastUsed {
    fn insert(&mut self, member: Member, policy: &Policy) {
        self.order.insert(entry_of(member, policy));
    }

    /// A rank that stays the same keeps its turn, else registering often would mean to be selected rarely.
    fn update(&mut self, member: Member, policy: &Policy) {
        self.order.change(entry_of(member, policy));
    }

    fn remove(&mut self, member: Member) {
        self.order.remove(member);
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        let Some(best) = self.order.first().filter(|_| items > 0) else { return };
        if items == 1 {
            out.push(best.member);
        } else {
            self.order.list(items, out);
        }
        // The next one of the same rank has its turn.
        self.order.defer_first(best.key);
    }
}

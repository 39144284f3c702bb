//! Least Used with its variants, and Priority (RFC 5356 sections 4.5 and 5.1 to 5.3): always the best first.

use super::load::Degrading;
use super::ordered::{Entry, Ordered};
use super::{Member, Selector};
use crate::random::Random;
use crate::wire::Policy;

/// The members ordered by their rank; among equals, the one that waits longest comes first.
///
/// The rank is what the load is now, all selections counted in: a selection adds one step, which is the note of the entry.
#[derive(Debug, Default)]
pub(super) struct LeastUsed {
    order: Ordered,
    /// Whether the policy of the pool counts selections.
    counts: bool,
    /// Who is selected, while the selection is under way; kept for its memory.
    selected: Vec<Entry>,
}

/// What decides, the lowest first.
fn rank_of(policy: &Policy) -> Degrading {
    match *policy {
        Policy::Priority { priority } => Degrading::fixed(u64::from(u32::MAX - priority)),
        ref other => Degrading::load_of(other),
    }
}

fn entry_of(member: Member, rank: Degrading) -> Entry {
    Entry { key: rank.value(0), member, note: rank.step() }
}

/// After one more selection.
fn degraded(entry: &Entry) -> u64 {
    entry.key.saturating_add(entry.note.into())
}

impl Selector for LeastUsed {
    fn insert(&mut self, member: Member, policy: &Policy) {
        let rank = rank_of(policy);
        self.counts = rank.counts();
        self.order.insert(entry_of(member, rank));
    }

    /// The degradation counter starts again. A rank that stays the same keeps its turn, else registering often would
    /// mean to be selected rarely.
    fn update(&mut self, member: Member, policy: &Policy) {
        self.order.change(entry_of(member, rank_of(policy)));
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
        if !self.counts {
            // The next one of the same rank has its turn.
            self.order.defer_first(best.key);
        } else if items == 1 {
            self.order.defer_first(degraded(&best));
        } else {
            self.order.defer(items, degraded, &mut self.selected);
        }
    }
}

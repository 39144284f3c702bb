//! Messages that an association's send queue would not take yet, within bounds.
//!
//! A transport queues up to its own limit; what comes beyond waits here until the association is writable again. A peer that
//! never reads fills its share and loses the association: it cannot make the registrar grow.

use crate::AssociationId;
use crate::collections::AssociationMap;
use crate::registrar::Link;
use std::collections::VecDeque;

/// Bytes that may wait for one association with a pool element or a pool user.
pub(super) const MAX_BACKLOG_PER_ASSOCIATION: usize = 256 << 10;
/// Bytes that may wait for another registrar: the death of a process with thousands of elements is that many messages at once.
pub(super) const MAX_BACKLOG_PER_REGISTRAR: usize = 8 << 20;
/// Bytes that may wait for all associations together.
pub(super) const MAX_BACKLOG_TOTAL: usize = 64 << 20;
/// What a waiting message costs beside its bytes, so that many tiny messages are bounded as well.
const MESSAGE_OVERHEAD: usize = 64;

#[derive(Default)]
struct Backlog {
    /// As long as their bytes: the buffers that messages are made in are larger, and are not counted.
    messages: VecDeque<Box<[u8]>>,
    cost: usize,
}

/// The waiting messages of all associations.
#[derive(Default)]
pub(super) struct Backlogs {
    waiting: AssociationMap<Backlog>,
    total_cost: usize,
}

/// The bound that another message would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BacklogFull {
    /// The association has its share.
    Association,
    /// All together have theirs.
    Total,
}

fn cost(message: &[u8]) -> usize {
    message.len() + MESSAGE_OVERHEAD
}

impl Backlogs {
    /// Whether messages wait, so that a new one has to wait behind them.
    pub(super) fn is_waiting(&self, association: AssociationId) -> bool {
        self.waiting.contains_key(&association)
    }

    /// Bytes that wait for all associations.
    pub(super) fn total_cost(&self) -> usize {
        self.total_cost
    }

    /// Lets a copy of a message wait; it is dropped when a bound is broken.
    pub(super) fn push(&mut self, link: Link, association: AssociationId, message: &[u8]) -> Result<(), BacklogFull> {
        let most = match link {
            Link::Asap => MAX_BACKLOG_PER_ASSOCIATION,
            Link::Enrp => MAX_BACKLOG_PER_REGISTRAR,
        };
        let cost = cost(message);
        if self.total_cost + cost > MAX_BACKLOG_TOTAL {
            return Err(BacklogFull::Total);
        }
        if self.waiting.get(&association).map_or(0, |b| b.cost) + cost > most {
            return Err(BacklogFull::Association);
        }
        let backlog = self.waiting.entry(association).or_default();
        backlog.messages.push_back(message.into());
        backlog.cost += cost;
        self.total_cost += cost;
        Ok(())
    }

    /// Hands the waiting messages to `send`, oldest first, until one is not accepted (false) or none is left.
    pub(super) fn flush(&mut self, association: AssociationId, mut send: impl FnMut(&[u8]) -> bool) {
        let Some(backlog) = self.waiting.get_mut(&association) else { return };
        while let Some(message) = backlog.messages.front() {
            if !send(message) {
                return;
            }
            let cost = cost(message);
            backlog.cost -= cost;
            self.total_cost -= cost;
            backlog.messages.pop_front();
        }
        self.waiting.remove(&association);
    }

    /// Forgets what waits for an association that is gone.
    pub(super) fn remove(&mut self, association: AssociationId) {
        if let Some(backlog) = self.waiting.remove(&association) {
            self.total_cost -= backlog.cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AssociationId = AssociationId::new(0, 1);
    const B: AssociationId = AssociationId::new(0, 2);
    const C: AssociationId = AssociationId::new(1, 1);

    #[test]
    fn flush_keeps_the_order_and_stops_at_the_first_refusal() {
        let mut backlogs = Backlogs::default();
        for byte in 0..3u8 {
            backlogs.push(Link::Asap, A, &[byte]).unwrap();
        }
        let mut sent = Vec::new();
        backlogs.flush(A, |message| {
            let room = sent.len() < 2;
            if room {
                sent.push(message[0]);
            }
            room
        });
        assert_eq!(sent, [0, 1]);
        assert!(backlogs.is_waiting(A));
        backlogs.flush(A, |message| {
            sent.push(message[0]);
            true
        });
        assert_eq!(sent, [0, 1, 2]);
        assert!(!backlogs.is_waiting(A));
        assert_eq!(backlogs.total_cost(), 0);
    }

    #[test]
    fn an_association_that_does_not_read_is_bounded_and_leaves_room_for_others() {
        let mut backlogs = Backlogs::default();
        let mut pushed = 0;
        while backlogs.push(Link::Asap, A, &[0; 1000]).is_ok() {
            pushed += 1;
        }
        assert!(pushed * 1000 <= MAX_BACKLOG_PER_ASSOCIATION);
        assert_eq!(backlogs.push(Link::Asap, A, &[0; 1000]), Err(BacklogFull::Association));
        assert_eq!(backlogs.push(Link::Asap, B, &[0; 1000]), Ok(()));
        for _ in 0..4096 {
            assert_eq!(backlogs.push(Link::Enrp, C, &[0; 200]), Ok(()), "a registrar is told of many deaths at once");
        }
        backlogs.remove(A);
        backlogs.remove(B);
        backlogs.remove(C);
        assert_eq!(backlogs.total_cost(), 0);
    }

    #[test]
    fn all_associations_together_are_bounded() {
        let mut backlogs = Backlogs::default();
        let mut refused = None;
        for number in 0..1000 {
            let association = AssociationId::new(0, number);
            if let Err(full) = backlogs.push(Link::Asap, association, &[0; 200 << 10]) {
                refused = Some(full);
                break;
            }
        }
        assert_eq!(refused, Some(BacklogFull::Total));
        assert!(backlogs.total_cost() <= MAX_BACKLOG_TOTAL);
    }
}

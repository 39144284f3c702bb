//! Messages that an association's send queue would not take yet, within bounds.
//!
//! A transport queues up to its own limit; what comes beyond waits here until the association is writable again. A peer that
//! never reads fills its share and loses the association: it cannot make the registrar grow. Many of them together cannot, either, and
//! whoever has most waiting pays for that.

use crate::AssociationId;
use crate::collections::AssociationMap;
use crate::registrar::Link;
use std::collections::{BTreeSet, VecDeque};

/// Bytes that may wait for one association with a pool element or a pool user.
pub(super) const MAX_BACKLOG_PER_ASSOCIATION: usize = 256 << 10;
/// Bytes that may wait for another registrar: the death of a process with thousands of elements is that many messages at once.
pub(super) const MAX_BACKLOG_PER_REGISTRAR: usize = 8 << 20;
/// Bytes that may wait for all pool elements and pool users together, and one message.
pub(super) const MAX_BACKLOG_ASAP: usize = 32 << 20;
/// Bytes that may wait for all registrars together, and one message.
pub(super) const MAX_BACKLOG_ENRP: usize = 64 << 20;
/// What a waiting message costs beside its bytes, so that many tiny messages are bounded as well.
const MESSAGE_OVERHEAD: usize = 64;

#[derive(Default)]
struct Backlog {
    /// As long as their bytes: the buffers that messages are made in are larger, and are not counted.
    messages: VecDeque<Box<[u8]>>,
    cost: usize,
}

/// What waits for all associations of one side.
#[derive(Default)]
struct Side {
    cost: usize,
    /// Who has how much, to find who has most.
    by_cost: BTreeSet<(usize, AssociationId)>,
}

impl Side {
    /// What waits for an association has changed.
    fn changed(&mut self, association: AssociationId, before: usize, after: usize) {
        self.cost = self.cost - before + after;
        self.by_cost.remove(&(before, association));
        if after > 0 {
            self.by_cost.insert((after, association));
        }
    }
}

/// The waiting messages of all associations.
#[derive(Default)]
pub(super) struct Backlogs {
    waiting: AssociationMap<Backlog>,
    asap: Side,
    enrp: Side,
}

/// The association has its share: another message would be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShareUsedUp;

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
        self.asap.cost + self.enrp.cost
    }

    fn side(&mut self, link: Link) -> &mut Side {
        match link {
            Link::Asap => &mut self.asap,
            Link::Enrp => &mut self.enrp,
        }
    }

    /// Lets a copy of a message wait, unless the association has its share. Ask [`Backlogs::who_pays`] afterwards.
    pub(super) fn push(&mut self, link: Link, association: AssociationId, message: &[u8]) -> Result<(), ShareUsedUp> {
        let most = match link {
            Link::Asap => MAX_BACKLOG_PER_ASSOCIATION,
            Link::Enrp => MAX_BACKLOG_PER_REGISTRAR,
        };
        let before = self.waiting.get(&association).map_or(0, |b| b.cost);
        let after = before + cost(message);
        if after > most {
            return Err(ShareUsedUp);
        }
        let backlog = self.waiting.entry(association).or_default();
        backlog.messages.push_back(message.into());
        backlog.cost = after;
        self.side(link).changed(association, before, after);
        Ok(())
    }

    /// All together have more than they may: the association for which most waits has to go, whoever the last message was for. Elements
    /// and users do not pay for registrars, nor these for them.
    pub(super) fn who_pays(&self) -> Option<AssociationId> {
        let sides = [(&self.asap, MAX_BACKLOG_ASAP), (&self.enrp, MAX_BACKLOG_ENRP)];
        let full = sides.into_iter().find(|(side, most)| side.cost > *most);
        full.and_then(|(side, _)| side.by_cost.last()).map(|(_, association)| *association)
    }

    /// Hands the waiting messages to `send`, oldest first, until one is not accepted (false) or none is left.
    pub(super) fn flush(&mut self, link: Link, association: AssociationId, mut send: impl FnMut(&[u8]) -> bool) {
        let Some(backlog) = self.waiting.get_mut(&association) else { return };
        let before = backlog.cost;
        while let Some(message) = backlog.messages.front() {
            if !send(message) {
                break;
            }
            backlog.cost -= cost(message);
            backlog.messages.pop_front();
        }
        let after = backlog.cost;
        if after == 0 {
            self.waiting.remove(&association);
        }
        self.side(link).changed(association, before, after);
    }

    /// Forgets what waits for an association that is gone.
    pub(super) fn remove(&mut self, link: Link, association: AssociationId) {
        if let Some(backlog) = self.waiting.remove(&association) {
            self.side(link).changed(association, backlog.cost, 0);
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
        backlogs.flush(Link::Asap, A, |message| {
            let room = sent.len() < 2;
            if room {
                sent.push(message[0]);
            }
            room
        });
        assert_eq!(sent, [0, 1]);
        assert!(backlogs.is_waiting(A));
        backlogs.flush(Link::Asap, A, |message| {
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
        assert_eq!(backlogs.push(Link::Asap, A, &[0; 1000]), Err(ShareUsedUp));
        assert_eq!(backlogs.push(Link::Asap, B, &[0; 1000]), Ok(()));
        for _ in 0..4096 {
            assert_eq!(backlogs.push(Link::Enrp, C, &[0; 200]), Ok(()), "a registrar is told of many deaths at once");
        }
        backlogs.remove(Link::Asap, A);
        backlogs.remove(Link::Asap, B);
        backlogs.remove(Link::Enrp, C);
        assert_eq!(backlogs.total_cost(), 0);
    }

    #[test]
    fn when_all_together_have_too_much_the_one_with_most_pays_and_not_who_comes_next() {
        let mut backlogs = Backlogs::default();
        let hoarders = (1..).map(|number| AssociationId::new(0, number));
        for hoarder in hoarders.take(MAX_BACKLOG_ASAP / (200 << 10)) {
            backlogs.push(Link::Asap, hoarder, &[0; 200 << 10]).unwrap();
        }
        let (greedy, innocent) = (AssociationId::new(0, 7), AssociationId::new(2, 1));
        backlogs.push(Link::Enrp, C, &[0; 4 << 20]).unwrap();
        assert_eq!(backlogs.who_pays(), None);
        backlogs.push(Link::Asap, greedy, &[0; 1000]).unwrap();
        for _ in 0..40 {
            backlogs.push(Link::Asap, innocent, &[0; 4000]).unwrap();
        }
        assert_eq!(backlogs.who_pays(), Some(greedy), "neither the innocent one nor a registrar");
        backlogs.remove(Link::Asap, greedy);
        assert_eq!(backlogs.who_pays(), None);
        backlogs.flush(Link::Asap, innocent, |_| true);
        assert_eq!(backlogs.asap.by_cost.len(), backlogs.waiting.len() - 1, "who has nothing waiting has no place");
    }
}

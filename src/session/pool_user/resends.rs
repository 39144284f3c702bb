//! What the application handed over and no element has acknowledged, on its way to the next one.

use crate::association::Undelivered;
use crate::session::MAX_RESEND_BYTES;
use crate::wire::PPID_ASAP;
use crate::{AssociationId, PoolElementId};
use std::collections::VecDeque;

/// What a message costs beyond its bytes: keeps a flood of tiny ones within the bound, too.
const MESSAGE_OVERHEAD: usize = 64;

/// Messages in the order in which the application sent them. Nothing new is sent before all of them are.
#[derive(Debug, Default)]
pub(super) struct Resends {
    messages: VecDeque<Undelivered>,
    bytes: usize,
    /// An association that was given up, with its element: what it hands back comes before all of these.
    given_up: Option<(AssociationId, PoolElementId)>,
}

fn cost(message: &Undelivered) -> usize {
    MESSAGE_OVERHEAD + message.payload.len()
}

/// Cookie echoes are made anew, and answers to control messages are for one element.
pub(super) fn of_application(message: &Undelivered) -> bool {
    message.ppid != PPID_ASAP
}

impl Resends {
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Nothing waits, and nothing will be handed back.
    pub fn are_done(&self) -> bool {
        self.messages.is_empty() && self.given_up.is_none()
    }

    /// The message to send next; none as long as older ones may come back.
    pub fn next(&self) -> Option<&Undelivered> {
        self.messages.front().filter(|_| self.given_up.is_none())
    }

    /// Takes the message that [`Resends::next`] gave.
    pub fn take_next(&mut self) -> Option<Undelivered> {
        let message = self.messages.pop_front()?;
        self.bytes -= cost(&message);
        Some(message)
    }

    /// Takes what an association has handed back: older than all that waits here, as nothing overtakes. How many messages
    /// there was no room for: the newest ones.
    pub fn take_back(&mut self, lost: Vec<Undelivered>) -> u32 {
        for message in lost.into_iter().rev().filter(of_application) {
            self.bytes += cost(&message);
            self.messages.push_front(message);
        }
        let mut dropped = 0;
        while self.bytes > MAX_RESEND_BYTES {
            let Some(message) = self.messages.pop_back() else { break };
            self.bytes -= cost(&message);
            dropped += 1;
        }
        dropped
    }

    /// Drops all that waits; how many messages that was.
    pub fn drop_all(&mut self) -> u32 {
        self.bytes = 0;
        let count = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        self.messages.clear();
        count
    }

    /// An association with this element is given up. False: nothing can come back of it, as it was not used before another one
    /// had handed back what it had.
    pub fn expect_from(&mut self, association: AssociationId, element: PoolElementId) -> bool {
        if self.given_up.is_some() {
            return false;
        }
        self.given_up = Some((association, element));
        true
    }

    /// An association has ended: its element, if it is the one that was given up.
    pub fn handed_back(&mut self, association: AssociationId) -> Option<PoolElementId> {
        let (_, element) = self.given_up.take_if(|(given_up, _)| *given_up == association)?;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u8, length: usize) -> Undelivered {
        Undelivered { stream: 0, ppid: 1, unordered: false, payload: vec![number; length] }
    }

    fn drain(resends: &mut Resends) -> Vec<u8> {
        std::iter::from_fn(|| resends.take_next()).map(|message| message.payload[0]).collect()
    }

    #[test]
    fn what_comes_back_later_was_sent_earlier() {
        let mut resends = Resends::default();
        assert_eq!(resends.take_back((1..=5).map(|number| message(number, 10)).collect()), 0);
        // The next element took three of them, and acknowledged one.
        for _ in 0..3 {
            resends.take_next();
        }
        resends.take_back(vec![message(2, 10), message(3, 10)]);
        assert_eq!(drain(&mut resends), [2, 3, 4, 5]);
        assert_eq!(resends.bytes, 0);
    }

    #[test]
    fn no_more_is_kept_than_the_limit_and_the_newest_are_left_out() {
        let mut resends = Resends::default();
        assert_eq!(resends.take_back((0..5).map(|number| message(number, 1 << 20)).collect()), 2);
        assert!(resends.bytes <= MAX_RESEND_BYTES);
        assert_eq!(drain(&mut resends), [0, 1, 2]);
    }

    #[test]
    fn nothing_is_sent_before_an_association_that_was_given_up_has_handed_back_what_it_had() {
        let (association, element) = (AssociationId::new(1, 1), PoolElementId(1));
        let mut resends = Resends::default();
        resends.take_back(vec![message(2, 1)]);
        assert!(resends.expect_from(association, element));
        assert!(!resends.expect_from(AssociationId::new(1, 2), PoolElementId(2)));
        assert_eq!((resends.next(), resends.are_done()), (None, false));
        assert_eq!(resends.handed_back(AssociationId::new(1, 2)), None);
        assert_eq!(resends.handed_back(association), Some(element));
        resends.take_back(vec![message(1, 1)]);
        assert_eq!(drain(&mut resends), [1, 2]);
        assert!(resends.are_done());
    }
}

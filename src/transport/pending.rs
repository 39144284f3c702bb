//! Messages that the peer has not acknowledged: what a failover must send again, and what the send queue's limit counts.

use crate::association::Undelivered;
use std::collections::VecDeque;

/// Charged for each message besides its bytes, so that many tiny messages do not slip under the limit.
const OVERHEAD: usize = 64;

/// The messages of one association that its peer has not acknowledged, oldest first. Their numbers count up from 1.
///
/// Limits are in bytes; each message counts for 64 bytes more than it has, so that many tiny ones do not slip under them.
#[derive(Default)]
pub struct Pending {
    /// `None` where a younger message was acknowledged before an older one.
    messages: VecDeque<Option<Undelivered>>,
    /// Number of the message at the front, less one.
    before: u64,
    cost: usize,
}

impl Pending {
    fn cost_of(payload: usize) -> usize {
        payload + OVERHEAD
    }

    /// Whether a message of this length may be added under `limit`. A single message always may.
    pub fn has_room(&self, payload: usize, limit: usize) -> bool {
        self.messages.is_empty() || self.cost.saturating_add(Self::cost_of(payload)) <= limit
    }

    /// Whether so much was acknowledged that a blocked sender should be woken.
    pub fn is_low(&self, limit: usize) -> bool {
        self.cost <= limit / 2
    }

    /// How many messages there are, from the oldest one on that is not acknowledged.
    #[cfg(feature = "tls")]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether everything was acknowledged.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Adds a message and numbers it.
    pub fn push(&mut self, message: Undelivered) -> u64 {
        self.cost += Self::cost_of(message.payload.len());
        self.messages.push_back(Some(message));
        self.before + self.messages.len() as u64
    }

    /// Forgets a message: acknowledged, or given up as its sender wished.
    pub fn done(&mut self, number: u64) {
        let Some(index) = number.checked_sub(self.before + 1).and_then(|i| usize::try_from(i).ok()) else { return };
        if let Some(message) = self.messages.get_mut(index).and_then(Option::take) {
            self.cost = self.cost.saturating_sub(Self::cost_of(message.payload.len()));
        }
        while let Some(None) = self.messages.front() {
            self.messages.pop_front();
            self.before += 1;
        }
    }

    /// What is left, oldest first.
    pub fn take(&mut self) -> Vec<Undelivered> {
        self.cost = 0;
        self.before += self.messages.len() as u64;
        self.messages.drain(..).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(byte: u8) -> Undelivered {
        Undelivered { stream: 0, ppid: 0, unordered: false, payload: vec![byte] }
    }

    #[test]
    fn out_of_order_acknowledgements_leave_the_rest_in_order() {
        let mut pending = Pending::default();
        let numbers: Vec<u64> = (0..5).map(|byte| pending.push(message(byte))).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        for number in [4, 1, 4, 99, 0] {
            pending.done(number);
        }
        assert_eq!(pending.push(message(5)), 6);
        let left: Vec<u8> = pending.take().into_iter().map(|m| m.payload[0]).collect();
        assert_eq!(left, [1, 2, 4, 5]);
        assert!(pending.is_empty() && pending.is_low(0));
        assert_eq!(pending.push(message(6)), 7);
    }

    #[test]
    fn one_message_may_exceed_the_limit_a_second_may_not() {
        let mut pending = Pending::default();
        assert!(pending.has_room(1000, 100));
        let number = pending.push(Undelivered { stream: 0, ppid: 0, unordered: false, payload: vec![0; 1000] });
        assert!(!pending.has_room(1, 100));
        pending.done(number);
        assert!(pending.has_room(1, 100));
    }
}

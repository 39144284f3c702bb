//! Messages that the peer has not acknowledged, and how much room the send queue has.

use rserpool::association::Undelivered;
use std::collections::BTreeMap;

/// Charged for each message besides its bytes.
const OVERHEAD: usize = 64;

/// Unacknowledged messages by number. They count up from 1.
#[derive(Default)]
pub struct Pending {
    messages: BTreeMap<u64, Undelivered>,
    last: u64,
    cost: usize,
}

impl Pending {
    /// Whether a message of this length may be added. A single message always may.
    pub fn has_room(&self, payload: usize, limit: usize) -> bool {
        self.messages.is_empty() || self.cost + payload + OVERHEAD <= limit
    }

    /// Whether so much was acknowledged that a blocked sender should be woken.
    pub fn is_low(&self, limit: usize) -> bool {
        self.cost <= limit / 2
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub fn push(&mut self, message: Undelivered) -> u64 {
        self.last += 1;
        self.cost += message.payload.len() + OVERHEAD;
        self.messages.insert(self.last, message);
        self.last
    }

    pub fn done(&mut self, number: u64) {
        if let Some(message) = self.messages.remove(&number) {
            self.cost -= message.payload.len() + OVERHEAD;
        }
    }

    /// What is left, oldest first.
    pub fn take(&mut self) -> Vec<Undelivered> {
        self.cost = 0;
        std::mem::take(&mut self.messages).into_values().collect()
    }
}

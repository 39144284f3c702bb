//! Which messages the peer has not acknowledged: the transport below acknowledges pieces of ciphertext, the owner wants to know about
//! messages. Each message is one piece; handshakes and alerts are pieces without a message.

use crate::association::Undelivered;
use crate::transport::{OutboundMessage, TransportError};
use std::collections::VecDeque;

/// Messages that are kept without asking the transport below what was acknowledged.
const KEPT: usize = 16;

#[derive(Debug)]
pub(super) struct Sent {
    /// Somebody wants to know.
    reports: bool,
    /// Pieces made so far, those included that the transport below has not taken yet.
    pieces: u64,
    /// The number of its piece, and the message, oldest first.
    messages: VecDeque<(u64, Undelivered)>,
    /// How many were left after the last look.
    left: usize,
}

impl Sent {
    pub fn new(reports: bool) -> Sent {
        Sent { reports, pieces: 0, messages: VecDeque::new(), left: 0 }
    }

    /// A piece without a message.
    pub fn push_piece(&mut self) {
        self.pieces += 1;
    }

    /// What is to be kept of a message: made before its piece is, which cannot be taken back.
    pub fn kept(&self, message: &OutboundMessage<'_>) -> Result<Option<Undelivered>, TransportError> {
        if self.reports { Undelivered::try_from(message).map(Some) } else { Ok(None) }
    }

    /// A piece with this message.
    pub fn push(&mut self, kept: Option<Undelivered>) {
        self.pieces += 1;
        self.messages.extend(kept.map(|message| (self.pieces, message)));
    }

    /// Whether it is time to ask how many pieces are not acknowledged: when as many messages were sent as were left.
    pub fn wants_to_know(&self) -> bool {
        self.messages.len() > KEPT + 2 * self.left
    }

    /// Forgets what was acknowledged: all but the last `unacknowledged` pieces.
    pub fn acknowledge_all_but(&mut self, unacknowledged: usize) {
        let acknowledged = self.pieces.saturating_sub(unacknowledged as u64);
        while self.messages.front().is_some_and(|(piece, _)| *piece <= acknowledged) {
            self.messages.pop_front();
        }
        self.left = self.messages.len();
        if self.messages.is_empty() {
            // An idle connection keeps no memory.
            self.messages = VecDeque::new();
        }
    }

    /// What is left.
    pub fn into_undelivered(self) -> Vec<Undelivered> {
        self.messages.into_iter().map(|(_, message)| message).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(reports: bool) -> Sent {
        let mut sent = Sent::new(reports);
        sent.push_piece();
        for payload in [b"one", b"two"] {
            let kept = sent.kept(&OutboundMessage::control(11, payload)).expect("memory");
            sent.push(kept);
        }
        sent.push_piece();
        sent
    }

    fn left(unacknowledged: usize) -> Vec<Vec<u8>> {
        let mut sent = sent(true);
        sent.acknowledge_all_but(unacknowledged);
        sent.into_undelivered().into_iter().map(|message| message.payload).collect()
    }

    #[test]
    fn messages_are_acknowledged_with_their_pieces() {
        assert_eq!(left(0), Vec::<Vec<u8>>::new());
        assert_eq!(left(1), Vec::<Vec<u8>>::new(), "the alert at the end");
        assert_eq!(left(2), [b"two".to_vec()]);
        assert_eq!(left(3), [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(left(9), [b"one".to_vec(), b"two".to_vec()]);
        assert!(sent(false).into_undelivered().is_empty());
    }
}

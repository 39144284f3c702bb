//! What a TCP connection has accepted for sending and the peer has not acknowledged yet.
//!
//! The bytes of a message stay here until the peer's TCP has them: those that were lost with a connection can then be
//! named. The kernel tells how many bytes are unacknowledged; this module keeps the books and does no I/O.

use crate::association::Undelivered;
use std::collections::VecDeque;

/// The ASAP PPID, which every message on TCP has.
use super::ASAP_PPID;

#[derive(Debug, Default)]
pub(super) struct SendLog {
    /// Unacknowledged bytes, then unsent bytes.
    bytes: VecDeque<u8>,
    /// How many of `bytes` the kernel has.
    sent: usize,
    /// Lengths of the messages that end in `bytes`, oldest first.
    messages: VecDeque<usize>,
    /// How much of the first message is acknowledged and thus not in `bytes` any more.
    head_gone: usize,
}

impl SendLog {
    /// Bytes that the kernel has not taken yet.
    pub fn unsent_len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Bytes kept.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is waiting for an acknowledgement.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a message, of which the kernel has the first `sent` bytes already (zero while older ones wait).
    pub fn push(&mut self, parts: [&[u8]; 2], sent: usize) {
        debug_assert!(sent == 0 || self.unsent_len() == 0);
        for part in parts {
            self.bytes.extend(part);
        }
        self.messages.push_back(parts[0].len() + parts[1].len());
        self.sent += sent;
    }

    /// The next bytes to write.
    pub fn unsent(&self) -> &[u8] {
        let (front, back) = self.bytes.as_slices();
        match front.get(self.sent..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => back.get(self.sent.saturating_sub(front.len())..).unwrap_or(&[]),
        }
    }

    /// The kernel took `count` bytes of [`SendLog::unsent`].
    pub fn mark_sent(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.bytes.len());
    }

    /// Forgets everything acknowledged: all that was sent but the last `unacknowledged` bytes.
    pub fn acknowledge_all_but(&mut self, unacknowledged: usize) {
        let gone = self.sent.saturating_sub(unacknowledged);
        self.bytes.drain(..gone);
        self.sent -= gone;
        self.head_gone += gone;
        while self.messages.front().is_some_and(|len| self.head_gone >= *len) {
            self.head_gone -= self.messages.pop_front().unwrap_or(0);
        }
        if self.bytes.is_empty() {
            self.clear();
        }
    }

    /// How many messages are not acknowledged, or only in part.
    #[cfg(feature = "tls")]
    pub fn message_count(&self) -> usize {
        self.messages.len()
    }

    /// Forgets all that was sent, acknowledged or not, and what belonged to which message: what nobody asks for need not be kept.
    pub fn forget_sent(&mut self) {
        self.bytes.drain(..self.sent);
        (self.sent, self.head_gone) = (0, 0);
        self.messages.clear();
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
        (self.sent, self.head_gone) = (0, 0);
    }

    /// Hands over its memory when it is empty: an idle connection keeps none.
    pub fn take_memory(&mut self) -> Option<SendLog> {
        (self.bytes.is_empty() && self.capacity() > 0).then(|| std::mem::take(self))
    }

    /// Bytes for which it has room.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The messages that the peer's TCP did not take whole. A message of which the beginning was acknowledged is left
    /// out: its beginning is gone, and ASAP repeats its requests anyway.
    pub fn into_undelivered(mut self) -> Vec<Undelivered> {
        if self.head_gone > 0 {
            let partly = self.messages.pop_front().unwrap_or(0).saturating_sub(self.head_gone);
            self.bytes.drain(..partly.min(self.bytes.len()));
        }
        let mut undelivered = Vec::with_capacity(self.messages.len());
        for len in self.messages {
            let payload = self.bytes.drain(..len.min(self.bytes.len())).collect();
            undelivered.push(Undelivered { stream: 0, ppid: ASAP_PPID, unordered: false, payload });
        }
        undelivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(log: SendLog) -> Vec<Vec<u8>> {
        log.into_undelivered().into_iter().map(|undelivered| undelivered.payload).collect()
    }

    #[test]
    fn acknowledged_messages_are_forgotten_and_the_rest_is_undelivered() {
        let mut log = SendLog::default();
        log.push([b"aaaa", b""], 4);
        log.push([b"bbb", b"\0"], 4);
        log.push([b"cccccccc", b""], 2);
        log.push([b"dddd", b""], 0);
        assert_eq!(log.unsent(), b"ccccccdddd");
        assert_eq!(log.unsent_len(), 10);
        log.acknowledge_all_but(6);
        assert_eq!(payloads(log), [b"bbb\0".to_vec(), b"cccccccc".to_vec(), b"dddd".to_vec()]);
    }

    #[test]
    fn a_message_acknowledged_in_part_is_not_reported_in_part() {
        let mut log = SendLog::default();
        log.push([b"aaaaaaaa", b""], 8);
        log.push([b"bbbb", b""], 0);
        log.acknowledge_all_but(3);
        assert_eq!(log.unsent(), b"bbbb");
        assert_eq!(payloads(log), [b"bbbb".to_vec()]);
    }

    #[test]
    fn writing_in_pieces_empties_the_log() {
        let mut log = SendLog::default();
        let mut written = Vec::new();
        for round in 0..50u8 {
            log.push([&[round; 12], b""], 0);
            for _ in 0..2 {
                let piece = log.unsent().len().min(5);
                written.extend_from_slice(&log.unsent()[..piece]);
                log.mark_sent(piece);
            }
            log.acknowledge_all_but(3);
        }
        while log.unsent_len() > 0 {
            let piece = log.unsent().len();
            assert!(piece > 0);
            written.extend_from_slice(log.unsent());
            log.mark_sent(piece);
        }
        log.acknowledge_all_but(0);
        assert!(log.is_empty());
        let expected: Vec<u8> = (0..50u8).flat_map(|round| [round; 12]).collect();
        assert_eq!(written, expected);
    }
}

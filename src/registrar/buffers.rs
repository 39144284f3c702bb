//! Memory of messages that have been sent, for the next ones: a registrar that answers all day allocates nothing for that.

/// Buffers kept at most, and the largest one kept: more than a round of answers takes, and bounded.
const MAX_SPARE_BUFFERS: usize = 64;
const MAX_SPARE_BYTES: usize = 16 * 1024;
/// Room for an answer with three elements without growing.
const NEW_BYTES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Buffers {
    spare: Vec<Vec<u8>>,
}

impl Buffers {
    /// An empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_else(|| Vec::with_capacity(NEW_BYTES))
    }

    /// A buffer that nobody needs any more.
    pub fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < MAX_SPARE_BUFFERS && (1..=MAX_SPARE_BYTES).contains(&buffer.capacity()) {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

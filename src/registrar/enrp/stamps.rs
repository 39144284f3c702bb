//! Counts what is heard of elements; `auditing.rs` says what for.

#[derive(Debug, Default)]
pub(super) struct Stamps(u64);

impl Stamps {
    /// For what has just been heard.
    pub fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// Of what was heard last.
    pub fn latest(&self) -> u64 {
        self.0
    }
}

//! Where records end in the bytes of a connection (RFC 8446 section 5.1), without looking into them.

/// Type, version and length.
const HEADER: usize = 5;

/// Counts through records.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    have: usize,
    /// Bytes of the record's body that have not.
    missing: usize,
}

impl Records {
    /// These bytes have come.
    pub fn count(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.missing > 0 {
                let skipped = self.missing.min(bytes.len());
                self.missing -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.header.get_mut(self.have) {
                *place = first;
            }
            self.have += 1;
            bytes = rest;
            if self.have == HEADER {
                self.missing = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
                self.have = 0;
            }
        }
    }

    /// They ended within a record.
    pub fn is_partial(&self) -> bool {
        self.have > 0 || self.missing > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_whole_only_where_records_end() {
        let stream = [&[23, 3, 3, 0, 2, 1, 2][..], &[23, 3, 3, 0, 0], &[21, 3, 3, 1, 0], &[7; 256]].concat();
        for cut in 0..=stream.len() {
            let whole = [0, 7, 12, stream.len()].contains(&cut);
            for piece in [1, 2, 7, 300] {
                let mut records = Records::default();
                stream[..cut].chunks(piece).for_each(|bytes| records.count(bytes));
                assert_eq!(records.is_partial(), !whole, "{cut} bytes, {piece} at a time");
            }
        }
    }
}

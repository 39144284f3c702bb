//! The PE checksum (RFC 5353 section 3.6.2), kept up to date element by element.

use crate::PoolElementId;

/// The sum over the elements of one owner.
///
/// The Internet checksum (RFC 1071) adds 16-bit words modulo 0xffff and inverts the result. The plain sum is kept instead,
/// so that taking an element out is exact: 2^64 cannot be reached, and folding it gives the same result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandlespaceChecksum {
    /// Sum of the big-endian words.
    sum: u64,
    /// Sum of the little-endian words modulo 2^32, as rsplib keeps it.
    rsplib_sum: u32,
}

impl HandlespaceChecksum {
    /// What a handle adds to the checksum for each element of its pool. It is filled up with zeros to a word (32 or 16 bits
    /// make no difference).
    pub fn of_handle(pool_handle: &[u8]) -> HandlespaceChecksum {
        let mut checksum = HandlespaceChecksum::default();
        for pair in pool_handle.chunks(2) {
            checksum.add_word([pair[0], pair.get(1).copied().unwrap_or(0)]);
        }
        checksum
    }

    /// Adds an element of the pool whose handle makes `handle`.
    pub fn add(&mut self, handle: HandlespaceChecksum, id: PoolElementId) {
        let element = handle.with(id);
        self.sum += element.sum;
        self.rsplib_sum = self.rsplib_sum.wrapping_add(element.rsplib_sum);
    }

    /// Takes an element out that has been added before.
    pub fn subtract(&mut self, handle: HandlespaceChecksum, id: PoolElementId) {
        let element = handle.with(id);
        self.sum -= element.sum;
        self.rsplib_sum = self.rsplib_sum.wrapping_sub(element.rsplib_sum);
    }

    fn with(mut self, id: PoolElementId) -> HandlespaceChecksum {
        let [a, b, c, d] = id.0.to_be_bytes();
        self.add_word([a, b]);
        self.add_word([c, d]);
        self
    }

    fn add_word(&mut self, word: [u8; 2]) {
        self.sum += u64::from(u16::from_be_bytes(word));
        self.rsplib_sum = self.rsplib_sum.wrapping_add(u32::from(u16::from_le_bytes(word)));
    }

    /// The checksum of the RFC; 0xffff without elements.
    pub fn value(self) -> u16 {
        !fold(self.sum)
    }

    /// What rsplib sends for the same elements: the same value up to some 26 000 elements, where its 32-bit sum begins to
    /// wrap without carry. An audit must accept it as well.
    pub fn rsplib_value(self) -> u16 {
        (!fold(u64::from(self.rsplib_sum))).swap_bytes()
    }
}

/// Adds the carries back in until 16 bits are left.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements as in the measurements of rsplib: pool i % 100, identifier 0x89abcdef + 7919 i.
    fn of(elements: u32) -> HandlespaceChecksum {
        let mut checksum = HandlespaceChecksum::default();
        for i in 0..elements {
            let handle = format!("Pool{}", i % 100);
            checksum.add(
                HandlespaceChecksum::of_handle(handle.as_bytes()),
                PoolElementId(0x89ab_cdefu32.wrapping_add(i.wrapping_mul(7919))),
            );
        }
        checksum
    }

    #[test]
    fn enrp_107_the_checksum_is_that_of_rfc_1071() {
        let expected = [(0, 0xffff), (1, 0xb888), (3, 0xc9cc), (1000, 0x1991), (60_000, 0xe781), (100_000, 0xb513)];
        for (elements, value) in expected {
            assert_eq!(of(elements).value(), value, "{elements} elements");
        }
    }

    #[test]
    fn rsplib_differs_when_its_sum_wraps() {
        for (elements, value) in [(0, 0xffff), (3, 0xc9cc), (1000, 0x1991), (60_000, 0xe881), (100_000, 0xb813)] {
            assert_eq!(of(elements).rsplib_value(), value, "{elements} elements");
        }
    }

    #[test]
    fn taking_out_what_was_added_leaves_what_was_before() {
        let mut checksum = of(1000);
        let before = checksum;
        let odd = HandlespaceChecksum::of_handle(b"odd");
        checksum.add(odd, PoolElementId(0xffff_ffff));
        assert_ne!(checksum.value(), before.value());
        checksum.subtract(odd, PoolElementId(0xffff_ffff));
        assert_eq!(checksum, before);
    }
}

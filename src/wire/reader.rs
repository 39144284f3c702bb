//! A cursor over received bytes that never panics and names the field it failed on.

use super::WireError;

/// Bytes still to be read of one message or parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The next `needed` bytes.
    fn slice(&mut self, needed: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.rest.split_at_checked(needed).ok_or(WireError::Truncated {
            field,
            needed,
            available: self.rest.len(),
        })?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(N, field)?);
        Ok(array)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    /// Everything that is left.
    pub(crate) fn remaining(self) -> &'a [u8] {
        self.rest
    }

    /// Asserts that nothing is left: a parameter of fixed size is exactly that long.
    pub(crate) fn finish(self, field: &'static str) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            excess => Err(WireError::Invalid { field, value: excess as u64 }),
        }
    }
}

//! Writes messages: lengths are patched when their content is known, padding comes only when something follows.

use super::EncodeError;
use super::parameter::Parameter;

/// A message being written behind whatever `out` held before.
///
/// Padding is written lazily, before the next parameter and at the end of the message. So no length ever counts the
/// padding at its own end, neither that of a parameter (RFC 5354 section 3), nor of one with parameters inside, nor
/// that of the message (section 4).
pub(crate) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    error: Option<EncodeError>,
}

impl<'o> Writer<'o> {
    /// Appends one message to `out`, or leaves `out` as it was.
    pub(crate) fn message(
        out: &'o mut Vec<u8>,
        message_type: u8,
        flags: u8,
        name: &'static str,
        body: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let mut writer = Writer { out, start, error: None };
        writer.bytes(&[message_type, flags, 0, 0]);
        body(&mut writer);
        writer.patch_length(start, name);
        writer.pad();
        match writer.error {
            None => Ok(()),
            Some(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    /// Writes a type-length-value triple, or an error cause, which has the same shape.
    #[inline]
    pub(crate) fn tlv(&mut self, kind: u16, name: &'static str, value: impl FnOnce(&mut Writer<'_>)) {
        if self.error.is_some() {
            return; // nothing more will be sent: don't pile up bytes
        }
        self.pad();
        let at = self.out.len();
        let [high, low] = kind.to_be_bytes();
        self.bytes(&[high, low, 0, 0]);
        value(self);
        self.patch_length(at, name);
    }

    /// Writes a parameter whose value is known as a whole: header and value at once.
    #[inline]
    pub(crate) fn parameter_of<const SIZE: usize>(&mut self, kind: u16, value: [u8; SIZE]) {
        self.pad();
        const { assert!(SIZE <= 0xfff0, "a length field has 16 bits") };
        self.out.reserve(SIZE + 4);
        let [high, low] = kind.to_be_bytes();
        let [length_high, length_low] = ((SIZE + 4) as u16).to_be_bytes();
        self.bytes(&[high, low, length_high, length_low]);
        self.bytes(&value);
    }

    /// The same for a value of whole words.
    #[inline]
    pub(crate) fn parameter_of_words<const WORDS: usize>(&mut self, kind: u16, value: [u32; WORDS]) {
        const { assert!(WORDS < 0x3fff, "a length field has 16 bits") };
        self.pad();
        self.u32(u32::from(kind) << 16 | (4 * (WORDS + 1)) as u32);
        self.words(value);
    }

    /// Writes a parameter.
    pub(crate) fn parameter<P: Parameter>(&mut self, parameter: &P) {
        self.tlv(P::TYPE, P::NAME, |w| parameter.encode_value(w));
    }

    /// Writes a parameter if there is one.
    pub(crate) fn optional<P: Parameter>(&mut self, parameter: Option<&P>) {
        if let Some(parameter) = parameter {
            self.parameter(parameter);
        }
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Several numbers at once.
    #[inline]
    pub(crate) fn words<const WORDS: usize>(&mut self, values: [u32; WORDS]) {
        self.bytes(values.map(u32::to_be_bytes).as_flattened());
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Writes a parameter that is already encoded, header included.
    #[cfg(feature = "registrar")]
    pub(crate) fn encoded(&mut self, parameter: &[u8]) {
        self.pad();
        self.bytes(parameter);
    }

    /// Where the next parameter will begin, counted from the start of the message.
    #[cfg(feature = "registrar")]
    pub(crate) fn next_parameter_at(&self) -> usize {
        (self.out.len() - self.start).next_multiple_of(4)
    }

    /// Makes the whole message fail; the first error is the one reported.
    pub(crate) fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }

    /// Writes the length of what began at `at` into its header, whose last two bytes hold it.
    #[inline]
    fn patch_length(&mut self, at: usize, field: &'static str) {
        let length = self.out.len() - at;
        match u16::try_from(length) {
            Ok(short) => self.out[at + 2..at + 4].copy_from_slice(&short.to_be_bytes()),
            Err(_) => self.fail(EncodeError::TooLong { field, length }),
        }
    }

    /// Zeros up to the next multiple of four from the start of the message.
    #[inline]
    fn pad(&mut self) {
        let length = self.out.len() - self.start;
        if length % 4 != 0 {
            self.out.resize(self.start + length.next_multiple_of(4), 0);
        }
    }
}

//! The type-length-value format of parameters and the rules for unknown ones (RFC 5354 section 3).
//!
//! Decisions where the RFC is silent:
//!
//! * Parameters may stand in any order. The two transports of a pool element are told apart by their order alone.
//! * A parameter that the RFCs define but that has no meaning where it stands is ignored, as rsplib does.
//! * A parameter that may stand once but stands twice makes the message unusable ([`WireError::Repeated`]).
//! * The padding of the last parameter may be missing, so its container's length may count it or not. Padding bytes are
//!   never looked at. Other bytes too few to be a parameter make the message unusable.
//! * A parameter of fixed size must have exactly that size. Empty pool handles, cookies and opaque transports are
//!   parameters like any other: whoever uses them judges them.
//! * A fault inside a parameter is reported as "invalid values" with the innermost parameter that has it. A fault of
//!   the message around its parameters is not reported: RFC 5354 has no cause for it.

use super::{Cause, ErrorCause, Reader, Undecodable, UnrecognizedParameter, WireError, Writer};

/// Parameter types (RFC 5354 table 1, the one of draft-dreibholz-rserpool-asap-hropt, and one of our own).
pub(crate) mod parameter_type {
    pub(crate) const IPV4_ADDRESS: u16 = 0x01;
    pub(crate) const IPV6_ADDRESS: u16 = 0x02;
    pub(crate) const DCCP_TRANSPORT: u16 = 0x03;
    pub(crate) const SCTP_TRANSPORT: u16 = 0x04;
    pub(crate) const TCP_TRANSPORT: u16 = 0x05;
    pub(crate) const UDP_TRANSPORT: u16 = 0x06;
    pub(crate) const UDP_LITE_TRANSPORT: u16 = 0x07;
    pub(crate) const POLICY: u16 = 0x08;
    pub(crate) const POOL_HANDLE: u16 = 0x09;
    pub(crate) const POOL_ELEMENT: u16 = 0x0a;
    pub(crate) const SERVER_INFORMATION: u16 = 0x0b;
    pub(crate) const OPERATIONAL_ERROR: u16 = 0x0c;
    pub(crate) const COOKIE: u16 = 0x0d;
    pub(crate) const PE_IDENTIFIER: u16 = 0x0e;
    pub(crate) const PE_CHECKSUM: u16 = 0x0f;
    pub(crate) const OPAQUE_TRANSPORT: u16 = 0x10;
    pub(crate) const HANDLE_RESOLUTION_OPTION: u16 = 0x803f;
    /// Its highest bits say: whoever does not know it skips it, and reports it.
    pub(crate) const LIFE_IN_SECONDS: u16 = 0xc03f;
}

/// Bytes of offending parameters or messages that one error report carries at most: it must itself fit a message.
pub const MAX_REPORTED_BYTES: usize = 60_000;
/// Unrecognized parameters that are reported of one message at most; a sane message has none.
pub const MAX_REPORTED_PARAMETERS: usize = 32;

/// A parameter that has one type.
pub(crate) trait Parameter: Sized {
    /// Its type on the wire.
    const TYPE: u16;
    /// Its name in errors.
    const NAME: &'static str;
    /// Decodes the value, which is everything behind the length, without padding.
    fn decode_value(value: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable>;
    /// Writes the value.
    fn encode_value(&self, w: &mut Writer<'_>);
}

/// One parameter as received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    /// Number of the parameter type, as it came.
    pub(crate) parameter_type: u16,
    /// Header and value, without padding.
    whole: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Decodes the parameter by `decode`; what is wrong with it will be reported with the parameter.
    pub(crate) fn with<T>(&self, decode: impl FnOnce(Reader<'a>) -> Result<T, Undecodable>) -> Result<T, Undecodable> {
        let value = self.whole.get(4..).unwrap_or_default();
        decode(Reader::new(value)).map_err(|mut undecodable| {
            // The innermost parameter counts; a parameter whose type says "discard silently" is not reported at all.
            if undecodable.report.is_none() && !matches!(undecodable.error, WireError::UnknownParameter { .. }) {
                undecodable.report = Some(report(Cause::InvalidValues, self.whole));
            }
            undecodable
        })
    }

    /// Decodes the parameter into `slot`, which must still be empty.
    pub(crate) fn once<P: Parameter>(&self, slot: &mut Option<P>, reports: &mut Reports) -> Result<(), Undecodable> {
        if slot.is_some() {
            return Err(WireError::Repeated { field: P::NAME }.into());
        }
        *slot = Some(self.decode(reports)?);
        Ok(())
    }

    /// Decodes the parameter.
    pub(crate) fn decode<P: Parameter>(&self, reports: &mut Reports) -> Result<P, Undecodable> {
        self.with(|value| P::decode_value(value, reports))
    }
}

/// The content of a mandatory parameter's slot.
pub(crate) fn required<P: Parameter>(slot: Option<P>) -> Result<P, WireError> {
    slot.ok_or(WireError::Missing { field: P::NAME })
}

/// An error cause with `info`, which is left out where a report could not hold it.
pub(crate) fn report(cause: Cause, info: &[u8]) -> ErrorCause {
    let info = if info.len() <= MAX_REPORTED_BYTES { info.to_vec() } else { Vec::new() };
    ErrorCause { cause, info }
}

/// The parameters of a message or of a parameter, one after the other.
#[derive(Debug)]
pub(crate) struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// What is left in `reader` as parameters.
    pub(crate) fn new(reader: Reader<'a>) -> Parameters<'a> {
        Parameters { rest: reader.remaining() }
    }

    /// The next known parameter. Unknown ones are treated as the two highest bits of their type say.
    pub(crate) fn next(&mut self, reports: &mut Reports) -> Result<Option<Tlv<'a>>, Undecodable> {
        while !self.rest.is_empty() {
            let tlv = self.split_off("parameter header", "parameter length", "parameter")?;
            let parameter_type = tlv.parameter_type;
            let private = [parameter_type::HANDLE_RESOLUTION_OPTION, parameter_type::LIFE_IN_SECONDS];
            if matches!(parameter_type, 0x01..=0x10) || private.contains(&parameter_type) {
                return Ok(Some(tlv));
            }
            let error = WireError::UnknownParameter { parameter_type };
            match parameter_type >> 14 {
                0b00 => return Err(error.into()),
                0b01 => {
                    let report = report(Cause::UnrecognizedParameter, tlv.whole);
                    return Err(Undecodable { error, report: Some(report) });
                }
                0b10 => {}
                _ => reports.add(tlv.whole),
            }
        }
        Ok(None)
    }

    /// Applies the rules for unknown parameters where none is expected.
    pub(crate) fn skip_all(reader: Reader<'a>, reports: &mut Reports) -> Result<(), Undecodable> {
        let mut parameters = Parameters::new(reader);
        while parameters.next(reports)?.is_some() {}
        Ok(())
    }

    /// The next error cause: its code and information.
    pub(crate) fn next_cause(&mut self) -> Result<Option<(u16, &'a [u8])>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tlv = self.split_off("error cause header", "error cause length", "error cause")?;
        Ok(Some((tlv.parameter_type, tlv.whole.get(4..).unwrap_or_default())))
    }

    /// Takes one TLV and its padding off the front.
    fn split_off(
        &mut self,
        header: &'static str,
        length_field: &'static str,
        field: &'static str,
    ) -> Result<Tlv<'a>, WireError> {
        let mut reader = Reader::new(self.rest);
        let [high, low, length @ ..] = reader.array::<4>(header)?;
        let length = u16::from_be_bytes(length);
        if length < 4 {
            return Err(WireError::Invalid { field: length_field, value: length.into() });
        }
        let length = usize::from(length);
        let available = self.rest.len();
        let whole = self.rest.get(..length).ok_or(WireError::Truncated { field, needed: length, available })?;
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Ok(Tlv { parameter_type: u16::from_be_bytes([high, low]), whole })
    }
}

/// Collects the parameters that are skipped but must be reported.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    list: Vec<UnrecognizedParameter>,
    bytes: usize,
}

impl Reports {
    /// Adds a parameter, unless the report has no room for it.
    fn add(&mut self, whole: &[u8]) {
        // Each stands in a cause of its own, with four bytes of header and at most three of padding.
        let bytes = self.bytes + whole.len() + 7;
        if self.list.len() < MAX_REPORTED_PARAMETERS && bytes <= MAX_REPORTED_BYTES {
            self.bytes = bytes;
            self.list.push(UnrecognizedParameter(whole.to_vec()));
        }
    }

    pub(crate) fn into_list(self) -> Vec<UnrecognizedParameter> {
        self.list
    }
}

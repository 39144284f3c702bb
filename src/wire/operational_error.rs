//! Operational Error parameter and its causes (RFC 5354 section 3.12).

use super::parameter::{Parameter, Parameters, Reports, parameter_type};
use super::{Reader, Undecodable, UnrecognizedParameter, Writer};
use std::fmt;

/// An Operational Error parameter: one or more causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationalError {
    /// The causes, in the order in which they stand.
    pub causes: Vec<ErrorCause>,
}

impl OperationalError {
    /// An error with one cause and no information.
    pub fn of(cause: Cause) -> OperationalError {
        OperationalError { causes: vec![ErrorCause { cause, info: Vec::new() }] }
    }

    /// The first cause, by which the error is judged.
    pub fn first(&self) -> Option<Cause> {
        self.causes.first().map(|c| c.cause)
    }
}

impl From<&[UnrecognizedParameter]> for OperationalError {
    /// One cause for each parameter (RFC 5354 section 3.12.2).
    fn from(parameters: &[UnrecognizedParameter]) -> OperationalError {
        let cause = |parameter: &UnrecognizedParameter| ErrorCause {
            cause: Cause::UnrecognizedParameter,
            info: parameter.0.clone(),
        };
        OperationalError { causes: parameters.iter().map(cause).collect() }
    }
}

/// An error without any cause, which the RFC does not foresee, is still an error to its receiver.
impl Parameter for OperationalError {
    const TYPE: u16 = parameter_type::OPERATIONAL_ERROR;
    const NAME: &'static str = "operational error";

    fn decode_value(value: Reader<'_>, _: &mut Reports) -> Result<OperationalError, Undecodable> {
        let mut causes = Vec::new();
        let mut list = Parameters::new(value);
        while let Some((code, info)) = list.next_cause()? {
            causes.push(ErrorCause { cause: Cause::from_code(code), info: info.to_vec() });
        }
        Ok(OperationalError { causes })
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        for ErrorCause { cause, info } in &self.causes {
            w.tlv(cause.code(), "error cause", |w| w.bytes(info));
        }
    }
}

/// One cause with its cause-specific information: the offending TLV or message, where the RFC wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCause {
    /// Cause code of RFC 5354 section 3.12.
    pub cause: Cause,
    /// Cause-specific information, without padding.
    pub info: Vec<u8>,
}

/// Cause codes (RFC 5354 table 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// 0x0
    Unspecified,
    /// 0x1
    UnrecognizedParameter,
    /// 0x2
    UnrecognizedMessage,
    /// 0x3
    InvalidValues,
    /// 0x4
    NonUniquePoolElementId,
    /// 0x5
    InconsistentPoolingPolicy,
    /// 0x6
    LackOfResources,
    /// 0x7
    InconsistentTransportType,
    /// 0x8
    InconsistentDataControl,
    /// 0x9
    UnknownPoolHandle,
    /// 0xa
    RejectedForSecurity,
    /// Any other code, e.g. a private one of rsplib (0xf000 and up).
    Other(u16),
}

impl Cause {
    /// The cause of this code.
    pub const fn from_code(code: u16) -> Cause {
        match code {
            0x0 => Cause::Unspecified,
            0x1 => Cause::UnrecognizedParameter,
            0x2 => Cause::UnrecognizedMessage,
            0x3 => Cause::InvalidValues,
            0x4 => Cause::NonUniquePoolElementId,
            0x5 => Cause::InconsistentPoolingPolicy,
            0x6 => Cause::LackOfResources,
            0x7 => Cause::InconsistentTransportType,
            0x8 => Cause::InconsistentDataControl,
            0x9 => Cause::UnknownPoolHandle,
            0xa => Cause::RejectedForSecurity,
            other => Cause::Other(other),
        }
    }

    /// The code on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Cause::Unspecified => 0x0,
            Cause::UnrecognizedParameter => 0x1,
            Cause::UnrecognizedMessage => 0x2,
            Cause::InvalidValues => 0x3,
            Cause::NonUniquePoolElementId => 0x4,
            Cause::InconsistentPoolingPolicy => 0x5,
            Cause::LackOfResources => 0x6,
            Cause::InconsistentTransportType => 0x7,
            Cause::InconsistentDataControl => 0x8,
            Cause::UnknownPoolHandle => 0x9,
            Cause::RejectedForSecurity => 0xa,
            Cause::Other(code) => code,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Cause::Unspecified => "unspecified error",
            Cause::UnrecognizedParameter => "unrecognized parameter",
            Cause::UnrecognizedMessage => "unrecognized message",
            Cause::InvalidValues => "invalid values",
            Cause::NonUniquePoolElementId => "non-unique PE identifier",
            Cause::InconsistentPoolingPolicy => "inconsistent pooling policy",
            Cause::LackOfResources => "lack of resources",
            Cause::InconsistentTransportType => "inconsistent transport type",
            Cause::InconsistentDataControl => "inconsistent data/control configuration",
            Cause::UnknownPoolHandle => "unknown pool handle",
            Cause::RejectedForSecurity => "rejected due to security considerations",
            Cause::Other(code) => return write!(f, "error cause {code:#06x}"),
        };
        f.write_str(text)
    }
}

//! What can be wrong with received bytes, and what becomes of it.

use super::ErrorCause;
use std::fmt;

/// Why bytes are not the message or parameter they claim to be: the field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The bytes end inside `field`.
    Truncated {
        /// The field that could not be read, e.g. `"pool handle"`.
        field: &'static str,
        /// Bytes that the field needs.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
    /// `field` has a value that the RFC does not allow.
    Invalid {
        /// Name of the field in the RFC, for logs.
        field: &'static str,
        /// The value that was found.
        value: u64,
    },
    /// A mandatory parameter is not there.
    Missing {
        /// Name of the field in the RFC, for logs.
        field: &'static str,
    },
    /// A parameter stands more often than it may.
    Repeated {
        /// Name of the field in the RFC, for logs.
        field: &'static str,
    },
    /// A parameter of a type whose two highest bits say "stop" (RFC 5354 section 3).
    UnknownParameter {
        /// Number of the parameter type, as it came.
        parameter_type: u16,
    },
    /// A message type that neither RFC 5352 nor RFC 5353 defines.
    UnknownMessage {
        /// Number of the message type, as it came.
        message_type: u8,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Truncated { field, needed, available } => {
                write!(f, "{field} needs {needed} bytes, {available} are left")
            }
            WireError::Invalid { field, value } => write!(f, "{field} has the invalid value {value:#x}"),
            WireError::Missing { field } => write!(f, "{field} is missing"),
            WireError::Repeated { field } => write!(f, "{field} stands more than once"),
            WireError::UnknownParameter { parameter_type } => write!(f, "unknown parameter type {parameter_type:#06x}"),
            WireError::UnknownMessage { message_type } => write!(f, "unknown message type {message_type:#04x}"),
        }
    }
}

impl std::error::Error for WireError {}

/// A decoded message, and the parameters in it that were skipped but must be reported (type bits 11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<M> {
    /// What was understood.
    pub message: M,
    /// Skipped parameters to report to the sender with cause "unrecognized parameter"; mostly empty.
    pub unrecognized: Vec<UnrecognizedParameter>,
}

/// A skipped parameter: its whole TLV, as it goes back in the error cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnrecognizedParameter(pub Vec<u8>);

/// A message that cannot be used: what to log, and what to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// What is wrong.
    pub error: WireError,
    /// The cause to report in an ASAP_ERROR or ENRP_ERROR; `None`: discard silently.
    pub report: Option<ErrorCause>,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Undecodable {}

impl From<WireError> for Undecodable {
    /// Unusable without a report.
    fn from(error: WireError) -> Undecodable {
        Undecodable { error, report: None }
    }
}

/// Why a message cannot be put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// It does not fit the 16-bit length fields of RFC 5354.
    TooLong {
        /// The parameter or message that is too long.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// It would not be a message that the RFCs allow.
    Invalid {
        /// The parameter that is wrong.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::TooLong { field, length } => {
                write!(f, "{field} of {length} bytes does not fit a 16-bit length")
            }
            EncodeError::Invalid { field, reason } => write!(f, "{field} {reason}"),
        }
    }
}

impl std::error::Error for EncodeError {}

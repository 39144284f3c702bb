//! The parameters of RFC 5354 as types, and their encoding: knows bytes, knows no pool.

mod address;
mod error;
mod operational_error;
mod parameter;
pub mod policy;
mod pool_element;
mod reader;
mod server_information;
mod simple;
mod transport;
mod writer;

pub use address::AddressList;
pub use error::{Decoded, EncodeError, Undecodable, UnrecognizedParameter, WireError};
pub use operational_error::{Cause, ErrorCause, OperationalError};
pub use parameter::{MAX_REPORTED_BYTES, MAX_REPORTED_PARAMETERS};
pub use policy::{Policy, PolicyType};
pub use pool_element::{PoolElement, RegistrationLife};
pub use server_information::ServerInformation;
pub use transport::{MAX_SCTP_ADDRESSES, TransportParameter, TransportUse};

#[cfg(feature = "registrar")]
pub(crate) use parameter::Tlv;
pub(crate) use parameter::{Parameter, Parameters, Reports, report, required};
pub(crate) use reader::Reader;
pub(crate) use simple::{CookieParameter, HandleResolutionOption, LifeInSeconds, PeChecksum};
pub(crate) use writer::Writer;

/// PPID of ASAP messages on SCTP (RFC 5352 section 8.5, IANA).
pub const PPID_ASAP: u32 = 11;
/// PPID of ENRP messages on SCTP (RFC 5353 section 7.5, IANA).
pub const PPID_ENRP: u32 = 12;
/// Port of ASAP for SCTP, TCP and UDP (IANA).
pub const PORT_ASAP: u16 = 3863;
/// Port of ENRP for SCTP (IANA).
pub const PORT_ENRP: u16 = 9901;

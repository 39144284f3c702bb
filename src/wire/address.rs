//! IP addresses in transport parameters (RFC 5354 sections 3.1 and 3.2).

use smallvec::SmallVec;
use std::net::IpAddr;

/// The addresses of one SCTP endpoint. Most have one or two, which take no heap allocation.
pub type AddressList = SmallVec<[IpAddr; 2]>;

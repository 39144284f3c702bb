//! ASAP_COOKIE (0x0b), RFC 5352 section 2.2.11: PE to PU, on the control channel.

/// ASAP_COOKIE (0x0b), RFC 5352 section 2.2.11: PE to PU, on the control channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// State of the session, opaque to the PU.
    pub cookie: Vec<u8>,
}

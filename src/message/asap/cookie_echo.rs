//! ASAP_COOKIE_ECHO (0x0c), RFC 5352 section 2.2.12: PU to PE after a failover.

/// ASAP_COOKIE_ECHO (0x0c), RFC 5352 section 2.2.12: PU to PE after a failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieEcho {
    /// The last cookie received.
    pub cookie: Vec<u8>,
}

//! Formats that a gateway speaks.

pub mod proxy_protocol;

//! Transports that need nothing but loopback.

#[path = "../support/mod.rs"]
mod support;

mod contract;
mod sctp_udp;
mod tcp;

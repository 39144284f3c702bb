//! Transports that need nothing but loopback.

#[path = "../support/mod.rs"]
mod support;

mod contract;
mod memory;
mod sctp_udp;
mod tcp;

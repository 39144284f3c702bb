//! TLS over TCP and SCTP: who is let in, what is refused, and other implementations at the other end.
#![cfg(feature = "tls")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod contract;
mod elements;
mod linking;
mod other_implementations;
mod programs;
mod required;
mod roles;
mod verification;

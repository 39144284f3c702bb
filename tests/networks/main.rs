//! Networks as they are: hosts that get other addresses, names that lead elsewhere, IPv6. Each test has hosts in network
//! namespaces of its own, with programs as a user runs them.
#![cfg(feature = "registrar")]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod host;
mod ipv6;
mod names;

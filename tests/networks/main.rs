//! Networks as they are: hosts that get other addresses, names that lead elsewhere, IPv6, several networks, NAT, narrow paths. Each test
//! has hosts in network namespaces of its own, with programs as a user runs them. `scripts/network-trials` runs them over kernel SCTP,
//! too.
#![cfg(feature = "operations")]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod host;
mod ipv6;
mod multi_homing;
mod names;
mod narrow;
mod nat;

//! The client core (`src/asap/`) in virtual time.

#[path = "../support/mod.rs"]
mod support;

mod asap_client;
mod random;
mod rfc_5352;

//! The client core (`src/asap/`) in virtual time.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod hostile_registrars;
mod hunting;
mod log_lines;
mod random;
mod registrations;
mod requests;
mod rfc_5352;
mod rogues;
mod shutdown;
mod subscribing;

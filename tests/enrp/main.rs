//! Registrars among themselves, in virtual time.

#[path = "../support/mod.rs"]
mod support;

mod absence;
mod burdens;
mod events;
mod faults;
mod log_lines;
mod random;
mod reconfiguration;
mod rfc_5353;
mod rogues;
mod suspicion;

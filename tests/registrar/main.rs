//! The registrar core towards pool elements and pool users, in virtual time.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod burdens;
mod events;
mod log_lines;
mod policy_of_ones_own;
mod reconfiguration;
mod rfc_5352;
mod robustness;

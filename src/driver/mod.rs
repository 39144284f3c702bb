//! Threads, real time and descriptors: what turns the cores into a running program.

pub mod client;
pub mod clock;
pub mod csp;
pub mod interfaces;
pub mod log_output;
pub mod poller;
#[cfg(feature = "registrar")]
pub mod registrar;

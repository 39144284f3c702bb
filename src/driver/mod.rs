//! Threads, real time and descriptors: what turns the cores into a running program.

pub mod client;
pub mod clock;
mod core_loop;
pub mod csp;
pub mod interfaces;
pub mod log_output;
pub mod poller;
#[cfg(feature = "registrar")]
pub mod registrar;

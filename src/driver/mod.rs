//! Threads, real time and descriptors: what turns the cores into a running program.

mod address_changes;
#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod clock;
mod core_loop;
pub mod csp;
#[cfg(feature = "dns")]
mod dns;
#[doc(hidden)]
pub mod environment;
#[doc(hidden)]
pub mod interfaces;
#[doc(hidden)]
pub mod log_output;
#[doc(hidden)]
pub mod place;
#[doc(hidden)]
pub mod poller;
#[cfg(feature = "registrar")]
pub mod registrar;
#[cfg(test)]
mod scripted;

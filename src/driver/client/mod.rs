//! The client's driver: one thread that does the waiting for all sockets of the process, and what application threads do
//! themselves.

mod readiness;
pub mod system;

pub use readiness::{Readiness, Shown};

//! What test programs share. Each takes all of it in, by `#[path = "../support/mod.rs"] mod support;`, and uses its part.
#![allow(dead_code, unused_imports)]

pub mod api;
pub mod c_pool;
pub mod client;
pub mod enrp;
pub mod errnos;
pub mod log_lines;
pub mod memory;
pub mod network;
pub mod own_process;
pub mod program;
pub mod registrar;
pub mod scope;
pub mod sctp_packet;
pub mod silent_peer;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transport;

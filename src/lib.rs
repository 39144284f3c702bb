//! Reliable Server Pooling (RSerPool, RFC 5351-5356): pools of servers under one handle, selection by policy,
//! failure detection and session failover, without an async runtime, and with a C ABI.
//!
//! For programs in Rust: [`api`] (pool users and pool elements, with an example), [`driver::registrar`] (a registrar in a thread, with
//! its settings in [`registrar`]), [`policy`] (selection policies of one's own), [`asap`] (the client core alone), [`transport`]
//! and [`wire`] (what these mention). C programs have `include/rserpool/rserpool.h`.
//!
//! What is public beside that is so for the program `rserpool`, tests and benchmarks. It is hidden here and may change at any time.
//! `ARCHITECTURE.md` is the map of this crate.

pub mod api;
pub mod asap;
pub mod association;
#[cfg(feature = "bridges")]
#[doc(hidden)]
pub mod bridges;
#[doc(hidden)]
pub mod collections;
pub mod driver;
#[doc(hidden)]
pub mod ffi;
#[cfg(feature = "registrar")]
#[doc(hidden)]
pub mod handlespace;
pub mod identifiers;
#[doc(hidden)]
pub mod log_filter;
#[doc(hidden)]
pub mod log_limit;
#[doc(hidden)]
pub mod message;
pub mod policy;
pub mod profile;
#[doc(hidden)]
pub mod random;
#[cfg(feature = "registrar")]
pub mod registrar;
#[cfg(feature = "registrar")]
pub(crate) mod round_trips;
#[cfg(any(feature = "pool-element", feature = "tls"))]
#[doc(hidden)]
pub mod security;
#[doc(hidden)]
pub mod session;
pub(crate) mod step;
pub mod time;
pub(crate) mod token_bucket;
pub mod transport;
pub mod wire;

pub use identifiers::{AssociationId, PoolElementId, PoolHandle, RegistrarId, SessionId};
pub use time::Time;

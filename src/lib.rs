//! Reliable Server Pooling (RSerPool, RFC 5351-5356): pools of servers under one handle, selection by policy,
//! failure detection and session failover, without an async runtime, and with a C ABI.
//!
//! `ARCHITECTURE.md` is the map of this crate.

pub mod api;
pub mod asap;
pub mod association;
pub mod collections;
pub mod driver;
pub mod ffi;
#[cfg(feature = "registrar")]
pub mod handlespace;
pub mod identifiers;
pub mod log_filter;
pub mod log_limit;
pub mod message;
pub mod policy;
pub mod profile;
pub mod random;
#[cfg(feature = "registrar")]
pub mod registrar;
pub mod session;
pub(crate) mod step;
pub mod time;
pub(crate) mod token_bucket;
pub mod transport;
pub mod wire;

pub use identifiers::{AssociationId, PoolElementId, PoolHandle, RegistrarId, SessionId};
pub use time::Time;

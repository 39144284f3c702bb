//! The client core of ASAP (RFC 5352): registrar hunt, requests, pool element, cache. A state machine without I/O.

mod cache;
mod client;
mod deregistration;
mod hunt;
mod interface;
mod limits;
mod link;
mod registrars;
mod registration;
mod request;
mod resolution;
mod subscription;
mod timers;

pub(crate) use cache::CachedPool;
pub use client::{AsapClient, HomeRegistrar};
pub use interface::{Action, AsapConfig, ConnectAttempt, Event, Outcome, PoolState, Request, RequestError, RequestId};
pub use subscription::SUBSCRIBED_ITEMS;

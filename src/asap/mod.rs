//! The client core of ASAP (RFC 5352): registrar hunt, requests, pool element, cache. A state machine without I/O.

mod announced_addresses;
mod associations;
mod attempts;
mod cache;
mod client;
mod config;
mod deregistrations;
mod element;
mod hunt;
mod hunt_outcome;
mod hunt_settings;
mod incoming;
mod interface;
mod outage;
mod peer_log;
mod pool_table;
mod registrars;
mod registrations;
mod reports;
mod requests;
mod resolutions;
mod subscriptions;
mod verdict;

pub use associations::HomeRegistrar;
pub(crate) use cache::CachedPool;
pub use client::AsapClient;
pub use config::{AsapConfig, ConfigError, ValidAsapConfig};
pub use interface::{
    Action, ConnectAttempt, Event, Outcome, PoolState, RegistrationState, Request, RequestError, RequestId,
};
pub use subscriptions::SUBSCRIBED_ITEMS;

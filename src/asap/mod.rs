//! The client core of ASAP (RFC 5352): registrar hunt, requests, pool element, cache. A state machine without I/O.

mod client;
mod interface;

pub use client::AsapClient;
pub use interface::{Action, AsapConfig, ConnectAttempt, Event, Outcome, Request, RequestError, RequestId};

//! The client's driver: one thread that does the waiting for all sockets of the process, and what application threads do
//! themselves.
//!
//! Who does what: application threads send inline, through the lock of the endpoint; the I/O thread (`instance.rs`)
//! receives, runs timers and talks to registrars (`asap.rs`). What arrives goes into the inbox of a [`Socket`], whose
//! descriptor (`readiness.rs`) shows it.
//!
//! Lock order: list of endpoints, then endpoint, then socket, then the queue of commands. No lock is held while waiting or
//! while application code runs.
//!
//! A peer whose messages the application does not read cannot be slowed down, as no transport can stop reading one
//! association: beyond the bounds of the inbox (`session`) its association is aborted.

mod addresses;
mod asap;
mod bell;
mod csp;
mod element_news;
mod endpoint;
mod exposed;
pub mod global;
mod instance;
mod lingering;
mod ports;
mod readiness;
mod socket;
mod subscription;
pub mod system;
mod table;
mod turn;

pub use bell::{Bell, Listener, NoResult, Promise, Promised, Wake, promise};
pub use csp::{CspConfig, Reporter};
pub use endpoint::{Endpoint, EndpointState, SessionActions};
pub use instance::{Instance, InstanceConfig, NotDone, Registration, Reply};
pub use readiness::{Readiness, Shown};
pub use socket::{MAX_BACKLOG, ONLY_SESSION, ReceiveError, Registered, Role, SendError, Socket, SocketState};
pub use subscription::Subscription;
pub use table::{DescriptorTable, Entry};

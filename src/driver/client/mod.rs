//! The client's driver: one thread that does the waiting for all sockets of the process, and what application threads do
//! themselves.
//!
//! Who does what: application threads send inline, through the lock of the endpoint; the I/O thread (`instance.rs`)
//! receives, runs timers and talks to registrars (`asap.rs`). What arrives goes into the inbox of a [`Socket`], whose
//! descriptor (`readiness.rs`) shows it.
//!
//! Who knows whom: `instance.rs` knows all others. A socket knows its endpoint, an endpoint knows its sockets as
//! `EndpointUser` only, and both reach the I/O thread by the [`IoHandle`]. `tests/layers.rs` sees to it that no circle comes back.
//!
//! Lock order: list of endpoints, then endpoint, then socket, then the queue of commands. No lock is held while waiting or
//! while application code runs.
//!
//! A peer whose messages the application does not read cannot be slowed down, as no transport can stop reading one
//! association (why: [`crate::transport::Transport`]): beyond the bounds of the inbox (`session`) its association is aborted.

mod addresses;
mod asap;
mod bell;
mod call_error;
mod client_core;
mod commands;
mod cookies;
mod csp;
mod dispatch;
mod element_news;
mod endpoint;
mod endpoint_state;
mod exposed;
mod free_ports;
pub mod global;
mod instance;
mod io_handle;
mod lingering;
mod names;
mod ports;
mod protection;
mod readiness;
mod registrar_endpoints;
#[cfg(feature = "tls")]
mod registrar_tls;
mod registrations;
mod replies;
mod requests;
#[cfg(feature = "pool-element")]
mod sealed_cookies;
mod socket;
mod subscribers;
mod subscription;
pub mod system;
mod table;
mod turn;
mod whereabouts;

pub use bell::{Bell, Listener, NoResult, Promise, Promised, Wake, promise};
pub use call_error::{Closed, ListenError, ReceiveError, SendError};
pub use commands::{Registration, SocketName};
pub use cookies::{CookieMaker, Cookies};
pub use csp::{CspConfig, Reporter};
pub use endpoint::Endpoint;
pub use endpoint_state::{EndpointState, SessionActions};
pub use instance::{Instance, InstanceConfig};
pub use io_handle::IoHandle;
pub use protection::Protection;
pub use readiness::{Readiness, Shown};
#[cfg(feature = "tls")]
pub use registrar_tls::RegistrarTls;
pub use requests::{NotDone, Wait};
#[cfg(feature = "pool-element")]
pub use sealed_cookies::CookieSeal;
pub use socket::{MAX_BACKLOG, ONLY_SESSION, Registered, SessionStatus, Socket, Style, TakenUp, errno_of};
pub use subscription::Subscription;
pub use table::{DescriptorTable, Entry};

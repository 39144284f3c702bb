//! The safe Rust API with the semantics of the rsp_* functions.
//!
//! Every function works on the one library instance of the process, which [`initialize`] makes and [`cleanup`] ends, and
//! on descriptors that are real descriptors of the kernel: readable while [`recvmsg`] or [`accept`] would succeed,
//! writable while [`sendmsg`] would not block, the same number across failovers.
//!
//! Errors carry an errno and a sentence; nothing here panics on bad arguments. In a child process after `fork` every
//! function fails with `EOWNERDEAD` (the threads and associations belong to the parent); [`cleanup`] followed by
//! [`initialize`] starts afresh there.
//!
//! A registrar, a pool element and a pool user in one process:
//!
//! ```
//! # #[cfg(all(feature = "registrar", feature = "sctp-udp"))] {
//! use rserpool::api::{self, Config, ConnectOptions, LoadInfo, MessageKind, RegisterOptions, SendOptions, Timeout};
//! use rserpool::driver::registrar::{RegistrarHandle, RegistrarSettings};
//! use std::time::Duration;
//!
//! let registrar = RegistrarHandle::start(RegistrarSettings::loopback()).expect("a registrar");
//! let config = Config {
//!     registrars: vec![registrar.addresses().asap.into()],
//!     announcements: api::Announcements::Off,
//!     ..Config::default()
//! };
//! # (|| -> api::Result<()> {
//! api::initialize(&config)?;
//!
//! // A server: all sessions on one descriptor.
//! let server = api::socket(0, libc::SOCK_SEQPACKET, 0)?;
//! api::bind(server, &["127.0.0.1:0".parse().expect("an address")])?;
//! api::register(server, b"EchoPool", &LoadInfo::default(), Duration::from_secs(30), RegisterOptions::default())?;
//!
//! // A client, whose session moves to another server when this one fails.
//! let client = api::socket(0, libc::SOCK_SEQPACKET, 0)?;
//! api::connect(client, b"EchoPool", ConnectOptions::default())?;
//! api::sendmsg(client, b"hello", &SendOptions::default(), Timeout::Now)?;
//!
//! let mut buffer = [0; 1000];
//! loop {
//!     // That the session has begun is told before its data.
//!     let received = api::recvmsg(server, &mut buffer, Timeout::Never)?;
//!     if received.kind == MessageKind::Data {
//!         assert_eq!(&buffer[..received.len], b"hello");
//!         break;
//!     }
//! }
//! api::cleanup();
//! # Ok(()) })().expect("no error");
//! registrar.stop();
//! # }
//! ```

#[cfg(feature = "pool-element")]
mod business_card;
#[cfg(feature = "pool-element")]
mod cookie_seal;
mod error;
mod error_text;
mod lifecycle;
#[cfg(feature = "pool-element")]
mod news;
mod options;
mod parameters;
mod pool_info;
mod pool_sending;
mod registration;
mod sessions;
mod sockets;
mod tls;
mod types;
mod waiting;

pub use crate::driver::client::Wait;
pub use crate::session::EndSession;
#[cfg(feature = "tls")]
pub use crate::transport::tls::{TlsMode, TlsProfile, TlsSettings};
#[cfg(feature = "pool-element")]
pub use business_card::send_business_card;
pub use error::{Error, last_error, remember};
pub use error_text::error_text;
pub use lifecycle::{cleanup, initialize};
pub use options::{
    OPTION_AUTO_FAILOVER, OPTION_CONNECT_TIMEOUT_MS, OPTION_COOKIES_REFUSED, OPTION_FAILOVER_RESEND,
    OPTION_REGISTRATION_ERROR, OPTION_REGISTRATION_EVENT, OPTION_RESOLUTION_RETRY_DELAY_MS, OPTION_SESSION_ERROR,
    OPTION_UNREAD_LIMIT, SOL_RSERPOOL, getsockopt, setsockopt,
};
pub use parameters::{IPPROTO_SCTP, update_session_parameters};
pub use pool_info::{
    MAX_LISTED, PoolElementChange, PoolElementInfo, PoolInfo, getpoolinfo, poolchange, subscribe_pool,
};
pub use pool_sending::{PoolSendOptions, PoolSent, Target, sendto_pool};
pub use registration::{deregister, getaddrinfo, pe_deregistration, pe_failure, pe_registration, register};
pub use sessions::{connect, force_failover, has_cookie, read, recvfullmsg, recvmsg, send_cookie, sendmsg};
pub use sockets::{accept, bind, close, getpeername, getsockname, listen, set_status, socket};
#[doc(hidden)]
pub use tls::tls_from_environment;
#[cfg(feature = "tls")]
pub use tls::tls_settings_from_environment;
pub use types::{
    AddressInfo, Announcements, Config, ConnectOptions, CspConfig, FailoverFlags, HostName, LoadInfo, MessageKind,
    NOTIFICATION_SIZE, Notification, PeName, PeRegistrationOptions, Place, Received, RegisterOptions, SendOptions,
    SessionChange, Timeout,
};
pub use waiting::{mapsocket, poll, select, unmapsocket};

/// A descriptor number, as C has it.
pub type Descriptor = libc::c_int;
/// What every function of this module returns.
pub type Result<T> = std::result::Result<T, Error>;

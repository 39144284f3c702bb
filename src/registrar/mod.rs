//! The registrar core (RFC 5352 section 3, RFC 5353): a state machine without I/O.

mod interface;

pub use interface::{Action, ConnectAttempt, Event, Link, RegistrarConfig};

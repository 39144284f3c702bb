//! The client's driver: one thread that does the waiting for all sockets of the process, and what application threads do
//! themselves.

mod addresses;
mod asap;
mod endpoint;
pub mod global;
mod instance;
mod ports;
mod readiness;
mod socket;
pub mod system;
mod table;

pub use endpoint::{Endpoint, EndpointState, SessionActions};
pub use instance::{Instance, InstanceConfig, Registration, Reply, Waiter};
pub use readiness::{Readiness, Shown};
pub use socket::{MAX_BACKLOG, ONLY_SESSION, ReceiveError, Registered, Role, SendError, Socket, SocketState};
pub use table::{DescriptorTable, Entry};

//! What goes into the core of a gateway, and what comes out.

use crate::wire::{Policy, PolicyType};
use crate::{PoolElementId, RegistrarId};
use std::net::SocketAddr;
use std::time::Duration;

/// A connection of a client, or its flow of datagrams. The driver numbers them, and never uses a number again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A connect of a session to an element: its first, its second, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u8);

/// What is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// TCP: a connection ends with its element.
    Connections,
    /// UDP: a flow goes on with another element.
    Flows,
}

/// An element as a registrar lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its identifier in the pool.
    pub id: PoolElementId,
    /// The registrar that looks after it.
    pub home: RegistrarId,
    /// Its policy with its values.
    pub policy: Policy,
    /// Where it is reached.
    pub address: SocketAddr,
}

/// Whether a client stays with an element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sticky {
    /// Each connection is led by the pool's policy.
    #[default]
    No,
    /// All connections of one address go to one element, as long as that is there.
    Source,
}

/// Settings of the core.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Handle of the pool, as the log shows it.
    pub pool: String,
    /// TCP or UDP.
    pub carried: Carried,
    /// How clients are kept together.
    pub sticky: Sticky,
    /// Sessions at a time in all.
    pub max_sessions: usize,
    /// Sessions at a time of one client's address.
    pub max_per_client: usize,
    /// Sessions at a time with one element.
    pub max_per_element: usize,
    /// How long an element has to take a connection before the next one is tried beside it.
    pub head_start: Duration,
    /// How long a client waits for an element in all.
    pub patience: Duration,
    /// How long elements are used that a registrar which has lost its memory does not list.
    pub grace: Duration,
}

/// What the driver tells.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The pool as a registrar lists it: its policy (none: there is no such pool), and its elements.
    Pool(Option<PolicyType>, &'a [Element]),
    /// The answer to [`Action::AskWhoLeaves`].
    Leaving(&'a [PoolElementId]),
    /// Whether registrars answer.
    Registrar(Answering),
    /// A client is there.
    Accepted(SessionId, SocketAddr),
    /// A connect has succeeded.
    Connected(SessionId, Attempt),
    /// A connect has failed, or (UDP) the element's host says that nobody is there.
    Failed(SessionId, Attempt, Blame),
    /// The session is over, and its sockets are closed.
    Ended(SessionId, End),
    /// Time has passed.
    Timeout,
}

/// Whether registrars answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    /// One does.
    Yes,
    /// None does.
    No,
}

/// Whose fault a failed connect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The element's, or that of the way to it.
    Element,
    /// This host has no descriptor or port left.
    ThisHost,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides have ended it.
    InOrder,
    /// The client's connection broke.
    ClientLost,
    /// The element's connection broke.
    ElementLost,
    /// Nothing came for too long.
    Idle,
}

/// What the driver does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connects to an element.
    Connect(SessionId, Attempt, SocketAddr),
    /// This attempt is not needed any more.
    Abandon(SessionId, Attempt),
    /// From now on, this attempt's connection has the client's bytes.
    Carry(SessionId, Attempt),
    /// Closes client and element at once, with a reset.
    Reset(SessionId),
    /// Asks the registrar which elements are leaving in order, and answers with [`Event::Leaving`].
    AskWhoLeaves,
    /// Tells the registrar that an element cannot be reached (RFC 5352 section 3.5).
    Report(PoolElementId),
}

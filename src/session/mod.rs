//! The session core: failover, cookies, notifications. No I/O.
//!
//! [`PoolUserSession`] is the client side: resolve, select, connect, hand over the cookie, and all of it again when the
//! pool element fails. [`ServerSession`] is the side of the pool element. [`Inbox`] is what a socket has received and its
//! application has not read yet: data, cookie echoes and notifications in the order in which they happened, which is what
//! rsplib's two notification queues ("before data", "after data") amount to. [`PoolSender`] sends single messages to pools,
//! without a session that the application made.
//!
//! The ASAP control channel is the stream of messages with ASAP's payload protocol identifier on the same association as
//! the data (RFC 5352 section 3.8).

mod control;
mod inbox;
mod notification;
mod pool_element;
mod pool_sender;
mod pool_user;
mod pool_watch;

pub use control::{ControlMessage, encode_business_card, encode_cookie, encode_cookie_echo, parse_control};
pub use inbox::{Inbox, InboxFull, Item, ItemKind, NotificationTooLong, ReadItem};
pub use notification::{NOTIFICATION_SIZE, Notification, SessionChange};
pub use pool_element::{ServerEvent, ServerSession};
pub use pool_sender::{Delivery, DeliveryFailure, MAX_TARGETS, Next, PoolSender, Resend, Target};
pub use pool_user::{Action, Attempt, Blame, Event, NoElement, PoolUserConfig, PoolUserSession, ResolveFailure};
pub use pool_watch::{ElementChange, PoolNews, PoolWatch};

/// How a program ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSession {
    /// SCTP_EOF: in order, after everything was delivered.
    Shutdown,
    /// SCTP_ABORT: at once.
    Abort,
}

/// Longest cookie, in bytes: what fits, padded, into an ASAP_COOKIE with its 16-bit length.
pub const MAX_COOKIE_LEN: usize = 65_532 - 8;
/// Bytes, overhead included, that one socket keeps for its application, unless one session may have more; a peer that makes it more
/// loses its association.
pub const MAX_INBOX_BYTES: usize = 64 << 20;
/// Bytes, overhead included, that one session may have unread by default.
pub const UNREAD_LIMIT: usize = 8 << 20;
/// What a program may allow instead: room for one message at least.
pub const UNREAD_LIMITS: std::ops::RangeInclusive<usize> = 1 << 16..=1 << 30;
/// Failed elements that a session remembers so as not to try them again.
pub const MAX_FAILED_ELEMENTS: usize = 32;
/// Elements of a business card that are sent, and that a session remembers.
pub const MAX_PREFERRED_ELEMENTS: usize = 32;
/// Sessions that one socket makes to send by pool handle; the one not used for the longest time makes room for a new one.
pub const MAX_POOL_SESSIONS: usize = 1024;
/// Pools that one socket sends to at a time; the one not used for the longest time makes room.
pub const MAX_SENT_POOLS: usize = 64;
/// Messages of a session that are remembered as to be sent to another element if need be.
pub const MAX_MARKED_MESSAGES: usize = 1024;
/// Bytes that one session, or one socket that sends to pools, keeps of messages that another element is to take.
pub const MAX_RESEND_BYTES: usize = 4 << 20;

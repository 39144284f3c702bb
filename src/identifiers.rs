//! The identifiers of RSerPool as types of their own: a bare `u32` never says which one it is.

use smallvec::SmallVec;
use std::borrow::Borrow;
use std::fmt;

/// Identifies a pool: a sequence of bytes (RFC 5354 section 3.9), mostly text.
///
/// Handles of up to 32 bytes, which is rsplib's limit, take no heap allocation.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolHandle(SmallVec<[u8; 32]>);

impl PoolHandle {
    /// The longest handle that the API takes and that a registrar accepts by default: rsplib aborts on longer ones.
    pub const DEFAULT_MAX_LEN: usize = 32;

    /// A handle of these bytes. No length is refused here; API and registrar enforce their limits.
    pub fn new(bytes: impl AsRef<[u8]>) -> PoolHandle {
        PoolHandle(SmallVec::from_slice(bytes.as_ref()))
    }

    /// The bytes of the handle.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Clone for PoolHandle {
    /// All bytes at once, where the clone of a `SmallVec` takes one at a time.
    fn clone(&self) -> PoolHandle {
        PoolHandle::new(self)
    }
}

impl AsRef<[u8]> for PoolHandle {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for PoolHandle {
    fn from(text: &str) -> PoolHandle {
        PoolHandle::new(text)
    }
}

impl Borrow<[u8]> for PoolHandle {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for PoolHandle {
    /// The handle in quotes, everything but printable ASCII escaped: it may come from a hostile peer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Debug for PoolHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! identifier_u32 {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{:08x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($what, " 0x{:08x}"), self.0)
            }
        }
    };
}

identifier_u32!(
    /// Identifies a pool element (PE) within its pool (RFC 5354 section 3.10). Zero means "not chosen yet".
    PoolElementId,
    "PE"
);
identifier_u32!(
    /// Identifies a registrar ("ENRP server") in the operational scope (RFC 5353 section 3.1). Zero means "undetermined".
    RegistrarId,
    "registrar"
);
identifier_u32!(
    /// Identifies a session on an RSerPool socket, as in `rsp_sndrcvinfo.rinfo_session`.
    SessionId,
    "session"
);

/// Identifies an association (or TCP connection) of one driver for its whole life; never used again in that driver.
///
/// The upper 16 bits name the transport that it lives on, so several transports share one space of numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssociationId(u64);

impl AssociationId {
    /// The association number `counter` on transport number `transport`.
    pub const fn new(transport: u16, counter: u64) -> AssociationId {
        AssociationId((transport as u64) << 48 | (counter & 0xffff_ffff_ffff))
    }

    /// The association of which [`AssociationId::as_u64`] gave this number.
    pub const fn from_u64(number: u64) -> AssociationId {
        AssociationId(number)
    }

    /// The number of the transport that the association lives on.
    pub const fn transport(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The whole number, for tables and logs.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AssociationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.transport(), self.0 & 0xffff_ffff_ffff)
    }
}

impl fmt::Debug for AssociationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "association {self}")
    }
}

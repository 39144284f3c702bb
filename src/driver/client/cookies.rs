//! What becomes of the cookies of a server's sessions, where they are more than bytes. Traits, so that a library without servers has no
//! cryptography in it.

use crate::PoolHandle;
use crate::association::PeerAddress;
use std::sync::Arc;

/// Looks after the cookies of a listening socket and of those that it has accepted.
pub trait Cookies: Send + Sync {
    /// The server is registered in this pool.
    fn set_pool(&self, pool: &PoolHandle);

    /// Bytes by which what the client gets is longer than the program's cookie.
    fn overhead(&self) -> usize;

    /// What the client gets.
    fn seal(&self, cookie: &[u8]) -> Vec<u8>;

    /// The program's cookie in what a client shows; none: the program is not to see it.
    fn open(&self, echo: &[u8], peer: Option<&PeerAddress>) -> Option<Vec<u8>>;

    /// How many the program was not to see.
    fn refused(&self) -> u64;
}

/// Begins to look after the cookies of one more listening socket.
pub trait CookieMaker: Send + Sync {
    /// For a socket that is not registered yet.
    fn begin(&self) -> Arc<dyn Cookies>;
}

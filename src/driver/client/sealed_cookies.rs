//! Cookies that are sealed when they are given, and looked at when they come back.

use super::cookies::{CookieMaker, Cookies};
use crate::PoolHandle;
use crate::association::PeerAddress;
use crate::driver::clock;
use crate::log_limit::{LogLimit, log_limited};
use crate::security::CookieKeys;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The keys of this process, for all of its sockets.
pub struct CookieSeal(Arc<CookieKeys>);

impl CookieSeal {
    /// With these keys.
    pub fn new(keys: CookieKeys) -> CookieSeal {
        CookieSeal(Arc::new(keys))
    }
}

impl CookieMaker for CookieSeal {
    fn begin(&self) -> Arc<dyn Cookies> {
        Arc::new(SealedCookies {
            keys: Arc::clone(&self.0),
            pool: Mutex::new(PoolHandle::new(b"")),
            refused: AtomicU64::new(0),
            log: Mutex::default(),
        })
    }
}

struct SealedCookies {
    keys: Arc<CookieKeys>,
    /// The pool that the server was registered in last; without a name before it was.
    pool: Mutex<PoolHandle>,
    refused: AtomicU64,
    log: Mutex<LogLimit>,
}

impl Cookies for SealedCookies {
    fn set_pool(&self, pool: &PoolHandle) {
        *self.pool.lock() = pool.clone();
    }

    fn overhead(&self) -> usize {
        self.keys.overhead()
    }

    fn seal(&self, cookie: &[u8]) -> Vec<u8> {
        self.keys.seal(&self.pool.lock(), clock::since_1970(), cookie)
    }

    fn open(&self, echo: &[u8], peer: Option<&PeerAddress>) -> Option<Vec<u8>> {
        let pool = self.pool.lock();
        match self.keys.open(&pool, clock::since_1970(), echo) {
            Ok(cookie) => Some(cookie.to_vec()),
            Err(fault) => {
                let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
                let peer = peer.map_or_else(|| "a peer".to_owned(), PeerAddress::to_string);
                log_limited!(
                    self.log.lock(),
                    clock::now(),
                    log::Level::Warn,
                    "pool {pool}: a cookie from {peer} is dropped, and its session begins without one: {fault} \
                     ({refused} so far)"
                );
                None
            }
        }
    }

    fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

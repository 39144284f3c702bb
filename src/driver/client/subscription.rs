//! Descriptors of subscriptions to pools.

use super::bell::{Bell, Wake};
use super::call_error::ReceiveError;
use super::readiness::{Readiness, Shown};
use super::system;
use crate::asap::PoolState;
use crate::session::{PoolNews, PoolWatch};
use crate::{PoolHandle, Time};
use parking_lot::Mutex;
use std::os::fd::RawFd;
use std::sync::Arc;

/// A subscription with its descriptor, which is readable while there is news.
pub struct Subscription {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    state: Mutex<SubscriptionState>,
    changed: Bell,
}

struct SubscriptionState {
    pool: PoolWatch,
    readiness: Option<Arc<Readiness>>,
    shown: Shown,
    /// The errno of calls from now on.
    closed: Option<libc::c_int>,
}

impl Subscription {
    /// A subscription that has heard nothing yet.
    pub fn new(pool_handle: PoolHandle) -> std::io::Result<Arc<Subscription>> {
        let (readiness, shown) = Readiness::new()?;
        let state =
            SubscriptionState { pool: PoolWatch::new(), readiness: Some(Arc::new(readiness)), shown, closed: None };
        Ok(Arc::new(Subscription { pool_handle, state: Mutex::new(state), changed: Bell::default() }))
    }

    /// The descriptor's number; none after `close`.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.state.lock().readiness.as_ref().map(|readiness| readiness.raw())
    }

    /// Takes another number: see `Socket::replace_descriptor`.
    pub fn replace_descriptor(&self) -> std::io::Result<Option<Arc<Readiness>>> {
        let (readiness, shown) = Readiness::new()?;
        let mut state = self.state.lock();
        let old = state.readiness.replace(Arc::new(readiness));
        state.shown = shown;
        self.update(&mut state);
        Ok(old)
    }

    /// A registrar tells how the pool is.
    pub fn told(&self, pool: PoolState) {
        let mut state = self.state.lock();
        state.pool.told(pool);
        self.update(&mut state);
    }

    /// What is new, waiting until `until` for it (`None`: not at all).
    pub fn look(&self, until: Option<Time>) -> Result<PoolNews, ReceiveError> {
        let mut listener = self.changed.listen();
        let mut ended = None;
        loop {
            let mut state = self.state.lock();
            if let Some(errno) = state.closed {
                return Err(ReceiveError::Closed(errno));
            }
            if let Some(news) = state.pool.look() {
                self.update(&mut state);
                return Ok(news);
            }
            let nonblocking = state.readiness.as_ref().is_some_and(|readiness| system::is_nonblocking(readiness.raw()));
            drop(state);
            if let Some(ended) = ended {
                return Err(ended);
            }
            let Some(until) = until.filter(|_| !nonblocking) else { return Err(ReceiveError::WouldBlock) };
            ended = match listener.wait(until) {
                Wake::Rung => None,
                Wake::TimedOut => Some(ReceiveError::WouldBlock),
                Wake::Interrupted => Some(ReceiveError::Interrupted),
            };
        }
    }

    /// Makes every call fail with `errno` from now on, blocked ones included.
    pub fn fail(&self, errno: libc::c_int) {
        let mut state = self.state.lock();
        state.closed.get_or_insert(errno);
        self.update(&mut state);
    }

    /// The same, and gives the descriptor's number back.
    pub fn close(&self, errno: libc::c_int) {
        self.fail(errno);
        self.state.lock().readiness = None;
    }

    fn update(&self, state: &mut SubscriptionState) {
        self.changed.ring();
        let Some(readiness) = &state.readiness else { return };
        let wanted = Shown { readable: state.closed.is_some() || state.pool.has_news(), writable: true };
        if wanted != state.shown {
            readiness.set(&mut state.shown, wanted);
        }
    }
}

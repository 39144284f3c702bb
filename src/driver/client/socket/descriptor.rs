//! The descriptor of a socket, and what it shows.

use crate::driver::client::readiness::{Readiness, Shown};
use std::os::fd::RawFd;
use std::sync::Arc;

/// A socket's descriptor. It has none before `accept` and after `close`.
pub(super) struct Descriptor {
    readiness: Option<Arc<Readiness>>,
    shown: Shown,
    /// The thread that is bringing messages reads the next one itself: what the descriptor shows can wait until then.
    quiet: bool,
}

impl Descriptor {
    /// None.
    pub fn none() -> Descriptor {
        Descriptor { readiness: None, shown: Shown { readable: false, writable: true }, quiet: false }
    }

    /// Takes this one, which shows that, in place of the one before.
    pub fn replace(&mut self, (readiness, shown): (Readiness, Shown)) -> Option<Arc<Readiness>> {
        self.shown = shown;
        self.readiness.replace(Arc::new(readiness))
    }

    /// There is none any more. Its number stays taken until the last of those who hold it has gone.
    pub fn remove(&mut self) {
        self.readiness = None;
    }

    /// Its number.
    pub fn raw(&self) -> Option<RawFd> {
        self.readiness.as_ref().map(|readiness| readiness.raw())
    }

    /// Keeps the number ours, even if another thread closes the socket.
    pub fn hold(&self) -> Option<Arc<Readiness>> {
        self.readiness.clone()
    }

    /// Whatever happens need not be shown from now on, as long as the socket is open.
    pub fn rest(&mut self) {
        self.quiet = true;
    }

    /// It has to be shown again.
    pub fn wake(&mut self) {
        self.quiet = false;
    }

    /// Nobody looks at it now.
    pub fn is_quiet(&self) -> bool {
        self.quiet || self.readiness.is_none()
    }

    /// Shows this.
    pub fn show(&mut self, wanted: Shown) {
        if let Some(readiness) = self.readiness.as_ref().filter(|_| wanted != self.shown) {
            readiness.set(&mut self.shown, wanted);
        }
    }
}

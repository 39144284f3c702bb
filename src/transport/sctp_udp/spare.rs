//! Buffers to receive into. They are the process's, not each endpoint's: one is in use only while a thread receives, and a program
//! may have thousands of endpoints.

use super::udp::Batch;
use std::io;
use std::sync::Mutex;

/// Kept for whoever receives next: as many as threads that receive at one moment.
const MAX_KEPT: usize = 8;

static SPARE: Mutex<Vec<Batch>> = Mutex::new(Vec::new());

/// A buffer for a round of receiving; none: there is no memory for it.
///
/// Never waits: in a child of fork(), the lock may have been taken for ever.
pub(super) fn take() -> Option<Batch> {
    let kept = SPARE.try_lock().ok().and_then(|mut spare| spare.pop());
    kept.or_else(Batch::new)
}

/// The round is over.
pub(super) fn give_back(batch: Batch) {
    if let Ok(mut spare) = SPARE.try_lock() {
        if spare.len() < MAX_KEPT && spare.try_reserve(1).is_ok() {
            spare.push(batch);
        }
    }
}

/// Who opens an endpoint wants to receive: that there is memory for it shows now.
pub(super) fn reserve() -> io::Result<()> {
    let batch = take().ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
    give_back(batch);
    Ok(())
}

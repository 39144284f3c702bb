//! The one instance of the process, and what fork means to it.

use super::instance::Instance;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// The place of the instance. Behind a pointer so that a child process can leave it alone: a lock that another thread held
/// at the fork stays locked there for ever.
type Place = RwLock<Option<Arc<Instance>>>;

static PLACE: AtomicPtr<Place> = AtomicPtr::new(std::ptr::null_mut());
/// There is an instance, or one is being made. Beside the instance's lock, which a child process cannot ask.
static RUNNING: AtomicBool = AtomicBool::new(false);
/// We are the child of a process in which the library ran.
static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn forked_in_child() {
    // Only what is safe after a fork. The parent's instance is left where it is: its locks may be held by nobody.
    // A parent that has cleaned up has nothing that the child could harm.
    if RUNNING.swap(false, Ordering::SeqCst) {
        FORKED.store(true, Ordering::SeqCst);
    }
    PLACE.store(std::ptr::null_mut(), Ordering::SeqCst);
}

fn place() -> &'static Place {
    let current = PLACE.load(Ordering::Acquire);
    let current = if current.is_null() { make_place() } else { current };
    // SAFETY: the pointer comes from Box::into_raw and is never freed.
    unsafe { &*current }
}

fn make_place() -> *mut Place {
    let fresh = Box::into_raw(Box::new(RwLock::new(None)));
    match PLACE.compare_exchange(std::ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => fresh,
        Err(theirs) => {
            // SAFETY: `fresh` was made above and nobody else has seen it.
            drop(unsafe { Box::from_raw(fresh) });
            theirs
        }
    }
}

/// Has forks noticed from now on.
fn handle_forks() {
    static HANDLED: Once = Once::new();
    HANDLED.call_once(|| {
        // SAFETY: the handler only uses atomics.
        if unsafe { libc::pthread_atfork(None, None, Some(forked_in_child)) } != 0 {
            log::warn!("forks cannot be noticed: a child process must not use the library");
        }
    });
}

/// We are a child process, and the library has not been cleaned up here.
pub fn is_forked() -> bool {
    FORKED.load(Ordering::SeqCst)
}

/// Forgets the parent's instance; true when there was one to forget.
pub fn forget_parent() -> bool {
    FORKED.swap(false, Ordering::SeqCst)
}

/// The running instance.
pub fn current() -> Option<Arc<Instance>> {
    if is_forked() { None } else { place().read().clone() }
}

/// Makes an instance unless one is running.
pub fn start_with<E>(make: impl FnOnce() -> Result<Arc<Instance>, E>) -> Result<(), E> {
    handle_forks();
    let mut instance = place().write();
    if instance.is_none() {
        RUNNING.store(true, Ordering::SeqCst);
        let made = make();
        RUNNING.store(made.is_ok(), Ordering::SeqCst);
        *instance = Some(made?);
    }
    Ok(())
}

/// Takes the instance away.
pub fn take() -> Option<Arc<Instance>> {
    let mut instance = place().write();
    // With the lock: another thread may be about to start the next one.
    RUNNING.store(false, Ordering::SeqCst);
    instance.take()
}

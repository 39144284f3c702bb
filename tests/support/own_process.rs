//! A process that does not outlive whoever has started it.

use std::ops::{Deref, DerefMut};
use std::process::Child;

/// It is killed when this is dropped.
pub struct OwnProcess(pub Child);

impl Deref for OwnProcess {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for OwnProcess {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}

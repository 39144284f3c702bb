//! What the scope test and the takeover benchmark share: registrars, elements and users as processes, and a look at what
//! the registrars know.
pub mod dns;
pub mod hosts;
pub mod lossy;
pub mod nat;
pub mod network;
pub mod presence;
pub mod registrars;
pub mod table;

use rserpool::driver::clock;
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at something that tells nobody when it changes.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks again and again until there is nothing left to wait for. `look` says what is still missing.
pub fn until<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    until_looking_every(LOOK_AGAIN, what, look)
}

/// The same, with so long a pause between two looks.
pub fn until_looking_every<T>(pause: Duration, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let end = clock::now() + PATIENCE;
    loop {
        let missing = match look() {
            Ok(result) => return result,
            Err(missing) => missing,
        };
        assert!(clock::now() < end, "not within {PATIENCE:?}: {what}: {missing}");
        std::thread::park_timeout(pause);
    }
}

/// Lets a fault last: its length is part of the test.
pub fn lasts(duration: Duration) {
    let end = clock::now() + duration;
    while clock::now() < end {
        std::thread::park_timeout(end.saturating_since(clock::now()));
    }
}

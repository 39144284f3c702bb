//! How far something is that takes more than a moment, on standard error.

use rserpool::Time;
use std::io::Write;
use std::time::Duration;

/// Time between lines; what is shorter says nothing.
const INTERVAL: Duration = Duration::from_secs(2);

/// Says every two seconds how far it is.
pub struct Progress {
    /// What is counted; none: nothing is said.
    what: Option<String>,
    /// Where it ends, if that is known.
    total: Option<u64>,
    next: Time,
}

impl Progress {
    pub fn new(what: &str, total: Option<u64>, now: Time) -> Progress {
        Progress { what: Some(what.to_owned()), total, next: now + INTERVAL }
    }

    pub fn silent() -> Progress {
        Progress { what: None, total: None, next: Time::MAX }
    }

    /// So many are done now.
    pub fn at(&mut self, now: Time, count: u64) {
        let Some(what) = self.what.as_ref().filter(|_| now >= self.next) else { return };
        self.next = now + INTERVAL;
        let of = self.total.map_or(String::new(), |total| format!(" of {total}"));
        // A progress that cannot be written is no reason to stop.
        let _ = writeln!(std::io::stderr(), "rserpool: {count}{of} {what}");
    }
}

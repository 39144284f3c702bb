//! Log lines that a registrar, or whoever claims to be one, can cause.

use crate::Time;
use crate::log_limit::{LogLimit, log_limited};
use crate::wire::OperationalError;
use log::Level;
use std::fmt;

/// Writes such lines at a bounded rate.
#[derive(Default)]
pub(super) struct PeerLog(LogLimit);

impl PeerLog {
    /// Something went wrong that somebody should look at.
    pub(super) fn warn(&mut self, now: Time, line: fmt::Arguments<'_>) {
        log_limited!(self.0, now, Level::Warn, "{line}");
    }

    /// Something that happens, and that is worth knowing.
    pub(super) fn info(&mut self, now: Time, line: fmt::Arguments<'_>) {
        log_limited!(self.0, now, Level::Info, "{line}");
    }

    /// Something that happens every day, when messages cross each other.
    pub(super) fn debug(&mut self, now: Time, line: fmt::Arguments<'_>) {
        log_limited!(self.0, now, Level::Debug, "{line}");
    }
}

/// The causes of an error, for a log line.
pub(super) fn causes(error: Option<&OperationalError>) -> String {
    let causes = error.map(|error| error.causes.as_slice()).unwrap_or_default();
    if causes.is_empty() {
        return "no reason given".to_owned();
    }
    causes.iter().take(4).map(|cause| cause.cause.to_string()).collect::<Vec<_>>().join(", ")
}

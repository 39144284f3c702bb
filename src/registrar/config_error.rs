//! Why settings of a registrar are refused.

use crate::association::PeerAddress;
use std::fmt;
use std::time::Duration;

/// A setting with which a registrar cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A time is not in its range.
    Time {
        /// Of which setting.
        setting: &'static str,
        /// What it was set to.
        value: Duration,
        /// What it may be set to.
        range: TimeRange,
    },
    /// A number is not in its range.
    Count {
        /// Of which setting.
        setting: &'static str,
        /// What it was set to.
        value: usize,
        /// What it may be set to.
        range: CountRange,
    },
    /// Another registrar is given without an address, or without a port.
    PeerWithoutPlace(PeerAddress),
}

/// What a time may be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Smallest value that is taken.
    pub least: Duration,
    /// Largest value that is taken.
    pub most: Duration,
    /// Another setting that the least comes from.
    least_is: Option<&'static str>,
}

/// What a number may be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRange {
    /// Smallest value that is taken.
    pub least: usize,
    /// Largest value that is taken.
    pub most: usize,
    /// Another setting that the most comes from.
    most_is: Option<&'static str>,
}

impl TimeRange {
    pub(super) fn between(least: Duration, most: Duration) -> TimeRange {
        TimeRange { least, most, least_is: None }
    }

    pub(super) fn from(least: Duration, least_is: &'static str, most: Duration) -> TimeRange {
        TimeRange { least, most, least_is: Some(least_is) }
    }

    pub(super) fn check(self, setting: &'static str, value: Duration) -> Result<(), ConfigError> {
        if value < self.least || value > self.most {
            return Err(ConfigError::Time { setting, value, range: self });
        }
        Ok(())
    }
}

impl CountRange {
    pub(super) fn between(least: usize, most: usize) -> CountRange {
        CountRange { least, most, most_is: None }
    }

    pub(super) fn up_to(least: usize, most: usize, most_is: &'static str) -> CountRange {
        CountRange { least, most, most_is: Some(most_is) }
    }

    pub(super) fn check(self, setting: &'static str, value: usize) -> Result<(), ConfigError> {
        if value < self.least || value > self.most {
            return Err(ConfigError::Count { setting, value, range: self });
        }
        Ok(())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Time { setting, value, range } if *value < range.least => {
                write!(f, "the {setting} is {value:?}, and must be {:?} at least", range.least)?;
                explain(f, range.least_is)
            }
            ConfigError::Time { setting, value, range } => {
                write!(f, "the {setting} is {value:?}, and must be {:?} at most", range.most)
            }
            ConfigError::Count { setting, value, range } if *value < range.least => {
                write!(f, "the {setting} is {value}, and must be {} at least", range.least)
            }
            ConfigError::Count { setting, value, range } => {
                write!(f, "the {setting} is {value}, and must be {} at most", range.most)?;
                explain(f, range.most_is)
            }
            ConfigError::PeerWithoutPlace(peer) => write!(f, "the other registrar {peer} needs an address and a port"),
        }
    }
}

/// Says which other setting a limit comes from.
fn explain(f: &mut fmt::Formatter<'_>, source: Option<&'static str>) -> fmt::Result {
    source.map_or(Ok(()), |source| write!(f, " ({source})"))
}

impl std::error::Error for ConfigError {}

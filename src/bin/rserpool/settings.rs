//! The settings of `rserpool registrar`, one entry each: options, configuration file, help, defaults and parsing come from this table.

#[macro_use]
mod entries;
mod access;
mod table;
#[cfg(feature = "tls")]
mod tls;
mod values;

#[cfg(test)]
mod tests;

use crate::logger::Format;
use log::LevelFilter;
use rserpool::driver::registrar::{Profile, RegistrarSettings};
use std::net::SocketAddr;
pub use table::{CSP_MIN_INTERVAL, SETTINGS};

/// What all settings together come to.
#[derive(Clone, Debug)]
pub struct Options {
    pub registrar: RegistrarSettings,
    /// It has set timers of `registrar`.
    pub profile: Profile,
    /// Least important lines of the log.
    pub log: LevelFilter,
    /// What these lines are.
    pub log_format: Format,
    /// Where metrics and more are to be had.
    pub http: Option<SocketAddr>,
}

impl Default for Options {
    fn default() -> Options {
        let (registrar, profile) = (RegistrarSettings::default(), Profile::Default);
        Options { registrar, profile, log: LevelFilter::Info, log_format: Format::Text, http: None }
    }
}

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// That of the option, without the dashes, and of the key in a configuration file.
    pub name: &'static str,
    /// What its value is.
    pub value: &'static str,
    /// One line.
    pub help: &'static str,
    pub takes: Takes,
    /// What no value is called.
    pub absent: &'static str,
    /// Its values, as they could be given.
    pub values: fn(&Options) -> Vec<String>,
    /// Sets it.
    pub apply: fn(&mut Options, &str, Occurrence) -> Result<(), String>,
}

impl Setting {
    /// The one of this name.
    pub fn find(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// Its values in a line, for people.
    pub fn show(&self, options: &Options) -> String {
        let values = (self.values)(options);
        if values.is_empty() { self.absent.to_owned() } else { values.join(", ") }
    }
}

/// How many values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// The last one counts.
    One,
    /// They add up.
    Several,
}

/// Which use of an option this is, for those that add to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// The first one: a list that it adds to begins anew.
    First,
    /// It was used before.
    Again,
}

/// The setting that comes before all others, wherever it stands.
pub const PROFILE: &str = "profile";
/// The one that comes next: others have names, which these servers are asked for.
pub const DNS_SERVER: &str = "dns-server";

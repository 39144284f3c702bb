//! Options of the commands that are pool users or pool elements themselves: how the library finds registrars.

use crate::failure::Failure;
use crate::values;
use rserpool::api::{Announcements, Config};
use rserpool::profile::Profile;

/// Their explanation.
pub const HELP: &str = "  \
  --registrar ADDR:PORT,...    registrars, by address or name [RSERPOOL_REGISTRARS, else 127.0.0.1:3863]
  --announcements WORD         on: also those that announce themselves by multicast; off [on]
  --profile WORD               fast: timers for call control; default [RSERPOOL_PROFILE, else default]
  --log LEVEL                  error, warn, info, debug or trace [info]
";

/// What they say.
pub struct LibraryOptions {
    pub config: Config,
    pub log: log::LevelFilter,
}

impl Default for LibraryOptions {
    fn default() -> LibraryOptions {
        LibraryOptions { config: Config::default(), log: log::LevelFilter::Info }
    }
}

impl LibraryOptions {
    /// Takes an option with its value. False: it is none of these.
    pub fn take(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, Failure> {
        if !["registrar", "announcements", "profile", "log"].contains(&name) {
            return Ok(false);
        }
        values::option(parser, name, |value| self.set(name, value))?;
        Ok(true)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let shown = value.escape_debug();
        match name {
            "registrar" => {
                for place in value.split(',') {
                    values::add_registrar(&mut self.config, place.trim())?;
                }
            }
            "announcements" => {
                self.config.announcements = match value {
                    "on" => Announcements::Default,
                    "off" => Announcements::Off,
                    _ => return Err(format!("\"{shown}\" is neither on nor off")),
                }
            }
            "profile" => {
                self.config.profile = Some(match value {
                    "default" => Profile::Default,
                    "fast" => Profile::Fast,
                    _ => return Err(format!("\"{shown}\" is neither default nor fast")),
                });
            }
            _ => self.log = value.parse().map_err(|_| format!("\"{shown}\" is no level of the log"))?,
        }
        Ok(())
    }

    /// Starts log and library.
    pub fn start(&self) -> Result<(), Failure> {
        crate::logger::start(self.log, crate::logger::Format::Text);
        rserpool::api::initialize(&self.config).map_err(|error| Failure::Failed(error.to_string()))
    }
}

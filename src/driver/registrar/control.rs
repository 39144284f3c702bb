//! Other settings for a registrar that runs, from another thread.

use super::{RegistrarSettings, SettingsError};
use crate::driver::poller::Waker;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fmt;

/// Settings on their way to the registrar's thread.
pub(super) struct Reload {
    pub(super) before: RegistrarSettings,
    pub(super) settings: RegistrarSettings,
    /// What comes of them.
    pub(super) answer: Sender<Result<(), SettingsError>>,
}

/// Gives a running registrar other settings.
pub struct RegistrarControl {
    settings: RegistrarSettings,
    reloads: Sender<Reload>,
    waker: Waker,
}

/// Why a registrar goes on with the settings that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReloadError {
    /// It cannot work with the others.
    Refused(SettingsError),
    /// It has stopped.
    Ended,
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReloadError::Refused(why) => why.fmt(f),
            ReloadError::Ended => f.write_str("the registrar has stopped"),
        }
    }
}

impl std::error::Error for ReloadError {}

impl RegistrarControl {
    pub(super) fn new(settings: RegistrarSettings, waker: Waker) -> (RegistrarControl, Receiver<Reload>) {
        let (reloads, receiver) = bounded(1);
        (RegistrarControl { settings, reloads, waker }, receiver)
    }

    /// The settings that it has.
    pub fn settings(&self) -> &RegistrarSettings {
        &self.settings
    }

    /// Gives it these settings, waits until it has them, and returns those that it has now: as [`RegistrarSettings::changed_to`] says,
    /// it cannot take all of them while it runs.
    pub fn reload(&mut self, settings: &RegistrarSettings) -> Result<&RegistrarSettings, ReloadError> {
        settings.validate().map_err(ReloadError::Refused)?;
        let settings = self.settings.changed_to(settings);
        let (answer, answered) = bounded(1);
        let reload = Reload { before: self.settings.clone(), settings: settings.clone(), answer };
        self.reloads.send(reload).map_err(|_| ReloadError::Ended)?;
        self.waker.wake();
        answered.recv().map_err(|_| ReloadError::Ended)?.map_err(ReloadError::Refused)?;
        self.settings = settings;
        Ok(&self.settings)
    }
}

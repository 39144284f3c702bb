//! A running registrar from other threads: other settings for it, and looks into it.

use super::{RegistrarMetrics, RegistrarSettings, SettingsError};
use crate::driver::poller::Waker;
use crate::registrar::Registrar;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fmt;
use std::time::Duration;

/// Requests that may wait for the registrar's thread; who has one more waits.
const MAX_WAITING: usize = 16;

/// What is to be seen, by the registrar's thread.
type Look<C> = Box<dyn FnOnce(&C, &RegistrarMetrics) + Send>;

/// What the registrar's thread is asked to do.
pub(super) enum Request<C> {
    Reload(Box<Reload>),
    Look(Look<C>),
}

/// By which it is asked.
#[derive(Clone)]
struct Requests {
    sender: Sender<Request<Registrar>>,
    waker: Waker,
}

impl Requests {
    fn send(&self, request: Request<Registrar>, patience: Duration) -> Option<()> {
        self.sender.send_timeout(request, patience).ok()?;
        self.waker.wake();
        Some(())
    }
}

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
    requests: Requests,
}

/// Looks into a running registrar, from any thread.
#[derive(Clone)]
pub struct RegistrarWindow(Requests);

impl RegistrarWindow {
    /// What `look` sees, which the registrar's own thread does between two rounds: it has to be quick, as nobody is served
    /// meanwhile. None: nothing came of it within this time, or the registrar has stopped.
    pub fn look<T: Send + 'static>(
        &self,
        patience: Duration,
        look: impl FnOnce(&Registrar, &RegistrarMetrics) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = bounded(1);
        // Nobody may wait for it any more.
        let look = move |registrar: &Registrar, metrics: &RegistrarMetrics| drop(answer.send(look(registrar, metrics)));
        self.0.send(Request::Look(Box::new(look)), patience)?;
        answered.recv_timeout(patience).ok()
    }
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
    pub(super) fn new(settings: RegistrarSettings, waker: Waker) -> (RegistrarControl, Receiver<Request<Registrar>>) {
        let (sender, receiver) = bounded(MAX_WAITING);
        (RegistrarControl { settings, requests: Requests { sender, waker } }, receiver)
    }

    /// By which others can look into it.
    pub fn window(&self) -> RegistrarWindow {
        RegistrarWindow(self.requests.clone())
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
        self.requests.send(Request::Reload(Box::new(reload)), Duration::MAX).ok_or(ReloadError::Ended)?;
        answered.recv().map_err(|_| ReloadError::Ended)?.map_err(ReloadError::Refused)?;
        self.settings = settings;
        Ok(&self.settings)
    }
}

//! systemd, or whoever else listens at `NOTIFY_SOCKET`, is told how the registrar fares. A thread of its own does that, so that a service
//! manager that is slow holds up nobody.

use crossbeam_channel::{Receiver, Sender, bounded};
use sd_notify::NotifyState;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Notices that may wait; what does not fit is left out.
const MAX_WAITING: usize = 16;
/// How long the end of the program waits for the last notice.
const LAST_NOTICE: Duration = Duration::from_secs(1);

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    Ready,
    Reloading,
    /// What came of it.
    Reloaded(&'static str),
    Stopping,
    /// The registrar's thread goes round.
    Alive,
    /// Nothing follows.
    End,
}

/// Tells them.
#[derive(Clone)]
pub struct ServiceManager {
    /// None: nobody wants to know.
    notices: Option<Sender<Notice>>,
    /// The thread has ended when this has.
    ended: Receiver<()>,
    watchdog: Option<Duration>,
    is_ready: Arc<AtomicBool>,
}

impl ServiceManager {
    /// The one that has started this process, if any.
    pub fn find() -> ServiceManager {
        let (end, ended) = bounded::<()>(0);
        let is_ready = Arc::default();
        let nobody = ServiceManager { notices: None, ended, watchdog: None, is_ready };
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return nobody;
        }
        let (notices, receiver) = bounded(MAX_WAITING);
        let pass_on = move || {
            let _end = end;
            receiver.iter().take_while(|notice| *notice != Notice::End).for_each(pass_on);
        };
        match std::thread::Builder::new().name("service-manager".to_owned()).spawn(pass_on) {
            Ok(_) => ServiceManager { notices: Some(notices), watchdog: sd_notify::watchdog_enabled(), ..nobody },
            Err(error) => {
                log::error!("cannot start a thread for the service manager, which is told nothing: {error}");
                nobody
            }
        }
    }

    /// Never waits.
    pub fn tell(&self, notice: Notice) {
        match notice {
            Notice::Ready => self.is_ready.store(true, Ordering::Release),
            // The end of a reload would pass for the end of the start.
            Notice::Reloading | Notice::Reloaded(_) if !self.is_ready.load(Ordering::Acquire) => return,
            _ => {}
        }
        if let Some(notices) = &self.notices {
            // One that waits for so many others is of no use any more.
            let _ = notices.try_send(notice);
        }
    }

    /// How often it wants to hear that the registrar is alive: twice in the time after which it acts.
    pub fn sign_of_life_interval(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / 2)
    }

    /// Waits a bounded time until everything is told.
    pub fn finish(self) {
        if let Some(notices) = self.notices {
            if notices.send_timeout(Notice::End, LAST_NOTICE).is_ok() {
                // Its end is the answer.
                let _ = self.ended.recv_timeout(LAST_NOTICE);
            }
        }
    }
}

fn pass_on(notice: Notice) {
    let told = match notice {
        Notice::Ready => sd_notify::notify(&[NotifyState::Ready]),
        Notice::Reloading => {
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
        Notice::Reloaded(status) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)]),
        Notice::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        Notice::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        Notice::End => Ok(()),
    };
    if let Err(error) = told {
        log::debug!("the service manager cannot be told that the registrar is {notice:?}: {error}");
    }
}

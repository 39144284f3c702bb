//! The status reports of the library.
//!
//! The [`Reporter`] is a thread that looks from outside: it takes a look at the sockets each interval, and keeps no lock while it
//! sends.

use super::client_core::CurrentHome;
use super::socket::Usage;
use super::table::DescriptorTable;
use crate::Time;
use crate::driver::clock;
use crate::driver::csp::{self, Association, ComponentId, Occasion, Report};
use crate::wire::PPID_ASAP;
use crate::{PoolElementId, RegistrarId};
use parking_lot::Mutex;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where to report to, how often, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CspConfig {
    /// The monitor.
    pub server: SocketAddr,
    /// Between two reports.
    pub interval: Duration,
    /// Group and object; object 0: that of the pool element that this process registers, no report before that.
    pub identifier: u64,
}

/// The registrar that the library is connected to, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// Its identifier, where it told that.
    pub id: Option<RegistrarId>,
    /// Connected since.
    pub since: Time,
}

/// The registrar in use, told by the I/O thread.
#[derive(Debug, Default)]
pub(super) struct HomeBoard(Mutex<Option<Home>>);

impl HomeBoard {
    fn read(&self) -> Option<Home> {
        *self.0.lock()
    }

    /// Another registrar is in use from now on, or none.
    pub fn note(&self, current: CurrentHome, now: Time) {
        let id = match current {
            CurrentHome::None => return *self.0.lock() = None,
            CurrentHome::Nameless => None,
            CurrentHome::Known(id) => Some(id),
        };
        let mut home = self.0.lock();
        // It may tell its identifier later.
        let is_same = |home: &Home| home.id.is_none() || home.id == id;
        let since = home.filter(is_same).map_or(now, |home| home.since);
        *home = Some(Home { id, since });
    }
}

/// What reports are about.
struct Subject {
    descriptors: Weak<DescriptorTable>,
    home: Arc<HomeBoard>,
}

/// The thread that reports. Sends a last report when it ends.
pub struct Reporter {
    /// Set, and the thread woken, when it is to end.
    ends: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Reporter {
    /// Begins to report about these sockets.
    pub(super) fn start(
        config: CspConfig,
        descriptors: &Arc<DescriptorTable>,
        home: &Arc<HomeBoard>,
    ) -> std::io::Result<Reporter> {
        let socket = csp::socket_to(config.server)?;
        let ends = Arc::new(AtomicBool::new(false));
        let for_thread = Arc::clone(&ends);
        let subject = Subject { descriptors: Arc::downgrade(descriptors), home: Arc::clone(home) };
        let run = move || report_until_stopped(&config, &socket, &subject, &for_thread);
        let thread = super::system::spawn("rserpool-csp", Box::new(run))?;
        Ok(Reporter { ends, thread: Mutex::new(Some(thread)) })
    }

    /// Sends the last report and ends the thread.
    pub fn stop(&self) {
        self.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.lock().take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn report_until_stopped(config: &CspConfig, socket: &UdpSocket, subject: &Subject, ends: &AtomicBool) {
    loop {
        // Where the end came first, this returns at once. It may also return early for no reason: that is one more report.
        std::thread::park_timeout(config.interval);
        let occasion = if ends.load(Ordering::Acquire) { Occasion::Stop } else { Occasion::Interval };
        let Some(descriptors) = subject.descriptors.upgrade() else { return };
        if let Some(report) = report(config, &descriptors, subject.home.read(), occasion) {
            csp::send(socket, &report, config.server);
        }
        if occasion == Occasion::Stop {
            return;
        }
    }
}

/// What a look at all sockets gives.
#[derive(Default)]
struct Findings {
    associations: Vec<Association>,
    sessions: usize,
    /// Somebody needs a registrar for what he does.
    wants_registrar: bool,
    text: Option<String>,
    element: Option<PoolElementId>,
    bound: Option<SocketAddr>,
    workload: Option<u32>,
}

impl Findings {
    fn add(&mut self, usage: Usage) {
        self.sessions += usage.sessions;
        self.wants_registrar |= usage.searches;
        let with_element = usage.element.map(|element| Association {
            with: ComponentId::pool_element(element),
            duration: None,
            ppid: usage.last_ppid,
        });
        self.associations.extend(with_element);
        self.text = self.text.take().or(usage.text);
        let Some(registered) = usage.registration else { return };
        self.wants_registrar = true;
        if self.element.is_none() {
            self.element = Some(registered.pool_element_id);
            self.workload = registered.load;
            self.bound = usage.bound;
        }
    }

    /// A text of the program's, where it can only be about the one session that there is.
    fn status(&self, home: Option<Home>) -> String {
        match &self.text {
            _ if home.is_none() && self.wants_registrar => "Looking for Registrar ...".to_owned(),
            Some(text) if self.sessions == 1 => text.clone(),
            _ => csp::counted(self.sessions, "Session"),
        }
    }
}

/// What is to be told now; nothing while nobody knows who we are.
fn report(config: &CspConfig, descriptors: &DescriptorTable, home: Option<Home>, occasion: Occasion) -> Option<Report> {
    let now = clock::now();
    let mut findings = Findings::default();
    for socket in descriptors.sockets() {
        // A socket that is being closed has nothing to tell.
        if let Ok(usage) = socket.usage() {
            findings.add(usage);
        }
    }
    let sender = match (ComponentId(config.identifier), findings.element) {
        (id, _) if id.object() != 0 => id,
        (_, element) => ComponentId::pool_element(element?),
    };
    let status = findings.status(home);
    let to_registrar = home.map(|home| Association {
        with: ComponentId::registrar(home.id.unwrap_or_default()),
        duration: Some(now.saturating_since(home.since)),
        ppid: PPID_ASAP,
    });
    Some(Report {
        sender,
        time: now,
        interval: config.interval,
        location: csp::location(findings.bound),
        status,
        workload: findings.workload,
        occasion,
        associations: to_registrar.into_iter().chain(findings.associations).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_programs_only_while_there_is_one_session() {
        let home = Some(Home { id: None, since: Time::ZERO });
        let mut findings = Findings { sessions: 1, text: Some("busy".into()), ..Findings::default() };
        assert_eq!(findings.status(home), "busy");
        findings.sessions = 2;
        assert_eq!(findings.status(home), "2 Sessions");
        findings.text = None;
        findings.sessions = 1;
        assert_eq!(findings.status(home), "1 Session");
        assert_eq!(findings.status(None), "1 Session", "nobody needs a registrar");
        findings.wants_registrar = true;
        assert_eq!(findings.status(None), "Looking for Registrar ...");
    }
}

//! Component status reports: UDP packets that tell a monitor (rsplib's `cspmonitor`) what this process is doing.
//!
//! [`Report::encode`] is the packet; [`Reporter`] the thread that sends one each interval, from outside: it takes a look at
//! the sockets and keeps no lock while it sends.

use super::instance::Instance;
use super::socket::Role;
use super::table::Entry;
use crate::driver::clock;
use crate::{PoolElementId, Time};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Associations told in one report, which so stays below the size of an Ethernet frame.
const MAX_ASSOCIATIONS: usize = 48;
/// Room for a text, its final zero byte included.
const TEXT_ROOM: usize = 128;
const TYPE_REPORT: u8 = 1;
const FLAG_FINAL: u8 = 0x01;
const VERSION: u32 = 0x0000_0200;
const WORKLOAD_UNKNOWN: u16 = 0xffff;
const DURATION_UNKNOWN: u64 = u64::MAX;
const IPPROTO_SCTP: u16 = 132;
const GROUP_POOL_ELEMENT: u64 = 0x02;
const GROUP_SHIFT: u32 = 56;
const OBJECT_MASK: u64 = (1 << GROUP_SHIFT) - 1;
/// Header with both texts, workload and count; and each association.
const FIXED_LEN: usize = 288;
const ASSOCIATION_LEN: usize = 24;

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

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Group and object of this component.
    pub sender: u64,
    /// Since the start of this process.
    pub time: Time,
    /// Between two reports.
    pub interval: Duration,
    /// Where this component is.
    pub location: String,
    /// What it does.
    pub status: String,
    /// The last one of this component.
    pub last: bool,
    /// The elements that its sessions are connected to.
    pub associations: Vec<PoolElementId>,
}

impl Report {
    /// The packet.
    pub fn encode(&self) -> Vec<u8> {
        let told = &self.associations[..self.associations.len().min(MAX_ASSOCIATIONS)];
        let len = FIXED_LEN + told.len() * ASSOCIATION_LEN;
        let mut packet = Vec::with_capacity(len);
        packet.extend([TYPE_REPORT, if self.last { FLAG_FINAL } else { 0 }]);
        // 288 + 48 * 24 at most.
        packet.extend((len as u16).to_be_bytes());
        packet.extend(VERSION.to_be_bytes());
        packet.extend(self.sender.to_be_bytes());
        packet.extend((self.time.as_nanos() / 1000).to_be_bytes());
        packet.extend(u32::try_from(self.interval.as_micros()).unwrap_or(u32::MAX).to_be_bytes());
        packet.extend(text_field(&self.location));
        packet.extend(text_field(&self.status));
        packet.extend(WORKLOAD_UNKNOWN.to_be_bytes());
        packet.extend((told.len() as u16).to_be_bytes());
        for element in told {
            packet.extend((GROUP_POOL_ELEMENT << GROUP_SHIFT | u64::from(element.0)).to_be_bytes());
            packet.extend(DURATION_UNKNOWN.to_be_bytes());
            packet.extend(0u16.to_be_bytes());
            packet.extend(IPPROTO_SCTP.to_be_bytes());
            packet.extend(0u32.to_be_bytes());
        }
        packet
    }
}

/// A text with what terminals take for commands made visible, cut between characters, filled with zeros.
fn text_field(text: &str) -> [u8; TEXT_ROOM] {
    let mut field = [0; TEXT_ROOM];
    let mut used = 0;
    for c in text.chars().map(|c| if c.is_control() { '?' } else { c }) {
        if used + c.len_utf8() >= TEXT_ROOM {
            break;
        }
        c.encode_utf8(&mut field[used..]);
        used += c.len_utf8();
    }
    field
}

/// The thread that reports. Sends a last report when it ends.
pub struct Reporter {
    stop: Sender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Reporter {
    /// Begins to report about `instance`.
    pub fn start(config: CspConfig, instance: &Arc<Instance>) -> std::io::Result<Reporter> {
        let any: SocketAddr = match config.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        let (stop, stopped) = bounded(1);
        let instance = Arc::downgrade(instance);
        let run = move || report_until_stopped(&config, &socket, &instance, &stopped);
        let thread = std::thread::Builder::new().name("rserpool-csp".into()).spawn(run)?;
        Ok(Reporter { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Sends the last report and ends the thread.
    pub fn stop(&self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

fn report_until_stopped(config: &CspConfig, socket: &UdpSocket, instance: &Weak<Instance>, stopped: &Receiver<()>) {
    let location = host_name();
    loop {
        let last = !matches!(stopped.recv_timeout(config.interval), Err(RecvTimeoutError::Timeout));
        let Some(instance) = instance.upgrade() else { return };
        if let Some(report) = report(config, &instance, &location, last) {
            // UDP to a monitor that may not run: the next report may find it.
            if let Err(error) = socket.send_to(&report.encode(), config.server) {
                log::trace!("no status report to {}: {error}", config.server);
            }
        }
        if last {
            return;
        }
    }
}

/// What is to be told now; nothing while nobody knows who we are.
fn report(config: &CspConfig, instance: &Instance, location: &str, last: bool) -> Option<Report> {
    let (mut associations, mut sessions, mut status, mut own_element) = (Vec::new(), 0usize, None, None);
    for entry in instance.descriptors.all() {
        let Entry::Socket(socket) = entry else { continue };
        // A socket that is being closed has nothing to tell.
        let _ = socket.with_state(|state| {
            sessions += match &state.role {
                Role::PoolUser(session) => {
                    associations.extend(session.connected_element());
                    1
                }
                Role::Accepted { ended, .. } => usize::from(!ended),
                Role::OneToMany { sessions, .. } => sessions.len(),
                Role::Fresh | Role::Listening { .. } => 0,
            };
            if status.is_none() {
                status.clone_from(&state.status_text);
            }
            own_element = own_element.or(state.registration.as_ref().map(|registered| registered.pool_element_id));
        });
    }
    let sender = match (config.identifier & OBJECT_MASK, own_element) {
        (0, Some(element)) => GROUP_POOL_ELEMENT << GROUP_SHIFT | u64::from(element.0),
        (0, None) => return None,
        _ => config.identifier,
    };
    let status = status.unwrap_or_else(|| format!("{sessions} Sessions"));
    let (time, interval, location) = (clock::now(), config.interval, location.to_owned());
    Some(Report { sender, time, interval, location, status, last, associations })
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "?".into(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_report() -> Report {
        Report {
            sender: 0x0300_0000_0000_0007,
            time: Time::ZERO + Duration::from_micros(5),
            interval: Duration::from_millis(250),
            location: "here".into(),
            status: "busy\x1b[31m".into(),
            last: true,
            associations: vec![PoolElementId(0x1234_5678)],
        }
    }

    #[test]
    fn a_report_is_laid_out_as_monitors_read_it() {
        let packet = a_report().encode();
        assert_eq!(packet.len(), 288 + 24);
        assert_eq!(packet[..8], [1, 1, 1, 0x38, 0, 0, 2, 0]);
        assert_eq!(packet[8..16], [3, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(packet[16..28], [0, 0, 0, 0, 0, 0, 0, 5, 0, 3, 0xd0, 0x90]);
        assert_eq!(packet[28..33], *b"here\0");
        assert_eq!(packet[156..166], *b"busy?[31m\0", "no escape sequence reaches the monitor's terminal");
        assert_eq!(packet[284..288], [0xff, 0xff, 0, 1]);
        assert_eq!(packet[288..296], [2, 0, 0, 0, 0x12, 0x34, 0x56, 0x78]);
        assert_eq!(packet[306..308], [0, 132]);
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_ends_with_zero() {
        let field = text_field(&"ä".repeat(100));
        assert_eq!(field[125], 0xa4);
        assert_eq!(field[126..], [0, 0]);
    }

    #[test]
    fn more_associations_than_fit_are_left_out() {
        let report = Report { associations: vec![PoolElementId(1); 5000], ..a_report() };
        assert_eq!(report.encode().len(), 288 + 48 * 24);
    }
}

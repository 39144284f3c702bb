//! Component status reports: UDP packets that tell a monitor (rsplib's `cspmonitor`) what a component is doing.

use crate::Time;
use crate::driver::interfaces::local_addresses;
use crate::wire::PPID_ENRP;
use crate::{PoolElementId, RegistrarId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Associations told in one report, which so stays below the size of an Ethernet frame.
const MAX_ASSOCIATIONS: usize = 48;
/// Room for a text, its final zero byte included.
const TEXT_ROOM: usize = 128;
const TYPE_REPORT: u8 = 1;
const FLAG_FINAL: u8 = 0x01;
const VERSION: u32 = 0x0000_0200;
const WORKLOAD_UNKNOWN: u16 = 0xffff;
/// The workload of a component that is fully used.
const WORKLOAD_FULL: u16 = 0xfffe;
const DURATION_UNKNOWN: u64 = u64::MAX;
const IPPROTO_SCTP: u16 = 132;
const GROUP_REGISTRAR: u64 = 0x01;
const GROUP_POOL_ELEMENT: u64 = 0x02;
const GROUP_SHIFT: u32 = 56;
const OBJECT_MASK: u64 = (1 << GROUP_SHIFT) - 1;
/// Header with both texts, workload and count; and each association.
const FIXED_LEN: usize = 288;
const ASSOCIATION_LEN: usize = 24;
/// UDP port of monitors.
pub const PORT: u16 = 2960;
/// Addresses told in a location.
const MAX_ADDRESSES: usize = 4;

/// Who a component is: a group in the upper 8 bits, an object in the lower 56.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComponentId(pub u64);

impl ComponentId {
    /// A registrar; 0 where its identifier is not known.
    pub fn registrar(id: RegistrarId) -> ComponentId {
        ComponentId(GROUP_REGISTRAR << GROUP_SHIFT | u64::from(id.0))
    }

    /// A pool element.
    pub fn pool_element(id: PoolElementId) -> ComponentId {
        ComponentId(GROUP_POOL_ELEMENT << GROUP_SHIFT | u64::from(id.0))
    }

    /// The lower part, which is not 0 for anybody who reports.
    pub fn object(self) -> u64 {
        self.0 & OBJECT_MASK
    }
}

/// Whom a component is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Association {
    /// At the other end.
    pub with: ComponentId,
    /// Since when, where that is known.
    pub duration: Option<Duration>,
    /// The payload protocol identifier of what goes over it.
    pub ppid: u32,
}

impl Association {
    /// One between registrars.
    pub fn with_peer(id: RegistrarId) -> Association {
        Association { with: ComponentId::registrar(id), duration: None, ppid: PPID_ENRP }
    }
}

/// Why a component reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// An interval is over.
    Interval,
    /// It stops: this is its last report.
    Stop,
}

impl Occasion {
    fn flags(self) -> u8 {
        match self {
            Occasion::Interval => 0,
            Occasion::Stop => FLAG_FINAL,
        }
    }
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub sender: ComponentId,
    /// Since the start of this process.
    pub time: Time,
    /// Between two reports.
    pub interval: Duration,
    /// Where this component is.
    pub location: String,
    /// What it does.
    pub status: String,
    /// How much it has to do: `u32::MAX` is all that it can.
    pub workload: Option<u32>,
    /// Whether others follow.
    pub occasion: Occasion,
    /// Whom it is connected to.
    pub associations: Vec<Association>,
}

impl Report {
    /// The packet.
    pub fn encode(&self) -> Vec<u8> {
        let told = &self.associations[..self.associations.len().min(MAX_ASSOCIATIONS)];
        let len = FIXED_LEN + told.len() * ASSOCIATION_LEN;
        let mut packet = Vec::with_capacity(len);
        packet.extend([TYPE_REPORT, self.occasion.flags()]);
        // 288 + 48 * 24 at most.
        packet.extend((len as u16).to_be_bytes());
        packet.extend(VERSION.to_be_bytes());
        packet.extend(self.sender.0.to_be_bytes());
        packet.extend((self.time.as_nanos() / 1000).to_be_bytes());
        packet.extend(u32::try_from(self.interval.as_micros()).unwrap_or(u32::MAX).to_be_bytes());
        packet.extend(text_field(&self.location));
        packet.extend(text_field(&self.status));
        packet.extend(self.workload.map_or(WORKLOAD_UNKNOWN, workload_field).to_be_bytes());
        packet.extend((told.len() as u16).to_be_bytes());
        for association in told {
            packet.extend(association.with.0.to_be_bytes());
            let micros = association.duration.map(|duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
            packet.extend(micros.unwrap_or(DURATION_UNKNOWN).to_be_bytes());
            packet.extend(0u16.to_be_bytes());
            packet.extend(IPPROTO_SCTP.to_be_bytes());
            packet.extend(association.ppid.to_be_bytes());
        }
        packet
    }
}

fn workload_field(load: u32) -> u16 {
    // At most WORKLOAD_FULL.
    (u64::from(load) * u64::from(WORKLOAD_FULL) / u64::from(u32::MAX)) as u16
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

/// The socket that reports to a monitor leave by. Never blocks.
pub fn socket_to(monitor: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: SocketAddr = match monitor {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Sends a report. UDP to a monitor that may not run: the next one may find it.
pub fn send(socket: &UdpSocket, report: &Report, monitor: SocketAddr) {
    if let Err(error) = socket.send_to(&report.encode(), monitor) {
        log::trace!("no status report to {monitor}: {error}");
    }
}

/// "3 Sessions", "1 Pool".
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Where this component is: the host, and the address that it is reached at, or else those of the host.
pub fn location(bound: Option<SocketAddr>) -> String {
    let addresses = match bound {
        Some(address) if !address.ip().is_unspecified() => address.to_string(),
        _ => host_addresses().iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", "),
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}: {addresses}", host.trim())
}

fn host_addresses() -> Vec<IpAddr> {
    let mut addresses = local_addresses().unwrap_or_default();
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_report() -> Report {
        let with = ComponentId::pool_element(PoolElementId(0x1234_5678));
        Report {
            sender: ComponentId(0x0300_0000_0000_0007),
            time: Time::ZERO + Duration::from_micros(5),
            interval: Duration::from_millis(250),
            location: "here".into(),
            status: "busy\x1b[31m".into(),
            workload: None,
            occasion: Occasion::Stop,
            associations: vec![Association { with, duration: None, ppid: 33 }],
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
        assert_eq!(packet[296..304], [0xff; 8]);
        assert_eq!(packet[304..312], [0, 0, 0, 132, 0, 0, 0, 33]);
    }

    #[test]
    fn a_workload_is_a_share_of_65534() {
        let field = |workload| Report { workload, ..a_report() }.encode()[284..286].to_vec();
        assert_eq!(field(Some(0)), [0, 0]);
        assert_eq!(field(Some(u32::MAX)), [0xff, 0xfe]);
        assert_eq!(field(Some(u32::MAX / 2)), [0x7f, 0xfe]);
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_ends_with_zero() {
        let field = text_field(&"ä".repeat(100));
        assert_eq!(field[125], 0xa4);
        assert_eq!(field[126..], [0, 0]);
    }

    #[test]
    fn more_associations_than_fit_are_left_out() {
        let report = Report { associations: vec![Association::with_peer(RegistrarId(1)); 5000], ..a_report() };
        assert_eq!(report.encode().len(), 288 + 48 * 24);
    }

    #[test]
    fn a_location_names_the_address_that_is_bound() {
        assert!(location(Some("10.1.2.3:4".parse().unwrap())).ends_with(": 10.1.2.3:4"));
    }
}

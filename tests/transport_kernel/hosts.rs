//! Two hosts with two links between them, each with addresses of its own: paths that can be cut one by one.

use crate::Open;
use crate::namespace::{Namespace, run};
use crate::support::transport::{RealWorld, World};
use rserpool::Time;
use rserpool::transport::{EndpointConfig, Transport, TransportError};
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

/// A link: its ends, and the addresses there.
#[derive(Clone, Copy)]
pub struct Link {
    near_end: &'static str,
    far_end: &'static str,
    pub near: &'static str,
    pub far: &'static str,
}

pub const IPV4: [Link; 2] = [
    Link { near_end: "near0", far_end: "far0", near: "10.255.10.1", far: "10.255.10.2" },
    Link { near_end: "near1", far_end: "far1", near: "10.255.11.1", far: "10.255.11.2" },
];
pub const IPV6: [Link; 2] = [
    Link { near_end: "near0", far_end: "far0", near: "fd00:10::1", far: "fd00:10::2" },
    Link { near_end: "near1", far_end: "far1", near: "fd00:11::1", far: "fd00:11::2" },
];

/// Two hosts. This thread is on the near one.
pub struct Hosts {
    _near: Namespace,
    far: Namespace,
    /// Tells `ip` the far host by its process id.
    holder: Child,
    pub links: &'static [Link; 2],
}

impl Hosts {
    pub fn new(links: &'static [Link; 2]) -> Rc<Hosts> {
        let far = Namespace::new();
        // It inherits the namespace that this thread leaves.
        let holder = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
        let hosts = Hosts { _near: Namespace::new(), far, holder, links };
        hosts.connect_links();
        Rc::new(hosts)
    }

    fn connect_links(&self) {
        let pid = self.holder.id();
        run("ip link set lo up");
        self.far.inside(|| run("ip link set lo up"));
        for Link { near_end, far_end, near, far } in self.links {
            let (bits, nodad) = if near.contains(':') { (64, " nodad") } else { (24, "") };
            run(&format!("ip link add {near_end} type veth peer name {far_end} netns {pid}"));
            run(&format!("ip address add {near}/{bits} dev {near_end}{nodad}"));
            run(&format!("ip link set {near_end} up"));
            self.far.inside(|| {
                run(&format!("ip address add {far}/{bits} dev {far_end}{nodad}"));
                run(&format!("ip link set {far_end} up"));
            });
        }
    }

    /// From now on nothing gets through a link, either way. Without a word: its ends stay up.
    pub fn cut(&self, link: usize) {
        let Link { near_end, far_end, .. } = self.links[link];
        run(&format!("tc qdisc add dev {near_end} root netem loss 100%"));
        self.far.inside(|| run(&format!("tc qdisc add dev {far_end} root netem loss 100%")));
    }

    pub fn mend(&self, link: usize) {
        let Link { near_end, far_end, .. } = self.links[link];
        run(&format!("tc qdisc del dev {near_end} root"));
        self.far.inside(|| run(&format!("tc qdisc del dev {far_end} root")));
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let _ = self.holder.kill(); // it may have ended already
        let _ = self.holder.wait();
    }
}

/// Opens the first endpoint on the far host, the others on the near one.
pub struct TwoHosts {
    hosts: Rc<Hosts>,
    real: RealWorld,
    others: Open,
    opened: usize,
}

impl TwoHosts {
    pub fn new(hosts: Rc<Hosts>, first: Open, others: Open) -> TwoHosts {
        let address = hosts.links[0].far.parse().expect("an address");
        TwoHosts { hosts, real: RealWorld { open: first, address }, others, opened: 0 }
    }
}

impl World for TwoHosts {
    fn open(&mut self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        self.opened += 1;
        if self.opened == 1 { self.hosts.far.inside(|| self.real.open(config)) } else { (self.others)(config) }
    }

    fn address(&self) -> IpAddr {
        self.real.address()
    }

    fn now(&self) -> Time {
        self.real.now()
    }

    fn wait(&mut self, fds: &[RawFd], until: Time) {
        self.real.wait(fds, until);
    }
}

/// What the kernel thinks of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathState {
    Inactive,
    PotentiallyFailed,
    Active,
    Unconfirmed,
}

/// The state of the near host's paths to these addresses, as far as there are any.
pub fn path_states(addresses: &[&str]) -> Vec<PathState> {
    let table = std::fs::read_to_string("/proc/thread-self/net/sctp/remaddr").expect("the kernel's table of paths");
    let state = |address: &&str| {
        let wanted: IpAddr = address.parse().expect("an address");
        let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut row = row.filter(|words| words.first().and_then(|word| word.parse::<IpAddr>().ok()) == Some(wanted));
        match row.next()?.last()?.parse() {
            Ok(0) => Some(PathState::Inactive),
            Ok(1) => Some(PathState::PotentiallyFailed),
            Ok(2) => Some(PathState::Active),
            _ => Some(PathState::Unconfirmed),
        }
    };
    addresses.iter().filter_map(state).collect()
}

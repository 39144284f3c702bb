//! Hosts whose every link loses, delays, reorders and duplicates packets, where the kernel has no netem for that: each host's
//! network device is a TUN device, and a thread of this process is the network between them.

use super::network::{Namespace, ip};
use rserpool::Time;
use rserpool::driver::clock;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What happens to packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Impairment {
    pub loss_percent: u64,
    pub duplicate_percent: u64,
    /// So many are not delayed, and overtake others.
    pub overtake_percent: u64,
    pub delay: Duration,
    /// Each packet is delayed by up to so much more, which is drawn for it alone: it may be overtaken.
    pub variation: Duration,
}

/// What has happened to packets.
#[derive(Default)]
pub struct Counts {
    pub delivered: AtomicU64,
    pub lost: AtomicU64,
    pub duplicated: AtomicU64,
    pub overtaking: AtomicU64,
}

/// The hosts, 10.9.1.1 and up.
pub struct LossyNetwork {
    hosts: Vec<(Ipv4Addr, Namespace)>,
    pub counts: Arc<Counts>,
    impairment: Arc<Mutex<Impairment>>,
    ends: Arc<AtomicBool>,
    hub: Option<JoinHandle<()>>,
}

/// The longest IP packet.
const MAX_PACKET: usize = 65_536;
/// How often the hub looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

impl LossyNetwork {
    /// Builds it; fails where that is not allowed.
    pub fn new(count: u8, impairment: Impairment, seed: u64) -> Result<LossyNetwork, String> {
        let mut hosts = Vec::new();
        let mut devices = Vec::new();
        for number in 1..=count {
            let (address, namespace) = (Ipv4Addr::new(10, 9, 1, number), Namespace::new()?);
            devices.push((address, tun_in(&namespace)?));
            ip(Some(&namespace), &["link", "set", "lo", "up"])?;
            ip(Some(&namespace), &["addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
            ip(Some(&namespace), &["link", "set", "eth0", "up"])?;
            hosts.push((address, namespace));
        }
        let (counts, ends) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let impairment = Arc::new(Mutex::new(impairment));
        let hub = Hub {
            devices,
            impairment: impairment.clone(),
            random: seed,
            counts: counts.clone(),
            waiting: BinaryHeap::new(),
            last: 0,
        };
        let until = ends.clone();
        let hub = std::thread::spawn(move || hub.run(&until));
        Ok(LossyNetwork { hosts, counts, impairment, ends, hub: Some(hub) })
    }

    /// From now on this happens to packets.
    pub fn change(&self, impairment: Impairment) {
        *self.impairment.lock().expect("the network lives") = impairment;
    }

    /// Where programs may run.
    pub fn places(&self) -> Vec<(IpAddr, Namespace)> {
        self.hosts.iter().map(|(address, namespace)| (IpAddr::V4(*address), namespace.clone())).collect()
    }
}

impl Drop for LossyNetwork {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(hub) = self.hub.take() {
            let ended = hub.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the network broke down");
        }
    }
}

/// A TUN device named eth0 in the namespace: what is sent there is read here.
pub(super) fn tun_in(namespace: &Namespace) -> Result<File, String> {
    let path = format!("/proc/{}/ns/net", namespace.pid());
    let made = std::thread::spawn(move || {
        let namespace = File::open(path)?;
        // SAFETY: no pointers are involved; only this thread, which ends soon, changes its namespace.
        if unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let tun = File::options().read(true).write(true).open("/dev/net/tun")?;
        // SAFETY: ifreq consists of numbers, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(b"eth0") {
            *to = *from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: the request lives across the call and is what TUNSETIFF takes.
        if unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(tun)
    });
    let made = made.join().map_err(|_| "the thread that makes a TUN device broke down".to_owned())?;
    made.map_err(|error| format!("no TUN device: {error}"))
}

/// When a packet goes out, its number, to whom, and what: those of the same time stay in order.
type Waiting = (Time, u64, usize, Vec<u8>);

/// The network: what came in, and when it goes out.
struct Hub {
    devices: Vec<(Ipv4Addr, File)>,
    impairment: Arc<Mutex<Impairment>>,
    random: u64,
    counts: Arc<Counts>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    last: u64,
}

impl Hub {
    fn run(mut self, ends: &AtomicBool) {
        while !ends.load(Ordering::Relaxed) {
            for ready in self.wait() {
                self.take_in(ready);
            }
            self.let_out();
        }
    }

    /// The devices that have a packet.
    fn wait(&self) -> Vec<usize> {
        let mut fds: Vec<libc::pollfd> = self.devices.iter().map(|(_, tun)| readable(tun.as_raw_fd())).collect();
        let next = self.waiting.peek().map_or(LOOK, |Reverse((at, ..))| at.saturating_since(clock::now()).min(LOOK));
        let ms = next.as_micros().div_ceil(1000) as libc::c_int;
        // SAFETY: the pointer and the length are those of a live vector.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, ms) };
        fds.iter().enumerate().filter(|(_, fd)| fd.revents != 0).map(|(number, _)| number).collect()
    }

    fn take_in(&mut self, from: usize) {
        let mut packet = vec![0; MAX_PACKET];
        let Ok(len) = self.devices[from].1.read(&mut packet) else { return };
        packet.truncate(len);
        let Some(destination) = destination(&packet) else { return };
        let Some(to) = self.devices.iter().position(|(address, _)| *address == destination) else { return };
        let impairment = *self.impairment.lock().expect("nobody panics with it");
        if self.happens(impairment.loss_percent) {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let overtakes = self.happens(impairment.overtake_percent);
        self.counts.overtaking.fetch_add(u64::from(overtakes), Ordering::Relaxed);
        let now = clock::now();
        let twice = self.happens(impairment.duplicate_percent);
        self.counts.duplicated.fetch_add(u64::from(twice), Ordering::Relaxed);
        for _ in 0..1 + u8::from(twice) {
            let delay = if overtakes { Duration::ZERO } else { impairment.delay + self.part_of(impairment.variation) };
            self.last += 1;
            self.waiting.push(Reverse((now + delay, self.last, to, packet.clone())));
        }
    }

    fn let_out(&mut self) {
        let now = clock::now();
        while self.waiting.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((_, _, to, packet))) = self.waiting.pop() else { return };
            // A device that is full loses it: it is that kind of network.
            if self.devices[to].1.write(&packet).is_ok() {
                self.counts.delivered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// True in so many of a hundred cases.
    fn happens(&mut self, percent: u64) -> bool {
        self.random() % 100 < percent
    }

    /// Between nothing and all of it.
    fn part_of(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.random() % (most.as_micros() as u64 + 1))
    }

    /// xorshift.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

fn readable(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// Where an IPv4 packet goes.
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let version = packet.first()? >> 4;
    let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    (version == 4).then(|| address.into())
}

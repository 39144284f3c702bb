//! Hosts in network namespaces on one bridge, between which the network can be cut.
//!
//! Namespaces live as long as the processes in them: nothing is left behind, whatever happens to the test.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

/// A network namespace, kept alive by a process that does nothing.
#[derive(Clone)]
pub struct Namespace {
    holder: Rc<Holder>,
}

struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}

impl Namespace {
    pub fn new() -> Result<Namespace, String> {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        // SAFETY: unshare is a plain system call, which may be made between fork and exec.
        unsafe { command.pre_exec(|| check(libc::unshare(libc::CLONE_NEWNET))) };
        let child = command.spawn().map_err(|error| format!("no network namespace: {error}"))?;
        let namespace = Namespace { holder: Rc::new(Holder(child)) };
        sign_cookies(Some(&namespace))?;
        Ok(namespace)
    }

    /// Sets a value of the kernel's there ("net.ipv4.ip_forward=1").
    pub fn sysctl(&self, setting: &str) -> Result<(), String> {
        sysctl(Some(self), setting)
    }

    /// Runs `ip` there, its words parted by blanks.
    pub fn ip(&self, command: &str) {
        ip(Some(self), &command.split(' ').collect::<Vec<_>>()).expect("the network can be changed");
    }

    pub fn pid(&self) -> u32 {
        self.holder.0.id()
    }

    /// Makes `command` run in this namespace.
    pub fn enter(&self, command: &mut Command) {
        use std::os::fd::AsRawFd;
        let file = std::fs::File::open(format!("/proc/{}/ns/net", self.pid())).expect("the holder lives");
        // SAFETY: setns is a plain system call, which may be made between fork and exec; `file` moves into the closure.
        unsafe { command.pre_exec(move || check(libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET))) };
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Hosts on a bridge. The calling thread and all that it starts become another host on it, 10.9.0.254.
pub struct Network {
    hosts: Vec<(Ipv4Addr, Namespace)>,
}

/// A link-layer address that nobody has: what goes there is lost without a word.
const NOWHERE: &str = "02:00:00:00:be:ef";

impl Network {
    /// Builds it; fails where that is not allowed.
    pub fn new(count: u8) -> Result<Network, String> {
        // SAFETY: no pointers are involved; only this thread, and what it starts from now on, changes its namespace.
        check(unsafe { libc::unshare(libc::CLONE_NEWNET) })
            .map_err(|error| format!("no network namespace: {error}"))?;
        let own = Ipv4Addr::new(10, 9, 0, 254);
        ip(None, &["link", "set", "lo", "up"])?;
        sign_cookies(None)?;
        ip(None, &["link", "add", "bridge", "type", "bridge"])?;
        ip(None, &["addr", "add", &format!("{own}/24"), "dev", "bridge"])?;
        ip(None, &["link", "set", "bridge", "up"])?;
        let mut hosts = Vec::new();
        for number in 1..=count {
            let address = Ipv4Addr::new(10, 9, 0, number);
            let namespace = Namespace::new()?;
            let port = format!("port{number}");
            let pid = namespace.pid().to_string();
            ip(None, &["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &pid])?;
            ip(None, &["link", "set", &port, "master", "bridge", "up"])?;
            ip(Some(&namespace), &["link", "set", "lo", "up"])?;
            ip(Some(&namespace), &["link", "set", "eth0", "up"])?;
            ip(Some(&namespace), &["addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
            hosts.push((address, namespace));
        }
        Ok(Network { hosts })
    }

    /// Builds it, or says why not and that the test is skipped; it must be allowed to root in the continuous integration.
    pub fn if_allowed(count: u8) -> Option<Network> {
        match Network::new(count) {
            Ok(network) => Some(network),
            Err(why) => {
                let status = std::fs::read_to_string("/proc/self/status");
                let root = status.is_ok_and(|status| status.contains("Uid:\t0\t0"));
                assert!(!(root && std::env::var_os("CI").is_some()), "root under CI must be able to do this: {why}");
                println!("SKIPPED: {why}");
                None
            }
        }
    }

    /// The namespace of a host.
    pub fn host(&self, number: usize) -> &Namespace {
        &self.hosts[number].1
    }

    /// Runs `ip` at a host, its words parted by blanks.
    pub fn ip_at(&self, number: usize, command: &str) {
        self.host(number).ip(command);
    }

    /// Where registrars may run.
    pub fn places(&self) -> Vec<(IpAddr, Option<Namespace>)> {
        self.hosts.iter().map(|(address, namespace)| (IpAddr::V4(*address), Some(namespace.clone()))).collect()
    }

    /// From now on all that hosts send suffers what netem is told, if the kernel has it.
    pub fn impair(&self, how: &str) -> Result<(), String> {
        for (_, namespace) in &self.hosts {
            let words: Vec<&str> = "qdisc add dev eth0 root netem".split(' ').chain(how.split(' ')).collect();
            run("tc", Some(namespace), &words)?;
        }
        Ok(())
    }

    /// From now on ports that nobody asks for are among these, at all hosts and here ("50000 53999").
    pub fn choose_ports_from(&self, range: &str) -> Result<(), String> {
        let setting = format!("net.ipv4.ip_local_port_range={range}");
        let hosts = self.hosts.iter().map(|(_, namespace)| Some(namespace));
        hosts.chain([None]).try_for_each(|host| sysctl(host, &setting))
    }

    /// From now on two hosts do not reach each other: neither hears more than silence.
    pub fn cut(&self, a: usize, b: usize) {
        self.each_way(a, b, |from, to| {
            ip(Some(from), &["neigh", "replace", to, "lladdr", NOWHERE, "dev", "eth0", "nud", "permanent"])
        });
    }

    /// Mends the cut.
    pub fn heal(&self, a: usize, b: usize) {
        self.each_way(a, b, |from, to| ip(Some(from), &["neigh", "del", to, "dev", "eth0"]));
    }

    /// From now on nobody reaches a host, and it reaches nobody.
    pub fn unplug(&self, host: usize) {
        self.set_port(host, "down");
    }

    /// The opposite.
    pub fn plug(&self, host: usize) {
        self.set_port(host, "up");
    }

    fn set_port(&self, host: usize, state: &str) {
        ip(None, &["link", "set", &format!("port{}", host + 1), state]).expect("the network can be changed");
    }

    fn each_way(&self, a: usize, b: usize, run: impl Fn(&Namespace, &str) -> Result<(), String>) {
        for (from, to) in [(a, b), (b, a)] {
            run(&self.hosts[from].1, &self.hosts[to].0.to_string()).expect("the network can be changed");
        }
    }
}

/// Kernel SCTP, where it is, listens in a new namespace only once it is told how to sign its cookies.
fn sign_cookies(namespace: Option<&Namespace>) -> Result<(), String> {
    if kernel_has_sctp() { sysctl(namespace, "net.sctp.cookie_hmac_alg=sha1") } else { Ok(()) }
}

pub fn kernel_has_sctp() -> bool {
    std::path::Path::new("/proc/sys/net/sctp").exists()
}

fn sysctl(namespace: Option<&Namespace>, setting: &str) -> Result<(), String> {
    run("sysctl", namespace, &["-q", "-w", setting])
}

pub(super) fn ip(namespace: Option<&Namespace>, arguments: &[&str]) -> Result<(), String> {
    run("ip", namespace, arguments)
}

fn run(program: &str, namespace: Option<&Namespace>, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(namespace) = namespace {
        namespace.enter(&mut command);
    }
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim())),
    }
}

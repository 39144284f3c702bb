//! Registrars of one scope as processes, each on an address of its own with the standard ports.

use super::network::Namespace;
use super::table::{Table, table_of};
use rserpool::RegistrarId;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

pub const ASAP: u16 = 3863;
pub const ENRP: u16 = 9901;

/// A loopback address of which nobody else has the ports: other test programs run at the same time.
fn private_loopback() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    static SCOPE: OnceLock<u32> = OnceLock::new();
    let pid = *SCOPE.get_or_init(std::process::id);
    Ipv4Addr::new(127, (pid >> 8) as u8 | 1, pid as u8, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A registrar process that can end and come back.
pub struct RegistrarProcess {
    pub ip: IpAddr,
    pub id: RegistrarId,
    options: Vec<String>,
    namespace: Option<Namespace>,
    child: Option<Child>,
    log: PathBuf,
    starts: usize,
}

impl RegistrarProcess {
    pub fn asap(&self) -> SocketAddr {
        SocketAddr::new(self.ip, ASAP)
    }

    pub fn enrp(&self) -> SocketAddr {
        SocketAddr::new(self.ip, ENRP)
    }

    pub fn is_alive(&self) -> bool {
        self.child.is_some()
    }

    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        self.starts += 1;
        let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
        command.args(["registrar", "--asap", &self.asap().to_string(), "--enrp", &self.enrp().to_string()]);
        command.args(["--announce", "off", "--log", "debug"]).args(&self.options);
        command.env("RSERPOOL_TRANSPORT", "auto").stdout(Stdio::piped());
        let log = File::options().create(true).append(true).open(&self.log).expect("the log file");
        command.stderr(log);
        if let Some(namespace) = &self.namespace {
            namespace.enter(&mut command);
        }
        let mut child = command.spawn().expect("the program starts");
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut greeting).expect("a line");
        let id =
            greeting.split_whitespace().nth(1).and_then(|id| u32::from_str_radix(id.trim_start_matches("0x"), 16).ok());
        let id = id.unwrap_or_else(|| panic!("unexpected greeting \"{greeting}\": see {}", self.log.display()));
        self.id = RegistrarId(id);
        self.child = Some(child);
    }

    pub fn signal(&self, signal: i32) {
        let child = self.child.as_ref().expect("it runs");
        // SAFETY: no pointers are involved; the process is ours and has not been waited for.
        assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// SIGTERM, and its end.
    pub fn stop(&mut self) {
        self.signal(libc::SIGTERM);
        let status = self.child.take().expect("it runs").wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "see {}", self.log.display());
    }

    /// What it has logged, in all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it knows now.
    pub fn table(&self) -> Result<Table, String> {
        table_of(self.enrp(), self.namespace.as_ref())
    }
}

impl Drop for RegistrarProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill(); // it may have ended already
            let _ = child.wait();
        }
    }
}

/// Where a registrar runs.
pub type Place = (IpAddr, Option<Namespace>);

/// Addresses of this test program only.
pub fn loopback_places(count: usize) -> Vec<Place> {
    (0..count).map(|_| (IpAddr::V4(private_loopback()), None)).collect()
}

/// Registrars that know each other.
pub struct Scope {
    pub registrars: Vec<RegistrarProcess>,
}

impl Scope {
    /// Starts `count` registrars on loopback that are given each other's addresses.
    pub fn on_loopback(name: &str, count: usize, options: &[&str]) -> Scope {
        Scope::with_list(name, loopback_places(count), options)
    }

    /// Starts registrars on these addresses; all are given the list of all.
    pub fn with_list(name: &str, places: Vec<Place>, options: &[&str]) -> Scope {
        let peers: Vec<String> = places.iter().map(|(ip, _)| format!("{ip}:{ENRP}")).collect();
        let peers = peers.join(",");
        Scope::start(name, places, &[&["--peer", &peers], options].concat())
    }

    /// Starts registrars on these addresses with these options.
    pub fn start(name: &str, places: Vec<Place>, options: &[&str]) -> Scope {
        let all: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let registrars = places.into_iter().enumerate().map(|(number, (ip, namespace))| {
            let log = directory.join(format!("scope-{name}-{number}.log"));
            let _ = std::fs::remove_file(&log); // of an earlier run
            RegistrarProcess { ip, id: RegistrarId(0), options: all.clone(), namespace, child: None, log, starts: 0 }
        });
        let mut scope = Scope { registrars: registrars.collect() };
        for registrar in &mut scope.registrars {
            registrar.start();
        }
        scope
    }

    pub fn asap(&self) -> Vec<SocketAddr> {
        self.registrars.iter().map(RegistrarProcess::asap).collect()
    }

    pub fn living(&self) -> impl Iterator<Item = &RegistrarProcess> {
        self.registrars.iter().filter(|registrar| registrar.is_alive())
    }

    /// Whether all living registrars know the same `elements` elements, each with one of them as its home.
    pub fn agrees(&self, elements: usize) -> Result<Table, String> {
        let homes: Vec<RegistrarId> = self.living().map(|registrar| registrar.id).collect();
        let mut first: Option<Table> = None;
        for registrar in self.living() {
            let table = registrar.table()?;
            let name = registrar.ip;
            if table.registrar != registrar.id {
                return Err(format!("{} answers at {name} instead of {}", table.registrar, registrar.id));
            }
            if table.homes.len() != elements {
                return Err(format!("{name} knows {} elements of {elements}", table.homes.len()));
            }
            let homeless = table.homes.values().filter(|home| !homes.contains(home)).count();
            if homeless > 0 {
                return Err(format!("{name} knows {homeless} elements without a living home"));
            }
            match &first {
                Some(first) if first.homes != table.homes => {
                    let other = table.homes.iter().find(|(key, home)| first.homes.get(*key) != Some(home));
                    return Err(format!("{name} disagrees with {} about {other:?}", first.registrar));
                }
                Some(_) => {}
                None => first = Some(table),
            }
        }
        first.ok_or_else(|| "no registrar lives".to_owned())
    }
}

//! Certificates and keys for tests, made anew by each of them, and transports under TLS that use them.

use super::transport::{PPID, World};
use rserpool::Time;
use rserpool::driver::clock;
use rserpool::transport::tls::issuing::{self, Issued, Subject, Validity};
use rserpool::transport::tls::{Counterparts, Engines, OpenSsl, RegistrarNames, TlsSettings, TlsTransport};
use rserpool::transport::{EndpointConfig, Transport, TransportChoice, TransportError};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A folder of files that goes with the test.
pub struct Keys {
    dir: PathBuf,
    authority: Issued,
}

impl Keys {
    /// With an authority of its own: `ca.pem`.
    pub fn new() -> Keys {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let keys = Keys { authority: issuing::authority("scope", days(-1, 1)).expect("an authority"), dir };
        keys.write("ca.pem", &keys.authority.certificate);
        keys.write("ca.key", &keys.authority.key);
        keys
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The same as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    /// Makes NAME.pem and NAME.key.
    pub fn issue(&self, name: &str, subject: &Subject, validity: Validity) {
        let issued = issuing::issue(&self.authority, subject, validity).expect("a certificate");
        self.write(&format!("{name}.pem"), &issued.certificate);
        self.write(&format!("{name}.key"), &issued.key);
    }

    /// Settings with NAME.pem and NAME.key, believing the authority.
    pub fn with_certificate(&self, name: &str) -> TlsSettings {
        TlsSettings {
            certificate: Some(self.path(&format!("{name}.pem"))),
            key: Some(self.path(&format!("{name}.key"))),
            ..self.believing()
        }
    }

    /// Settings that believe the authority and show nothing.
    pub fn believing(&self) -> TlsSettings {
        TlsSettings { authorities: Some(self.path("ca.pem")), ..TlsSettings::default() }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir); // it is below the target folder
    }
}

/// From and until so many days from now.
pub fn days(from: i64, until: i64) -> Validity {
    let now = clock::since_1970();
    let at = |days: i64| {
        let distance = DAY * u32::try_from(days.unsigned_abs()).expect("few");
        if days < 0 { now - distance } else { now + distance }
    };
    Validity { from: at(from), until: at(until) }
}

/// A registrar on this host.
pub fn registrar_here() -> Subject {
    Subject {
        uri: Some("rserpool://scope/registrar/r1".into()),
        dns: vec!["localhost".into()],
        addresses: vec![Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()],
    }
}

/// The name of somebody with a role in the scope, and no other.
pub fn only(role: &str) -> Subject {
    Subject { uri: Some(format!("rserpool://scope/{role}/x")), ..Subject::default() }
}

/// One side of a connection.
#[derive(Clone)]
pub struct Side {
    pub engines: Arc<dyn Engines>,
    pub counterparts: Counterparts,
}

/// The machine, with TLS over TCP or SCTP: listeners are one side, others connect to them. Its time can be moved on.
pub struct TlsWorld {
    /// The SCTP below; none: TCP.
    pub sctp: Option<TransportChoice>,
    pub listening: Side,
    pub connecting: Side,
    pub address: IpAddr,
    /// Seconds by which its time is ahead.
    pub ahead: Arc<AtomicU64>,
}

impl TlsWorld {
    pub fn new(registrar: &TlsSettings, user: &TlsSettings) -> TlsWorld {
        let names = Arc::new(RegistrarNames::new(user.name.clone()));
        let registrar = OpenSsl::registrar(registrar).expect("settings of a registrar");
        let program = OpenSsl::program(user).expect("settings of a program");
        TlsWorld {
            sctp: None,
            listening: Side { engines: Arc::new(registrar), counterparts: Counterparts::Users },
            connecting: Side { engines: Arc::new(program), counterparts: Counterparts::RegistrarsOfProgram(names) },
            address: Ipv4Addr::LOCALHOST.into(),
            ahead: Arc::default(),
        }
    }

    /// With certificates that are good.
    pub fn good() -> TlsWorld {
        let keys = Keys::new();
        keys.issue("r1", &registrar_here(), days(-1, 1));
        // The files are read here, and not needed later.
        TlsWorld::new(&keys.with_certificate("r1"), &keys.believing())
    }
}

impl TlsWorld {
    /// Over SCTP, with everybody a registrar.
    pub fn registrars(sctp: TransportChoice) -> TlsWorld {
        let keys = Keys::new();
        keys.issue("r1", &only("registrar"), days(-1, 1));
        let engines = OpenSsl::strict_registrar(&keys.with_certificate("r1")).expect("settings of a registrar");
        let side = Side { engines: Arc::new(engines), counterparts: Counterparts::Registrars };
        TlsWorld { sctp: Some(sctp), listening: side.clone(), connecting: side, ..TlsWorld::good() }
    }
}

impl World for TlsWorld {
    fn open(&mut self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        let Side { engines, counterparts } = if config.listen { &self.listening } else { &self.connecting }.clone();
        Ok(Box::new(match self.sctp {
            None => TlsTransport::over_tcp(config, engines, counterparts)?,
            Some(choice) => TlsTransport::over_sctp(choice, config, engines, counterparts, PPID)?,
        }))
    }

    fn address(&self) -> IpAddr {
        self.address
    }

    fn now(&self) -> Time {
        clock::now() + Duration::from_secs(self.ahead.load(Ordering::Relaxed))
    }

    fn wait(&mut self, fds: &[RawFd], until: Time) {
        let mut fds: Vec<libc::pollfd> =
            fds.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
        let ms = until.saturating_since(self.now()).as_micros().div_ceil(1000).min(1000) as i32;
        // SAFETY: the pointer and the length are those of a live vector.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, ms) };
    }
}

//! `rserpool registrar` with a configuration file: at the start, at SIGHUP, and what a service manager is told.

use crate::support::c_pool::scratch;
use crate::support::program::{Element, PATIENCE, RegistrarProcess, rserpool, text};
use rserpool::driver::clock;
use std::ffi::CString;
use std::io;
use std::net::UdpSocket;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Hears what systemd would hear.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(directory: &Path) -> Manager {
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Manager { socket, path }
    }

    /// The lines of the next notice.
    fn next(&self) -> Vec<String> {
        let mut bytes = [0; 1000];
        let length = received(|| self.socket.recv(&mut bytes));
        text(&bytes[..length]).lines().map(str::to_owned).collect()
    }

    fn expect(&self, notice: &[&str]) {
        let told = self.next();
        let begins = told.iter().zip(notice).all(|(told, expected)| told.starts_with(expected));
        assert!(told.len() == notice.len() && begins, "{told:?} instead of {notice:?}");
    }
}

/// What a call receives that a stop of this process may interrupt, as its socket has a timeout.
fn received(mut receive: impl FnMut() -> io::Result<usize>) -> usize {
    loop {
        match receive() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.expect("a datagram"),
        }
    }
}

fn managed(directory: &Path, manager: &Manager, options: &[&str]) -> RegistrarProcess {
    let file = directory.join("registrar.toml");
    let with_file = [&["--config", file.to_str().expect("text")][..], options].concat();
    RegistrarProcess::start_with_environment(&[("NOTIFY_SOCKET", manager.path.as_os_str())], &with_file)
}

fn write(directory: &Path, settings: &str) {
    std::fs::write(directory.join("registrar.toml"), settings).expect("a file");
}

#[test]
fn sighup_changes_what_can_be_changed_and_names_what_needs_a_restart() {
    let directory = scratch("configuration-reload");
    let manager = Manager::new(&directory);
    write(&directory, "keep-alive-interval = \"1h\"\nmax-pools = 8\nlog = \"warn\"\n");
    let registrar = managed(&directory, &manager, &["--max-pools", "9"]);
    manager.expect(&["READY=1"]);
    // Registered, and from then on silent: nobody polls its transport.
    let _silent = Element::register(registrar.asap, "Pool", 1);
    let reloaded = "keep-alive-interval = \"200ms\"\nkeep-alive-timeout = \"200ms\"\nmax-pools = 7\nmulticast-ttl = 5\n\
                    asap = \"127.0.0.1:1\"\nlog = \"info\"\n";
    write(&directory, reloaded);
    registrar.signal(libc::SIGHUP);
    manager.expect(&["RELOADING=1", "MONOTONIC_USEC="]);
    manager.expect(&["READY=1", "STATUS=Configuration reloaded; some of it needs a restart"]);
    let (asap, end) = (registrar.asap.to_string(), clock::now() + PATIENCE);
    while rserpool(&["resolve", "Pool", "--registrar", &asap]).status.code() != Some(1) {
        assert!(clock::now() < end, "the silent element is still there");
    }
    let (status, log) = registrar.end_by(libc::SIGTERM);
    manager.expect(&["STOPPING=1"]);
    assert_eq!(status.code(), Some(0), "{log}");
    let changed =
        "changes keep-alive-interval from 1h to 200ms, keep-alive-timeout from 5s to 200ms, log from warn to info\n";
    assert!(log.contains(changed), "options win, and are no change:\n{log}");
    assert!(log.contains("a restart is needed to change multicast-ttl from 30 to 5\n"), "{log}");
}

#[test]
fn a_file_with_a_mistake_changes_nothing_and_one_that_is_mended_does() {
    let directory = scratch("configuration-mistake");
    let manager = Manager::new(&directory);
    write(&directory, "max-pools = 7\n");
    let registrar = managed(&directory, &manager, &["--log", "info"]);
    manager.expect(&["READY=1"]);
    let reload = |settings: &str, status: &str| {
        write(&directory, settings);
        registrar.signal(libc::SIGHUP);
        manager.expect(&["RELOADING=1", "MONOTONIC_USEC="]);
        manager.expect(&["READY=1", &format!("STATUS={status}")]);
    };
    reload("max-pools = 1\nmax-pool = 5\n", "Configuration not reloaded: it has mistakes");
    reload("max-pools = 1\npeer-heartbeat-cycle = \"60s\"\n", "Configuration not reloaded: it has mistakes");
    reload("max-pools = 7\n", "Configuration reloaded");
    reload("max-pools = 1\n", "Configuration reloaded");
    let _first = Element::register(registrar.asap, "Pool", 1);
    let (_, log) = registrar.end_by(libc::SIGTERM);
    let told = [
        "registrar.toml:2:1: there is no setting \"max-pool\"; did you mean max-pools?",
        "registrar.toml: these settings do not go together: the maximum time last heard is 61s, and must be 120s at least",
        "the registrar goes on with the settings that it has",
        "is read again: nothing changes",
        "changes max-pools from 7 to 1\n",
    ];
    for line in told {
        assert!(log.contains(line), "{line} is missing:\n{log}");
    }
}

#[test]
fn other_registrars_by_name_and_where_status_reports_go_are_looked_at_again() {
    let directory = scratch("configuration-names");
    let manager = Manager::new(&directory);
    let monitor = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    monitor.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let first = RegistrarProcess::start(&["--log", "warn"]);
    let element = Element::register(first.asap, "Pool", 1);
    write(&directory, "");
    let second = managed(&directory, &manager, &["--log", "warn"]);
    manager.expect(&["READY=1"]);
    let (peer, server) = (first.enrp.port(), monitor.local_addr().expect("an address"));
    write(&directory, &format!("peer = \"localhost:{peer}\"\ncsp-server = \"{server}\"\n"));
    second.signal(libc::SIGHUP);
    manager.expect(&["RELOADING=1", "MONOTONIC_USEC="]);
    manager.expect(&["READY=1", "STATUS=Configuration reloaded"]);
    assert!(received(|| monitor.recv(&mut [0; 1000])) > 0);
    let (asap, end) = (second.asap.to_string(), clock::now() + PATIENCE);
    while rserpool(&["resolve", "Pool", "--registrar", &asap]).status.code() != Some(0) {
        assert!(clock::now() < end, "the second registrar has not learned from the first");
    }
    drop(element);
}

#[test]
fn a_watchdog_hears_of_the_registrar_again_and_again() {
    let directory = scratch("configuration-watchdog");
    let manager = Manager::new(&directory);
    let environment = [("NOTIFY_SOCKET", manager.path.as_os_str()), ("WATCHDOG_USEC", "100000".as_ref())];
    let registrar = RegistrarProcess::start_with_environment(&environment, &[]);
    let mut signs = 0;
    while signs < 5 {
        signs += usize::from(manager.next() == ["WATCHDOG=1"]);
    }
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert!(status.success(), "{log}");
}

#[test]
fn a_service_manager_that_is_not_there_or_does_not_read_holds_up_nobody() {
    let directory = scratch("configuration-deaf");
    let manager = Manager::new(&directory);
    let nowhere = directory.join("nowhere");
    for socket in [nowhere.as_os_str(), manager.path.as_os_str()] {
        // More notices than the socket of somebody who does not read takes.
        let environment = [("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", "2000".as_ref())];
        let registrar = RegistrarProcess::start_with_environment(&environment, &[]);
        let element = Element::register(registrar.asap, "Pool", 1);
        let (status, log) = registrar.end_by(libc::SIGTERM);
        assert!(status.success(), "{log}");
        drop(element);
    }
}

#[test]
fn a_file_is_checked_and_shown_without_a_registrar() {
    let directory = scratch("configuration-check");
    let file = directory.join("registrar.toml");
    let path = file.to_str().expect("text");
    write(&directory, "profile = \"fast\"\nmax-pools = 7\n");
    let checked = rserpool(&["registrar", "--config", path, "--check-config"]);
    assert_eq!((checked.status.code(), text(&checked.stdout)), (Some(0), format!("{path}: no mistakes\n")));
    let shown = text(&rserpool(&["registrar", "--print-config", "--config", path, "--max-items", "99"]).stdout);
    let has =
        |line: &str, origin: &str| shown.lines().any(|shown| shown.split(" # ").map(str::trim).eq([line, origin]));
    assert!(has("max-pools = 7", &format!("{path}:2")) && has("max-items = 99", "option"), "{shown}");
    assert!(has("keep-alive-interval = \"60ms\"", "profile fast") && has("max-peers = 256", "default"), "{shown}");
    write(&directory, &shown);
    assert_eq!(rserpool(&["registrar", "--config", path, "--check-config"]).status.code(), Some(0));
    write(&directory, "max-pools = 7\nmax-pools = 8\n");
    for command in ["--check-config", "--print-config", "--announce=off"] {
        let refused = rserpool(&["registrar", "--config", path, command]);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
        assert!(text(&refused.stderr).contains(":2:1: \"max-pools = 8\": duplicate key\n"), "{refused:?}");
    }
}

#[test]
fn whatever_the_file_is_it_is_refused_in_one_sentence() {
    let directory = scratch("configuration-files");
    let path = |name: &str| directory.join(name);
    let fifo = CString::new(path("fifo").as_os_str().as_bytes()).expect("a path");
    // SAFETY: a string that ends in zero.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    std::fs::create_dir(path("directory")).expect("a directory");
    std::fs::write(path("long"), "# comment\n".repeat(1 << 20)).expect("a file");
    std::fs::write(path("binary"), b"log = \"info\"\n# \xff\xfe").expect("a file");
    for (file, complaint) in [
        (path("missing"), "the configuration file cannot be read: No such file"),
        (path("directory"), "the configuration file is a directory"),
        (path("fifo"), "the configuration file is no ordinary file"),
        (path("long"), "the configuration file has 10485760 bytes, and 1048576 are the most"),
        (path("binary"), "binary:2:3: this is no text in UTF-8"),
        (PathBuf::from("/dev/zero"), "the configuration file is no ordinary file"),
        (PathBuf::from("/proc/self/mem"), "the configuration file cannot be read: "),
    ] {
        let refused = rserpool(&["registrar", "--config", file.to_str().expect("text")]);
        assert_eq!(refused.status.code(), Some(2), "{}", file.display());
        let said = text(&refused.stderr);
        assert!(said.contains(complaint) && said.lines().count() == 1, "{said}");
    }
}

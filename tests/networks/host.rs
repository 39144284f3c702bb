//! Programs on the hosts of a network.

use crate::support::c_pool::{compile_example, compile_source, root};
use crate::support::scope::network::{Namespace, Network, kernel_has_sctp};
use crate::support::scope::until;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

/// The pool of the example programs.
pub const POOL: &str = "EchoPool";

/// A program that runs on a host until this value is dropped, and what it has written.
pub struct Running {
    child: Child,
    written: Arc<Mutex<String>>,
}

impl Running {
    /// Starts a program as [`at`] makes it.
    pub fn start(mut command: Command) -> Running {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let written = Arc::new(Mutex::new(String::new()));
        keep_lines(child.stdout.take().expect("piped"), &written);
        keep_lines(child.stderr.take().expect("piped"), &written);
        Running { child, written }
    }

    /// All that it has written so far.
    pub fn written(&self) -> String {
        self.written.lock().expect("nobody panicked").clone()
    }

    /// Waits until it has written `text`.
    pub fn until(&self, text: &str) {
        until(text, || if self.written().contains(text) { Ok(()) } else { Err(self.written()) });
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "{line}").expect("it reads");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("---- {}\n{}", self.child.id(), self.written());
        }
    }
}

fn keep_lines(from: impl Read + Send + 'static, written: &Arc<Mutex<String>>) {
    let written = Arc::clone(written);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut written = written.lock().expect("nobody panicked");
            written.push_str(&line);
            written.push('\n');
        }
    });
}

/// A program that is to run on a host; none: on this one.
pub fn at(host: Option<&Namespace>, program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("RSERPOOL_TRANSPORT").env("RSERPOOL_LOG", "info");
    if let Some(host) = host {
        host.enter(&mut command);
    }
    command
}

/// The program of ours.
pub fn rserpool() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rserpool"))
}

/// A registrar with these options, once it answers.
pub fn registrar(host: Option<&Namespace>, options: &[&str]) -> Running {
    let registrar = Running::start(at(host, rserpool(), &[&["registrar", "--log", "info"], options].concat()));
    registrar.until(" transport ");
    registrar
}

/// The example of an element of [`POOL`]; compiled once.
pub fn echo_server_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| compile_example("echo_server.c", &[]))
}

/// An element of [`POOL`] with these arguments.
pub fn echo_server(host: Option<&Namespace>, arguments: &[&str]) -> Running {
    Running::start(at(host, echo_server_program(), arguments))
}

/// An element of [`POOL`] that starts before its host has an address.
pub fn daemon(host: Option<&Namespace>, arguments: &[&str]) -> Running {
    let program = compile_source(&root().join("tests/networks/daemon.c"), &[]);
    Running::start(at(host, &program, arguments))
}

/// A user of [`POOL`] with these arguments.
pub fn echo_client(host: Option<&Namespace>, arguments: &[&str]) -> Running {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| compile_example("echo_client.c", &[]));
    Running::start(at(host, program, arguments))
}

/// Waits until a registrar lists these addresses, and no other elements, for [`POOL`].
pub fn until_listed(host: Option<&Namespace>, registrar: &str, places: &[&str]) {
    until(&format!("{registrar} lists {places:?}"), || {
        let mut command = at(host, rserpool(), &["resolve", POOL, "--registrar", registrar]);
        let output = command.output().expect("the program starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let all = places.iter().all(|place| text.contains(place));
        if all && text.lines().count() == places.len() { Ok(()) } else { Err(format!("{text}{:?}", output.status)) }
    });
}

/// Three hosts beside this one, or none where that is not allowed.
pub fn network() -> Option<Network> {
    Network::if_allowed(3)
}

/// The same, where programs use SCTP in UDP; `why` says what kernel SCTP has to do with it.
pub fn network_without_kernel_sctp(why: &str) -> Option<Network> {
    if kernel_has_sctp() {
        println!("SKIPPED: this kernel has SCTP, and {why}");
        return None;
    }
    network()
}

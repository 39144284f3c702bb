//! The bridges as processes.

use crate::support::own_process::OwnProcess;
use rserpool::driver::clock;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Lines of a log as they come.
#[derive(Clone, Default)]
struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Lines {
    fn collect(reader: impl std::io::Read + Send + 'static) -> Lines {
        let lines = Lines::default();
        let there = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                there.0.0.lock().expect("no panic").push(line);
                there.0.1.notify_all();
            }
        });
        lines
    }

    /// The first line with all these words, once it is there.
    fn wait_for(&self, words: &[&str]) -> String {
        let end = clock::now() + PATIENCE;
        let mut lines = self.0.0.lock().expect("no panic");
        loop {
            if let Some(line) = lines.iter().find(|line| words.iter().all(|word| line.contains(word))) {
                return line.clone();
            }
            assert!(clock::now() < end, "no line with {words:?} among\n{}", lines.join("\n"));
            lines = self.0.1.wait_timeout(lines, Duration::from_millis(100)).expect("no panic").0;
        }
    }
}

/// A running command of `rserpool`.
pub struct Bridge {
    child: OwnProcess,
    log: Lines,
    output: Lines,
}

impl Bridge {
    pub fn start(arguments: &[&str]) -> Bridge {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
        Bridge::spawn(command.args(arguments))
    }

    /// One that has so many descriptors and cannot get more.
    pub fn start_with_descriptors(most: u32, arguments: &[&str]) -> Bridge {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={most}:{most}")).arg(env!("CARGO_BIN_EXE_rserpool"));
        Bridge::spawn(command.args(arguments))
    }

    fn spawn(command: &mut Command) -> Bridge {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = Lines::collect(child.stderr.take().expect("piped"));
        let output = Lines::collect(child.stdout.take().expect("piped"));
        Bridge { child: OwnProcess(child), log, output }
    }

    /// A line of its log.
    pub fn logged(&self, words: &[&str]) -> String {
        self.log.wait_for(words)
    }

    /// A line of its output.
    pub fn told(&self, words: &[&str]) -> String {
        self.output.wait_for(words)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: no pointers are involved; the process is ours and has not been waited for.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    pub fn end(mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }
}

/// Where a gateway listens, by its greeting.
pub fn address_of(gateway: &Bridge) -> SocketAddr {
    let greeting = gateway.told(&["listens"]);
    greeting.split(' ').next_back().and_then(|word| word.parse().ok()).expect("an address")
}

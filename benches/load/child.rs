//! Processes of a measurement; each ends with its guard.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// First argument of this program when it is to be a server of a measurement.
pub const SERVE: &str = "--serve";

/// A process that is killed when its guard is dropped.
pub struct Process {
    child: Child,
    /// The first line that it wrote.
    pub greeting: String,
}

impl Process {
    fn start(command: &mut Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the process starts");
        let mut greeting = String::new();
        let stdout = child.stdout.take().expect("it was asked for");
        BufReader::new(stdout).read_line(&mut greeting).expect("the process says where it is");
        Process { child, greeting: greeting.trim().to_owned() }
    }

    /// This program as the server `what`.
    pub fn server(what: &str, arguments: &[String]) -> Process {
        let program = std::env::current_exe().expect("this program has a path");
        Process::start(Command::new(program).arg(SERVE).arg(what).args(arguments))
    }

    /// Resident memory in kB.
    pub fn resident_kb(&self) -> u64 {
        self.status_kb("VmRSS:")
    }

    /// The most that it has been.
    pub fn peak_kb(&self) -> u64 {
        self.status_kb("VmHWM:")
    }

    fn status_kb(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process lives");
        let line = status.lines().find(|l| l.starts_with(field)).expect("Linux says it");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
    }

    /// Processor time used so far, in seconds.
    pub fn processor_seconds(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("the process lives");
        let after_name = stat.rsplit(')').next().expect("the name is in parentheses");
        let ticks = after_name.split_whitespace().skip(11).take(2).map(|t| t.parse::<f64>().expect("a number"));
        ticks.sum::<f64>() / 100.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

/// A registrar of the real program on free ports of loopback.
pub struct Registrar {
    /// The process.
    pub process: Process,
    /// Where it serves ASAP.
    pub asap: SocketAddr,
    /// Where it serves ENRP.
    pub enrp: SocketAddr,
    /// Where it answers HTTP, with an option for that.
    pub http: Option<SocketAddr>,
}

impl Registrar {
    /// Starts it with more options.
    pub fn start(options: &[&str]) -> Registrar {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
        command.args(["registrar", "--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off"]);
        command.args(["--log", "warn", "--max-resolution-rate", "100000000"]).args(options);
        let process = Process::start(&mut command);
        let address = |what: &str| {
            let mut words = process.greeting.split_whitespace().skip_while(|word| *word != what);
            words.nth(1).and_then(|word| word.trim_end_matches([',', ';']).parse().ok())
        };
        let (asap, enrp, http) = (address("asap"), address("enrp"), address("http"));
        let (Some(asap), Some(enrp)) = (asap, enrp) else { panic!("no address in \"{}\"", process.greeting) };
        Registrar { asap, enrp, http, process }
    }
}

//! The processes: registrars, servers and the client.

use crate::support::c_pool::{compile_example, compile_source, root};
use crate::support::scope::lossy::{Impairment, LossyNetwork};
use crate::support::scope::network::{Namespace, Network};
use crate::support::scope::registrars::{Place, Scope, loopback_places};
use crate::support::scope::until;
use crate::{Links, Trial};
use rserpool::Time;
use rserpool::driver::clock;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than the client waits for its last answers.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program and what it says, by a thread that reads it.
struct Process {
    child: Child,
    lines: Receiver<(Time, String)>,
}

impl Process {
    fn start(mut command: Command, host: Option<&Namespace>) -> Process {
        if let Some(host) = host {
            host.enter(&mut command);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Reads on when nobody listens, else the program would stand still.
            output.lines().map_while(Result::ok).for_each(|line| drop(sender.send((clock::now(), line))));
        });
        Process { child, lines }
    }

    fn signal(&self, signal: i32) {
        // SAFETY: no pointers are involved; the process is ours and has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

/// Registrars and servers.
pub struct Pool {
    servers: Vec<Option<Process>>,
    pub registrars: Scope,
    places: Vec<Place>,
    arguments: Vec<String>,
    server: PathBuf,
    profile: &'static str,
    // Ends last: the others live in it.
    network: Option<LossyNetwork>,
}

impl Pool {
    /// Starts them; returns when all registrars know all servers.
    pub fn start(trial: &Trial) -> Result<Pool, String> {
        let (places, network) = places(trial)?;
        let profile = trial.profile;
        let registrars = places[..trial.registrars].to_vec();
        let registrars = Scope::with_list("trials", registrars, &["--profile", profile, "--log", "info"]);
        let arguments = registrars.asap().into_iter().map(|address| format!("-registrar={address}"));
        let arguments = arguments.chain(["-asapannounce=off".to_owned()]).collect();
        let server = compile_example("epoll_server.c", &[]);
        let servers = (0..trial.servers).map(|_| None).collect();
        let mut pool = Pool { servers, registrars, places, arguments, server, profile, network };
        (0..trial.servers).for_each(|number| pool.start_server(number));
        until("all registrars know all servers", || pool.registrars.agrees(trial.servers));
        Ok(pool)
    }

    fn command(&self, program: &PathBuf) -> Command {
        let mut command = Command::new(program);
        command.args(&self.arguments).env("RSERPOOL_PROFILE", self.profile).env("RSERPOOL_LOG", "error");
        command
    }

    pub fn start_server(&mut self, number: usize) {
        let host = self.places[self.registrars.registrars.len() + number].1.as_ref();
        self.servers[number] = Some(Process::start(self.command(&self.server), host));
    }

    /// A signal for a server that runs.
    pub fn signal_server(&self, number: usize, signal: i32) {
        self.servers[number].as_ref().expect("it runs").signal(signal);
    }

    pub fn server_has_ended(&mut self, number: usize) -> bool {
        self.servers[number].as_mut().is_none_or(Process::has_ended)
    }

    /// From now on this happens to all that is sent from one host to another.
    pub fn change_links(&self, impairment: Impairment) {
        self.network.as_ref().expect("each process has a host").change(impairment);
    }

    /// Waits until it is gone.
    pub fn bury_server(&mut self, number: usize) {
        self.servers[number] = None;
    }
}

/// A host for each process, and the network between them.
fn places(trial: &Trial) -> Result<(Vec<Place>, Option<LossyNetwork>), String> {
    // Those, and the client.
    let hosts = (trial.registrars + trial.servers + 1) as u8;
    match trial.links {
        Links::Loopback => Ok((loopback_places(hosts.into()), None)),
        Links::Lossy(loss_percent) => {
            lossy_places(hosts, Impairment { loss_percent, ..Impairment::default() }, trial.seed)
        }
        // They become bad later.
        Links::Bad(_) => places_on(LossyNetwork::new(hosts, Impairment::default(), trial.seed.max(1))?),
    }
}

/// By the kernel where it has netem, as in the guest.
fn lossy_places(hosts: u8, impairment: Impairment, seed: u64) -> Result<(Vec<Place>, Option<LossyNetwork>), String> {
    if let Ok(network) = Network::new(hosts) {
        if network.impair(&format!("loss {}%", impairment.loss_percent)).is_ok() {
            println!("the kernel loses packets, by netem");
            return Ok((network.places(), None));
        }
    }
    println!("a thread of this program loses packets, as the kernel has no netem");
    places_on(LossyNetwork::new(hosts, impairment, seed.max(1))?)
}

fn places_on(network: LossyNetwork) -> Result<(Vec<Place>, Option<LossyNetwork>), String> {
    let places = network.places().into_iter().map(|(address, host)| (address, Some(host))).collect();
    Ok((places, Some(network)))
}

/// The client, which has all the sessions.
pub struct Client {
    process: Process,
    /// Its end tells the client to come to an end.
    input: Option<ChildStdin>,
}

impl Client {
    pub fn start(pool: &Pool, trial: &Trial) -> Client {
        let program = compile_source(&root().join("benches/trials/client.c"), &[]);
        let mut command = pool.command(&program);
        command.arg(format!("--sessions={}", trial.sessions));
        command.arg(format!("--interval-ms={}", trial.interval.as_millis())).stdin(Stdio::piped());
        let host = pool.places[trial.registrars + trial.servers].1.as_ref();
        let mut process = Process::start(command, host);
        let input = process.child.stdin.take();
        Client { process, input }
    }

    /// What it says within a time.
    pub fn lines(&mut self, time: Duration) -> Vec<(Time, String)> {
        let end = clock::now() + time;
        std::iter::from_fn(|| self.process.lines.recv_timeout(end.saturating_since(clock::now())).ok()).collect()
    }

    /// Lets it come to its end; what it has said since.
    pub fn end(mut self) -> Vec<(Time, String)> {
        drop(self.input.take());
        let end = clock::now() + PATIENCE;
        let mut lines = Vec::new();
        while lines.last().is_none_or(|(_, line): &(Time, String)| !line.starts_with("end ")) {
            let left = end.saturating_since(clock::now());
            lines.push(self.process.lines.recv_timeout(left).expect("the client says how it has ended"));
        }
        lines
    }
}

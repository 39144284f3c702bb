//! `rserpool registrar`: runs a registrar until it is told to stop.

use crate::configuration::{CommandLine, Configuration};
use crate::failure::Failure;
use crate::reload::{self, Running};
use crate::service_manager::{Notice, ServiceManager};
use crate::settings::{Options, SETTINGS, Setting};
use crate::{http, logger, print, values};
use lexopt::prelude::*;
use parking_lot::Mutex;
use rserpool::RegistrarId;
use rserpool::association::TransportKind;
use rserpool::driver::clock;
use rserpool::driver::log_output::write_line;
use rserpool::driver::registrar::{HangupSignal, RegistrarServer, StopSignals, Witness, raise_descriptor_limit};
use rserpool::registrar::RegistrarEvent;
use rserpool::transport::SctpParameters;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const INTRODUCTION: &str = "\
Runs a registrar (\"ENRP server\"): pool elements register with it, pool users ask it for elements, and it keeps an eye on
whoever is registered. SIGTERM and SIGINT stop it in order; SIGHUP has it read its configuration file again, or stops it where
there is none.

Usage: rserpool registrar [OPTIONS]

";

const EXAMPLES: &str = "  \
  --config FILE                          a file with the same settings, in TOML; options win
  --check-config                         looks for mistakes in all of that, and does nothing else
  --print-config                         prints all settings and where each comes from, and does nothing else
  -h, --help                             this text

Durations have a unit: 300ms, 5s, 2m, 1h.

Examples:
  rserpool registrar
  rserpool registrar --asap 192.0.2.1:3863 --enrp 192.0.2.1:9901
  rserpool registrar --asap 192.0.2.1:3863 --enrp 192.0.2.1:9901 --peer 192.0.2.1,192.0.2.2,192.0.2.3 --profile fast
  rserpool registrar --peers-dns _enrp._sctp.example.net
  rserpool registrar --config /etc/rserpool/registrar.toml --print-config
  rserpool registrar --asap 127.0.0.1:0 --announce off --keep-alive-interval 500ms --keep-alive-timeout 500ms
";

/// Where the name of an option ends and its explanation begins in the help.
const HELP_COLUMN: usize = 39;

/// What is to be done.
enum Command {
    Help,
    Serve(CommandLine),
    CheckConfiguration(CommandLine),
    PrintConfiguration(CommandLine),
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    let read = |command_line: &CommandLine| {
        Configuration::read(command_line).map_err(|mistakes| Failure::Usage(mistakes.to_string()))
    };
    match parse(parser)? {
        Command::Help => print(&help()),
        Command::PrintConfiguration(command_line) => print(&read(&command_line)?.show()),
        Command::CheckConfiguration(command_line) => {
            read(&command_line)?;
            let what = command_line.file.map_or_else(|| "the options".to_owned(), |file| file.display().to_string());
            print(&format!("{what}: no mistakes\n"))
        }
        Command::Serve(command_line) => serve(read(&command_line)?.options, command_line),
    }
}

fn help() -> String {
    let defaults = Options::default();
    let mut text = INTRODUCTION.to_owned();
    text.push_str("Options [and their defaults]:\n");
    for setting in SETTINGS {
        let name = format!("  --{} {}", setting.name, setting.value);
        text += &format!("{name:<HELP_COLUMN$}  {} [{}]\n", setting.help, setting.show(&defaults));
    }
    text + EXAMPLES
}

fn parse(mut parser: lexopt::Parser) -> Result<Command, Failure> {
    let mut command_line = CommandLine::default();
    let mut command: fn(CommandLine) -> Command = Command::Serve;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("config") => command_line.file = Some(PathBuf::from(parser.value()?)),
            Long("check-config") => command = Command::CheckConfiguration,
            Long("print-config") => command = Command::PrintConfiguration,
            Long(name) => {
                let Some(setting) = Setting::find(name) else { return Err(Long(name).unexpected().into()) };
                command_line.options.push((setting, values::text(parser.value()?).map_err(Failure::Usage)?));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(command(command_line))
}

fn serve(options: Options, command_line: CommandLine) -> Result<(), Failure> {
    logger::start(options.log, options.log_format);
    let signals = Signals::block(&command_line)?;
    let manager = ServiceManager::find();
    if let Err(error) = raise_descriptor_limit() {
        log::warn!("the limit of descriptors stays as it is, and with it that of TCP connections: {error}");
    }
    tell_detection("elements and users", &options.registrar.sctp);
    tell_detection("registrars", &options.registrar.enrp_sctp);
    let chooses_identifier = options.registrar.core.id == RegistrarId(0);
    let mut process = Process::begin(options, command_line, signals, manager.clone())?;
    while let Err(taken) = process.serve_once()? {
        if !chooses_identifier {
            return Err(Failure::Failed(format!("the registrar gives way: {taken}; see --id")));
        }
        log::warn!("{taken}: begins anew with another one");
    }
    manager.finish();
    Ok(())
}

/// The signals that concern a registrar. They are blocked before there is any other thread.
struct Signals {
    /// Until there is a registrar to be told of it; none without a configuration file.
    hangup: Option<HangupSignal>,
}

impl Signals {
    fn block(command_line: &CommandLine) -> Result<Signals, Failure> {
        let hangup = command_line.file.as_ref().map(|_| HangupSignal::block()).transpose().map_err(no_signals)?;
        let signals = Signals { hangup };
        signals.stopping(command_line)?;
        Ok(signals)
    }

    /// Those that stop it.
    fn stopping(&self, command_line: &CommandLine) -> Result<StopSignals, Failure> {
        match command_line.file {
            Some(_) => StopSignals::block_without_hangup(),
            None => StopSignals::block(),
        }
        .map_err(no_signals)
    }
}

fn no_signals(error: std::io::Error) -> Failure {
    Failure::Failed(format!("cannot catch signals: {error}"))
}

/// What stays when a registrar begins anew.
struct Process {
    command_line: CommandLine,
    signals: Signals,
    manager: ServiceManager,
    /// The settings that hold.
    options: Arc<Mutex<Options>>,
    running: Option<Arc<Mutex<Running>>>,
    /// Where HTTP is answered.
    http: Option<SocketAddr>,
    /// What HTTP answers are made of.
    current: http::Current,
}

impl Process {
    fn begin(
        options: Options,
        command_line: CommandLine,
        signals: Signals,
        manager: ServiceManager,
    ) -> Result<Process, Failure> {
        let current = http::Current::default();
        let server = options.http.map(http::Server::open).transpose()?;
        let http = server.as_ref().map(http::Server::address);
        if let Some(server) = server {
            server.start(Arc::clone(&current))?;
        }
        let options = Arc::new(Mutex::new(options));
        Ok(Process { command_line, signals, manager, options, running: None, http, current })
    }

    /// Runs a registrar to its end. The inner error: another one has its identifier.
    fn serve_once(&mut self) -> Result<Result<(), std::io::Error>, Failure> {
        let opened = RegistrarServer::open(self.options.lock().registrar.clone());
        let mut server = opened.map_err(|error| Failure::Failed(error.to_string()))?;
        server.tell(Box::new(Herald { greeting: self.greeting(&server), manager: self.manager.clone() }));
        let stopped = server.stop_on(self.signals.stopping(&self.command_line)?);
        stopped.map_err(|error| Failure::Failed(format!("cannot wait for signals: {error}")))?;
        self.share(&mut server)?;
        match server.run() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Err(error)),
            ended => ended.map(Ok).map_err(|error| Failure::Failed(format!("the registrar cannot go on: {error}"))),
        }
    }

    /// Lets the threads for SIGHUP and HTTP have the registrar.
    fn share(&mut self, server: &mut RegistrarServer) -> Result<(), Failure> {
        let (control, options) = (server.control(), Arc::clone(&self.options));
        let (window, addresses) = (control.window(), server.addresses());
        let since = clock::since_1970();
        *self.current.lock() = Some(http::Source { window, addresses, since, options: Arc::clone(&options) });
        let now = Running { options, control };
        if let Some(running) = &self.running {
            *running.lock() = now;
            return Ok(());
        }
        let running = self.running.insert(Arc::new(Mutex::new(now)));
        match self.signals.hangup.take() {
            Some(hangup) => reload::watch(hangup, self.command_line.clone(), Arc::clone(running), self.manager.clone()),
            None => Ok(()),
        }
    }

    /// One line for whoever started us, with the ports that the system chose.
    fn greeting(&self, server: &RegistrarServer) -> String {
        let addresses = server.addresses();
        let transport = match addresses.kind {
            TransportKind::KernelSctp => "sctp",
            _ => "sctp-udp",
        };
        let (id, asap, enrp) = (addresses.id, addresses.asap, addresses.enrp);
        let http = self.http.map_or_else(String::new, |address| format!(" http {address}"));
        format!("registrar {id} asap {asap} enrp {enrp} transport {transport}{http}")
    }
}

/// Tells whoever has started the registrar how it fares. The registrar's own thread does this, so it must not wait for a reader.
struct Herald {
    greeting: String,
    manager: ServiceManager,
}

impl Witness for Herald {
    fn ready(&mut self) {
        if let Err(error) = write_line(libc::STDOUT_FILENO, std::mem::take(&mut self.greeting)) {
            log::warn!("nobody can be told that the registrar is ready: standard output cannot be written: {error}");
        }
        self.manager.tell(Notice::Ready);
    }

    fn leaving(&mut self) {
        self.manager.tell(Notice::Stopping);
    }

    fn sign_of_life_interval(&self) -> Option<Duration> {
        self.manager.sign_of_life_interval()
    }

    fn alive(&mut self) {
        self.manager.tell(Notice::Alive);
    }

    fn wants_events(&self) -> bool {
        logger::takes_events()
    }

    fn happened(&mut self, event: &RegistrarEvent) {
        logger::write_event(http::members_of_event(event));
    }
}

/// What the chosen timers and thresholds come to.
fn tell_detection(who: &str, sctp: &SctpParameters) {
    let (sending, idle) = (sctp.notices_while_sending(), sctp.notices_while_idle());
    log::info!("SCTP notices {who} that have vanished within {sending:?} of a message, {idle:?} without one");
}

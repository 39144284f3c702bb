//! `rserpool registrar`: runs a registrar until it is told to stop.

use crate::failure::Failure;
use crate::settings::{DNS_SERVER, Occurrence, PROFILE, SETTINGS, Setting, apply_environment};
use crate::{logger, print, values};
use lexopt::prelude::*;
use log::LevelFilter;
use rserpool::RegistrarId;
use rserpool::association::TransportKind;
use rserpool::driver::log_output::write_line;
use rserpool::driver::registrar::{RegistrarServer, RegistrarSettings, StopSignals, raise_descriptor_limit};
use rserpool::transport::SctpParameters;
use std::io::ErrorKind;

const INTRODUCTION: &str = "\
Runs a registrar (\"ENRP server\"): pool elements register with it, pool users ask it for elements, and it keeps an eye on
whoever is registered. SIGTERM, SIGINT and SIGHUP stop it in order.

Usage: rserpool registrar [OPTIONS]

";

const EXAMPLES: &str = "  \
  --log LEVEL                            off, error, warn, info, debug or trace [info]
  -h, --help                             this text

Durations have a unit: 300ms, 5s, 2m, 1h.

Examples:
  rserpool registrar
  rserpool registrar --asap 192.0.2.1:3863 --enrp 192.0.2.1:9901
  rserpool registrar --asap 192.0.2.1:3863 --enrp 192.0.2.1:9901 --peer 192.0.2.1,192.0.2.2,192.0.2.3 --profile fast
  rserpool registrar --peers-dns _enrp._sctp.example.net
  rserpool registrar --asap 127.0.0.1:0 --announce off --keep-alive-interval 500ms --keep-alive-timeout 500ms
";

/// Where the name of an option ends and its explanation begins in the help.
const HELP_COLUMN: usize = 39;

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some((settings, level)) => serve(settings, level),
        None => print(&help()),
    }
}

fn help() -> String {
    let defaults = RegistrarSettings::default();
    let mut text = INTRODUCTION.to_owned();
    text.push_str("Options [and their defaults]:\n");
    for setting in SETTINGS {
        let name = format!("  --{} {}", setting.name, setting.value);
        text += &format!("{name:<HELP_COLUMN$}  {} [{}]\n", setting.help, (setting.show)(&defaults));
    }
    text + EXAMPLES
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<(RegistrarSettings, LevelFilter)>, Failure> {
    let transport = values::transport_from_environment()?;
    let mut settings = RegistrarSettings { transport, ..RegistrarSettings::default() };
    apply_environment(&mut settings, |name| std::env::var(name).ok()).map_err(Failure::Usage)?;
    let mut level = LevelFilter::Info;
    let mut chosen: Vec<(&Setting, String)> = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("log") => {
                let value = values::text(parser.value()?).map_err(Failure::Usage)?;
                level = value.parse().map_err(|_| {
                    Failure::Usage(format!(
                        "--log: \"{}\" is no level: use off, error, warn, info, debug or trace",
                        value.escape_debug()
                    ))
                })?;
            }
            Long(name) => {
                let setting = SETTINGS.iter().find(|s| s.name == name);
                let Some(setting) = setting else { return Err(Long(name).unexpected().into()) };
                chosen.push((setting, values::text(parser.value()?).map_err(Failure::Usage)?));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    apply(&mut settings, chosen)?;
    Ok(Some((settings, level)))
}

/// Applies what was chosen, profiles first: an option beside a profile wins, wherever it stands. Then DNS servers, before all names.
fn apply(settings: &mut RegistrarSettings, mut chosen: Vec<(&Setting, String)>) -> Result<(), Failure> {
    chosen.sort_by_key(|(setting, _)| match setting.name {
        PROFILE => 0,
        DNS_SERVER => 1,
        _ => 2,
    });
    for (number, (setting, value)) in chosen.iter().enumerate() {
        let is_first = chosen.iter().take(number).all(|(before, _)| before.name != setting.name);
        let occurrence = if is_first { Occurrence::First } else { Occurrence::Again };
        (setting.apply)(settings, value, occurrence)
            .map_err(|why| Failure::Usage(format!("--{}: {why}", setting.name)))?;
    }
    settings.validate().map_err(|why| Failure::Usage(format!("these options do not go together: {why}")))
}

fn serve(settings: RegistrarSettings, level: LevelFilter) -> Result<(), Failure> {
    logger::start(level);
    if let Err(error) = raise_descriptor_limit() {
        log::warn!("the limit of descriptors stays as it is, and with it that of TCP connections: {error}");
    }
    tell_detection("elements and users", &settings.sctp);
    tell_detection("registrars", &settings.enrp_sctp);
    let chooses_identifier = settings.core.id == RegistrarId(0);
    while let Err(taken) = serve_once(settings.clone())? {
        if !chooses_identifier {
            return Err(Failure::Failed(format!("the registrar gives way: {taken}; see --id")));
        }
        log::warn!("{taken}: begins anew with another one");
    }
    Ok(())
}

/// Runs a registrar to its end. The inner error: another one has its identifier.
fn serve_once(settings: RegistrarSettings) -> Result<Result<(), std::io::Error>, Failure> {
    let signals = StopSignals::block().map_err(|error| Failure::Failed(format!("cannot catch signals: {error}")))?;
    let mut server = RegistrarServer::open(settings).map_err(|error| Failure::Failed(error.to_string()))?;
    let greeting = greeting(&server);
    server.when_ready(move || {
        // The registrar's own thread does this, so it must not wait for a reader.
        if let Err(error) = write_line(libc::STDOUT_FILENO, greeting) {
            log::warn!("nobody can be told that the registrar is ready: standard output cannot be written: {error}");
        }
    });
    server.stop_on(signals).map_err(|error| Failure::Failed(format!("cannot wait for signals: {error}")))?;
    match server.run() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Err(error)),
        ended => ended.map(Ok).map_err(|error| Failure::Failed(format!("the registrar cannot go on: {error}"))),
    }
}

/// What the chosen timers and thresholds come to.
fn tell_detection(who: &str, sctp: &SctpParameters) {
    let (sending, idle) = (sctp.notices_while_sending(), sctp.notices_while_idle());
    log::info!("SCTP notices {who} that have vanished within {sending:?} of a message, {idle:?} without one");
}

/// One line for whoever started us, with the ports that the system chose.
fn greeting(server: &RegistrarServer) -> String {
    let addresses = server.addresses();
    let transport = match addresses.kind {
        TransportKind::KernelSctp => "sctp",
        _ => "sctp-udp",
    };
    let (id, asap, enrp) = (addresses.id, addresses.asap, addresses.enrp);
    format!("registrar {id} asap {asap} enrp {enrp} transport {transport}")
}

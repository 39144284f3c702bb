//! `rserpool gateway`: leads clients that know nothing of pools to the elements of one.

use crate::failure::Failure;
use crate::library::{self, LibraryOptions};
use crate::{pool_name, print, values};
use lexopt::prelude::*;
use rserpool::PoolHandle;
use rserpool::bridges::gateway::core::Sticky;
use rserpool::bridges::gateway::driver::{Gateway, GatewaySettings, ProxyProtocol};
use rserpool::driver::log_output::write_line;
use rserpool::driver::registrar::{StopSignals, raise_descriptor_limit};
use std::time::Duration;

const INTRODUCTION: &str = "\
Takes connections of clients that know nothing of RSerPool, and leads each to an element of a pool, as the pool's policy says. A
connect that fails or takes long goes to the next element, before the client notices. Clients of an element that the registrar removes
are closed at once; those of an element that leaves in order stay. SIGTERM and SIGINT stop it.

Usage: rserpool gateway POOL --listen ADDR:PORT [OPTIONS]

Options [and their defaults]:
  --listen ADDR:PORT           where clients come to; port 0: a free one
  --sticky WORD                source: all connections of an address go to one element; off [off]
  --proxy-protocol WORD        v2: servers are told who their clients are, by the PROXY protocol; off [off]
  --max-connections N          clients at a time; more wait in the system's queue [10000]
  --max-per-client N           of these, with one address; more are closed [10000]
  --max-per-element N          of these, with one element; more go to others, or wait [10000]
  --head-start DURATION        how long an element has to take a connection before the next one is tried as well [250ms]
  --patience DURATION          how long a client waits for an element [1s]
  --grace DURATION             how long elements are used that a registrar which has just begun does not list [5s]
  --idle DURATION              after how long without a byte a connection is closed [10m]
  --drain DURATION             how long clients may stay when the gateway has been told to stop [5s]
  --threads N                  threads that carry bytes, 1 to 32 [one for each processor, 4 at most]
";

const EXAMPLES: &str = "  -h, --help                   this text

In POOL, %NN is the byte with this hexadecimal number, as in rserpool resolve. Durations have a unit: 300ms, 5s, 2m, 1h.

Examples:
  rserpool gateway WebPool --listen 0.0.0.0:8080
  rserpool gateway WebPool --listen [::]:8080 --registrar 192.0.2.1,192.0.2.2 --sticky source --profile fast
";

/// Threads where none are asked for.
const MOST_BY_DEFAULT: usize = 4;

struct Options {
    gateway: GatewaySettings,
    library: LibraryOptions,
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some(options) => serve(options),
        None => print(&format!("{INTRODUCTION}{}{EXAMPLES}", library::HELP)),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    let mut library = LibraryOptions::default();
    let mut settings = defaults();
    let (mut listen, mut pool) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long(name) => {
                let name = name.to_owned();
                if library.take(&name, &mut parser)? {
                    continue;
                }
                if !is_option(&name) {
                    return Err(Long(&name).unexpected().into());
                }
                values::option(&mut parser, &name, |value| match name.as_str() {
                    "listen" => values::address(value, 0).map(|address| listen = Some(address)),
                    _ => set(&mut settings, &name, value),
                })?;
            }
            Value(value) if pool.is_none() => {
                use std::os::unix::ffi::OsStrExt;
                pool = Some(pool_name::parse(value.as_bytes()).map_err(Failure::Usage)?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let missing = |what: &str| Failure::Usage(format!("{what} is missing; see rserpool gateway --help"));
    settings.pool = pool.ok_or_else(|| missing("the pool"))?;
    settings.listen = listen.ok_or_else(|| missing("--listen"))?;
    Ok(Some(Options { gateway: settings, library }))
}

fn defaults() -> GatewaySettings {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    GatewaySettings {
        listen: ([127, 0, 0, 1], 0).into(),
        pool: PoolHandle::from(""),
        sticky: Sticky::No,
        proxy_protocol: ProxyProtocol::Off,
        max_connections: 10_000,
        max_per_client: 10_000,
        max_per_element: 10_000,
        head_start: Duration::from_millis(250),
        patience: Duration::from_secs(1),
        grace: Duration::from_secs(5),
        idle: Duration::from_secs(600),
        drain: Duration::from_secs(5),
        threads: processors.min(MOST_BY_DEFAULT),
    }
}

const NAMES: &[&str] = &[
    "listen",
    "sticky",
    "proxy-protocol",
    "max-connections",
    "max-per-client",
    "max-per-element",
    "head-start",
    "patience",
    "grace",
    "idle",
    "drain",
    "threads",
];

fn is_option(name: &str) -> bool {
    NAMES.contains(&name)
}

fn set(settings: &mut GatewaySettings, name: &str, value: &str) -> Result<(), String> {
    let neither = |what: &str| format!("\"{}\" is neither {what}", value.escape_debug());
    match name {
        "sticky" => {
            settings.sticky = match value {
                "source" => Sticky::Source,
                "off" => Sticky::No,
                _ => return Err(neither("source nor off")),
            }
        }
        "proxy-protocol" => {
            settings.proxy_protocol = match value {
                "v2" => ProxyProtocol::Version2,
                "off" => ProxyProtocol::Off,
                _ => return Err(neither("v2 nor off")),
            }
        }
        "max-connections" => settings.max_connections = values::count(value)?,
        "max-per-client" => settings.max_per_client = values::count(value)?,
        "max-per-element" => settings.max_per_element = values::count(value)?,
        "head-start" => settings.head_start = values::duration(value)?,
        "patience" => settings.patience = values::duration(value)?,
        "grace" => settings.grace = values::duration(value)?,
        "idle" => settings.idle = values::duration(value)?,
        "drain" => settings.drain = values::duration(value)?,
        _ => settings.threads = values::count(value)?,
    }
    Ok(())
}

fn serve(options: Options) -> Result<(), Failure> {
    // Before there is any other thread.
    let signals = StopSignals::block().map_err(|error| Failure::Failed(format!("cannot catch signals: {error}")))?;
    options.library.start()?;
    if let Err(error) = raise_descriptor_limit() {
        log::warn!("the limit of descriptors stays as it is: {error}");
    }
    let pool = pool_name::show(&options.gateway.pool);
    let gateway = Gateway::start(options.gateway).map_err(Failure::Failed)?;
    let greeting = format!("gateway of pool {pool} listens tcp {}", gateway.address());
    if let Err(error) = write_line(libc::STDOUT_FILENO, greeting) {
        log::warn!("nobody can be told that the gateway is ready: standard output cannot be written: {error}");
    }
    let ended = gateway.run(&signals, || signals.take().is_some());
    rserpool::api::cleanup();
    ended.map_err(|error| Failure::Failed(format!("the gateway cannot go on: {error}")))
}

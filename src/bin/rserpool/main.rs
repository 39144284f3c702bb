//! `rserpool`: a registrar, and tools to look at one. Each subcommand is a file.

mod bench;
mod configuration;
mod date;
mod event_pages;
mod events;
mod exchange;
mod failure;
#[cfg(feature = "bridges")]
mod gateway;
mod http;
mod http_client;
mod json;
#[cfg(feature = "tls")]
mod keys;
#[cfg(feature = "bridges")]
mod library;
mod list;
mod logger;
mod policy;
mod pool_name;
mod registrar;
mod reload;
mod resolve;
mod service_manager;
mod settings;
mod show;
mod status;
mod terminal;
mod top;
mod values;
mod watch;

use failure::Failure;
use lexopt::prelude::*;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
rserpool - reliable server pooling (RSerPool, RFC 5351-5356)

Usage: rserpool COMMAND [OPTIONS]

Commands:
  registrar   run a registrar: it knows which pool elements exist and answers who asks for them
  resolve     ask a registrar for the elements of a pool
  list        show everything that a registrar knows
  status      a scope on one screen: registrars, whether they agree, pools, limits, problems
  events      what has happened, and why
  watch       what changes in a pool, as it happens
  top         a registrar on the terminal, as it changes
  bench       measure a registrar
  policy      try out who may do what
{bridges}{keys}
A first registrar, and a look into it:
  rserpool registrar --http 127.0.0.1
  rserpool status
  rserpool list --enrp 127.0.0.1:9901
  rserpool resolve MyPool --registrar 127.0.0.1:3863

`rserpool COMMAND --help` explains a command; `rserpool --version` tells the version.
Exit status: 0 success, 1 failure, 2 wrong usage, 3 no answer.
";

/// The commands that only a program with TLS has.
#[cfg(feature = "tls")]
const HELP_ON_KEYS: &str = "  keys        make certificates and keys for TLS\n";
#[cfg(not(feature = "tls"))]
const HELP_ON_KEYS: &str = "";
/// The commands that only a program with bridges has.
#[cfg(feature = "bridges")]
const HELP_ON_BRIDGES: &str = "  gateway     lead clients that know nothing of pools to the elements of one\n";
#[cfg(not(feature = "bridges"))]
const HELP_ON_BRIDGES: &str = "";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to do when even the complaint cannot be written.
            let _ = writeln!(std::io::stderr(), "rserpool: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        Some(Short('h') | Long("help")) => print(&help()),
        Some(Short('V') | Long("version")) => print(&format!("rserpool {}\n", env!("CARGO_PKG_VERSION"))),
        Some(Value(command)) => match command.to_str() {
            Some("registrar") => registrar::run(parser),
            Some("resolve") => resolve::run(parser),
            Some("list") => list::run(parser),
            Some("status") => status::run(parser),
            Some("events") => events::run(parser),
            Some("watch") => watch::run(parser),
            Some("top") => top::run(parser),
            Some("bench") => bench::run(parser),
            Some("policy") => policy::run(parser),
            #[cfg(feature = "bridges")]
            Some("gateway") => gateway::run(parser),
            #[cfg(feature = "tls")]
            Some("keys") => keys::run(parser),
            Some("help") => print(&help()),
            _ => Err(Failure::Usage(format!(
                "unknown command \"{}\": there are {}",
                command.to_string_lossy().escape_debug(),
                commands()
            ))),
        },
        Some(option) => Err(option.unexpected().into()),
        None => Err(Failure::Usage(format!("a command is missing: there are {}; see rserpool --help", commands()))),
    }
}

fn help() -> String {
    HELP.replace("{bridges}", HELP_ON_BRIDGES).replace("{keys}\n", &format!("{HELP_ON_KEYS}\n"))
}

/// The commands in an error.
fn commands() -> String {
    let mut commands = vec!["registrar", "resolve", "list", "status", "events", "watch", "top", "bench", "policy"];
    if cfg!(feature = "bridges") {
        commands.push("gateway");
    }
    if cfg!(feature = "tls") {
        commands.push("keys");
    }
    let last = commands.pop().unwrap_or_default();
    format!("{} and {last}", commands.join(", "))
}

/// Writes to standard output. A reader that has gone away, as in `rserpool list | head`, is no failure.
fn print(text: &str) -> Result<(), Failure> {
    terminal::write(text).map(drop)
}

/// Lets time go by.
fn pause(time: Duration) -> Result<(), Failure> {
    let now = clock::now();
    let waited = Poller::new().and_then(|poller| poller.wait(now, Some(now + time), &mut Vec::new()));
    waited.map(drop).map_err(|error| Failure::Failed(error.to_string()))
}

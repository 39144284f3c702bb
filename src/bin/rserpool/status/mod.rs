//! `rserpool status`: one look at a scope, for an operator or a script.

mod problems;
mod scope;
mod screen;

use crate::failure::Failure;
use crate::http_client::{self, HttpRegistrar};
use crate::{print, terminal, values};
use lexopt::prelude::*;
use scope::Scope;
pub use scope::use_of;
use std::net::SocketAddr;
use std::time::Duration;

const HELP: &str = "\
Shows a scope on one screen: its registrars and whether they agree, pools, elements, and which limit is near. Every problem has a line.

Usage: rserpool status [OPTIONS]

Options:
  --http ADDR[:PORT]     where registrars answer HTTP: a list, or repeated [127.0.0.1:3880]
  --near PERCENT         how full it is when a limit is near [90]
  --timeout DURATION     how long one answer may take [5s]
  --json                 one JSON object instead of a screen
  -h, --help             this text

A registrar that is asked tells of the others what it thinks of them; one that is asked as well also speaks for itself.

Examples:
  rserpool status
  rserpool status --http 192.0.2.1,192.0.2.2,192.0.2.3
  rserpool status --json | jq -r '.problems[]'
  rserpool status >/dev/null || page-somebody

Exit status: 0 no problem, 1 problems, 2 wrong usage, 3 no answer from anybody.
";

struct Options {
    registrars: Vec<SocketAddr>,
    near: u64,
    timeout: Duration,
    json: bool,
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some(options) => status(&options),
        None => print(HELP),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    let mut options = Options { registrars: Vec::new(), near: 90, timeout: http_client::PATIENCE, json: false };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("json") => options.json = true,
            Long("http") => options.registrars.extend(values::option(&mut parser, "http", http_client::addresses)?),
            Long("near") => options.near = values::option(&mut parser, "near", percent)?,
            Long("timeout") => options.timeout = values::option(&mut parser, "timeout", values::duration)?,
            other => return Err(other.unexpected().into()),
        }
    }
    if options.registrars.is_empty() {
        options.registrars.push(http_client::DEFAULT);
    }
    Ok(Some(options))
}

fn percent(value: &str) -> Result<u64, String> {
    let number = value.trim_end_matches('%').parse().ok().filter(|number| (1..=100).contains(number));
    number.ok_or_else(|| format!("\"{}\" is no percentage from 1 to 100", value.escape_debug()))
}

fn status(options: &Options) -> Result<(), Failure> {
    let ask = |&address| HttpRegistrar { address, timeout: options.timeout };
    let scope = Scope::ask(options.registrars.iter().map(ask))?;
    let problems = problems::of(&scope, options.near);
    let text = if options.json { screen::json(&scope, &problems) } else { screen::text(&scope, &problems) };
    terminal::write(&text)?;
    match problems.len() {
        0 => Ok(()),
        1 => Err(Failure::Failed("there is a problem".to_owned())),
        many => Err(Failure::Failed(format!("there are {many} problems"))),
    }
}

//! `rserpool watch`: what changes in a pool, as a registrar tells it to pool users that subscribe.

use crate::failure::Failure;
use crate::terminal::{self, Reader, plain};
use crate::{date, json, pool_name, print, show, values};
use lexopt::prelude::*;
use rserpool::PoolHandle;
use rserpool::api::{self, Announcements, Config, PoolElementChange, PoolElementInfo, PoolInfo, Timeout};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

const HELP: &str = "\
Shows the elements of a pool, and then who comes, changes and goes, as it happens.

Usage: rserpool watch POOL [OPTIONS]

Options:
  --registrar ADDR:PORT  registrars to subscribe at: a list, or repeated [127.0.0.1:3863, and those that announce themselves]
  --timeout DURATION     how long the first answer may take [5s]
  --json                 a JSON object a line instead of a text
  -h, --help             this text

In POOL, %NN is the byte with this hexadecimal number, as `rserpool list` prints it. The pool need not exist yet. The subscription
outlives the loss of a registrar. Why an element went is told by `rserpool events --pool POOL`.

Examples:
  rserpool watch CallControl
  rserpool watch CallControl --registrar 192.0.2.1,192.0.2.2 --json | jq -r 'select(.change == \"went\") | .element.id'

Exit status: 0 nobody reads any more, 1 it cannot go on, 2 wrong usage, 3 no answer.
";

struct Options {
    handle: PoolHandle,
    config: Config,
    timeout: Duration,
    json: bool,
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some(options) => watch(&options),
        None => print(HELP),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    let (mut handle, mut config, mut timeout, mut json) = (None, Config::default(), Duration::from_secs(5), false);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("json") => json = true,
            Long("registrar") => {
                values::option(&mut parser, "registrar", |value| {
                    value.split(',').try_for_each(|one| values::add_registrar(&mut config, one))
                })?;
                // Who names registrars wants to know what they say, not others.
                config.announcements = Announcements::Off;
            }
            Long("timeout") => timeout = values::option(&mut parser, "timeout", values::duration)?,
            Value(value) if handle.is_none() => {
                handle = Some(pool_name::parse(value.as_bytes()).map_err(Failure::Usage)?)
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let handle = handle.ok_or_else(|| Failure::Usage("the pool is missing; see rserpool watch --help".to_owned()))?;
    Ok(Some(Options { handle, config, timeout, json }))
}

fn watch(options: &Options) -> Result<(), Failure> {
    let failed = |error: api::Error| Failure::Failed(plain(&error.to_string()).into_owned());
    api::initialize(&options.config).map_err(|error| Failure::Usage(plain(&error.to_string()).into_owned()))?;
    let subscription = api::subscribe_pool(options.handle.as_bytes()).map_err(failed)?;
    let first = api::poolchange(subscription, Timeout::After(options.timeout)).map_err(|error| match error.errno {
        libc::EAGAIN => Failure::NoAnswer(format!("no registrar has answered within {:?}", options.timeout)),
        _ => failed(error),
    })?;
    let mut reader = write(&first, Look::First, options)?;
    while reader == Reader::There {
        let pool = api::poolchange(subscription, Timeout::Never).map_err(failed)?;
        reader = write(&pool, Look::Later, options)?;
    }
    api::cleanup();
    Ok(())
}

/// Whether everything is new, or what has changed is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    Later,
}

fn write(pool: &PoolInfo, look: Look, options: &Options) -> Result<Reader, Failure> {
    let time = date::now();
    let mut text = String::new();
    for element in &pool.elements {
        let Some(change) = word(element.change, look) else { continue };
        text += &match options.json {
            true => line_in_json(&time, pool, change, element),
            false => format!("{time}  {change:<8} {}", show::element_info(element)),
        };
        text.push('\n');
    }
    if pool.policy.is_none() && !options.json {
        text += &format!("{time}  empty    there is no element in {}\n", pool_name::show(&pool.pool_handle));
    }
    if pool.partial && !options.json {
        text +=
            &format!("{time}  partial  the pool has more elements than the {} that can be watched\n", api::MAX_LISTED);
    }
    terminal::write(&text)
}

/// None: there is nothing to be said of it.
fn word(change: PoolElementChange, look: Look) -> Option<&'static str> {
    match change {
        PoolElementChange::Removed => Some("went"),
        _ if look == Look::First => Some("there"),
        PoolElementChange::Added => Some("came"),
        PoolElementChange::Changed => Some("changed"),
        PoolElementChange::Same => None,
    }
}

fn line_in_json(time: &str, pool: &PoolInfo, change: &str, element: &PoolElementInfo) -> String {
    json::object([
        ("time", json::string(time)),
        ("pool", json::string(&pool_name::show(&pool.pool_handle))),
        ("change", json::string(change)),
        ("element", show::element_info_json(element)),
    ])
}
